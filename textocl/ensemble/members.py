"""Several detectors on one scale: what each says of held-out normal documents, and the mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textocl.core.detector import OneClassDetector
from textocl.core.exceptions import FormatError
from textocl.core.persistence import ModelFiles
from textocl.shallow.pooled import WORST_POOLED_SCORE


@dataclass(frozen=True)
class Member:
    """One detector of several, and how its scores enter the common scale.

    Attributes
    ----------
    detector : OneClassDetector
    weight : float > 0
    location, scale : median and standard deviation of its scores of held-out normal documents
    """

    detector: OneClassDetector
    weight: float
    location: float
    scale: float


@dataclass(frozen=True)
class HeldOutScores:
    """What k members say of n held-out normal documents; the common scale comes from it.

    Attributes
    ----------
    scores : (n, k) float32
    is_known : (n, k) bool, whether a member knows a word of a document
    is_trusted : (n,) bool, False where ``contamination`` suspects an anomaly
    distances : (n, r) float32, to the contexts; r = 0 without a CVDD
    """

    scores: NDArray[np.float32]
    is_known: NDArray[np.bool_]
    is_trusted: NDArray[np.bool_]
    distances: NDArray[np.float32]

    def scale_of(self, k: int) -> tuple[float, float]:
        """Median and standard deviation of a member's scores of documents that are as usual."""
        usual = self.is_known[:, k] & self.is_trusted
        values = self.scores[usual if usual.any() else self.is_known[:, k], k].astype(np.float64)
        return float(np.median(values)), float(values.std()) or 1.0

    def with_scores(self, k: int, scores: NDArray[np.float32]) -> HeldOutScores:
        """The same where a member says something else."""
        changed = self.scores.copy()
        changed[:, k] = scores
        return replace(self, scores=changed)

    def fused(self, members: Sequence[Member]) -> NDArray[np.float32]:
        """Scores on the common scale of the documents with a known word."""
        found = [
            (self.scores[:, k], self.is_known[:, k].astype(np.int64)) for k in range(len(members))
        ]
        scores, n_known = fuse(members, found)
        return scores[n_known > 0]

    def to_files(self) -> ModelFiles:
        """Return what `from_files` needs."""
        arrays: dict[str, NDArray[Any]] = {
            "scores": self.scores,
            "is_known": self.is_known.astype(np.uint8),
            "is_trusted": self.is_trusted.astype(np.uint8),
            "distances": self.distances,
        }
        return ModelFiles({}, arrays)

    @classmethod
    def from_files(cls, files: ModelFiles, n_members: int, n_contexts: int) -> HeldOutScores:
        """Inverse of `to_files`.

        Raises
        ------
        FormatError
        """
        trusted = files.array("is_trusted", np.uint8, None)
        n = len(trusted)
        scores = files.array("scores", np.float32, n, n_members)
        known = files.array("is_known", np.uint8, n, n_members)
        distances = files.array("distances", np.float32, n, n_contexts)
        if not known.any(axis=0).all():
            raise FormatError("its held-out scores are not consistent.")
        return cls(scores, known > 0, trusted > 0, distances)


def fuse(
    members: Sequence[Member], found: Sequence[tuple[NDArray[np.float32], NDArray[np.int64]]]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Weighted mean over the members that know a word, and how many words the best one knows.

    Parameters
    ----------
    members
    found : of each member its scores, and its number of known words, ``(n,)`` each
    """
    sums, weights = np.zeros(len(found[0][0])), np.zeros(len(found[0][0]))
    most_known = np.zeros(len(sums), np.int64)
    for member, (scores, n_known) in zip(members, found, strict=True):
        standard = (scores.astype(np.float64) - member.location) / member.scale
        sums += np.where(n_known > 0, member.weight * standard, 0)
        weights += np.where(n_known > 0, member.weight, 0)
        most_known = np.maximum(most_known, n_known)
    fused = np.where(most_known > 0, sums / np.maximum(weights, 1e-30), WORST_POOLED_SCORE)
    fused = np.clip(fused, -WORST_POOLED_SCORE, WORST_POOLED_SCORE)
    return fused.astype(np.float32), most_known
