"""What becomes of a ranking when other contexts decide, before anything is changed."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textocl.cvdd import CVDD
from textocl.scoring import Aggregation, ContextWeights


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
    detector: CVDD,
    context_weights: ContextWeights,
    aggregation: Aggregation | None = None,
) -> CVDD:
    """Return a copy of a fitted detector that judges by these contexts; see `CVDD.recalibrate`."""
    chosen = copy.copy(detector._fitted())
    chosen._in_force = dict(detector._in_force)
    return chosen.recalibrate(aggregation=aggregation, context_weights=context_weights)


def compare_judgements(
    before: CVDD, after: CVDD, texts: Sequence[str], *, n_top: int = 10
) -> ContextChoice:
    """Judge ``texts`` by two settings of one fitted detector, for example `with_contexts`.

    Parameters
    ----------
    before, after : fitted detectors with the same contexts
    texts : n documents
    n_top : how many of the most anomalous documents to compare
    """
    distances = before.context_distances(list(texts))
    scores = [detector._aggregate(distances) for detector in (before, after)]
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
        _rank_correlation(*scores),
        [i for i in second if i not in first],
        [i for i in first if i not in second],
    )


def _rank_correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float | None:
    from scipy.stats import rankdata

    if len(one) < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(np.corrcoef(rankdata(one), rankdata(other))[0, 1])
