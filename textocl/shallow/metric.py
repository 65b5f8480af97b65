"""How far apart points are: unit length, whitening by the training points' covariance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from textocl.core.persistence import ModelFiles
from textocl.text.vectorizer import unit

#: score of a document without a known word: the largest float32
WORST_POOLED_SCORE = float(np.finfo(np.float32).max)

Arrays: TypeAlias = "dict[str, NDArray[Any]]"


@dataclass(frozen=True)
class Metric:
    """Points as a detector measures distances between them.

    Attributes
    ----------
    dimension : size of a point, d
    unit_length : whether points are scaled to length 1
    whitening : (d, d) float64 that points are multiplied by, or None
    """

    dimension: int
    unit_length: bool
    whitening: NDArray[np.float64] | None = None

    @classmethod
    def fitted(cls, points: NDArray[np.float32], unit_length: bool, whitening: float) -> Metric:
        """From normal points ``(n, d)`` and the exponent of their covariance."""
        if not whitening:
            return cls(points.shape[1], unit_length)
        from sklearn.covariance import ledoit_wolf

        exact = (unit(points) if unit_length else points).astype(np.float64)
        size = float(np.abs(exact).max()) or 1.0  # so that no square overflows or vanishes
        covariance, _ = ledoit_wolf(exact / size)
        values, directions = np.linalg.eigh(covariance)
        least = max(1e-12 * values[-1], 1e-30)
        scale = np.maximum(values, least) ** (-whitening / 2) * size**-whitening
        return cls(points.shape[1], unit_length, directions * scale)

    def transform(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return points ``(n, d)`` whose Euclidean distances are those of this metric."""
        if self.unit_length:
            points = unit(points)
        if self.whitening is not None:
            points = finite(points.astype(np.float64) @ self.whitening)
            points = unit(points) if self.unit_length else points
        return points

    def to_files(self) -> ModelFiles:
        arrays = {} if self.whitening is None else {"whitening_matrix": self.whitening}
        return ModelFiles({"n_features": self.dimension, "unit_length": self.unit_length}, arrays)

    @classmethod
    def from_files(cls, files: ModelFiles, d: int, *, whitened: bool) -> Metric:
        whitening = files.array("whitening_matrix", np.float64, d, d) if whitened else None
        return cls(d, files.facts.get("unit_length") is True, whitening)


def finite(scores: NDArray[Any]) -> NDArray[np.float32]:
    """As float32, what is beyond its range at its ends."""
    return np.clip(scores, -WORST_POOLED_SCORE, WORST_POOLED_SCORE).astype(np.float32)
