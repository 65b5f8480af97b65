"""How CVDD trains: where contexts start, what the objective counts, and what labels add."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from texts import sentences

from textocl.cvdd.network import Batch, CVDDNetwork, orthogonality_penalty, weighted_distances
from textocl.cvdd.training import ALPHAS, TrainingSettings, initial_contexts, train_cvdd
from textocl.text.spaces import Embedded, fit_space
from textocl.text.tokenization import make_tokenizer
from textocl.training.objectives import OBJECTIVES, semi_supervised_losses

TEXTS = sentences("ships", 40) + sentences("food", 40) + sentences("music", 20)


@pytest.fixture(scope="module")
def embedded() -> Embedded:
    space = fit_space(
        "wordllama", TEXTS, make_tokenizer("english"), content_words=True, language=None,
        n_general_words=0, n_training_words=999, standardized=True, frequency_damping=None, seed=0,
    )  # fmt: skip
    return space.embed(TEXTS)


def settings(**changes: Any) -> TrainingSettings:
    values: dict[str, Any] = {
        "n_contexts": 2, "attention_size": 8, "orthogonality": 0.5, "alpha": 0.0, "n_epochs": 1,
        "learning_rate": 0.01, "drop_after": 1.0, "context_rate": 1.0, "batch_size": 1000,
        "weight_decay": 0.0, "objective": "hsc", "eta": 1.0, "random_state": 0, "verbose": False,
    }  # fmt: skip
    return TrainingSettings(**{**values, **changes})


def trained(
    embedded: Embedded, labels: np.ndarray, **changes: Any
) -> tuple[CVDDNetwork, list[float]]:
    table = torch.from_numpy(embedded.table).float()
    return train_cvdd(embedded, labels, table, settings(**changes), torch.device("cpu"))


def distances_of(network: CVDDNetwork, embedded: Embedded) -> torch.Tensor:
    table = torch.from_numpy(embedded.table).float()
    return network(table, Batch.of(embedded.packed)).detach()


def test_about_a_hundred_batches_by_default() -> None:
    default = settings(n_epochs=None, batch_size=64)
    assert [default.epochs_for(n) for n in (1, 64, 65, 640, 1_000_000)] == [100, 100, 50, 10, 1]
    assert settings(n_epochs=7).epochs_for(1_000_000) == 7


def test_an_annealed_alpha_rises_every_fifth_of_the_epochs() -> None:
    annealed = settings(alpha="annealed")
    assert [annealed.alpha_at(epoch, 10) for epoch in range(10)] == [
        a for a in ALPHAS for _ in "ab"
    ]
    assert settings(alpha=0.3).alpha_at(9, 10) == 0.3


def test_contexts_start_at_unit_centroids_of_the_topics(embedded: Embedded) -> None:
    normal = np.arange(80)
    centroids = initial_contexts(embedded, normal, settings())
    assert np.allclose(np.linalg.norm(centroids, axis=1), 1, atol=1e-6)
    means = np.zeros((80, embedded.table.shape[1]))
    for i in range(80):  # count-weighted, of unit length
        start, end = embedded.packed.offsets[i : i + 2]
        counts = embedded.packed.counts[start:end].astype(float)
        means[i] = counts @ embedded.table[embedded.packed.rows[start:end]].astype(float)
        means[i] /= np.linalg.norm(means[i])
    nearest = (means @ centroids.T).argmax(axis=1)
    assert (nearest[:40] == nearest[0]).all()
    assert (nearest[40:] == nearest[40]).all()
    assert nearest[0] != nearest[40]
    for k in range(2):
        centre = means[nearest == k].mean(axis=0)
        assert np.allclose(centroids[k], centre / np.linalg.norm(centre), atol=1e-4)


def test_contexts_start_at_the_centroids_of_some_of_many_documents(
    embedded: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_all = initial_contexts(embedded, np.arange(80), settings())
    monkeypatch.setattr("textocl.cvdd.training._MOST_CLUSTERED", 80)
    assert (initial_contexts(embedded, np.arange(80), settings()) == of_all).all()
    monkeypatch.setattr("textocl.cvdd.training._MOST_CLUSTERED", 40)
    of_some = initial_contexts(embedded, np.arange(80), settings())
    assert (of_some != of_all).any()
    cosines = of_some @ of_all.T
    assert sorted(cosines.argmax(axis=1)) == [0, 1]
    assert cosines.max(axis=1).min() > 0.9


def test_documents_that_are_all_alike_give_contexts_that_coincide(embedded: Embedded) -> None:
    packed = embedded.packed.take(np.zeros(9, np.int64))
    alike = Embedded(packed, embedded.table, embedded.words)
    centroids = initial_contexts(alike, np.arange(9), settings())
    assert np.allclose(centroids[0], centroids[1], atol=1e-5)


@pytest.mark.parametrize("alpha", [0.0, 2.0])
def test_the_first_loss_is_the_objective_at_the_start(embedded: Embedded, alpha: float) -> None:
    labels = np.repeat([0, -1], [80, 20])
    start, _ = trained(embedded, labels * 0, n_epochs=0)
    _, (loss,) = trained(embedded, labels * 0, alpha=alpha)
    expected = 0.5 * orthogonality_penalty(start.contexts).item()
    for row in distances_of(start, embedded).numpy():  # eq. 3.7, one document at a time
        weights = np.exp(-alpha * row) / np.exp(-alpha * row).sum()
        expected += float(weights @ row) / len(TEXTS)
    assert loss == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_first_loss_with_labels_counts_every_known_anomaly_in_the_batch(
    embedded: Embedded, objective: str
) -> None:
    labels = np.repeat([1, 0, -1], [40, 40, 20])
    start, _ = trained(embedded, labels, n_epochs=0)
    _, (loss,) = trained(embedded, labels, objective=objective, eta=0.7)
    distances = weighted_distances(distances_of(start, embedded), 0.0)
    losses = semi_supervised_losses(distances, torch.from_numpy(labels), objective, 0.7)
    expected = losses.mean() + 0.5 * orthogonality_penalty(start.contexts)
    assert loss == pytest.approx(expected.item(), rel=1e-4)


def test_known_anomalies_do_not_set_where_contexts_start(embedded: Embedded) -> None:
    labels = np.repeat([0, -1], [80, 20])
    with_them, _ = trained(embedded, labels, n_epochs=0)
    expected = initial_contexts(embedded, np.arange(80), settings())
    assert np.allclose(with_them.contexts.detach().numpy(), expected)


def test_as_many_anomalies_join_a_batch_as_it_has_documents(
    embedded: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    forward = CVDDNetwork.forward

    def counted(self: CVDDNetwork, vectors: torch.Tensor, batch: Batch) -> torch.Tensor:
        sizes.append(len(batch))
        return forward(self, vectors, batch)

    monkeypatch.setattr(CVDDNetwork, "forward", counted)
    trained(embedded, np.repeat([0, -1], [80, 20]), batch_size=32)
    assert sizes == [32 + 20, 32 + 20, 16 + 16]
    sizes.clear()
    trained(embedded, np.repeat([1, 0], [80, 20]), batch_size=64)
    assert sizes == [64, 36]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_training_with_anomalies_moves_them_away(embedded: Embedded, objective: str) -> None:
    labels = np.repeat([0, -1], [80, 20])
    changes = {"n_epochs": 30, "objective": objective, "learning_rate": 0.003}
    gaps = []
    for given in (labels, None):
        chosen = embedded
        if given is None:  # the normal documents alone
            chosen = Embedded(embedded.packed.take(np.arange(80)), embedded.table, embedded.words)
            given = np.zeros(80, np.int64)
        network, _ = trained(chosen, given, **changes)
        distances = distances_of(network, embedded).mean(dim=1)
        gaps.append((distances[80:].mean() - distances[:80].mean()).item())
    assert gaps[0] > gaps[1] > 0


def test_the_same_seed_gives_the_same_network(embedded: Embedded) -> None:
    labels = np.repeat([0, -1], [80, 20])
    one, same, other = (
        trained(embedded, labels, n_epochs=3, batch_size=16, random_state=seed)[0].W1
        for seed in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_vectors_may_be_in_half_precision(embedded: Embedded) -> None:
    labels = np.zeros(len(TEXTS), np.int64)
    table = torch.from_numpy(embedded.table)
    half, _ = train_cvdd(embedded, labels, table, settings(n_epochs=3), torch.device("cpu"))
    single, _ = trained(embedded, labels, n_epochs=3)
    assert torch.allclose(half.contexts, single.contexts, atol=1e-5)
