"""From packed documents to distances, and from distances to one score (thesis eqs. 3.12, 3.13).

With static word vectors everything about a word is a row of a table: its vector, and its attention
logits, computed once for a model. Scoring is then gather, softmax, weighted sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textocl.core.exceptions import DataError
from textocl.core.validation import check_choice
from textocl.cvdd.network import Batch, attention_weights, context_distances, context_embeddings
from textocl.text.documents import PackedDocuments

WORST_SCORE = 1.0  # of a document without a known word: the largest cosine distance there is
SOFTMIN_ALPHA = 10.0
SCORED_AT_ONCE = 512  # documents; bounds memory, and keeps their vectors in the cache

Aggregation: TypeAlias = "str | Sequence[float]"
ContextWeights: TypeAlias = "Mapping[int, float] | Sequence[float] | NDArray[Any]"


@dataclass(frozen=True)
class ScoringTable:
    """What a fitted model scores with, on one device.

    Attributes
    ----------
    vectors : (u, d) float32, or float16 where a language model gives very many
    logits : (u, r) float32, attention logits ``tanh(H W1) W2`` of every word
    contexts : (r, d) float32
    """

    vectors: Tensor
    logits: Tensor
    contexts: Tensor

    @torch.inference_mode()
    def distances(self, packed: PackedDocuments) -> NDArray[np.float32]:
        """Distances ``(n, r)``, all `WORST_SCORE` for a document without a known word."""
        if len(packed) > SCORED_AT_ONCE:
            cuts = range(SCORED_AT_ONCE, len(packed), SCORED_AT_ONCE)
            parts = np.split(np.arange(len(packed)), cuts)
            return np.concatenate([self.distances(packed.take(part)) for part in parts])
        batch = Batch.of(packed, self.vectors.device)
        attention = attention_weights(self.logits[batch.rows], batch)
        vectors = self.vectors
        if vectors.dtype != torch.float32:
            rows, inverse = torch.unique(batch.rows, return_inverse=True)
            vectors, batch = vectors[rows].float(), replace(batch, rows=inverse)
        embeddings = context_embeddings(vectors, attention, batch)  # (n, r, d)
        distances = context_distances(embeddings, self.contexts).cpu().numpy()
        distances[packed.n_distinct == 0] = WORST_SCORE
        return np.asarray(distances)

    @torch.inference_mode()
    def attention(self, packed: PackedDocuments) -> NDArray[np.float32]:
        """Attention of each word of its document in each context, ``(w, r)``."""
        batch = Batch.of(packed, self.vectors.device)
        return np.asarray(attention_weights(self.logits[batch.rows], batch).cpu().numpy())


def check_aggregation(aggregation: Aggregation, n_contexts: int) -> None:
    """Refuse what is not "mean", "min", "softmin", or one non-negative weight a context.

    Raises
    ------
    DataError
    """
    if isinstance(aggregation, str):
        check_choice("aggregation", aggregation, ("mean", "min", "softmin"))
        return
    if _weights(aggregation, n_contexts) is None:
        raise DataError(
            f"aggregation must be 'mean', 'min', 'softmin' or {n_contexts} non-negative weights "
            f"that are not all 0, got {aggregation!r}."
        )


def resolve_aggregation(
    aggregation: Aggregation, context_weights: ContextWeights | None, n_contexts: int
) -> tuple[str, list[float] | None]:
    """Return the name of an aggregation, and one weight a context or None for all alike.

    Weights in the place of the aggregation are those of a mean.

    Parameters
    ----------
    aggregation : as in `check_aggregation`
    context_weights : dict of context number to weight, where contexts not named have 0; or r
        weights; or None
    n_contexts : r

    Raises
    ------
    DataError
        Another aggregation, a context that is not there, a negative weight, only zeros, or weights
        in both places.
    """
    check_aggregation(aggregation, n_contexts)
    if not isinstance(aggregation, str):
        if context_weights is not None:
            raise DataError("give weights as aggregation or as context_weights, not both.")
        return "mean", np.asarray(aggregation, np.float64).tolist()
    if context_weights is None:
        return aggregation, None
    weights: Any = context_weights
    if isinstance(context_weights, Mapping):
        unknown = [k for k in context_weights if k not in range(n_contexts)]
        if unknown:
            raise DataError(
                f"context_weights names context {unknown[0]!r}; contexts are 0 to {n_contexts - 1}."
            )
        weights = [context_weights.get(k, 0.0) for k in range(n_contexts)]
    array = _weights(weights, n_contexts)
    if array is None:
        raise DataError(
            f"context_weights must be {n_contexts} non-negative weights that are not all 0, or a "
            f"dict of context number to weight, got {context_weights!r}."
        )
    return aggregation, array.tolist()


def _weights(values: Any, n_contexts: int) -> NDArray[np.float64] | None:
    """Return ``values`` as an array; None if they are no non-negative weights, one a context."""
    try:
        weights = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        return None
    fits = weights.shape == (n_contexts,) and np.isfinite(weights).all()
    return weights if fits and (weights >= 0).all() and weights.any() else None


def aggregation_weights(
    distances: NDArray[np.float32],
    aggregation: str,
    context_weights: Sequence[float] | None = None,
) -> NDArray[np.float32]:
    """Weight of each context in the score of each document, rows sum to 1: ``(n, r)``.

    "softmin" weighs the nearer contexts more, as training does in its later epochs:
    softmax(−10 d) (thesis eq. 3.11). With ``context_weights`` w, a mean has weights
    ``w_k / Σ_j w_j``, "softmin" has ``w_k exp(−10 d_k) / Σ_j w_j exp(−10 d_j)``, and "min" takes
    the nearest of the contexts whose weight is not 0, however large it is.
    """
    n_documents, n_contexts = distances.shape
    importance = np.ones(n_contexts) if context_weights is None else np.asarray(context_weights)
    chosen = np.where(importance > 0, distances, np.float32(np.inf))  # (n, r)
    if aggregation == "softmin":
        near = -SOFTMIN_ALPHA * (distances - chosen.min(axis=1, keepdims=True))
        weights = importance * np.exp(np.where(importance > 0, near, 0))
        return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
    if aggregation == "min":
        return np.eye(n_contexts, dtype=np.float32)[chosen.argmin(axis=1)]
    return np.tile((importance / importance.sum()).astype(np.float32), (n_documents, 1))


def aggregate(
    distances: NDArray[np.float32],
    aggregation: str,
    context_weights: Sequence[float] | None = None,
) -> NDArray[np.float32]:
    """Scores ``(n,)`` from distances ``(n, r)`` (eq. 3.13)."""
    weights = aggregation_weights(distances, aggregation, context_weights)
    return (distances * weights).sum(axis=1, dtype=np.float64).astype(np.float32)
