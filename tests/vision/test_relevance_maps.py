"""Relevance is conserved from the score to the pixels, and lies where an image was spoilt."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from digits import Digits

from textocl.core.exceptions import DataError
from textocl.explain.clever_hans import clever_hans_score, explanation_accuracy
from textocl.vision import FCDD, HSC, DeepSAD, DeepSVDD
from textocl.vision.deep import DeepDetector
from textocl.vision.relevance import relevance_maps

QUICK = {"n_epochs": 10, "n_pretraining_epochs": 10}


@pytest.fixture(scope="module")
def svdd(digits: Digits) -> DeepSVDD:
    return DeepSVDD(network="lenet-8-4-fc16-fc8", **QUICK).fit(digits.train)


def preprocessed_gradient(detector: DeepDetector, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Preprocessed samples, and the gradient of their scores."""
    model = detector.state_.model
    inputs = model.preprocessing(detector._read_like_fit(X)).requires_grad_()
    scores = detector._distances_to_scores(model, model.network(inputs))
    (gradient,) = torch.autograd.grad(scores.sum(), inputs)
    return inputs.detach().numpy(), gradient.numpy()


@pytest.mark.parametrize("network", ["lenet-8-4-fc16-fc8", "lenet-4-fc8-x2"])
@pytest.mark.parametrize("kind", [DeepSVDD, DeepSAD])
def test_without_gamma_it_is_input_times_gradient(
    digits: Digits, network: str, kind: type[DeepSVDD | DeepSAD]
) -> None:
    detector = kind(network=network, n_epochs=2, n_pretraining_epochs=2).fit(digits.train)
    found = relevance_maps(detector, digits.test[:20], gamma=0)
    inputs, gradient = preprocessed_gradient(detector, digits.test[:20])
    model = detector.state_.model.preprocessing
    grey = float(-model.shift / model.scale)
    assert found.maps == pytest.approx(((inputs - grey) * gradient).sum(axis=1), abs=1e-4)


def test_relevance_and_bias_add_up_to_the_score_layer_by_layer() -> None:
    """A network worked by hand: two features, two hidden units, one output."""
    points = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)
    detector = DeepSVDD(
        network="mlp-2-1", preprocessing="none", n_epochs=0, n_pretraining_epochs=0
    ).fit(points)
    first, norm, _, last = detector.state_.model.network.branches[0]
    x = np.array([1.5, -0.5])
    scale = 1 / np.sqrt(norm.running_var.numpy() + norm.eps)
    W = first.weight.detach().numpy() * scale[:, None]
    b = -norm.running_mean.numpy() * scale
    h = W @ x + b
    a = np.where(h > 0, h, 0.1 * h)
    gamma, R_bias = 0.5, 0.0

    def hand_back(relevance: float, z: np.ndarray, b: float) -> tuple[np.ndarray, float]:
        sign = np.sign(z.sum() + b)
        more = z + gamma * np.where(z * sign > 0, z, 0)
        more_b = b + gamma * (b if b * sign > 0 else 0)
        total = more.sum() + more_b
        return relevance * more / total, relevance * more_b / total

    V, c = last.weight.detach().numpy()[0], float(detector.center_[0])
    score = abs(V @ a - c)
    R_hidden, part = hand_back(score, V * a, -c)
    R_bias += part
    expected = np.zeros(2)
    for j in range(2):
        R, part = hand_back(R_hidden[j], W[j] * x, b[j])
        expected, R_bias = expected + R, R_bias + part
    found = relevance_maps(detector, x[None].astype(np.float32), gamma=gamma)
    assert found.scores[0] == pytest.approx(score, rel=1e-5)
    assert found.maps[0] == pytest.approx(expected, rel=1e-4)
    assert found.bias[0] == pytest.approx(R_bias, rel=1e-4)


