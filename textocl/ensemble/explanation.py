"""One explanation of a document from those of several detectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from textocl.core.thresholds import conformal_p_values
from textocl.ensemble.members import Member
from textocl.ensemble.surprisal import Surprisal
from textocl.explain.explanation import Explanation, FormEvidence
from textocl.text.spaces import Embedded
from textocl.text.tokenization import Span


def merge_explanations(
    members: Mapping[str, Member],
    of_members: Mapping[str, Sequence[Explanation]],
    scores: NDArray[np.float32],
    labels: NDArray[np.int64],
    calibration_scores: NDArray[np.float32],
    threshold: float,
    surprisal: Surprisal | None,
    embedded: Embedded | None,
) -> list[Explanation]:
    """Explain n documents by the members' explanations of each.

    Parameters
    ----------
    members, of_members : detectors and what they say of the documents, by name
    scores, labels : (n,) of all members together
    surprisal, embedded : tells how unexpected words are, and documents as it takes them; or None
    """
    p_values = conformal_p_values(calibration_scores, scores)
    merged = [
        _merged(
            {name: explanations[i] for name, explanations in of_members.items()},
            members,
            score=float(scores[i]),
            p_value=float(p_values[i]),
            label=int(labels[i]),
            threshold=threshold,
        )
        for i in range(len(scores))
    ]
    if surprisal is None or embedded is None:
        return merged
    return _with_surprisal(merged, surprisal, embedded)


def _merged(
    parts: Mapping[str, Explanation],
    members: Mapping[str, Member],
    *,
    score: float,
    p_value: float,
    label: int,
    threshold: float,
) -> Explanation:
    """One document's explanation, word by word."""
    spans: dict[tuple[int, int], Span] = {}
    for name, part in parts.items():
        for span in () if members[name].detector.sees_form else part.spans:
            spans.setdefault((span.start, span.end), span)
    ordered = [spans[place] for place in sorted(spans)]
    words = list(dict.fromkeys(span.word for span in ordered))
    place = {word: j for j, word in enumerate(words)}
    counts = np.zeros(len(words), np.int64)
    for span in ordered:
        counts[place[span.word]] += 1
    contributions, shares = np.zeros(len(words)), np.zeros(len(words))
    knowing = {name: part for name, part in parts.items() if part.words}
    total = sum(members[name].weight for name in knowing)
    form: list[FormEvidence] = []
    for name, part in knowing.items():
        member = members[name]
        if member.detector.sees_form:
            form += _weighted(part.form, member, member.weight / total, threshold)
            continue
        at = np.array([place[word] for word in part.words], np.int64)
        share = member.weight / total
        standard = (part.contributions - member.location * part.shares) / member.scale
        np.add.at(contributions, at, share * standard)
        np.add.at(shares, at, share * part.shares)
    contexts = parts.get("contexts")
    r = 0 if contexts is None else contexts.attention.shape[1]
    attention = np.zeros((len(words), r))
    if contexts is not None and contexts.words:
        attention[[place[word] for word in contexts.words]] = contexts.attention
    return Explanation(
        text=next(iter(parts.values())).text,
        score=score,
        threshold=threshold,
        p_value=p_value,
        label=label if knowing else 0,
        words=words,
        counts=counts,
        attention=attention,
        contributions=contributions,
        evidence=contributions - threshold * shares,
        shares=shares,
        context_distances=np.empty(0) if contexts is None else contexts.context_distances,
        nearest_context=None if contexts is None else contexts.nearest_context,
        spans=ordered,
        form=tuple(sorted(form, key=lambda one: -one.evidence)),
    )


def _weighted(
    form: Sequence[FormEvidence], member: Member, weight: float, threshold: float
) -> list[FormEvidence]:
    """What a member says of the form, on the common scale, with its part of all weights."""
    weighted = []
    for one in form:
        contribution = weight * (one.contribution - member.location * one.share) / member.scale
        share = weight * one.share
        evidence = contribution - threshold * share
        weighted.append(replace(one, contribution=contribution, evidence=evidence, share=share))
    return weighted


def _with_surprisal(
    explanations: list[Explanation], surprisal: Surprisal, embedded: Embedded
) -> list[Explanation]:
    """The same with how unexpected each word is."""
    packed, values = embedded.packed, surprisal.of(embedded)
    said = []
    for i, explanation in enumerate(explanations):
        nats = values[packed.offsets[i] : packed.offsets[i + 1]].tolist()
        words = (embedded.words[row] for row in packed.rows_of(i))
        of_word = dict(zip(words, nats, strict=True))
        each = np.array([of_word.get(word, surprisal.of_unknown) for word in explanation.words])
        said.append(replace(explanation, surprisal=each, usual_surprisal=surprisal.level))
    return said
