"""Deep one-class learning on images and feature vectors, by the contract of the text detectors.

The names below load on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOME = {
    "DeepSVDD": "textocl.vision.deep_svdd",
    "DeepSAD": "textocl.vision.deep_sad",
    "HSC": "textocl.vision.hsc",
    "FCDD": "textocl.vision.fcdd",
    "FeatureDetector": "textocl.vision.feature_detector",
    "PatchKNN": "textocl.vision.patch_knn",
    "extract_features": "textocl.vision.backbones",
    "DeepDetector": "textocl.vision.deep",
    "SampleDetector": "textocl.vision.detector",
    "ImageFolder": "textocl.vision.folders",
    "read_folder": "textocl.vision.folders",
    "aupro": "textocl.vision.localization",
    "pixel_auc": "textocl.vision.localization",
    "RelevanceMaps": "textocl.vision.relevance",
    "relevance_maps": "textocl.vision.relevance",
}

if TYPE_CHECKING:
    from textocl.vision.backbones import extract_features
    from textocl.vision.deep import DeepDetector
    from textocl.vision.deep_sad import DeepSAD
    from textocl.vision.deep_svdd import DeepSVDD
    from textocl.vision.detector import SampleDetector
    from textocl.vision.fcdd import FCDD
    from textocl.vision.feature_detector import FeatureDetector
    from textocl.vision.folders import ImageFolder, read_folder
    from textocl.vision.hsc import HSC
    from textocl.vision.localization import aupro, pixel_auc
    from textocl.vision.patch_knn import PatchKNN
    from textocl.vision.relevance import RelevanceMaps, relevance_maps

__all__ = [
    "FCDD",
    "HSC",
    "DeepDetector",
    "DeepSAD",
    "DeepSVDD",
    "FeatureDetector",
    "ImageFolder",
    "PatchKNN",
    "RelevanceMaps",
    "SampleDetector",
    "aupro",
    "extract_features",
    "pixel_auc",
    "read_folder",
    "relevance_maps",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'textocl.vision' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
