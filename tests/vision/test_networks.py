"""Networks of the thesis: their sizes, what they leave out, and batch norm's first statistics."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from textocl.core.exceptions import DataError
from textocl.training.loop import Schedule
from textocl.vision.autoencoder import Autoencoder, train_autoencoder, transfer
from textocl.vision.networks import (
    FULLY_CONVOLUTIONAL,
    NETWORKS,
    Decoder,
    Encoder,
    calibrate_batch_norm,
    fully_convolutional,
    initialise,
    initialise_uniformly,
    layers_of,
)

SHAPES = {
    "mnist": (1, 28, 28),
    "fashion-mnist": (1, 28, 28),
    "cifar-10": (3, 32, 32),
    "mnist-wide": (1, 28, 28),
    "arrhythmia": (274,),
    "tabular": (21,),
    "thyroid": (6,),
}


@pytest.mark.parametrize(
    ("name", "n_parameters"),
    [
        # 5·5·1·8 + 5·5·8·4 + 4·7·7·32
        ("mnist", 200 + 800 + 6272),
        # 5·5·1·16 + 5·5·16·32 + 32·7·7·64 + 64·32
        ("fashion-mnist", 400 + 12800 + 100352 + 2048),
        # 5·5·3·32 + 5·5·32·64 + 5·5·64·128 + 128·4·4·128
        ("cifar-10", 2400 + 51200 + 204800 + 262144),
        ("arrhythmia", 274 * 128 + 128 * 64 + 64 * 32),
        ("tabular", 21 * 32 + 32 * 16 + 16 * 8),
        ("thyroid", 6 * 32 + 32 * 16 + 16 * 4),
    ],
)
def test_networks_without_biases_have_the_thesis_size(name: str, n_parameters: int) -> None:
    network = Encoder(layers_of(name, SHAPES[name]), SHAPES[name])
    assert sum(p.numel() for p in network.parameters()) == n_parameters
    for module in network.modules():
        # a bias, also batch norm's own, lets the network be constant (Prop. 2)
        assert getattr(module, "bias", None) is None
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            assert module.weight is None
    assert isinstance(network.branches[0][-1], nn.Linear)


@pytest.mark.parametrize(
    ("name", "shape", "n_parameters", "size"),
    [
        ("fcn-fashion-mnist", (1, 28, 28), 413_441, (7, 7)),
        ("fcn-cifar-10", (3, 32, 32), 1_185_281, (8, 8)),
    ],
)
def test_fully_convolutional_networks_have_the_thesis_size(
    name: str, shape: tuple[int, ...], n_parameters: int, size: tuple[int, int]
) -> None:
    network = fully_convolutional(name, shape)
    assert sum(p.numel() for p in network.parameters()) == n_parameters
    assert network(torch.zeros(2, *shape)).shape == (2, 1, *size)


@pytest.mark.parametrize("name", NETWORKS)
def test_decoders_mirror_encoders(name: str) -> None:
    layers = layers_of(name, SHAPES[name])
    X = torch.randn(4, *SHAPES[name])
    code = Encoder(layers, SHAPES[name])(X)
    assert code.shape == (4, layers.n_outputs)
    assert Decoder(layers, SHAPES[name])(code).shape == X.shape


def test_branches_are_networks_of_their_own() -> None:
    shape = (1, 8, 8)
    both = Encoder(layers_of("lenet-4-fc6-x2", shape), shape).eval()
    X = torch.rand(5, *shape)
    for i in range(2):
        alone = Encoder(layers_of("lenet-4-fc6", shape), shape).eval()
        transfer(both.branches[i], alone.branches[0])
        assert torch.equal(both(X)[:, 6 * i : 6 * i + 6], alone(X))


@pytest.mark.parametrize("shape", [(1, 9, 13), (3, 12, 5), (1, 4, 31)])
def test_rectangular_images_of_any_size_are_reconstructed(shape: tuple[int, ...]) -> None:
    layers = layers_of("lenet-4-2-fc6", shape, biased=True)
    assert Autoencoder(layers, shape)(torch.randn(3, *shape)).shape == (3, *shape)


def test_the_encoder_of_the_autoencoder_is_transferred_whole() -> None:
    layers = layers_of("lenet-4-2-fc6", (1, 8, 8))
    X = torch.rand(20, 1, 8, 8)
    source = train_autoencoder(X, layers, Schedule(2, 0.01), torch.Generator().manual_seed(0))
    target = Encoder(layers, (1, 8, 8)).eval()
    before = {k: v.clone() for k, v in target.state_dict().items()}
    transfer(source.encoder, target)
    after = target.state_dict()
    assert after.keys() == source.encoder.state_dict().keys()
    for name, tensor in source.encoder.state_dict().items():
        assert torch.equal(after[name], tensor), name
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert torch.equal(target(X), source.encoder(X))
    with pytest.raises(RuntimeError, match="Missing key"):  # never in part
        transfer(source.encoder.branches[0][:2], target)


def test_batch_norm_takes_its_statistics_from_the_data() -> None:
    network = nn.Sequential(nn.BatchNorm1d(2, affine=False))
    X = torch.tensor([[1.0, 10], [3, 30], [5, 50], [7, 70]])
    calibrate_batch_norm(network, iter(X.split(4)))
    norm = network[0]
    assert norm.running_mean.tolist() == [4, 40]
    assert norm.running_var.tolist() == pytest.approx([20 / 3, 2000 / 3])
    assert norm.momentum == 0.1
    assert not norm.training
    calibrate_batch_norm(network, iter(X.split(2)))  # an average over batches
    assert norm.running_mean.tolist() == [4, 40]


def test_pooling_before_the_activation_gives_the_same_code() -> None:
    shape = (1, 12, 9)
    encoder = Encoder(layers_of("lenet-4-2-fc6", shape), shape).eval()
    X = torch.randn(7, *shape)
    maps = X
    for i in (0, 4):
        convolution, norm = encoder.branches[0][i : i + 2]
        activated = functional.leaky_relu(norm(convolution(maps)), 0.1)
        maps = functional.max_pool2d(activated, 2)
    torch.testing.assert_close(encoder.branches[0][-1](maps.flatten(1)), encoder(X))


def test_the_layout_of_weights_does_not_change_which_are_drawn() -> None:
    layers = layers_of("lenet-4-8-fc6", (3, 8, 8))
    laid_out, plain = (Encoder(layers, (3, 8, 8)) for _ in range(2))
    plain.to(memory_format=torch.contiguous_format)
    assert laid_out.branches[0][4].weight.is_contiguous(memory_format=torch.channels_last)
    for network in (laid_out, plain):
        initialise(network, torch.Generator().manual_seed(2))
    for one, two in zip(laid_out.parameters(), plain.parameters(), strict=True):
        assert torch.equal(one, two)


def test_the_head_of_a_backbone_starts_within_the_bound_of_its_inputs() -> None:
    head = fully_convolutional("fcn-head", (40, 5, 5))
    initialise_uniformly(head, torch.Generator().manual_seed(0))
    bound = (40 * 3 * 3) ** -0.5
    assert 0.99 * bound < head[0].weight.abs().max() <= bound
    assert 0.8 * bound < head[0].bias.abs().max() <= bound
    assert head[0].weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.02)


def test_weights_come_from_the_generator_alone() -> None:
    layers = layers_of("lenet-4-fc6", (1, 8, 8), biased=True)
    networks = [Encoder(layers, (1, 8, 8)) for _ in range(2)]
    for network in networks:
        torch.randn(3)
        initialise(network, torch.Generator().manual_seed(5))
    for one, two in zip(*(n.state_dict().values() for n in networks), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("lenet-8", (1, 28, 28), "network must be"),
        ("mlp", (3,), "network must be"),
        ("mlp-0", (3,), "network must be"),
        ("lenet-8-fc99999", (1, 28, 28), "network must be"),
        (None, (3,), "network must be"),
        ("mnist", (3,), "takes images"),
        ("mnist", (1, 28, 3), "at least 4 x 4 pixels, got 28 x 3"),
    ],
)
def test_unknown_and_unfit_networks_are_refused(
    name: str, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        layers_of(name, shape)


def test_unfit_fully_convolutional_networks_are_refused() -> None:
    with pytest.raises(DataError, match="network must be"):
        fully_convolutional("mnist", (1, 28, 28))
    with pytest.raises(DataError, match="takes images"):
        fully_convolutional(FULLY_CONVOLUTIONAL[0], (28,))
