"""Digits of 8 × 8 pixels: zeros are normal, other digits are not."""

from __future__ import annotations

import numpy as np
import pytest
from digits import Digits
from sklearn.datasets import load_digits


@pytest.fixture(scope="session")
def digits() -> Digits:
    data = load_digits()
    images = (data.images / 16).astype(np.float32)
    normal = images[data.target == 0]
    known, unknown = (
        images[data.target % 2 == 1],
        images[(data.target > 0) & (data.target % 2 == 0)],
    )
    test = np.concatenate([normal[130:], unknown[:100]])
    return Digits(normal[:130], known[:60], test, np.arange(len(test)) >= len(normal) - 130)
