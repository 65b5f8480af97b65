"""How well detectors rank: measures, and benchmarks by the thesis's protocol."""

from textocl.core.metrics import Evaluation, evaluate

__all__ = ["Evaluation", "evaluate"]
