"""Context Vector Data Description: the detector, its network, training and contexts."""

from textocl.cvdd.detector import CVDD

__all__ = ["CVDD"]
