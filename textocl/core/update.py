"""Learning more after a fit, without the samples of before."""

from __future__ import annotations

import copy
import warnings
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from textocl.core.detector import OneClassDetector
from textocl.core.exceptions import DataError, TextoclWarning
from textocl.core.learned import State
from textocl.core.training_scores import (
    FOLDS,
    TrainingRecord,
    TrainingSamples,
    copies_message,
)
from textocl.core.validation import check_labels

Self = TypeVar("Self", bound="UpdatableDetector")

#: scores to calibrate with that an update leaves at most
MOST_CALIBRATION_SCORES = 100_000


@dataclass(frozen=True)
class Update:
    """What a detector learns from m more samples.

    Attributes
    ----------
    state : State
    scores : (m,) float32, each by what did not learn from it; NaN of those labelled -1, and of what
        cannot be judged
    shift : what the scores of former samples change by, as far as that is known
    calibration_scores : float32, of former samples and new ones; None for the former calibration
        scores, shifted, and ``scores``
    suspected : (k,) int64, which were kept from learning as suspected anomalies
    n_unknown : how many were set aside for having no known word
    doubts : what else a user should know
    """

    state: State
    scores: NDArray[np.float32]
    shift: float = 0.0
    calibration_scores: NDArray[np.float32] | None = None
    suspected: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    n_unknown: int = 0
    doubts: Sequence[str] = ()


class UpdatableDetector(OneClassDetector):
    """A detector that learns more samples without those of before."""

    @abstractmethod
    def _learn_more(self, new: TrainingSamples, n_folds: int) -> Update:
        """Learn from samples as `_read` returns them, without copies; changes nothing itself.

        Each is scored by what learned from the other ``n_folds - 1`` folds of them, with one fold
        by what was learned before.
        """

    @abstractmethod
    def _texts(self, X: Any) -> Any:
        """Samples of the kind that was learned from, judged."""

    def update(self: Self, X: Any, y: Any = None) -> Self:
        """Learn more, in seconds and without the samples of ``fit``.

        Threshold and p-values are taken anew, from the scores of former samples and from those of
        the new ones by what did not learn from them: the promised rate of false alarms holds for
        samples drawn like all that were learned from. What is fixed by ``fit``, and what is done
        in its place, the class says. An update that fails or is interrupted changes nothing.

        Parameters
        ----------
        X : m samples, as the class says
        y : m labels or None
            +1 normal, 0 unlabelled, -1 anomaly, as in ``fit``.

        Returns
        -------
        self; ``training_scores_`` and its kin are of ``X`` then.

        Raises
        ------
        NotFittedError
        DataError
            ``X`` is not what the class takes, or the model was saved by a textocl that could not
            update it.
        """
        fitted = self._fitted()
        samples = fitted._texts(X)
        noun = self._noun(samples)
        labels = check_labels(y, len(samples), noun)
        if not len(samples):
            raise DataError(f"expected {noun} to learn from, got none.")
        groups = self._copies(samples)
        new = TrainingSamples.of(samples, labels, groups)
        update = fitted._learn_more(new, FOLDS)
        self._take_over_update(
            update,
            TrainingRecord.of(new, groups, update.scores, update.suspected, dict(self._fit_params)),
        )
        copies = None if groups is None else copies_message(groups, noun)
        for message in [
            *([] if copies is None else [copies]),
            *self._doubts_of_update(update, new),
        ]:
            warnings.warn(message, TextoclWarning, stacklevel=2)
        return self

    def partial_fit(self: Self, X: Any, y: Any = None) -> Self:
        """Fit on the first call, and update on later ones, as scikit-learn has it."""
        return self.update(X, y) if hasattr(self, "threshold_") else self.fit(X, y)

    def updated(self: Self, new: TrainingSamples, n_folds: int = FOLDS) -> tuple[Self, Update]:
        """A detector that learned ``new``, too, and what it learned; this one stays as it is."""
        other = copy.copy(self)
        update = other._learn_more(new, n_folds)
        other._take_over_update(update, None)
        return other, update

    def _take_over_update(self, update: Update, record: TrainingRecord | None) -> None:
        scores = update.calibration_scores
        if scores is None:
            scores = self._joined_calibration(update.scores, update.shift)
        params = self._fit_params
        self._take_over(
            params, **self._calibrated(scores, params), state_=update.state, _training=record
        )

    def _joined_calibration(self, scores: NDArray[np.float32], shift: float) -> NDArray[np.float32]:
        """Former calibration scores, shifted, and ``scores`` ``(m,)`` that are not NaN."""
        former, new = self.calibration_scores_ + np.float32(shift), scores[~np.isnan(scores)]
        kept, joining = kept_of(
            len(former), self.n_training_samples_, len(new), MOST_CALIBRATION_SCORES
        )
        return np.concatenate([former[kept], new[joining]])

    def _doubts_of_update(self, update: Update, new: TrainingSamples) -> list[str]:
        """What a user should know of an update."""
        doubts, noun = list(update.doubts), self._noun(new.samples)
        n_anomalies = 0 if self.learns_from_anomalies else int((new.labels < 0).sum())
        if n_anomalies:
            doubts.append(
                f"{n_anomalies:,} {noun} labelled -1 were left out: {type(self).__name__} does not "
                "learn from known anomalies."
            )
        if update.n_unknown:
            doubts.append(
                f"{update.n_unknown:,} of {len(new):,} {noun} have no known word; they were set "
                "aside."
            )
        return doubts + self._doubts_of_threshold()


def kept_of(
    n_kept: int, n_before: int | None, n_new: int, most: int, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which of a sample to keep, and which new items join it, so that all count alike; ascending.

    Parameters
    ----------
    n_kept : size of the sample
    n_before : how many items it is a sample of; None for no more than it has
    n_new : number of new items
    most : largest sample to be left

    Examples
    --------
    >>> [len(part) for part in kept_of(500, 1_000, 100, most=275)]
    [250, 25]
    """
    rate = min(n_kept / max(n_before or n_kept, n_kept, 1), 1.0) if n_kept else 1.0
    joining = rate * n_new
    shrink = min(1.0, most / max(n_kept + joining, 1))
    random = np.random.default_rng(seed)
    sizes = (round(n_kept * shrink), round(joining * shrink))
    kept, new = (
        np.sort(random.permutation(n)[:size])
        for n, size in zip((n_kept, n_new), sizes, strict=True)
    )
    return kept, new
