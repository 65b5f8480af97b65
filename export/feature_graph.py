"""The score of a `FeatureDetector`, inside the graph: a network, then a detector of points."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

from textocl.export.graph import Graph
from textocl.export.point_graphs import score_of_points, transformed
from textocl.export.traced import store_as_float16, traced
from textocl.vision.backbones import Backbone, pooled
from textocl.vision.feature_detector import FeatureDetector


class Features(nn.Module):
    """Means of a network's maps, ``(n, c, h, w) -> (n, d)``, on the CPU."""

    def __init__(self, network: Backbone) -> None:
        super().__init__()
        self.network = deepcopy(network).cpu()

    def forward(self, samples: Tensor) -> Tensor:
        return pooled(self.network(samples))


def score_of_images(graph: Graph, samples: str, detector: FeatureDetector, dtype: str) -> str:
    """Score ``(n,)`` float32 of images ``(n, c, h, w)``; ``dtype`` as in `score_of_samples`."""
    model = traced(
        Features(detector._network),
        {"samples": torch.zeros(2, *detector.sample_shape_)},
        ["features"],
        {0: torch.export.Dim("n", min=0)},
        "the network of a FeatureDetector",
    )
    if dtype == "float16":
        store_as_float16(model)
    (features,) = graph.splice(model, [samples])
    learner = detector._learner
    return score_of_points(graph, transformed(graph, features, learner._metric), learner)
