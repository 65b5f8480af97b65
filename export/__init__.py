"""Every detector as one ONNX file, and the runtime that needs neither torch nor the detector."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOME = {
    "SCORE_SCHEMA": "frames",
    "OnnxDetector": "runtime",
    "Verification": "verification",
    "VerificationError": "verification",
    "WordExplanation": "runtime",
    "score_frame": "frames",
    "score_frames": "frames",
    "to_onnx": "exporter",
    "verify": "verification",
}

if TYPE_CHECKING:
    from textocl.export.exporter import to_onnx as to_onnx
    from textocl.export.frames import SCORE_SCHEMA as SCORE_SCHEMA
    from textocl.export.frames import score_frame as score_frame
    from textocl.export.frames import score_frames as score_frames
    from textocl.export.runtime import OnnxDetector as OnnxDetector
    from textocl.export.runtime import WordExplanation as WordExplanation
    from textocl.export.verification import Verification as Verification
    from textocl.export.verification import VerificationError as VerificationError
    from textocl.export.verification import verify as verify

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    except ModuleNotFoundError as error:
        from textocl.core.exceptions import missing_dependency

        raise missing_dependency(error, name) from error
