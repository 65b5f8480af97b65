"""One explanation of a document from those of several detectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from textocl.core.thresholds import conformal_p_values
from textocl.ensemble.fusion import Fusion, loss, slope_of_fused_odds, slope_of_loss
from textocl.ensemble.members import Member
from textocl.ensemble.surprisal import Surprisal
from textocl.explain.explanation import Explanation, FormEvidence
from textocl.text.spaces import Embedded
from textocl.text.tokenization import Span


def merge_explanations(
    fusion: Fusion,
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
    fusion : of the members
    members, of_members : detectors and what they say of the documents, by name
    scores, labels : (n,) of all members together
    surprisal, embedded : tells how unexpected words are, and documents as it takes them; or None
    """
    p_values = conformal_p_values(calibration_scores, scores)
    merged = [
        _merged(
            {name: explanations[i] for name, explanations in of_members.items()},
            members,
            fusion,
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
    fusion: Fusion,
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
    on_words = [name for name in knowing if not members[name].is_term]
    total = sum(members[name].weight for name in on_words)
    for name in on_words:
        member, part = members[name], knowing[name]
        at = np.array([place[word] for word in part.words], np.int64)
        share = member.weight / total
        standard = (part.contributions - member.location * part.shares) / member.scale
        np.add.at(contributions, at, share * standard)
        np.add.at(shares, at, share * part.shares)
    form: list[FormEvidence] = []
    if fusion.has_terms:
        beside = [(members[name], part) for name, part in knowing.items() if name not in on_words]
        words_score = float(contributions.sum()) if on_words else None
        parts_of, slopes = _parts_of_score(fusion, words_score, beside)
        contributions = _spread(score, parts_of[0], slopes[0], contributions, shares)
        shares = parts_of[0] * shares
        for (member, part), of_score, slope in zip(beside, parts_of[1:], slopes[1:], strict=True):
            if not member.detector.sees_form:
                at = np.array([place[word] for word in part.words], np.int64)
                standard = (part.contributions - member.location * part.shares) / member.scale
                spread = _spread(score, of_score, slope, standard, part.shares)
                np.add.at(contributions, at, spread)
                np.add.at(shares, at, of_score * part.shares)
                continue
            form += _of_form(part.form, member, score, threshold, of_score, slope)
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


def _parts_of_score(
    fusion: Fusion, words_score: float | None, beside: Sequence[tuple[Member, Explanation]]
) -> tuple[NDArray[np.float64], list[float]]:
    """Which part of a score is of the words, and of each member beside them; and what moves it.

    A part is that of the term in `Fusion.terms`; where no word is known that of words is of what
    stands beside them. What moves the score is its derivative by the words' mean, and by each
    member's standard score.
    """
    words = 0.0 if words_score is None else (words_score - fusion.location) / fusion.scale
    standard = [words, *((part.score - one.location) / one.scale for one, part in beside)]
    weights = np.array([fusion.words_weight, *(one.weight for one, _ in beside)])
    if words_score is None:
        weights[1:] *= weights.sum() / max(weights[1:].sum(), 1e-30)
        weights[0] = 0
    terms = weights * loss(np.array(standard))
    slope = slope_of_fused_odds(float(terms.sum()))
    slopes = [
        slope * weight * slope_of_loss(value)
        for weight, value in zip(weights.tolist(), standard, strict=True)
    ]
    slopes[0] /= fusion.scale
    return terms / max(float(terms.sum()), 1e-30), slopes


def _spread(
    score: float,
    part: float,
    slope: float,
    values: NDArray[np.float64],
    shares: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Its ``part`` of a score over what has the ``values``, which say how it is moved there."""
    return score * part * shares + slope * (values - values.sum() * shares)


def _of_form(
    form: Sequence[FormEvidence],
    member: Member,
    score: float,
    threshold: float,
    part: float,
    slope: float,
) -> list[FormEvidence]:
    """What a member says of the form, as its ``part`` of a score."""
    shares = np.array([one.share for one in form])
    values = np.array([one.contribution for one in form])
    values = (values - member.location * shares) / member.scale
    contributions = _spread(score, part, slope, values, shares)
    return [
        replace(
            one,
            contribution=float(contribution),
            evidence=float(contribution - threshold * part * share),
            share=float(part * share),
        )
        for one, contribution, share in zip(form, contributions, shares, strict=True)
    ]


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
