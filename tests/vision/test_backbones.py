"""Pretrained networks: loaded whole or not at all, kept as they are, the same after saving."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from digits import Digits
from torch import nn
from torch.nn import functional

import textocl
from textocl.core.exceptions import DataError, FormatError
from textocl.vision import FCDD, HSC, DeepSVDD, extract_features
from textocl.vision.backbones import Backbone, _lite0_file, _read_weights, load_backbone

LITE0 = "efficientnet-lite0"


@pytest.fixture(scope="module")
def vgg_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights under the names that torchvision gives its vgg11_bn."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("vgg") / "vgg11_bn.pth"
    network = Backbone.from_facts({"kind": "vgg11-bn", "size": None, "square": False}).network
    weights = {f"features.{name}": value for name, value in network.state_dict().items()}
    torch.save({**weights, "classifier.0.weight": torch.zeros(3, 3)}, path)
    return path


@pytest.fixture(scope="module", params=["vit", "resnet"])
def transformer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "vit":
        config = transformers.ViTConfig(
            hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
            image_size=32, patch_size=8,
        )  # fmt: skip
        transformers.ViTModel(config).save_pretrained(folder)
    else:
        config = transformers.ResNetConfig(
            embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic"
        )
        transformers.ResNetModel(config).save_pretrained(folder)
    return folder


def test_lite0_has_the_published_size_and_stride() -> None:
    backbone = load_backbone(LITE0)
    # 4,652,008 with the classifier (1,281,000) and the last convolution (409,600 + 2,560)
    assert sum(p.numel() for p in backbone.parameters()) == 4_652_008 - 1_281_000 - 412_160
    assert backbone(torch.rand(2, 3, 64, 96)).shape == (2, 320, 2, 3)
    assert load_backbone(LITE0, dense=True)(torch.rand(1, 3, 64, 64)).shape == (1, 80, 4, 4)
    assert load_backbone("efficientnet-lite0:5")(torch.rand(1, 1, 33, 47)).shape == (1, 40, 5, 6)


@pytest.mark.parametrize(("photo", "known"), [("china.jpg", 698), ("flower.jpg", 985)])
def test_lite0_recognises_photos_with_its_classifier(photo: str, known: int) -> None:
    """ImageNet's classes 698, palace, and 985, daisy, are among the first two of 1000."""
    from sklearn.datasets import load_sample_image

    state = _read_weights(_lite0_file())
    X = torch.from_numpy(load_sample_image(photo).copy()).permute(2, 0, 1)[None] / 255
    maps = functional.conv2d(load_backbone(LITE0, 224)(X), state["_conv_head.weight"])
    norm = [state[f"_bn1.{n}"] for n in ("running_mean", "running_var", "weight", "bias")]
    points = functional.batch_norm(maps, *norm, eps=1e-3).clamp(0, 6).mean(dim=(2, 3))
    logits = points @ state["_fc.weight"].T + state["_fc.bias"]
    assert known in logits[0].topk(2).indices


def test_features_are_means_of_maps() -> None:
    images = np.random.default_rng(0).integers(0, 256, (7, 32, 40, 3), np.uint8)
    features = extract_features(images, batch_size=3)
    maps = load_backbone(LITE0)(torch.from_numpy(images).permute(0, 3, 1, 2) / 255)
    assert torch.allclose(features, maps.mean(dim=(2, 3)), atol=1e-3)


def test_grey_images_are_rgb_with_equal_channels() -> None:
    backbone = load_backbone("efficientnet-lite0:2")
    grey = torch.rand(3, 1, 32, 32)
    assert torch.equal(backbone(grey), backbone(grey.expand(-1, 3, -1, -1)))


@pytest.mark.parametrize(("size", "expected"), [(None, (20, 30)), (40, (40, 60)), (32, (32, 48))])
def test_the_shorter_side_is_scaled(size: int | None, expected: tuple[int, int]) -> None:
    assert load_backbone("efficientnet-lite0:1", size).size_of((20, 30)) == expected


def test_a_backbone_never_changes(digits: Digits) -> None:
    detector = HSC(backbone="efficientnet-lite0:2", backbone_size=32, n_epochs=2, batch_size=32)
    detector.fit(*digits.labelled())
    backbone = detector.state_.model.backbone
    fresh = load_backbone("efficientnet-lite0:2", 32)
    assert not any(p.requires_grad for p in backbone.parameters())
    assert not any(module.training for module in backbone.train().modules())
    for name, tensor in fresh.state_dict().items():
        assert torch.equal(backbone.state_dict()[name], tensor), name


