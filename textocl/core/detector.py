"""The one contract of every detector, of text and of images."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.exceptions import NotFittedError as _SklearnNotFittedError

from textocl.core.exceptions import DataError, TextoclError, TextoclWarning
from textocl.core.persistence import ModelFiles, load_model_files, save_model_files
from textocl.core.thresholds import (
    conformal_p_values,
    conformal_threshold,
    smallest_calibration_size,
)
from textocl.core.validation import check_choice, check_number, warn_of_unknown

Self = TypeVar("Self", bound="OneClassDetector")


@dataclass(frozen=True)
class Assessment:
    """What a detector says of n documents, one entry each.

    Attributes
    ----------
    score : (n,) float32
    p_value : (n,) float64
    label : (n,) int64, +1 normal, -1 anomalous
    nearest_context : (n,) int64, -1 without a known word, or where the detector has no contexts
    n_known_words : (n,) int64, distinct words of the document that the model knows; with 0 the
        score is the worst there is
    """

    score: NDArray[np.float32]
    p_value: NDArray[np.float64]
    label: NDArray[np.int64]
    nearest_context: NDArray[np.int64]
    n_known_words: NDArray[np.int64]


class NotFittedError(TextoclError, _SklearnNotFittedError):
    """A detector was asked for something that only a fitted one knows."""


class OneClassDetector(OutlierMixin, BaseEstimator, ABC):
    """Learns what is normal; scores, judges and explains what is new.

    A subclass stores its keyword-only parameters unchanged, ``false_alarm_rate`` and
    ``calibration`` among them, and gives the members marked abstract below.

    Attributes
    ----------
    threshold_ : float
        Scores above it are called anomalous.
    calibration_scores_ : (n,) float32, ascending
        Scores of normal data that threshold and p-values come from.
    """

    #: parameters that describe the machine at hand rather than the model; not saved
    _UNSAVED: ClassVar[tuple[str, ...]] = ()
    _CALIBRATIONS: ClassVar[tuple[str, ...]] = ("split", "training")
    _SAMPLES: ClassVar[str] = "documents"  # what messages call them

    false_alarm_rate: float
    calibration: str
    _fit_params: dict[str, Any]
    threshold_: float
    calibration_scores_: NDArray[np.float32]

    @abstractmethod
    def fit(self: Self, X: Any, y: Any = None) -> Self:
        """Learn from ``X``; labels ``y`` are +1 normal, 0 unlabelled, -1 anomaly."""

    @abstractmethod
    def anomaly_score(self, X: Any) -> NDArray[np.float32]:
        """Score each sample, ``(n,)``; higher is more anomalous, whatever else is in ``X``."""

    @abstractmethod
    def explain(self, X: Any) -> Any:
        """Say of each sample which parts make it normal and which anomalous."""

    @abstractmethod
    def _to_files(self) -> ModelFiles:
        """Return everything that a fitted detector needs to score again."""

    @abstractmethod
    def _from_files(self, files: ModelFiles) -> None:
        """Take over what `_to_files` returned."""

    @abstractmethod
    def _scores_and_known(self, X: Any) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Scores without a warning, and how much of each sample is known, ``(n,)`` each."""

    def assess(self, X: Any) -> Assessment:
        """Score, p-value, label, nearest context and number of known words of each document."""
        assessment = self._fitted()._assess(X)
        n_unknown = int((assessment.n_known_words == 0).sum())
        warn_of_unknown(n_unknown, len(assessment.score))
        return assessment

    def _assess(self, X: Any) -> Assessment:
        """What `assess` returns, without a warning."""
        scores, n_known = self._scores_and_known(X)
        return self._assessment(scores, n_known, np.full(len(scores), -1))

    def _assessment(
        self,
        scores: NDArray[np.float32],
        n_known: NDArray[np.int64],
        nearest: NDArray[np.int64],
    ) -> Assessment:
        return Assessment(
            score=scores,
            p_value=conformal_p_values(self.calibration_scores_, scores),
            label=self._labels(scores),
            nearest_context=nearest,
            n_known_words=n_known,
        )

    def predict(self, X: Any) -> NDArray[np.int64]:
        """+1 for normal, -1 for anomalous, ``(n,)``."""
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

    def recalibrate(self: Self, *, false_alarm_rate: float) -> Self:
        """Judge by another false-alarm rate without fitting again.

        Raises
        ------
        NotFittedError, DataError
        """
        params = self._fitted()._fit_params
        check_number("false_alarm_rate", false_alarm_rate, 0, 1, low_open=True, high_open=True)
        self.false_alarm_rate = params["false_alarm_rate"] = false_alarm_rate
        self._calibrate(self.calibration_scores_)
        self._warn_of_shortage()
        return self

    def _warn_of_shortage(self) -> None:
        shortage = self._calibration_shortage(len(self.calibration_scores_))
        if shortage:
            warnings.warn(shortage, TextoclWarning, stacklevel=3)

    def fit_predict(self, X: Any, y: Any = None) -> NDArray[np.int64]:
        """Fit, and predict the same samples."""
        X = X if isinstance(X, (str, bytes)) or not hasattr(X, "__next__") else list(X)
        return self.fit(X, y).predict(X)

    @property
    def offset_(self) -> float:
        """scikit-learn's relation: ``decision_function = score_samples - offset_``."""
        return -self._fitted().threshold_

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
        detector = load_model_files(Path(folder))
        if not isinstance(detector, cls):
            raise DataError(
                f"{folder} holds a {type(detector).__name__}, not a {cls.__name__}; "
                "use textocl.load."
            )
        return detector

    def _fitted(self: Self) -> Self:
        if not hasattr(self, "threshold_"):
            raise NotFittedError(f"this {type(self).__name__} is not fitted; call fit first.")
        return self

    def _check_calibration_parameters(self) -> None:
        check_number("false_alarm_rate", self.false_alarm_rate, 0, 1, low_open=True, high_open=True)
        check_choice("calibration", self.calibration, self._CALIBRATIONS)

    def _freeze_params(self) -> None:
        """Remember the parameters as they are now: scores go by these until the next fit.

        ``set_params`` on a fitted detector, which scikit-learn allows, changes nothing by half.
        """
        self._fit_params = {
            name: value
            for name, value in self.get_params(deep=False).items()
            if name not in self._UNSAVED
        }

    def _calibrate(self, scores: NDArray[np.float32]) -> None:
        """Take threshold and p-values from these scores of normal data."""
        self.calibration_scores_ = np.sort(scores)
        self.threshold_ = conformal_threshold(scores, self.false_alarm_rate)

    def _labels(self, scores: NDArray[np.float32]) -> NDArray[np.int64]:
        return np.where(scores > self.threshold_, -1, 1)

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
        wanted = max(n_samples // 5, smallest_calibration_size(self.false_alarm_rate))
        n_held_out = min(wanted, n_samples // 2)
        order = np.random.default_rng(seed).permutation(n_samples)
        return np.sort(order[n_held_out:]), np.sort(order[:n_held_out])

    def _calibration_shortage(self, n_calibration: int) -> str | None:
        """Say so if there are too few calibration scores for the false-alarm rate."""
        needed = smallest_calibration_size(self.false_alarm_rate)
        if n_calibration >= needed:
            return None
        return (
            f"a false-alarm rate of {self.false_alarm_rate:g} needs {needed} held-out "
            f"{self._SAMPLES}, there are {n_calibration}; the threshold is their highest score, "
            f"a rate of about {1 / (n_calibration + 1):.2g}."
        )
