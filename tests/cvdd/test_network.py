"""The formulas of CVDD, against naive loops, numbers worked by hand, and finite differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from textocl.cvdd.network import (
    Batch,
    CVDDNetwork,
    _sums_of_segments,
    attention_weights,
    context_distances,
    context_embeddings,
    context_weights,
    cvdd_objective,
    orthogonality_penalty,
)
from textocl.text.documents import PackedDocuments


def random_corpus(seed: int, n: int = 7, u: int = 11) -> tuple[PackedDocuments, list[list[int]]]:
    """Documents as packed arrays, and as plain lists of word numbers with repetitions."""
    rng = np.random.default_rng(seed)
    tokens = [sorted(rng.integers(0, u, rng.integers(1, 9)).tolist()) for _ in range(n)]
    rows, counts, offsets = [], [], [0]
    for document in tokens:
        distinct, count = np.unique(document, return_counts=True)
        rows += distinct.tolist()
        counts += count.tolist()
        offsets.append(len(rows))
    packed = PackedDocuments(
        np.array(rows, np.int32), np.array(counts, np.float32), np.array(offsets, np.int64)
    )
    return packed, tokens


def test_sums_of_segments_are_those_of_added_words() -> None:
    packed, _ = random_corpus(3)
    batch = Batch.of(packed)
    weights = torch.rand(len(packed.rows), 3, dtype=torch.float64, requires_grad=True)
    added = weights.new_zeros(len(batch), 3).index_add(0, batch.documents, weights)
    assert torch.equal(added, _sums_of_segments(weights, batch))
    assert torch.autograd.gradcheck(lambda w: _sums_of_segments(w, batch), weights)


def test_sums_of_segments_of_empty_documents_are_0() -> None:
    batch = Batch.of(
        PackedDocuments(
            *(
                np.array(a, t)
                for a, t in (([0, 1], np.int32), ([1, 1], np.float32), ([0, 0, 2, 2], np.int64))
            )
        )
    )
    assert _sums_of_segments(torch.ones(2, 1), batch).tolist() == [[0.0], [2.0], [0.0]]


def network(u: int = 11, d: int = 5, a: int = 4, r: int = 3) -> tuple[CVDDNetwork, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    contexts = torch.randn(r, d, generator=generator, dtype=torch.float64)
    vectors = torch.randn(u, d, generator=generator, dtype=torch.float64)
    return CVDDNetwork.initial(contexts, a, generator), vectors


def naive_distances(
    net: CVDDNetwork, vectors: torch.Tensor, tokens: list[list[int]]
) -> list[list[float]]:
    """Eqs. 3.2, 3.3, 3.6, one token at a time: repeated words stand several times."""
    net = net.requires_grad_(False)
    result = []
    for document in tokens:
        H = vectors[document]  # (l, d)
        logits = torch.tanh(H @ net.W1) @ net.W2  # (l, r)
        row = []
        for k in range(net.contexts.shape[0]):
            exponentials = [math.exp(logits[i, k]) for i in range(len(document))]
            m = sum(e / sum(exponentials) * H[i] for i, e in enumerate(exponentials))
            c = net.contexts[k]
            cosine = float(m @ c) / math.sqrt(float(m @ m) * float(c @ c))
            row.append(0.5 * (1 - cosine))
        result.append(row)
    return result


@pytest.mark.parametrize("seed", range(5))
def test_distinct_words_with_counts_give_the_distances_of_the_token_form(seed: int) -> None:
    packed, tokens = random_corpus(seed)
    net, vectors = network()
    batch = Batch.of(packed)
    distances = net(vectors, batch)
    expected = torch.tensor(naive_distances(net, vectors, tokens), dtype=torch.float64)
    torch.testing.assert_close(distances, expected, rtol=0, atol=1e-6)


def test_attention_of_a_document_sums_to_one_in_every_head() -> None:
    packed, _ = random_corpus(1)
    batch = Batch.of(packed)
    weights = attention_weights(torch.randn(len(packed.rows), 3), batch)
    sums = torch.zeros(len(packed), 3).index_add(0, batch.documents, weights)
    torch.testing.assert_close(sums, torch.ones_like(sums))


def test_attention_worked_by_hand() -> None:
    # one document: word 0 twice with logit ln 3, word 1 once with logit ln 2 -> 6 : 2
    packed = PackedDocuments(
        np.array([0, 1], np.int32), np.array([2, 1], np.float32), np.array([0, 2])
    )
    logits = torch.log(torch.tensor([[3.0], [2.0]]))
    assert attention_weights(logits, Batch.of(packed)).flatten().tolist() == pytest.approx(
        [0.75, 0.25]
    )


def test_attention_survives_extreme_logits_of_other_documents() -> None:
    packed = PackedDocuments(
        np.array([0, 1, 0], np.int32), np.ones(3, np.float32), np.array([0, 2, 3])
    )
    weights = attention_weights(torch.tensor([[-1e4], [-1e4], [1e4]]), Batch.of(packed))
    assert weights.flatten().tolist() == pytest.approx([0.5, 0.5, 1.0])


def test_context_distances_worked_by_hand() -> None:
    embeddings = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])  # one document, two contexts
    contexts = torch.tensor([[3.0, 0.0], [0.0, -1.0]])  # same direction, opposite direction
    assert context_distances(embeddings, contexts).tolist() == [[0.0, 1.0]]


def test_context_weights_go_from_equal_to_the_nearest() -> None:
    distances = torch.tensor([[0.2, 0.4, 0.6]], dtype=torch.float64)
    assert context_weights(distances, 0.0).tolist()[0] == pytest.approx([1 / 3] * 3)
    assert context_weights(distances, 1e4).tolist()[0] == pytest.approx([1, 0, 0])
    expected = [math.exp(-2 * d) for d in (0.2, 0.4, 0.6)]
    assert context_weights(distances, 2.0).tolist()[0] == pytest.approx(
        [e / sum(expected) for e in expected]
    )


def test_orthogonality_penalty_is_the_sum_over_entries() -> None:
    contexts = torch.tensor([[1.0, 0.0], [1.0, 1.0]])  # C Cᵀ - I = [[0, 1], [1, 1]]
    assert orthogonality_penalty(contexts).item() == 3.0


def test_objective_against_a_loop() -> None:
    distances = torch.rand(6, 3, dtype=torch.float64)
    contexts = torch.randn(3, 5, dtype=torch.float64)
    alpha, penalty_weight = 0.7, 2.5
    total = 0.0
    for row in distances.tolist():
        weights = [math.exp(-alpha * d) for d in row]
        total += sum(w / sum(weights) * d for w, d in zip(weights, row, strict=True))
    penalty = sum(
        (float(contexts[i] @ contexts[j]) - (i == j)) ** 2 for i in range(3) for j in range(3)
    )
    objective = cvdd_objective(distances, contexts, alpha=alpha, orthogonality=penalty_weight)
    assert objective.item() == pytest.approx(total / 6 + penalty_weight * penalty)


def test_gradients_of_the_objective_in_float64() -> None:
    packed, _ = random_corpus(2)
    net, vectors = network()
    batch = Batch.of(packed)
    # counts are float32; the check needs everything in float64
    batch = Batch(batch.rows, batch.log_counts.double(), batch.offsets, batch.documents)

    def objective(W1: torch.Tensor, W2: torch.Tensor, contexts: torch.Tensor) -> torch.Tensor:
        logits = torch.tanh(vectors @ W1) @ W2
        attention = attention_weights(logits[batch.rows], batch)
        distances = context_distances(context_embeddings(vectors, attention, batch), contexts)
        return cvdd_objective(distances, contexts, alpha=0.5, orthogonality=0.3)

    inputs = [p.detach().clone().requires_grad_() for p in (net.W1, net.W2, net.contexts)]
    assert torch.autograd.gradcheck(objective, inputs, eps=1e-6, atol=1e-7)
