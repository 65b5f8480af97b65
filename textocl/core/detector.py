"""The one contract of every detector, of text and of images."""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.exceptions import NotFittedError as _SklearnNotFittedError

from textocl.core.assessment import Assessment, judged_labels
from textocl.core.exceptions import DataError, FormatError, TextoclError, TextoclWarning
from textocl.core.learned import Learned, Scored, State
from textocl.core.persistence import ModelFiles, load, save_model_files
from textocl.core.thresholds import (
    conformal_p_values,
    conformal_threshold,
    smallest_calibration_size,
)
from textocl.core.training_scores import (
    TrainingRecord,
    TrainingSamples,
    WithTrainingScores,
    copies_message,
)
from textocl.core.validation import check_choice, check_labels, check_number, warn_of_unknown

Self = TypeVar("Self", bound="OneClassDetector")


class NotFittedError(TextoclError, _SklearnNotFittedError):
    """A detector was asked for something that only a fitted one knows."""


class OneClassDetector(WithTrainingScores, OutlierMixin, BaseEstimator, ABC):
    """Learns what is normal; scores, judges and explains what is new.

    A subclass stores its keyword-only parameters unchanged, ``false_alarm_rate`` and
    ``calibration`` among them, and gives the members marked abstract below. `_learn` returns what
    it learns and changes nothing of the detector, which takes it over in one step: a fit that
    fails or is interrupted leaves a detector as it was.

    Attributes
    ----------
    state_ : what the last fit learned, a frozen object
    threshold_ : float
        Scores above it are called anomalous.
    calibration_scores_ : (n,) float32, ascending
        Scores of normal data that threshold and p-values come from.
    training_scores_, training_p_values_, training_labels_ : (n,), after fitting
        Of the samples given to ``fit``, each out of sample; see `WithTrainingScores`.
    training_groups_ : (n,) int64, after fitting
        Number of each sample's first copy. Copies, of texts also near ones, are learned from once.
    suspected_ : (k,) int64, after fitting
        Numbers of the samples that were kept from learning as suspected anomalies.
    """

    #: parameters that describe the machine at hand rather than the model; not saved
    _UNSAVED: ClassVar[tuple[str, ...]] = ()
    _CALIBRATIONS: ClassVar[tuple[str, ...]] = ("split", "training")
    #: what messages call what it takes
    SAMPLES: ClassVar[str] = "documents"
    #: score of a sample about which nothing is known, the highest there is; None where none is
    _WORST_SCORE: ClassVar[float | None] = None
    #: whether `explain` splits the score itself; otherwise it scores again for every word
    explains_exactly: ClassVar[bool] = False

    false_alarm_rate: float
    calibration: str
    state_: State
    threshold_: float
    calibration_scores_: NDArray[np.float32]
    _fit_params: dict[str, Any]
    _training: TrainingRecord | None = None

    # --- what a kind of detector gives ---

    @abstractmethod
    def _learn(self, training: TrainingSamples) -> Learned:
        """Learn from samples as `_read` returns them, without copies."""

    @abstractmethod
    def _read_state(self, files: ModelFiles) -> State:
        """Inverse of the state's ``to_files``."""

    @abstractmethod
    def explain(self, X: Any) -> Any:
        """Say of each sample which parts make it normal and which anomalous."""

    @abstractmethod
    def _scored(self, X: Any) -> Scored:
        """Scores and what comes with them, without a warning."""

    @abstractmethod
    def _read(self, X: Any) -> tuple[Any, Any]:
        """Samples of ``X``, judged, and the labels that it brings along; None for none."""

    def _noun(self, samples: Any = None) -> str:
        """What messages call ``samples``, or those of the last fit."""
        return self.SAMPLES

    @property
    def learns_from_anomalies(self) -> bool:
        """Whether samples labelled -1 take part in learning; otherwise they are left out."""
        return False

    def _check_parameters(self) -> None:
        """Judge all parameters."""
        check_number("false_alarm_rate", self.false_alarm_rate, 0, 1, low_open=True, high_open=True)
        check_choice("calibration", self.calibration, self._CALIBRATIONS)

    # --- fitting ---

    def fit(self: Self, X: Any, y: Any = None) -> Self:
        """Learn what is normal in ``X``.

        Parameters
        ----------
        X : n samples, as the class says
        y : n labels or None
            +1 normal, 0 unlabelled, -1 anomaly. Anomalies are left out, with a warning that counts
            them, where the detector does not learn from them.

        Raises
        ------
        DataError
            ``X`` is not what the class takes, too little is left to learn from, or a parameter is
            wrong.
        """
        self._check_parameters()
        samples, known = self._read(X)
        noun = self._noun(samples)
        labels = check_labels(known if y is None else y, len(samples), noun)
        if not (labels >= 0).any():
            raise DataError(
                f"expected normal {noun}, got none; give some that are labelled +1 or not labelled."
            )
        groups = self._copies(samples)
        copies = None if groups is None else copies_message(groups, noun)
        training = TrainingSamples.of(samples, labels, groups)
        try:
            doubts = self._fit_samples(training, groups)
        except DataError as error:
            raise error if copies is None else DataError(f"{error} {copies}") from None
        for message in ([] if copies is None else [copies]) + doubts:
            warnings.warn(message, TextoclWarning, stacklevel=2)
        return self

    def _fit_samples(
        self, training: TrainingSamples, groups: NDArray[np.int64] | None = None
    ) -> list[str]:
        """Fit on samples that were judged, and hold no copies; returns what to warn of."""
        self._check_parameters()
        learned = self._learn(training)
        params = {**self._frozen_params(), **learned.params}
        self._take_over(
            params,
            **self._calibrated(learned.calibration_scores, params),
            state_=learned.state,
            _training=TrainingRecord.of(
                training,
                groups,
                learned.training_scores,
                learned.suspected,
                self.get_params(deep=False),
            ),
        )
        n_anomalies = 0 if self.learns_from_anomalies else int((training.labels < 0).sum())
        return self._doubts_of_fit(learned, n_anomalies, self._noun(training.samples))

    def _copies(self, samples: Any) -> NDArray[np.int64] | None:
        """Number of each sample's first copy, ``(n,)``; None where copies are not looked for."""
        return None

    def _take_over(self, params: dict[str, Any], **attributes: Any) -> None:
        """Become what was learned, in one step that no interruption can cut in two."""
        self.__dict__.update(_fit_params=params, **attributes)

    def _doubts_of_fit(self, learned: Learned, n_anomalies: int, noun: str) -> list[str]:
        """What a user should know of a fit."""
        doubts = list(learned.doubts)
        if n_anomalies:
            doubts.append(
                f"{n_anomalies:,} {noun} labelled -1 were left out: {type(self).__name__} does not "
                "learn from known anomalies."
            )
        if learned.n_unknown:
            doubts.append(
                f"{learned.n_unknown:,} of {learned.n_read:,} {noun} have no known word; they were "
                "set aside."
            )
        return doubts + self._doubts_of_threshold()

    def _doubts_of_threshold(self) -> list[str]:
        shortage = self._calibration_shortage(len(self.calibration_scores_))
        doubts = [] if shortage is None else [shortage]
        if self._WORST_SCORE is not None and self.threshold_ >= self._WORST_SCORE:
            n_worst = int((self.calibration_scores_ >= self._WORST_SCORE).sum())
            n = len(self.calibration_scores_)
            doubts.append(
                f"the threshold is the highest score there is, {self._WORST_SCORE:g}, which "
                f"{n_worst:,} of {n:,} calibration {self._noun()} have: nothing will be called "
                "anomalous. Give more data, another kind of detector, or a higher false_alarm_rate."
            )
        return doubts

    def fit_predict(self, X: Any, y: Any = None) -> NDArray[np.int64]:
        """Fit, and predict the same samples: +1 normal, -1 anomalous, ``(n,)``.

        By out-of-sample scores, as `training_labels_`, with -1 for what cannot be judged.
        """
        labels = self.fit(X, y).training_labels_
        return np.where(labels == 0, -1, labels)

    def recalibrate(self: Self, *, false_alarm_rate: float) -> Self:
        """Judge by another false-alarm rate without fitting again.

        Raises
        ------
        NotFittedError, DataError
        """
        self._recalibrate(
            self._fitted().calibration_scores_, {"false_alarm_rate": false_alarm_rate}
        )
        return self

    def _recalibrate(
        self, scores: NDArray[np.float32], changes: Mapping[str, Any], **attributes: Any
    ) -> None:
        """Take threshold and p-values from ``scores``, with these ``changes`` of parameters."""
        params = {**self._fit_params, **changes}
        rate = params["false_alarm_rate"]
        check_number("false_alarm_rate", rate, 0, 1, low_open=True, high_open=True)
        self._take_over(params, **self._calibrated(scores, params), **changes, **attributes)
        for message in self._doubts_of_threshold():
            warnings.warn(message, TextoclWarning, stacklevel=3)

    def _frozen_params(self) -> dict[str, Any]:
        """Parameters as they are now: scores go by these until the next fit.

        ``set_params`` on a fitted detector, which scikit-learn allows, changes nothing by half.
        """
        return {
            name: value
            for name, value in self.get_params(deep=False).items()
            if name not in self._UNSAVED
        }

    @property
    def fit_params_(self) -> dict[str, Any]:
        """Parameters of the last fit, which scores go by whatever ``set_params`` says since."""
        return dict(self._fitted()._fit_params)

    def _fitted(self: Self) -> Self:
        if not hasattr(self, "threshold_"):
            raise NotFittedError(f"this {type(self).__name__} is not fitted; call fit first.")
        return self

    # --- judging ---

    def anomaly_score(self, X: Any) -> NDArray[np.float32]:
        """Score each sample, ``(n,)`` float32; higher is more anomalous, whatever else is in ``X``.

        A document without a known word gets the worst score, and a warning counts such documents.

        Raises
        ------
        NotFittedError, DataError
        """
        scored = self._fitted()._scored(X)
        warn_of_unknown(int((scored.n_known == 0).sum()), len(scored.scores))
        return scored.scores

    def assess(self, X: Any) -> Assessment:
        """Score, p-value, label, nearest context and number of known words of each document."""
        assessment = self._fitted()._assess(X)
        warn_of_unknown(int((assessment.n_known_words == 0).sum()), len(assessment))
        return assessment

    def _assess(self, X: Any) -> Assessment:
        """What `assess` returns, without a warning."""
        scores, n_known, nearest = self._scored(X)
        return Assessment(
            score=scores,
            p_value=conformal_p_values(self.calibration_scores_, scores),
            label=judged_labels(self._labels(scores), n_known),
            nearest_context=np.full(len(scores), -1) if nearest is None else nearest,
            n_known_words=n_known,
        )

    def predict(self, X: Any) -> NDArray[np.int64]:
        """+1 for normal, -1 for anomalous, ``(n,)``, as scikit-learn has it.

        A document without a known word is -1 here, as it has the worst score; `assess` says that
        it is not judged.
        """
        return self._labels(self.anomaly_score(X))

    def decision_function(self, X: Any) -> NDArray[np.float32]:
        """``threshold_ - anomaly_score(X)``: positive is normal, ``(n,)``."""
        return np.float32(self._fitted().threshold_) - self.anomaly_score(X)

    def score_samples(self, X: Any) -> NDArray[np.float32]:
        """``-anomaly_score(X)``, scikit-learn's sign: higher is more normal, ``(n,)``."""
        return -self.anomaly_score(X)

    def p_value(self, X: Any) -> NDArray[np.float64]:
        """Probability that a normal sample scores at least as high (eq. 1.5), ``(n,)``."""
        scores = self.anomaly_score(X)
        return conformal_p_values(self.calibration_scores_, scores)

    @property
    def n_training_samples_(self) -> int | None:
        """How many samples it learned from; None where that is not recorded."""
        return None

    def weighted_members(self) -> list[tuple[str, OneClassDetector, float]]:
        """Name, detector and weight of each member, of a detector that has some."""
        return []

    def recalled_scores(self, X: Any) -> NDArray[np.float32]:
        """Out-of-sample scores of training samples that it remembers, ``(n,)``; NaN of others."""
        return np.full(len(X), np.nan, np.float32)

    def context_summaries(self) -> list[Any]:
        """The `ContextSummary` of each context, of a detector that has some."""
        return []

    def facts(self) -> dict[str, Any]:
        """What else `textocl info` tells of it, such as the size of its vocabulary."""
        return {}

    @property
    def offset_(self) -> float:
        """scikit-learn's relation: ``decision_function = score_samples - offset_``."""
        return -self._fitted().threshold_

    def _labels(self, scores: NDArray[np.float32]) -> NDArray[np.int64]:
        return np.where(scores > self.threshold_, -1, 1)

    # --- saving ---

    def save(self, folder: str | PathLike[str]) -> None:
        """Write the fitted detector as a folder: config.json and weights.safetensors.

        An existing model there is replaced at once or not at all.

        Raises
        ------
        NotFittedError
            Nothing has been learned yet.
        FormatError
            ``folder`` exists and is something else than a textocl model.
        """
        files = self._fitted()._to_files()
        save_model_files(Path(folder), type(self).__name__, self._fit_params, files)

    @classmethod
    def load(cls: type[Self], folder: str | PathLike[str]) -> Self:
        """Read a detector of this class; see `textocl.load`."""
        detector = load(folder)
        if not isinstance(detector, cls):
            raise DataError(
                f"{folder} holds a {type(detector).__name__}, not a {cls.__name__}; "
                "use textocl.load."
            )
        return detector

    def _to_files(self) -> ModelFiles:
        """Return everything that a fitted detector needs to score again."""
        files = self.state_.to_files()
        facts = {"threshold": self.threshold_, **files.facts}
        return ModelFiles(facts, {"calibration_scores": self.calibration_scores_, **files.arrays})

    def _from_files(self, files: ModelFiles) -> None:
        """Take over what `_to_files` returned."""
        self._check_parameters()
        state = self._read_state(files)
        scores = files.array("calibration_scores", np.float32, None)
        if not len(scores):
            raise FormatError("it has no calibration scores.")
        worst = math.inf if self._WORST_SCORE is None else self._WORST_SCORE
        highest = worst + 0.01 * max(1, abs(worst))  # a threshold may lie a rounding above it
        threshold = check_number("threshold", files.facts.get("threshold"), high=highest)
        self._take_over(
            self._frozen_params(), state_=state, calibration_scores_=scores, threshold_=threshold
        )

    # --- calibration ---

    def _split_for_calibration(
        self, n_samples: int, seed: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Indices to train on and to calibrate with.

        A fifth is held out, or as much more as the false-alarm rate needs, up to a half. With
        ``calibration="training"`` or "cross" both are everything.
        """
        everything = np.arange(n_samples)
        if self.calibration != "split":
            return everything, everything
        n_held_out = held_out_size(n_samples, self.false_alarm_rate)
        order = np.random.default_rng(seed).permutation(n_samples)
        return np.sort(order[n_held_out:]), np.sort(order[:n_held_out])

    def _calibrated(self, scores: NDArray[np.float32], params: Mapping[str, Any]) -> dict[str, Any]:
        threshold = conformal_threshold(scores, params["false_alarm_rate"], self._WORST_SCORE)
        return {"calibration_scores_": np.sort(scores), "threshold_": threshold}

    def _calibration_shortage(self, n_calibration: int) -> str | None:
        """Say so if there are too few calibration scores for the false-alarm rate."""
        rate = self._fit_params["false_alarm_rate"]
        needed = smallest_calibration_size(rate)
        if n_calibration >= needed:
            return None
        return (
            f"a false-alarm rate of {rate:g} needs {needed} {self._noun()} to calibrate with; "
            f"there are {n_calibration}; the threshold goes on where their scores end, as an "
            "exponential tail would, and the rate holds roughly."
        )


def held_out_size(n_samples: int, false_alarm_rate: float) -> int:
    """How many of ``n_samples`` are held out for calibration."""
    wanted = max(n_samples // 5, smallest_calibration_size(false_alarm_rate))
    return min(wanted, n_samples // 2)
