"""Several detectors on one scale, and what each says of documents out of sample."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from textocl.core.exceptions import FormatError
from textocl.core.persistence import ModelFiles
from textocl.core.thresholds import trim_highest
from textocl.explain.text_detector import TextDetector
from textocl.shallow.discriminant import Discriminant

_QUARTILES = 1.349  # standard deviations between the quartiles of a normal distribution
_UPPER = (0.9, 0.97)  # quantiles that tell the spread of form, whose scores have long tails


@dataclass(frozen=True)
class Member:
    """One detector of several, and how its scores enter the common scale.

    Attributes
    ----------
    detector : TextDetector
    weight : float > 0
    location, scale : median, and spread about or above it, of its out-of-sample scores
    """

    detector: TextDetector
    weight: float
    location: float
    scale: float

    @classmethod
    def scaled(
        cls, detector: TextDetector, weight: float, judged: OutOfSampleScores, k: int
    ) -> Member:
        """Member k of those whose out-of-sample scores are given.

        Its scale is at least what its detector takes for a difference: texts of one template would
        make it as narrow as they are alike.
        """
        member = cls(detector, weight, 0.0, 1.0)
        location, scale = judged.scale_of(k, by_upper=member.is_term)
        return replace(member, location=location, scale=max(scale, detector.least_spread))

    @property
    def is_term(self) -> bool:
        """Whether it is a term of its own of the noisy or, rather than one of those averaged."""
        return self.detector.sees_form or isinstance(self.detector, Discriminant)

    def standardized(self, scores: NDArray[np.float32]) -> NDArray[np.float64]:
        """Scores on the common scale."""
        return (scores.astype(np.float64) - self.location) / self.scale


@dataclass(frozen=True)
class OutOfSampleScores:
    """What k members say of n training documents that they did not learn from.

    The common scale, the threshold and the scores of training documents come from it.

    Attributes
    ----------
    scores : (n, k) float32
    is_known : (n, k) bool, whether a member knows a word of a document
    is_trusted : (n,) bool, False where an anomaly is suspected
    distances : (n, r) float32, to the contexts; r = 0 without a CVDD
    is_normal : (n,) bool, whether a document is labelled normal; None for none
    """

    scores: NDArray[np.float32]
    is_known: NDArray[np.bool_]
    is_trusted: NDArray[np.bool_]
    distances: NDArray[np.float32]
    is_normal: NDArray[np.bool_] | None = None

    def scale_of(self, k: int, *, by_upper: bool = False) -> tuple[float, float]:
        """Median of a member's scores, and a standard deviation by their interquartile range.

        Parameters
        ----------
        by_upper : by the upper quantile that gives the larger one, where scores have a long tail
        """
        values = self.scores[self.is_known[:, k], k].astype(np.float64)
        low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
        scale = (high - low) / _QUARTILES
        if by_upper:
            scale = ((np.quantile(values, _UPPER) - median) / norm.ppf(_UPPER)).max()
        return float(median), float(scale) or float(values.std()) or 1.0

    def with_scores(self, k: int, scores: NDArray[np.float32]) -> OutOfSampleScores:
        """The same where a member says something else."""
        changed = self.scores.copy()
        changed[:, k] = scores
        return replace(self, scores=changed)

    def without(self, members: list[int]) -> OutOfSampleScores:
        """The same of the other members."""
        others = np.delete(np.arange(self.scores.shape[1]), members)
        return replace(self, scores=self.scores[:, others], is_known=self.is_known[:, others])

    def take(self, chosen: NDArray[np.int64]) -> OutOfSampleScores:
        """Of the documents ``chosen``, in this order."""
        return OutOfSampleScores(
            self.scores[chosen],
            self.is_known[chosen],
            self.is_trusted[chosen],
            self.distances[chosen],
            None if self.is_normal is None else self.is_normal[chosen],
        )

    def joined_by(self, others: OutOfSampleScores) -> OutOfSampleScores:
        """Of these documents, and of others after them."""
        normal = [
            np.zeros(len(one.scores), bool) if one.is_normal is None else one.is_normal
            for one in (self, others)
        ]
        return OutOfSampleScores(
            np.concatenate([self.scores, others.scores]),
            np.concatenate([self.is_known, others.is_known]),
            np.concatenate([self.is_trusted, others.is_trusted]),
            np.concatenate([self.distances, others.distances]),
            np.concatenate(normal),
        )

    @property
    def columns(self) -> list[tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """Of each member its scores, and whether it knows something, ``(n,)`` each."""
        known = self.is_known.astype(np.int64)
        return list(zip(self.scores.T, known.T, strict=True))

    def unlabelled(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """``scores`` ``(n,)`` of all members but those of documents that are labelled normal."""
        return scores if self.is_normal is None else scores[~self.is_normal]

    def calibration_scores(
        self, scores: NDArray[np.float32], contamination: float
    ) -> NDArray[np.float32]:
        """Those of all members' ``scores`` ``(n,)`` that are judged.

        Without the highest of those that may be anomalies.
        """
        known = ~np.isnan(scores)
        is_normal = None if self.is_normal is None else self.is_normal[known]
        return trim_highest(scores[known], contamination, is_normal)

    def to_files(self) -> ModelFiles:
        """Return what `from_files` needs."""
        arrays: dict[str, NDArray[Any]] = {
            "scores": self.scores,
            "is_known": self.is_known.astype(np.uint8),
            "is_trusted": self.is_trusted.astype(np.uint8),
            "distances": self.distances,
        }
        if self.is_normal is not None:
            arrays["is_normal"] = self.is_normal.astype(np.uint8)
        return ModelFiles({}, arrays)

    @classmethod
    def from_files(cls, files: ModelFiles, n_members: int, n_contexts: int) -> OutOfSampleScores:
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
            raise FormatError("a member knows no word of any document that it was calibrated with.")
        is_normal = None
        if "is_normal" in files.arrays:  # since 0.2
            is_normal = files.array("is_normal", np.uint8, n) > 0
        return cls(scores, known > 0, trusted > 0, distances, is_normal)
