"""The losses of the deep one-class family: loops, hand-worked numbers, gradients, extremes."""

from __future__ import annotations

import math

import pytest
import torch

from textocl.training.objectives import (
    NORMS,
    OBJECTIVES,
    deep_sad_losses,
    hsc_losses,
    masked_losses,
    norm_by_name,
    pseudo_huber,
    semi_supervised_losses,
    soft_boundary_losses,
    soft_boundary_radius,
)

LABELS = torch.tensor([1, 0, -1, -1, 0, 1])
DISTANCES = torch.tensor([0.3, 2.0, 0.7, 5.0, 0.0, 1.1], dtype=torch.float64)


def test_deep_sad_is_a_loop_over_eq_2_13() -> None:
    expected = []
    for d, label in zip(DISTANCES.tolist(), LABELS.tolist(), strict=True):
        expected.append({1: 2.5 * d, 0: d, -1: 2.5 / (d + 1e-6)}[label])
    losses = deep_sad_losses(DISTANCES, LABELS, 2.5)
    assert losses.tolist() == pytest.approx(expected, rel=1e-12)


def test_hsc_is_a_loop_over_eq_2_20() -> None:
    expected = []
    for d, label in zip(DISTANCES.tolist(), LABELS.tolist(), strict=True):
        expected.append(-math.log(1 - math.exp(-d)) if label < 0 else d)
    assert hsc_losses(DISTANCES, LABELS).tolist() == pytest.approx(expected, rel=1e-12)


def test_numbers_worked_by_hand() -> None:
    half = torch.tensor([math.log(2)], dtype=torch.float64)  # e^-d = 1/2
    assert hsc_losses(half, torch.tensor([-1])).item() == pytest.approx(math.log(2))
    assert pseudo_huber(torch.tensor([[1.0, 1.0, 1.0]])).item() == pytest.approx(1)  # √4 − 1
    assert deep_sad_losses(torch.tensor([4.0]), torch.tensor([-1]), 2.0).item() == pytest.approx(
        0.5
    )


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_labelled_documents_weigh_eta_and_unlabelled_ones_1(objective: str) -> None:
    plain = semi_supervised_losses(DISTANCES, LABELS, objective, 1.0)
    weighted = semi_supervised_losses(DISTANCES, LABELS, objective, 3.0)
    ratio = [1.0 if label == 0 else 3.0 for label in LABELS.tolist()]
    assert weighted.tolist() == pytest.approx((plain * torch.tensor(ratio)).tolist())


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_losses_fall_for_normal_and_rise_for_anomalous_documents_near_the_centre(
    objective: str,
) -> None:
    d = torch.linspace(0.01, 3, 50, dtype=torch.float64)
    for label in (1, 0, -1):
        slopes = semi_supervised_losses(d, torch.full((50,), label), objective, 1.0).diff()
        assert (slopes < 0).all() if label < 0 else (slopes > 0).all()


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_gradients_in_double_precision(objective: str) -> None:
    d = torch.tensor([0.3, 2.0, 0.7, 5.0, 0.1, 1.1], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda distances: semi_supervised_losses(distances, LABELS, objective, 1.7), d
    )


def test_gradients_of_pseudo_huber_in_double_precision() -> None:
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(5, 3, dtype=torch.float64, generator=generator, requires_grad=True)
    assert torch.autograd.gradcheck(pseudo_huber, z)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("distance", [0.0, 1e-38, 1e-12, 1e-6, 1e-3, 50.0, 1e4, 1e30])
def test_no_distance_gives_nan_or_infinity(
    objective: str, dtype: torch.dtype, distance: float
) -> None:
    d = torch.full((3,), distance, dtype=dtype, requires_grad=True)
    losses = semi_supervised_losses(d, torch.tensor([1, 0, -1]), objective, 1.0)
    losses.sum().backward()
    assert d.grad is not None
    assert torch.isfinite(losses).all()
    assert torch.isfinite(d.grad).all()
    assert (losses >= 0).all()


def test_hsc_keeps_its_digits_near_the_centre() -> None:
    d = torch.tensor([1e-5, 3e-6], dtype=torch.float32)
    expected = [-math.log(-math.expm1(-x)) for x in d.tolist()]
    assert hsc_losses(d, torch.tensor([-1, -1])).tolist() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("size", [0.0, 1e-12, 1e-6, 1e-3, 1.0, 1e4, 1e15])
def test_pseudo_huber_keeps_its_digits(size: float) -> None:
    z = torch.full((1, 4), size, requires_grad=True)
    value = pseudo_huber(z)
    value.backward()
    squared = 4 * z[0, 0].item() ** 2
    assert value.item() == pytest.approx(squared / (math.sqrt(squared + 1) + 1), rel=1e-5)
    assert z.grad is not None
    assert torch.isfinite(z.grad).all()
    if size:
        assert value.item() > 0


