"""The one table of detectors: whoever lists, makes, loads or exports them looks here.

It imports nothing of textocl; `detector_class` loads a detector's module when it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, NamedTuple

TEXTS, FEATURES, IMAGES = "texts", "features", "images"
WORDS, HEATMAPS = "words", "heatmaps"


class Entry(NamedTuple):
    """One detector.

    Attributes
    ----------
    name : of its class, as `textocl` or `textocl.vision` has it and as a saved model names it
    home : module that defines it
    takes : what it learns from and scores, of `TEXTS`, `FEATURES` and `IMAGES`
    explains : what its ``explain`` speaks of, `WORDS` or `HEATMAPS`
    exporter : module that registers how to write its score as an ONNX graph
    """

    name: str
    home: str
    takes: tuple[str, ...]
    explains: str
    exporter: str


class Model(NamedTuple):
    """A detector with parameters, under the short name that the command line knows.

    Attributes
    ----------
    detector : name of an `Entry`
    parameters : that differ from the defaults
    constructor : class method that makes it; "" for the class itself
    """

    detector: str
    parameters: Mapping[str, Any] = MappingProxyType({})
    constructor: str = ""


def _of_texts(name: str, home: str, exporter: str) -> Entry:
    return Entry(name, home, (TEXTS,), WORDS, exporter)


def _pooled(name: str, home: str) -> Entry:
    return Entry(name, home, (TEXTS, FEATURES), WORDS, "textocl.export.pooled_graph")


def _deep(name: str, home: str) -> Entry:
    return Entry(name, home, (IMAGES, FEATURES), HEATMAPS, "textocl.export.deep_graph")


def _frozen(name: str, home: str, exporter: str) -> Entry:
    return Entry(name, home, (IMAGES,), HEATMAPS, exporter)


DETECTORS: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        _of_texts("Detector", "textocl.ensemble.detector", "textocl.export.ensemble_graph"),
        _of_texts("CVDD", "textocl.cvdd.detector", "textocl.export.cvdd_graph"),
        _of_texts(
            "WordLikelihood", "textocl.shallow.word_likelihood", "textocl.export.likelihood_graph"
        ),
        _of_texts(
            "CharacterLikelihood",
            "textocl.form.character_likelihood",
            "textocl.export.character_graph",
        ),
        _of_texts("SurfaceProfile", "textocl.form.surface_profile", "textocl.export.surface_graph"),
        _pooled("Discriminant", "textocl.shallow.discriminant"),
        _pooled("KDE", "textocl.shallow.density"),
        _pooled("KNN", "textocl.shallow.neighbors"),
        _pooled("LOF", "textocl.shallow.neighbors"),
        _pooled("OCSVM", "textocl.shallow.ocsvm"),
        _pooled("SVDD", "textocl.shallow.ocsvm"),
        _pooled("Gaussian", "textocl.shallow.gaussian"),
        _pooled("MVE", "textocl.shallow.gaussian"),
        _pooled("PCA", "textocl.shallow.reconstruction"),
        _pooled("KernelPCA", "textocl.shallow.reconstruction"),
        _pooled("IsolationForest", "textocl.shallow.forest"),
        _pooled("Hypersphere", "textocl.shallow.hypersphere"),
        _deep("DeepSVDD", "textocl.vision.deep_svdd"),
        _deep("DeepSAD", "textocl.vision.deep_sad"),
        _deep("HSC", "textocl.vision.hsc"),
        _deep("FCDD", "textocl.vision.fcdd"),
        _frozen(
            "FeatureDetector", "textocl.vision.feature_detector", "textocl.export.feature_graph"
        ),
        _frozen("PatchKNN", "textocl.vision.patch_knn", "textocl.export.patch_graph"),
    )
}

_THESIS_SVM = {"nu": 0.1, "kernel": "linear", "standardize": False}

#: detectors of texts by their short names
TEXT_MODELS: dict[str, Model] = {
    "auto": Model("Detector"),
    "auto-robust": Model("Detector", {"contamination": 0.1}),
    "cvdd": Model("CVDD"),
    "cvdd-5": Model("CVDD", {"n_contexts": 5}),
    "cvdd-10": Model("CVDD", {"n_contexts": 10}),
    "cvdd-thesis": Model("CVDD", constructor="thesis"),
    "words": Model("WordLikelihood"),
    "characters": Model("CharacterLikelihood"),
    "surface": Model("SurfaceProfile"),
    "hypersphere": Model("Hypersphere"),
    "ocsvm": Model("OCSVM", {**_THESIS_SVM, "pooling": "mean"}),
    "ocsvm-tfidf": Model("OCSVM", {**_THESIS_SVM, "pooling": "tfidf"}),
    "ocsvm-max": Model("OCSVM", {**_THESIS_SVM, "pooling": "max"}),
    "svdd": Model("SVDD"),
    "knn": Model("KNN"),
    "lof": Model("LOF"),
    "gaussian": Model("Gaussian"),
    "mve": Model("MVE"),
    "pca": Model("PCA"),
    "kernel-pca": Model("KernelPCA"),
    "kde": Model("KDE"),
    "iforest": Model("IsolationForest"),
}

#: detectors of points that a `FeatureDetector` puts on a frozen network's features
FEATURE_MODELS: dict[str, str] = {
    "knn": "KNN",
    "gaussian": "Gaussian",
    "ocsvm": "OCSVM",
    "svdd": "SVDD",
    "kde": "KDE",
    "lof": "LOF",
    "mve": "MVE",
    "pca": "PCA",
    "kernel-pca": "KernelPCA",
    "iforest": "IsolationForest",
}

#: detectors of images by their short names
IMAGE_MODELS: dict[str, Model] = {
    "deep-svdd": Model("DeepSVDD"),
    "deep-sad": Model("DeepSAD"),
    "hsc": Model("HSC"),
    "fcdd": Model("FCDD"),
    "patch-knn": Model("PatchKNN"),
    **{name: Model("FeatureDetector", {"model": name}) for name in FEATURE_MODELS},
}


def detector_class(name: str) -> type[Any]:
    """Return the class of that name; `KeyError` where there is none."""
    found: type[Any] = getattr(import_module(DETECTORS[name].home), name)
    return found


def load_exporter(kind: type) -> None:
    """Import the module that exports detectors of that class, or of the nearest one above it."""
    for base in kind.__mro__:
        entry = DETECTORS.get(base.__name__)
        if entry is not None and entry.home == base.__module__:
            import_module(entry.exporter)
            return
