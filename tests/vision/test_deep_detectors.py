"""What each detector learns: centre, radius, labels; and what it says when nothing is learned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from digits import Digits
from scipy.sparse import csr_array

import textocl
from textocl.core.exceptions import DataError, TextoclError, TextoclWarning
from textocl.core.metrics import evaluate
from textocl.training.loop import Schedule
from textocl.vision import FCDD, HSC, DeepSAD, DeepSVDD
from textocl.vision.autoencoder import train_autoencoder
from textocl.vision.deep_model import DeepModel
from textocl.vision.fcdd import anomaly_maps
from textocl.vision.hypersphere import first_center, squared_distances
from textocl.vision.images import read_samples
from textocl.vision.networks import layers_of

SOURCE = np.random.default_rng(0)
NORMAL = SOURCE.normal(1.5, 1, (200, 6)).astype(np.float32)
NEW = SOURCE.normal(1.5, 1, (100, 6)).astype(np.float32)
ON_POINTS: dict[str, Any] = {"n_epochs": 30, "batch_size": 50, "learning_rate": 0.01}
LENET: dict[str, Any] = {"network": "lenet-8-4-fc32", "batch_size": 32, "n_epochs": 15}


def anomalies(n: int, seed: int = 0) -> np.ndarray:
    """Off to one side, where normal points are not."""
    side = np.array([1, -1, 1, -1, 1, -1])
    return (np.random.default_rng(seed).normal(1.5, 1, (n, 6)) + 1.5 * side).astype(np.float32)


def with_anomalies(n: int = 30) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([NORMAL, anomalies(n)]), np.repeat([0, -1], [200, n])


def model_of(detector: Any) -> DeepModel:
    return detector.state_.model


def outputs_of(detector: Any, X: np.ndarray) -> torch.Tensor:
    model = model_of(detector)
    with torch.no_grad():
        return model.network(model.preprocessing(read_samples(X)))


def test_squared_distances_are_a_loop() -> None:
    outputs = torch.tensor([[1.0, 2.0], [0.0, -1.0]])
    assert squared_distances(outputs, torch.tensor([0.0, 1.0])).tolist() == [2, 4]


def test_the_centre_is_the_mean_of_all_outputs_kept_off_0() -> None:
    X = torch.tensor([[1.0, 0.0, 0.06, -0.06, -3], [2.0, 0.0, 0.06, -0.06, -4], [6, 0, 0, 0, -5]])
    network = torch.nn.Sequential(torch.nn.Dropout(0.9))  # evaluation mode leaves X as it is
    network.train()
    center = first_center(network, X, batch_size=2)  # batches of unequal size count by sample
    assert center.tolist() == pytest.approx([3, 0.1, 0.1, -0.1, -4])


@pytest.mark.parametrize("n_pretraining_epochs", [0, 3])
def test_the_centre_leaves_known_anomalies_out(n_pretraining_epochs: int) -> None:
    X, y = with_anomalies()
    detector = DeepSAD(
        n_epochs=0, n_pretraining_epochs=n_pretraining_epochs, calibration="training"
    ).fit(X, y)
    means = outputs_of(detector, NORMAL).mean(dim=0).numpy()
    far = np.abs(means) >= 0.1
    assert far.any()
    assert np.allclose(detector.center_[far], means[far], atol=1e-5)
    assert (np.abs(detector.center_) >= 0.1 - 1e-6).all()


def test_training_starts_from_the_encoder_of_the_autoencoder(digits: Digits) -> None:
    detector = DeepSVDD(**{**LENET, "n_epochs": 0}, n_pretraining_epochs=3, calibration="training")
    model = model_of(detector.fit(digits.train))
    X = model.preprocessing(read_samples(digits.train))
    autoencoder = train_autoencoder(
        X,
        layers_of("lenet-8-4-fc32", (1, 8, 8)),
        Schedule(3, 1e-3, 2 / 3, 32, 1e-6, even_batches=True),
        torch.Generator().manual_seed(0),
    )
    for name, tensor in autoencoder.encoder.state_dict().items():
        assert torch.equal(model.network.state_dict()[name], tensor), name


@pytest.mark.parametrize("objective", ["one-class", "soft-boundary"])
def test_scores_are_distances_of_outputs_to_the_centre(objective: str) -> None:
    detector = DeepSVDD(objective=objective, nu=0.2, n_pretraining_epochs=5, **ON_POINTS)
    detector.fit(NORMAL)
    outputs = outputs_of(detector, NEW).double().numpy()
    expected = [
        np.sqrt(((output - detector.center_) ** 2).sum()) - detector.radius_ for output in outputs
    ]
    assert detector.anomaly_score(NEW).tolist() == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert (detector.radius_ == 0) == (objective == "one-class")


@pytest.mark.parametrize("nu", [0.05, 0.3])
def test_the_last_radius_leaves_nu_of_all_training_samples_outside(nu: float) -> None:
    detector = DeepSVDD(
        objective="soft-boundary", nu=nu, calibration="training", n_pretraining_epochs=5,
        **ON_POINTS,
    ).fit(NORMAL)  # fmt: skip
    outside = (detector.anomaly_score(NORMAL) > 1e-6).mean()
    assert nu - 1.5 / len(NORMAL) <= outside <= nu + 0.5 / len(NORMAL)


def test_training_draws_normal_samples_together(digits: Digits) -> None:
    detector = DeepSVDD(**LENET, n_pretraining_epochs=10).fit(digits.train)
    untrained = DeepSVDD(**{**LENET, "n_epochs": 0}, n_pretraining_epochs=10).fit(digits.train)
    ratios = []
    for each in (detector, untrained):
        scores = each.anomaly_score(digits.test)
        ratios.append(scores[digits.is_anomaly].mean() / scores[~digits.is_anomaly].mean())
    assert ratios[0] > 1.1 * ratios[1]
    assert detector.history_[-1] < detector.history_[0] / 2


def test_deep_sad_learns_from_a_few_anomalies() -> None:
    asked, truth = np.concatenate([NEW, anomalies(100, seed=1)]), np.repeat([False, True], 100)
    settings = {**ON_POINTS, "n_pretraining_epochs": 5}
    with_them = DeepSAD(**settings).fit(*with_anomalies(20))
    with pytest.warns(TextoclWarning, match="20 samples labelled -1 were left out"):
        without = DeepSVDD(**settings).fit(*with_anomalies(20))
    areas = [evaluate(d.anomaly_score(asked), truth).auc for d in (with_them, without)]
    assert areas[0] > 0.95
    assert areas[0] > areas[1]
    assert with_them.anomaly_score(NEW).std() > 1e-3
    # Deep SVDD leaves anomalies out; without labels Deep SAD is Deep SVDD
    alone = DeepSVDD(**settings).fit(NORMAL)
    assert without.anomaly_score(NEW).tobytes() == alone.anomaly_score(NEW).tobytes()
    assert DeepSAD(**settings).fit(NORMAL).anomaly_score(NEW).tobytes() == (
        alone.anomaly_score(NEW).tobytes()
    )


@pytest.mark.parametrize("detector", [DeepSVDD(), DeepSAD(), HSC()])
def test_frames_and_lists_of_numbers_are_features(detector: Any) -> None:
    detector.set_params(n_epochs=1, batch_size=50)
    X, y = with_anomalies()
    given = (X, y) if detector.learns_from_anomalies else (NORMAL, None)
    expected = detector.fit(*given).anomaly_score(NEW)
    again = detector.fit(pd.DataFrame(given[0]), given[1])
    for same in (pd.DataFrame(NEW), NEW.tolist(), csr_array(NEW)):
        assert again.anomaly_score(same).tobytes() == expected.tobytes()
    with pytest.raises(DataError, match="one label for each of 200 samples"):
        detector.fit(NORMAL, [1])
    with pytest.raises(DataError, match="expected 6 features, as in fit, got 2 features"):
        detector.anomaly_score(pd.DataFrame(NEW[:, :2]))


def test_eta_weighs_labelled_samples() -> None:
    gaps = []
    for eta in (0.05, 20.0):
        detector = DeepSAD(eta=eta, n_pretraining_epochs=5, **ON_POINTS).fit(*with_anomalies(10))
        scores = detector.anomaly_score(anomalies(100, seed=1))
        gaps.append(scores.mean() / detector.anomaly_score(NEW).mean())
    assert gaps[1] > gaps[0]


def test_anomalies_at_the_very_centre_do_not_break_deep_sad() -> None:
    X = np.concatenate([NORMAL, NORMAL[:20]])  # copies of normal points, called anomalous
    detector = DeepSAD(n_pretraining_epochs=5, **ON_POINTS).fit(X, np.repeat([1, -1], [200, 20]))
    assert np.isfinite(detector.anomaly_score(NEW)).all()
    assert np.isfinite(detector.history_).all()


def test_hsc_learns_from_outlier_exposure() -> None:
    detector = HSC(**ON_POINTS).fit(*with_anomalies())
    asked, truth = np.concatenate([NEW, anomalies(100, seed=1)]), np.repeat([False, True], 100)
    assert evaluate(detector.anomaly_score(asked), truth).auc > 0.95
    assert (detector.predict(NEW) == -1).mean() < 0.2


@pytest.mark.parametrize("detector", [HSC(), FCDD()])
def test_classifiers_without_anomalies_say_so(detector: Any, digits: Digits) -> None:
    with pytest.raises(DataError, match=f"{type(detector).__name__} learns normal from anomalous"):
        detector.fit(digits.train)


def test_fcdd_scores_are_means_of_maps_and_heatmaps_find_the_place(digits: Digits) -> None:
    plain = np.full((80, 24, 24), 0.3, np.float32) + SOURCE.normal(0, 0.05, (80, 24, 24))
    marked = plain.copy()
    places = SOURCE.integers(0, 2, (80, 2)) * 12
    for image, (top, left) in zip(marked, places, strict=True):
        image[top + 3 : top + 9, left + 3 : left + 9] += 0.5
    X, y = np.concatenate([plain, marked]).astype(np.float32), np.repeat([0, -1], 80)
    detector = FCDD(n_epochs=8, batch_size=32, preprocessing="standardize", learning_rate=1e-3).fit(
        X, y
    )
    maps = anomaly_maps(outputs_of(detector, X))
    assert maps.shape == (160, 6, 6)
    assert detector.anomaly_score(X).tolist() == pytest.approx(
        maps.mean(dim=(1, 2)).tolist(), rel=1e-4
    )
    heat = detector.explain(X[80:])
    assert heat.shape == (80, 24, 24)
    assert (heat >= 0).all()
    quarters = heat.reshape(80, 2, 12, 2, 12).sum(axis=(2, 4)).reshape(80, 4)
    found = quarters.argmax(axis=1) == places[:, 0] // 12 * 2 + places[:, 1] // 12
    assert found.mean() > 0.9
    with pytest.raises(DataError, match="FCDD takes images"):
        FCDD().fit(*with_anomalies())


def test_masks_sharpen_heatmaps() -> None:
    X = np.full((60, 24, 24), 0.3, np.float32)
    X += SOURCE.normal(0, 0.05, X.shape).astype(np.float32)
    masks, y = np.zeros(X.shape, bool), np.repeat([0, -1], 30)
    masks[30:, 4:10, 13:20] = True
    X[30:, 4:10, 13:20] += 0.5  # the defect
    settings = {
        "batch_size": 30,
        "preprocessing": "standardize",
        "n_epochs": 10,
        "calibration": "training",
    }
    areas = []
    for given in (masks, None):
        detector = FCDD(**settings).fit(X, y, given)
        heat = detector.explain(X[30:])
        areas.append(evaluate(heat.ravel(), masks[30:].ravel()).auc)
    assert areas[0] > 0.95
    assert areas[0] > areas[1]


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        (np.zeros((60, 8, 9)), r"expected masks \(60, 8, 8\)"),
        (np.zeros((59, 8, 8)), r"got an array of float64 with shape \(59, 8, 8\)"),
        (np.ones((60, 8, 8)), "30 masks mark a place in an image that is not labelled anomalous"),
        (np.full((60, 8, 8), "a"), "expected masks"),
    ],
)
def test_masks_that_do_not_match_are_refused(masks: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        FCDD(n_epochs=1).fit(SOURCE.random((60, 8, 8)), np.repeat([0, -1], 30), masks)


def test_an_empty_mask_means_the_whole_image() -> None:
    X, y = SOURCE.random((60, 8, 8)), np.repeat([0, -1], 30)
    everywhere = np.zeros((60, 8, 8))
    everywhere[30:] = 1
    one, two = (
        FCDD(n_epochs=1, batch_size=20, calibration="training").fit(X, y, masks).anomaly_score(X)
        for masks in (np.zeros((60, 8, 8)), everywhere)
    )
    assert one.tobytes() == two.tobytes()


def test_gradients_say_which_features_move_the_score() -> None:
    X = NORMAL.copy()
    detector = DeepSVDD(n_pretraining_epochs=5, preprocessing="none", **ON_POINTS).fit(X)
    sample = NEW[:5].astype(np.float64)
    sensitivity = detector.explain(NEW[:5])
    assert sensitivity.shape == (5, 6)
    step = 1e-2
    for j in range(6):
        moved = [sample.copy(), sample.copy()]
        moved[0][:, j] += step
        moved[1][:, j] -= step
        up, down = (detector.anomaly_score(m).astype(float) for m in moved)
        assert np.abs(up - down) / (2 * step) == pytest.approx(sensitivity[:, j], rel=0.2, abs=0.02)


def test_a_collapsed_network_is_reported() -> None:
    class Collapsing(DeepSVDD):
        def _finish(self, model: DeepModel, X: torch.Tensor) -> None:
            with torch.no_grad():
                for parameter in model.network.parameters():
                    parameter.mul_(1e-6)

    with pytest.warns(TextoclWarning, match="the network has collapsed"):
        Collapsing(n_pretraining_epochs=2, n_epochs=1, random_state=1).fit(NORMAL)


def test_a_diverging_training_is_reported() -> None:
    with pytest.raises(TextoclError, match="diverged"):
        DeepSVDD(n_epochs=30, n_pretraining_epochs=0, learning_rate=1e30).fit(NORMAL * 1e3)


@pytest.mark.parametrize(
    ("detector", "parameters", "message"),
    [
        (DeepSVDD(), {"objective": "hard"}, "objective must be one of 'one-class'"),
        (DeepSVDD(), {"nu": 0}, "nu must be"),
        (DeepSVDD(), {"n_pretraining_epochs": -1}, "n_pretraining_epochs must be"),
        (DeepSAD(), {"pretraining_rate": 0}, "pretraining_rate must be"),
        (DeepSAD(), {"eta": 0}, "eta must be"),
        (HSC(), {"norm": "l3"}, "norm must be"),
        (FCDD(), {"sigma": 0}, "sigma must be"),
        (HSC(), {"network": "mnist"}, "takes images"),
    ],
)
def test_wrong_parameters_are_refused(
    detector: Any, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        detector.set_params(**parameters).fit(*with_anomalies())


@pytest.mark.parametrize("detector", [DeepSVDD(), DeepSAD(), HSC()])
def test_degenerate_samples_get_finite_scores(detector: Any, tmp_path: Any) -> None:
    detector.set_params(n_epochs=3, calibration="training", false_alarm_rate=0.5)
    extremes = np.array([[0] * 3, [1e30] * 3, [-3e38] * 3, [1e-45] * 3], np.float32)
    for points in (np.zeros((30, 3)), SOURCE.normal(size=(2, 3))):
        X = np.concatenate([points, points[:2]]).astype(np.float32)
        y = np.repeat([1, -1], [len(points), 2])
        detector.fit(*((X, y) if detector.learns_from_anomalies else (points,)))
        scores = detector.anomaly_score(extremes)
        assert np.isfinite(scores).all()
        detector.save(tmp_path / "model")
        loaded = textocl.load(tmp_path / "model")
        assert loaded.anomaly_score(extremes).tobytes() == scores.tobytes()
