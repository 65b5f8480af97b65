"""The score of a `WordLikelihood` inside a graph."""

from __future__ import annotations

from textocl.export.inputs import Inputs
from textocl.export.score_graph import Scored, score_graph
from textocl.shallow.word_likelihood import WordLikelihood


@score_graph.register(WordLikelihood)
def _likelihood(detector: WordLikelihood, inputs: Inputs) -> Scored:
    g, words = inputs.graph, inputs.words_of(detector._fitted())
    bag = words.bag(detector.words_)
    ratios = words.values(detector.log_ratios_, bag)  # (n, D)
    weights = g.op("Log", g.shifted(bag.counts, 1.0))  # 0 where padded
    total = g.op("Max", g.sum(weights, axis=1), g.constant(1e-30))
    score = g.op("Div", g.sum(g.op("Mul", weights, ratios), axis=1), total)
    # 0 - x, not -x: a document without a known word has 0, not -0
    return Scored(g.op("Sub", g.constant(0.0), score), bag.n_known)
