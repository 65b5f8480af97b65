"""The type of the digits that the tests share."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Digits(NamedTuple):
    """``train`` holds zeros, ``others`` known anomalies; ``test`` both, told by ``is_anomaly``."""

    train: np.ndarray
    others: np.ndarray
    test: np.ndarray
    is_anomaly: np.ndarray

    def labelled(self) -> tuple[np.ndarray, np.ndarray]:
        y = np.repeat([0, -1], [len(self.train), len(self.others)])
        return np.concatenate([self.train, self.others]), y
