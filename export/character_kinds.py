"""From strings to the kinds of their characters, and to their words, inside a graph.

    text (n,) -> characters (n, L) -> numbers that tell them apart, and kinds

The kinds of ASCII are a table. Other characters are few: each distinct one is looked up once, by
classes of regular expressions that list the code points of a kind.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from textocl.export.graph import Graph
from textocl.form import kinds as k

_PADDING = "\n\n"  # no character, and no word
_PADDING_ID, _FOREIGN, _FIRST_FOREIGN = 128, 129, 130
#: kind of what stands before and after a text
NOTHING = k.N_KINDS
_MARGIN = 4  # columns before and after, so that each character has neighbours


class Characters:
    """Characters of the documents of a graph, one document more at the end, of a newline.

    Parameters
    ----------
    text : (n,) strings

    Attributes
    ----------
    n_padded : (1,) int64, n + 1
    """

    def __init__(self, graph: Graph, text: str) -> None:
        self._graph = graph
        self._n = graph.op("Shape", text)
        self._text = graph.op("Concat", text, graph.constant(np.array(["\n"], object)), axis=0)
        self.n_padded = graph.op("Shape", self._text)
        self._shifted: dict[tuple[str, int], str] = {}
        self._numbers, self._kinds = self._looked_up()

    # --- neighbours; `by` says how far a character stands to the right ---

    def number(self, by: int = 0) -> str:
        """Code points below 128 as they are, others by a number of their own, ``(n + 1, L)``."""
        return self._shift(self._numbers, by)

    def kind(self, by: int = 0) -> str:
        """Kinds of characters, ``(n + 1, L)`` int64."""
        return self._shift(self._kinds, by)

    def is_one_of(self, characters: str, by: int = 0) -> str:
        """Whether it is one of these ASCII characters, ``(n + 1, L)`` bool."""
        g = self._graph
        return self._any(*(g.op("Equal", self.number(by), g.constant(ord(c))) for c in characters))

    def has_kind(self, *kinds: int, by: int = 0) -> str:
        g = self._graph
        return self._any(*(g.op("Equal", self.kind(by), g.constant(kind)) for kind in kinds))

    def is_below(self, kind: int, by: int = 0) -> str:
        """Whether its kind is a lower number."""
        return self._graph.op("Less", self.kind(by), self._graph.constant(kind))

    def all(self, *flags: str) -> str:
        return self._fold("And", flags)

    def _any(self, *flags: str) -> str:
        return self._fold("Or", flags)

    def _fold(self, kind: str, flags: tuple[str, ...]) -> str:
        folded = flags[0]
        for flag in flags[1:]:
            folded = self._graph.op(kind, folded, flag)
        return folded

    # --- counts, (n + 1,) int64 ---

    def count(self, *flags: str) -> str:
        """How many characters of each document have one of the ``flags``, each counted."""
        g = self._graph
        return self.total(*(g.sum(g.cast(flag, "int64"), axis=1) for flag in flags))

    def total(self, *numbers: str) -> str:
        return self._fold("Add", numbers)

    def sums(self, table: NDArray[np.int64]) -> list[str]:
        """Sum of each column of a ``table`` ``(N_KINDS, s)`` over the characters' kinds.

        Exact up to 2**24 characters.
        """
        g, s = self._graph, table.shape[1]
        rows = np.concatenate([table, np.zeros((1, s), np.int64)]).astype(np.float32)
        sums = g.sum(g.op("Gather", g.constant(rows), self.kind()), axis=1)
        columns = g.ops(
            "Split", g.cast(sums, "int64"), n_outputs=s, axis=1, num_outputs=s
        )  # (n + 1, 1) each
        return [g.reshape(column, -1) for column in columns]

    def matches(self, expression: str) -> str:
        """How often a regular expression matches."""
        return self._n_tokens(self._tokens(self._text, expression))

    @cached_property
    def n_words(self) -> str:
        return self.count(self._starts)

    @cached_property
    def longest_word(self) -> str:
        """Length of the longest run without white space; 0 without one."""
        g = self._graph
        ends = self.all(self.is_below(k.SPACE), g.op("Not", self.is_below(k.SPACE, 1)))
        (rows, first), (_, last) = (self._places(flags) for flags in (self._starts, ends))
        lengths = g.op("Add", g.op("Sub", last, first), g.constant(1))
        return g.op("ScatterElements", self._zeros, rows, lengths, axis=0, reduction="max")

    def repeated_phrases(self, size: int) -> tuple[str, str]:
        """Phrases of ``size`` words that stood in a document before, and all of its phrases."""
        g, zero, one = self._graph, self._graph.constant(0), self._graph.constant(1)
        spaces = "".join(_class_of(kind) for kind in (k.SPACE, k.NEWLINE))
        words = self._tokens(self._text, f"[^{spaces}]+")
        flat = g.op("Concat", g.reshape(words, -1), g.constant(np.array(["-"], object)), axis=0)
        spellings, _, numbers, _ = g.ops("Unique", flat, n_outputs=4, sorted=1)
        n_spellings = g.op("Shape", spellings)
        numbers = g.op("Slice", numbers, g.constant([0]), g.constant([-1]))
        numbers = g.op("Reshape", numbers, g.op("Shape", words), allowzero=1)
        margin = g.op("Expand", zero, g.op("Concat", self.n_padded, g.constant([size]), axis=0))
        numbers = g.op("Concat", numbers, margin, axis=1)  # (n + 1, W + size)

        def columns(by: int) -> str:
            return g.op(
                "Slice", numbers, g.constant([by]), g.constant([by - size]), g.constant([1])
            )  # (n + 1, W)

        phrases = columns(0)
        for by in range(1, size):
            if by > 1:  # numbers of the phrases so far, which stay small
                flat = g.op("Concat", g.reshape(phrases, -1), g.constant([0]), axis=0)
                _, _, again, _ = g.ops("Unique", flat, n_outputs=4, sorted=1)
                again = g.op("Slice", again, g.constant([0]), g.constant([-1]))
                phrases = g.op("Reshape", again, g.op("Shape", phrases), allowzero=1)
            phrases = g.op("Add", g.op("Mul", phrases, n_spellings), columns(by))
        n_phrases = g.op("Sub", self.n_words, g.constant(size - 1))
        n_phrases = g.op("Max", n_phrases, zero)
        width = g.op(
            "Squeeze", g.op("Slice", g.op("Shape", words), g.constant([1]), g.constant([2]))
        )
        place = g.op("Range", zero, width, one)
        whole = g.op("Less", place, g.reshape(n_phrases, -1, 1))  # (n + 1, W)
        flat = g.op("Concat", g.reshape(phrases, -1), g.constant([0]), axis=0)
        step = g.op("Add", g.op("ReduceMax", flat, keepdims=1), one)  # above every phrase
        row = g.op("Range", zero, g.op("Squeeze", self.n_padded), one)
        keys = g.op("Add", g.op("Mul", g.reshape(row, -1, 1), step), phrases)
        keys = g.op("Compress", g.reshape(keys, -1), g.reshape(whole, -1))
        keys = g.op("Concat", keys, g.op("Mul", self._n, step), axis=0)  # of the last document
        distinct = g.ops("Unique", keys, n_outputs=4, sorted=1)[0]
        rows = g.op("Div", distinct, step)
        ones = g.op("Expand", one, g.op("Shape", rows))
        n_distinct = g.op("ScatterElements", self._zeros, rows, ones, axis=0, reduction="add")
        return g.op("Sub", n_phrases, n_distinct), n_phrases

    def documents(self, value: str) -> str:
        """The first n rows."""
        g = self._graph
        return g.op("Slice", value, g.constant([0]), self._n, g.constant([0]))

    # --- parts ---

    @cached_property
    def _zeros(self) -> str:
        return self._graph.op("Expand", self._graph.constant(0), self.n_padded)

    @cached_property
    def _starts(self) -> str:
        before = self._graph.op("Not", self.is_below(k.SPACE, -1))
        return self.all(self.is_below(k.SPACE), before)

    def _places(self, flags: str) -> tuple[str, str]:
        """Row and column of each True."""
        g = self._graph
        rows, columns = g.ops("Split", g.op("NonZero", flags), n_outputs=2, axis=0, num_outputs=2)
        return g.reshape(rows, -1), g.reshape(columns, -1)

    def _shift(self, value: str, by: int) -> str:
        if (value, by) not in self._shifted:
            g = self._graph
            start, end = g.constant([_MARGIN + by]), g.constant([by - _MARGIN])
            self._shifted[value, by] = g.op("Slice", value, start, end, g.constant([1]))
        return self._shifted[value, by]

    def _looked_up(self) -> tuple[str, str]:
        """Numbers and kinds of characters, ``(n + 1, L + 2 * _MARGIN)`` int64 each."""
        g = self._graph
        characters = self._tokens(self._text)  # (n + 1, L); L is at least 1
        numbers = g.op(
            "LabelEncoder",
            characters,
            domain="ai.onnx.ml",
            keys_strings=[*map(chr, range(0x80)), _PADDING],
            values_int64s=[*range(0x80), _PADDING_ID],
            default_int64=_FOREIGN,
        )
        shape, flat = g.op("Shape", numbers), g.reshape(numbers, -1)
        is_foreign = g.op("Equal", flat, g.constant(_FOREIGN))
        foreign = g.op("Compress", g.reshape(characters, -1), is_foreign)
        # one more, so that there is always some
        foreign = g.op("Concat", foreign, g.constant(np.array(["é"], object)), axis=0)
        distinct, _, inverse, _ = g.ops("Unique", foreign, n_outputs=4, sorted=1)
        inverse = g.op("Slice", inverse, g.constant([0]), g.constant([-1]))
        places = g.reshape(g.op("NonZero", is_foreign), -1)
        inverse = g.op("Add", inverse, g.constant(_FIRST_FOREIGN))
        numbers = g.op("ScatterElements", flat, places, inverse, axis=0)
        numbers = g.op("Reshape", numbers, shape)
        margin = g.op("Concat", self.n_padded, g.constant([_MARGIN]), axis=0)
        margin = g.op("Expand", g.constant(_PADDING_ID), margin)
        numbers = g.op("Concat", margin, numbers, margin, axis=1)
        kinds = [*k.kinds_of_points()[:0x80].tolist(), NOTHING, k.ODD]
        table = g.op("Concat", g.constant(kinds), self._kinds_of(distinct), axis=0)
        return numbers, g.op("Gather", table, numbers)

    def _kinds_of(self, characters: str) -> str:
        """Kinds of characters beyond ASCII, each a string, ``(u,)``."""
        g = self._graph
        parts = [g.op("Expand", g.constant(k.ODD), g.op("Shape", characters))]
        for kind in set(range(k.N_KINDS)) - {k.ODD, k.SURROGATE}:
            members = _class_of(kind, 0x80)
            if members:
                is_it = self._n_tokens(self._tokens(characters, f"[{members}]"))
                parts.append(g.op("Mul", is_it, g.constant(kind - k.ODD)))
        return self.total(*parts)

    def _tokens(self, text: str, expression: str | None = None) -> str:
        """Matches of an expression in each of ``text`` ``(n,)``, or its characters, ``(n, L)``."""
        how = {"separators": [""]} if expression is None else {"tokenexp": expression}
        return self._graph.op(
            "Tokenizer",
            text,
            domain="com.microsoft",
            mark=0,
            mincharnum=1,
            pad_value=_PADDING,
            **how,
        )

    def _n_tokens(self, tokens: str) -> str:
        g = self._graph
        is_token = g.op(
            "LabelEncoder",
            tokens,
            domain="ai.onnx.ml",
            keys_strings=[_PADDING],
            values_int64s=[0],
            default_int64=1,
        )
        return g.sum(is_token, axis=1)


def _class_of(kind: int, above: int = 0) -> str:
    """The code points of a kind, as they stand between the brackets of a regular expression."""
    ranges = [(max(low, above), high) for low, high in k.ranges_of(kind) if high >= above]
    return "".join(rf"\x{{{low:x}}}-\x{{{high:x}}}" for low, high in ranges)
