"""Shallow detectors on pooled embeddings or features, fitted by scikit-learn, scored by numpy."""

from textocl.shallow.density import KDE
from textocl.shallow.forest import IsolationForest
from textocl.shallow.gaussian import MVE, Gaussian
from textocl.shallow.neighbors import KNN, LOF
from textocl.shallow.ocsvm import OCSVM, SVDD
from textocl.shallow.reconstruction import PCA, KernelPCA

__all__ = [
    "KDE",
    "KNN",
    "LOF",
    "MVE",
    "OCSVM",
    "PCA",
    "SVDD",
    "Gaussian",
    "IsolationForest",
    "KernelPCA",
]
