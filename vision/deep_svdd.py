"""Deep SVDD: a network that maps normal samples into a small hypersphere."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from textocl.core.validation import check_choice, check_number
from textocl.training.objectives import soft_boundary_losses, soft_boundary_radius
from textocl.vision.deep_model import DeepModel
from textocl.vision.hypersphere import CenteredDetector, squared_distances
from textocl.vision.run import Run

OBJECTIVES = ("one-class", "soft-boundary")
_WARM_UP = 0.1  # share of the epochs before the radius is solved for


@dataclass(kw_only=True, eq=False, repr=False)
class DeepSVDD(CenteredDetector):
    """Learns from normal samples alone; far from the centre of the sphere is anomalous.

    Use it on images or features where no anomalies are known. Labelled anomalies given to ``fit``
    are left out of training: use `DeepSAD` to learn from them. Beside the parameters of
    `textocl.vision.hypersphere.CenteredDetector`:

    Parameters
    ----------
    objective : "one-class" or "soft-boundary", default "one-class"
        The second tolerates samples outside the sphere: choose it where anomalies hide among the
        training samples.
    nu : float in (0, 1], default 0.1
        Share ν of the training samples that may lie outside; only for "soft-boundary".

    Attributes
    ----------
    radius_ : float
        R of the soft boundary over all training samples; 0 for "one-class".

    Notes
    -----
    One-class: ``mean ‖φ(x) − c‖²`` (eq. 2.11), scored by ``‖φ(x) − c‖`` (eq. 2.12). Soft-boundary:
    ``R² + mean max(0, ‖φ(x) − c‖² − R²) / ν`` (eq. 2.10), scored by ``‖φ(x) − c‖ − R``; R is 0 in
    the first tenth of the epochs, then solved for on each batch, and at the end on all training
    samples.

    References
    ----------
    L. Ruff et al.: Deep One-Class Classification. ICML 2018.

    Examples
    --------
    >>> import numpy as np
    >>> points = np.random.default_rng(0).normal(2, 1, (300, 4))
    >>> detector = DeepSVDD(n_epochs=20, n_pretraining_epochs=20).fit(points)
    >>> detector.predict(np.array([[2, 2, 2, 2], [-9, 12, -9, 12]]))
    array([ 1, -1])
    """

    objective: str = "one-class"
    nu: float = 0.1

    @property
    def radius_(self) -> float:
        return float(self._fitted().state_.model.vectors["radius"])

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice("objective", self.objective, OBJECTIVES)
        check_number("nu", self.nu, 0, 1, low_open=True)

    def _vector_shapes(self, model: DeepModel) -> dict[str, tuple[int | None, ...]]:
        return {**super()._vector_shapes(model), "radius": (1,)}

    def _prepare(
        self, network: nn.Module, X: Tensor, labels: Tensor, name: str, run: Run
    ) -> dict[str, Tensor]:
        vectors = super()._prepare(network, X, labels, name, run)
        return {**vectors, "radius": torch.zeros(1, device=X.device)}

    def _losses(
        self, model: DeepModel, outputs: Tensor, labels: Tensor, masks: Tensor | None, epoch: int
    ) -> Tensor:
        distances = squared_distances(outputs, model.vectors["center"])
        if self.objective == "one-class":
            return distances
        if epoch >= _WARM_UP * self.n_epochs:
            model.vectors["radius"].fill_(soft_boundary_radius(distances.detach(), self.nu))
        return soft_boundary_losses(distances, model.vectors["radius"], self.nu)

    def _finish(self, model: DeepModel, X: Tensor) -> None:
        if self.objective == "soft-boundary":
            model.vectors["radius"].zero_()
            distances = self._scores_of(model, X)  # with radius 0
            model.vectors["radius"].fill_(soft_boundary_radius(distances.double() ** 2, self.nu))

    def _distances_to_scores(self, model: DeepModel, outputs: Tensor) -> Tensor:
        return squared_distances(outputs, model.vectors["center"]).sqrt() - model.vectors["radius"]
