"""EfficientNet-Lite0 without its classifier, for weights trained on ImageNet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor, nn
from torch.nn import functional

_EPS = 1e-3  # of batch norm
#: kernel, stride, expansion, channels, repeats of each stage
_STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
N_BLOCKS = sum(stage[-1] for stage in _STAGES)


class SameConvolution(nn.Conv2d):
    """Convolution whose output has ⌈size / stride⌉ cells, padded at the end first."""

    def __init__(self, n_in: int, n_out: int, kernel: int, stride: int = 1, groups: int = 1):
        super().__init__(n_in, n_out, kernel, stride, groups=groups, bias=False)

    def forward(self, X: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        pads = []
        for size in (X.shape[3], X.shape[2]):
            missing = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [missing // 2, missing - missing // 2]
        return super().forward(functional.pad(X, pads) if any(pads) else X)


class Block(nn.Module):
    """Inverted residual: expand channels, filter each by itself, project back."""

    def __init__(self, n_in: int, n_out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        n_inner = n_in * expansion
        modules: list[nn.Module] = []
        if expansion > 1:
            modules += [
                SameConvolution(n_in, n_inner, 1),
                nn.BatchNorm2d(n_inner, _EPS),
                nn.ReLU6(),
            ]
        modules += [
            SameConvolution(n_inner, n_inner, kernel, stride, groups=n_inner),
            nn.BatchNorm2d(n_inner, _EPS),
            nn.ReLU6(),
            SameConvolution(n_inner, n_out, 1),
            nn.BatchNorm2d(n_out, _EPS),
        ]
        self.layers = nn.Sequential(*modules)
        self.has_skip = stride == 1 and n_in == n_out

    def forward(self, X: Tensor) -> Tensor:
        out: Tensor = self.layers(X)
        return X + out if self.has_skip else out


def efficientnet_lite0(n_blocks: int = N_BLOCKS) -> nn.Sequential:
    """The stem and first blocks: standardised RGB ``(n, 3, h, w)`` to maps ``(n, d, u, v)``."""
    modules: list[nn.Module] = [SameConvolution(3, 32, 3, 2), nn.BatchNorm2d(32, _EPS), nn.ReLU6()]
    n_in = 32
    for kernel, stride, expansion, n_out, repeats in _STAGES:
        for i in range(repeats):
            modules.append(Block(n_in, n_out, kernel, stride if i == 0 else 1, expansion))
            n_in = n_out
    return nn.Sequential(*modules[: 3 + n_blocks])


def published_weights(state: Mapping[str, Tensor], n_blocks: int = N_BLOCKS) -> dict[str, Tensor]:
    """Weights of `efficientnet_lite0` by our names, from a file that has the usual ones.

    Raises
    ------
    KeyError
        A weight is missing.
    """
    weights = {}
    for ours, theirs in _names(n_blocks):
        parts = ["weight"]
        if "_bn" in theirs:
            parts += ["bias", "running_mean", "running_var"]
        for part in parts:
            weights[f"{ours}.{part}"] = state[f"{theirs}.{part}"]
    return weights


def _names(n_blocks: int) -> Iterator[tuple[str, str]]:
    yield "0", "_conv_stem"
    yield "1", "_bn0"
    for i in range(n_blocks):
        inner = ["_depthwise_conv", "_bn1", None, "_project_conv", "_bn2"]
        if i > 0:  # the first block expands nothing
            inner = ["_expand_conv", "_bn0", None, *inner]
        for place, name in enumerate(inner):
            if name:
                yield f"{3 + i}.layers.{place}", f"_blocks.{i}.{name}"
