"""Where the vectors of words come from."""

from textocl.text.embeddings.contextual import ContextualVectors
from textocl.text.embeddings.sources import WordVectors, load_embedding
from textocl.text.embeddings.trained import CorpusVectors
from textocl.text.embeddings.vector_files import KeyedWordVectors
from textocl.text.embeddings.wordllama import WordLlamaVectors

__all__ = [
    "ContextualVectors",
    "CorpusVectors",
    "KeyedWordVectors",
    "WordLlamaVectors",
    "WordVectors",
    "load_embedding",
]
