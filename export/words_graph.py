"""From strings to the distinct words of each document, inside the graph.

    text (n,) -> a-z in lower case -> words -> rows of a vocabulary -> distinct rows and counts of
    each document, padded to the longest.

This is `textocl.text.documents.pack` in ONNX operators. Padding points at one more row than the
vocabulary has, whose vector is 0; a padded word has the count 0.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textocl.export.graph import Graph
from textocl.text.tokenization import EnglishTokenizer, Tokenizer

#: how the tables of words may be stored; computed with is float32 or better
DTYPES = ("float32", "float16", "int8")
_LOWER = re.compile("[A-Z]+")  # what the graph lowers
_QUANTIZED_FROM = 16  # entries of a row; narrower tables stay float16


@dataclass(frozen=True)
class Bag:
    """The distinct known words of documents, padded to the most that one has, D at least 1.

    Attributes
    ----------
    rows : (n, D) int64; the size of the vocabulary where padded
    counts : (n, D) float32; 0 where padded
    n_known : (n,) int64, number of distinct known words
    """

    rows: str
    counts: str
    n_known: str


class Words:
    """Cuts the documents of a graph once, for every vocabulary that looks them up.

    Parameters
    ----------
    text : (n,) strings
    dtype : one of `DTYPES`, how tables of words are stored
    tokenizer : Tokenizer
        Capitals of other alphabets than a-z are known where a word is written as
        `textocl.text.tokenization.UnicodeTokenizer.written` has it, not in any mixture.
    """

    def __init__(
        self, graph: Graph, text: str, dtype: str = "float32", tokenizer: Tokenizer | None = None
    ) -> None:
        self._tokenizer = EnglishTokenizer() if tokenizer is None else tokenizer
        self._graph = graph
        self._dtype = dtype
        # one empty document more: a graph can then be given none
        padded = graph.op("Concat", text, graph.constant(np.array([""], object)), axis=0)
        self.n_padded = graph.op("Shape", padded)  # (1,), n + 1
        self.n = graph.op("Shape", text)
        lower = graph.op(
            "StringNormalizer", padded, case_change_action="LOWER", locale="C", is_case_sensitive=1
        )
        self._words = graph.op(
            "Tokenizer",
            lower,
            domain="com.microsoft",
            mark=0,
            mincharnum=1,
            pad_value="\x01",
            tokenexp=self._tokenizer.explicit_pattern(),
        )  # (n + 1, L)
        self._bags: dict[tuple[str, ...], Bag] = {}

    def bag(self, vocabulary: Sequence[str]) -> Bag:
        """Look the words up in ``vocabulary``; the same one twice costs once."""
        key = tuple(vocabulary)
        if key not in self._bags:
            self._bags[key] = self._looked_up(vocabulary)
        return self._bags[key]

    def values(self, table: NDArray[Any], bag: Bag, padding: float = 0.0) -> str:
        """Rows of ``table`` ``(u,)`` or ``(u, d)`` for the words of ``bag``, float32.

        Numbers that float16 holds exactly, as it does the vectors of a model, are stored so.
        """
        g = self._graph
        last = np.full((1, *table.shape[1:]), padding)
        whole = np.concatenate([table.astype(np.float32), last.astype(np.float32)])
        with np.errstate(over="ignore"):
            half = whole.astype(np.float16)
        if self._dtype == "int8" and whole.ndim == 2 and whole.shape[1] >= _QUANTIZED_FROM:
            scale = np.maximum(np.abs(whole).max(axis=1, keepdims=True), 1e-30) / 127  # (u + 1, 1)
            small = np.rint(whole / scale).astype(np.int8)
            numbers = g.cast(g.op("Gather", g.constant(small, np.int8), bag.rows), "float32")
            return g.op("Mul", numbers, g.op("Gather", g.constant(scale), bag.rows))
        if np.isfinite(half).all() and (self._dtype != "float32" or (half == whole).all()):
            return g.cast(g.op("Gather", g.constant(half), bag.rows), "float32")
        return g.op("Gather", g.constant(whole), bag.rows)

    def _looked_up(self, vocabulary: Sequence[str]) -> Bag:
        g, u = self._graph, len(vocabulary)
        row_of = {
            _LOWER.sub(lambda letter: letter.group().lower(), form): row
            for row, word in enumerate(vocabulary)
            for form in self._tokenizer.written(word)
        }
        rows = g.op(
            "LabelEncoder",
            self._words,
            domain="ai.onnx.ml",
            keys_strings=list(row_of),
            values_int64s=list(row_of.values()),
            default_int64=-1,
        )  # (n + 1, L)
        zero, one = g.constant(0), g.constant(1)
        numbers = g.op("Range", zero, g.op("Squeeze", self.n_padded), one)  # (n + 1,)
        # one sortable number a word: document times size plus row
        keys = g.op("Add", g.reshape(g.op("Mul", numbers, g.constant(u)), -1, 1), rows)
        known = g.op("GreaterOrEqual", rows, zero)
        keys = g.op("Compress", g.reshape(keys, -1), g.reshape(known, -1))
        # a word that every model knows keeps the list from being empty: the padding's own
        last = g.op("Mul", self.n_padded, g.constant([u]))
        keys = g.op("Concat", keys, last, axis=0)
        distinct, _, _, counts = g.ops("Unique", keys, n_outputs=4, sorted=1)
        document = g.op("Div", distinct, g.constant(u))  # n + 1 for the last
        row = g.op("Sub", distinct, g.op("Mul", document, g.constant(u)))
        slots = g.op("Add", self.n_padded, g.constant([1]))
        nothing = g.op("Expand", zero, slots)
        n_known = g.op(
            "ScatterElements", nothing, document, g.op("Expand", one, g.op("Shape", document)),
            reduction="add",
        )  # fmt: skip
        first = g.op("Sub", g.op("CumSum", n_known, zero), n_known)
        place = g.op("Range", zero, g.op("Squeeze", g.op("Shape", document)), one)
        place = g.op("Sub", place, g.op("Gather", first, document))
        width = g.op("ReduceMax", n_known, keepdims=1)  # at least 1, for the last
        target = g.op(
            "Concat", g.reshape(document, -1, 1), g.reshape(place, -1, 1), axis=1
        )  # (w, 2)
        shape = g.op("Concat", slots, width, axis=0)
        padded_rows = g.op(
            "ScatterND", g.op("Expand", g.constant(u), shape), target, row
        )  # (n + 2, D)
        padded_counts = g.op(
            "ScatterND",
            g.op("Expand", g.constant(0.0), shape),
            target,
            g.cast(counts, "float32"),
        )
        return Bag(
            self._documents(padded_rows),
            self._documents(padded_counts),
            self._documents(n_known),
        )

    def _documents(self, value: str) -> str:
        """The first n of what has more rows."""
        g = self._graph
        return g.op("Slice", value, g.constant([0]), self.n, g.constant([0]))
