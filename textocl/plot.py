"""Figures of scores, contexts, words and heatmaps, drawn by matplotlib.

Each function draws into ``ax``, or into a new figure where there is none, and returns the axes:
``ax.figure.savefig("scores.png")`` writes the figure, ``ax.figure`` shows it in a notebook. None
touches pyplot, its open figures or its settings. ``pip install '.[plot]'`` in a clone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from textocl.core.characters import visible
from textocl.core.exceptions import DataError, MissingExtraError
from textocl.core.metrics import evaluate
from textocl.core.validation import check_is_anomaly

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from textocl.explain.contexts import ContextSummary
    from textocl.explain.explanation import Explanation

_ANOMALOUS, _NORMAL, _LINE = "#e67800", "#2878dc", "#555555"
_WITHOUT_WORDS = 1e38


def scores(
    scores: ArrayLike,
    threshold: float | None = None,
    *,
    is_anomaly: ArrayLike | None = None,
    n_bins: int = 40,
    ax: Axes | None = None,
) -> Axes:
    """Draw how scores are distributed, and where the threshold lies.

    Documents without a known word, which some detectors score with the largest float32, are drawn
    in the last bin.

    Parameters
    ----------
    scores : (n,)
    threshold : float or None, as a detector's ``threshold_``
    is_anomaly : (n,) bool or None; with it, the two kinds are drawn one over the other
    n_bins : int ≥ 1
    ax : where to draw

    Raises
    ------
    DataError, MissingExtraError
    """
    values, anomalous = _scores_and_kinds(scores, is_anomaly)
    axes = _axes(ax)
    usual = values[np.abs(values) < _WITHOUT_WORDS]
    inside = np.append(usual, [] if threshold is None else threshold)
    low, high = (inside.min(), inside.max()) if len(inside) else (0.0, 1.0)
    edges = np.linspace(low, max(high, low + 1e-6 * max(1.0, abs(low))), n_bins + 1).tolist()
    shown = np.clip(values, edges[0], edges[-1])
    if is_anomaly is None:
        axes.hist(shown, edges, color=_LINE, alpha=0.6, label="documents")
    else:
        axes.hist(shown[~anomalous], edges, color=_NORMAL, alpha=0.6, label="normal")
        axes.hist(
            shown[anomalous], edges, color=_ANOMALOUS, alpha=0.6, label="anomalous", hatch="///"
        )
    if threshold is not None:
        axes.axvline(threshold, color="black", linestyle="--", label=f"threshold {threshold:.3g}")
    axes.set(xlabel="anomaly score", ylabel="documents")
    axes.legend(frameon=False)
    return axes


def roc(scores: ArrayLike, is_anomaly: ArrayLike, *, ax: Axes | None = None) -> Axes:
    """Draw the share of anomalies found over the share of false alarms, at every threshold.

    Parameters
    ----------
    scores : (n,), higher is more anomalous
    is_anomaly : (n,) bool
    ax : where to draw
    """
    from sklearn.metrics import roc_curve

    values, anomalous = _scores_and_kinds(scores, is_anomaly)
    auc = evaluate(values, anomalous).auc
    false_alarms, recall, _ = roc_curve(anomalous, values)
    axes = _unit_square(ax, "share of normal flagged", "share of anomalies found")
    axes.plot([0, 1], [0, 1], color=_LINE, linestyle=":", label="chance")
    axes.plot(false_alarms, recall, color=_NORMAL, label=f"AUC {100 * auc:.1f} %")
    axes.legend(frameon=False, loc="lower right")
    return axes


def precision_recall(scores: ArrayLike, is_anomaly: ArrayLike, *, ax: Axes | None = None) -> Axes:
    """Draw the share of anomalies among those flagged over the share of anomalies found.

    Parameters as in `roc`.
    """
    from sklearn.metrics import precision_recall_curve

    values, anomalous = _scores_and_kinds(scores, is_anomaly)
    average = evaluate(values, anomalous).average_precision
    precision, recall, _ = precision_recall_curve(anomalous, values)
    axes = _unit_square(ax, "share of anomalies found", "share of anomalies among flagged")
    axes.axhline(anomalous.mean(), color=_LINE, linestyle=":", label="chance")
    label = f"average precision {100 * average:.1f} %"
    axes.step(recall, precision, where="post", color=_NORMAL, label=label)
    axes.legend(frameon=False, loc="lower left")
    return axes


def context_words(context: ContextSummary, *, n_words: int = 10, ax: Axes | None = None) -> Axes:
    """Draw a context's top words as bars: in how many of its nearest documents each leads."""
    words = context.words[:n_words][::-1]
    axes = _axes(ax)
    axes.barh(range(len(words)), [word.count for word in words], color=_NORMAL)
    _name_bars(axes, [word.word for word in words])
    axes.set(xlabel="of the nearest documents")
    axes.set_title(f"context {context.context} ({context.share:.0%})", loc="left")
    return axes


