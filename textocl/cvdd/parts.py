"""The documents that CVDD trains on and those that it calibrates with, embedded."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError
from textocl.core.training_scores import TrainingSamples
from textocl.text.spaces import ContextSpace, Embedded, Space


class Part(NamedTuple):
    """Documents with a known word: their numbers among all, and embedded."""

    numbers: NDArray[np.int64]
    embedded: Embedded

    def take(self, chosen: NDArray[np.int64]) -> Part:
        return Part(self.numbers[chosen], self.embedded.take(chosen))


def embedded_parts(
    space: Space,
    documents: TrainingSamples,
    training: NDArray[np.int64],
    held_out: NDArray[np.int64],
    n_contexts: int,
    *,
    across_folds: bool,
    progress: bool,
) -> tuple[Part, Part]:
    """Documents to train on, known anomalies among them, and documents to calibrate with.

    Parameters
    ----------
    training, held_out : numbers of normal documents; the same for calibration by training scores
    n_contexts : so many documents or more are needed to train on
    across_folds : whether they are needed without a third of the documents, too

    Raises
    ------
    DataError
        Too few documents are left, or none to calibrate with.
    """
    labels = documents.labels
    n_least = n_contexts + -(-n_contexts // 2) if across_folds else n_contexts

    def part_of(numbers: NDArray[np.int64]) -> Part:
        chosen = [documents.samples[i] for i in numbers]
        if isinstance(space, ContextSpace):  # long work: all at once, with a bar
            space.remember(chosen, progress=progress)
        embedded = space.embed(chosen)
        return Part(numbers, embedded).take(np.flatnonzero(embedded.packed.n_distinct))

    to_train = part_of(np.sort(np.concatenate([training, np.flatnonzero(labels < 0)])))
    to_calibrate = to_train if np.array_equal(training, held_out) else part_of(held_out)
    n_normal, n_left = int((labels >= 0).sum()), int((labels[to_train.numbers] >= 0).sum())
    if n_left < n_least:
        raise DataError(
            f"{n_left} of {n_normal} documents are left to learn from (the others have no known "
            f"word or are held out), too few for n_contexts={n_contexts}; give more documents or "
            "fewer contexts."
        )
    if not len(to_calibrate.numbers):
        raise DataError(
            f"no document with known words is left to calibrate with (of {n_normal}); give more "
            "documents, or calibration='training'."
        )
    return to_train, to_calibrate
