"""HSC: hypersphere classification, normal samples against anomalies or Outlier Exposure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from textocl.core.validation import check_choice
from textocl.training.objectives import NORMS, hsc_losses, norm_by_name
from textocl.vision.deep import DeepDetector
from textocl.vision.deep_model import DeepModel


@dataclass(kw_only=True, eq=False, repr=False)
class HSC(DeepDetector):
    """Classifies normal samples against known anomalies by their distance from the origin.

    Use it with many anomalies, or with images of any other kind as Outlier Exposure, ``y`` = -1. A
    batch holds as many of them as normal samples. Beside the parameters of
    `textocl.vision.deep.DeepDetector`:

    Parameters
    ----------
    norm : "pseudo-huber", "l1", "l2" or "squared-l2", default "pseudo-huber"
        Which h of the outputs is a distance.

    Notes
    -----
    ``h(φ(x))`` over normal samples plus ``−log(1 − e^(−h(φ(x))))`` over anomalies (eqs. 2.19,
    2.20), scored by h: ``1 − e^(−h)`` ranks alike but is 1 for all large h. The network has
    biases.

    References
    ----------
    L. Ruff et al.: Rethinking Assumptions in Deep Anomaly Detection. 2020.
    """

    _NEEDS_ANOMALIES: ClassVar[bool] = True
    _BALANCED: ClassVar[bool] = True
    _LEARNS_FROM_ANOMALIES: ClassVar[bool] = True
    _GREY_NETWORK: ClassVar[str] = "fashion-mnist"
    _BIASED: ClassVar[bool] = True

    norm: str = "pseudo-huber"

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice("norm", self.norm, NORMS)

    def _losses(
        self, model: DeepModel, outputs: Tensor, labels: Tensor, masks: Tensor | None, epoch: int
    ) -> Tensor:
        return hsc_losses(norm_by_name(outputs, model.parameters["norm"]), labels)

    def _distances_to_scores(self, model: DeepModel, outputs: Tensor) -> Tensor:
        return norm_by_name(outputs, model.parameters["norm"])
