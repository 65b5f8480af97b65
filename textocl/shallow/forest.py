"""Isolation forest: anomalies are soon alone when space is cut at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError, FormatError
from textocl.core.persistence import ModelFiles
from textocl.core.validation import check_integer
from textocl.shallow.distances import at_most
from textocl.shallow.metric import Arrays
from textocl.shallow.pooled import PooledDetector


@dataclass(kw_only=True, eq=False, repr=False)
class IsolationForest(PooledDetector):
    """Isolation forest: how few random cuts separate a point from the training points.

    For features of different kinds and scales, which it never compares with each other: it looks
    at one feature at a time. Beside the parameters of `textocl.shallow.pooled.PooledDetector`:

    Parameters
    ----------
    n_estimators : int ≥ 1, default 200
        Trees. Raising it makes scores less random, at proportional cost.
    max_samples : int ≥ 2 or "auto", default "auto"
        Training points a tree sees; "auto" is 256 or all of fewer. Raising it grows deeper trees,
        and anomalies in the training data hide each other. More than there are warns and takes
        all.

    Notes
    -----
    Score: 2^(−E[h(x)] / c(ψ)), h(x) being the number of cuts that a tree takes to isolate x, ψ
    the number of points a tree sees, and c(ψ) the mean of h over such trees; equal to
    ``-score_samples`` of `sklearn.ensemble.IsolationForest`.

    References
    ----------
    Liu, Ting & Zhou. Isolation forest. ICDM 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from textocl import IsolationForest
    >>> blob = np.random.default_rng(0).normal(size=(200, 2))
    >>> IsolationForest(n_estimators=50).fit(blob).predict(np.array([[0, 0], [6, 6]]))
    array([ 1, -1])
    """

    # all trees in one row of nodes; a leaf is its own child
    _ARRAYS: ClassVar[dict[str, tuple[type, str]]] = {
        "roots": (np.int32, "e"),
        "left": (np.int32, "t"),
        "right": (np.int32, "t"),
        "feature": (np.int32, "t"),
        "cut": (np.float64, "t"),  # at most this goes left
        "path_length": (np.float64, "t"),  # h of a point that ends here
        "mean_path_length": (np.float64, "1"),  # c(ψ)
    }

    n_estimators: int = 200
    max_samples: int | str = "auto"

    def _check_own(self) -> None:
        check_integer("n_estimators", self.n_estimators, 1)
        if isinstance(self.max_samples, str):
            if self.max_samples != "auto":
                raise DataError(f"max_samples must be 'auto' or an int, got {self.max_samples!r}.")
        else:
            check_integer("max_samples", self.max_samples, 2)

    def _learn_points(self, points: NDArray[np.float32], labels: NDArray[np.int64]) -> Arrays:
        from sklearn.ensemble import IsolationForest as ScikitForest

        n = len(points)
        n_samples = min(256, n)
        if not isinstance(self.max_samples, str):
            n_samples = at_most("max_samples", self.max_samples, n, f"the {n:,} training points")
        forest = ScikitForest(
            n_estimators=self.n_estimators, max_samples=n_samples, random_state=self.random_state
        ).fit(points)
        trees = [_flat(estimator.tree_) for estimator in forest.estimators_]
        starts = np.cumsum([0, *(len(tree["cut"]) for tree in trees)])
        learned = {name: np.concatenate([tree[name] for tree in trees]) for name in trees[0]}
        for name in ("left", "right"):
            learned[name] = np.concatenate(
                [tree[name] + start for tree, start in zip(trees, starts[:-1], strict=True)]
            ).astype(np.int32)
        learned["roots"] = starts[:-1].astype(np.int32)
        learned["mean_path_length"] = _mean_path_length(np.array([n_samples]))
        return learned

    def _score_points(self, learned: Arrays, points: NDArray[np.float32]) -> NDArray[Any]:
        rows = np.arange(len(points))[:, None]
        nodes = np.broadcast_to(learned["roots"], (len(points), len(learned["roots"])))  # (n, e)
        while True:
            goes_left = points[rows, learned["feature"][nodes]] <= learned["cut"][nodes]
            following = np.where(goes_left, learned["left"][nodes], learned["right"][nodes])
            if (following == nodes).all():
                break
            nodes = following
        depth = learned["path_length"][nodes].mean(axis=1)
        return 2 ** (-depth / learned["mean_path_length"])

    def _read_learned(self, files: ModelFiles, d: int) -> Arrays:
        learned = super()._read_learned(files, d)
        nodes = np.arange(len(learned["left"]))
        for name, least in (("left", nodes), ("right", nodes), ("feature", 0), ("roots", 0)):
            most = d if name == "feature" else len(nodes)
            if not len(learned["roots"]) or (learned[name] < least).any():
                raise FormatError(f"its trees are damaged: {name!r} points back.")
            if (learned[name] >= most).any():
                raise FormatError(f"its trees are damaged: {name!r} points out of range.")
        return learned


def _flat(tree: Any) -> Arrays:
    """One tree of scikit-learn as arrays, one entry a node; children come after their parents."""
    nodes = np.arange(tree.node_count)
    is_leaf = tree.children_left < 0
    depth = np.zeros(tree.node_count)
    for node in nodes[~is_leaf]:
        depth[[tree.children_left[node], tree.children_right[node]]] = depth[node] + 1
    return {
        "left": np.where(is_leaf, nodes, tree.children_left),
        "right": np.where(is_leaf, nodes, tree.children_right),
        "feature": np.where(is_leaf, 0, tree.feature).astype(np.int32),
        "cut": np.where(is_leaf, 0, tree.threshold),
        "path_length": depth + _mean_path_length(tree.n_node_samples),
    }


def _mean_path_length(n_samples: NDArray[Any]) -> NDArray[np.float64]:
    """c(ψ), the mean depth of a point in a random tree of ψ points; the 1 point of a leaf has 0."""
    n = np.asarray(n_samples, np.float64)
    many = np.maximum(n, 3)
    length = 2 * (np.log(many - 1) + np.euler_gamma) - 2 * (many - 1) / many
    return np.where(n > 2, length, (n > 1).astype(np.float64))
