"""One-class learning for text: which of these texts do not belong, and why?

The names below load on first use, so that ``import textocl`` stays fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "Detector": "textocl.fusion",
    "CVDD": "textocl.cvdd",
    "WordLikelihood": "textocl.likelihood",
    "Hypersphere": "textocl.hypersphere",
    "Assessment": "textocl.detector",
    "OneClassDetector": "textocl.detector",
    "OCSVM": "textocl.shallow.ocsvm",
    "SVDD": "textocl.shallow.ocsvm",
    "KNN": "textocl.shallow.neighbors",
    "LOF": "textocl.shallow.neighbors",
    "Gaussian": "textocl.shallow.gaussian",
    "MVE": "textocl.shallow.gaussian",
    "PCA": "textocl.shallow.reconstruction",
    "KernelPCA": "textocl.shallow.reconstruction",
    "KDE": "textocl.shallow.density",
    "IsolationForest": "textocl.shallow.forest",
    "Explanation": "textocl.explain",
    "ContextSummary": "textocl.explain",
    "Faithfulness": "textocl.faithfulness",
    "measure_faithfulness": "textocl.faithfulness",
    "word_auc": "textocl.faithfulness",
    "CleverHans": "textocl.clever_hans",
    "clever_hans_score": "textocl.clever_hans",
    "explanation_accuracy": "textocl.clever_hans",
    "Relevance": "textocl.relevance",
    "relevance_of": "textocl.relevance",
    "explain_by_relevance": "textocl.relevance",
    "load": "textocl.persistence",
    "read_documents": "textocl.corpora",
    "load_embedding": "textocl.embeddings",
    "TextoclError": "textocl.exceptions",
    "NotFittedError": "textocl.detector",
    "DataError": "textocl.exceptions",
    "FormatError": "textocl.exceptions",
    "TextoclWarning": "textocl.exceptions",
}

if TYPE_CHECKING:
    from textocl.clever_hans import CleverHans, clever_hans_score, explanation_accuracy
    from textocl.corpora import read_documents
    from textocl.cvdd import CVDD
    from textocl.detector import Assessment, NotFittedError, OneClassDetector
    from textocl.embeddings import load_embedding
    from textocl.exceptions import (
        DataError,
        FormatError,
        TextoclError,
        TextoclWarning,
    )
    from textocl.explain import ContextSummary, Explanation
    from textocl.faithfulness import Faithfulness, measure_faithfulness, word_auc
    from textocl.fusion import Detector
    from textocl.hypersphere import Hypersphere
    from textocl.likelihood import WordLikelihood
    from textocl.persistence import load
    from textocl.relevance import Relevance, explain_by_relevance, relevance_of
    from textocl.shallow.density import KDE
    from textocl.shallow.forest import IsolationForest
    from textocl.shallow.gaussian import MVE, Gaussian
    from textocl.shallow.neighbors import KNN, LOF
    from textocl.shallow.ocsvm import OCSVM, SVDD
    from textocl.shallow.reconstruction import PCA, KernelPCA

__all__ = [
    "CVDD",
    "KDE",
    "KNN",
    "LOF",
    "MVE",
    "OCSVM",
    "PCA",
    "SVDD",
    "Assessment",
    "CleverHans",
    "ContextSummary",
    "DataError",
    "Detector",
    "Explanation",
    "Faithfulness",
    "FormatError",
    "Gaussian",
    "Hypersphere",
    "IsolationForest",
    "KernelPCA",
    "NotFittedError",
    "OneClassDetector",
    "Relevance",
    "TextoclError",
    "TextoclWarning",
    "WordLikelihood",
    "__version__",
    "clever_hans_score",
    "explain_by_relevance",
    "explanation_accuracy",
    "load",
    "load_embedding",
    "measure_faithfulness",
    "read_documents",
    "relevance_of",
    "word_auc",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'textocl' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
