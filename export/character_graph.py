"""The score of a `CharacterLikelihood` inside a graph.

    text (n,) -> characters, padded to the longest text -> classes of an alphabet -> surprisal of
    each after the two before it.

A run takes some hundred bytes of memory for each character, padding included.
"""

from __future__ import annotations

import sys

import numpy as np

from textocl.export.graph import Graph
from textocl.export.inputs import Inputs
from textocl.export.score_graph import Scored, score_graph
from textocl.form.character_likelihood import CharacterLikelihood
from textocl.form.character_model import WORST_CHARACTER_SCORE, CharacterModel
from textocl.form.trigrams import END, N_MARKS, OTHER, START, Alphabet

_PADDING = "end"  # more than one character, so that no text holds it
_SPACES = [chr(point) for point in range(sys.maxunicode + 1) if chr(point).isspace()]


@score_graph.register(CharacterLikelihood)
def _characters(detector: CharacterLikelihood, inputs: Inputs) -> Scored:
    g, model = inputs.graph, detector._fitted().state_
    prior = detector._fit_params["prior_length"]
    classes, is_judged = _classes(g, inputs.text, model.alphabet)  # (n + 1, L + 1), (n + 1,)
    surprisals = g.cast(g.op("Gather", _table(g, model), _trigrams(g, classes, model)), "float64")
    is_character = g.op("Not", g.op("Equal", classes, g.constant(END, np.int32)))
    lengths = g.sum(g.cast(is_character, "int64"), axis=1)
    total = g.shifted(g.sum(surprisals, axis=1), prior * model.median, np.float64)
    size = g.op("Max", g.shifted(lengths, prior, np.int64), g.constant(1))
    score = g.cast(g.op("Div", total, g.cast(size, "float64")), "float32")
    score = g.op("Where", is_judged, score, g.constant(WORST_CHARACTER_SCORE))
    n_known = g.op("Where", is_judged, lengths, g.constant(0))
    n = g.op("Shape", inputs.text)
    score, n_known = (g.op("Slice", value, g.constant([0]), n) for value in (score, n_known))
    return Scored(score, n_known)


def _classes(g: Graph, text: str, alphabet: Alphabet) -> tuple[str, str]:
    """Class of each character, END from where a text ends, ``(n + 1, L + 1)`` int32.

    With it, whether each text has something else than white space, ``(n + 1,)``. The last text is
    an empty one, for a graph may be given none.
    """
    characters = [chr(point) for point in alphabet.points]
    others = sorted(set(_SPACES) - set(characters))
    n_classes = alphabet.n_classes
    classes = [*range(N_MARKS, n_classes), *(n_classes for _ in others), END]
    padded = g.op("Concat", text, g.constant(np.array([""], object)), axis=0)
    cut = g.op(
        "Tokenizer", padded, domain="com.microsoft", mark=0, mincharnum=1, pad_value=_PADDING,
        separators=[""],
    )  # fmt: skip
    numbers = g.op(
        "LabelEncoder", cut, domain="ai.onnx.ml", keys_strings=[*characters, *others, _PADDING],
        values_int64s=classes, default_int64=OTHER,
    )  # fmt: skip
    size = g.op("Concat", g.op("Shape", padded), g.constant([1]), axis=0)
    ends = g.op("Expand", g.constant(END, np.int32), size)
    numbers = g.op("Concat", g.cast(numbers, "int32"), ends, axis=1)
    is_text = np.ones(n_classes + 1, np.int32)
    is_text[[START, END, n_classes]] = 0
    is_text[N_MARKS:n_classes] = [not character.isspace() for character in characters]
    judged = g.op("Gather", g.constant(is_text, np.int32), numbers)
    judged = g.op("ReduceMax", judged, g.constant([1]), keepdims=0)
    # white space that the alphabet lacks had a number of its own
    is_other = g.op("Equal", numbers, g.constant(n_classes, np.int32))
    numbers = g.op("Where", is_other, g.constant(OTHER, np.int32), numbers)
    return numbers, g.cast(judged, "bool")


def _trigrams(g: Graph, classes: str, model: CharacterModel) -> str:
    """Where the table has each character after the two before it, ``(n + 1, L + 1)`` int32."""
    rows = g.op("Slice", g.op("Shape", classes), g.constant([0]), g.constant([1]))
    starts = g.op(
        "Expand", g.constant(START, np.int32), g.op("Concat", rows, g.constant([2]), axis=0)
    )
    framed = g.op("Concat", starts, classes, axis=1)  # (n + 1, L + 3)
    cells = classes
    for back, first in ((1, 1), (2, 0)):
        before = g.op(
            "Slice", framed, g.constant([first]), g.constant([-back]), g.constant([1])
        )  # (n + 1, L + 1)
        cells = g.op("Add", cells, g.scaled(before, model.alphabet.n_classes**back, np.int32))
    return cells


def _table(g: Graph, model: CharacterModel) -> str:
    """Surprisal of each trigram, ``(V³,)`` float32; 0 of what follows an end mark.

    The file holds what training texts have, and ONNX Runtime fills the table once, as it loads.
    """
    n_classes = model.alphabet.n_classes
    unseen = model.unseen.copy()  # (V²,)
    unseen[END::n_classes] = 0
    table = g.op("Expand", g.constant(unseen[:, None]), g.constant([1, n_classes]))
    return g.op(
        "ScatterElements", g.reshape(table, -1), g.constant(model.cells, np.int32),
        g.constant(model.seen),
    )  # fmt: skip
