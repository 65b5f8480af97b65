"""What a CVDD does with more documents: it takes threshold and p-values anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from textocl.core.training_scores import TrainingSamples
from textocl.core.update import MOST_CALIBRATION_SCORES, Update, kept_of
from textocl.cvdd.state import CVDDState
from textocl.text.spaces import Embedded

KEPT_MESSAGE = (
    "attention and contexts of a CVDD stay as they are: threshold and p-values were taken anew, "
    "with the new documents; fit again to learn from them."
)


def recalibrated(
    state: CVDDState,
    new: TrainingSamples,
    embed: Callable[[list[str]], Iterable[Embedded]],
    aggregate: Callable[[NDArray[np.float32]], NDArray[np.float32]],
) -> Update:
    """Calibrate with the normal ones of ``new`` as well, which nothing is learned from.

    Parameters
    ----------
    embed : from texts to their words and vectors, part by part
    aggregate : from distances ``(n, r)`` to scores
    """
    normal = np.flatnonzero(new.labels >= 0)
    parts = list(embed([new.samples[i] for i in normal]))
    distances = np.concatenate(
        [state.calibration_distances[:0], *(state.distances(part) for part in parts)]
    )
    n_known = np.concatenate([np.zeros(0), *(part.packed.n_distinct for part in parts)])
    known = np.flatnonzero(n_known)
    former = state.calibration_distances
    kept, joining = kept_of(len(former), state.n_documents, len(known), MOST_CALIBRATION_SCORES)
    joined = np.concatenate([former[kept], distances[known[joining]]])
    scores = np.full(len(new), np.nan, np.float32)
    scores[normal[known]] = aggregate(distances[known])
    return Update(
        replace(state, calibration_distances=joined, n_documents=state.n_documents + len(known)),
        scores,
        calibration_scores=aggregate(joined),
        n_unknown=len(normal) - len(known),
        doubts=[KEPT_MESSAGE],
    )
