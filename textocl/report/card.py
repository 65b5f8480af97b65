"""The model's card: what was fitted, with what, on how much."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from textocl._version import __version__
from textocl.core.detector import OneClassDetector
from textocl.core.exceptions import DataError
from textocl.explain.contexts import ContextSummary

_PACKAGES = ("numpy", "scikit-learn", "torch")


def card_of(detector: OneClassDetector) -> dict[str, Any]:
    """Class, parameters, versions and calibration of a fitted detector, as plain values."""
    parameters = dict(detector._fit_params)
    return {
        "class": type(detector).__name__,
        "documents": n_training_documents(detector),
        "calibration_documents": len(detector.calibration_scores_),
        "calibration": parameters.get("calibration"),
        "threshold": detector.threshold_,
        "false_alarm_rate": float(parameters["false_alarm_rate"]),
        "seed": parameters.get("random_state"),
        "members": [
            [name, type(member.detector).__name__, float(member.weight)]
            for name, member in getattr(detector, "members_", {}).items()
        ],
        "parameters": [[name, str(value)] for name, value in parameters.items()],
        "versions": [
            ["textocl", __version__],
            ["Python", platform.python_version()],
            *([name, _version(name)] for name in _PACKAGES),
        ],
    }


def n_training_documents(detector: OneClassDetector) -> int | None:
    """How many documents it, or the member of it that learned from most, learned from."""
    members = [member.detector for member in getattr(detector, "members_", {}).values()]
    known = [
        getattr(part, name)
        for part in (detector, *members)
        for name in ("n_documents_", "n_samples_")
        if hasattr(part, name)
    ]
    return max(known, default=None)


def contexts_of(detector: OneClassDetector) -> list[ContextSummary]:
    """The themes of a detector that has some."""
    try:
        return list(getattr(detector, "contexts_", []))
    except DataError:  # a fusion fitted without CVDD
        return []


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
