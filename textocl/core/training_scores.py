"""What a detector says of the samples it was trained on, by models that did not see them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import TextoclWarning
from textocl.core.thresholds import training_p_values

FOLDS = 5


@dataclass(frozen=True)
class TrainingSamples:
    """Samples to learn from, of several copies one.

    Attributes
    ----------
    samples : m of them
    labels : (m,) int64 in {+1, 0, -1}
    numbers : (m,) int64, which of the samples given each is
    """

    samples: Any
    labels: NDArray[np.int64]
    numbers: NDArray[np.int64]

    @classmethod
    def of(
        cls, samples: Any, labels: NDArray[np.int64], groups: NDArray[np.int64] | None = None
    ) -> TrainingSamples:
        """Keep the first of each group of copies.

        Copies that are labelled differently count as the majority of them says.

        Parameters
        ----------
        groups : (n,), the number of each sample's first copy; None where there are no copies
        """
        if groups is None:
            return cls(samples, labels, np.arange(len(labels)))
        first, inverse = np.unique(groups, return_inverse=True)
        votes = np.sign(np.bincount(inverse, labels, len(first))).astype(np.int64)
        return cls(rows_of(samples, first), votes, first)

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, chosen: NDArray[np.int64]) -> TrainingSamples:
        """Those at ``chosen``, in this order."""
        return TrainingSamples(
            rows_of(self.samples, chosen), self.labels[chosen], self.numbers[chosen]
        )


def rows_of(samples: Any, chosen: NDArray[np.int64]) -> Any:
    """Samples at ``chosen``: of a list a list, of an array or tensor the same."""
    return [samples[i] for i in chosen] if isinstance(samples, list) else samples[chosen]


@dataclass(frozen=True)
class TrainingRecord:
    """A training set with its copies, and out-of-sample scores where the fit had them.

    Attributes
    ----------
    training : TrainingSamples of m samples
    groups : (n,) int64, which of the m each sample given is, or is a copy of
    scores : (m,) float32, NaN where there is none; None before they are computed
    suspected : (k,) int64, which of the m the fit kept from learning
    params : of the detector at the fit, as they were given
    """

    training: TrainingSamples
    groups: NDArray[np.int64]
    scores: NDArray[np.float32] | None
    suspected: NDArray[np.int64]
    params: dict[str, Any]

    @classmethod
    def of(
        cls,
        training: TrainingSamples,
        groups: NDArray[np.int64] | None,
        scores: NDArray[np.float32] | None,
        suspected: NDArray[np.int64],
        params: dict[str, Any],
    ) -> TrainingRecord:
        """Keep the samples only where scores are still to be computed of them.

        Parameters
        ----------
        groups : (n,), number of the first copy of each sample given; None without copies
        """
        everyone = np.arange(len(training))
        places = everyone if groups is None else np.searchsorted(training.numbers, groups)
        if scores is not None:
            training = replace(training, samples=())
        return cls(training, places, scores, suspected, params)


def fold_numbers(n: int, seed: int, n_folds: int = FOLDS) -> NDArray[np.int64]:
    """A fold for each of n samples, ``(n,)``; all of one size but for one sample."""
    return np.random.default_rng(seed).permutation(n) % n_folds


def scores_across_folds(
    n: int,
    seed: int,
    scores_of: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]],
    n_folds: int = FOLDS,
) -> NDArray[np.float32]:
    """Scores of n samples, each by a model of the other folds: ``(n,)``, or ``(n, r)``.

    Parameters
    ----------
    scores_of : numbers to learn from, and numbers to score, to scores
    """
    folds = fold_numbers(n, seed, n_folds)
    used = np.unique(folds)
    parts = [scores_of(np.flatnonzero(folds != k), np.flatnonzero(folds == k)) for k in used]
    scores = np.empty((n, *parts[0].shape[1:]), np.float32)
    for k, part in zip(used, parts, strict=True):
        scores[folds == k] = part
    return scores


class WithTrainingScores:
    """Gives a detector what it says of its own training samples."""

    _SEED: ClassVar[int] = 0
    _training: TrainingRecord | None

    @property
    def training_scores_(self) -> NDArray[np.float32]:
        """Out-of-sample score of each sample given to ``fit``, ``(n,)``.

        None is by a model that learned from the sample or a copy of it: by the cross-fit of the
        calibration where there was one, else five fits, made when first asked for. NaN for samples
        labelled -1, and for documents without a known word. Known after a fit, not after loading.
        """
        record = self._record()
        scores = record.scores
        assert scores is not None
        return scores[record.groups]

    @property
    def training_p_values_(self) -> NDArray[np.float64]:
        """p-value of each sample given to ``fit``, ``(n,)``: its rank among the calibration scores.

        A score that is one of them does not count itself twice; copies count once.
        """
        scores = self.training_scores_
        calibration: NDArray[np.float32] = self.calibration_scores_  # type: ignore[attr-defined]
        return training_p_values(calibration, scores)

    @property
    def training_labels_(self) -> NDArray[np.int64]:
        """Label of each sample given to ``fit``, ``(n,)``: +1 normal, -1 anomalous.

        By the out-of-sample scores. 0 for a document without a known word; one that was labelled
        -1 stays that.
        """
        scores, record = self.training_scores_, self._record()
        labels = np.where(scores > self.threshold_, -1, 1)  # type: ignore[attr-defined]
        given = record.training.labels[record.groups]
        return np.where(np.isnan(scores), np.minimum(given, 0), labels)

    @property
    def training_groups_(self) -> NDArray[np.int64]:
        """Number of each sample's first copy, or its own, of those given to ``fit``, ``(n,)``."""
        record = self._record(scored=False)
        return record.training.numbers[record.groups]

    @property
    def suspected_(self) -> NDArray[np.int64]:
        """Numbers of the samples that were suspected to be anomalies, and kept from learning."""
        record = self._record(scored=False)
        return np.flatnonzero(np.isin(record.groups, record.suspected))

    def _record(self, scored: bool = True) -> TrainingRecord:
        record: TrainingRecord | None = self._fitted()._training  # type: ignore[attr-defined]
        if record is None:
            raise AttributeError(
                "what concerns the training samples is known after a fit, not after loading."
            )
        if scored and record.scores is None:
            record = replace(record, scores=self._cross_fit(record))
            self._training = record
        return record

    def _cross_fit(self, record: TrainingRecord) -> NDArray[np.float32]:
        """Scores of a training set, ``(m,)``, each by a fit on four fifths of the others."""
        training = record.training
        normal = np.flatnonzero(training.labels >= 0)
        anomalies = np.flatnonzero(training.labels < 0)

        def scores_of(others: NDArray[np.int64], fold: NDArray[np.int64]) -> NDArray[np.float32]:
            detector: Any = self._like(record.params)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", TextoclWarning)
                detector._fit_samples(
                    training.take(np.sort(np.concatenate([normal[others], anomalies])))
                )
                scored = detector._scored(rows_of(training.samples, normal[fold]))
            return np.where(scored.n_known > 0, scored.scores, np.float32(np.nan))

        seed = record.params.get("random_state", self._SEED)
        scores = np.full(len(training), np.nan, np.float32)
        scores[normal] = scores_across_folds(len(normal), seed, scores_of)
        return scores

    def _like(self, params: dict[str, Any]) -> Any:
        """An unfitted detector with these parameters, calibrated by all it sees."""
        if "training" in self._CALIBRATIONS:  # type: ignore[attr-defined]
            params = {**params, "calibration": "training"}
        return type(self)(**params)

    def __getstate__(self) -> dict[str, Any]:
        """Copies and other processes get no training samples."""
        state: Any = super().__getstate__()
        return {**state, "_training": None} if "_training" in state else state


def copies_message(groups: NDArray[np.int64], noun: str) -> str | None:
    """What to say where more than one in twenty samples is a copy of another."""
    n, distinct = len(groups), np.unique(groups)
    n_copies = n - len(distinct)
    if n_copies <= n / 20:
        return None
    largest = int(np.bincount(groups).max())
    return (
        f"{n_copies:,} of {n:,} {noun} are copies of others, or nearly ({largest:,} in the largest "
        "group); each group counts once."
    )
