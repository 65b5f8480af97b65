"""The score, and FCDD's heatmaps, of a network on images or features, inside the graph."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import torch
from torch import Tensor, nn

from textocl.export.graph import Graph
from textocl.export.traced import store_as_float16, traced
from textocl.vision.deep import DeepDetector
from textocl.vision.fcdd import FCDD, anomaly_maps

_LARGEST = float(np.finfo(np.float32).max)


class Scoring(nn.Module):
    """All of a fitted detector from samples ``(n, c, h, w)`` or ``(n, d)``, on the CPU.

    Gives scores ``(n,)`` and, of `FCDD`, heatmaps ``(n, h, w)``.
    """

    def __init__(self, detector: DeepDetector) -> None:
        super().__init__()
        self._detector = detector
        self._fitted = fitted = deepcopy(detector._fitted()._model)
        modules = (fitted.backbone, fitted.preprocessing, fitted.network)
        self.parts = nn.ModuleList(m for m in modules if m is not None).cpu().eval()
        fitted.vectors = {name: vector.cpu() for name, vector in fitted.vectors.items()}

    def forward(self, samples: Tensor) -> tuple[Tensor, ...]:
        outputs = self._detector._outputs(self._fitted, samples)
        score = self._detector._distances_to_scores(self._fitted, outputs)
        score = torch.nan_to_num(score, _LARGEST, _LARGEST, -_LARGEST)
        if not isinstance(self._detector, FCDD):
            return (score,)
        return score, self._detector._heatmaps(self._fitted, anomaly_maps(outputs))


def score_of_samples(
    graph: Graph, samples: str, detector: DeepDetector, dtype: str
) -> tuple[str, str | None]:
    """Score ``(n,)``, and heatmap ``(n, h, w)`` if the detector has one, both float32.

    Parameters
    ----------
    samples : (n, c, h, w) or (n, d) float32
    dtype : "float32" or "float16", how weights are stored
    """
    model = traced(
        Scoring(detector),
        {"samples": torch.zeros(2, *detector.sample_shape_)},
        ["scores", "heatmaps"] if isinstance(detector, FCDD) else ["scores"],
        {0: torch.export.Dim("n", min=0)},
        f"the network of a {type(detector).__name__}",
    )
    if dtype == "float16":
        store_as_float16(model)
    score, *heatmap = graph.splice(model, [samples])
    return score, heatmap[0] if heatmap else None
