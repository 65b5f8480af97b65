"""The score and heatmap of a `PatchKNN`, inside the graph."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

from textocl.export.graph import Graph
from textocl.export.traced import store_as_float16, traced
from textocl.vision.heatmaps import enlarge
from textocl.vision.patch_knn import PatchKNN


class Judging(nn.Module):
    """Images ``(n, c, h, w)`` to scores ``(n,)`` and heatmaps ``(n, h, w)``, on the CPU."""

    def __init__(self, detector: PatchKNN) -> None:
        super().__init__()
        self.network = deepcopy(detector._network).cpu()
        self.memory = deepcopy(detector._memory).cpu()

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        scores, distances = self.memory(self.network(samples))
        return scores, enlarge(distances, (samples.shape[2], samples.shape[3]))


def score_of_patches(graph: Graph, samples: str, detector: PatchKNN, dtype: str) -> tuple[str, str]:
    """Score ``(n,)`` and heatmap ``(n, h, w)``, float32; ``dtype`` as in `score_of_samples`."""
    model = traced(
        Judging(detector),
        {"samples": torch.zeros(2, *detector.sample_shape_)},
        ["scores", "heatmaps"],
        {0: torch.export.Dim("n", min=0)},
        "the network of a PatchKNN",
    )
    if dtype == "float16":
        store_as_float16(model)
    score, heatmap = graph.splice(model, [samples])
    return score, heatmap
