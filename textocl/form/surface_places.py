"""Where in a text the things stand that `surface_measures` counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from textocl.form.surface_measures import (
    MARGIN,
    PHRASE,
    SUMS,
    THINGS,
    Characters,
    sums_of_kinds,
)

Places = tuple[tuple[int, int], ...]
_LONGEST_TAG = 200  # characters
_LOOKED_AT = 100_000
_OF_KINDS = SUMS[: SUMS.index("visible")]


def places_of(text: str, script: str) -> dict[str, Places]:
    """Start and end of each run of characters that a measure is about, by its name.

    Measures of the text as a whole, such as its length, have none. Addresses, prices, hashtags and
    mentions take the word that holds them. Of a text of more than 100,000 characters only these
    are looked at.
    """
    text = text[:_LOOKED_AT]
    characters = Characters.of([text])
    is_of = sums_of_kinds(script).astype(bool)[characters.kinds]  # (N, s)
    is_of[:MARGIN] = is_of[MARGIN + len(text) :] = False
    words = characters.edges.reshape(-1, 2)
    things = characters.things()

    def word_at(places: NDArray[np.int64]) -> NDArray[np.int64]:
        return words[np.unique(np.searchsorted(words[:, 0], places, "right") - 1)]

    spans = {name: _runs(is_of[:, SUMS.index(name)]) for name in _OF_KINDS}
    spans |= {name: word_at(things[name]) for name in (*THINGS, "digits in words")}
    spans["long numbers"] = characters.long_numbers() + np.array([0, 1])
    spans["tags"] = _tags(text, things["tags"])
    repeated = np.zeros(len(characters.points), bool)
    for by in range(3):
        repeated[characters.repeated() - by] = True
    spans["repeated characters"] = _runs(repeated)
    spans["longest word"] = words[np.argsort(words[:, 0] - words[:, 1], kind="stable")[:1]]
    spans["repeated phrases"] = _repeated_phrases(text, words)
    return {
        name: tuple((int(a) - MARGIN, int(b) - MARGIN) for a, b in places)
        for name, places in spans.items()
    }


def _runs(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Starts and ends of the runs of True, ``(m, 2)``."""
    return np.diff(flags, prepend=False, append=False).nonzero()[0].reshape(-1, 2)


def _tags(text: str, starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each tag up to what closes it, or one character of it."""
    ends = [text.find(">", start, start + _LONGEST_TAG) for start in (starts - MARGIN).tolist()]
    stops = [max(end + MARGIN, start) + 1 for end, start in zip(ends, starts, strict=True)]
    return np.stack([starts, np.array(stops, np.int64)], axis=1)


def _repeated_phrases(text: str, words: NDArray[np.int64]) -> NDArray[np.int64]:
    """From the first word to the last of phrases that stood before; those that touch as one."""
    spelled = [text[a - MARGIN : b - MARGIN] for a, b in words.tolist()]
    seen: set[tuple[str, ...]] = set()
    is_again = np.zeros(len(words), bool)
    for i in range(len(words) - PHRASE + 1):
        phrase = tuple(spelled[i : i + PHRASE])
        is_again[i : i + PHRASE] |= phrase in seen
        seen.add(phrase)
    runs = _runs(is_again)
    return np.stack([words[runs[:, 0], 0], words[runs[:, 1] - 1, 1]], axis=1)
