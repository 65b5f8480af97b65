"""Pixel AUC and AUPRO: how well heatmaps find the places that masks mark."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from textocl.core.exceptions import DataError
from textocl.core.validation import check_number


def pixel_auc(heatmaps: ArrayLike, masks: ArrayLike) -> float:
    """Area under the ROC curve over the pixels of all images together; 0.5 is chance.

    A large defect counts more than many small ones; see `aupro`.

    Parameters
    ----------
    heatmaps : (n, h, w), higher is more anomalous
    masks : (n, h, w), other than 0 where an image is anomalous

    Raises
    ------
    DataError
        They do not match, hold NaN, or all pixels are of one kind.

    Examples
    --------
    >>> pixel_auc([[[0.1, 0.4], [0.3, 0.9]]], [[[0, 0], [1, 1]]])
    0.75
    """
    heat, anomalous = _check(heatmaps, masks)
    return _area(heat.ravel(), anomalous.ravel(), np.ones(int(anomalous.sum())), 1.0)


def aupro(heatmaps: ArrayLike, masks: ArrayLike, max_false_positive_rate: float = 0.3) -> float:
    """Area under the per-region overlap, in [0, 1]: every defect counts alike, however small.

    The share of a defect's pixels above a threshold, averaged over the defects of all images,
    against the share of normal pixels above it, up to ``max_false_positive_rate`` and divided by
    that. A heatmap of noise gets half of that rate.

    Parameters
    ----------
    heatmaps : (n, h, w), higher is more anomalous
    masks : (n, h, w), other than 0 where an image is anomalous
        A defect is a region whose pixels touch at edges or corners.
    max_false_positive_rate : float in (0, 1], default 0.3

    Raises
    ------
    DataError
        They do not match, hold NaN, or all pixels are of one kind.

    References
    ----------
    P. Bergmann et al.: The MVTec Anomaly Detection Dataset. IJCV 2021.

    Examples
    --------
    >>> aupro([[[0.1, 0.4], [0.3, 0.9]]], [[[0, 0], [1, 1]]], max_false_positive_rate=1)
    0.75
    """
    from scipy.ndimage import label

    limit = check_number("max_false_positive_rate", max_false_positive_rate, 0, 1, low_open=True)
    heat, anomalous = _check(heatmaps, masks)
    within_image = np.zeros((3, 3, 3), bool)
    within_image[1] = True
    of_pixel = label(anomalous, within_image)[0][anomalous]  # (a,)
    weights = 1 / np.bincount(of_pixel)[of_pixel]
    return _area(heat.ravel(), anomalous.ravel(), weights, limit)


def _area(
    heat: NDArray[Any], anomalous: NDArray[np.bool_], weights: NDArray[np.float64], limit: float
) -> float:
    """Area under the share of all weight found, against that of normal pixels up to ``limit``.

    Parameters
    ----------
    heat, anomalous : (m,)
    weights : (a,) of the anomalous pixels
    limit : in (0, 1]
    """
    weight = np.zeros(len(heat))
    weight[anomalous] = weights
    order = np.argsort(-heat, kind="stable")
    ranked = heat[order]
    ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)  # of ties
    y = np.append(0, np.cumsum(weight[order])[ends])
    y /= y[-1]
    x = np.append(0, np.cumsum(~anomalous[order])[ends] / (~anomalous).sum())
    inside = int(np.searchsorted(x, limit, side="right"))
    y_at_limit = np.interp(limit, x[inside - 1 : inside + 1], y[inside - 1 : inside + 1])
    x, y = np.append(x[:inside], limit), np.append(y[:inside], y_at_limit)
    return float((np.diff(x) * (y[1:] + y[:-1])).sum() / (2 * limit))


def _check(heatmaps: ArrayLike, masks: ArrayLike) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    heat, marks = np.asarray(heatmaps), np.asarray(masks)
    if heat.ndim != 3 or heat.shape != marks.shape or heat.dtype.kind not in "biuf":
        raise DataError(
            "expected heatmaps (n, h, w) of numbers and masks of the same shape, got "
            f"{heat.dtype} {heat.shape} and {marks.shape}."
        )
    if heat.dtype.kind != "f":
        heat = heat.astype(np.float64)
    bad = np.isnan(heat).any(axis=(1, 2))
    if bad.any():
        raise DataError(f"heatmap {int(np.argmax(bad))} holds NaN.")
    anomalous = marks != 0
    if anomalous.all() or not anomalous.any():
        kind = "normal" if anomalous.any() else "anomalous"
        raise DataError(f"localization needs both kinds of pixels; there is no {kind} one.")
    return heat, anomalous
