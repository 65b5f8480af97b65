"""Where the vectors of words come from."""

from textocl.embeddings.sources import WordVectors, load_word_vectors
from textocl.embeddings.vector_files import KeyedWordVectors
from textocl.embeddings.wordllama import WordLlamaVectors

__all__ = ["KeyedWordVectors", "WordLlamaVectors", "WordVectors", "load_word_vectors"]
