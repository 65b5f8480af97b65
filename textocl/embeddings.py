"""Where the vectors of words come from; see `textocl.load_embedding`."""

from textocl.text.embeddings import (
    ContextualVectors,
    CorpusVectors,
    KeyedWordVectors,
    WordLlamaVectors,
    WordVectors,
    load_embedding,
)

__all__ = [
    "ContextualVectors",
    "CorpusVectors",
    "KeyedWordVectors",
    "WordLlamaVectors",
    "WordVectors",
    "load_embedding",
]
