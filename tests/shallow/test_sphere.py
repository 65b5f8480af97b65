"""The soft sphere: optimal, by other solvers and by its own conditions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.svm import OneClassSVM

from textocl.shallow.sphere import soft_sphere


def dual(weights: np.ndarray, points: np.ndarray) -> float:
    """αᵀKα − αᵀ diag(K), entry by entry."""
    n = len(points)
    kernel = [[float(points[i] @ points[j]) for j in range(n)] for i in range(n)]
    quadratic = sum(weights[i] * weights[j] * kernel[i][j] for i in range(n) for j in range(n))
    return quadratic - sum(weights[i] * kernel[i][i] for i in range(n))


@pytest.mark.parametrize("nu", [0.11, 0.3, 0.55, 0.9])
def test_a_general_solver_finds_the_same_sphere(nu: float) -> None:
    points = np.random.default_rng(0).normal(size=(12, 2))
    center, radius_squared, weights = soft_sphere(points, nu)
    reference = minimize(
        dual, np.full(12, 1 / 12), args=(points,), method="SLSQP",
        bounds=[(0, 1 / (nu * 12))] * 12,
        constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1},
        options={"ftol": 1e-14, "maxiter": 500},
    )  # fmt: skip
    assert dual(weights, points) <= reference.fun + 1e-8
    assert np.allclose(center, reference.x @ points, atol=1e-4)
    free = (reference.x > 1e-5) & (reference.x < 1 / (nu * 12) - 1e-5)
    assert free.any()
    distances = ((points - reference.x @ points) ** 2).sum(axis=1)
    assert np.allclose(distances[free], radius_squared, atol=1e-3)


def test_a_smallest_enclosing_circle_worked_by_hand() -> None:
    corners = np.array([[0, 0], [2, 0], [0, 2], [2, 2], [1, 1]], float)
    center, radius_squared, _ = soft_sphere(corners, 0.05)
    assert np.allclose(center, [1, 1], atol=1e-4)
    assert np.isclose(radius_squared, 2, atol=1e-3)
    # with nu=1 every point has the weight 1/n
    center, _, weights = soft_sphere(corners[1:], 1)
    assert np.allclose(center, corners[1:].mean(axis=0))
    assert np.allclose(weights, 1 / 4)


@pytest.mark.parametrize("nu", [0.02, 0.1, 0.5])
def test_optimality_conditions_hold(nu: float) -> None:
    points = np.random.default_rng(1).normal(size=(400, 20)) * np.linspace(0.1, 2, 20)
    center, radius_squared, weights = soft_sphere(points, nu)
    cap = 1 / (nu * 400)
    distances = ((points - center) ** 2).sum(axis=1)
    slack = 2e-3 * radius_squared
    assert np.isclose(weights.sum(), 1)
    assert np.allclose(weights @ points, center)
    assert (distances[weights < 1e-3 * cap] <= radius_squared + slack).all()
    assert (distances[weights > 0.999 * cap] >= radius_squared - slack).all()
    free = (weights > 1e-2 * cap) & (weights < 0.99 * cap)
    assert np.allclose(distances[free], radius_squared, atol=slack)
    # the ν-property
    assert (distances > radius_squared + slack).mean() <= nu
    assert (distances >= radius_squared - slack).mean() >= nu


def test_libsvm_finds_the_same_sphere() -> None:
    """With the kernel −‖x − y‖²/2, the plane's dual is the sphere's, as weights add up to 1."""
    points = np.random.default_rng(2).normal(size=(200, 5))
    center, _, _ = soft_sphere(points, 0.1)
    squared = ((points[:, None] - points) ** 2).sum(axis=2)
    machine = OneClassSVM(kernel="precomputed", nu=0.1, tol=1e-8).fit(-squared / 2)
    expected = machine.dual_coef_[0] @ points[machine.support_] / 20
    assert np.allclose(center, expected, atol=1e-3)
