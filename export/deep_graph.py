"""The score, and FCDD's heatmaps, of a network on images or features, inside a graph."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from textocl.export.network_graph import network_graph, with_heatmap
from textocl.export.score_graph import Scored, score_graph
from textocl.vision.deep import DeepDetector
from textocl.vision.fcdd import FCDD, anomaly_maps

if TYPE_CHECKING:
    from textocl.export.inputs import Inputs

_LARGEST = float(np.finfo(np.float32).max)


class Scoring(nn.Module):
    """A fitted detector, from samples ``(n, c, h, w)`` or ``(n, d)`` to scores, on the CPU."""

    def __init__(self, detector: DeepDetector) -> None:
        super().__init__()
        self._detector = detector
        self._model = model = deepcopy(detector._fitted().state_.model).to(torch.device("cpu"))
        modules = (model.backbone, model.preprocessing, model.network)
        self.parts = nn.ModuleList(m for m in modules if m is not None).eval()

    def forward(self, samples: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        return self._scores(self._model.outputs(samples))

    def _scores(self, outputs: Tensor) -> Tensor:
        scores = self._detector._distances_to_scores(self._model, outputs)
        return torch.nan_to_num(scores, _LARGEST, _LARGEST, -_LARGEST)


class ScoringWithHeatmaps(Scoring):
    """An `FCDD`: scores ``(n,)`` and heatmaps ``(n, h, w)``."""

    _detector: FCDD

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        outputs = self._model.outputs(samples)
        heatmaps = self._detector._heatmaps(self._model, anomaly_maps(outputs))
        return self._scores(outputs), heatmaps


@score_graph.register(DeepDetector)
def _deep(detector: DeepDetector, inputs: Inputs) -> Scored:
    (score,) = network_graph(inputs, detector, Scoring, ["scores"])
    return Scored(score)


@score_graph.register(FCDD)
def _fcdd(detector: FCDD, inputs: Inputs) -> Scored:
    return with_heatmap(inputs, detector, ScoringWithHeatmaps)
