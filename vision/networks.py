"""The networks of the deep one-class detectors (thesis App. B), by name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn

from textocl.core.exceptions import DataError

LEAKY_SLOPE = 0.1
_EPS = 1e-4  # of batch norm
_KERNEL = 5

#: names of the thesis -> layers
NETWORKS = {
    "mnist": "lenet-8-4-fc32",
    "fashion-mnist": "lenet-16-32-fc64-fc32",
    "cifar-10": "lenet-32-64-128-fc128",
    "mnist-wide": "lenet-16-32-fc32-x4",
    "arrhythmia": "mlp-128-64-32",
    "tabular": "mlp-32-16-8",
    "thyroid": "mlp-32-16-4",
}
FULLY_CONVOLUTIONAL = ("fcn-fashion-mnist", "fcn-cifar-10", "fcn-head")
_N_HEAD = 64  # channels
_LENET = re.compile(r"lenet((?:-[1-9]\d{0,3})+)((?:-fc[1-9]\d{0,3})+)(?:-x([1-9]\d?))?")
_MLP = re.compile(r"mlp((?:-[1-9]\d{0,3})+)")


@dataclass(frozen=True)
class Layers:
    """Filters of the convolutions, and units of the linear layers, of which the last is the code.

    ``n_branches`` such networks stand side by side, their codes one after another. ``biased``
    adds biases and affine batch norm, which let Deep SVDD collapse (thesis Prop. 2).
    """

    filters: tuple[int, ...]
    units: tuple[int, ...]
    biased: bool = False
    n_branches: int = 1

    @property
    def n_outputs(self) -> int:
        """Size of the code."""
        return self.units[-1] * self.n_branches


def layers_of(name: str, sample_shape: tuple[int, ...], *, biased: bool = False) -> Layers:
    """Layers that ``name`` asks for, where samples ``(c, h, w)`` or ``(d,)`` fit into them.

    Raises
    ------
    DataError
        An unknown name, or a network that these samples do not fit into.
    """
    text = NETWORKS.get(name, name) if isinstance(name, str) else ""
    lenet, mlp = _LENET.fullmatch(text), _MLP.fullmatch(text)
    if lenet:
        filters = tuple(int(part) for part in lenet[1].split("-")[1:])
        units = tuple(int(part) for part in lenet[2].split("-fc")[1:])
        _check_size(name, sample_shape, 2 ** len(filters))
        return Layers(filters, units, biased, int(lenet[3] or 1))
    if mlp:
        return Layers((), tuple(int(part) for part in mlp[1].split("-")[1:]), biased)
    raise DataError(
        f"network must be 'auto', one of {', '.join(map(repr, NETWORKS))}, or layers such as "
        f"'lenet-8-4-fc32' or 'mlp-32-16-8'; got {name!r}."
    )


def _check_size(name: str, sample_shape: tuple[int, ...], least: int) -> None:
    if len(sample_shape) != 3:
        raise DataError(f"network {name!r} takes images; for features use an MLP ('mlp-32-16-8').")
    if min(sample_shape[1:]) < least:
        raise DataError(
            f"network {name!r} needs images of at least {least} x {least} pixels, got "
            f"{sample_shape[1]} x {sample_shape[2]}; use fewer convolutions."
        )


def _norm(n: int, biased: bool, *, flat: bool = False) -> nn.Module:
    kind = nn.BatchNorm1d if flat else nn.BatchNorm2d
    return kind(n, eps=_EPS, affine=biased)


class Encoder(nn.Module):
    """``φ``: convolution, batch norm, 2×2 max-pooling, leaky ReLU, repeated; then linear layers.

    Branches share nothing but the sample. The code, the last layer's output, has neither batch
    norm nor activation.
    """

    def __init__(self, layers: Layers, sample_shape: tuple[int, ...]) -> None:
        super().__init__()
        branches = [_branch(layers, sample_shape) for _ in range(layers.n_branches)]
        self.branches = channels_last(nn.ModuleList(branches))

    def forward(self, X: Tensor) -> Tensor:
        # (n, c, h, w) or (n, d) -> (n, o)
        return torch.cat([branch(X) for branch in self.branches], dim=1)


def _branch(layers: Layers, sample_shape: tuple[int, ...]) -> nn.Sequential:
    modules: list[nn.Module] = []
    n_in = sample_shape[0]
    for n_out in layers.filters:
        modules += [
            nn.Conv2d(n_in, n_out, _KERNEL, padding=_KERNEL // 2, bias=layers.biased),
            _norm(n_out, layers.biased),
            nn.MaxPool2d(2),  # before the activation: the same values, a quarter of the work
            nn.LeakyReLU(LEAKY_SLOPE),
        ]
        n_in = n_out
    if len(sample_shape) == 3:
        modules.append(nn.Flatten())
        shrink = 2 ** len(layers.filters)
        n_in *= (sample_shape[1] // shrink) * (sample_shape[2] // shrink)
    for i, n_out in enumerate(layers.units):
        modules.append(nn.Linear(n_in, n_out, bias=layers.biased))
        if i < len(layers.units) - 1:
            modules += [_norm(n_out, layers.biased, flat=True), nn.LeakyReLU(LEAKY_SLOPE)]
        n_in = n_out
    return nn.Sequential(*modules)


class Decoder(nn.Module):
    """Mirror of an `Encoder`: upsampling for pooling, transposed convolution for convolution."""

    def __init__(self, layers: Layers, sample_shape: tuple[int, ...]) -> None:
        super().__init__()
        is_image = len(sample_shape) == 3
        sizes = [sample_shape[1:]] if is_image else []
        for _ in layers.filters:
            sizes.append((sizes[-1][0] // 2, sizes[-1][1] // 2))
        n_pixels = sizes[-1][0] * sizes[-1][1] if is_image else 1
        n_maps = layers.filters[-1] if layers.filters else sample_shape[0]
        widths = [layers.n_outputs, *reversed(layers.units[:-1]), n_maps * n_pixels]
        modules: list[nn.Module] = []
        for n_in, n_out in pairwise(widths):
            if modules:
                modules += [_norm(n_in, layers.biased, flat=True), nn.LeakyReLU(LEAKY_SLOPE)]
            modules.append(nn.Linear(n_in, n_out, bias=layers.biased))
        if is_image:
            modules.append(nn.Unflatten(1, (n_maps, *sizes[-1])))
        n_filters = [sample_shape[0], *layers.filters]
        for i in range(len(layers.filters), 0, -1):
            modules += [
                _norm(n_filters[i], layers.biased),
                nn.LeakyReLU(LEAKY_SLOPE),
                nn.Upsample(size=tuple(sizes[i - 1])),
                nn.ConvTranspose2d(
                    n_filters[i], n_filters[i - 1], _KERNEL, padding=_KERNEL // 2,
                    bias=layers.biased,
                ),
            ]  # fmt: skip
        self.layers = channels_last(nn.Sequential(*modules))

    def forward(self, Z: Tensor) -> Tensor:
        out: Tensor = self.layers(Z)  # (n, o) -> (n, c, h, w) or (n, d)
        return out


def fully_convolutional(name: str, sample_shape: tuple[int, ...]) -> nn.Sequential:
    """FCDD's networks: images ``(n, c, h, w)`` to one map ``(n, 1, u, v)`` (thesis App. B.2).

    Raises
    ------
    DataError
        An unknown name, or samples that are no images or too small.
    """
    if name not in FULLY_CONVOLUTIONAL:
        known = ", ".join(map(repr, FULLY_CONVOLUTIONAL))
        raise DataError(f"network must be 'auto' or one of {known}; got {name!r}.")
    _check_size(name, sample_shape, 1 if name == "fcn-head" else 4)
    c = sample_shape[0]

    def block(n_in: int, n_out: int, kernel: int) -> list[nn.Module]:
        convolution = nn.Conv2d(n_in, n_out, kernel, padding=kernel // 2)
        return [convolution, nn.BatchNorm2d(n_out), nn.LeakyReLU(LEAKY_SLOPE)]

    if name == "fcn-head":  # of a backbone's maps
        blocks = [*block(c, _N_HEAD, 3), *block(_N_HEAD, _N_HEAD, 3)]
        return channels_last(nn.Sequential(*blocks, nn.Conv2d(_N_HEAD, 1, 1)))
    if name == "fcn-fashion-mnist":
        modules = [
            *block(c, 128, 5),
            nn.MaxPool2d(2),
            nn.Conv2d(128, 128, 5, padding=2),
            nn.MaxPool2d(2),
        ]
    else:
        modules = [
            *block(c, 128, 3), nn.MaxPool2d(2),
            *block(128, 256, 3), *block(256, 256, 3), nn.MaxPool2d(2),
            nn.Conv2d(256, 128, 3, padding=1),
        ]  # fmt: skip
    return channels_last(nn.Sequential(*modules, nn.Conv2d(128, 1, 1)))


_Network = TypeVar("_Network", bound=nn.Module)


def channels_last(network: _Network) -> _Network:
    """Lay the weights of convolutions out channels last, which is a quarter to a half faster."""
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Draw Xavier weights for every convolution and linear layer; biases are 0."""
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            gain = nn.init.calculate_gain("leaky_relu", LEAKY_SLOPE)
            drawn = torch.empty(module.weight.shape)  # in one order, whatever the layout
            module.weight.data.copy_(nn.init.xavier_uniform_(drawn, gain, generator))
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def initialise_uniformly(network: nn.Module, generator: torch.Generator) -> None:
    """Draw weights and biases of convolutions within ``±1 / √(inputs)``, PyTorch's own way.

    They are about half as large as those of `initialise`, and start a head on a backbone off with
    less noise in its map.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.bias is not None:
            bound = module.weight[0].numel() ** -0.5
            for values in (module.weight, module.bias):
                drawn = torch.empty(values.shape).uniform_(-bound, bound, generator=generator)
                values.data.copy_(drawn)


def calibrate_batch_norm(network: nn.Module, batches: Iterator[Tensor]) -> None:
    """Set batch-norm statistics to the averages over all ``batches``, changing nothing else."""
    norms = [m for m in network.modules() if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d))]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain average
    network.train()
    with torch.no_grad():
        for batch in batches:
            network(batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.eval()
