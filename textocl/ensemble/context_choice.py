"""What becomes of a ranking when other contexts decide, before anything is changed."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np

from textocl.core.exceptions import DataError
from textocl.core.metrics import rank_correlation
from textocl.cvdd.detector import CVDD
from textocl.cvdd.scoring import Aggregation, ContextWeights
from textocl.ensemble.detector import Detector

WithContexts = TypeVar("WithContexts", CVDD, Detector)


@dataclass(frozen=True)
class Judgements:
    """How one setting judges documents.

    Attributes
    ----------
    threshold : float
    n_flagged : int, documents above it
    top : numbers of the most anomalous documents, first the most
    """

    threshold: float
    n_flagged: int
    top: list[int]


@dataclass(frozen=True)
class ContextChoice:
    """The effect of context weights on the ranking of some documents.

    Attributes
    ----------
    before, after : Judgements
    rank_correlation : Spearman's, of all scores; None where all are equal
    entered, left : numbers of documents that came into the top, and that went
    """

    before: Judgements
    after: Judgements
    rank_correlation: float | None
    entered: list[int]
    left: list[int]

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values."""
        return asdict(self)


def with_contexts(
    detector: WithContexts,
    context_weights: ContextWeights,
    aggregation: Aggregation | None = None,
) -> WithContexts:
    """Return a copy of a fitted detector that judges by these contexts; see `CVDD.recalibrate`.

    Raises
    ------
    DataError
        The weights are wrong, or another aggregation is asked of a `Detector`.
    """
    chosen = copy.copy(detector._fitted())
    if isinstance(chosen, CVDD):
        return chosen.recalibrate(aggregation=aggregation, context_weights=context_weights)
    if aggregation is not None:
        raise DataError("a Detector keeps its aggregation; that of a CVDD can be chosen.")
    return chosen.recalibrate(context_weights=context_weights)


def context_weights_of(detector: CVDD | Detector) -> list[float] | None:
    """Weights that a fitted detector judges its contexts by; None where all count alike."""
    if isinstance(detector, Detector):
        return context_weights_of(detector._contexts_member())
    weights: list[float] | None = detector.fit_params_["context_weights"]
    return weights


def compare_judgements(
    before: WithContexts, after: WithContexts, texts: Sequence[str], *, n_top: int = 10
) -> ContextChoice:
    """Judge ``texts`` by two settings of one fitted detector, for example `with_contexts`.

    Parameters
    ----------
    before, after : fitted detectors with the same contexts
    texts : n documents
    n_top : how many of the most anomalous documents to compare
    """
    scores = [detector._scored(list(texts)).scores for detector in (before, after)]
    judged = [
        Judgements(
            detector.threshold_,
            int((values > detector.threshold_).sum()),
            np.argsort(-values, kind="stable")[:n_top].tolist(),
        )
        for detector, values in zip((before, after), scores, strict=True)
    ]
    first, second = (one.top for one in judged)
    return ContextChoice(
        judged[0],
        judged[1],
        rank_correlation(*scores),
        [i for i in second if i not in first],
        [i for i in first if i not in second],
    )
