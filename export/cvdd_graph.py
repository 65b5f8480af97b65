"""The score of a `CVDD` inside a graph, and what each word adds to it."""

from __future__ import annotations

from functools import singledispatch
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError
from textocl.cvdd.detector import CVDD
from textocl.cvdd.scoring import SOFTMIN_ALPHA, WORST_SCORE
from textocl.export.graph import Graph, Output
from textocl.export.inputs import Inputs
from textocl.export.score_graph import Scored, score_graph
from textocl.text.spaces import ContextSpace, WordSpace

_NOT_CHOSEN = -1e4  # logarithm of a weight of 0, in effect
_NO_ATTENTION = -6e4  # of padding, within float16; minus infinity would make NaN


class _Words(NamedTuple):
    """Words of documents, padded to the most that one has.

    Attributes
    ----------
    counts : (n, D) float32, 0 where padded
    n_known : (n,) int64
    vectors : (n, D, d)
    logits : (n, D, r), of attention
    products : (n, D, r), <h_i, c_k / ‖c_k‖> of vectors and contexts
    names : (n, D) strings, empty where padded; None with a language model
    """

    counts: str
    n_known: str
    vectors: str
    logits: str
    products: str
    names: str | None = None


@score_graph.register(CVDD)
def _cvdd(detector: CVDD, inputs: Inputs) -> Scored:
    g, r = inputs.graph, len(detector._fitted().contexts_)
    words = _words(detector._space, detector, inputs)
    count = g.op("Max", words.counts, g.constant(1.0))
    logits = g.op("Add", words.logits, g.op("Unsqueeze", g.op("Log", count), g.constant([2])))
    attention = g.op("Softmax", logits, axis=1)  # (n, D, r)
    along = g.sum(g.op("Mul", attention, words.products), axis=1)  # <m_k, c_k> / ‖c_k‖, (n, r)
    # vectors only for the length of m_k, (n, r, d)
    mean = g.op("MatMul", g.op("Transpose", attention, perm=[0, 2, 1]), words.vectors)
    length = g.op("ReduceL2", mean, g.constant([2]), keepdims=0)
    cosine = g.op("Div", along, g.op("Max", length, g.constant(1e-8)))
    distances = g.scaled(g.op("Sub", g.constant(1.0), cosine), 0.5)
    known = g.op("Unsqueeze", g.op("Greater", words.n_known, g.constant(0)), g.constant([1]))
    distances = g.op("Where", known, distances, g.constant(WORST_SCORE))
    weights = _context_weights(g, distances, detector._fit_params, r)
    outputs = {"context_distance": Output(distances, "float32", ["n", r])}
    if inputs.with_words:
        outputs |= _word_outputs(g, words, attention, mean, length, weights, detector.threshold_, r)
    score = g.sum(g.op("Mul", weights, distances), axis=1)
    return Scored(score, words.n_known, outputs, detector.contexts_)


@singledispatch
def _words(space: Any, detector: CVDD, inputs: Inputs) -> _Words:
    """The words of documents with what CVDD needs of each, their vectors taken from ``space``."""
    raise DataError(f"words of a {type(space).__name__} cannot be exported.")


@_words.register(WordSpace)
def _(space: WordSpace, detector: CVDD, inputs: Inputs) -> _Words:
    words, table, vocabulary = (
        inputs.words_of(detector),
        detector.state_.scoring,
        space.vocabulary.words,
    )
    assert table is not None
    kept = inputs.kept(vocabulary, detector._fit_params["language"])
    known_words = [vocabulary[row] for row in kept]
    bag = words.bag(known_words)
    vectors = table.vectors.cpu().numpy()[kept].astype(np.float32)
    logits = words.values(table.logits.cpu().numpy()[kept], bag, _NO_ATTENTION)
    products = words.values(vectors.astype(np.float64) @ _unit_contexts(detector).T, bag)
    names = None
    if inputs.with_words:
        names = inputs.graph.constant(np.array([*known_words, ""], object))
        names = inputs.graph.op("Gather", names, bag.rows)
    return _Words(bag.counts, bag.n_known, words.values(vectors, bag), logits, products, names)


