"""How much what labelled anomalies show counts beside what is odd without them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from textocl.core.training_scores import TrainingSamples
from textocl.cvdd.detector import CVDD
from textocl.ensemble.fusion import EVEN, Fusion
from textocl.ensemble.members import Member, OutOfSampleScores
from textocl.shallow.discriminant import placements

#: members that tell labelled anomalies from all other documents, and in whose space each does
LABELS = {"labels": "density", "word_labels": "word_density"}
FEWEST_LABELLED = 10  # anomalies with which there is such a member
_LEAST_GAIN, _ENOUGH = 0.03, 0.9  # of an AUC; of the best gain
_SURE = 2  # standard errors
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
    """Members and their scores with those of `LABELS` calibrated and weighted, or without them.

    Of two, both stay, with half of the weight each, unless one alone gains more by two standard
    errors: few labels hardly tell which of two is better, and two err less than one.

    Parameters
    ----------
    members : k of them
    judged : what they say of n documents that are not labelled -1
    labelled : (m, k), what they say of labelled anomalies; NaN where that is not out of sample
    """
    at = {name: k for k, name in enumerate(members) if name in LABELS}
    heads = {name: calibrated(members[name], labelled[:, k]) for name, k in at.items()}
    without = {name: one for name, one in members.items() if name not in LABELS}
    best, most = (without, judged.without([*at.values()])), np.zeros(len(labelled))
    for names in [[*at], *([name] for name in at)]:
        dropped = [k for name, k in at.items() if name not in names]
        some = {n: heads.get(n, one) for n, one in members.items() if n in names or n in without}
        of_some = judged.without(dropped)
        weight, gains = weight_of_labels(some, of_some, np.delete(labelled, dropped, axis=1))
        more = gains - most
        error = more.std(ddof=1) / np.sqrt(len(more))
        if weight and more.mean() > (_SURE * error if most.any() else 0):
            shared = {name: replace(some[name], weight=weight / len(names)) for name in names}
            best, most = (some | shared, of_some), gains
    return best


def calibrated(member: Member, labelled: NDArray[np.float32]) -> Member:
    """The member with a scale by which its standard score less `EVEN` is a log-odds.

    Let labelled anomalies have a median of d standard deviations above that of all others, of two
    normal distributions of one spread: the log-odds of a document at z are ``d (z − d / 2)``. What
    is far from all that labels show then adds nothing. At d = 1, the least that is taken, this is
    ``z − EVEN`` as of any member.

    Parameters
    ----------
    labelled : (m,), its out-of-sample scores of labelled anomalies, NaN where it knows no word
    """
    known = labelled[~np.isnan(labelled)]
    if not len(known):
        return member
    d = max(float(np.median(member.standardized(known))), 2 * EVEN)
    location = member.location + member.scale * (d / 2 - EVEN / d)
    return replace(member, location=location, scale=member.scale / d)


def weight_of_labels(
    members: Mapping[str, Member], judged: OutOfSampleScores, labelled: NDArray[np.float32]
) -> tuple[float, NDArray[np.float64]]:
    """Weight of `LABELS` together, and what they gain at best for each anomaly, ``(m,)``.

    The AUC of labelled anomalies against the other training documents, all out of sample, is the
    mean over anomalies of the share of documents below them. Of the weights ½, 1, 2, 4 and 8 it is
    the smallest that brings nine tenths of what the best one gains over 0: as little as tells what
    labels show nearly as well as any. It is 0 where that is less than 0.03, or than its standard
    error: what the other members find without labels needs none, and anomalies of other kinds stay
    as odd as they were.

    Parameters are those of `weighing_labels`.
    """
    # contexts learn from all labelled anomalies, and are left out here
    counts = np.array([not isinstance(one.detector, CVDD) for one in members.values()])
    fusion = Fusion.of(list(members.values()), judged)
    normal = _columns(judged.scores, judged.is_known & counts)
    odd = _columns(labelled, ~np.isnan(labelled) & counts)
    names = [name for name, one in members.items() if one.is_term]
    rows = [1 + names.index(name) for name in names if name in LABELS]
    given = sum(members[name].weight for name in names if name in LABELS)
    shares = []
    for weight in _WEIGHTS:
        totals = []
        for columns in (odd, normal):
            terms = fusion.terms(columns)
            terms[rows] *= weight / given
            totals.append(terms.sum(axis=0))
        shares.append(placements(*totals))  # (m,)
    gains = np.stack(shares) - shares[0]  # (6, m)
    means = gains.mean(axis=1)
    best = int(means.argmax())
    error = gains[best].std(ddof=1) / np.sqrt(gains.shape[1])
    if means[best] < max(_LEAST_GAIN, error):
        return 0.0, gains[0]
    return _WEIGHTS[int(np.argmax(means >= _ENOUGH * means[best]))], gains[best]


def _columns(
    scores: NDArray[np.float32], is_known: NDArray[np.bool_]
) -> list[tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """Scores ``(n, k)`` as `Fusion.terms` takes them."""
    filled = np.where(is_known, scores, 0).astype(np.float32)
    return list(zip(filled.T, is_known.astype(np.int64).T, strict=True))
