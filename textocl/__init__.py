"""One-class learning for text: which of these texts do not belong, and why?

The names below load on first use, so that ``import textocl`` stays fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from textocl._version import __version__

_HOME = {
    "Detector": "textocl.ensemble.detector",
    "CVDD": "textocl.cvdd.detector",
    "WordLikelihood": "textocl.shallow.word_likelihood",
    "Hypersphere": "textocl.shallow.hypersphere",
    "Assessment": "textocl.core.detector",
    "OneClassDetector": "textocl.core.detector",
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
    "Explanation": "textocl.explain.explanation",
    "ContextSummary": "textocl.explain.explanation",
    "Faithfulness": "textocl.explain.faithfulness",
    "measure_faithfulness": "textocl.explain.faithfulness",
    "word_auc": "textocl.explain.faithfulness",
    "CleverHans": "textocl.explain.clever_hans",
    "clever_hans_score": "textocl.explain.clever_hans",
    "explanation_accuracy": "textocl.explain.clever_hans",
    "Relevance": "textocl.shallow.relevance",
    "relevance_of": "textocl.shallow.relevance",
    "explain_by_relevance": "textocl.shallow.relevance",
    "load": "textocl.core.persistence",
    "read_documents": "textocl.io.corpora",
    "load_embedding": "textocl.text.embeddings",
    "TextoclError": "textocl.core.exceptions",
    "NotFittedError": "textocl.core.detector",
    "DataError": "textocl.core.exceptions",
    "FormatError": "textocl.core.exceptions",
    "TextoclWarning": "textocl.core.exceptions",
}

if TYPE_CHECKING:
    from textocl.core.detector import Assessment, NotFittedError, OneClassDetector
    from textocl.core.exceptions import (
        DataError,
        FormatError,
        TextoclError,
        TextoclWarning,
    )
    from textocl.core.persistence import load
    from textocl.cvdd.detector import CVDD
    from textocl.ensemble.detector import Detector
    from textocl.explain.clever_hans import CleverHans, clever_hans_score, explanation_accuracy
    from textocl.explain.explanation import ContextSummary, Explanation
    from textocl.explain.faithfulness import Faithfulness, measure_faithfulness, word_auc
    from textocl.io.corpora import read_documents
    from textocl.shallow.density import KDE
    from textocl.shallow.forest import IsolationForest
    from textocl.shallow.gaussian import MVE, Gaussian
    from textocl.shallow.hypersphere import Hypersphere
    from textocl.shallow.neighbors import KNN, LOF
    from textocl.shallow.ocsvm import OCSVM, SVDD
    from textocl.shallow.reconstruction import PCA, KernelPCA
    from textocl.shallow.relevance import Relevance, explain_by_relevance, relevance_of
    from textocl.shallow.word_likelihood import WordLikelihood
    from textocl.text.embeddings import load_embedding

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
