"""The score of each detector of texts, inside the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textocl.core.detector import OneClassDetector
from textocl.core.exceptions import DataError
from textocl.cvdd.detector import CVDD
from textocl.cvdd.scoring import SOFTMIN_ALPHA, WORST_SCORE
from textocl.ensemble.detector import Detector
from textocl.export.context_graph import Encoder, WordsInContext
from textocl.export.graph import Graph
from textocl.export.point_graphs import score_of_points, transformed
from textocl.export.words_graph import Words
from textocl.shallow.pooled import WORST_POOLED_SCORE, PooledDetector
from textocl.shallow.word_likelihood import WordLikelihood
from textocl.text.pooling import LEAD
from textocl.text.spaces import ContextSpace, WordSpace
from textocl.text.tokenization import EnglishTokenizer
from textocl.text.vocabulary import most_used

_NOT_CHOSEN = -1e4  # logarithm of a weight of 0, in effect
_NO_ATTENTION = -6e4  # of padding, within float16; minus infinity would make NaN


@dataclass(frozen=True)
class Scored:
    """What a graph says of each document.

    Attributes
    ----------
    score : (n,) float32
    n_known : (n,) int64
    distances : (n, r) float32, of contexts, if the detector has some
    words : what each word has to do with it, if asked for
    """

    score: str
    n_known: str
    distances: str | None = None
    words: WordOutputs | None = None


@dataclass(frozen=True)
class WordOutputs:
    """The distinct words of documents, padded to the most that one has, and what they add.

    Attributes
    ----------
    word : (n, D) strings, empty where padded
    count : (n, D) int64, how often each occurs
    attention : (n, D, r) float32, weight of each word in each context
    contribution, evidence : (n, D) float32, as in `textocl.explain.explanation.Explanation`
    """

    word: str
    count: str
    attention: str
    contribution: str
    evidence: str


class Documents:
    """What a graph is given, cut into words as its detectors ask for it; each way once.

    Parameters
    ----------
    dtype : how numbers are stored
    raw_text : whether a language model, too, gets strings
    max_words : how many words with vectors a member knows at most; None for all
    with_words : whether to say what each word has to do with a score

    Attributes
    ----------
    encoder : Encoder or None, the language model of the file
    n_kept, n_before : int, words with vectors of the largest vocabulary, and before ``max_words``
    """

    def __init__(
        self,
        graph: Graph,
        dtype: str,
        *,
        raw_text: bool = False,
        max_words: int | None = None,
        with_words: bool = False,
    ) -> None:
        self._graph = graph
        self._dtype = dtype
        self._raw_text = raw_text
        self._max_words = max_words
        self.with_words = with_words
        self.encoder: Encoder | None = None
        self.n_kept = self.n_before = 0

    @cached_property
    def words(self) -> Words:
        """Words that have a vector each, from the input ``text``."""
        return Words(self._graph, self._text, self._dtype)

    @cached_property
    def _text(self) -> str:
        return self._graph.input("text", "string", ["n"])

    def kept(self, words: Sequence[str], language: str | None) -> NDArray[np.int64]:
        """Rows of a vocabulary that the file keeps."""
        limit = len(words) if self._max_words is None else self._max_words
        rows = most_used(words, limit, language) if limit < len(words) else np.arange(len(words))
        if len(words) > self.n_before:
            self.n_before, self.n_kept = len(words), len(rows)
        return rows

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


def check_exportable(detector: OneClassDetector, *, with_words: bool = False) -> None:
    """Say what about ``detector`` no graph can do."""
    name = type(detector).__name__
    if with_words and not (
        isinstance(detector, CVDD) and isinstance(detector._fitted()._space, WordSpace)
    ):
        raise DataError(
            f"outputs for words are those of CVDD on static vectors, not of this {name}; fit a "
            "CVDD, or, in Python, export the one that a Detector holds: "
            "members_['contexts'].detector."
        )
    if isinstance(detector, Detector):
        for member in detector._fitted().members_.values():
            check_exportable(member.detector)
        return
    if not isinstance(detector, (CVDD, WordLikelihood, PooledDetector)):
        raise DataError(f"a {name} cannot be exported; every detector of texts can.")
    detector._fitted()
    parameters = detector._fit_params
    space = getattr(detector, "_space", None) or getattr(
        getattr(detector, "_vectorizer", None), "space", None
    )
    if isinstance(space, ContextSpace):
        if parameters.get("pooling") == "tfidf":
            raise DataError(
                f"this {name} weighs the words of a language model by pooling='tfidf', for which a "
                "graph has no words; fit with pooling='mean' or 'lead' to export."
            )
        return
    is_text = not isinstance(detector, PooledDetector) or detector._vectorizer is not None
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
        kept = documents.kept(space.vocabulary.words, detector._fit_params["language"])
        known_words = [space.vocabulary.words[row] for row in kept]
        bag = documents.words.bag(known_words)
        counts, n_known = bag.counts, bag.n_known
        vectors = scoring.vectors.cpu().numpy()[kept].astype(np.float32)
        logit = documents.words.values(scoring.logits.cpu().numpy()[kept], bag, _NO_ATTENTION)
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
    of_contexts = _context_weights(g, distances, detector._fit_params, len(contexts))
    score = g.sum(g.op("Mul", of_contexts, distances), axis=1)
    if not documents.with_words:
        return Scored(score, n_known, distances)
    # textocl.explain.explanation.word_contributions: what word i adds is
    # Σ_k w_k a_ik <h_i, m_k / ‖m_k‖ - c_k / ‖c_k‖> / 2 ‖m_k‖
    length = g.op("Unsqueeze", g.op("Max", length, g.constant(1e-30)), g.constant([1]))
    own = g.op("MatMul", vector, g.op("Transpose", mean, perm=[0, 2, 1]))
    own = g.op("Div", own, length)  # <h_i, m_k / ‖m_k‖>, (n, D, r)
    of_contexts = g.op("Unsqueeze", of_contexts, g.constant([1]))
    scale = g.op("Mul", attention, g.op("Div", of_contexts, length))
    away = g.scaled(g.op("Sub", own, product), 0.5)
    contribution = g.sum(g.op("Mul", scale, away), axis=2)
    share = g.sum(g.op("Mul", scale, own), axis=2)
    evidence = g.op("Sub", contribution, g.scaled(share, detector.threshold_))
    words = g.op("Gather", g.constant(np.array([*known_words, ""], object)), bag.rows)
    outputs = WordOutputs(words, g.cast(counts, "int64"), attention, contribution, evidence)
    return Scored(score, n_known, distances, outputs)


def _context_weights(g: Graph, distances: str, params: dict[str, Any], r: int) -> str:
    """Weight of each context in a score, ``(n, r)``; see `aggregation_weights` of CVDD."""
    aggregation, weights = params["aggregation"], params["context_weights"]
    given = np.ones(r) if weights is None else np.asarray(weights, np.float64)
    if isinstance(aggregation, str) and aggregation == "min":
        if weights is not None:
            barrier = g.constant(np.where(given > 0, 0.0, -_NOT_CHOSEN)[None])
            distances = g.op("Add", distances, barrier)
        nearest = g.op("ArgMin", distances, axis=1, keepdims=1)
        return g.cast(g.op("Equal", nearest, g.constant(np.arange(r)[None])), "float32")
    if isinstance(aggregation, str) and aggregation == "softmin":
        near = g.scaled(distances, -SOFTMIN_ALPHA)
        if weights is not None:
            logs = np.log(given, out=np.full(r, _NOT_CHOSEN), where=given > 0)
            near = g.op("Add", near, g.constant(logs[None]))
        return g.op("Softmax", near, axis=1)
    if not isinstance(aggregation, str):
        given = np.asarray(aggregation, np.float64)
    return g.op("Expand", g.constant((given / given.sum())[None]), g.op("Shape", distances))


def _likelihood(g: Graph, documents: Documents, detector: WordLikelihood) -> Scored:
    bag = documents.words.bag(detector.words_)
    ratios = documents.words.values(detector.log_ratios_, bag)  # (n, D)
    weights = g.op("Log", g.shifted(bag.counts, 1.0))  # 0 where padded
    total = g.op("Max", g.sum(weights, axis=1), g.constant(1e-30))
    score = g.op("Div", g.sum(g.op("Mul", weights, ratios), axis=1), total)
    # 0 - x, not -x: a document without a known word has 0, not -0
    return Scored(g.op("Sub", g.constant(0.0), score), bag.n_known)


def _pooled(g: Graph, documents: Documents, detector: PooledDetector) -> Scored:
    view = detector._vectorizer
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
        kept = documents.kept(vocabulary.words, detector._fit_params["language"])
        known_words = [vocabulary.words[row] for row in kept]
        bag = documents.words.bag(known_words)
        counts, n_known = bag.counts, bag.n_known
        vector = documents.words.values(vocabulary.table[kept], bag)  # (n, D, d)
        weights = counts
        if view.importance is not None:
            rows = view.importance._index.rows(known_words)
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
