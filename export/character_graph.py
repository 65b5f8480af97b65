"""The score of a `CharacterLikelihood` inside a graph.

    text (n,) -> characters, padded to the longest text -> numbers of an alphabet -> bucket of each
    window of each size -> level -> count -> probability of each character -> surprisal.

A run takes some hundred bytes of memory for each character, padding included.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

from textocl.export.graph import Graph
from textocl.export.inputs import Inputs
from textocl.export.score_graph import Scored, score_graph
from textocl.form.character_likelihood import CharacterLikelihood
from textocl.form.character_model import (
    LEAST_PROBABILITY,
    OF_LEVELS,
    SHORTER_WINDOWS,
    WORST_CHARACTER_SCORE,
    CharacterModel,
)
from textocl.form.character_windows import MARK, N_BUCKETS, N_MARKS, OTHER, SHIFT

_PADDING = "end"  # more than one character, so that no text holds it
_SPACES = [chr(point) for point in range(sys.maxunicode + 1) if chr(point).isspace()]


@score_graph.register(CharacterLikelihood)
def _characters(detector: CharacterLikelihood, inputs: Inputs) -> Scored:
    g, model = inputs.graph, detector._fitted().state_
    prior = detector._fit_params["prior_length"]
    numbers, is_judged = _numbers(g, inputs.text, model.cutter.alphabet)  # (n + 1, L + 1), (n + 1,)
    surprisals = _surprisals(g, model, _counts(g, model, numbers))
    is_character = g.op("Not", g.op("Equal", numbers, g.constant(MARK, np.int32)))
    lengths = g.sum(g.cast(is_character, "int64"), axis=1, keep=True)  # (n + 1, 1)
    width = g.op("Shape", numbers, start=1, end=2)
    places = g.op("Range", g.constant(0), g.op("Squeeze", width), g.constant(1))
    # a window ends at each character and at the mark after them, none in the padding
    is_window = g.op("LessOrEqual", places, lengths)
    surprisals = g.op("Where", is_window, surprisals, g.constant(0.0))
    total = g.sum(g.cast(surprisals, "float64"), axis=1)
    lengths = g.reshape(lengths, -1)
    total = g.shifted(total, prior * model.median, np.float64)
    size = g.op("Max", g.shifted(lengths, prior, np.int64), g.constant(1))
    score = g.cast(g.op("Div", total, g.cast(size, "float64")), "float32")
    score = g.op("Where", is_judged, score, g.constant(WORST_CHARACTER_SCORE))
    n_known = g.op("Where", is_judged, lengths, g.constant(0))
    n = g.op("Shape", inputs.text)
    score, n_known = (g.op("Slice", value, g.constant([0]), n) for value in (score, n_known))
    return Scored(score, n_known)


def _numbers(g: Graph, text: str, alphabet: NDArray[np.uint32]) -> tuple[str, str]:
    """Number of each character, MARK from where a text ends, ``(n + 1, L + 1)`` int32.

    With it, whether each text has something else than white space, ``(n + 1,)``. The last text is
    an empty one, for a graph may be given none.
    """
    characters = [chr(point) for point in alphabet]
    others = sorted(set(_SPACES) - set(characters))
    n_numbers = N_MARKS + len(characters)
    values = [*range(N_MARKS, n_numbers), *(n_numbers for _ in others), MARK]
    padded = g.op("Concat", text, g.constant(np.array([""], object)), axis=0)
    cut = g.op(
        "Tokenizer", padded, domain="com.microsoft", mark=0, mincharnum=1, pad_value=_PADDING,
        separators=[""],
    )  # fmt: skip
    numbers = g.op(
        "LabelEncoder", cut, domain="ai.onnx.ml", keys_strings=[*characters, *others, _PADDING],
        values_int64s=values, default_int64=OTHER,
    )  # fmt: skip
    size = g.op("Concat", g.op("Shape", padded), g.constant([1]), axis=0)
    ends = g.op("Expand", g.constant(MARK, np.int32), size)
    numbers = g.op("Concat", g.cast(numbers, "int32"), ends, axis=1)
    is_text = np.ones(n_numbers + 1, np.int32)
    is_text[[MARK, n_numbers]] = 0
    is_text[N_MARKS:n_numbers] = [not character.isspace() for character in characters]
    judged = g.op("Gather", g.constant(is_text, np.int32), numbers)
    judged = g.op("ReduceMax", judged, g.constant([1]), keepdims=0)
    # white space that the alphabet lacks had a number of its own
    is_other = g.op("Equal", numbers, g.constant(n_numbers, np.int32))
    numbers = g.op("Where", is_other, g.constant(OTHER, np.int32), numbers)
    return numbers, g.cast(judged, "bool")


def _counts(g: Graph, model: CharacterModel, numbers: str) -> list[str]:
    """Counts of the windows of each size, float32, shortest first: ``(n + 1, L + 2)`` each.

    They end at the mark before each text, at its characters and at the marks after it.
    """
    cutter, table, of_levels = model.cutter, _table(g, model), g.constant(OF_LEVELS)
    rows = g.op("Shape", numbers, end=1)
    size = g.op("Concat", rows, g.constant([cutter.order]), axis=0)
    marks = g.op("Expand", g.constant(MARK, np.int32), size)
    framed = g.op("Concat", marks, numbers, axis=1)  # (n + 1, order + L + 1)
    end, axis = g.op("Shape", framed, start=1, end=2), g.constant([1])
    counts, keys = [], ""
    for back, weight in enumerate(cutter.weights):
        last = g.shifted(end, -back, np.int64)
        part = g.op("Slice", framed, g.constant([cutter.order - 1 - back]), last, axis)
        part = g.scaled(part, weight, np.int32) if back else part
        keys = g.shifted(g.op("Add", keys, part) if back else part, SHIFT, np.int32)
        buckets = g.op("Mod", keys, g.constant(N_BUCKETS, np.int32))
        levels = g.cast(g.op("Gather", table, buckets), "int32")
        counts.append(g.op("Gather", of_levels, levels))
    return counts


def _surprisals(g: Graph, model: CharacterModel, counts: list[str]) -> str:
    """`textocl.form.character_model.surprisals` without what is before a text, ``(n + 1, L + 1)``.

    Not in whole units: a sum of doubles needs none.
    """
    start, stop, axis = g.constant([1]), g.constant([np.iinfo(np.int64).max]), g.constant([1])
    ends = [g.op("Slice", one, start, stop, axis) for one in counts]
    likely = g.shifted(ends[0], model.least)
    likely = g.scaled(likely, 1 / (model.n_characters + SHORTER_WINDOWS))
    for shorter, longer in zip(counts[:-1], ends[1:], strict=True):
        before = g.op("Slice", shorter, g.constant([0]), g.constant([-1]), axis)
        likely = g.op("Add", g.scaled(likely, SHORTER_WINDOWS), longer)
        likely = g.op("Div", likely, g.shifted(before, SHORTER_WINDOWS))
    likely = g.op("Clip", likely, g.constant(LEAST_PROBABILITY), g.constant(1.0))
    return g.scaled(g.op("Log", likely), -1.0)


def _table(g: Graph, model: CharacterModel) -> str:
    """Level of each bucket, ``(N_BUCKETS,)`` uint8, stored in the shorter of two ways."""
    n_bytes = model.buckets.itemsize + model.levels.itemsize
    if len(model.buckets) * n_bytes >= N_BUCKETS:
        return g.constant(model.table, np.uint8)
    # ONNX Runtime fills the table once, as it loads
    table = g.op("Expand", g.constant(0, np.uint8), g.constant([N_BUCKETS]))
    return g.op(
        "ScatterElements", table, g.constant(model.buckets, np.int32),
        g.constant(model.levels, np.uint8),
    )  # fmt: skip
