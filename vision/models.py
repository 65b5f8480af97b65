"""Every detector of images by a name, as the command line knows it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from textocl.core.exceptions import DataError
from textocl.core.validation import check_choice

if TYPE_CHECKING:
    from textocl.vision.detector import SampleDetector

_ON_FEATURES = (
    "gaussian", "knn", "ocsvm", "svdd", "kde", "lof", "mve", "pca", "kernel-pca", "iforest",
)  # fmt: skip

#: name -> module, class, and parameters that make the variant
MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "deep-svdd": ("textocl.vision.deep_svdd", "DeepSVDD", {}),
    "deep-sad": ("textocl.vision.deep_sad", "DeepSAD", {}),
    "hsc": ("textocl.vision.hsc", "HSC", {}),
    "fcdd": ("textocl.vision.fcdd", "FCDD", {}),
    "patch-knn": ("textocl.vision.patch_knn", "PatchKNN", {}),
    **{
        name: ("textocl.vision.feature_detector", "FeatureDetector", {"model": name})
        for name in _ON_FEATURES
    },
}


def make_detector(model: str, **parameters: Any) -> SampleDetector:
    """Return an unfitted detector with ``parameters``.

    Raises
    ------
    DataError
        No such model, or it has no such parameter.
    """
    check_choice("model", model, list(MODELS))
    module, name, variant = MODELS[model]
    make = getattr(import_module(module), name)
    unknown = set(parameters) - set(make().get_params())
    if unknown:
        raise DataError(f"model {model!r} has no parameter {sorted(unknown)[0]!r}.")
    detector: SampleDetector = make(**{**parameters, **variant})
    return detector
