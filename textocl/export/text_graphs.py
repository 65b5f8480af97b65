"""The score of each detector of texts, inside the graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from textocl.cvdd import CVDD
from textocl.detector import OneClassDetector
from textocl.exceptions import DataError
from textocl.export.graph import Graph
from textocl.export.point_graphs import score_of_points, transformed
from textocl.export.words_graph import Bag, Words
from textocl.fusion import Detector
from textocl.likelihood import WordLikelihood
from textocl.pooled import WORST_POOLED_SCORE, PooledDetector
from textocl.scoring import SOFTMIN_ALPHA, WORST_SCORE
from textocl.spaces import ContextSpace, WordSpace
from textocl.tokenization import EnglishTokenizer

_NO_ATTENTION = -6e4  # of padding, within float16; minus infinity would make NaN


@dataclass(frozen=True)
class Scored:
    """What a graph says of each document.

    Attributes
    ----------
    score : (n,) float32
    n_known : (n,) int64
    distances : (n, r) float32, of contexts, if the detector has some
    """

    score: str
    n_known: str
    distances: str | None = None


def score_of_texts(graph: Graph, words: Words, detector: OneClassDetector) -> Scored:
    """Add what scores documents as ``detector`` does.

    Raises
    ------
    DataError
        It cuts words, or takes them from a language model, in a way that a graph does not.
    """
    check_exportable(detector)
    if isinstance(detector, CVDD):
        return _cvdd(graph, words, detector)
    if isinstance(detector, WordLikelihood):
        return _likelihood(graph, words, detector)
    if isinstance(detector, Detector):
        return _fusion(graph, words, detector)
    assert isinstance(detector, PooledDetector)
    return _pooled(graph, words, detector)


def check_exportable(detector: OneClassDetector) -> None:
    """Say what about ``detector`` no graph can do."""
    name = type(detector).__name__
    if isinstance(detector, Detector):
        for member in detector._fitted().members_.values():
            check_exportable(member.detector)
        return
    if not isinstance(detector, (CVDD, WordLikelihood, PooledDetector)):
        raise DataError(f"a {name} cannot be exported; every detector of textocl can.")
    detector._fitted()
    parameters = detector._in_force
    space = getattr(detector, "_space", None) or getattr(
        getattr(detector, "_view", None), "space", None
    )
    if isinstance(space, ContextSpace):
        raise DataError(
            f"this {name} is on the language model {space.source_name!r}; only detectors on static "
            "vectors can be exported so far."
        )
    is_text = not isinstance(detector, PooledDetector) or detector._view is not None
    if is_text and parameters["tokenization"] != EnglishTokenizer.name:
        raise DataError(
            f"this {name} cuts words by tokenization={parameters['tokenization']!r}, which ONNX "
            "Runtime cannot; fit with tokenization='english' to export."
        )


def _cvdd(g: Graph, words: Words, detector: CVDD) -> Scored:
    space, scoring = detector._space, detector._scoring
    assert isinstance(space, WordSpace)
    assert scoring is not None
    bag = words.bag(space.vocabulary.words)
    vectors = scoring.vectors.cpu().numpy().astype(np.float32)
    contexts = scoring.contexts.cpu().numpy().astype(np.float64)
    unit_contexts = contexts / np.maximum(np.linalg.norm(contexts, axis=1, keepdims=True), 1e-8)
    logits = scoring.logits.cpu().numpy()
    products = vectors.astype(np.float64) @ unit_contexts.T  # <h, c_k / ‖c_k‖>, (u, r)
    r = len(contexts)
    logit = words.values(logits, bag, _NO_ATTENTION)  # (n, D, r)
    product = words.values(products, bag)
    count = g.op("Max", bag.counts, g.constant(1.0))
    logit = g.op("Add", logit, g.op("Unsqueeze", g.op("Log", count), g.constant([2])))
    attention = g.op("Softmax", logit, axis=1)  # (n, D, r)
    along = g.sum(g.op("Mul", attention, product), axis=1)  # <m_k, c_k> / ‖c_k‖, (n, r)
    vector = words.values(vectors, bag)  # (n, D, d), only for the length of m_k
    mean = g.op("MatMul", g.op("Transpose", attention, perm=[0, 2, 1]), vector)  # m_k, (n, r, d)
    length = g.op("ReduceL2", mean, g.constant([2]), keepdims=0)
    cosine = g.op("Div", along, g.op("Max", length, g.constant(1e-8)))
    distances = g.scaled(g.op("Sub", g.constant(1.0), cosine), 0.5)
    known = g.op("Greater", bag.n_known, g.constant(0))
    distances = g.op(
        "Where", g.op("Unsqueeze", known, g.constant([1])), distances, g.constant(WORST_SCORE)
    )
    return Scored(
        _aggregated(g, distances, detector._in_force["aggregation"], r), bag.n_known, distances
    )


def _aggregated(g: Graph, distances: str, aggregation: Any, r: int) -> str:
    if isinstance(aggregation, str) and aggregation == "min":
        return g.op("ReduceMin", distances, g.constant([1]), keepdims=0)
    if isinstance(aggregation, str) and aggregation == "softmin":
        weights = g.op("Softmax", g.scaled(distances, -SOFTMIN_ALPHA), axis=1)
        return g.sum(g.op("Mul", weights, distances), axis=1)
    given = np.ones(r) if isinstance(aggregation, str) else np.asarray(aggregation, np.float64)
    return g.sum(g.op("Mul", distances, g.constant(given / given.sum())), axis=1)


def _likelihood(g: Graph, words: Words, detector: WordLikelihood) -> Scored:
    bag = words.bag(detector.words_)
    ratios = words.values(detector.log_ratios_, bag)  # (n, D)
    weights = g.op("Log", g.shifted(bag.counts, 1.0))  # 0 where padded
    total = g.op("Max", g.sum(weights, axis=1), g.constant(1e-30))
    score = g.op("Div", g.sum(g.op("Mul", weights, ratios), axis=1), total)
    # 0 - x, not -x: a document without a known word has 0, not -0
    return Scored(g.op("Sub", g.constant(0.0), score), bag.n_known)


def _pooled(g: Graph, words: Words, detector: PooledDetector) -> Scored:
    view = detector._view
    assert view is not None
    assert isinstance(view.space, WordSpace)
    vocabulary = view.space.vocabulary
    bag = words.bag(vocabulary.words)
    vector = words.values(vocabulary.table, bag)  # (n, D, d)
    if view.pooling == "max":
        points = _largest(g, vector, bag)
    else:
        weights = bag.counts
        if view.importance is not None:
            rows = view.importance._index.rows(vocabulary.words)
            idf = np.where(rows >= 0, view.importance.idf[rows], view.importance.unseen)
            weights = g.op("Mul", weights, words.values(idf, bag))
        total = g.op("Max", g.sum(weights, axis=1, keep=True), g.constant(1e-30))
        sums = g.op("MatMul", g.op("Unsqueeze", weights, g.constant([1])), vector)  # (n, 1, d)
        points = g.op("Div", g.op("Squeeze", sums, g.constant([1])), total)
    score = score_of_points(g, transformed(g, points, detector._metric), detector)
    known = g.op("Greater", bag.n_known, g.constant(0))
    return Scored(g.op("Where", known, score, g.constant(WORST_POOLED_SCORE)), bag.n_known)


def _largest(g: Graph, vector: str, bag: Bag) -> str:
    """The largest value of each entry over the words, ``(n, d)``."""
    padded = g.op("Unsqueeze", g.op("Equal", bag.counts, g.constant(0.0)), g.constant([2]))
    lowest = g.constant(np.finfo(np.float32).min)
    return g.op("ReduceMax", g.op("Where", padded, lowest, vector), g.constant([1]), keepdims=0)


def _fusion(g: Graph, words: Words, detector: Detector) -> Scored:
    sums = weights = most_known = None
    distances = None
    for name, member in detector.members_.items():
        scored = score_of_texts(g, words, member.detector)
        standard = g.scaled(
            g.shifted(g.cast(scored.score, "float64"), -member.location, np.float64),
            member.weight / member.scale,
            np.float64,
        )
        known = g.op("Greater", scored.n_known, g.constant(0))
        nothing = g.constant(0.0, np.float64)
        part = g.op("Where", known, standard, nothing)
        weight = g.op("Where", known, g.constant(member.weight, np.float64), nothing)
        sums = part if sums is None else g.op("Add", sums, part)
        weights = weight if weights is None else g.op("Add", weights, weight)
        most_known = (
            scored.n_known if most_known is None else g.op("Max", most_known, scored.n_known)
        )
        if name == "contexts":
            distances = scored.distances
    assert sums is not None
    assert weights is not None
    assert most_known is not None
    fused = g.op("Div", sums, g.op("Max", weights, g.constant(1e-30, np.float64)))
    known = g.op("Greater", most_known, g.constant(0))
    worst = g.constant(WORST_POOLED_SCORE, np.float64)
    fused = g.op("Min", g.op("Where", known, fused, worst), worst)
    return Scored(g.cast(fused, "float32"), most_known, distances)
