"""What the form of a document says, and where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from textocl.text.tokenization import Span


@dataclass(frozen=True)
class FormEvidence:
    """What the form of a document says, such as its share of digits.

    Attributes
    ----------
    name : of the measure, such as "digits"
    said : a phrase with the value and what is normal, such as "digits 14 % (normal 0 to 3 %)"
    contribution : what it adds to the score
    evidence : contribution beyond its share of the threshold
    spans : (start, end) of the characters it is about; empty where it is about the whole text
    share : its part of the document; these of words and form sum to 1
    is_unusual : whether its value is beyond what normal documents have
    """

    name: str
    said: str
    contribution: float
    evidence: float
    spans: tuple[tuple[int, int], ...] = ()
    share: float = 1.0
    is_unusual: bool = True


def form_places(form: Sequence[FormEvidence], end: int) -> list[tuple[int, int, int]]:
    """Start, end and number in ``form`` of the runs of characters that it is about, in order.

    Runs do not overlap: where several are about a character, that which is about the fewest has
    it. Those that reach beyond ``end`` are cut. What is about more than half of these characters is
    about the text as a whole, and has no place in it.

    Examples
    --------
    >>> loud = FormEvidence("capitals", "capitals 40 %", 1.0, 1.0, ((0, 9),))
    >>> long = FormEvidence("long numbers", "1 long number", 0.5, 0.5, ((3, 6),))
    >>> form_places([loud, long], 18)
    [(0, 3, 0), (3, 6, 1), (6, 9, 0)]
    >>> form_places([loud, long], 9)
    [(3, 6, 1)]
    """
    owner = np.full(end + 2, -1)  # with what is before and after the text
    cut = [[(start, min(stop, end)) for start, stop in one.spans if start < end] for one in form]
    sizes = [sum(stop - start for start, stop in spans) for spans in cut]
    for k in np.argsort(sizes, kind="stable")[::-1].tolist():
        for start, stop in cut[k] if 2 * sizes[k] <= end else ():
            owner[start + 1 : stop + 1] = k
    cuts = np.flatnonzero(np.diff(owner))
    runs = zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)
    return [(start, stop, int(owner[start + 1])) for start, stop in runs if owner[start + 1] >= 0]


def pieces_of(
    end: int, spans: Sequence[Span], places: Sequence[tuple[int, int, int]]
) -> Iterator[tuple[int, int, str | None, int | None]]:
    """Cut a text of ``end`` characters where a word or a run of form begins or ends.

    Yields start, end, the word and the number of the form of each piece, or None. Of words that
    overlap the first counts.
    """
    words = iter([(span.start, span.end, span.word) for span in spans])
    runs = iter(places)
    none = (end, end, None)
    at, word, run = 0, next(words, none), next(runs, none)
    while at < end:
        if word[1] <= at < end and word is not none:
            word = next(words, none)
        elif run[1] <= at and run is not none:
            run = next(runs, none)
        else:
            in_word, in_run = word[0] <= at, run[0] <= at
            stop = min(end, word[1] if in_word else word[0], run[1] if in_run else run[0])
            yield at, stop, word[2] if in_word else None, run[2] if in_run else None
            at = stop
