"""Deep SAD: Deep SVDD that also learns from a few known anomalies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from textocl.core.validation import check_number
from textocl.training.objectives import deep_sad_losses
from textocl.vision.deep_model import DeepModel
from textocl.vision.hypersphere import CenteredDetector, squared_distances


@dataclass(kw_only=True, eq=False, repr=False)
class DeepSAD(CenteredDetector):
    """Maps normal samples near a centre and known anomalies far from it.

    Use it where a few anomalies are labelled, ``y`` = -1. Without labels it is `DeepSVDD`. Beside
    the parameters of `textocl.vision.hypersphere.CenteredDetector`:

    Parameters
    ----------
    eta : float > 0, default 1.0
        Weight η of labelled samples.

    Notes
    -----
    The mean of ``d`` over unlabelled samples, ``η d`` over normal and ``η / (d + 1e-6)`` over
    anomalous ones, with ``d = ‖φ(x) − c‖²`` (eq. 2.13); scored by ``‖φ(x) − c‖``. Gradients are
    clipped at norm 1: an anomaly near the centre has a huge one. The autoencoder learns from all
    samples, the centre from those not labelled anomalous.

    References
    ----------
    L. Ruff et al.: Deep Semi-Supervised Anomaly Detection. ICLR 2020.
    """

    _LEARNS_FROM_ANOMALIES: ClassVar[bool] = True

    eta: float = 1.0

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number("eta", self.eta, 0, low_open=True)

    def _losses(
        self, model: DeepModel, outputs: Tensor, labels: Tensor, masks: Tensor | None, epoch: int
    ) -> Tensor:
        return deep_sad_losses(
            squared_distances(outputs, model.vectors["center"]), labels, self.eta
        )

    def _distances_to_scores(self, model: DeepModel, outputs: Tensor) -> Tensor:
        return squared_distances(outputs, model.vectors["center"]).sqrt()
