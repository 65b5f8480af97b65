"""Losses of the deep one-class family (thesis Ch. 2), from distances; shared by text and images.

Labels are +1 known normal, 0 unlabelled, -1 known anomaly. Distances are ``(n,)``, at least 0, and
mean what the network makes them mean: a squared norm, a cosine distance, a pseudo-Huber norm.
"""

from __future__ import annotations

import torch
from torch import Tensor

OBJECTIVES = ("deep-sad", "hsc")
NORMS = ("pseudo-huber", "l1", "l2", "squared-l2")
_LEAST_CENTER = 0.1
_GUARD = 1e-6  # added where a distance stands in a denominator (thesis §2.2.3)


def off_zero(center: Tensor) -> Tensor:
    """A centre ``(o,)``, its entries nearer to 0 than 0.1 moved to ±0.1, and an exact 0 to 0.1.

    Nearer to 0, zero weights would solve the problem (thesis §2.2).
    """
    away = torch.where(center < 0, -_LEAST_CENTER, _LEAST_CENTER).to(center.dtype)
    return torch.where(center.abs() < _LEAST_CENTER, away, center)


def deep_sad_losses(distances: Tensor, labels: Tensor, eta: float) -> Tensor:
    """Deep SAD (eq. 2.13): d unlabelled, η d normal, η / (d + 1e-6) anomalous, ``(n,)``.

    An anomaly at the very centre has a gradient of 1e12; clip gradients.
    """
    inverse = 1 / (distances + _GUARD)
    weighted = torch.where(labels < 0, eta * inverse, eta * distances)
    return torch.where(labels == 0, distances, weighted)


def hsc_losses(distances: Tensor, labels: Tensor) -> Tensor:
    """Hypersphere classification (eq. 2.20): d normal, −log(1 − e^(−d)) anomalous, ``(n,)``.

    ``1 − e^(−d)`` is computed as ``−expm1(−d)``, exact for small d, and kept off 0.
    """
    anomalous = -torch.log(-torch.expm1(-distances.clamp_min(_GUARD)))
    return torch.where(labels < 0, anomalous, distances)


def soft_boundary_losses(distances: Tensor, radius: float | Tensor, nu: float) -> Tensor:
    """Soft-boundary Deep SVDD (eq. 2.10): ``R² + max(0, d − R²) / ν``, d squared norms ``(n,)``."""
    squared = radius**2
    return squared + (distances - squared).clamp_min(0) / nu


def soft_boundary_radius(distances: Tensor, nu: float) -> float:
    """Radius R that minimises the mean of `soft_boundary_losses` (Prop. 4).

    With the squared norms d descending, R² is the first that at most ν n exceed.
    """
    n = len(distances)
    n_outside = min(int(nu * n + 1e-9), n - 1)
    return float(distances.double().sort(descending=True).values[n_outside].clamp_min(0).sqrt())


def pseudo_huber(embeddings: Tensor) -> Tensor:
    """``√(‖z‖² + 1) − 1`` (thesis §2.3), as ``‖z‖² / (√(‖z‖² + 1) + 1)``: ``(n, d) -> (n,)``.

    Written so, it keeps its digits near 0.
    """
    squared = embeddings.square().sum(dim=1)
    return squared / (torch.sqrt(squared + 1) + 1)


def masked_losses(heatmaps: Tensor, masks: Tensor) -> Tensor:
    """FCDD with ground truth (thesis §3.1), from heatmaps A and masks Y, ``(n, h, w) -> (n,)``.

    ``mean((1 − Y) A)``, and where Y has anomalous pixels ``−log(1 − e^(−mean(Y A)))``.
    """
    normal = ((1 - masks) * heatmaps).mean(dim=(1, 2))
    has_anomaly = masks.flatten(1).amax(dim=1) > 0
    labels = torch.where(has_anomaly, -1, 1)
    anomalous = hsc_losses((masks * heatmaps).mean(dim=(1, 2)), labels)
    return torch.where(has_anomaly, normal + anomalous, normal)


def norm_by_name(embeddings: Tensor, norm: str) -> Tensor:
    """Return h of thesis §2.3.5 by its name, one of `NORMS`: ``(n, d) -> (n,)``."""
    if norm == "pseudo-huber":
        return pseudo_huber(embeddings)
    if norm == "l1":
        return embeddings.abs().sum(dim=1)
    squared = embeddings.square().sum(dim=1)
    # off 0, where the root has no finite gradient
    return squared if norm == "squared-l2" else squared.clamp_min(_GUARD**2).sqrt()


def semi_supervised_losses(distances: Tensor, labels: Tensor, objective: str, eta: float) -> Tensor:
    """Return losses ``(n,)`` by the objective's name, one of `OBJECTIVES`."""
    if objective == "deep-sad":
        return deep_sad_losses(distances, labels, eta)
    weights = torch.where(labels == 0, torch.ones_like(distances), eta)
    return weights * hsc_losses(distances, labels)
