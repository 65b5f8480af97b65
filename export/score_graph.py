"""The score of a detector inside a graph: who adds it is registered here, by kind of detector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import singledispatch
from typing import TYPE_CHECKING, Any

from textocl.core.exceptions import DataError
from textocl.export.graph import Output
from textocl.registry import load_exporter

if TYPE_CHECKING:
    from textocl.explain.contexts import ContextSummary
    from textocl.export.inputs import Inputs


@dataclass(frozen=True)
class Scored:
    """What a graph says of each sample.

    Attributes
    ----------
    score : (n,) float32
    n_known : (n,) int64, known words of each text; None for images
    outputs : further ones by their names
    contexts : of the detector, if it has some
    """

    score: str
    n_known: str | None = None
    outputs: Mapping[str, Output] = field(default_factory=dict)
    contexts: Sequence[ContextSummary] = ()


def scored(detector: Any, inputs: Inputs) -> Scored:
    """Add to a graph what scores its inputs as a fitted detector does.

    Raises
    ------
    DataError
        The detector does what a graph cannot.
    NotFittedError
    """
    load_exporter(type(detector))
    return score_graph(detector, inputs)


@singledispatch
def score_graph(detector: Any, inputs: Inputs) -> Scored:
    """`scored` of one kind of detector, registered by the ``exporter`` of its registry entry."""
    raise DataError(f"a {type(detector).__name__} cannot be exported; textocl's own detectors can.")
