"""The score of a `Detector` inside a graph: its members' on one scale."""

from __future__ import annotations

from functools import reduce

import numpy as np

from textocl.ensemble.detector import Detector
from textocl.export.inputs import Inputs
from textocl.export.score_graph import Scored, score_graph, scored
from textocl.shallow.metric import WORST_POOLED_SCORE


@score_graph.register(Detector)
def _ensemble(detector: Detector, inputs: Inputs) -> Scored:
    g = inputs.graph
    zero = g.constant(0.0, np.float64)
    sums, weights, n_known = [], [], []
    distances, contexts = {}, detector._fitted().contexts_
    for member in detector.members_.values():
        content = scored(member.detector, inputs)
        assert content.n_known is not None
        score = g.shifted(g.cast(content.score, "float64"), -member.location, np.float64)
        score = g.scaled(score, member.weight / member.scale, np.float64)
        known = g.op("Greater", content.n_known, g.constant(0))
        sums.append(g.op("Where", known, score, zero))
        weights.append(g.op("Where", known, g.constant(member.weight, np.float64), zero))
        # a document without a known word whose form is judged counts as one
        count = content.n_known
        n_known.append(g.op("Min", count, g.constant(1)) if member.detector.sees_form else count)
        if content.contexts:
            distances = {"context_distance": content.outputs["context_distance"]}

    def folded(kind: str, values: list[str]) -> str:
        return reduce(lambda one, other: g.op(kind, one, other), values)

    total = g.op("Max", folded("Add", weights), g.constant(1e-30, np.float64))
    most_known = folded("Max", n_known)
    worst = g.constant(WORST_POOLED_SCORE, np.float64)
    known = g.op("Greater", most_known, g.constant(0))
    mean = g.op("Where", known, g.op("Div", folded("Add", sums), total), worst)
    score = g.cast(g.op("Min", mean, worst), "float32")
    return Scored(score, most_known, distances, contexts)
