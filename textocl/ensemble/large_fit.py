"""A fit on more documents than are learned at once: on some of them, then updates by the others."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textocl.core.learned import Learned
from textocl.core.training_scores import TrainingSamples
from textocl.training.progress import documents_bar

MOST_AT_ONCE = 50_000  # documents
_FIRST, _PART = 20_000, 10_000


def learned_in_parts(detector: Any, training: TrainingSamples) -> Learned:
    """What a `textocl.Detector` learns from m documents, in time that grows as m does.

    The first 20,000, drawn at random, are learned at once, with all that are labelled -1, up to
    half as many; the others are updates, 10,000 each, and scored by what was learned before.
    """
    first, parts = _divided(training.labels, detector.random_state)
    learned = detector._learn_at_once(training.take(first))
    one = copy.copy(detector)
    params = {**detector._frozen_params(), **learned.params}
    one._take_over(
        params, **one._calibrated(learned.calibration_scores, params), state_=learned.state
    )
    scores = np.full(len(training), np.nan, np.float32)
    scores[first] = learned.training_scores
    suspected, n_unknown = [first[learned.suspected]], learned.n_unknown
    with documents_bar(len(training), detector.verbose) as advance:
        advance(len(first))
        for part in parts:
            one, update = one.updated(training.take(part), n_folds=1)
            scores[part] = update.scores
            suspected.append(part[update.suspected])
            n_unknown += update.n_unknown
            advance(len(part))
    return replace(
        learned,
        state=one.state_,
        calibration_scores=one.calibration_scores_,
        n_unknown=n_unknown,
        n_read=int((training.labels >= 0).sum()),
        training_scores=scores,
        suspected=np.sort(np.concatenate(suspected)),
    )


def _divided(
    labels: NDArray[np.int64], seed: int
) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
    """Numbers of the documents that are learned first, and of the others, some at a time."""
    order = np.random.default_rng(seed).permutation(len(labels))
    is_known = labels[order] < 0
    anomalies, others = order[is_known], order[~is_known]
    n_anomalies = min(len(anomalies), _FIRST // 2)
    first = np.concatenate([anomalies[:n_anomalies], others[:_FIRST]])
    later = np.concatenate([anomalies[n_anomalies:], others[_FIRST:]])
    later = np.random.default_rng(seed).permutation(later)
    n_parts = max(-(-len(later) // _PART), 1)
    return np.sort(first), [np.sort(part) for part in np.array_split(later, n_parts)]
