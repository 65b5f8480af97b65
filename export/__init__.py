"""Every detector as one ONNX file, and the runtime that needs neither torch nor the detector."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textocl.export.exporter import to_onnx
    from textocl.export.frames import SCORE_SCHEMA, score_frame, score_frames
    from textocl.export.runtime import OnnxDetector, WordExplanation
    from textocl.export.verification import Verification, VerificationError, verify

__all__ = [
    "SCORE_SCHEMA",
    "OnnxDetector",
    "Verification",
    "VerificationError",
    "WordExplanation",
    "score_frame",
    "score_frames",
    "to_onnx",
    "verify",
]

_MODULES = {
    "to_onnx": "exporter",
    "SCORE_SCHEMA": "frames",
    "score_frame": "frames",
    "score_frames": "frames",
    "OnnxDetector": "runtime",
    "WordExplanation": "runtime",
    "Verification": "verification",
    "VerificationError": "verification",
    "verify": "verification",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
