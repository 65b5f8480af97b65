"""The network of CVDD: multi-head self-attention and context vectors (thesis §3.2.1).

One letter a size: n documents, w distinct words of all documents, u rows of the table of vectors,
d entries of a vector, a attention size, r contexts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from textocl.text.documents import PackedDocuments


@dataclass(frozen=True)
class Batch:
    """`PackedDocuments` as tensors, with the document of each word."""

    rows: Tensor  # (w,) int64
    log_counts: Tensor  # (w,)
    offsets: Tensor  # (n,) int64, where each document starts
    documents: Tensor  # (w,) int64

    @classmethod
    def of(cls, packed: PackedDocuments, device: torch.device | str = "cpu") -> Batch:
        return cls(
            torch.from_numpy(packed.rows).to(device, torch.int64),
            torch.from_numpy(packed.counts).to(device).log(),
            torch.from_numpy(packed.offsets[:-1]).to(device),
            torch.from_numpy(packed.documents).to(device),
        )

    def __len__(self) -> int:
        return len(self.offsets)


class CVDDNetwork(nn.Module):
    """Attention weights W1 ``(d, a)``, W2 ``(a, r)`` and context vectors C ``(r, d)``."""

    def __init__(self, W1: Tensor, W2: Tensor, contexts: Tensor) -> None:
        super().__init__()
        self.W1 = nn.Parameter(W1)
        self.W2 = nn.Parameter(W2)
        self.contexts = nn.Parameter(contexts)

    @classmethod
    def initial(
        cls, contexts: Tensor, attention_size: int, generator: torch.Generator
    ) -> CVDDNetwork:
        """Random attention weights, uniform within ±1/√(inputs), around given contexts."""

        def uniform(inputs: int, outputs: int) -> Tensor:
            bound = inputs**-0.5
            values = torch.rand(inputs, outputs, generator=generator, dtype=contexts.dtype)
            return values * (2 * bound) - bound

        r, d = contexts.shape
        return cls(uniform(d, attention_size), uniform(attention_size, r), contexts.clone())

    def attention_logits(self, vectors: Tensor) -> Tensor:
        """``tanh(H W1) W2``, the inner part of eq. 3.2: ``(u, d) -> (u, r)``."""
        return torch.tanh(vectors @ self.W1) @ self.W2

    def forward(self, vectors: Tensor, batch: Batch) -> Tensor:
        """Distance of each document to each context, ``(n, r)``.

        The logits are computed once for every distinct word of the batch.
        """
        rows, inverse = torch.unique(batch.rows, return_inverse=True)
        vectors = vectors[rows].to(self.W1.dtype)  # (distinct words of the batch, d)
        batch = replace(batch, rows=inverse)
        attention = attention_weights(self.attention_logits(vectors)[inverse], batch)
        return context_distances(context_embeddings(vectors, attention, batch), self.contexts)


def attention_weights(logits: Tensor, batch: Batch) -> Tensor:
    """Softmax over the words of each document (eq. 3.2) of ``logits`` ``(w, r)``: ``(w, r)``.

    A word that occurs several times gets the weight of all its occurrences together.
    """
    logits = logits + batch.log_counts[:, None]
    documents = batch.documents[:, None].expand_as(logits)
    highest = logits.new_full((len(batch), logits.shape[1]), -torch.inf)
    highest = highest.scatter_reduce(0, documents, logits.detach(), "amax")  # (n, r)
    weights = torch.exp(logits - highest[batch.documents])  # (w, r)
    return weights / _sums(weights, batch)[batch.documents]


def _sums(weights: Tensor, batch: Batch) -> Tensor:
    """Sums over the words of each document: ``(w, r) -> (n, r)``."""
    if weights.is_cuda:  # index_add would add in whatever order its threads arrive
        return _sums_of_segments(weights, batch)
    return weights.new_zeros((len(batch), weights.shape[1])).index_add(0, batch.documents, weights)


def _sums_of_segments(weights: Tensor, batch: Batch) -> Tensor:
    ends = batch.offsets.new_tensor([len(weights)])
    bounds = torch.cat([batch.offsets, ends])
    return torch.segment_reduce(weights, "sum", offsets=bounds, axis=0, unsafe=True)


def context_embeddings(vectors: Tensor, attention: Tensor, batch: Batch) -> Tensor:
    """``M = H A`` (eq. 3.3): vectors ``(u, d)``, attention ``(w, r)`` -> ``(n, r, d)``."""
    heads = [
        functional.embedding_bag(
            batch.rows, vectors, batch.offsets, mode="sum", per_sample_weights=weights
        )
        for weights in attention.T.contiguous()
    ]
    return torch.stack(heads, dim=1)


def context_distances(embeddings: Tensor, contexts: Tensor) -> Tensor:
    """``½ (1 − cos(c_k, m_k))`` (eq. 3.6): ``(n, r, d), (r, d) -> (n, r)``."""
    return 0.5 * (1 - functional.cosine_similarity(embeddings, contexts[None], dim=2))


def context_weights(distances: Tensor, alpha: float) -> Tensor:
    """``σ = softmax(−α d)`` over contexts (eq. 3.11): ``(n, r) -> (n, r)``."""
    return torch.softmax(-alpha * distances, dim=1)


def orthogonality_penalty(contexts: Tensor) -> Tensor:
    """``‖C Cᵀ − I‖²_F`` for contexts as rows (eq. 3.8): ``(r, d) -> ()``."""
    identity = torch.eye(len(contexts), dtype=contexts.dtype, device=contexts.device)
    return ((contexts @ contexts.T - identity) ** 2).sum()


def weighted_distances(distances: Tensor, alpha: float) -> Tensor:
    """``Σ_k σ_k d(c_k, m_k)`` of each document (eq. 3.9): ``(n, r) -> (n,)``."""
    return (context_weights(distances, alpha) * distances).sum(dim=1)


def cvdd_objective(
    distances: Tensor, contexts: Tensor, *, alpha: float, orthogonality: float
) -> Tensor:
    """``mean_i Σ_k σ_k d(c_k, m_k) + λ ‖CᵀC − I‖²_F`` (eqs. 3.7-3.9), a scalar."""
    penalty = orthogonality * orthogonality_penalty(contexts)
    return weighted_distances(distances, alpha).mean() + penalty
