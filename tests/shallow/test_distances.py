"""Distances: right, and right where points coincide or lie far off."""

from __future__ import annotations

import numpy as np
import pytest

from textocl import TextoclWarning
from textocl.shallow import distances
from textocl.shallow.distances import at_most, centred, nearest, row_blocks, squared_distances
from textocl.shallow.kernels import gamma_of, rbf, rbf_sums


def test_squared_distances_equal_a_loop(training: np.ndarray, new: np.ndarray) -> None:
    expected = [[((x.astype("f8") - y) ** 2).sum() for y in training] for x in new]
    assert np.allclose(squared_distances(new, training), expected, rtol=1e-9)


def test_equal_points_are_at_distance_zero_however_far_off() -> None:
    points = np.tile(np.array([[1e30, -3e29]], np.float32), (5, 1))
    assert (squared_distances(points, points) == 0).all()
    away = np.random.default_rng(0).normal(size=(20, 3)) + 1e8
    assert np.allclose(
        squared_distances(away, away), squared_distances(away - 1e8, away - 1e8), atol=1e-6
    )


def test_nearest_are_those_of_a_full_sort(
    training: np.ndarray, new: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = np.linalg.norm(new[:, None].astype("f8") - training, axis=2)
    for entries in (2**22, 1000):  # one block, many
        monkeypatch.setattr(distances, "_ENTRIES_AT_ONCE", entries)
        found, indices = nearest(new, training, 7)
        assert np.allclose(found, np.sort(everything, axis=1)[:, :7])
        assert (indices == np.argsort(everything, axis=1)[:, :7]).all()


def test_a_point_is_not_its_own_neighbour_but_its_double_is() -> None:
    points = np.array([[0.1, 0.7], [0.1, 0.7], [5, 5]], np.float32)
    found, indices = nearest(points, points, 1, skip=np.arange(3))
    assert found[:2, 0].tolist() == [0, 0]
    assert indices[:2, 0].tolist() == [1, 0]


def test_blocks_hold_every_row_once() -> None:
    rows = np.arange(10)
    for width in (1, 2**21, 2**22, 2**30):
        assert np.concatenate(list(row_blocks(rows, width))).tolist() == rows.tolist()
    assert [len(block) for block in row_blocks(rows, 2**20)] == [4, 4, 2]


def test_centring_is_exact_where_points_coincide(training: np.ndarray) -> None:
    moved, mean = centred(np.full((7, 2), 0.1, np.float32))
    assert (moved == 0).all()
    assert (mean == np.float32(0.1)).all()
    moved, mean = centred(training)
    assert np.allclose(mean, training.mean(axis=0), rtol=1e-5)
    assert np.allclose(moved + mean, training)


def test_what_is_too_many_warns_and_is_clipped() -> None:
    assert at_most("n", 3, 3, "the 3 points") == 3
    with pytest.warns(TextoclWarning, match="n=4 is more than the 3 points; n=3 is used"):
        assert at_most("n", 4, 3, "the 3 points") == 3


def test_rbf_is_the_formula(training: np.ndarray, new: np.ndarray) -> None:
    expected = [[np.exp(-0.2 * ((x - y) ** 2).sum()) for y in training] for x in new]
    assert np.allclose(rbf(new, training, 0.2), expected, rtol=1e-4)
    weights = np.random.default_rng(0).normal(size=len(training))
    assert np.allclose(rbf_sums(new, training, weights, 0.2), np.array(expected) @ weights)


def test_gamma_scale_is_scikit_learns(training: np.ndarray) -> None:
    assert np.isclose(gamma_of("scale", training), 1 / (6 * training.var()), rtol=1e-5)
    assert gamma_of("scale", np.ones((4, 2), np.float32)) == 1
    assert gamma_of(3, training) == 3
