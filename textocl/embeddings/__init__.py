"""Where the vectors of words come from."""

from textocl.embeddings.contextual import ContextualVectors
from textocl.embeddings.sources import WordVectors, load_embedding
from textocl.embeddings.trained import CorpusVectors
from textocl.embeddings.vector_files import KeyedWordVectors
from textocl.embeddings.wordllama import WordLlamaVectors

__all__ = [
    "ContextualVectors",
    "CorpusVectors",
    "KeyedWordVectors",
    "WordLlamaVectors",
    "WordVectors",
    "load_embedding",
]
