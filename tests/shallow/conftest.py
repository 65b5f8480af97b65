"""Points that the tests of the shallow detectors share."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="package")
def training() -> np.ndarray:
    """A stretched cloud of 150 points in 6 dimensions, off the origin."""
    source = np.random.default_rng(0)
    cloud = source.normal(size=(150, 6)) @ source.normal(size=(6, 6)) + 4
    return cloud.astype(np.float32)


@pytest.fixture(scope="package")
def new() -> np.ndarray:
    """40 points, near the cloud and far from it."""
    source = np.random.default_rng(1)
    return (source.normal(size=(40, 6)) * source.uniform(0.1, 6, size=(40, 1)) + 4).astype("f4")
