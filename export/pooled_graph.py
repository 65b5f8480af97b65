"""The score of a detector on pooled embeddings, or on features, inside a graph."""

from __future__ import annotations

from functools import singledispatch
from typing import Any, NamedTuple

import numpy as np

from textocl.core.exceptions import DataError
from textocl.export.graph import Graph
from textocl.export.inputs import Inputs
from textocl.export.point_graphs import score_of_points, transformed
from textocl.export.score_graph import Scored, score_graph
from textocl.shallow.metric import WORST_POOLED_SCORE
from textocl.shallow.pooled import PooledDetector
from textocl.text.pooling import LEAD
from textocl.text.spaces import ContextSpace, WordSpace
from textocl.text.vectorizer import DocumentVectorizer


class _Words(NamedTuple):
    """Words of documents, padded: counts and weights ``(n, D)``, vectors ``(n, D, d)``."""

    counts: str
    weights: str
    vectors: str
    n_known: str


@score_graph.register(PooledDetector)
def _pooled(detector: PooledDetector, inputs: Inputs) -> Scored:
    g, vectorizer = inputs.graph, detector._fitted().state_.vectorizer
    if vectorizer is None:
        points = transformed(g, inputs.features(detector.n_features_in_), detector.state_.metric)
        score = score_of_points(g, points, detector)
        return Scored(score, g.op("Expand", g.constant(1), g.op("Shape", score)))  # all are known
    words = _words(vectorizer.space, vectorizer, detector, inputs)
    pooled = _largest(g, words) if vectorizer.pooling == "max" else _mean(g, words)
    score = score_of_points(g, transformed(g, pooled, detector.state_.metric), detector)
    known = g.op("Greater", words.n_known, g.constant(0))
    return Scored(g.op("Where", known, score, g.constant(WORST_POOLED_SCORE)), words.n_known)


@singledispatch
def _words(
    space: Any, vectorizer: DocumentVectorizer, detector: PooledDetector, inputs: Inputs
) -> _Words:
    """The words of documents with their vectors in ``space``, and how much each counts."""
    raise DataError(f"words of a {type(space).__name__} cannot be exported.")


@_words.register(WordSpace)
def _(
    space: WordSpace, vectorizer: DocumentVectorizer, detector: PooledDetector, inputs: Inputs
) -> _Words:
    words, vocabulary = inputs.words_of(detector), space.vocabulary
    kept = inputs.kept(vocabulary.words, detector._fit_params["language"])
    known_words = [vocabulary.words[row] for row in kept]
    bag = words.bag(known_words)
    vectors = words.values(vocabulary.table[kept], bag)
    weights, importance = bag.counts, vectorizer.importance
    if importance is not None:
        rows = importance._index.rows(known_words)
        idf = np.where(rows >= 0, importance.idf[rows], importance.unseen)
        weights = inputs.graph.op("Mul", bag.counts, words.values(idf, bag))
    return _Words(bag.counts, weights, vectors, bag.n_known)


@_words.register(ContextSpace)
def _(
    space: ContextSpace, vectorizer: DocumentVectorizer, detector: PooledDetector, inputs: Inputs
) -> _Words:
    g = inputs.graph
    if vectorizer.pooling == "tfidf":
        raise DataError(
            f"this {type(detector).__name__} weighs the words of a language model by "
            "pooling='tfidf', for which a graph has no words; fit with pooling='mean' or 'lead' to "
            "export."
        )
    words = inputs.in_context(space)
    weights = words.counts
    if vectorizer.pooling == "lead":
        before = g.op("CumSum", words.counts, g.constant(1), exclusive=1)  # pieces
        weights = g.op("Mul", words.counts, g.op("Exp", g.scaled(before, -1 / LEAD)))
    return _Words(words.counts, weights, words.vectors, words.n_known)


def _mean(g: Graph, words: _Words) -> str:
    """The weighted mean of the words' vectors, ``(n, d)``."""
    total = g.op("Max", g.sum(words.weights, axis=1, keep=True), g.constant(1e-30))
    weights = g.op("Unsqueeze", words.weights, g.constant([1]))
    sums = g.op("MatMul", weights, words.vectors)  # (n, 1, d)
    return g.op("Div", g.op("Squeeze", sums, g.constant([1])), total)


def _largest(g: Graph, words: _Words) -> str:
    """The largest value of each entry over the words, ``(n, d)``."""
    padded = g.op("Unsqueeze", g.op("Equal", words.counts, g.constant(0.0)), g.constant([2]))
    lowest = g.constant(np.finfo(np.float32).min)
    vectors = g.op("Where", padded, lowest, words.vectors)
    return g.op("ReduceMax", vectors, g.constant([1]), keepdims=0)
