"""Detectors made by their short names, as the command line and benchmarks name them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textocl.core.detector import OneClassDetector
from textocl.core.exceptions import DataError
from textocl.core.validation import check_choice
from textocl.registry import IMAGE_MODELS, TEXT_MODELS, Model, detector_class


def make_detector(model: str, *, embedding: Any = None, **parameters: Any) -> OneClassDetector:
    """Return an unfitted detector of texts.

    Parameters
    ----------
    model : one of `textocl.registry.TEXT_MODELS`
    embedding : as in `textocl.load_embedding`; None is the detector's default, and a model without
        embedding takes none
    parameters : further parameters of the detector

    Raises
    ------
    DataError
        No such model, or it has no such parameter.
    """
    check_choice("model", model, list(TEXT_MODELS))
    has_embedding = "embedding" in detector_class(TEXT_MODELS[model].detector)().get_params()
    if embedding is not None and has_embedding:
        parameters["embedding"] = embedding
    return _make(TEXT_MODELS, model, parameters)


def make_image_detector(model: str, **parameters: Any) -> OneClassDetector:
    """Return an unfitted detector of images, one of `textocl.registry.IMAGE_MODELS`.

    Raises
    ------
    DataError
        No such model, or it has no such parameter.
    """
    check_choice("model", model, list(IMAGE_MODELS))
    return _make(IMAGE_MODELS, model, parameters)


def _make(models: Mapping[str, Model], name: str, parameters: dict[str, Any]) -> OneClassDetector:
    model = models[name]
    kind = detector_class(model.detector)
    unknown = set(parameters) - set(kind().get_params())
    if unknown:
        raise DataError(f"model {name!r} has no parameter {sorted(unknown)[0]!r}.")
    make = getattr(kind, model.constructor) if model.constructor else kind
    detector: OneClassDetector = make(**{**model.parameters, **parameters})
    return detector
