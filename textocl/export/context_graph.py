"""From the tokens of documents to the vectors of their words in context, inside the graph.

    input_ids (n, T) -> windows (w, L) -> the language model -> pieces (n, T, d) -> words (n, D, d)

This is `TransformerVectors.encode` in ONNX operators. A document comes whole, however long: the
graph cuts it into windows as `textocl.embeddings.windows` does.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from textocl.embeddings.transformer import TransformerVectors
from textocl.embeddings.windows import Cut, cut_text, overlap
from textocl.exceptions import DataError
from textocl.export.graph import Graph
from textocl.export.language_models import encoder_model
from textocl.export.raw_text_graph import tokens_of
from textocl.spaces import ContextSpace

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
        self._window, self._pad = source._window, source._pad
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
        """What belongs beside the ONNX file, by name, as model folders have it."""
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
        before, around = self._n_before, self._n_before + self._n_after
        room = self._window - around
        step = max(1, room - overlap(self._window))
        zero, one = g.constant(0), g.constant(1)
        n, width = (g.op("Gather", g.op("Shape", ids), g.constant(axis)) for axis in (0, 1))
        length = g.sum(mask, axis=1)  # (n,)
        n_pieces = g.op("Max", g.shifted(length, -around, np.int64), zero)  # (n,)

        # windows: window i of a document begins at its piece i * step
        further = g.op("Max", g.shifted(n_pieces, step - 1 - room, np.int64), zero)
        n_windows = g.shifted(_quotient(g, further, step), 1, np.int64)  # (n,)
        first = g.op("Sub", g.op("CumSum", n_windows, zero), n_windows)  # (n,)
        n_all = g.sum(n_windows, axis=0, keep=True)  # (1,), w
        begins = g.op(
            "ScatterElements", g.op("Expand", zero, n_all), first,
            g.op("Expand", one, g.op("Shape", first)),
        )  # fmt: skip
        document = g.shifted(g.op("CumSum", begins, zero), -1, np.int64)  # (w,)
        place = g.op("Range", zero, g.op("Squeeze", n_all), one)
        begin = g.scaled(g.op("Sub", place, g.op("Gather", first, document)), step, np.int64)
        held = g.op("Sub", g.op("Gather", n_pieces, document), begin)  # (w,)
        held = g.reshape(g.op("Min", held, g.constant(room)), -1, 1)
        longest = g.shifted(g.op("ReduceMax", held, keepdims=0), around, np.int64)
        position = g.reshape(g.op("Range", zero, longest, one), 1, -1)  # (1, L)
        after_pieces = g.shifted(held, before, np.int64)  # (w, 1)
        # before the pieces, their own column; pieces, from `begin` on; after them, from the end
        piece = g.op("Add", position, g.reshape(begin, -1, 1))  # (w, L)
        end = g.op("Gather", length, document)
        end = g.reshape(g.shifted(end, -self._n_after, np.int64), -1, 1)
        closing = g.op("Add", end, g.op("Sub", position, after_pieces))
        is_opening = g.op("Less", position, g.constant(before))
        column = g.op("Where", g.op("Less", position, after_pieces), piece, closing)
        column = g.op("Where", is_opening, position, column)
        last_column = g.shifted(width, -1, np.int64)
        column = g.op("Max", g.op("Min", column, last_column), zero)
        there = g.op("Less", position, g.shifted(after_pieces, self._n_after, np.int64))  # (w, L)
        start = g.reshape(g.op("Mul", document, width), -1, 1)
        taken = g.op("Gather", g.reshape(ids, -1), g.op("Add", start, column))
        window_ids = g.op("Where", there, taken, g.constant(self._pad))
        hidden = self._encoded(window_ids, g.cast(there, "int64"), model)  # (w L, d)

        # pieces: in an overlap, the middle is where the next window takes over
        p = g.op("Range", zero, width, one)
        p = g.reshape(g.shifted(p, -before, np.int64), 1, -1)  # (1, T)
        inside = g.op(
            "And",
            g.op("GreaterOrEqual", p, zero),
            g.op("Less", p, g.reshape(n_pieces, -1, 1)),
        )  # (n, T)
        window = g.shifted(g.scaled(p, 2, np.int64), 1 - room - step, np.int64)
        window = _quotient(
            g, g.shifted(g.op("Max", window, zero), 2 * step - 1, np.int64), 2 * step
        )
        last_window = g.shifted(g.reshape(n_windows, -1, 1), -1, np.int64)
        window = g.op("Min", window, last_window)  # (n, T)
        inner = g.op(
            "Sub", g.shifted(p, before, np.int64), g.scaled(window, step, np.int64)
        )  # (n, T)
        row = g.op("Mul", g.op("Add", window, g.reshape(first, -1, 1)), longest)
        row = g.op("Where", inside, g.op("Add", row, inner), zero)
        vectors = g.op("Gather", hidden, g.reshape(row, -1))  # (n T, d)

        # words: the mean over their pieces
        if numbers is None:
            continuing = g.op("Gather", g.constant(continues, np.bool_), ids)
            opens = g.op("Or", g.op("Not", continuing), g.op("Equal", p, zero))
            opens = g.cast(g.op("And", inside, opens), "int64")
            numbers = g.shifted(g.op("CumSum", opens, one), -1, np.int64)  # (n, T)
        counted = g.op("And", inside, g.op("GreaterOrEqual", numbers, zero))
        numbers = g.op("Where", counted, numbers, g.constant(-1))
        most = g.shifted(g.op("ReduceMax", numbers, keepdims=0), 1, np.int64)
        most = g.op("Max", most, one)  # D
        slots = g.shifted(most, 1, np.int64)  # one for what does not count
        slot = g.op("Where", counted, numbers, most)
        line = g.reshape(g.op("Mul", g.op("Range", zero, n, one), slots), -1, 1)
        target = g.reshape(g.op("Add", slot, line), -1, 1)  # (n T, 1)
        total = g.reshape(g.op("Mul", n, slots), 1)
        size = g.op("Concat", total, g.constant([self.space.dimension]), axis=0)
        sums = g.op(
            "ScatterND", g.op("Expand", g.constant(0.0), size), target, vectors, reduction="add"
        )
        ones = g.op("Expand", g.constant(1.0), g.op("Shape", g.reshape(row, -1)))
        counts = g.op(
            "ScatterND", g.op("Expand", g.constant(0.0), total), target, ones, reduction="add"
        )
        n_and_slots = g.op("Concat", g.reshape(n, 1), g.reshape(slots, 1), axis=0)
        counts = self._without_last(g.op("Reshape", counts, n_and_slots))  # (n, D)
        shape = g.op("Concat", n_and_slots, g.constant([self.space.dimension]), axis=0)
        sums = self._without_last(g.op("Reshape", sums, shape))  # (n, D, d)
        pieces = g.op("Unsqueeze", g.op("Max", counts, g.constant(1.0)), g.constant([2]))
        # the vectors of a detector are what float16 holds
        means = g.cast(g.cast(g.op("Div", sums, pieces), "float16"), "float32")
        n_known = g.sum(g.cast(g.op("Greater", counts, g.constant(0.0)), "int64"), axis=1)
        return WordsInContext(means, counts, n_known)

    def _encoded(self, ids: str, mask: str, model: Any) -> str:
        """Run the model on windows ``(w, L)``, some at a time; returns ``(w L, d)``."""
        g, d = self._graph, self.space.dimension
        n, width = (g.op("Gather", g.op("Shape", ids), g.constant([axis])) for axis in (0, 1))
        some = g.op("Max", g.op("Div", g.constant([_TOKENS_AT_ONCE]), width), g.constant([1]))
        runs = _quotient(g, g.op("Add", n, g.shifted(some, -1, np.int64)), some)

        def encode(inner: Graph, run: str, given: str) -> tuple[str, str]:
            start = inner.op("Mul", some, run)
            stop = inner.op("Add", start, some)
            axis = inner.constant([0])
            part = [inner.op("Slice", value, start, stop, axis) for value in (ids, mask)]
            (hidden,) = inner.splice(model, part)  # (windows at once, L, d)
            found = inner.op("Concat", given, inner.reshape(hidden, -1, d), axis=0)
            return found, inner.op("Identity", run)

        none = g.constant(np.zeros((0, d), np.float32))
        hidden, _ = g.loop(g.op("Squeeze", runs), none, "float32", ["p", d], encode)
        return hidden

    def _without_last(self, value: str) -> str:
        g = self._graph
        return g.op("Slice", value, g.constant([0]), g.constant([-1]), g.constant([1]))


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