def word_evidence(explanation: Explanation, *, n_words: int = 8, ax: Axes | None = None) -> Axes:
    """Draw what a document's words and its form speak for, strongest for an anomaly on top.

    That is up to ``n_words`` words on each side, and as many measures of `unusual_form`, named as
    "form: capitals".
    """
    form = [(f"form: {one.name}", one.evidence) for one in explanation.unusual_form()[:n_words]]
    words = explanation.anomalous_words(n_words) + explanation.normal_words(n_words)
    bars = sorted(form + words, key=lambda bar: bar[1])
    colours = [_ANOMALOUS if value > 0 else _NORMAL for _, value in bars]
    hatches = ["///" if value > 0 else "" for _, value in bars]
    axes = _axes(ax)
    axes.barh(range(len(bars)), [value for _, value in bars], color=colours, hatch=hatches)
    _name_bars(axes, [name for name, _ in bars])
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set(xlabel="← normal     evidence     anomalous →")
    scores = f": score {explanation.score:.3g}, threshold {explanation.threshold:.3g}"
    axes.set_title(explanation.status + (scores if explanation.label else ""), loc="left")
    return axes


def heatmap(
    image: ArrayLike,
    heatmap: ArrayLike,
    heatmap_range: tuple[float, float],
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw an image under its heatmap; see `textocl.vision.overlays.overlay`.

    Parameters
    ----------
    image : (h, w) or (h, w, 3), uint8 or floats in [0, 1]
    heatmap : (h, w)
    heatmap_range : calm up to, hottest from; a detector's ``heatmap_range_``
    ax : where to draw
    """
    from textocl.vision.overlays import overlay

    picture = overlay(image, heatmap, *heatmap_range)
    axes = _axes(ax)
    axes.imshow(picture)
    axes.set_axis_off()
    return axes


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("matplotlib", "plot", "drawing figures") from None
    return Figure(figsize=(6, 4), layout="constrained").subplots()


def _unit_square(ax: Axes | None, xlabel: str, ylabel: str) -> Axes:
    axes, limits = _axes(ax), (-0.01, 1.01)
    axes.set(xlabel=xlabel, ylabel=ylabel, xlim=limits, ylim=limits, aspect="equal")
    return axes


def _name_bars(axes: Axes, names: list[str]) -> None:
    # no dollar sign starts a formula
    axes.set_yticks(range(len(names)), [visible(n).replace("$", r"\$") for n in names])
    axes.spines[["top", "right"]].set_visible(False)


def _scores_and_kinds(
    scores: ArrayLike, is_anomaly: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    values = np.asarray(scores, np.float64)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise DataError(f"expected finite scores (n,), at least one, got {values.shape}.")
    if is_anomaly is None:
        return values, np.zeros(len(values), bool)
    return values, check_is_anomaly(is_anomaly, len(values), "scores")