def test_pseudo_huber_is_quadratic_near_0_and_linear_far_off() -> None:
    near, far = torch.tensor([[1e-3, 0.0]]), torch.tensor([[3e3, 4e3]])
    assert pseudo_huber(near).item() == pytest.approx(0.5e-6, rel=1e-4)
    assert pseudo_huber(far).item() == pytest.approx(5e3 - 1, rel=1e-4)


def test_soft_boundary_is_a_loop_over_eq_2_10() -> None:
    radius, nu = 1.2, 0.25
    expected = radius**2
    for d in DISTANCES.tolist():
        expected += max(0, d - radius**2) / (nu * len(DISTANCES))
    losses = soft_boundary_losses(DISTANCES, radius, nu)
    assert losses.mean().item() == pytest.approx(expected, rel=1e-12)


def test_soft_boundary_by_hand() -> None:
    # R² = 4; one of two lies outside, by 5; ν = 1/2
    losses = soft_boundary_losses(torch.tensor([1.0, 9.0]), 2.0, 0.5)
    assert losses.tolist() == [4, 14]
    distances = torch.tensor([1.0, 4, 9, 16, 25])
    assert soft_boundary_radius(distances, 0.4) == 3  # 25 and 16 lie outside
    assert soft_boundary_radius(distances, 0.39) == 4
    assert soft_boundary_radius(distances, 0.1) == 5
    assert soft_boundary_radius(distances, 1.0) == 1


@pytest.mark.parametrize("nu", [0.01, 0.1, 0.35, 0.5, 1.0])
def test_the_radius_minimises_the_objective_and_has_the_nu_property(nu: float) -> None:
    distances = torch.rand(83, generator=torch.Generator().manual_seed(0)).double() * 9
    radius = soft_boundary_radius(distances, nu)
    best = soft_boundary_losses(distances, radius, nu).mean().item()
    for other in torch.linspace(0, 4, 200).tolist():
        assert best <= soft_boundary_losses(distances, other, nu).mean().item() + 1e-12
    squared = radius**2
    assert (distances > squared + 1e-9).double().mean() <= nu  # Prop. 4
    assert (distances >= squared - 1e-9).double().mean() >= nu - 1e-12


def test_gradients_of_soft_boundary_in_double_precision() -> None:
    d = DISTANCES.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: soft_boundary_losses(x, 1.2, 0.3), d)


def test_norms_by_hand() -> None:
    z = torch.tensor([[3.0, -4.0], [0.0, 0.0]], dtype=torch.float64)
    expected = {
        "pseudo-huber": math.sqrt(26) - 1, "l1": 7, "l2": 5, "squared-l2": 25,
    }  # fmt: skip
    for name in NORMS:
        assert norm_by_name(z, name).tolist() == pytest.approx([expected[name], 0], abs=1e-5)


@pytest.mark.parametrize("norm", NORMS)
def test_norms_have_finite_gradients_everywhere(norm: str) -> None:
    z = torch.tensor([[0.0, 0.0], [1e-20, 0.0], [1e15, -1.0]], requires_grad=True)
    norm_by_name(z, norm).sum().backward()
    assert z.grad is not None
    assert torch.isfinite(z.grad).all()
    generator = torch.Generator().manual_seed(0)
    near = torch.randn(5, 3, dtype=torch.float64, generator=generator, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: norm_by_name(x, norm), near)


def test_masked_losses_are_a_loop_over_pixels() -> None:
    generator = torch.Generator().manual_seed(0)
    heat = torch.rand(3, 4, 5, dtype=torch.float64, generator=generator)
    masks = (torch.rand(3, 4, 5, generator=generator) > 0.6).double()
    masks[1] = 0  # a normal image
    expected = []
    for A, Y in zip(heat.tolist(), masks.tolist(), strict=True):
        pixels = [(a, y) for rows in zip(A, Y, strict=True) for a, y in zip(*rows, strict=True)]
        loss = sum(a for a, y in pixels if not y) / 20
        inside = sum(a for a, y in pixels if y) / 20
        expected.append(loss - math.log(1 - math.exp(-inside)) if inside else loss)
    assert masked_losses(heat, masks).tolist() == pytest.approx(expected, rel=1e-12)
    assert torch.autograd.gradcheck(lambda a: masked_losses(a, masks), heat.requires_grad_())


def test_an_anomaly_alone_in_its_batch_is_not_trained_as_normal() -> None:
    heat = torch.full((1, 2, 2), 0.1, requires_grad=True)
    masked_losses(heat, torch.ones(1, 2, 2)).sum().backward()
    assert heat.grad is not None
    assert (heat.grad < 0).all()  # the loss falls where the heat rises
