"""The score of a `FeatureDetector`, inside a graph: a network, then a detector of points."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

from torch import Tensor, nn

from textocl.export.network_graph import network_graph
from textocl.export.point_graphs import score_of_points, transformed
from textocl.export.score_graph import Scored, score_graph
from textocl.vision.backbones import pooled
from textocl.vision.feature_detector import FeatureDetector

if TYPE_CHECKING:
    from textocl.export.inputs import Inputs


class Features(nn.Module):
    """Means of a network's maps, ``(n, c, h, w) -> (n, d)``, on the CPU."""

    def __init__(self, detector: FeatureDetector) -> None:
        super().__init__()
        self.network = deepcopy(detector._fitted().state_.network).cpu()

    def forward(self, samples: Tensor) -> Tensor:
        return pooled(self.network(samples))


@score_graph.register(FeatureDetector)
def _features(detector: FeatureDetector, inputs: Inputs) -> Scored:
    (features,) = network_graph(inputs, detector, Features, ["features"])
    learner = detector.state_.learner
    points = transformed(inputs.graph, features, learner.state_.metric)
    return Scored(score_of_points(inputs.graph, points, learner))
