"""What a fit gives, and what scoring gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from textocl.core.persistence import ModelFiles


class State(Protocol):
    """What a fit learns: a frozen object of public arrays, which nothing changes afterwards."""

    def to_files(self) -> ModelFiles: ...


@dataclass(frozen=True)
class Learned:
    """What a fit gives: its state, and what threshold and warnings come from.

    Attributes
    ----------
    state : State
    calibration_scores : (m,) float32, of normal samples
    n_unknown, n_read : how many samples were set aside for having no known word, and of how many
    params : parameters that the fit found a value for, such as the name of an embedding
    training_scores : (m,) float32, out-of-sample scores of the training set, NaN where there is
        none; None where the fit has no such scores
    doubts : what else a user should know of the fit
    suspected : (k,) int64, which of the training set were kept from learning as suspected anomalies
    """

    state: State
    calibration_scores: NDArray[np.float32]
    n_unknown: int = 0
    n_read: int = 0
    params: Mapping[str, Any] = field(default_factory=dict)
    training_scores: NDArray[np.float32] | None = None
    suspected: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    doubts: Sequence[str] = ()


class Scored(NamedTuple):
    """Scores, known words and nearest context of n samples, ``(n,)`` each, from one pass."""

    scores: NDArray[np.float32]
    n_known: NDArray[np.int64]
    nearest_context: NDArray[np.int64] | None = None
