"""One score from the members' scores: what is normal is so by its words and by its form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import norm

from textocl.ensemble.members import Member, OutOfSampleScores
from textocl.shallow.metric import WORST_POOLED_SCORE

_HIGH = 0.9  # quantile that tells the spread of the words' scores above their median
#: in standard deviations above the median, where something is as likely odd as not
EVEN = 0.5
#: nothing is taken to be less odd than this
LEAST_TOTAL = 1e-9


@dataclass(frozen=True)
class Fusion:
    """How the scores of k members become one.

    The weighted mean of members on words, in standard deviations above its median, is the
    log-odds that words are odd; so is the standard score of each member on form, and of "labels",
    which tells what is as labelled anomalies are. With the probabilities p of these odds and
    weights a, a document is anomalous with ``1 − Π_j (1 − p_j)^a_j`` (noisy or): what is usual in
    one respect does not make up for what is odd in another. The score is the log-odds of this.
    Without these members it is the mean.

    Attributes
    ----------
    members : k of them
    location, scale : median of the words' mean, and standard deviation above it
    """

    members: Sequence[Member]
    location: float = 0.0
    scale: float = 1.0

    @classmethod
    def of(cls, members: Sequence[Member], judged: OutOfSampleScores) -> Fusion:
        """Take the words' scale from documents that members did not learn from."""
        fusion = cls(members)
        if not fusion.has_terms:
            return fusion
        words, is_known = fusion.words(judged.columns)
        location, high = np.quantile(words[is_known], [0.5, _HIGH]).tolist()
        return cls(members, location, (high - location) / norm.ppf(_HIGH) or 1.0)

    @cached_property
    def has_terms(self) -> bool:
        """Whether there is anything but words that are averaged."""
        return any(member.is_term for member in self.members)

    @cached_property
    def words_weight(self) -> float:
        """Weight of the words together, that of the density."""
        return self.members[0].weight

    def words(
        self, scored: Sequence[tuple[NDArray[np.float32], NDArray[np.int64]]]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Weighted mean of the members on words that know one, and where there is one, ``(n,)``."""
        sums, weights = np.zeros(len(scored[0][0])), np.zeros(len(scored[0][0]))
        for member, (scores, n_known) in zip(self.members, scored, strict=True):
            if not member.is_term:
                sums += np.where(n_known > 0, member.weight * member.standardized(scores), 0)
                weights += np.where(n_known > 0, member.weight, 0)
        return sums / np.maximum(weights, 1e-30), weights > 0

    def fuse(
        self, scored: Sequence[tuple[NDArray[np.float32], NDArray[np.int64]]]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Scores, and how many words the member knows that knows most, ``(n,)`` each.

        Of a document without a known word whose form is judged the number is 1.

        Parameters
        ----------
        scored : of each member its scores, and what it knows of each document: a number of words,
            or of characters; ``(n,)`` each
        """
        most_known = np.zeros(len(scored[0][0]), np.int64)
        for member, (_, n_known) in zip(self.members, scored, strict=True):
            counted = np.minimum(n_known, 1) if member.detector.sees_form else n_known
            most_known = np.maximum(most_known, counted)
        fused, _ = self.words(scored)
        if self.has_terms:
            fused = fused_odds(self.terms(scored).sum(axis=0))
        fused = np.where(most_known > 0, fused, WORST_POOLED_SCORE)
        fused = np.clip(fused, -WORST_POOLED_SCORE, WORST_POOLED_SCORE)
        return fused.astype(np.float32), most_known

    def terms(
        self, scored: Sequence[tuple[NDArray[np.float32], NDArray[np.int64]]]
    ) -> NDArray[np.float64]:
        """``−a log(1 − p)`` of the words, and of each member beside them, ``(1 + f, n)``.

        Words of which none is known are taken to be as odd as all beside them.
        """
        words, is_known = self.words(scored)
        beside, weights = [], np.full(len(words), 1e-30)
        for member, (scores, n_known) in zip(self.members, scored, strict=True):
            if member.is_term:
                term = member.weight * loss(member.standardized(scores))
                beside.append(np.where(n_known > 0, term, 0))
                weights += np.where(n_known > 0, member.weight, 0)
        of_words = np.where(
            is_known, loss((words - self.location) / self.scale), np.sum(beside, axis=0) / weights
        )
        return np.stack([self.words_weight * of_words, *beside])


def loss(standard: NDArray[np.float64]) -> NDArray[np.float64]:
    """``−log(1 − p)`` where the log-odds are ``standard − EVEN``."""
    return np.logaddexp(0, standard - EVEN)


def slope_of_loss(standard: float) -> float:
    """Its derivative, which is p."""
    return float(expit(standard - EVEN))


def fused_odds(total: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-odds of the probability ``1 − e^−total``, and `EVEN`."""
    total = np.maximum(total, LEAST_TOTAL)
    return np.asarray(total + np.log(-np.expm1(-total)) + EVEN)


def slope_of_fused_odds(total: float) -> float:
    """Derivative of `fused_odds`; 0 where nothing is odd at all."""
    if total <= LEAST_TOTAL:
        return 0.0
    return float(-1 / np.expm1(-total))