@pytest.mark.parametrize("gamma", [0, 0.25, 2.0])
def test_a_network_without_bias_hands_all_of_the_score_to_the_pixels(
    digits: Digits, gamma: float
) -> None:
    detector = DeepSVDD(network="lenet-8-4-fc16-fc8", preprocessing="none", **QUICK).fit(
        digits.train
    )
    for module in detector.state_.model.network.modules():
        if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
            module.running_mean.zero_()
    detector.state_.model.vectors["center"].zero_()
    found = relevance_maps(detector, digits.test[:30], gamma)
    assert found.scores == pytest.approx(detector.anomaly_score(digits.test[:30]), rel=1e-4)
    assert found.maps.sum(axis=(1, 2)) == pytest.approx(found.scores, rel=1e-6)


def test_scores_are_the_detectors_and_the_radius_is_bias(digits: Digits) -> None:
    soft = DeepSVDD(objective="soft-boundary", **QUICK).fit(digits.train)
    found = relevance_maps(soft, digits.test)
    assert found.scores == pytest.approx(soft.anomaly_score(digits.test), abs=1e-4)
    assert found.maps.shape == (len(digits.test), 8, 8)
    harder = DeepSVDD(objective="soft-boundary", **QUICK).fit(digits.train)
    harder.state_.model.vectors["radius"].add_(1)
    moved = relevance_maps(harder, digits.test)
    assert moved.maps == pytest.approx(found.maps)
    assert moved.bias == pytest.approx(found.bias - 1)


@pytest.mark.parametrize("norm", ["pseudo-huber", "l1", "l2", "squared-l2"])
def test_relevance_of_an_hsc_is_its_score_less_what_biases_keep(digits: Digits, norm: str) -> None:
    y = np.where(np.arange(len(digits.train)) % 5 == 0, -1, 1)
    hsc = HSC(network="lenet-8-4-fc16-fc8", norm=norm, n_epochs=3).fit(digits.train, y)
    found = relevance_maps(hsc, digits.test[:20])
    assert found.scores == pytest.approx(hsc.anomaly_score(digits.test[:20]), rel=1e-3, abs=1e-4)
    for module in hsc.state_.model.network.modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)) and module.bias is not None:
            module.bias.data.zero_()
        if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
            module.running_mean.zero_()
            if module.affine:
                module.bias.data.zero_()
    hsc.state_.model.preprocessing.shift.zero_()  # grey is 0
    free = relevance_maps(hsc, digits.test[:20])
    assert free.maps.sum(axis=(1, 2)) == pytest.approx(free.scores, rel=1e-5, abs=1e-9)


def test_relevance_lies_where_the_image_was_spoilt(svdd: DeepSVDD, digits: Digits) -> None:
    normal = digits.test[~digits.is_anomaly]
    spoilt, truths = normal.copy(), np.zeros(normal.shape, bool)
    random = np.random.default_rng(0)
    for image, truth in zip(spoilt, truths, strict=True):
        i, j = random.integers(0, 6, size=2)
        truth[i : i + 3, j : j + 3] = True
        image[truth] = 1 - image[truth]
    maps = relevance_maps(svdd, spoilt).maps
    elsewhere = random.permuted(truths.reshape(len(truths), -1), axis=1).reshape(truths.shape)
    assert explanation_accuracy(list(maps), list(truths)) > explanation_accuracy(
        list(maps), list(elsewhere)
    )
    found = clever_hans_score(
        svdd.anomaly_score(np.concatenate([normal, spoilt])),
        np.repeat([False, True], len(normal)), list(maps), list(truths),
    )  # fmt: skip
    assert found.score == pytest.approx(found.auc - found.explanation_accuracy)


def test_what_has_no_own_network_or_centre_is_refused(digits: Digits) -> None:
    fcdd = FCDD(network="fcn-fashion-mnist", n_epochs=0)
    with pytest.raises(DataError, match="expected a DeepSVDD, DeepSAD or HSC, got a FCDD"):
        relevance_maps(fcdd, digits.test)
    with pytest.raises(DataError, match="gamma must be"):
        relevance_maps(DeepSVDD(), digits.test, gamma=-1)


def test_nothing_in_nothing_out(svdd: DeepSVDD, digits: Digits) -> None:
    assert relevance_maps(svdd, digits.test[:0]).maps.shape == (0, 8, 8)
