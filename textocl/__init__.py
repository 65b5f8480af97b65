"""One-class learning for text: which of these texts do not belong, and why?

The names below load on first use, so that ``import textocl`` stays fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "CVDD": "textocl.cvdd",
    "Assessment": "textocl.cvdd",
    "OneClassDetector": "textocl.detector",
    "Explanation": "textocl.explain",
    "ContextSummary": "textocl.explain",
    "load": "textocl.persistence",
    "read_documents": "textocl.corpora",
    "load_word_vectors": "textocl.embeddings",
    "TextoclError": "textocl.exceptions",
    "NotFittedError": "textocl.detector",
    "DataError": "textocl.exceptions",
    "FormatError": "textocl.exceptions",
    "TextoclWarning": "textocl.exceptions",
}

if TYPE_CHECKING:
    from textocl.corpora import read_documents
    from textocl.cvdd import CVDD, Assessment
    from textocl.detector import NotFittedError, OneClassDetector
    from textocl.embeddings import load_word_vectors
    from textocl.exceptions import (
        DataError,
        FormatError,
        TextoclError,
        TextoclWarning,
    )
    from textocl.explain import ContextSummary, Explanation
    from textocl.persistence import load

__all__ = [
    "CVDD",
    "Assessment",
    "ContextSummary",
    "DataError",
    "Explanation",
    "FormatError",
    "NotFittedError",
    "OneClassDetector",
    "TextoclError",
    "TextoclWarning",
    "__version__",
    "load",
    "load_word_vectors",
    "read_documents",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'textocl' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
