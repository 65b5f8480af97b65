"""From scores to p-values and labels, inside the graph."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from textocl.core.thresholds import calibration_borders
from textocl.export.graph import Graph


def p_values(graph: Graph, score: str, calibration_scores: NDArray[np.float32]) -> str:
    """``(1 + #{b_i >= s}) / (1 + n)``, ``(n,)`` float32; see `textocl.core.thresholds`."""
    n = len(calibration_scores)
    borders = graph.constant(calibration_borders(calibration_scores))
    at_least = graph.op("GreaterOrEqual", borders, graph.reshape(score, -1, 1))  # (n, c)
    higher = graph.sum(graph.cast(at_least, "float32"), axis=1)
    return graph.scaled(graph.shifted(higher, 1.0), 1 / (1 + n))


def labels(graph: Graph, score: str, threshold: float) -> str:
    """-1 above the threshold, +1 otherwise, ``(n,)`` int64."""
    above = graph.op("Greater", graph.cast(score, "float64"), graph.constant(threshold, np.float64))
    return graph.op("Where", above, graph.constant(-1), graph.constant(1))
