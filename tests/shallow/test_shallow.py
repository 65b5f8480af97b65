"""What every shallow detector promises of points."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.base import clone

import textocl
from textocl import (
    KDE,
    KNN,
    LOF,
    MVE,
    OCSVM,
    PCA,
    SVDD,
    DataError,
    Gaussian,
    IsolationForest,
    KernelPCA,
    NotFittedError,
    OneClassDetector,
)
from textocl.core.metrics import evaluate

DETECTORS = {
    "ocsvm": OCSVM(),
    "ocsvm-rbf": OCSVM(kernel="rbf"),
    "ocsvm-1": OCSVM(nu=1),
    "ocsvm-rbf-1": OCSVM(kernel="rbf", nu=1.0, gamma=0.5),
    "svdd": SVDD(),
    "svdd-1": SVDD(nu=1),
    "svdd-linear": SVDD(kernel="linear"),
    "svdd-linear-1": SVDD(kernel="linear", nu=1),
    "knn": KNN(),
    "knn-max": KNN(n_neighbors=3, aggregation="max"),
    "lof": LOF(),
    "gaussian": Gaussian(),
    "gaussian-oas": Gaussian(shrinkage="oas"),
    "gaussian-0": Gaussian(shrinkage=0),
    "gaussian-1": Gaussian(shrinkage=1.0),
    "mve": MVE(),
    "mve-2": MVE(n_components=2, support_fraction=0.8),
    "pca": PCA(),
    "pca-2": PCA(n_components=2),
    "kernel-pca": KernelPCA(),
    "kernel-pca-5": KernelPCA(n_components=5, gamma=0.3),
    "kde": KDE(whitening=0.0),
    "kde-white": KDE(bandwidth=1.5),
    "kde-landmarks": KDE(bandwidth=1.5, n_landmarks=40),
    "forest": IsolationForest(n_estimators=30),
    "forest-16": IsolationForest(n_estimators=20, max_samples=16),
}


@pytest.fixture(scope="module", params=DETECTORS)
def fitted(request: pytest.FixtureRequest, training: np.ndarray) -> OneClassDetector:
    return clone(DETECTORS[request.param]).fit(training)


def test_far_points_rank_above_near_ones(fitted: OneClassDetector, training: np.ndarray) -> None:
    away = 4 - 9 * (np.random.default_rng(2).normal(size=(40, 6)) + 1)  # towards the origin
    scores = fitted.anomaly_score(np.concatenate([training, away.astype(np.float32)]))
    assert scores.dtype == np.float32
    assert evaluate(scores, np.repeat([False, True], [150, 40])).auc > 0.9
    assert scores.std() > 1e-3


def test_saved_and_loaded_scores_are_equal_bit_for_bit(
    fitted: OneClassDetector, new: np.ndarray, tmp_path: Path
) -> None:
    fitted.save(tmp_path / "model")
    loaded = textocl.load(tmp_path / "model")
    assert type(loaded) is type(fitted)
    assert loaded.get_params() == fitted.get_params()
    assert loaded.anomaly_score(new).tobytes() == fitted.anomaly_score(new).tobytes()
    assert loaded.threshold_ == fitted.threshold_
    loaded.save(tmp_path / "again")
    weights = [
        (tmp_path / name / "weights.safetensors").read_bytes() for name in ("model", "again")
    ]
    assert weights[0] == weights[1]


def test_fitting_again_gives_the_same_scores(
    fitted: OneClassDetector, training: np.ndarray, new: np.ndarray
) -> None:
    again = clone(fitted).fit(training)
    assert again.anomaly_score(new).tobytes() == fitted.anomaly_score(new).tobytes()


def test_scores_do_not_depend_on_the_batch(fitted: OneClassDetector, new: np.ndarray) -> None:
    whole = fitted.anomaly_score(new)
    for cut in (1, 7, 39):
        parts = np.concatenate([fitted.anomaly_score(new[:cut]), fitted.anomaly_score(new[cut:])])
        assert np.allclose(parts, whole, rtol=1e-6, atol=1e-9)
    assert fitted.anomaly_score(new[:0]).shape == (0,)


def test_parameters_set_after_fit_change_nothing(
    fitted: OneClassDetector, training: np.ndarray, new: np.ndarray
) -> None:
    detector = clone(fitted).fit(training)
    other = {
        "kernel": "linear",
        "n_neighbors": 1,
        "aggregation": "max",
        "bandwidth": 9.0,
        "n_components": 1,
        "shrinkage": 0.5,
        "gamma": 3.0,
    }
    known = detector.get_params()
    detector.set_params(**{name: value for name, value in other.items() if name in known})
    assert (detector.anomaly_score(new) == fitted.anomaly_score(new)).all()


def test_the_learned_state_is_as_declared(fitted: OneClassDetector) -> None:
    assert fitted.state_.learned.keys() == fitted._ARRAYS.keys()
    for name, (dtype, letters) in fitted._ARRAYS.items():
        array = fitted.state_.learned[name]
        assert (array.dtype, array.ndim) == (np.dtype(dtype), len(letters.split()))
        assert array.flags["C_CONTIGUOUS"]


@pytest.mark.parametrize("kind", DETECTORS)
def test_unfitted_detectors_say_so(kind: str, new: np.ndarray) -> None:
    with pytest.raises(NotFittedError, match="call fit first"):
        clone(DETECTORS[kind]).anomaly_score(new)


BIG = np.float32(1e30)
_SOURCE = np.random.default_rng(3)
DEGENERATE = {
    "two points": np.array([[0, 1], [1, 0]]),
    "two equal points": np.array([[2, 1], [2, 1]]),
    "zeros": np.zeros((30, 3)),
    "all equal": np.tile([0.1, -0.7, 3.3], (30, 1)),
    "all equal and huge": np.tile([BIG, -BIG / 7], (30, 1)),
    "many repeated": np.repeat(_SOURCE.normal(size=(3, 4)), [37, 2, 1], axis=0),
    "repeated far off": np.repeat(_SOURCE.normal(size=(3, 4)), [17, 2, 1], axis=0) + 1e6,
    "one feature": _SOURCE.normal(size=(30, 1)),
    "one feature, two values": np.repeat([[0.0], [1.0]], [25, 5], axis=0),
    "a feature that is constant": np.column_stack([_SOURCE.normal(size=30), np.full(30, 5)]),
    "on a line": _SOURCE.normal(size=(30, 1)) * [1, 2, 3],
    "more features than points": _SOURCE.normal(size=(8, 40)),
    "huge": _SOURCE.normal(size=(30, 3)) * BIG,
    "one is huge": np.concatenate([_SOURCE.normal(size=(30, 2)), [[BIG, 0]]]),
    "the largest": _SOURCE.choice([-1, 1], size=(30, 3)) * np.finfo(np.float32).max,
    "the smallest": _SOURCE.normal(size=(30, 3)) * 1e-42,
}


def was_refused(detector: OneClassDetector, points: np.ndarray) -> bool:
    try:
        detector.fit(points)
    except DataError as refusal:
        # says what was expected, what came, and what to do
        return "; " in str(refusal) or pytest.fail(str(refusal))
    return False


@pytest.mark.filterwarnings("ignore::textocl.TextoclWarning")
@pytest.mark.parametrize("data", DEGENERATE)
@pytest.mark.parametrize("kind", [kind for kind in DETECTORS if kind != "kde-white"])
def test_degenerate_training_points_work_or_are_refused(kind: str, data: str) -> None:
    points = DEGENERATE[data].astype(np.float32)
    extremes = np.array([[0], [1], [-1], [1e30], [-1e30], [3.4e38], [-3.4e38], [1e-45]])
    asked = np.concatenate([points, np.broadcast_to(extremes, (8, points.shape[1]))])
    detector = clone(DETECTORS[kind]).set_params(calibration="training")
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # numpy met NaN or infinity
        if was_refused(detector, points):
            return
        assert np.isfinite(detector.anomaly_score(asked.astype(np.float32))).all()


@settings(max_examples=15, deadline=None)
@given(data=st.data())
@pytest.mark.filterwarnings("ignore::textocl.TextoclWarning")
@pytest.mark.parametrize("kind", [kind for kind in DETECTORS if kind != "kde-white"])
def test_any_finite_points_get_finite_scores(kind: str, data: st.DataObject) -> None:
    d = data.draw(st.integers(1, 4))
    finite = st.floats(allow_nan=False, allow_infinity=False, width=32)
    few = st.one_of(finite, st.sampled_from([0.0, 1.0, -1.0]))
    n = data.draw(st.integers(2, 12))
    points = data.draw(arrays.arrays(np.float32, (n, d), elements=few))
    asked = data.draw(arrays.arrays(np.float32, (5, d), elements=few))
    detector = clone(DETECTORS[kind]).set_params(calibration="training")
    if was_refused(detector, points):
        return
    assert np.isfinite(detector.anomaly_score(asked)).all()
    assert np.isfinite(detector.calibration_scores_).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (OCSVM(nu=0), r"nu must be in \(0, 1\]"),
        (OCSVM(nu=1.5), "nu must be"),
        (OCSVM(kernel="poly"), "kernel must be one of 'linear', 'rbf'"),
        (OCSVM(gamma="auto"), "gamma must be 'scale' or a number"),
        (OCSVM(gamma=0), "gamma must be in"),
        (SVDD(nu=-1), "nu must be"),
        (SVDD(gamma=float("nan")), "gamma must be"),
        (KNN(n_neighbors=0), "n_neighbors must be an integer of at least 1"),
        (KNN(aggregation="median"), "aggregation must be one of 'mean', 'max'"),
        (LOF(n_neighbors=2.5), "n_neighbors must be an integer"),
        (Gaussian(shrinkage="none"), "shrinkage must be one of"),
        (Gaussian(shrinkage=2), "shrinkage must be in"),
        (MVE(n_components=0), "n_components must be"),
        (MVE(support_fraction=0), "support_fraction must be in"),
        (PCA(n_components=0), "n_components must be"),
        (PCA(n_components=1.0), "n_components must be in"),
        (KernelPCA(n_components=True), "n_components must be"),
        (KernelPCA(gamma=-1), "gamma must be"),
        (KDE(bandwidth=0), "bandwidth must be in"),
        (KDE(n_landmarks=0), "n_landmarks must be"),
        (KDE(n_landmarks=10.5), "n_landmarks must be an integer"),
        (IsolationForest(n_estimators=0), "n_estimators must be"),
        (IsolationForest(max_samples=1), "max_samples must be"),
        (IsolationForest(max_samples="all"), "max_samples must be 'auto' or an int"),
    ],
)
def test_wrong_parameters_are_refused(wrong: Any, message: str, training: np.ndarray) -> None:
    with pytest.raises(DataError, match=message):
        wrong.fit(training)
