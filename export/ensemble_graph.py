"""The score of a `Detector` inside a graph: its members' on one scale."""

from __future__ import annotations

from functools import reduce

import numpy as np

from textocl.ensemble.detector import Detector
from textocl.ensemble.fusion import EVEN, LEAST_TOTAL
from textocl.export.graph import Graph
from textocl.export.inputs import Inputs
from textocl.export.score_graph import Scored, score_graph, scored
from textocl.shallow.metric import WORST_POOLED_SCORE


@score_graph.register(Detector)
def _ensemble(detector: Detector, inputs: Inputs) -> Scored:
    g, fusion = inputs.graph, detector._fitted().state_.fusion
    zero = g.constant(0.0, np.float64)
    sums, weights, n_known = [], [], []
    terms, weights_beside = [], []
    distances, contexts = {}, detector.contexts_
    for member in detector.members_.values():
        content = scored(member.detector, inputs)
        assert content.n_known is not None
        known = g.op("Greater", content.n_known, g.constant(0))
        score = g.shifted(g.cast(content.score, "float64"), -member.location, np.float64)
        # a document without a known word whose form is judged counts as one
        is_form, one = member.detector.sees_form, g.constant(1)
        n_known.append(g.op("Min", content.n_known, one) if is_form else content.n_known)
        if member.is_term:
            term = _term(g, g.scaled(score, 1 / member.scale, np.float64), member.weight)
            terms.append(g.op("Where", known, term, zero))
            weight = g.constant(member.weight, np.float64)
            weights_beside.append(g.op("Where", known, weight, zero))
            continue
        score = g.scaled(score, member.weight / member.scale, np.float64)
        sums.append(g.op("Where", known, score, zero))
        weights.append(g.op("Where", known, g.constant(member.weight, np.float64), zero))
        if content.contexts:
            distances = {"context_distance": content.outputs["context_distance"]}

    def folded(kind: str, values: list[str]) -> str:
        return reduce(lambda one, other: g.op(kind, one, other), values)

    total = folded("Add", weights)
    tiny = g.constant(1e-30, np.float64)
    fused = g.op("Div", folded("Add", sums), g.op("Max", total, tiny))
    if terms:
        standard = g.shifted(fused, -fusion.location, np.float64)
        standard = g.scaled(standard, 1 / fusion.scale, np.float64)
        of_words = _term(g, standard, fusion.words_weight)
        beside = folded("Add", terms)
        mean = g.op("Div", beside, g.op("Max", folded("Add", weights_beside), tiny))
        as_beside = g.scaled(mean, fusion.words_weight, np.float64)
        of_words = g.op("Where", g.op("Greater", total, zero), of_words, as_beside)
        fused = _fused_odds(g, g.op("Add", of_words, beside))
    most_known = folded("Max", n_known)
    worst = g.constant(WORST_POOLED_SCORE, np.float64)
    known = g.op("Greater", most_known, g.constant(0))
    fused = g.op("Where", known, fused, worst)
    score = g.cast(g.op("Min", fused, worst), "float32")
    return Scored(score, most_known, distances, contexts)


def _term(g: Graph, standard: str, weight: float) -> str:
    """``weight log(1 + e^x)`` of ``x = standard − EVEN``, as ``max(x, 0) + log(1 + e^−|x|)``."""
    x = g.shifted(standard, -EVEN, np.float64)
    small = g.op("Exp", g.op("Neg", g.op("Abs", x)))
    small = g.op("Log", g.shifted(small, 1.0, np.float64))
    positive = g.op("Max", x, g.constant(0.0, np.float64))
    return g.scaled(g.op("Add", positive, small), weight, np.float64)


def _fused_odds(g: Graph, total: str) -> str:
    """`textocl.ensemble.fusion.fused_odds`."""
    one = g.constant(1.0, np.float64)
    total = g.op("Max", total, g.constant(LEAST_TOTAL, np.float64))
    rest = g.op("Log", g.op("Sub", one, g.op("Exp", g.op("Neg", total))))
    return g.shifted(g.op("Add", total, rest), EVEN, np.float64)
