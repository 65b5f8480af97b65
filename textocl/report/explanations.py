"""Explanations as small integers, so that thousands fit into a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textocl.core.characters import visible
from textocl.explain.explanation import Explanation
from textocl.explain.form_evidence import form_places
from textocl.report.vlq import encoded

#: steps of evidence from 0 to the strongest that a page colours
EVIDENCE_STEPS = 100
#: attention 1, all of a document's, in steps
ATTENTION_STEPS = 200
_AT_ONCE = 256  # documents explained between two reports of progress
#: share of the words whose evidence is weaker than the strongest colour
_COLOURED = 0.99


class Vocabulary:
    """Numbers for words, in the order they are first asked for."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, word: str) -> int:
        """The number of ``word``, a new one the first time."""
        return self._numbers.setdefault(word, len(self._numbers))

    @property
    def words(self) -> list[str]:
        """The words by their numbers, as a page may show them."""
        return [visible(word) for word in self._numbers]


def explained_in_parts(
    explain: Callable[[Any], list[Explanation]], documents: Any, advance: Callable[[int], None]
) -> list[Explanation]:
    """What ``explain`` says of a list or array of documents, with ``advance`` told how many are."""
    explanations: list[Explanation] = []
    for start in range(0, len(documents), _AT_ONCE):
        part = documents[start : start + _AT_ONCE]
        explanations += explain(part)
        advance(len(part))
    return explanations


def evidence_scale(explanations: Sequence[Explanation]) -> float:
    """Evidence that gets the strongest colour, one for all documents.

    The 99th percentile of its magnitude over all words of all documents, so that one extreme word
    does not pale the rest; 1 where there is no evidence.
    """
    magnitudes = [np.abs(explanation.evidence) for explanation in explanations]
    evidence = np.concatenate([np.empty(0), *magnitudes])
    return float(np.quantile(evidence, _COLOURED)) or 1.0 if len(evidence) else 1.0


def pack_explanation(
    explanation: Explanation, vocabulary: Vocabulary, scale: float, n_characters: int
) -> dict[str, Any]:
    """One explanation of the first ``n_characters`` of a text.

    Returns
    -------
    lists of integers, each as `textocl.report.vlq.encoded` writes it:

    ``words`` : (w,) numbers of the shown words in ``vocabulary``
    ``evidence`` : (w,) in hundredths of ``scale``
    ``attention`` : r times (w,), in parts of `ATTENTION_STEPS`
    ``spans`` : for each place of a word, how far it starts behind the end of the one before, its
        length (both in UTF-16 units, as JavaScript counts), and which of ``words`` it is

    ``unexpected`` : of each unexpected word, which of ``words`` it is, and its surprisal in
        hundredths of a nat; None where the detector gives none

    ``form_spans`` : for each run of characters that is odd by form, how far it starts behind the
        end of the one before, its length, and which of ``form`` it is

    and ``form``, phrases of what is odd by form, the strongest first; and numbers:

    ``rest`` : evidence, in the same steps, of words that stand only in what was cut off
    ``distances`` : (r,) to each context
    """
    places = utf16_places(explanation.text[:n_characters])
    spans = [span for span in explanation.spans if span.end <= n_characters]
    row = {word: i for i, word in enumerate(explanation.words)}
    shown = list(dict.fromkeys(row[span.word] for span in spans))
    local = {i: j for j, i in enumerate(shown)}
    coded: list[int] = []
    end = 0
    for span in spans:
        start = int(places[span.start])
        if start >= end:  # tokenizers of two members may cut one place differently
            stop = int(places[span.end])
            coded += [start - end, stop - start, local[row[span.word]]]
            end = stop
    form = explanation.unusual_form()
    form_coded: list[int] = []
    end = 0
    for start, stop, k in form_places(form, min(n_characters, len(explanation.text))):
        form_coded += [int(places[start]) - end, int(places[stop] - places[start]), k]
        end = int(places[stop])
    evidence = explanation.evidence * (EVIDENCE_STEPS / scale)
    attention = np.rint(explanation.attention[shown] * ATTENTION_STEPS).astype(int)  # (w, r)
    unexpected = None
    surprisal, usual = explanation.surprisal, explanation.usual_surprisal
    if surprisal is not None and usual is not None:
        highest = [
            i for i in np.argsort(-surprisal).tolist() if i in local and surprisal[i] > usual
        ]
        hundredths = np.rint(100 * surprisal).astype(int).tolist()
        unexpected = encoded(n for i in highest for n in (local[i], hundredths[i]))
    return {
        "words": encoded(vocabulary.number(explanation.words[i]) for i in shown),
        "evidence": encoded(np.rint(evidence[shown]).astype(int).tolist()),
        "attention": [encoded(column) for column in attention.T.tolist()],
        "spans": encoded(coded),
        "unexpected": unexpected,
        "form": [visible(one.said) for one in form],
        "form_spans": encoded(form_coded),
        "rest": round(float(evidence.sum() - evidence[shown].sum())),
        "distances": [round(float(d), 3) for d in explanation.context_distances],
    }


def utf16_places(text: str) -> NDArray[np.int64]:
    """Where each character starts, and the text ends, in UTF-16 units; ``(len(text) + 1,)``.

    Examples
    --------
    >>> utf16_places("a😀b").tolist()
    [0, 1, 3, 4]
    """
    widths = np.ones(len(text) + 1, np.int64)
    widths[0] = 0
    if not text.isascii():
        widths[1:] += np.fromiter((c > "\uffff" for c in text), bool, len(text))
    return np.cumsum(widths)
