"""Detectors of images and feature vectors, by the contract of the text detectors.

Start with `FeatureDetector` for photographs, with `PatchKNN` for small defects.
Names load on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from textocl.registry import DETECTORS, IMAGES

_HOME = {
    **{name: entry.home for name, entry in DETECTORS.items() if IMAGES in entry.takes},
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
    from textocl.vision.backbones import extract_features as extract_features
    from textocl.vision.deep import DeepDetector as DeepDetector
    from textocl.vision.deep_sad import DeepSAD as DeepSAD
    from textocl.vision.deep_svdd import DeepSVDD as DeepSVDD
    from textocl.vision.detector import SampleDetector as SampleDetector
    from textocl.vision.fcdd import FCDD as FCDD
    from textocl.vision.feature_detector import FeatureDetector as FeatureDetector
    from textocl.vision.folders import ImageFolder as ImageFolder
    from textocl.vision.folders import read_folder as read_folder
    from textocl.vision.hsc import HSC as HSC
    from textocl.vision.localization import aupro as aupro
    from textocl.vision.localization import pixel_auc as pixel_auc
    from textocl.vision.patch_knn import PatchKNN as PatchKNN
    from textocl.vision.relevance import RelevanceMaps as RelevanceMaps
    from textocl.vision.relevance import relevance_maps as relevance_maps

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'textocl.vision' has no attribute {name!r}")
    try:
        value = getattr(import_module(_HOME[name]), name)
    except ModuleNotFoundError as error:
        from textocl.core.exceptions import missing_dependency

        raise missing_dependency(error, name) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
