"""The documents that CVDD trains on and those that it calibrates with, embedded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from textocl.text.spaces import ContextSpace, Embedded, Space


class Part(NamedTuple):
    """Documents with a known word: their numbers among all, and embedded."""

    numbers: NDArray[np.int64]
    embedded: Embedded

    def take(self, chosen: NDArray[np.int64]) -> Part:
        return Part(self.numbers[chosen], self.embedded.take(chosen))


def embedded_parts(
    space: Space,
    texts: Sequence[str],
    labels: NDArray[np.int64],
    training: NDArray[np.int64],
    held_out: NDArray[np.int64],
    *,
    progress: bool,
) -> tuple[Part, Part]:
    """Documents to train on, known anomalies among them, and documents to calibrate with.

    Parameters
    ----------
    training, held_out : numbers of normal documents; the same for calibration by training scores
    """

    def part_of(numbers: NDArray[np.int64]) -> Part:
        chosen = [texts[i] for i in numbers]
        if isinstance(space, ContextSpace):  # long work: all at once, with a bar
            space.remember(chosen, progress=progress)
        embedded = space.embed(chosen)
        return Part(numbers, embedded).take(np.flatnonzero(embedded.packed.n_distinct))

    to_train = part_of(np.sort(np.concatenate([training, np.flatnonzero(labels < 0)])))
    same = np.array_equal(training, held_out)
    return to_train, to_train if same else part_of(held_out)
