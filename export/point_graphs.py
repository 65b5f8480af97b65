"""The score of each detector on points, inside the graph.

Computed in float64, as the detectors themselves do; in float32 where most of the work is comparing
unit vectors with every training point and the score is smooth in them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError
from textocl.export.graph import Graph
from textocl.shallow import (
    KDE,
    KNN,
    LOF,
    MVE,
    OCSVM,
    PCA,
    SVDD,
    Gaussian,
    IsolationForest,
    KernelPCA,
)
from textocl.shallow.discriminant import Discriminant
from textocl.shallow.hypersphere import LEAKY_SLOPE, Hypersphere
from textocl.shallow.landmarks import kernels_of
from textocl.shallow.metric import WORST_POOLED_SCORE, Arrays, Metric
from textocl.shallow.pooled import PooledDetector


def transformed(graph: Graph, points: str, metric: Metric) -> str:
    """Points as the detector sees them: unit length, whitening, unit length again."""
    if metric.unit_length:
        points = _unit(graph, points)
    if metric.whitening is not None:
        wide = graph.cast(points, "float64")
        points = graph.op("MatMul", wide, graph.constant(metric.whitening, np.float64))
        points = graph.cast(points, "float32")
        points = _unit(graph, points) if metric.unit_length else points
    return points


def score_of_points(graph: Graph, points: str, detector: PooledDetector) -> str:
    """Add what scores ``points`` ``(n, d)`` as ``detector`` does: ``(n,)`` float32.

    Raises
    ------
    DataError
        A detector that no graph is known for.
    """
    add = _SCORES.get(type(detector))
    if add is None:
        known = ", ".join(sorted(kind.__name__ for kind in _SCORES))
        raise DataError(f"a {type(detector).__name__} cannot be exported; {known} can.")
    light = type(detector) in _IN_FLOAT32 and detector.state_.metric.unit_length
    numbers = Numbers(graph, np.float32 if light else np.float64)
    score = graph.cast(add(numbers, numbers.cast(points), detector.state_.learned), "float64")
    worst = graph.constant(WORST_POOLED_SCORE, np.float64)
    least = graph.constant(-WORST_POOLED_SCORE, np.float64)
    return graph.cast(graph.op("Min", graph.op("Max", score, least), worst), "float32")


class Numbers:
    """A graph that computes in one type of numbers."""

    def __init__(self, graph: Graph, dtype: type) -> None:
        self.graph = graph
        self._dtype = dtype

    def constant(self, value: Any) -> str:
        return self.graph.constant(value, self._dtype)

    def cast(self, value: str) -> str:
        return self.graph.cast(value, np.dtype(self._dtype).name)

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        return self.graph.op(kind, *inputs, **attributes)

    def add(self, value: str, other: str | float) -> str:
        return self.op("Add", value, other if isinstance(other, str) else self.constant(other))

    def times(self, value: str, other: str | float) -> str:
        return self.op("Mul", value, other if isinstance(other, str) else self.constant(other))

    def squared_distances(self, points: str, others: NDArray[Any]) -> str:
        """``‖x − y‖²`` of all pairs, ``(n, m)``, around the first of ``others``."""
        origin = others[0].astype(np.float64)
        moved = others.astype(np.float64) - origin
        x = self.op("Sub", points, self.constant(origin))
        cross = self.op("MatMul", x, self.constant(-2 * moved.T))
        lengths = self.graph.op("ReduceSumSquare", x, self.graph.constant([1]), keepdims=1)
        squared = self.add(self.add(cross, lengths), self.constant((moved**2).sum(axis=1)))
        return self.op("Max", squared, self.constant(0.0))

    def nearest(self, points: str, others: NDArray[Any], k: int) -> tuple[str, str]:
        """Distances to the ``k`` nearest of ``others``, ascending, and their rows, ``(n, k)``."""
        squared = self.squared_distances(points, others)
        _, rows = self.graph.ops(
            "TopK", squared, self.graph.constant([k]), n_outputs=2, largest=0, sorted=1
        )
        there = self.op("Gather", self.constant(others), rows)  # (n, k, d)
        away = self.op("Sub", there, self.op("Unsqueeze", points, self.graph.constant([1])))
        exact = self.op("ReduceL2", away, self.graph.constant([2]), keepdims=0)
        distances, order = self.graph.ops(
            "TopK", exact, self.graph.constant([k]), n_outputs=2, largest=0, sorted=1
        )
        return distances, self.op("GatherElements", rows, order, axis=1)

    def rbf(self, points: str, others: NDArray[Any], gamma: float) -> str:
        return self.op("Exp", self.times(self.squared_distances(points, others), -gamma))


def _unit(graph: Graph, points: str) -> str:
    wide = graph.cast(points, "float64")  # no finite float32 overflows
    length = graph.op("ReduceL2", wide, graph.constant([1]), keepdims=1)
    nonzero = graph.op("Max", length, graph.constant(1e-300, np.float64))
    return graph.cast(graph.op("Div", wide, nonzero), "float32")


def _ocsvm(g: Numbers, points: str, learned: Arrays) -> str:
    return g.op("Sub", g.constant(learned["offset"][0]), _similarity(g, points, learned))


def _svdd(g: Numbers, points: str, learned: Arrays) -> str:
    radius = float(learned["radius_squared"][0])
    if not learned["gamma"][0]:
        squared = g.squared_distances(points, learned["support"][:1])
        return g.add(g.graph.reshape(squared, -1), -radius)
    rest = 1 + float(learned["center_squared"][0]) - radius
    return g.add(g.times(_similarity(g, points, learned), -2.0), rest)


def _similarity(g: Numbers, points: str, learned: Arrays) -> str:
    """Σ_j w_j k(x, y_j), ``(n,)``."""
    gamma = float(learned["gamma"][0])
    if not gamma:
        return g.op("MatMul", points, g.constant(learned["support"][0]))
    kernel = g.rbf(points, learned["support"], gamma)
    return g.op("MatMul", kernel, g.constant(learned["weights"]))


def _knn(g: Numbers, points: str, learned: Arrays) -> str:
    weights = learned["weights"]
    distances, _ = g.nearest(points, learned["training_points"], len(weights))
    return g.op("MatMul", distances, g.constant(weights))


def _lof(g: Numbers, points: str, learned: Arrays) -> str:
    k = int(learned["n_neighbors_used"][0])
    distances, neighbors = g.nearest(points, learned["training_points"], k)
    reach = g.op("Gather", g.constant(learned["reach"]), neighbors)
    # (mean reachability + 1e-10) is 1 over the local density
    sparsity = g.add(g.graph.mean(g.op("Max", distances, reach), 1), 1e-10)
    around = g.graph.mean(g.op("Gather", g.constant(learned["density"]), neighbors), 1)
    return g.times(around, sparsity)


def _mahalanobis(g: Numbers, points: str, learned: Arrays) -> str:
    moved = g.op("Sub", points, g.constant(learned["mean"]))
    sphered = g.op("MatMul", moved, g.constant(learned["factor"]))
    return g.op("ReduceL2", sphered, g.graph.constant([1]), keepdims=0)


def _pca(g: Numbers, points: str, learned: Arrays) -> str:
    components = learned["components"]
    moved = g.op("Sub", points, g.constant(learned["mean"]))
    inside = g.op("MatMul", g.op("MatMul", moved, g.constant(components.T)), g.constant(components))
    outside = g.op("Sub", moved, inside)
    return g.op("ReduceSumSquare", outside, g.graph.constant([1]), keepdims=0)


def _kernel_pca(g: Numbers, points: str, learned: Arrays) -> str:
    kernel_mean, coefficients = learned["kernel_mean"], learned["coefficients"]
    kernel = g.rbf(points, learned["training_points"], float(learned["gamma"][0]))
    length = g.add(g.times(g.graph.mean(kernel, 1), -2.0), 1 + float(kernel_mean.mean()))
    centred = g.op("Sub", kernel, g.constant(kernel_mean))
    projected = g.op("MatMul", centred, g.constant(coefficients))
    inside = g.op("ReduceSumSquare", projected, g.graph.constant([1]), keepdims=0)
    return g.op("Max", g.op("Sub", length, inside), g.constant(0.0))


def _kde(g: Numbers, points: str, learned: Arrays) -> str:
    h, bandwidth, weight = (float(value) for value in learned["settings"])
    density = _log_density(g, points, learned["training_points"], h, learned["training_cells"])
    score = g.times(density, -(h**2))
    anomalies = learned["known_anomalies"]
    if not len(anomalies):
        return score
    floor = float(learned["anomaly_floor"][0])
    density = _log_density(g, points, anomalies, bandwidth, learned["anomaly_cells"])
    above = g.add(density, -floor)
    # log(1 + exp(a)) without overflow
    soft = g.op("Softplus", g.graph.cast(above, "float32"))
    return g.add(score, g.times(g.cast(soft), weight * bandwidth**2))


def _log_density(
    g: Numbers, points: str, centers: NDArray[Any], bandwidth: float, cells: NDArray[np.float64]
) -> str:
    squared = g.squared_distances(points, centers)
    axis = g.graph.constant([1])
    if cells.size:
        widths, log_weights = kernels_of(cells, bandwidth, centers.shape[1])
        exponents = g.op("Mul", squared, g.constant(-1 / (2 * widths)))
        exponents = g.op("Add", exponents, g.constant(log_weights))
        return g.op("ReduceLogSumExp", exponents, axis, keepdims=0)
    exponents = g.times(squared, -1 / (2 * bandwidth**2))
    total = g.op("ReduceLogSumExp", exponents, axis, keepdims=0)
    return g.add(total, -float(np.log(len(centers))))


def _forest(g: Numbers, points: str, learned: Arrays) -> str:
    graph = g.graph
    nodes = graph.op(
        "Expand",
        graph.constant(learned["roots"]),
        graph.op(
            "Concat",
            graph.op("Slice", graph.op("Shape", points), *map(graph.constant, ([0], [1]))),
            graph.constant([len(learned["roots"])]),
            axis=0,
        ),
    )  # (n, e)
    for _ in range(_depth(learned)):
        feature = graph.op("Gather", graph.constant(learned["feature"]), nodes)
        value = graph.cast(graph.op("GatherElements", points, feature, axis=1), "float64")
        cut = graph.op("Gather", graph.constant(learned["cut"], np.float64), nodes)
        goes_left = graph.op("LessOrEqual", value, cut)
        left = graph.op("Gather", graph.constant(learned["left"]), nodes)
        right = graph.op("Gather", graph.constant(learned["right"]), nodes)
        nodes = graph.op("Where", goes_left, left, right)
    length = graph.op("Gather", graph.constant(learned["path_length"], np.float64), nodes)
    depth = graph.mean(length, 1)
    exponent = graph.scaled(depth, -1 / float(learned["mean_path_length"][0]), np.float64)
    return graph.op("Pow", graph.constant(2.0, np.float64), exponent)


def _depth(learned: Arrays) -> int:
    """Steps from the roots to the deepest leaf; a leaf is its own child."""
    nodes, steps = learned["roots"], -1
    while len(nodes):
        inner = nodes[learned["left"][nodes] != nodes]
        nodes, steps = np.concatenate([learned["left"][inner], learned["right"][inner]]), steps + 1
    return steps


def _hypersphere(g: Numbers, points: str, learned: Arrays) -> str:
    hidden = g.op("MatMul", points, g.constant(learned["W1"]))
    hidden = g.op("LeakyRelu", hidden, alpha=LEAKY_SLOPE)
    outputs = g.op("MatMul", hidden, g.constant(learned["W2"]))
    away = g.op("Sub", outputs, g.constant(learned["center"]))
    squared = g.op("ReduceSumSquare", away, g.graph.constant([1]), keepdims=0)
    if not learned["is_hsc"][0]:
        return squared
    # √(z² + 1) − 1 without cancellation
    root = g.op("Sqrt", g.add(squared, 1.0))
    return g.op("Div", squared, g.add(root, 1.0))


def _discriminant(g: Numbers, points: str, learned: Arrays) -> str:
    along = g.op("MatMul", points, g.constant(learned["direction"]))
    return g.add(along, float(learned["offset"][0]))


_SCORES: dict[type[PooledDetector], Callable[[Numbers, str, Arrays], str]] = {
    KDE: _kde,
    KNN: _knn,
    LOF: _lof,
    OCSVM: _ocsvm,
    SVDD: _svdd,
    Gaussian: _mahalanobis,
    MVE: _mahalanobis,
    PCA: _pca,
    KernelPCA: _kernel_pca,
    IsolationForest: _forest,
    Hypersphere: _hypersphere,
    Discriminant: _discriminant,
}
# exact enough on a sphere; LOF is not, where two neighbours are equally far, nor KernelPCA, where
# components explain all that there is
_IN_FLOAT32 = (KDE, KNN)
