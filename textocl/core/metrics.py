"""How well scores separate anomalies from normal documents (thesis §1.3.3)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from textocl.core.exceptions import DataError
from textocl.core.validation import check_is_anomaly


@dataclass(frozen=True)
class Evaluation:
    """Measures of a ranking, as fractions.

    Attributes
    ----------
    auc : area under the ROC curve; 0.5 is chance
    average_precision : area under the precision-recall curve; chance is the share of anomalies
    fpr_at_95_recall : share of normal documents above the score that finds 95 % of the anomalies
    n_normal, n_anomalous : int
    """

    auc: float
    average_precision: float
    fpr_at_95_recall: float
    n_normal: int
    n_anomalous: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def evaluate(scores: ArrayLike, is_anomaly: ArrayLike) -> Evaluation:
    """Judge ``scores`` ``(n,)`` (higher is more anomalous) by ``is_anomaly`` ``(n,)`` bool.

    Raises
    ------
    DataError
        One of the two kinds is missing, the lengths differ, or ``is_anomaly`` holds labels.

    Examples
    --------
    >>> evaluate([0.1, 0.4, 0.3, 0.9], [False, False, True, True]).auc
    0.75
    """
    from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

    values = np.asarray(scores, np.float64)
    if values.ndim != 1:
        raise DataError(f"expected scores (n,), got shape {values.shape}.")
    anomalous = check_is_anomaly(is_anomaly, len(values), "scores")
    if anomalous.all() or not anomalous.any():
        kind = "normal" if anomalous.any() or not len(anomalous) else "anomalous"
        raise DataError(f"an evaluation needs both kinds of documents; there is no {kind} one.")
    fpr, recall, _ = roc_curve(anomalous, values)
    return Evaluation(
        auc=float(roc_auc_score(anomalous, values)),
        average_precision=float(average_precision_score(anomalous, values)),
        fpr_at_95_recall=float(fpr[recall >= 0.95][0]),
        n_normal=int((~anomalous).sum()),
        n_anomalous=int(anomalous.sum()),
    )


def rank_correlation(scores: ArrayLike, others: ArrayLike) -> float | None:
    """Spearman's correlation of two scores of the same samples, ``(n,)`` each.

    None where there is no order to compare: fewer than two samples, or all with one score.

    Examples
    --------
    >>> rank_correlation([0.1, 0.2, 0.2, 0.9], [1, 2, 2, 9])
    1.0
    """
    from scipy.stats import spearmanr

    if len(np.unique(scores)) < 2 or len(np.unique(others)) < 2:
        return None
    return float(spearmanr(scores, others).statistic)