@_words.register(ContextSpace)
def _(space: ContextSpace, detector: CVDD, inputs: Inputs) -> _Words:
    g, words = inputs.graph, inputs.in_context(space)
    W1, W2 = (
        g.constant(w.cpu().numpy())
        for w in (detector.state_.weights.W1, detector.state_.weights.W2)
    )
    logits = g.op("MatMul", g.op("Tanh", g.op("MatMul", words.vectors, W1)), W2)
    padded = g.op("Unsqueeze", g.op("Equal", words.counts, g.constant(0.0)), g.constant([2]))
    logits = g.op("Where", padded, g.constant(_NO_ATTENTION), logits)
    products = g.op("MatMul", words.vectors, g.constant(_unit_contexts(detector).T))
    return _Words(words.counts, words.n_known, words.vectors, logits, products)


def _unit_contexts(detector: CVDD) -> NDArray[np.float64]:
    contexts = detector.state_.weights.contexts.cpu().numpy().astype(np.float64)
    return np.asarray(contexts / np.maximum(np.linalg.norm(contexts, axis=1, keepdims=True), 1e-8))


def _context_weights(g: Graph, distances: str, params: dict[str, Any], r: int) -> str:
    """Weight of each context in a score, ``(n, r)``; see `aggregation_weights` of CVDD."""
    aggregation, chosen = params["aggregation"], params["context_weights"]
    weights = np.ones(r) if chosen is None else np.asarray(chosen, np.float64)
    if isinstance(aggregation, str) and aggregation == "min":
        if chosen is not None:
            barrier = g.constant(np.where(weights > 0, 0.0, -_NOT_CHOSEN)[None])
            distances = g.op("Add", distances, barrier)
        nearest = g.op("ArgMin", distances, axis=1, keepdims=1)
        return g.cast(g.op("Equal", nearest, g.constant(np.arange(r)[None])), "float32")
    if isinstance(aggregation, str) and aggregation == "softmin":
        near = g.scaled(distances, -SOFTMIN_ALPHA)
        if chosen is not None:
            logs = np.log(weights, out=np.full(r, _NOT_CHOSEN), where=weights > 0)
            near = g.op("Add", near, g.constant(logs[None]))
        return g.op("Softmax", near, axis=1)
    if not isinstance(aggregation, str):
        weights = np.asarray(aggregation, np.float64)
    return g.op("Expand", g.constant((weights / weights.sum())[None]), g.op("Shape", distances))


def _word_outputs(
    g: Graph,
    words: _Words,
    attention: str,
    mean: str,
    length: str,
    context_weights: str,
    threshold: float,
    r: int,
) -> dict[str, Output]:
    """What each word has to do with a score, as `textocl.explain.explanation.Explanation` has it.

    Word i adds Σ_k w_k a_ik <h_i, m_k / ‖m_k‖ - c_k / ‖c_k‖> / 2 ‖m_k‖.
    """
    assert words.names is not None
    length = g.op("Unsqueeze", g.op("Max", length, g.constant(1e-30)), g.constant([1]))
    to_mean = g.op("MatMul", words.vectors, g.op("Transpose", mean, perm=[0, 2, 1]))
    to_mean = g.op("Div", to_mean, length)  # <h_i, m_k / ‖m_k‖>, (n, D, r)
    weights = g.op("Unsqueeze", context_weights, g.constant([1]))
    scale = g.op("Mul", attention, g.op("Div", weights, length))
    away = g.scaled(g.op("Sub", to_mean, words.products), 0.5)
    contribution = g.sum(g.op("Mul", scale, away), axis=2)
    share = g.sum(g.op("Mul", scale, to_mean), axis=2)
    evidence = g.op("Sub", contribution, g.scaled(share, threshold))
    return {
        "word": Output(words.names, "string", ["n", "D"]),
        "word_count": Output(g.cast(words.counts, "int64"), "int64", ["n", "D"]),
        "word_contribution": Output(contribution, "float32", ["n", "D"]),
        "word_evidence": Output(evidence, "float32", ["n", "D"]),
        "word_attention": Output(attention, "float32", ["n", "D", r]),
    }
