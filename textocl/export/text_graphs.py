"""The score of each detector of texts, inside the graph."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from textocl.cvdd import CVDD
from textocl.detector import OneClassDetector
from textocl.exceptions import DataError
from textocl.export.context_graph import Encoder, WordsInContext
from textocl.export.graph import Graph
from textocl.export.point_graphs import score_of_points, transformed
from textocl.export.words_graph import Words
from textocl.fusion import Detector
from textocl.likelihood import WordLikelihood
from textocl.pooled import WORST_POOLED_SCORE, PooledDetector
from textocl.pooling import LEAD
from textocl.scoring import SOFTMIN_ALPHA, WORST_SCORE
from textocl.spaces import ContextSpace
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


class Documents:
    """What a graph is given, cut into words as its detectors ask for it; each way once.

    Parameters
    ----------
    raw_text : whether a language model, too, gets strings

    Attributes
    ----------
    encoder : Encoder or None, the language model of the file
    """

    def __init__(self, graph: Graph, dtype: str, *, raw_text: bool = False) -> None:
        self._graph = graph
        self._dtype = dtype
        self._raw_text = raw_text
        self.encoder: Encoder | None = None

    @cached_property
    def words(self) -> Words:
        """Words that have a vector each, from the input ``text``."""
        return Words(self._graph, self._text, self._dtype)

    @cached_property
    def _text(self) -> str:
        return self._graph.input("text", "string", ["n"])

    def in_context(self, space: ContextSpace) -> WordsInContext:
        """Words with vectors of a language model, from the input ``input_ids``."""
        if self.encoder is None:
            text = self._text if self._raw_text else None
            self.encoder = Encoder(self._graph, space, self._dtype, text)
        if self.encoder.space.source is not space.source:
            raise DataError("one file holds one language model; this detector has two.")
        return self.encoder.words


def score_of_texts(graph: Graph, documents: Documents, detector: OneClassDetector) -> Scored:
    """Add what scores documents as ``detector`` does.

    Raises
    ------
    DataError
        It cuts words, or takes them from a language model, in a way that a graph does not.
    """
    check_exportable(detector)
    if isinstance(detector, CVDD):
        return _cvdd(graph, documents, detector)
    if isinstance(detector, WordLikelihood):
        return _likelihood(graph, documents, detector)
    if isinstance(detector, Detector):
        return _fusion(graph, documents, detector)
    assert isinstance(detector, PooledDetector)
    return _pooled(graph, documents, detector)


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
        if parameters.get("pooling") == "tfidf":
            raise DataError(
                f"this {name} weighs the words of a language model by pooling='tfidf', for which a "
                "graph has no words; fit with pooling='mean' or 'lead' to export."
            )
        return
    is_text = not isinstance(detector, PooledDetector) or detector._view is not None
    if is_text and parameters["tokenization"] != EnglishTokenizer.name:
        raise DataError(
            f"this {name} cuts words by tokenization={parameters['tokenization']!r}, which ONNX "
            "Runtime cannot; fit with tokenization='english' to export."
        )


def _cvdd(g: Graph, documents: Documents, detector: CVDD) -> Scored:
    space, weights = detector._space, detector._weights
    contexts = weights.contexts.cpu().numpy().astype(np.float64)
    unit_contexts = contexts / np.maximum(np.linalg.norm(contexts, axis=1, keepdims=True), 1e-8)
    if isinstance(space, ContextSpace):
        found = documents.in_context(space)
        counts, n_known, vector = found.counts, found.n_known, found.vectors
        W1, W2 = (g.constant(w.cpu().numpy()) for w in (weights.W1, weights.W2))
        logit = g.op("MatMul", g.op("Tanh", g.op("MatMul", vector, W1)), W2)
        padded = g.op("Unsqueeze", g.op("Equal", counts, g.constant(0.0)), g.constant([2]))
        logit = g.op("Where", padded, g.constant(_NO_ATTENTION), logit)  # (n, D, r)
        # <h, c_k / ‖c_k‖>
        product = g.op("MatMul", vector, g.constant(unit_contexts.T))
    else:
        scoring = detector._scoring
        assert scoring is not None
        bag = documents.words.bag(space.vocabulary.words)
        counts, n_known = bag.counts, bag.n_known
        vectors = scoring.vectors.cpu().numpy().astype(np.float32)
        logit = documents.words.values(scoring.logits.cpu().numpy(), bag, _NO_ATTENTION)
        product = documents.words.values(vectors.astype(np.float64) @ unit_contexts.T, bag)
        vector = documents.words.values(vectors, bag)  # (n, D, d)
    count = g.op("Max", counts, g.constant(1.0))
    logit = g.op("Add", logit, g.op("Unsqueeze", g.op("Log", count), g.constant([2])))
    attention = g.op("Softmax", logit, axis=1)  # (n, D, r)
    along = g.sum(g.op("Mul", attention, product), axis=1)  # <m_k, c_k> / ‖c_k‖, (n, r)
    # vectors only for the length of m_k, (n, r, d)
    mean = g.op("MatMul", g.op("Transpose", attention, perm=[0, 2, 1]), vector)
    length = g.op("ReduceL2", mean, g.constant([2]), keepdims=0)
    cosine = g.op("Div", along, g.op("Max", length, g.constant(1e-8)))
    distances = g.scaled(g.op("Sub", g.constant(1.0), cosine), 0.5)
    known = g.op("Greater", n_known, g.constant(0))
    distances = g.op(
        "Where", g.op("Unsqueeze", known, g.constant([1])), distances, g.constant(WORST_SCORE)
    )
    aggregation = detector._in_force["aggregation"]
    return Scored(_aggregated(g, distances, aggregation, len(contexts)), n_known, distances)


def _aggregated(g: Graph, distances: str, aggregation: Any, r: int) -> str:
    if isinstance(aggregation, str) and aggregation == "min":
        return g.op("ReduceMin", distances, g.constant([1]), keepdims=0)
    if isinstance(aggregation, str) and aggregation == "softmin":
        weights = g.op("Softmax", g.scaled(distances, -SOFTMIN_ALPHA), axis=1)
        return g.sum(g.op("Mul", weights, distances), axis=1)
    given = np.ones(r) if isinstance(aggregation, str) else np.asarray(aggregation, np.float64)
    return g.sum(g.op("Mul", distances, g.constant(given / given.sum())), axis=1)


def _likelihood(g: Graph, documents: Documents, detector: WordLikelihood) -> Scored:
    bag = documents.words.bag(detector.words_)
    ratios = documents.words.values(detector.log_ratios_, bag)  # (n, D)
    weights = g.op("Log", g.shifted(bag.counts, 1.0))  # 0 where padded
    total = g.op("Max", g.sum(weights, axis=1), g.constant(1e-30))
    score = g.op("Div", g.sum(g.op("Mul", weights, ratios), axis=1), total)
    # 0 - x, not -x: a document without a known word has 0, not -0
    return Scored(g.op("Sub", g.constant(0.0), score), bag.n_known)


def _pooled(g: Graph, documents: Documents, detector: PooledDetector) -> Scored:
    view = detector._view
    assert view is not None
    if isinstance(view.space, ContextSpace):
        found = documents.in_context(view.space)
        counts, n_known, vector = found.counts, found.n_known, found.vectors
        weights = counts
        if view.pooling == "lead":
            before = g.op("CumSum", counts, g.constant(1), exclusive=1)  # pieces
            weights = g.op("Mul", counts, g.op("Exp", g.scaled(before, -1 / LEAD)))
    else:
        vocabulary = view.space.vocabulary
        bag = documents.words.bag(vocabulary.words)
        counts, n_known = bag.counts, bag.n_known
        vector = documents.words.values(vocabulary.table, bag)  # (n, D, d)
        weights = counts
        if view.importance is not None:
            rows = view.importance._index.rows(vocabulary.words)
            idf = np.where(rows >= 0, view.importance.idf[rows], view.importance.unseen)
            weights = g.op("Mul", counts, documents.words.values(idf, bag))
    if view.pooling == "max":
        points = _largest(g, vector, counts)
    else:
        total = g.op("Max", g.sum(weights, axis=1, keep=True), g.constant(1e-30))
        sums = g.op("MatMul", g.op("Unsqueeze", weights, g.constant([1])), vector)  # (n, 1, d)
        points = g.op("Div", g.op("Squeeze", sums, g.constant([1])), total)
    score = score_of_points(g, transformed(g, points, detector._metric), detector)
    known = g.op("Greater", n_known, g.constant(0))
    return Scored(g.op("Where", known, score, g.constant(WORST_POOLED_SCORE)), n_known)


def _largest(g: Graph, vector: str, counts: str) -> str:
    """The largest value of each entry over the words, ``(n, d)``."""
    padded = g.op("Unsqueeze", g.op("Equal", counts, g.constant(0.0)), g.constant([2]))
    lowest = g.constant(np.finfo(np.float32).min)
    return g.op("ReduceMax", g.op("Where", padded, lowest, vector), g.constant([1]), keepdims=0)


def _fusion(g: Graph, documents: Documents, detector: Detector) -> Scored:
    sums = weights = most_known = None
    distances = None
    for name, member in detector.members_.items():
        scored = score_of_texts(g, documents, member.detector)
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
