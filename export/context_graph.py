"""From the tokens of documents to the vectors of their words in context, inside the graph.

    input_ids (n, T) -> windows (w, L) -> the language model -> pieces (n, T, d) -> words (n, D, d)

This is `TransformerVectors.encode` in ONNX operators. A document comes whole, however long: the
graph cuts it into windows as `textocl.text.windows` does.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from textocl.core.exceptions import DataError
from textocl.export.graph import Graph
from textocl.export.language_models import encoder_model
from textocl.export.raw_text_graph import tokens_of
from textocl.text.embeddings.transformer import TransformerVectors
from textocl.text.spaces import ContextSpace
from textocl.text.windows import Cut, cut_text, overlap

_TOKENS_AT_ONCE = 8192  # of windows, padding included: a long document takes no more memory


@dataclass(frozen=True)
class WordsInContext:
    """The words of documents that count, in reading order, padded to the most that one has.

    Attributes
    ----------
    vectors : (n, D, d) float32, 0 where padded
    counts : (n, D) float32, into how many pieces the model cuts a word; 0 where padded
    n_known : (n,) int64, number of words
    """

    vectors: str
    counts: str
    n_known: str


class Encoder:
    """The language model of a file, and how it cuts texts.

    Parameters
    ----------
    text : strings ``(n,)`` to be cut in the graph, or None for inputs that hold tokens

    Attributes
    ----------
    space : ContextSpace
    words : WordsInContext
    facts : dict, what is needed to make the inputs of the graph
    """

    def __init__(
        self, graph: Graph, space: ContextSpace, dtype: str, text: str | None = None
    ) -> None:
        source = space.source
        if not isinstance(source, TransformerVectors):
            raise DataError(
                f"vectors of {type(source).__name__} cannot be exported; expected those of a "
                "model of the BERT family (see textocl.load_embedding)."
            )
        self.space = space
        self._graph = graph
        empty = _around(source)
        self._n_before, self._n_after = len(empty.before), len(empty.after)
        self._room = source._window - self._n_before - self._n_after  # for pieces
        self._step = max(1, self._room - overlap(source._window))
        self._pad = source._pad
        self.facts: dict[str, Any] = {
            "name": source.name,
            "window": source._window,
            "special_tokens": [self._n_before, self._n_after],
            "content_words": None if space.tokenizer is None else space.tokenizer.name,
        }
        continues = None if space.tokenizer is not None else _continuing(source)
        numbers = None
        if text is not None:
            if continues is None:
                raise DataError(
                    "raw_text needs a language model that cuts texts as BERT does, and a detector "
                    "that counts every word (CVDD does not); export without raw_text."
                )
            ids, mask = tokens_of(graph, text, source)
        else:
            ids = graph.input("input_ids", "int64", ["n", "T"])
            mask = graph.input("attention_mask", "int64", ["n", "T"])
            if continues is None:
                numbers = graph.input("word_ids", "int64", ["n", "T"])
        self.words = self._words(ids, mask, numbers, continues, encoder_model(source, dtype))

    def files(self) -> dict[str, bytes]:
        """The files of the model that cut texts, by name, as model folders have them."""
        source = self.space.source
        assert isinstance(source, TransformerVectors)
        return {
            "config.json": (source._folder / "config.json").read_bytes(),
            "tokenizer.json": source._tokenizer.to_str().encode(),
        }

    def _words(
        self, ids: str, mask: str, numbers: str | None, continues: Any, model: Any
    ) -> WordsInContext:
        g = self._graph
        shape = g.op("Shape", ids)
        self._n, self._width = (g.op("Gather", shape, g.constant(axis)) for axis in (0, 1))
        self._length = g.sum(mask, axis=1)  # (n,)
        around = self._n_before + self._n_after
        self._n_pieces = g.op("Max", self._plus(self._length, -around), g.constant(0))  # (n,)
        further = g.op(
            "Max", self._plus(self._n_pieces, self._step - 1 - self._room), g.constant(0)
        )
        self._n_windows = self._plus(_quotient(g, further, self._step), 1)  # (n,)
        # number of the first window of each document, (n,)
        self._first = g.op("Sub", g.op("CumSum", self._n_windows, g.constant(0)), self._n_windows)
        window_ids, window_mask = self._windows(ids)  # (w, L)
        hidden = self._encoded(window_ids, window_mask, model)  # (w L, d)
        width = g.op("Gather", g.op("Shape", window_ids), g.constant(1))
        piece = g.op("Range", g.constant(0), self._width, g.constant(1))
        piece = g.reshape(self._plus(piece, -self._n_before), 1, -1)  # (1, T), of a document
        inside = g.op(
            "And",
            g.op("GreaterOrEqual", piece, g.constant(0)),
            g.op("Less", piece, g.reshape(self._n_pieces, -1, 1)),
        )  # (n, T)
        vectors = self._of_pieces(hidden, width, piece, inside)  # (n T, d)
        if numbers is None:
            numbers = self._numbers_of_words(ids, continues, piece, inside)
        counted = g.op("And", inside, g.op("GreaterOrEqual", numbers, g.constant(0)))
        return self._means(vectors, g.op("Where", counted, numbers, g.constant(-1)))

    def _windows(self, ids: str) -> tuple[str, str]:
        """Cut documents ``(n, T)`` into windows; returns tokens and mask, ``(w, L)``.

        Window i of a document begins at its piece ``i * step``.
        """
        g, zero, one = self._graph, self._graph.constant(0), self._graph.constant(1)
        n_all = g.sum(self._n_windows, axis=0, keep=True)  # (1,), w
        begins = g.op(
            "ScatterElements", g.op("Expand", zero, n_all), self._first,
            g.op("Expand", one, g.op("Shape", self._first)),
        )  # fmt: skip
        document = self._plus(g.op("CumSum", begins, zero), -1)  # (w,)
        number = g.op("Range", zero, g.op("Squeeze", n_all), one)
        number = g.op("Sub", number, g.op("Gather", self._first, document))
        begin = g.scaled(number, self._step, np.int64)  # (w,)
        held = g.op("Sub", g.op("Gather", self._n_pieces, document), begin)
        held = g.reshape(g.op("Min", held, g.constant(self._room)), -1, 1)  # (w, 1)
        longest = self._plus(g.op("ReduceMax", held, keepdims=0), self._n_before + self._n_after)
        place = g.reshape(g.op("Range", zero, longest, one), 1, -1)  # (1, L)
        # a column of the document: before the pieces the same, then from `begin` on, after the
        # pieces from the end
        end_of_pieces = self._plus(held, self._n_before)  # (w, 1)
        end = g.reshape(g.op("Gather", self._length, document), -1, 1)
        closing = g.op("Sub", self._plus(place, -self._n_after), end_of_pieces)
        column = g.op(
            "Where",
            g.op("Less", place, end_of_pieces),
            g.op("Add", place, g.reshape(begin, -1, 1)),
            g.op("Add", end, closing),
        )
        is_opening = g.op("Less", place, g.constant(self._n_before))
        column = g.op("Where", is_opening, place, column)  # (w, L)
        column = g.op("Max", g.op("Min", column, self._plus(self._width, -1)), zero)
        row = g.reshape(g.op("Mul", document, self._width), -1, 1)
        taken = g.op("Gather", g.reshape(ids, -1), g.op("Add", row, column))
        there = g.op("Less", place, self._plus(end_of_pieces, self._n_after))
        return g.op("Where", there, taken, g.constant(self._pad)), g.cast(there, "int64")

    def _of_pieces(self, hidden: str, width: str, piece: str, inside: str) -> str:
        """The vector of each piece, ``(n T, d)``, from ``hidden`` ``(w L, d)``; any outside.

        In an overlap the middle is where the next window takes over.
        """
        g, step = self._graph, self._step
        beyond = self._plus(g.scaled(piece, 2, np.int64), 1 - self._room - step)
        beyond = g.op("Max", beyond, g.constant(0))
        number = _quotient(g, self._plus(beyond, 2 * step - 1), 2 * step)
        last = self._plus(g.reshape(self._n_windows, -1, 1), -1)
        number = g.op("Min", number, last)  # of its window, (n, T)
        place = self._plus(g.op("Sub", piece, g.scaled(number, step, np.int64)), self._n_before)
        row = g.op("Mul", g.op("Add", number, g.reshape(self._first, -1, 1)), width)
        row = g.op("Where", inside, g.op("Add", row, place), g.constant(0))
        return g.op("Gather", hidden, g.reshape(row, -1))

    def _numbers_of_words(self, ids: str, continues: Any, piece: str, inside: str) -> str:
        """Number of the word of each token in its document, ``(n, T)``; any outside."""
        g = self._graph
        continuing = g.op("Gather", g.constant(continues, np.bool_), ids)
        opens = g.op("Or", g.op("Not", continuing), g.op("Equal", piece, g.constant(0)))
        opens = g.cast(g.op("And", inside, opens), "int64")
        return self._plus(g.op("CumSum", opens, g.constant(1)), -1)

    def _means(self, vectors: str, numbers: str) -> WordsInContext:
        """Means of pieces ``(n T, d)`` over words, whose ``numbers`` ``(n, T)`` are -1 for none."""
        g, d = self._graph, self.space.dimension
        most = g.op(
            "Max", self._plus(g.op("ReduceMax", numbers, keepdims=0), 1), g.constant(1)
        )  # D
        slots = self._plus(most, 1)  # one for what does not count
        none = g.op("Less", numbers, g.constant(0))
        slot = g.op("Where", none, most, numbers)  # (n, T)
        document = g.op("Range", g.constant(0), self._n, g.constant(1))
        row = g.op("Add", slot, g.reshape(g.op("Mul", document, slots), -1, 1))
        row = g.reshape(row, -1, 1)  # (n T, 1)
        total = g.reshape(g.op("Mul", self._n, slots), 1)
        shape = g.op("Concat", g.reshape(self._n, 1), g.reshape(slots, 1), axis=0)

        def summed(values: str, *last: int) -> str:
            zeros = g.op("Expand", g.constant(0.0), _joined(g, total, *last))
            sums = g.op("ScatterND", zeros, row, values, reduction="add")
            sums = g.op("Reshape", sums, _joined(g, shape, *last))  # (n, D + 1, …)
            return g.op("Slice", sums, g.constant([0]), g.constant([-1]), g.constant([1]))

        ones = g.op("Expand", g.constant(1.0), g.op("Shape", g.reshape(row, -1)))
        counts, sums = summed(ones), summed(vectors, d)
        pieces = g.op("Unsqueeze", g.op("Max", counts, g.constant(1.0)), g.constant([2]))
        # the vectors of a detector are what float16 holds
        means = g.cast(g.cast(g.op("Div", sums, pieces), "float16"), "float32")
        n_known = g.sum(g.cast(g.op("Greater", counts, g.constant(0.0)), "int64"), axis=1)
        return WordsInContext(means, counts, n_known)

    def _plus(self, value: str, summand: int) -> str:
        return self._graph.shifted(value, summand, np.int64)

    def _encoded(self, ids: str, mask: str, model: Any) -> str:
        """Run the model on windows ``(w, L)``, some at a time; returns ``(w L, d)``."""
        g, d = self._graph, self.space.dimension
        n, width = (g.op("Gather", g.op("Shape", ids), g.constant([axis])) for axis in (0, 1))
        some = g.op("Max", g.op("Div", g.constant([_TOKENS_AT_ONCE]), width), g.constant([1]))
        runs = _quotient(g, g.op("Add", n, g.shifted(some, -1, np.int64)), some)

        def encode(inner: Graph, run: str, before: str) -> tuple[str, str]:
            start = inner.op("Mul", some, run)
            stop = inner.op("Add", start, some)
            axis = inner.constant([0])
            part = [inner.op("Slice", value, start, stop, axis) for value in (ids, mask)]
            (hidden,) = inner.splice(model, part)  # (windows at once, L, d)
            hidden = inner.op("Concat", before, inner.reshape(hidden, -1, d), axis=0)
            return hidden, inner.op("Identity", run)

        none = g.constant(np.zeros((0, d), np.float32))
        hidden, _ = g.loop(g.op("Squeeze", runs), none, "float32", ["p", d], encode)
        return hidden


def _joined(g: Graph, shape: str, *last: int) -> str:
    return g.op("Concat", shape, g.constant(list(last)), axis=0) if last else shape


def _quotient(g: Graph, value: str, divisor: int | str) -> str:
    return g.op("Div", value, divisor if isinstance(divisor, str) else g.constant(divisor))


def _around(source: TransformerVectors) -> Cut:
    """The special tokens that the tokenizer puts around a text."""
    word = source._tokenizer.encode("a")
    return cut_text("a", word)


def _continuing(source: TransformerVectors) -> np.ndarray | None:
    """Which tokens go on with a word, ``(vocabulary,)`` bool; None if tokens do not tell."""
    facts = json.loads(source._tokenizer.to_str())
    model, splitting = facts["model"], facts["pre_tokenizer"] or {}
    if model.get("type") != "WordPiece" or splitting.get("type") != "BertPreTokenizer":
        return None
    size = source._model.get_input_embeddings().num_embeddings
    continues = np.zeros(size, bool)
    for token, i in model["vocab"].items():
        if i < size:
            continues[i] = token.startswith(model["continuing_subword_prefix"])
    return continues
