"""The score of a `SurfaceProfile` inside a graph, from the raw text."""

from __future__ import annotations

import re

import numpy as np

from textocl.export.character_kinds import Characters
from textocl.export.graph import Graph
from textocl.export.inputs import Inputs
from textocl.export.score_graph import Scored, score_graph
from textocl.form import kinds as k
from textocl.form.surface_measures import (
    LONG_NUMBER,
    MEASURES,
    N_SHARES,
    NAMES,
    PHRASE,
    SEPARATORS,
    SUMS,
    sums_of_kinds,
)
from textocl.form.surface_profile import PRIOR_SIZES, WORST_SURFACE_SCORE, SurfaceProfile


@score_graph.register(SurfaceProfile)
def _surface(detector: SurfaceProfile, inputs: Inputs) -> Scored:
    state, g = detector._fitted().state_, inputs.graph
    characters = Characters(g, inputs.text)
    parts, totals = _counted(g, characters, state.script)
    is_known = g.op("Greater", totals["visible"], g.constant(0))
    n_known = g.op("Where", is_known, totals["characters"], g.constant(0))

    def row(values: np.ndarray) -> str:
        return g.constant(values, np.float64)

    sizes = np.array([PRIOR_SIZES[measure.of] for measure in MEASURES], np.float64)
    drawn = g.op(
        "Div",
        g.op("Add", _columns(g, [parts[name] for name in NAMES]), row(sizes * state.usual)),
        g.op("Add", _columns(g, [totals[measure.of] for measure in MEASURES]), row(sizes)),
    )
    shares, others = g.ops(
        "Split", drawn, g.constant([N_SHARES, len(NAMES) - N_SHARES]), n_outputs=2, axis=1
    )
    logarithms = g.op("Log", g.shifted(others, 1.0, np.float64))
    transformed = g.op("Concat", g.op("Sqrt", shares), logarithms, axis=1)
    standard = g.op("Div", g.op("Sub", transformed, row(state.center)), row(state.spread))
    whitened = g.op("MatMul", standard, row(state.whitening))
    squares = g.mean(g.op("Mul", whitened, whitened), axis=1)
    worst = g.constant(WORST_SURFACE_SCORE, np.float64)
    score = g.op("Where", is_known, g.op("Min", g.op("Sqrt", squares), worst), worst)
    return Scored(characters.documents(g.cast(score, "float32")), characters.documents(n_known))


def _columns(g: Graph, values: list[str]) -> str:
    """Integers ``(n,)`` side by side, ``(n, d)`` float64."""
    return g.cast(g.op("Concat", *(g.reshape(value, -1, 1) for value in values), axis=1), "float64")


def _counted(
    g: Graph, characters: Characters, script: str
) -> tuple[dict[str, str], dict[str, str]]:
    """What measures are quotients of, by their names; see `surface_measures.Characters`."""
    c = characters
    one = g.op("Expand", g.constant(1), c.n_padded)
    table = np.concatenate([sums_of_kinds(script), np.ones((k.N_KINDS, 1), np.int64)], axis=1)
    *sums, length = c.sums(table)
    parts = dict(zip(SUMS, sums, strict=True))
    repeated_phrases, n_phrases = c.repeated_phrases(PHRASE)

    def no(flag: str) -> str:
        return g.op("Not", flag)

    def is_word(by: int) -> str:
        return c.is_below(k.NUMBER + 1, by)

    def is_letter(by: int) -> str:
        return c.is_below(k.N_LETTERS, by)

    def is_digit(by: int) -> str:
        return c.has_kind(k.DIGIT, by=by)

    def either(*flags: str) -> str:
        return no(c.all(*(no(flag) for flag in flags)))

    scheme = c.all(c.has_kind(k.COLON), c.is_one_of("/", 1), c.is_one_of("/", 2))
    begins = no(either(is_word(-4), c.is_one_of("/", -4)))
    www = c.all(c.has_kind(k.STOP), *(c.is_one_of("wW", by) for by in (-1, -2, -3)), begins)
    addressed = c.all(c.has_kind(k.AT), is_word(1))
    priced = either(
        is_digit(1),
        is_digit(-1),
        c.all(c.is_one_of(" ", 1), is_digit(2)),
        c.all(c.is_one_of(" ", -1), is_digit(-2)),
    )
    alike = (g.op("Equal", c.number(), c.number(by)) for by in (-1, -2))
    parts |= {
        "length": length,
        "word length": parts["visible"],
        "longest word": c.longest_word,
        "lines": c.total(parts["lines"], one),
        "repeated characters": c.count(c.all(*alike, c.is_below(k.SPACE))),
        "repeated phrases": repeated_phrases,
        "digits in words": c.count(*(c.all(is_digit(0), is_letter(by)) for by in (-1, 1))),
        "web addresses": c.count(scheme, www),
        "e-mail addresses": c.count(c.all(addressed, is_word(-1))),
        "mentions": c.count(c.all(addressed, no(is_word(-1)))),
        "long numbers": c.matches(
            f"[0-9](?:[{re.escape(SEPARATORS)}]{{0,2}}[0-9]){{{LONG_NUMBER - 1},}}"
        ),
        "prices": c.count(c.all(c.has_kind(k.DOLLAR, k.CURRENCY), priced)),
        "hashtags": c.count(c.all(c.has_kind(k.HASH), is_letter(1), no(is_word(-1)))),
        "tags": c.count(c.all(c.has_kind(k.LESS), either(is_letter(1), c.is_one_of("/!", 1)))),
    }
    totals = {
        "": one,
        "visible": parts["visible"],
        "letters": parts["letters"],
        "characters": length,
        "words": c.n_words,
        "phrases": n_phrases,
    }
    return parts, totals
