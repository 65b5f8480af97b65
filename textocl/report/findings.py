"""What does not belong in a pile: the answer first, then the documents, why, and a map of all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textocl.core.characters import visible
from textocl.core.exceptions import DataError
from textocl.explain.contexts import shown_contexts
from textocl.pile import Findings
from textocl.report.contents import highest_and_spread, shared_contents
from textocl.report.explanations import (
    ATTENTION_STEPS,
    Vocabulary,
    explained_in_parts,
    pack_explanation,
)
from textocl.report.map import map_of
from textocl.report.page import FINDINGS
from textocl.report.texts import ReportLimits, context_contents
from textocl.report.writer import WrittenReport, check_report_target, write_page
from textocl.text.contrast import WordPresence
from textocl.text.tokenization import make_tokenizer

_LIMITS = ReportLimits()
_REASONS = 6  # words shown beside a document
_CONTRAST = 12  # words that set the flagged documents apart
_VALUE = 500  # characters of another column's value


def write_findings_report(
    findings: Findings,
    path: str | PathLike[str],
    *,
    ids: Sequence[Any] | None = None,
    columns: Mapping[str, Sequence[Any]] | None = None,
    title: str | None = None,
    limits: ReportLimits = _LIMITS,
    advance: Callable[[int], None] = lambda n: None,
) -> WrittenReport:
    """Write what `textocl.find` found as one HTML file that works offline.

    How many documents do not belong, of what kinds, and the oddest with the words and the form that
    say so. The reader can mark each document and download the marks. An existing report there is
    replaced at once or not at all.

    Parameters
    ----------
    findings : of n documents
    path : of an ``.html`` file
    ids : what the n documents are called; None numbers them from 1
    columns : n values for each name, shown beside the documents
    title : of the page
    limits : what bounds its size; the most anomalous documents are listed and explained first
    advance : called with a number of documents each time as many are explained

    Returns
    -------
    WrittenReport

    Raises
    ------
    DataError
        Lengths that differ, or a path that cannot be written to or holds something else than a
        report.

    Examples
    --------
    >>> import tempfile
    >>> from itertools import product
    >>> from textocl import find
    >>> ships = ["a tanker", "the ship", "two ferries", "a vessel"]
    >>> what = ["left the port", "sank in a storm", "waited at sea"]
    >>> texts = [" ".join(words) for words in product(ships, what, ["today", "in May"])]
    >>> findings = find([*texts, "she plays the guitar"], top=1, n_contexts=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_findings_report(findings, f"{folder}/report.html").n_listed
    25
    """
    target = Path(path)
    check_report_target(target)
    contents = findings_contents(
        findings,
        title=title or "What does not belong here",
        ids=ids,
        columns=columns,
        limits=limits,
        advance=advance,
    )
    n_listed = len(contents["documents"]["text"])
    return write_page(target, contents, FINDINGS, n_listed, contents["n_explained"])


def findings_contents(
    findings: Findings,
    *,
    title: str,
    ids: Sequence[Any] | None = None,
    columns: Mapping[str, Sequence[Any]] | None = None,
    limits: ReportLimits = _LIMITS,
    advance: Callable[[int], None] = lambda n: None,
) -> dict[str, Any]:
    """Everything the page shows, as plain values; parameters as in `write_findings_report`.

    Every text in it is as `textocl.core.characters.visible` makes it. Copies are folded into the
    first of them, which also lends them its score.
    """
    limits.check()
    n = len(findings)
    names = [visible(str(name)) for name in (range(1, n + 1) if ids is None else ids)]
    if len(names) != n:
        raise DataError(f"expected an id for each of {n:,} documents, got {len(names):,}.")
    for name, values in (columns or {}).items():
        if len(values) != n:
            raise DataError(f"expected {n:,} values in the column {name!r}, got {len(values):,}.")
    scores = findings.scores[findings.copy_of]
    listed = _listed(findings, limits.documents)
    judged = np.flatnonzero(findings.ranks[listed] > 0)
    places = judged[
        highest_and_spread(scores[listed[judged]], limits.n_explained(findings.detector))
    ]
    explanations = explained_in_parts(findings.explain, listed[places], advance)
    vocabulary = Vocabulary()
    packed: list[dict[str, Any] | None] = [None] * len(listed)
    reasons: list[list[str]] = [[] for _ in listed]
    form: list[list[str]] = [[] for _ in listed]
    for i, explanation in zip(places, explanations, strict=True):
        strongest = float(np.abs(explanation.evidence).max(initial=0)) or 1.0
        packed[i] = pack_explanation(explanation, vocabulary, strongest, limits.characters)
        reasons[i] = [visible(word) for word in explanation.reasons(_REASONS)]
        form[i] = [visible(said) for said in explanation.form_reasons()]
    kind_of = np.full(n, -1)
    for k, kind in enumerate(findings.kinds):
        kind_of[kind.documents] = k
    sample = _sample(findings)
    return {
        **shared_contents(findings.detector, title, "document", scores, None),
        "findings": {
            "answer": answer_of(findings),
            "false_discovery_rate": _highest(findings.false_discovery[findings.flagged]),
            "n_flagged": len(findings.flagged),
            "n_copies": findings.n_copies,
            "n_unjudged": int((findings.ranks == 0).sum()),
            "identity": _identity(names, findings.texts),
            "kinds": [
                {
                    "name": visible(
                        kind.name if kind.form or kind.language else ", ".join(kind.words)
                    ),
                    "n": len(kind.documents),
                }
                for kind in findings.kinds
            ],
            "contrast": _contrast(findings, sample),
            "map": map_of(findings, sample, listed),
        },
        "threshold": _threshold(findings),
        "contexts": [
            context_contents(row) for row in shown_contexts(findings.detector.context_summaries())
        ],
        "labels": [visible(kind.name) for kind in findings.kinds],
        "judged": (~np.isnan(scores)).astype(int).tolist(),
        "documents": {
            "number": listed.tolist(),
            "id": [names[i] for i in listed],
            "text": [visible(findings.texts[i][: limits.characters]) for i in listed],
            "length": [len(findings.texts[i]) for i in listed],
            "context": [-1] * len(listed),  # contexts do not sort findings
            "label": kind_of[listed].tolist(),
            "flagged": (findings.labels[listed] == -1).astype(int).tolist(),
            "rank": findings.ranks[listed].tolist(),
            "p_value": _rounded(findings.p_values[listed]),
            "false_discovery": _rounded(findings.false_discovery[listed]),
            "copies": _copies(findings, listed, names),
            "reasons": reasons,
            "form": form,
            "columns": [
                [visible(str(name)), [_value(values[i]) for i in listed]]
                for name, values in (columns or {}).items()
            ],
            "explanation": packed,
        },
        "words": vocabulary.words,
        "evidence_unit": None,  # evidence is relative within each document
        "attention_steps": ATTENTION_STEPS,
        "usual_surprisal": next((e.usual_surprisal for e in explanations), None),
        "n_explained": len(places),
        "n_characters": limits.characters,
    }


def answer_of(findings: Findings) -> str:
    """One sentence: how many documents do not belong, by which rule, and how many there may be."""
    decision, estimate = findings.decision, findings.detector.contamination_
    n, n_flagged = len(findings), len(findings.flagged)
    estimated = f"by the scores of all, about {estimate} do not belong."
    if not n_flagged:
        return f"None of {n:,} documents stands out by {decision}; {estimated}"
    how = "by" if decision.top is None and decision.budget is None else "chosen as"
    verb = "does" if n_flagged == 1 else "do"
    return (
        f"{n_flagged:,} of {n:,} documents {verb} not seem to belong here, {how} {decision}; "
        f"{estimated}"
    )


def _listed(findings: Findings, most: int) -> NDArray[np.int64]:
    """Documents to list: the most anomalous, some of every lower score, then those not judged."""
    first = np.flatnonzero(findings.copy_of == np.arange(len(findings)))
    judged, unjudged = first[findings.ranks[first] > 0], first[findings.ranks[first] == 0]
    chosen = judged[highest_and_spread(findings.scores[judged], most)]
    return np.sort(np.concatenate([chosen, unjudged[: most - len(chosen)]]))


def _sample(findings: Findings, most: int = 3000) -> NDArray[np.int64]:
    """Judged documents without copies: those flagged, then others evenly over the ranks."""
    order = findings.oddest(len(findings))
    is_flagged = findings.labels[order] == -1
    flagged, others = order[is_flagged][: most * 2 // 3], order[~is_flagged]
    room = most - len(flagged)
    if len(others) > room:
        others = others[np.linspace(0, len(others) - 1, room).round().astype(int)]
    return np.concatenate([flagged, others])


def _contrast(findings: Findings, sample: NDArray[np.int64]) -> dict[str, Any]:
    """Words that the flagged documents of a sample hold and the others do not, and the reverse."""
    texts = [findings.texts[i] for i in sample]
    presence = WordPresence.of(texts, make_tokenizer(findings.detector.fit_params_["tokenization"]))
    is_flagged = findings.labels[sample] == -1
    flagged, others = np.flatnonzero(is_flagged), np.flatnonzero(~is_flagged)
    in_flagged, in_others = presence.holding(flagged), presence.holding(others)
    place = {word: i for i, word in enumerate(presence.words)}

    def shares(words: list[str]) -> list[list[Any]]:
        return [
            [visible(word), int(in_flagged[place[word]]), int(in_others[place[word]])]
            for word in words
        ]

    both = bool(len(flagged) and len(others))
    return {
        "n_flagged": len(flagged),
        "n_others": len(others),
        "flagged": shares(presence.contrastive(flagged, _CONTRAST, others)) if both else [],
        "others": shares(presence.contrastive(others, _CONTRAST, flagged)) if both else [],
    }


def _threshold(findings: Findings) -> float:
    """A score between those flagged and the others: half-way, or above all if none is flagged."""
    judged = findings.ranks > 0
    scores = findings.scores[findings.copy_of].astype(np.float64)
    flagged = judged & (findings.labels == -1)
    others = scores[judged & ~flagged]
    if not flagged.any():
        return float(others.max(initial=0.0)) + 1e-3
    lowest = scores[flagged].min()
    highest = others.max() if len(others) else lowest - 1e-3
    return float(min((lowest + highest) / 2, np.nextafter(np.float32(lowest), np.float32(-np.inf))))


def _copies(findings: Findings, listed: NDArray[np.int64], names: list[str]) -> list[list[str]]:
    """Of each listed document the ids of its copies."""
    copies: dict[int, list[str]] = {int(i): [] for i in listed}
    for i in np.flatnonzero(findings.copy_of != np.arange(len(findings))):
        if (first := int(findings.copy_of[i])) in copies:
            copies[first].append(names[i])
    return [copies[int(i)] for i in listed]


def _identity(names: list[str], texts: list[str]) -> str:
    """What marks in a browser are kept under: the same for the same documents."""
    content = json.dumps([names, texts]).encode()
    return hashlib.sha256(content).hexdigest()[:16]


def _value(value: Any) -> str:
    text = "" if value is None else str(value)
    return visible(text if len(text) <= _VALUE else text[:_VALUE] + "…")


def _rounded(values: NDArray[np.float64]) -> list[float | None]:
    return [None if value != value else float(f"{value:.3g}") for value in values.tolist()]


def _highest(values: NDArray[np.float64]) -> float | None:
    return float(values.max()) if len(values) else None
