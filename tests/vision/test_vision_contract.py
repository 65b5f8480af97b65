"""What every vision detector promises, the same as the text detectors do."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from digits import Digits
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

import textocl
from textocl import DataError, FormatError, NotFittedError, OneClassDetector, TextoclWarning
from textocl.core.metrics import evaluate
from textocl.core.thresholds import conformal_p_values
from textocl.vision import FCDD, HSC, DeepSAD, DeepSVDD, FeatureDetector, PatchKNN

SHORT: dict[str, Any] = {"n_epochs": 15, "batch_size": 32}
LENET: dict[str, Any] = {"network": "lenet-8-4-fc32", "n_pretraining_epochs": 10, **SHORT}
DETECTORS: dict[str, OneClassDetector] = {
    "deep-svdd": DeepSVDD(**LENET),
    "deep-svdd-soft": DeepSVDD(objective="soft-boundary", nu=0.2, **LENET),
    "deep-svdd-random": DeepSVDD(**{**LENET, "n_pretraining_epochs": 0}),
    "deep-svdd-training": DeepSVDD(calibration="training", preprocessing="none", **LENET),
    "deep-sad": DeepSAD(**LENET),
    "hsc": HSC(network="lenet-8-fc16", **SHORT),
    "hsc-l1": HSC(network="lenet-8-fc16", norm="l1", **SHORT),
    "fcdd": FCDD(network="fcn-fashion-mnist", n_epochs=2, batch_size=32),
    "hsc-backbone": HSC(backbone="efficientnet-lite0:6", backbone_size=64, **SHORT),
    "fcdd-backbone": FCDD(backbone="efficientnet-lite0:3", backbone_size=32, **SHORT),
    "fcdd-mixed": FCDD(
        backbone="efficientnet-lite0:3", backbone_size=32, synthetic="mixed", n_epochs=20
    ),
    "hsc-augmented": HSC(network="lenet-8-fc16", augmentation="photo", **SHORT),
    "features-knn": FeatureDetector(backbone="efficientnet-lite0:6", backbone_size=64),
    "features-ocsvm": FeatureDetector(
        model="ocsvm",
        model_parameters={"nu": 0.2},
        backbone="efficientnet-lite0:6",
        backbone_size=64,
        backbone_contrast=True,
        calibration="cross",
    ),
    "patch-knn": PatchKNN(n_patches=500, backbone="efficientnet-lite0:6", backbone_size=64),
    "patch-knn-training": PatchKNN(
        n_patches=90, backbone="efficientnet-lite0:5", backbone_size=64, calibration="training"
    ),
    "deep-svdd-branches": DeepSVDD(**{**LENET, "network": "lenet-8-4-fc16-x2"}),
}
LEARN_FROM_ANOMALIES = [
    kind for kind in DETECTORS if not kind.startswith(("deep-svdd", "features", "patch"))
]
DEEP = [kind for kind in DETECTORS if not kind.startswith(("features", "patch"))]


@pytest.fixture(scope="module")
def few(digits: Digits) -> np.ndarray:
    """Of the test a quarter, normal and anomalous, where what matters is not how many."""
    return digits.test[::4]


@pytest.fixture(scope="module")
def fits(digits: Digits) -> Callable[[str], OneClassDetector]:
    @cache
    def fit(kind: str) -> OneClassDetector:
        if kind in LEARN_FROM_ANOMALIES:
            return clone(DETECTORS[kind]).fit(*digits.labelled())
        return clone(DETECTORS[kind]).fit(digits.train)

    return fit


@pytest.fixture(scope="module", params=DETECTORS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def fitted(kind: str, fits: Callable[[str], OneClassDetector]) -> OneClassDetector:
    return fits(kind)


def test_unseen_digits_score_higher_and_normal_ones_differ(
    fitted: OneClassDetector, digits: Digits
) -> None:
    scores = fitted.anomaly_score(digits.test)
    assert scores.dtype == np.float32
    assert evaluate(scores, digits.is_anomaly).auc > 0.9
    # a collapsed model can rank well: scores of normal samples must also spread
    normal = scores[~digits.is_anomaly]
    assert normal.std() > 1e-3 * np.abs(scores).max()
    assert len(np.unique(normal)) == len(normal)


def test_parameters_are_stored_unchanged_and_cloned(fitted: OneClassDetector) -> None:
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert not hasattr(copy, "threshold_")


def test_fitting_again_gives_the_same_scores(
    fitted: OneClassDetector, kind: str, digits: Digits, few: np.ndarray
) -> None:
    given = digits.labelled() if kind in LEARN_FROM_ANOMALIES else (digits.train,)
    again = clone(fitted).fit(*given)
    assert again.anomaly_score(few).tobytes() == fitted.anomaly_score(few).tobytes()


def test_labels_and_p_values_follow_the_scores(fitted: OneClassDetector, few: np.ndarray) -> None:
    scores, labels = fitted.anomaly_score(few), fitted.predict(few)
    assert set(labels.tolist()) == {1, -1}
    assert ((scores > fitted.threshold_) == (labels == -1)).all()
    expected = conformal_p_values(fitted.calibration_scores_, scores)
    assert (fitted.p_value(few) == expected).all()
    assert (fitted.score_samples(few) == -scores).all()
    assert np.allclose(fitted.decision_function(few), fitted.threshold_ - scores)
    assessment = fitted.assess(few)
    assert (assessment.score == scores).all()
    assert (assessment.label == labels).all()
    assert (assessment.n_known_words == 1).all()
    assert assessment.n_not_judged == 0


@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_scores_do_not_depend_on_batch_or_order(
    fitted: OneClassDetector, few: np.ndarray, data: st.DataObject
) -> None:
    whole = fitted.anomaly_score(few)
    order = np.array(data.draw(st.permutations(range(len(few)))))
    cut = data.draw(st.integers(1, len(order) - 1))
    parts = [fitted.anomaly_score(few[part]) for part in (order[:cut], order[cut:])]
    assert np.allclose(np.concatenate(parts), whole[order], rtol=1e-4, atol=1e-5)


def test_no_samples_give_no_scores(fitted: OneClassDetector, digits: Digits) -> None:
    for nothing in ([], digits.test[:0]):
        assert fitted.anomaly_score(nothing).shape == (0,)
        assert fitted.explain(nothing).shape == (0, 8, 8)


def test_saved_and_loaded_scores_are_equal_bit_for_bit(
    fitted: OneClassDetector, few: np.ndarray, tmp_path: Path
) -> None:
    fitted.save(tmp_path / "model")
    loaded = textocl.load(tmp_path / "model")
    assert type(loaded) is type(fitted)
    assert loaded.get_params() == fitted.get_params()
    assert loaded.threshold_ == fitted.threshold_
    for member in ("anomaly_score", "p_value", "explain"):
        one, two = getattr(loaded, member)(few), getattr(fitted, member)(few)
        assert one.tobytes() == two.tobytes(), member
    loaded.save(tmp_path / "again")
    names = ("model", "again")
    weights = [(tmp_path / name / "weights.safetensors").read_bytes() for name in names]
    assert weights[0] == weights[1]


def test_another_process_computes_the_same_scores(
    fits: Callable[[str], OneClassDetector], few: np.ndarray, tmp_path: Path
) -> None:
    np.save(tmp_path / "test.npy", few)
    for kind in DETECTORS:
        fits(kind).save(tmp_path / kind)
    program = (
        "import sys, numpy, textocl; X = numpy.load('test.npy')\n"
        "for m in sys.argv[1:]: print(textocl.load(m).anomaly_score(X).tobytes().hex())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *DETECTORS],
        capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    for kind, scores in zip(DETECTORS, done.stdout.split(), strict=True):
        assert bytes.fromhex(scores) == fits(kind).anomaly_score(few).tobytes(), kind


def test_recalibrating_moves_the_threshold_and_no_score(
    fitted: OneClassDetector, few: np.ndarray, tmp_path: Path
) -> None:
    fitted.save(tmp_path / "model")
    other = textocl.load(tmp_path / "model").recalibrate(false_alarm_rate=0.4)
    assert (other.anomaly_score(few) == fitted.anomaly_score(few)).all()
    assert other.threshold_ < fitted.threshold_


def test_a_refused_fit_leaves_the_detector_as_it_was(
    fitted: OneClassDetector, digits: Digits, few: np.ndarray, tmp_path: Path
) -> None:
    fitted.save(tmp_path / "model")
    detector = textocl.load(tmp_path / "model")
    for wrong in (np.full((20, 8, 8), np.nan), digits.train[:1]):
        with pytest.raises(DataError):
            detector.fit(wrong)
    assert detector.anomaly_score(few).tobytes() == (fitted.anomaly_score(few).tobytes())


@pytest.mark.parametrize("kind", ["hsc", "fcdd", "features-knn", "patch-knn"])
def test_an_interrupted_fit_leaves_the_detector_as_it_was(
    kind: str,
    fits: Callable[[str], OneClassDetector],
    digits: Digits,
    few: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fits(kind).save(tmp_path / "model")
    detector = textocl.load(tmp_path / "model").set_params(false_alarm_rate=0.4)

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    for module in ("deep", "feature_detector", "patch_knn"):  # the last step of learning
        monkeypatch.setattr(f"textocl.vision.{module}.normal_range", interrupt)
    with pytest.raises(KeyboardInterrupt):
        detector.fit(*(digits.labelled() if kind in LEARN_FROM_ANOMALIES else (digits.train[:90],)))
    assert detector.threshold_ == fits(kind).threshold_
    assert detector.anomaly_score(few).tobytes() == fits(kind).anomaly_score(few).tobytes()
    detector.save(tmp_path / "again")
    for name in ("config.json", "weights.safetensors"):
        model, again = (tmp_path / folder / name for folder in ("model", "again"))
        assert model.read_bytes() == again.read_bytes()


def test_parameters_set_after_fit_change_nothing_by_half(
    fitted: OneClassDetector, few: np.ndarray, tmp_path: Path
) -> None:
    fitted.save(tmp_path / "model")
    detector = textocl.load(tmp_path / "model")
    known = detector.get_params()
    other = {"objective": "soft-boundary", "norm": "l2", "sigma": 9.0, "network": "mnist"}
    detector.set_params(**{name: value for name, value in other.items() if name in known})
    assert detector.explain(few).tobytes() == fitted.explain(few).tobytes()
    detector.save(tmp_path / "again")
    again = textocl.load(tmp_path / "again")
    assert again.get_params() == known
    assert again.anomaly_score(few).tobytes() == (fitted.anomaly_score(few).tobytes())


def test_unfitted_detectors_say_so(kind: str, digits: Digits, tmp_path: Path) -> None:
    detector = clone(DETECTORS[kind])
    for use in (
        lambda: detector.anomaly_score(digits.test),
        lambda: detector.predict(digits.test),
        lambda: detector.explain(digits.test),
        lambda: detector.assess(digits.test),
        lambda: detector.save(tmp_path / "model"),
    ):
        with pytest.raises(NotFittedError, match="call fit first"):
            use()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((3, 8, 9)), "8 x 8 pixels with 1 channels, as in fit, got images of 8 x 9"),
        (np.zeros((3, 8, 8, 3)), "with 3 channels"),
        (np.zeros((3, 64)), "got 64 features"),
        (np.full((3, 8, 8), np.inf), "image 0 holds NaN or infinity"),
        ([np.zeros((8, 8)), np.zeros((8, 7))], "images must have one size"),
        ([np.zeros((8, 8)), np.zeros((8, 8, 3))], r"as many channels each.*convert\('RGB'\)"),
        (None, "got NoneType"),
        ({"images": 1}, "got dict"),
    ],
)
def test_wrong_samples_are_refused(fitted: OneClassDetector, wrong: Any, message: str) -> None:
    for use in (fitted.anomaly_score, fitted.predict, fitted.explain):
        with pytest.raises(DataError, match=message):
            use(wrong)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1], "one label for each of 130 images"),
        ([2] * 130, "labels must be"),
        ([False] * 130, "got booleans"),
        ([-1] * 130, "expected normal images, got none"),
    ],
)
def test_wrong_labels_are_refused(kind: str, digits: Digits, y: list[int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        clone(DETECTORS[kind]).fit(digits.train, y)


@pytest.mark.parametrize("kind", sorted(set(DETECTORS) - set(LEARN_FROM_ANOMALIES)))
def test_known_anomalies_that_are_left_out_are_counted(
    kind: str, fits: Callable[[str], OneClassDetector], digits: Digits, few: np.ndarray
) -> None:
    X, y = digits.labelled()
    with pytest.warns(TextoclWarning, match="60 images labelled -1 were left out") as caught:
        without = clone(DETECTORS[kind]).fit(X, y)
    assert len(caught) == 1
    scores = fits(kind).anomaly_score(few)
    np.testing.assert_allclose(without.anomaly_score(few), scores, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"network": "resnet"}, "network must be"),
        ({"preprocessing": "whiten"}, "preprocessing must be"),
        ({"n_epochs": -1}, "n_epochs must be"),
        ({"learning_rate": 0}, "learning_rate must be"),
        ({"drop_after": 2}, "drop_after must be"),
        ({"batch_size": 1}, "batch_size must be"),
        ({"weight_decay": -1}, "weight_decay must be"),
        ({"random_state": -1}, "random_state must be"),
        ({"false_alarm_rate": 1}, "false_alarm_rate must be"),
        ({"calibration": "cross"}, "calibration must be"),
        ({"synthetic": "glitter"}, "synthetic must be"),
        ({"augmentation": "flip"}, "augmentation must be"),
        ({"device": "abacus"}, "device must be"),
    ],
)
@pytest.mark.parametrize("kind", DEEP)
def test_wrong_parameters_are_refused(
    kind: str, digits: Digits, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        clone(DETECTORS[kind]).set_params(**parameters).fit(*digits.labelled())


def test_too_few_samples_for_the_rate_are_reported(digits: Digits) -> None:
    with pytest.warns(TextoclWarning, match="needs 99 images to calibrate with; there are 65"):
        DeepSVDD(n_epochs=1, n_pretraining_epochs=0, false_alarm_rate=0.01, network="mnist").fit(
            digits.train
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sample_shape", None),
        ("sample_shape", [1, 8]),
        ("sample_shape", [1, 8, 80]),
        ("sample_shape", ["1", 8, 8]),
        ("network", "mlp-9"),
        ("network", "nonsense"),
        ("preprocessing", "nonsense"),
        ("threshold", "0"),
        ("n_samples", 0),
    ],
)
@pytest.mark.parametrize("kind", DEEP)
def test_a_damaged_model_gives_one_clear_error(
    kind: str, fits: Callable[[str], OneClassDetector], tmp_path: Path, name: str, value: Any
) -> None:
    fits(kind).save(tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    config = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**config, name: value}), "utf-8")
    if kind.startswith(("fcdd", "hsc-backbone")) and value == [1, 8, 80]:
        assert textocl.load(tmp_path / "model").n_features_in_ == 640  # fits images of any size
        return
    with pytest.raises(FormatError):
        textocl.load(tmp_path / "model")


def test_the_same_image_scores_the_same_in_every_dtype(
    fitted: OneClassDetector, digits: Digits
) -> None:
    images = np.rint(255 * digits.test[:20]).astype(np.uint8)
    expected = fitted.anomaly_score(images)
    for dtype in (np.int16, np.int32, np.int64, np.uint32, np.uint64):
        assert fitted.anomaly_score(images.astype(dtype)).tobytes() == expected.tobytes()
    for same in (images / 255, images.astype(np.uint16) * 257, (images / 255).astype(np.float16)):
        assert fitted.anomaly_score(same) == pytest.approx(expected, rel=0.02, abs=0.01)
    flat = images > 100
    assert fitted.anomaly_score(flat).tobytes() == fitted.anomaly_score(flat * 255).tobytes()


def test_bytes_kept_as_floats_are_refused_in_fit_and_score(
    fitted: OneClassDetector, kind: str, digits: Digits
) -> None:
    for use in (clone(DETECTORS[kind]).fit, fitted.anomaly_score, fitted.explain):
        with pytest.raises(DataError, match="image 0 holds 0 to 239. Write X / 255"):
            use(np.rint(255 * digits.train))


def test_images_come_as_arrays_and_tensors_alike(fitted: OneClassDetector, few: np.ndarray) -> None:
    expected = fitted.anomaly_score(few)
    for same in (
        few[..., None],
        list(few),
        torch.from_numpy(few)[:, None],
        few.astype(np.float64),
    ):
        assert fitted.anomaly_score(same).tobytes() == expected.tobytes()


def test_what_a_fit_learned_is_shown_in_one_line(fitted: OneClassDetector) -> None:
    assert len(repr(fitted.state_)) < 200
