"""`Detector`, the default: several detectors on one scale, surprisal, choice of contexts."""

from textocl.ensemble.detector import Detector

__all__ = ["Detector"]
