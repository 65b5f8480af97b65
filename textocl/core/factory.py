"""Every detector of texts by a name, as the command line and the benchmark know it."""

from __future__ import annotations

from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from textocl.core.exceptions import DataError
from textocl.core.validation import check_choice

if TYPE_CHECKING:
    from textocl.core.detector import OneClassDetector

_THESIS_SVM = {"nu": 0.1, "kernel": "linear", "standardize": False}

#: name -> module, what to call there, and parameters that make the variant
MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "auto": ("textocl.ensemble.detector", "Detector", {}),
    "auto-robust": ("textocl.ensemble.detector", "Detector", {"contamination": 0.1}),
    "cvdd": ("textocl.cvdd.detector", "CVDD", {}),
    "cvdd-5": ("textocl.cvdd.detector", "CVDD", {"n_contexts": 5}),
    "cvdd-10": ("textocl.cvdd.detector", "CVDD", {"n_contexts": 10}),
    "cvdd-thesis": ("textocl.cvdd.detector", "CVDD.thesis", {}),
    "words": ("textocl.shallow.word_likelihood", "WordLikelihood", {}),
    "hypersphere": ("textocl.shallow.hypersphere", "Hypersphere", {}),
    "ocsvm": ("textocl.shallow", "OCSVM", {**_THESIS_SVM, "pooling": "mean"}),
    "ocsvm-tfidf": ("textocl.shallow", "OCSVM", {**_THESIS_SVM, "pooling": "tfidf"}),
    "ocsvm-max": ("textocl.shallow", "OCSVM", {**_THESIS_SVM, "pooling": "max"}),
    "svdd": ("textocl.shallow", "SVDD", {}),
    "knn": ("textocl.shallow", "KNN", {}),
    "lof": ("textocl.shallow", "LOF", {}),
    "gaussian": ("textocl.shallow", "Gaussian", {}),
    "mve": ("textocl.shallow", "MVE", {}),
    "pca": ("textocl.shallow", "PCA", {}),
    "kernel-pca": ("textocl.shallow", "KernelPCA", {}),
    "kde": ("textocl.shallow", "KDE", {}),
    "iforest": ("textocl.shallow", "IsolationForest", {}),
}
_WITHOUT_EMBEDDING = ("words",)


def make_detector(model: str, *, embedding: Any = None, **parameters: Any) -> OneClassDetector:
    """Return an unfitted detector.

    Parameters
    ----------
    model : one of `MODELS`
    embedding : as in `textocl.load_embedding`; None is the detector's default, and a model without
        embedding takes none
    parameters : further parameters of the detector

    Raises
    ------
    DataError
        No such model, or it has no such parameter.
    """
    check_choice("model", model, list(MODELS))
    module, name, variant = MODELS[model]
    make = attrgetter(name)(import_module(module))
    if embedding is not None and model not in _WITHOUT_EMBEDDING:
        parameters["embedding"] = embedding
    owner: Any = make if isinstance(make, type) else make.__self__
    unknown = set(parameters) - set(owner().get_params())
    if unknown:
        raise DataError(f"model {model!r} has no parameter {sorted(unknown)[0]!r}.")
    detector: OneClassDetector = make(**{**variant, **parameters})
    return detector
