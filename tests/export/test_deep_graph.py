"""A file of a network scores images and features as its detector does, without torch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image

import textocl
from textocl import NotFittedError
from textocl.core.exceptions import DataError, MissingExtraError
from textocl.export import OnnxDetector, VerificationError, runtime, to_onnx, traced, verify
from textocl.vision import FCDD, HSC, DeepSAD, DeepSVDD, FeatureDetector, PatchKNN
from textocl.vision.images import read_arrays

FAST: dict[str, Any] = {"n_epochs": 1, "false_alarm_rate": 0.1, "batch_size": 20}
PRETRAINED: dict[str, Any] = {**FAST, "n_pretraining_epochs": 1}
DETECTORS: dict[str, Any] = {
    "svdd": DeepSVDD(network="lenet-8-4-fc32", objective="soft-boundary", **PRETRAINED),
    "sad-rgb": DeepSAD(network="lenet-8-fc16-fc8", preprocessing="standardize", **PRETRAINED),
    "hsc": HSC(network="lenet-8-fc8", norm="l2", **FAST),
    "fcdd": FCDD(**FAST),
    "fcdd-rgb": FCDD(sigma=2.5, preprocessing="none", **FAST),
    "hsc-backbone": HSC(backbone="efficientnet-lite0:3", backbone_size=32, **FAST),
    "fcdd-backbone-rgb": FCDD(backbone="efficientnet-lite0:2", backbone_size=32, **FAST),
    "knn-backbone": FeatureDetector(backbone="efficientnet-lite0:3", backbone_contrast=True),
    "gaussian-backbone-rgb": FeatureDetector(model="gaussian", backbone="efficientnet-lite0:3"),
    "patches-backbone": PatchKNN(
        n_patches=300, backbone="efficientnet-lite0:5", backbone_size=64, false_alarm_rate=0.1
    ),
    "patches-backbone-rgb": PatchKNN(
        n_patches=300, backbone="efficientnet-lite0:5", backbone_size=64, false_alarm_rate=0.1
    ),
    "sad-features": DeepSAD(**PRETRAINED),
    "hsc-features": HSC(network="mlp-7-5", preprocessing="none", **FAST),
}
ON_IMAGES = [name for name in DETECTORS if "features" not in name]
ON_FEATURES = [name for name in DETECTORS if "features" in name]


class Exported(NamedTuple):
    detector: Any
    file: Path
    new: np.ndarray


def samples(name: str, n: int) -> np.ndarray:
    # the same whichever tests ran before
    source = np.random.default_rng([n, *name.encode()])
    if name in ON_FEATURES:
        return source.normal(1, 2, (n, 6)).astype(np.float32)
    size = (n, 13, 18, 3) if name.endswith("rgb") else (n, 12, 9)
    return source.integers(0, 256, size, np.uint8)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Exported]:
    folder = tmp_path_factory.mktemp("deep")

    @cache
    def export(name: str) -> Exported:
        X, y = samples(name, 100), np.repeat([0, -1], [60, 40])
        detector = DETECTORS[name]
        detector.fit(*((X, y) if detector.learns_from_anomalies else (X[y == 0],)))
        new = samples(name, 40)
        new[:4] = np.array([0, 77, 128, 255]).reshape(4, *[1] * (new.ndim - 1))  # constant
        return Exported(detector, to_onnx(detector, folder / f"{name}.onnx"), new)

    return export


@pytest.fixture(params=DETECTORS)
def case(request: pytest.FixtureRequest, exported: Callable[[str], Exported]) -> Exported:
    return exported(request.param)


@pytest.mark.parametrize("n", [0, 1, 7, 40])
def test_a_file_scores_samples_as_its_detector_does(case: Exported, n: int) -> None:
    X = case.new[:n]
    file = OnnxDetector(case.file)
    own, theirs = case.detector.assess(X), file.assess(X)
    assert set(theirs) == {"score", "p_value", "label", "status"}
    assert theirs["score"].shape == (n,)
    np.testing.assert_allclose(theirs["score"], own.score, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(theirs["label"], own.label)
    room = 1.01 / (1 + len(case.detector.calibration_scores_))
    np.testing.assert_allclose(theirs["p_value"], own.p_value, atol=room)
    np.testing.assert_array_equal(file.predict(X), theirs["label"])
    np.testing.assert_array_equal(file.score_samples(X), -theirs["score"])


def test_the_scores_compared_differ_from_each_other(case: Exported) -> None:
    scores = case.detector.anomaly_score(case.new[4:])
    assert np.ptp(scores) > 1e-3 * np.abs(scores).max() > 1e-5


def test_the_graph_alone_takes_any_number_of_samples(case: Exported) -> None:
    onnx.checker.check_model(onnx.load(case.file), full_check=True)
    session = onnxruntime.InferenceSession(case.file, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    X = read_arrays(case.new)
    assert session.get_inputs()[0].shape == ["n", *X.shape[1:]]
    whole = session.run(None, {name: X})
    for n in (0, 1, 3):
        for one, all_of_it in zip(session.run(None, {name: X[:n]}), whole, strict=True):
            np.testing.assert_allclose(one, all_of_it[:n], rtol=1e-5, atol=1e-5)


def test_verification_passes_even_on_the_samples_of_the_threshold(case: Exported) -> None:
    is_anomaly = np.arange(40) % 2 == 0
    found = verify(case.detector, case.file, case.new, is_anomaly=is_anomaly)
    assert found.largest_difference < 1e-5
    # only pairs that lie as near to each other as the two files do may change places
    scores = case.detector.anomaly_score(case.new).astype(np.float64)
    apart = np.abs(scores[is_anomaly][:, None] - scores[~is_anomaly])
    near = (apart <= 2 * found.largest_difference).mean()
    assert found.auc == pytest.approx(found.onnx_auc, abs=near + 1e-9)
    assert "| samples | 40 |" in found.to_markdown()


def test_a_score_at_the_threshold_may_fall_on_either_side(
    exported: Callable[[str], Exported], monkeypatch: pytest.MonkeyPatch
) -> None:
    detector, file, X = exported("hsc-features")
    score = detector.anomaly_score(X[5:6])[0]
    monkeypatch.setattr(detector, "threshold_", float(np.nextafter(score, np.float32(-np.inf))))
    assert (detector.predict(X[5:6]), OnnxDetector(file).predict(X[5:6])) == (-1, 1)
    assert verify(detector, file, X[5:6]).flipped_labels == 1
    monkeypatch.setattr(detector, "threshold_", score - 1e-3)
    with pytest.raises(VerificationError, match="1 samples: .* 1 labels flipped"):
        verify(detector, file, X[5:6])


def test_another_detectors_file_is_refused(exported: Callable[[str], Exported]) -> None:
    with pytest.raises(VerificationError, match="does not agree with its detector on 40 samples"):
        verify(exported("svdd").detector, exported("hsc").file, iter(exported("svdd").new))


@pytest.mark.parametrize("name", ["fcdd", "fcdd-rgb"])
def test_heatmaps_are_those_of_explain(name: str, exported: Callable[[str], Exported]) -> None:
    detector, file, X = exported(name)
    for n in (0, 1, 40):
        own, theirs = detector.explain(X[:n]), OnnxDetector(file).explain(X[:n])
        assert theirs.shape == own.shape
        np.testing.assert_allclose(theirs, own, rtol=1e-4, atol=1e-5 * own.max(initial=1e-9))
    assert np.ptp(own) > 1e-3


def test_only_fcdd_has_heatmaps(exported: Callable[[str], Exported]) -> None:
    for name in ("svdd", "sad-features"):
        _, file, X = exported(name)
        with pytest.raises(
            DataError, match="explains nothing; that of an FCDD or a PatchKNN has heatmaps"
        ):
            OnnxDetector(file).explain(X)


def test_many_images_take_several_runs(
    exported: Callable[[str], Exported], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, file, X = exported("fcdd")
    detector = OnnxDetector(file)
    scores, heatmaps = detector.anomaly_score(X), detector.explain(X)
    monkeypatch.setattr(runtime, "_VALUES_AT_ONCE", 3 * X[0].size)
    np.testing.assert_allclose(detector.anomaly_score(X), scores, rtol=1e-5)
    np.testing.assert_allclose(detector.explain(X), heatmaps, rtol=1e-4, atol=1e-6)
    monkeypatch.setattr(runtime, "_VALUES_AT_ONCE", 1)
    np.testing.assert_allclose(detector.anomaly_score(X[:5]), scores[:5], rtol=1e-5)


def test_images_come_in_every_form(exported: Callable[[str], Exported], tmp_path: Path) -> None:
    _, file, X = exported("sad-rgb")
    detector = OnnxDetector(file)
    scores = detector.anomaly_score(X[:5])
    paths = [tmp_path / f"normal/{i}.png" for i in range(4)] + [tmp_path / "anomalous/4.png"]
    for path, image in zip([*paths, tmp_path / "masks/4.png"], X, strict=False):
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(image).save(path)
    for same in (
        paths, list(map(str, paths)), tmp_path, str(tmp_path), list(X[:5]), X[:5] / np.float32(255)
    ):  # fmt: skip
        np.testing.assert_array_equal(detector.anomaly_score(same), scores)
    assert detector.predict([]).shape == (0,)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((2, 12, 10)), "expected images of 12 x 9 pixels with 1 channels, as in fit, got"),
        (np.zeros((2, 12, 9, 3)), "with 3 channels"),
        (np.zeros((2, 12, 9, 4)), "1 or 3 channels"),
        (np.zeros((2, 108)), "got 108 features"),
        (np.full((2, 12, 9), np.nan), "image 0 holds NaN"),
        (["absent.png"], "1 of 1 images cannot be read"),
        ("absent", "is no folder"),
        (None, "got NoneType"),
        ([3], "item 0 is int"),
    ],
)
def test_wrong_images_are_refused(
    wrong: Any, message: str, exported: Callable[[str], Exported]
) -> None:
    detector = OnnxDetector(exported("svdd").file)
    for use in (detector.anomaly_score, detector.predict, detector.p_value):
        with pytest.raises(DataError, match=message):
            use(wrong)
    with pytest.raises(DataError, match=message):
        OnnxDetector(exported("fcdd").file).explain(wrong)


def test_wrong_features_are_refused(exported: Callable[[str], Exported]) -> None:
    detector = OnnxDetector(exported("sad-features").file)
    with pytest.raises(DataError, match="expected 6 features, got 5"):
        detector.predict(np.zeros((2, 5)))
    with pytest.raises(DataError, match="sample 0 hold NaN"):
        detector.predict(np.full((2, 6), np.nan))


def test_extreme_samples_get_finite_scores(exported: Callable[[str], Exported]) -> None:
    for name in ("sad-features", "hsc-features", "svdd", "fcdd", "sad-rgb"):
        detector, file, X = exported(name)
        extremes = np.zeros((5, *X.shape[1:]), np.float32)
        extremes[1], extremes[2], extremes[3] = 1e30, -2.9e38, 1e-45
        extremes[4].flat[::2] = 2.9e38
        if X.ndim > 2:  # images of other values are refused
            extremes = extremes.clip(0, 1)
        for scores in (
            detector.anomaly_score(extremes),
            OnnxDetector(file).anomaly_score(extremes),
        ):
            assert np.isfinite(scores).all(), name


def test_scoring_loads_no_torch(exported: Callable[[str], Exported], tmp_path: Path) -> None:
    _, file, X = exported("fcdd")
    Image.fromarray(X[5]).save(tmp_path / "new.png")
    program = (
        "import sys; from textocl.export import OnnxDetector\n"
        f"detector = OnnxDetector({str(file)!r})\n"
        "print(detector.anomaly_score(['new.png'])[0], detector.explain(['new.png']).shape)\n"
        "print([m for m in ('torch', 'sklearn', 'onnx', 'textocl.core.detector') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    first, second = done.stdout.splitlines()
    assert float(first.split()[0]) == pytest.approx(
        float(OnnxDetector(file).anomaly_score(X[5:6])[0]), rel=1e-5
    )
    assert first.endswith("(1, 12, 9)")
    assert second == "[]"


def test_a_loaded_detector_gives_the_same_file(
    exported: Callable[[str], Exported], tmp_path: Path
) -> None:
    detector, file, _ = exported("sad-features")
    detector.save(tmp_path / "model")
    again = to_onnx(textocl.load(tmp_path / "model"), tmp_path / "model.onnx")
    assert again.read_bytes() == file.read_bytes()


def test_the_file_tells_a_stranger_what_it_is(exported: Callable[[str], Exported]) -> None:
    facts = OnnxDetector(exported("sad-rgb").file).metadata
    assert (facts["input"], facts["sample_shape"]) == ("images", [3, 13, 18])
    for part in ("RGB", "channels first", "13 pixels high", "18 wide", "0, black, to 1"):
        assert part in facts["expected_input"]
    assert "grey" in OnnxDetector(exported("fcdd").file).metadata["expected_input"]
    assert "detector of images" in facts["description"]
    detector = exported("sad-rgb").detector
    assert int(facts["calibration_samples"]) == len(detector.calibration_scores_)
    assert facts["threshold"] == detector.threshold_
    facts = OnnxDetector(exported("sad-features").file).metadata
    assert (facts["input"], facts["sample_shape"]) == ("features", [6])


def test_float16_halves_the_file(exported: Callable[[str], Exported], tmp_path: Path) -> None:
    detector, file, X = exported("fcdd")
    small = to_onnx(detector, tmp_path / "small.onnx", dtype="float16")
    assert small.stat().st_size < 0.6 * file.stat().st_size
    assert 0 < verify(detector, small, X).largest_difference < 1e-3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "int8"}, "a HSC has 'float32' or 'float16'"),
        ({"dtype": "float8"}, "dtype must be one of"),
        ({"max_words": 5}, "for texts"),
        ({"words": True}, "for texts"),
        ({"raw_text": True}, "for texts"),
    ],
)
def test_what_is_for_texts_is_refused(
    options: dict[str, Any],
    message: str,
    exported: Callable[[str], Exported],
    tmp_path: Path,
) -> None:
    with pytest.raises(DataError, match=message):
        to_onnx(exported("hsc").detector, tmp_path / "model.onnx", **options)
    assert list(tmp_path.iterdir()) == []


def test_an_unfitted_detector_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError):
        to_onnx(DeepSVDD(), tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_exporter_is_named(
    exported: Callable[[str], Exported], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traced, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"a HSC needs onnxscript: pip install '\.\[on"):
        to_onnx(exported("hsc").detector, tmp_path / "model.onnx")
