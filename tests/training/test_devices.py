from pathlib import Path

import numpy as np
import pytest
import torch

import textocl
from textocl import CVDD, KDE, Detector
from textocl.core.exceptions import DataError
from textocl.training.devices import choose_device, exactly
from textocl.vision import FCDD, DeepSVDD, SampleDetector

on_cuda = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no CUDA device here, or no TEXTOCL_TEST_CUDA=1"
)


def test_devices_are_chosen_by_name() -> None:
    assert choose_device("cpu").type == "cpu"
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("device", ["abacus", "cuda:99", 1.5, None])
def test_a_device_that_is_not_here_is_refused(device: object) -> None:
    with pytest.raises(DataError, match="device must be"):
        choose_device(device)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here")
def test_cuda_is_refused_where_there_is_none() -> None:
    with pytest.raises(DataError, match="device must be"):
        choose_device("cuda")


def test_exactly_leaves_the_caller_s_switches_as_they_were() -> None:
    before = torch.backends.cudnn.allow_tf32
    with pytest.raises(KeyError), exactly():
        raise KeyError
    assert torch.backends.cudnn.allow_tf32 == before


@on_cuda
def test_exact_convolutions_agree_with_the_cpu() -> None:
    X, W = torch.randn(8, 32, 24, 24), torch.randn(32, 32, 3, 3)
    expected = torch.conv2d(X.double(), W.double())
    with exactly():
        found = torch.conv2d(X.cuda(), W.cuda()).cpu()
    assert (found - expected).abs().max() < 1e-4


@on_cuda
@pytest.mark.parametrize("kind", [CVDD, Detector, KDE])
def test_texts_score_alike_on_cuda_and_the_cpu(
    kind: type, ships: list[str], mixed: list[str], tmp_path: Path
) -> None:
    detector = kind(device="cuda").fit(ships)
    detector.save(tmp_path / "model")
    loaded = textocl.load(tmp_path / "model")
    assert loaded.anomaly_score(mixed).tolist() == detector.anomaly_score(mixed).tolist()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "is_available", lambda: False)
        on_cpu = textocl.load(tmp_path / "model").anomaly_score(mixed)
    np.testing.assert_allclose(on_cpu, detector.anomaly_score(mixed), rtol=1e-5, atol=1e-5)


@on_cuda
@pytest.mark.parametrize(
    "detector",
    [
        DeepSVDD(device="cuda", n_epochs=2, n_pretraining_epochs=2),
        FCDD(device="cuda", n_epochs=2, synthetic="confetti"),
    ],
)
def test_images_score_alike_on_cuda_and_the_cpu(detector: SampleDetector, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 255, (80, 32, 32, 3), np.uint8)
    scores = detector.fit(images).anomaly_score(images)
    detector.save(tmp_path / "model")
    loaded = textocl.load(tmp_path / "model").anomaly_score(images)
    np.testing.assert_allclose(loaded, scores, rtol=1e-5, atol=1e-6)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "is_available", lambda: False)
        on_cpu = textocl.load(tmp_path / "model").anomaly_score(images)
    np.testing.assert_allclose(on_cpu, scores, rtol=1e-4, atol=1e-5)
