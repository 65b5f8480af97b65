"""What a `Detector` learns from more documents, without those of before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from textocl.core.contamination import ContaminationEstimate
from textocl.core.exceptions import DataError
from textocl.core.learned import Scored
from textocl.core.training_scores import TrainingSamples
from textocl.core.update import MOST_CALIBRATION_SCORES, UpdatableDetector, Update, kept_of
from textocl.cvdd.detector import CVDD
from textocl.ensemble.labels import FEWEST_LABELLED
from textocl.ensemble.members import Member, OutOfSampleScores
from textocl.ensemble.state import EnsembleState, word_member
from textocl.ensemble.surprisal import Surprisal
from textocl.shallow.density import KDE
from textocl.shallow.discriminant import Discriminant
from textocl.text.spaces import WordSpace

#: of normal documents are as unusual as those that are kept from learning unless labelled
USUAL_RATE = 0.05


def updated_ensemble(
    state: EnsembleState,
    new: TrainingSamples,
    score: Callable[[list[str]], Scored],
    threshold: float,
    n_before: int | None,
    params: Mapping[str, Any],
    n_folds: int,
) -> Update:
    """Let the members learn ``new``, and take scale, threshold and p-values anew.

    Documents that are remembered are left out, so that a second update by the same ones changes
    nothing; but for those that are labelled now and say more: -1, or +1 where they were suspected.

    Parameters
    ----------
    score, threshold : of the detector as yet; of what scores higher, as `USUAL_RATE` of normal
        documents do, members learn only what is labelled
    n_before : how many documents were learned from; None if unknown
    params : of the detector

    Raises
    ------
    DataError
        The model was saved by a textocl that could not update it.
    """
    rows = np.full(len(new), -1)
    if state.memory is not None:
        rows = state.memory.rows_of(new.samples)
    scores = np.full(len(new), np.nan, np.float32)
    scores[rows >= 0] = state.training_scores[rows[rows >= 0]]
    says_more = (rows >= 0) & (new.labels < 0)
    if state.out_of_sample is not None:
        says_more |= (rows >= 0) & (new.labels > 0) & ~state.out_of_sample.is_trusted[rows]
    fresh, suspected = np.flatnonzero((rows < 0) | says_more), np.empty(0, np.int64)
    updated = state
    if len(fresh):
        taken = new.take(fresh)
        is_suspected, is_beyond = np.zeros((2, len(fresh)), bool)
        if params["contamination"] != 0:
            before, n_known, _ = score(taken.samples)
            is_judged = (taken.labels == 0) & (n_known > 0)
            before = np.where(is_judged, before, -np.inf)
            is_suspected = before > threshold
            most = most_by_chance(int(is_judged.sum()), USUAL_RATE)
            n_beyond = max(int(is_suspected.sum()) - most, 0)
            is_beyond[np.argsort(-before, kind="stable")[:n_beyond]] = True
        updated, scores[fresh] = _updated_state(
            state, taken, is_suspected, is_beyond, rows[says_more], n_before, params, n_folds
        )
        suspected = fresh[is_suspected]
    scores[new.labels < 0] = np.nan
    fused = updated.training_scores
    judged = cast(OutOfSampleScores, updated.out_of_sample)
    contamination = ContaminationEstimate.of(params["contamination"], judged.unlabelled(fused))
    return Update(
        replace(updated, contamination=contamination),
        scores,
        calibration_scores=judged.calibration_scores(fused, contamination.at_least),
        suspected=suspected,
        n_unknown=int((np.isnan(scores) & (new.labels >= 0)).sum()),
        doubts=_doubts(new, len(new) - len(fresh), len(suspected), updated.members),
    )


def _updated_state(
    state: EnsembleState,
    new: TrainingSamples,
    is_suspected: NDArray[np.bool_],
    is_beyond: NDArray[np.bool_],
    replaced: NDArray[np.int64],
    n_before: int | None,
    params: Mapping[str, Any],
    n_folds: int,
) -> tuple[EnsembleState, NDArray[np.float32]]:
    """What is learned from all of some documents, and their out-of-sample scores, ``(m,)``.

    Parameters
    ----------
    is_suspected : (m,), what is kept from learning
    is_beyond : (m,), of these, what is kept from calibration, too
    replaced : rows of former documents that are among them
    """
    former = state.out_of_sample
    if former is None:
        raise DataError("this model was saved by a textocl that could not update it: fit it again.")
    members, judged, shifts = _updated_members(state, new, is_suspected, n_folds)
    normal = np.flatnonzero((new.labels >= 0) & ~is_beyond)
    others = np.setdiff1d(np.arange(len(former.scores)), replaced)
    n_others = (n_before or 0) - len(replaced)
    kept, joining = kept_of(len(others), n_others, len(normal), MOST_CALIBRATION_SCORES)
    kept, joining = others[kept], normal[joining]
    shifted = former.take(kept)
    shifted = replace(shifted, scores=shifted.scores + shifts * shifted.is_known)
    joined = shifted.joined_by(judged.take(joining))
    members = {
        name: Member.scaled(member.detector, member.weight, joined, k)
        for k, (name, member) in enumerate(members.items())
    }
    trusted = [new.samples[i] for i in np.flatnonzero((new.labels >= 0) & ~is_suspected)]
    memory = state.memory
    if memory is not None:
        memory = memory.joined_by([new.samples[i] for i in joining], kept)
    updated = EnsembleState(
        members,
        joined,
        _surprisal(state.surprisal, members, trusted, int(former.is_trusted.sum()), params),
        state.contamination,
        memory,
    ).judging_by(members, joined)
    scores, n_known = updated.fusion.fuse(judged.columns)
    return updated, np.where(n_known > 0, scores, np.float32(np.nan))


def most_by_chance(n: int, rate: float) -> int:
    """How many of n normal documents are called anomalous at most, but for three standard errors.

    Examples
    --------
    >>> most_by_chance(1_000, 0.05)
    70
    """
    return int(n * rate + 3 * np.sqrt(n * rate * (1 - rate)))


def _updated_members(
    state: EnsembleState, new: TrainingSamples, is_suspected: NDArray[np.bool_], n_folds: int
) -> tuple[dict[str, Member], OutOfSampleScores, NDArray[np.float32]]:
    """Members that learned more, what they say of all new documents, and by how much they shift."""
    n, k = len(new), len(state.members)
    scores, distances = np.full((n, k), np.nan, np.float32), np.empty((n, 0), np.float32)
    members, shifts = {}, np.zeros(k, np.float32)
    for i, (name, member) in enumerate(state.members.items()):
        detector, left_out = member.detector, np.arange(n)
        if isinstance(detector, CVDD):
            distances = detector.context_distances(new.samples)
        if isinstance(detector, UpdatableDetector):
            learned, left_out = np.flatnonzero(~is_suspected), np.flatnonzero(is_suspected)
            detector, update = _taught(detector, new.take(learned), n_folds)
            scores[learned, i], shifts[i] = update.scores, update.shift
        scored = detector._scored([new.samples[j] for j in left_out])
        scores[left_out, i] = np.where(scored.n_known > 0, scored.scores, np.nan)
        members[name] = replace(member, detector=detector)
    is_known = ~np.isnan(scores)
    judged = OutOfSampleScores(
        np.where(is_known, scores, 0), is_known, ~is_suspected, distances, new.labels > 0
    )
    return members, judged, shifts


def _taught(detector: Any, new: TrainingSamples, n_folds: int) -> tuple[Any, Update]:
    """A member that learned more; labelled anomalies take the place of those only suspected."""
    if isinstance(detector, KDE) and (new.labels < 0).any():
        detector = detector.without_suspected()
    return cast(tuple[Any, Update], detector.updated(new, n_folds))


def _surprisal(
    surprisal: Surprisal | None,
    members: Mapping[str, Member],
    texts: list[str],
    n_before: int,
    params: Mapping[str, Any],
) -> Surprisal | None:
    name = word_member(members)
    if surprisal is None or name is None:
        return None
    space = cast(WordSpace, members[name].detector._space)
    n = max(n_before, surprisal.n_references)
    seed = params["random_state"]
    return surprisal.joined_by(space.embed(texts), n, params["n_references"], seed)


def _doubts(
    new: TrainingSamples, n_remembered: int, n_suspected: int, members: Mapping[str, Member]
) -> list[str]:
    doubts = []
    if n_remembered:
        doubts.append(
            f"{n_remembered:,} of {len(new):,} documents were learned from before; they were left "
            "out."
        )
    if n_suspected:
        doubts.append(
            f"{n_suspected:,} of {len(new):,} documents are as unusual as one in twenty before, or "
            "more, and were kept from learning; label what is normal with +1."
        )
    n_labelled = int((new.labels < 0).sum())
    has_labels = any(isinstance(member.detector, Discriminant) for member in members.values())
    if n_labelled >= FEWEST_LABELLED or (n_labelled and has_labels):
        doubts.append(
            f"densities learned from {n_labelled:,} labelled anomalies; what else these have in "
            "common is learned by fit only."
        )
    return doubts
