"""The model's card: what was fitted, with what, on how much."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from textocl._version import __version__
from textocl.core.detector import OneClassDetector

_PACKAGES = ("numpy", "scikit-learn", "torch")


def card_of(detector: OneClassDetector) -> dict[str, Any]:
    """Class, parameters, versions and calibration of a fitted detector, as plain values."""
    parameters = detector.fit_params_
    return {
        "class": type(detector).__name__,
        "documents": detector.n_training_samples_,
        "calibration_documents": len(detector.calibration_scores_),
        "calibration": parameters.get("calibration"),
        "threshold": detector.threshold_,
        "false_alarm_rate": float(parameters["false_alarm_rate"]),
        "seed": parameters.get("random_state"),
        "members": [
            [name, type(member).__name__, float(weight)]
            for name, member, weight in detector.weighted_members()
        ],
        "parameters": [[name, str(value)] for name, value in parameters.items()],
        "versions": [
            ["textocl", __version__],
            ["Python", platform.python_version()],
            *([name, _version(name)] for name in _PACKAGES),
        ],
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
