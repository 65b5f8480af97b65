"""One-class learning for text: which of these texts do not belong, and why?

The names below load on first use, so that ``import textocl`` stays fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from textocl._version import __version__
from textocl.registry import DETECTORS, TEXTS

_HOME = {
    **{name: entry.home for name, entry in DETECTORS.items() if TEXTS in entry.takes},
    "Assessment": "textocl.core.assessment",
    "OneClassDetector": "textocl.core.detector",
    "Explanation": "textocl.explain.explanation",
    "ContextSummary": "textocl.explain.contexts",
    "Faithfulness": "textocl.explain.faithfulness",
    "measure_faithfulness": "textocl.explain.faithfulness",
    "word_auc": "textocl.explain.faithfulness",
    "CleverHans": "textocl.explain.clever_hans",
    "clever_hans_score": "textocl.explain.clever_hans",
    "explanation_accuracy": "textocl.explain.clever_hans",
    "Relevance": "textocl.shallow.relevance",
    "relevance_of": "textocl.shallow.relevance",
    "explain_by_relevance": "textocl.shallow.relevance",
    "Findings": "textocl.pile.findings",
    "find": "textocl.pile.findings",
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
    from textocl.core.assessment import Assessment as Assessment
    from textocl.core.detector import NotFittedError as NotFittedError
    from textocl.core.detector import OneClassDetector as OneClassDetector
    from textocl.core.exceptions import DataError as DataError
    from textocl.core.exceptions import FormatError as FormatError
    from textocl.core.exceptions import TextoclError as TextoclError
    from textocl.core.exceptions import TextoclWarning as TextoclWarning
    from textocl.core.persistence import load as load
    from textocl.cvdd.detector import CVDD as CVDD
    from textocl.ensemble.detector import Detector as Detector
    from textocl.explain.clever_hans import CleverHans as CleverHans
    from textocl.explain.clever_hans import clever_hans_score as clever_hans_score
    from textocl.explain.clever_hans import explanation_accuracy as explanation_accuracy
    from textocl.explain.contexts import ContextSummary as ContextSummary
    from textocl.explain.explanation import Explanation as Explanation
    from textocl.explain.faithfulness import Faithfulness as Faithfulness
    from textocl.explain.faithfulness import measure_faithfulness as measure_faithfulness
    from textocl.explain.faithfulness import word_auc as word_auc
    from textocl.form.character_likelihood import CharacterLikelihood as CharacterLikelihood
    from textocl.form.surface_profile import SurfaceProfile as SurfaceProfile
    from textocl.io.corpora import read_documents as read_documents
    from textocl.pile.findings import Findings as Findings
    from textocl.pile.findings import find as find
    from textocl.shallow.density import KDE as KDE
    from textocl.shallow.discriminant import Discriminant as Discriminant
    from textocl.shallow.forest import IsolationForest as IsolationForest
    from textocl.shallow.gaussian import MVE as MVE
    from textocl.shallow.gaussian import Gaussian as Gaussian
    from textocl.shallow.hypersphere import Hypersphere as Hypersphere
    from textocl.shallow.neighbors import KNN as KNN
    from textocl.shallow.neighbors import LOF as LOF
    from textocl.shallow.ocsvm import OCSVM as OCSVM
    from textocl.shallow.ocsvm import SVDD as SVDD
    from textocl.shallow.reconstruction import PCA as PCA
    from textocl.shallow.reconstruction import KernelPCA as KernelPCA
    from textocl.shallow.relevance import Relevance as Relevance
    from textocl.shallow.relevance import explain_by_relevance as explain_by_relevance
    from textocl.shallow.relevance import relevance_of as relevance_of
    from textocl.shallow.word_likelihood import WordLikelihood as WordLikelihood
    from textocl.text.embeddings import load_embedding as load_embedding

__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'textocl' has no attribute {name!r}")
    try:
        value = getattr(import_module(_HOME[name]), name)
    except ModuleNotFoundError as error:
        from textocl.core.exceptions import missing_dependency

        raise missing_dependency(error, name) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
