"""Relevance heatmaps: which pixels a score comes from (layer-wise relevance propagation).

The score ``h(φ(x) − c)`` goes to the entries of φ by what they bring in, then through each layer in
proportion to what its inputs bring in (layer-wise relevance propagation, thesis §4.4.2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.grad import conv2d_input

from textocl.core.exceptions import DataError
from textocl.core.validation import check_number
from textocl.vision.deep_model import DeepModel
from textocl.vision.hsc import HSC
from textocl.vision.hypersphere import CenteredDetector
from textocl.vision.networks import Encoder

_AT_ONCE = 250


@dataclass(frozen=True)
class RelevanceMaps:
    """What each pixel, or feature, adds to the score of its sample.

    Attributes
    ----------
    maps : (n, h, w) or (n, d); negative where the sample looks more normal for it
    bias : (n,) what the mean brightness, batch norm, the centre and the radius account for; with
        the sum of a map it is the score
    scores : (n,)
    """

    maps: NDArray[np.float64]
    bias: NDArray[np.float64]
    scores: NDArray[np.float64]


class _Linear(NamedTuple):
    """A convolution or a linear layer, and the batch norm after it, as one.

    Attributes
    ----------
    weight : (o, i) or (o, i, k, k)
    bias : (o,), (o, 1, 1) or (o, h, w)
    padding : of a convolution
    """

    weight: Tensor
    bias: Tensor
    padding: int

    def forward(self, a: Tensor, weight: Tensor) -> Tensor:
        if weight.ndim == 2:
            return a @ weight.T
        return functional.conv2d(a, weight, padding=self.padding)

    def backward(self, a: Tensor, weight: Tensor, s: Tensor) -> Tensor:
        """Transpose of `forward`, for ``s`` of its output's shape."""
        if weight.ndim == 2:
            return s @ weight
        return conv2d_input(a.shape, weight, s, padding=self.padding)


def relevance_maps(detector: CenteredDetector | HSC, X: Any, gamma: float = 5.0) -> RelevanceMaps:
    """Say which pixels made each image anomalous, in parts that add up to the score.

    Beside ``detector.explain``, which tells where a small change would move the score most; this
    tells where the score comes from.

    Parameters
    ----------
    detector : a fitted `textocl.vision.DeepSVDD`, `textocl.vision.DeepSAD` or `textocl.vision.HSC`,
        without a backbone
    X : as in ``anomaly_score``
    gamma : float ≥ 0, default 5.0
        How much more inputs count that push an output the way it went (LRP-γ, in the form for
        activations of both signs). Raising it gives smoother maps and fewer negative parts; 0 is
        input times gradient.

    Raises
    ------
    NotFittedError
    DataError
        Another kind of detector, or ``X`` does not fit.

    Notes
    -----
    Entries of φ get the score in the proportions of ``(φ_i − c_i)²``, or with the norm "l1" of
    ``|φ_i|``; the centre of an HSC is 0. With ``z_ij = a_i w_ij`` an output
    ``z_j = Σ_i z_ij + b_j`` above 0 hands R_j on in the proportions ``z_ij + γ z_ij⁺``, one below 0
    in ``z_ij + γ z_ij⁻``; b_j takes its part, and keeps it. Batch norm is folded into the layer
    before it, max-pooling hands on to the largest, leaky ReLU passes through, and a pixel's
    relevance is that of its preprocessed value, counted from what preprocessing makes of the
    image's mean, so that dark can be as relevant as bright.

    References
    ----------
    S. Bach et al.: On Pixel-Wise Explanations for Non-Linear Classifier Decisions by Layer-Wise
    Relevance Propagation. PLoS ONE, 2015.
    J. Kauffmann, L. Ruff, G. Montavon, K.-R. Müller: The Clever Hans Effect in Anomaly Detection.
    arXiv:2006.10609, 2020.
    """
    check_number("gamma", gamma, 0)
    if not isinstance(detector, (CenteredDetector, HSC)):
        raise DataError(f"expected a DeepSVDD, DeepSAD or HSC, got a {type(detector).__name__}.")
    samples = detector._read_like_fit(X)
    model = detector.state_.model
    if model.backbone is not None or not isinstance(model.network, Encoder):
        raise DataError("relevance goes through a detector's own network; this has a backbone.")
    shape = model.sample_shape[-2:] if len(model.sample_shape) == 3 else model.sample_shape
    all_maps, all_scores = [np.empty((0, *shape))], [np.empty(0)]
    center = model.vectors.get("center", next(model.network.parameters()).new_zeros(1)).double()
    grey = _grey(model)  # (1, c, h, w) or (1, d)
    with torch.no_grad():
        for part in samples.split(_AT_ONCE):
            a = model.preprocessing(part.to(center.device)).double() - grey
            relevance = torch.zeros_like(a)
            codes = [_forward(_from(grey, branch), a) for branch in _branches(model.network)]
            outputs = torch.cat([code for code, _ in codes], dim=1)  # (b, o)
            scores = detector._distances_to_scores(model, outputs)  # (b,)
            of_outputs = _of_outputs(detector, outputs - center, scores)
            center = center.expand(outputs.shape[1])
            n = outputs.shape[1] // len(codes)
            for i, (_, backward) in enumerate(codes):
                k = slice(i * n, (i + 1) * n)
                relevance += backward(of_outputs[:, k], center[k], gamma)
            relevance = relevance.sum(dim=1) if relevance.ndim == 4 else relevance
            all_maps.append(relevance.cpu().numpy())
            all_scores.append(scores.cpu().numpy())
    maps, found_scores = np.concatenate(all_maps), np.concatenate(all_scores)
    return RelevanceMaps(
        maps, found_scores - maps.sum(axis=tuple(range(1, maps.ndim))), found_scores
    )


