"""From a text as a tokenizer cuts it to the windows that a language model sees at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError

_SURROGATES = re.compile("[\ud800-\udfff]")


def without_surrogates(text: str) -> str:
    """Put U+FFFD for lone surrogates, which tokenizers refuse; one for one, so that places stay."""
    return _SURROGATES.sub("\ufffd", text)


@dataclass(frozen=True)
class Cut:
    """A text as the tokenizer cuts it into p pieces, without the special tokens around them."""

    ids: NDArray[np.int64]  # (p,)
    before: NDArray[np.int64]
    after: NDArray[np.int64]
    word_starts: NDArray[np.int64]  # (w,) first piece of each word
    spans: NDArray[np.int32]  # (w, 2)


@dataclass(frozen=True)
class Window:
    """What the model sees at once; ``ids[first : first + n_kept]`` are kept at ``target``."""

    ids: NDArray[np.int64]
    first: int
    n_kept: int
    target: int


def cut_text(text: str, encoding: Any) -> Cut:
    ids = np.array(encoding.ids, np.int64)
    places = np.flatnonzero(np.array(encoding.special_tokens_mask) == 0)  # (p,)
    if not len(places):
        none = np.zeros(0, np.int64)
        return Cut(none, none, none, none, np.zeros((0, 2), np.int32))
    start, stop = int(places[0]), int(places[-1]) + 1
    # a piece that belongs to no word is one
    words = [-i if word is None else word for i, word in enumerate(encoding.word_ids, 1)]
    word_of = np.array(words[start:stop], np.int64)  # (p,)
    word_starts = np.flatnonzero(np.diff(word_of, prepend=word_of[0] - 1))  # (w,)
    edges = np.array(encoding.offsets[start:stop], np.int32)  # (p, 2)
    spans = np.stack(
        [
            np.minimum.reduceat(edges[:, 0], word_starts),
            np.maximum.reduceat(edges[:, 1], word_starts),
        ],
        axis=1,
    )  # (w, 2)
    for i, (begin, end) in enumerate(spans.tolist()):  # some count the blank before a word as its
        word = text[begin:end]
        if word[:1].isspace() or word[-1:].isspace():
            begin += len(word) - len(word.lstrip())
            spans[i] = begin, begin + len(word.strip())
    return Cut(ids[start:stop], ids[:start], ids[stop:], word_starts, spans)


def overlap(window: int) -> int:
    return window // 8


def windows_of(cut: Cut, size: int, target: int) -> Iterator[Window]:
    """Cut pieces into windows; in an overlap the middle is where the next one takes over."""
    n, room = len(cut.ids), size - len(cut.before) - len(cut.after)
    step = max(1, room - overlap(size))
    if room < 1:
        raise DataError(f"a window of {size} tokens has no room beside the special ones.")
    begin = kept = 0
    while kept < n:
        end = min(begin + room, n)
        stop = n if end == n else (begin + step + end + 1) // 2
        ids = np.concatenate([cut.before, cut.ids[begin:end], cut.after])
        yield Window(ids, len(cut.before) + kept - begin, stop - kept, target + kept)
        begin, kept = begin + step, stop
