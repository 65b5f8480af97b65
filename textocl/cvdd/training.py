"""How CVDD is trained: initial centroids, batches, and the objective with and without labels."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from textocl.cvdd.network import (
    Batch,
    CVDDNetwork,
    cvdd_objective,
    orthogonality_penalty,
    weighted_distances,
)
from textocl.text.documents import PackedDocuments
from textocl.text.pooling import pool
from textocl.text.spaces import Embedded
from textocl.text.vectorizer import unit
from textocl.training.loop import ParameterGroup, Schedule, train
from textocl.training.objectives import semi_supervised_losses

ALPHAS = (0.0, 1e-4, 1e-3, 1e-2, 1e-1)  # thesis: one step every fifth of the epochs
_DEFAULT_BATCHES = 100
_MOST_CLUSTERED = 5_000  # documents that initial contexts are found in


@dataclass(frozen=True)
class TrainingSettings:
    """The parameters of `textocl.CVDD` that training needs, under the same names."""

    n_contexts: int
    attention_size: int
    orthogonality: float
    alpha: float | str
    n_epochs: int | None
    learning_rate: float
    drop_after: float
    context_rate: float
    batch_size: int
    weight_decay: float
    objective: str
    eta: float
    random_state: int
    verbose: bool

    @classmethod
    def of(cls, detector: Any) -> TrainingSettings:
        """Those of a `textocl.CVDD`."""
        return cls(**{field.name: getattr(detector, field.name) for field in fields(cls)})

    def epochs_for(self, n_documents: int) -> int:
        if self.n_epochs is not None:
            return self.n_epochs
        return max(1, round(_DEFAULT_BATCHES / math.ceil(n_documents / self.batch_size)))

    def alpha_at(self, epoch: int, n_epochs: int) -> float:
        if isinstance(self.alpha, str):
            return ALPHAS[epoch * len(ALPHAS) // n_epochs]
        return self.alpha


def train_cvdd(
    embedded: Embedded,
    labels: NDArray[np.int64],
    table: torch.Tensor,
    settings: TrainingSettings,
    device: torch.device,
) -> tuple[CVDDNetwork, list[float]]:
    """Train a network on documents with labels in {+1, 0, -1}, ``(n,)``.

    Epochs go through the normal and unlabelled documents. Where anomalies are known, each batch is
    joined by as many of them as it has documents, or all there are, drawn anew.

    Parameters
    ----------
    embedded : n documents
    table : (u, d), the vectors on ``device``

    Returns
    -------
    The network, and the mean objective of each epoch.
    """
    generator = torch.Generator().manual_seed(settings.random_state)
    normal, anomalies = np.flatnonzero(labels >= 0), np.flatnonzero(labels < 0)
    centroids = initial_contexts(embedded, normal, settings)
    network = CVDDNetwork.initial(
        torch.from_numpy(centroids), settings.attention_size, generator
    ).to(device)
    n_epochs = settings.epochs_for(len(normal))
    has_labels = bool((labels != 0).any())

    def loss_of(indices: torch.Tensor, epoch: int) -> torch.Tensor:
        chosen = normal[indices.numpy()]
        alpha = settings.alpha_at(epoch, n_epochs)
        if not has_labels:
            distances = network(table, _batch(embedded.packed, chosen, device))
            return cvdd_objective(
                distances, network.contexts, alpha=alpha, orthogonality=settings.orthogonality
            )
        drawn = torch.randperm(len(anomalies), generator=generator)[: len(chosen)].numpy()
        everything = np.concatenate([chosen, anomalies[drawn]])
        distances = network(table, _batch(embedded.packed, everything, device))
        losses = semi_supervised_losses(
            weighted_distances(distances, alpha),
            torch.from_numpy(labels[everything]).to(device),
            settings.objective,
            settings.eta,
        )
        penalty = settings.orthogonality * orthogonality_penalty(network.contexts)
        return losses.mean() + penalty

    history = train(
        [
            ParameterGroup([network.W1, network.W2]),
            ParameterGroup([network.contexts], settings.context_rate),
        ],
        len(normal),
        loss_of,
        Schedule(
            n_epochs,
            settings.learning_rate,
            drop_after=settings.drop_after,
            batch_size=settings.batch_size,
            weight_decay=settings.weight_decay,
            max_gradient_norm=0.5,
        ),
        generator,
        progress=settings.verbose,
    )
    return network, history


def initial_contexts(
    embedded: Embedded, normal: NDArray[np.int64], settings: TrainingSettings
) -> NDArray[np.float32]:
    """Unit k-means++ centroids of the normal documents' unit mean vectors, ``(r, d)``.

    Of many documents, of some drawn at random.
    """
    from sklearn.cluster import KMeans  # only a fit needs it
    from sklearn.exceptions import ConvergenceWarning

    if len(normal) > _MOST_CLUSTERED:
        drawn = np.random.default_rng(settings.random_state).permutation(normal)
        normal = np.sort(drawn[:_MOST_CLUSTERED])
    means = unit(pool(embedded.packed.take(normal), embedded.table, "mean"))  # (n, d)
    with warnings.catch_warnings():
        # fewer distinct documents than contexts: contexts coincide, which is what they say
        warnings.simplefilter("ignore", ConvergenceWarning)
        kmeans = KMeans(settings.n_contexts, n_init=10, random_state=settings.random_state)
        centroids = kmeans.fit(means).cluster_centers_
    return unit(centroids)


def _batch(packed: PackedDocuments, chosen: NDArray[np.int64], device: torch.device) -> Batch:
    return Batch.of(packed.take(chosen), device)
