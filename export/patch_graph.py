"""The score and heatmap of a `PatchKNN`, inside a graph."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

from torch import Tensor, nn

from textocl.export.network_graph import with_heatmap
from textocl.export.score_graph import Scored, score_graph
from textocl.vision.heatmaps import enlarge
from textocl.vision.patch_knn import PatchKNN

if TYPE_CHECKING:
    from textocl.export.inputs import Inputs


class Patches(nn.Module):
    """Images ``(n, c, h, w)`` to scores ``(n,)`` and heatmaps ``(n, h, w)``, on the CPU."""

    def __init__(self, detector: PatchKNN) -> None:
        super().__init__()
        state = deepcopy(detector._fitted().state_)
        self.network, self.memory = state.network.cpu(), state.memory.cpu()

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        scores, distances = self.memory(self.network(samples))
        return scores, enlarge(distances, (samples.shape[2], samples.shape[3]))


@score_graph.register(PatchKNN)
def _patches(detector: PatchKNN, inputs: Inputs) -> Scored:
    return with_heatmap(inputs, detector, Patches)