def _of_outputs(detector: CenteredDetector | HSC, outputs: Tensor, scores: Tensor) -> Tensor:
    """What each entry of the outputs, less the centre, adds to the score, ``(b, o)``."""
    norm = detector.state_.model.parameters["norm"] if isinstance(detector, HSC) else None
    brought = outputs.abs() if norm == "l1" else outputs.square()
    total = brought.sum(dim=1, keepdim=True)
    whole = total.sqrt() if norm is None else scores[:, None]  # a radius is no part of it
    return brought * whole / total.clamp_min(1e-30)


def _grey(model: DeepModel) -> Tensor:
    """What a sample of the mean brightness, or of mean features, becomes by preprocessing."""
    shift, scale = model.preprocessing.shift.double(), model.preprocessing.scale.double()
    is_contrast = model.preprocessing.kind == "contrast"
    level = -shift / scale if is_contrast else torch.zeros_like(shift)
    shape = (1, -1, *[1] * (len(model.sample_shape) - 1))
    return level.view(shape).expand(1, *model.sample_shape)


def _from(grey: Tensor, layers: list[nn.Module | _Linear]) -> list[nn.Module | _Linear]:
    """The same layers, for samples from which ``grey`` was taken."""
    first = layers[0]
    assert isinstance(first, _Linear)
    bias = first.forward(grey, first.weight)[0] + first.bias
    return [first._replace(bias=bias), *layers[1:]]


_Backward = Callable[[Tensor, Tensor, float], Tensor]


def _branches(network: Encoder) -> Iterator[list[nn.Module | _Linear]]:
    """Layers of each branch, with batch norm folded in."""
    for branch in network.branches:
        layers: list[nn.Module | _Linear] = []
        for module in branch.children():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                weight = module.weight.double()
                bias = module.bias
                bias = weight.new_zeros(len(weight)) if bias is None else bias.double()
                if isinstance(module, nn.Conv2d):
                    layers.append(_Linear(weight, bias.view(-1, 1, 1), int(module.padding[0])))
                else:
                    layers.append(_Linear(weight, bias, 0))
            elif isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                layers.append(_folded(layers.pop(), module))
            else:
                layers.append(module)
        yield layers


def _folded(layer: nn.Module | _Linear, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> _Linear:
    assert isinstance(layer, _Linear)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    like_bias = (-1, *[1] * (layer.weight.ndim - 2))
    scale = (norm.running_var.double() + norm.eps).rsqrt()
    shift = -norm.running_mean.double() * scale
    if norm.affine:
        scale, shift = scale * norm.weight.double(), shift * norm.weight + norm.bias
    weight = layer.weight * scale.view(-1, *[1] * (layer.weight.ndim - 1))
    return _Linear(
        weight, layer.bias * scale.view(like_bias) + shift.view(like_bias), layer.padding
    )


def _forward(layers: list[nn.Module | _Linear], a: Tensor) -> tuple[Tensor, _Backward]:
    """Code ``(b, o)``, and what hands its relevance, given the centre and γ, back to ``a``."""
    inputs = []
    for layer in layers:
        inputs.append(a)
        a = layer.forward(a, layer.weight) + layer.bias if isinstance(layer, _Linear) else layer(a)

    def backward(relevance: Tensor, center: Tensor, gamma: float) -> Tensor:
        last = True  # the distance to the centre: an output less a constant
        for layer, a in zip(reversed(layers), reversed(inputs), strict=True):
            if isinstance(layer, _Linear):
                bias = layer.bias - center if last else layer.bias
                relevance = _through(layer._replace(bias=bias), a, relevance, gamma)
                last = False
            elif isinstance(layer, nn.MaxPool2d):
                relevance = _to_largest(layer, a, relevance)
            else:  # leaky ReLU, flattening
                relevance = relevance.reshape(a.shape)
        return relevance

    return a, backward


def _through(layer: _Linear, a: Tensor, relevance: Tensor, gamma: float) -> Tensor:
    """Relevance of a layer's inputs; see `relevance_maps`."""
    W, b = layer.weight, layer.bias
    W_up, W_down = W.clamp(min=0), W.clamp(max=0)
    a_up, a_down = a.clamp(min=0), a.clamp(max=0)
    z = layer.forward(a, W) + b
    rising = layer.forward(a_up, W_up) + layer.forward(a_down, W_down) + b.clamp(min=0)
    falling = layer.forward(a_up, W_down) + layer.forward(a_down, W_up) + b.clamp(max=0)
    zero = torch.zeros_like(z)
    up = torch.where(z > 0, relevance / (z + gamma * rising), zero)
    down = torch.where(z < 0, relevance / (z + gamma * falling), zero)
    of_inputs = a * layer.backward(a, W, up + down)
    of_inputs += gamma * a_up * (layer.backward(a, W_up, up) + layer.backward(a, W_down, down))
    of_inputs += gamma * a_down * (layer.backward(a, W_down, up) + layer.backward(a, W_up, down))
    return of_inputs


def _to_largest(layer: nn.MaxPool2d, a: Tensor, relevance: Tensor) -> Tensor:
    _, indices = functional.max_pool2d(a, layer.kernel_size, layer.stride, return_indices=True)
    of_inputs = torch.zeros_like(a).flatten(2)
    return of_inputs.scatter_(2, indices.flatten(2), relevance.flatten(2)).view(a.shape)