def test_vgg_is_cut_behind_its_eighth_convolution(vgg_file: Path) -> None:
    backbone = load_backbone(f"vgg11-bn:{vgg_file}")
    layers = list(backbone.network)
    convolutions = [m for m in layers if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 6
    assert isinstance(layers[-1], nn.ReLU)
    assert backbone(torch.rand(1, 3, 64, 64)).shape == (1, 512, 8, 8)  # stride 8


def test_transformers_give_maps_and_survive_saving(
    transformer: Path, digits: Digits, tmp_path: Path
) -> None:
    detector = FCDD(backbone=f"transformer:{transformer}", n_epochs=2, batch_size=32)
    detector.set_params(backbone_size=None if transformer.name.startswith("vit") else 32)
    detector.fit(*digits.labelled())
    if transformer.name.startswith("vit"):
        assert detector.state_.model.input_shape == (16, 4, 4)  # (32 / 8)² cells, no special token
    assert detector.explain(digits.test[:3]).shape == (3, 8, 8)
    detector.save(tmp_path / "model")
    again = textocl.load(tmp_path / "model")
    assert again.anomaly_score(digits.test).tobytes() == (
        detector.anomaly_score(digits.test).tobytes()
    )


def test_a_backbone_comes_back_without_its_package(
    digits: Digits, vgg_file: Path, tmp_path: Path
) -> None:
    detector = DeepSVDD(
        backbone=f"vgg11-bn:{vgg_file}", backbone_size=32, n_epochs=1, n_pretraining_epochs=0
    ).fit(digits.train)
    detector.save(tmp_path / "model")
    moved = vgg_file.rename(vgg_file.with_suffix(".away"))
    try:
        again = textocl.load(tmp_path / "model")
    finally:
        moved.rename(vgg_file)
    assert again.anomaly_score(digits.test).tobytes() == (
        detector.anomaly_score(digits.test).tobytes()
    )


@pytest.mark.parametrize(
    "source",
    ["resnet", "efficientnet-lite0:17", "efficientnet-lite0:x", "vgg11-bn", "transformer:", 3],
)
def test_an_unknown_backbone_is_refused(source: str) -> None:
    with pytest.raises(DataError, match="efficientnet"):
        load_backbone(source)


def test_files_that_hold_no_weights_are_refused(tmp_path: Path, vgg_file: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (Path(tmp_path / "executed"),))  # type: ignore[return-value]

    torch.save({"features.0.weight": Evil()}, tmp_path / "evil.pth")
    (tmp_path / "half.pth").write_bytes(vgg_file.read_bytes()[:5000])
    torch.save({"features.0.weight": torch.zeros(2)}, tmp_path / "other.pth")
    for name in ("evil", "half", "other", "missing"):
        with pytest.raises(DataError, match=f"{name}.pth"):
            load_backbone(f"vgg11-bn:{tmp_path / name}.pth")
    assert not (tmp_path / "executed").exists()
    with pytest.raises(DataError, match="no vision model"):
        load_backbone(f"transformer:{tmp_path}")


@pytest.mark.parametrize(
    "facts",
    [
        None,
        {"kind": "resnet", "size": None, "square": False},
        {"kind": LITE0, "size": None, "square": False, "n_blocks": 99},
        {"kind": LITE0, "size": 10**9, "square": False, "n_blocks": 2},
        {"kind": "transformer", "size": None, "square": False, "config": "{}"},
    ],
)
def test_facts_from_a_damaged_file_are_refused(facts: object) -> None:
    with pytest.raises(FormatError):
        Backbone.from_facts(facts)


def test_features_have_no_backbone() -> None:
    points = np.random.default_rng(0).normal(size=(100, 4))
    with pytest.raises(DataError, match="for images"):
        DeepSVDD(backbone=LITE0).fit(points)
    with pytest.raises(DataError, match="backbone_contrast needs a backbone"):
        DeepSVDD(backbone_contrast=True).fit(points)
    with pytest.raises(DataError, match="backbone_size needs a backbone"):
        DeepSVDD(backbone_size=64).fit(points)
    with pytest.raises(DataError, match="expected images"):
        extract_features(points)
