"""What a network makes of images or features, inside a graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from textocl.export.graph import Output
from textocl.export.score_graph import Scored
from textocl.export.traced import store_as_float16, traced

if TYPE_CHECKING:
    from textocl.export.inputs import Inputs
    from textocl.vision.detector import SampleDetector


def network_graph(
    inputs: Inputs,
    detector: SampleDetector,
    module: Callable[[Any], nn.Module],
    outputs: Sequence[str],
) -> list[str]:
    """Add what a detector of images, as a ``module``, makes of its samples; returns ``outputs``."""
    samples = inputs.samples(detector._fitted())
    model = traced(
        module(detector),
        {"samples": torch.zeros(2, *detector.sample_shape_)},
        outputs,
        {0: torch.export.Dim("n", min=0)},
        f"the network of a {type(detector).__name__}",
    )
    if inputs.dtype == "float16":
        store_as_float16(model)
    return inputs.graph.splice(model, [samples])


def with_heatmap(
    inputs: Inputs, detector: SampleDetector, module: Callable[[Any], nn.Module]
) -> Scored:
    """`network_graph` of a ``module`` that gives scores and heatmaps."""
    score, heatmap = network_graph(inputs, detector, module, ["scores", "heatmaps"])
    _, *size = detector.sample_shape_
    return Scored(score, outputs={"heatmap": Output(heatmap, "float32", ["n", *size])})
