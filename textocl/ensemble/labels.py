"""How much what labelled anomalies show counts beside what is odd without them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from textocl.core.training_scores import TrainingSamples
from textocl.cvdd.detector import CVDD
from textocl.ensemble.fusion import Fusion
from textocl.ensemble.members import Member, OutOfSampleScores
from textocl.shallow.discriminant import placements

#: the member that tells labelled anomalies from all other documents
LABELS = "labels"
FEWEST_LABELLED = 10  # anomalies with which there is such a member
_WEIGHTS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)  # of which one is chosen


def scores_of_labelled(
    members: Mapping[str, Member], training: TrainingSamples, crossed: NDArray[np.float32]
) -> NDArray[np.float32]:
    """What members that did not learn from them say of m labelled anomalies, ``(m, k)``.

    Parameters
    ----------
    crossed : (m, k), scores that members came to across folds; NaN of those that did not
    """
    anomalies = np.flatnonzero(training.labels < 0)
    texts = [training.samples[i] for i in anomalies]
    scores = crossed.copy()
    for k, member in enumerate(members.values()):
        if not member.detector.learns_from_anomalies:
            judged = member.detector._scored(texts)
            scores[:, k] = np.where(judged.n_known > 0, judged.scores, np.nan)
    return scores


def weighing_labels(
    members: Mapping[str, Member], judged: OutOfSampleScores, labelled: NDArray[np.float32]
) -> tuple[dict[str, Member], OutOfSampleScores]:
    """Members and their scores with the weight of "labels", or without it where that is 0.

    Parameters are those of `weight_of_labels`.
    """
    weight = weight_of_labels(members, judged, labelled)
    if weight:
        return {**members, LABELS: replace(members[LABELS], weight=weight)}, judged
    others = {name: member for name, member in members.items() if name != LABELS}
    return others, judged.without(list(members).index(LABELS))


def weight_of_labels(
    members: Mapping[str, Member], judged: OutOfSampleScores, labelled: NDArray[np.float32]
) -> float:
    """Weight of the member "labels": as little as tells labelled anomalies about as well as any.

    The AUC of m labelled anomalies against the n other training documents, all out of sample, is
    the mean over anomalies of the share of documents below them. Of the weights 0, ½, 1, 2, 4 and
    8 it is the smallest whose AUC falls short of the best one by at most one standard error of
    their difference: what the other members find without labels needs none, and anomalies of other
    kinds stay as odd as they were.

    Parameters
    ----------
    members : k of them
    judged : what they say of the n documents
    labelled : (m, k), what they say of labelled anomalies; NaN where that is not out of sample
    """
    fusion = Fusion.of(list(members.values()), judged)
    # contexts learn from all labelled anomalies, and are left out here
    counts = np.array([not isinstance(one.detector, CVDD) for one in members.values()])
    columns = judged.columns
    normal = fusion.terms(
        [(scores, known * c) for (scores, known), c in zip(columns, counts, strict=True)]
    )
    known = (~np.isnan(labelled) & counts).astype(np.int64)
    filled = np.where(known > 0, labelled, 0).astype(np.float32)
    odd = fusion.terms(list(zip(filled.T, known.T, strict=True)))
    row = 1 + [name for name, one in members.items() if one.is_term].index(LABELS)
    weights = np.array(_WEIGHTS) / members[LABELS].weight - 1
    shares = np.stack(
        [
            placements(odd.sum(axis=0) + w * odd[row], normal.sum(axis=0) + w * normal[row])
            for w in weights
        ]
    )  # (6, m)
    short = shares[shares.mean(axis=1).argmax()] - shares
    error = short.std(axis=1, ddof=1) / np.sqrt(short.shape[1])
    return _WEIGHTS[int(np.argmax(short.mean(axis=1) <= error))]
