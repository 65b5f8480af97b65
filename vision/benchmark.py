"""Detectors measured on images with known anomalies: fit on one part, test on the other."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError
from textocl.core.factory import make_image_detector
from textocl.core.metrics import evaluate
from textocl.vision.localization import aupro, pixel_auc

_TEST_SHARE = 0.25  # of the normal images, where no split is given


@dataclass(frozen=True)
class LabelledImages:
    """Images to learn from or to test on.

    Attributes
    ----------
    paths : list of n
    X : tensor (n, c, h, w), float32
    labels : (n,) int64, 0 unlabelled or -1 anomaly
    masks : (n, h, w) bool, or None where no image has one
    """

    paths: list[Path]
    X: Any
    labels: NDArray[np.int64]
    masks: NDArray[np.bool_] | None

    def part(self, chosen: NDArray[np.int64]) -> LabelledImages:
        masks = None if self.masks is None else self.masks[chosen]
        paths = [self.paths[i] for i in chosen]
        return LabelledImages(paths, self.X[chosen], self.labels[chosen], masks)


@dataclass(frozen=True)
class Record:
    """What one detector reached with one seed.

    Attributes
    ----------
    pixel_auc, aupro : of its heatmaps, or None without masks
    """

    model: str
    seed: int
    auc: float
    average_precision: float
    fpr_at_95_recall: float
    pixel_auc: float | None
    aupro: float | None
    n_train: int
    n_known_anomalies: int
    n_normal: int
    n_anomalous: int
    fit_seconds: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def split_by_seed(
    labels: NDArray[np.int64], may_test: NDArray[np.bool_], n_known: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the images to learn from, and of those to test on.

    Of the images that may be tested on, ``(n,)``, a quarter of the normal and all anomalies but
    ``n_known``.

    Raises
    ------
    DataError
        Too few images for a test.
    """
    source = np.random.default_rng(seed)
    normal = source.permutation(np.flatnonzero(may_test & (labels >= 0)))
    anomalous = source.permutation(np.flatnonzero(may_test & (labels < 0)))
    n_normal = int(_TEST_SHARE * len(normal))
    if not n_normal or n_known >= len(anomalous):
        raise DataError(
            f"{len(normal)} normal and {len(anomalous)} anomalous images, of which {n_known} are "
            "to learn from, are too few to test on."
        )
    test = np.sort(np.concatenate([normal[:n_normal], anomalous[n_known:]]))
    return np.setdiff1d(np.arange(len(labels)), test), test


def measure(
    model: str,
    seed: int,
    training: LabelledImages,
    test: LabelledImages,
    **parameters: Any,
) -> Record:
    """Fit on images and test on others.

    Pixels are measured on normal images and on those with a mask.

    Raises
    ------
    DataError
        Unusable images or parameters, or a test without normal or without anomalous images.
    """
    X, y = training.X, training.labels
    detector: Any = make_image_detector(model, random_state=seed, **parameters)
    start = time.perf_counter()
    if not detector.learns_from_anomalies:
        X, y = X[y >= 0], y[y >= 0]
    masks = training.masks if detector.learns_from_masks else None
    detector.fit(X, y, *([masks] if masks is not None and masks.any() else []))
    seconds = time.perf_counter() - start
    truth = test.labels < 0
    metrics = evaluate(detector.anomaly_score(test.X), truth)
    pixels: list[float | None] = [None, None]
    if test.masks is not None and test.masks.any():
        known = np.flatnonzero(~truth | test.masks.any(axis=(1, 2)))
        heat, places = detector.explain(test.X[known]), test.masks[known]
        pixels = [pixel_auc(heat, places), aupro(heat, places)]
    return Record(
        model=model,
        seed=seed,
        auc=metrics.auc,
        average_precision=metrics.average_precision,
        fpr_at_95_recall=metrics.fpr_at_95_recall,
        pixel_auc=pixels[0],
        aupro=pixels[1],
        n_train=int((training.labels >= 0).sum()),
        n_known_anomalies=int((training.labels < 0).sum()),
        n_normal=metrics.n_normal,
        n_anomalous=metrics.n_anomalous,
        fit_seconds=seconds,
    )


def table(records: list[Record]) -> str:
    """Means over the seeds of each model, in percent, as a Markdown table."""
    lines = [
        "| model | AUC | average precision | pixel AUC | AUPRO | fit, seconds |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for model in dict.fromkeys(record.model for record in records):
        of_model = [record for record in records if record.model == model]
        cells = [
            _percent([getattr(record, name) for record in of_model])
            for name in ("auc", "average_precision", "pixel_auc", "aupro")
        ]
        seconds = np.mean([record.fit_seconds for record in of_model])
        lines.append(f"| {model} | {' | '.join(cells)} | {seconds:.1f} |")
    return "\n".join(lines)


def _percent(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    spread = f" ± {100 * np.std(known):.1f}" if len(known) > 1 else ""
    return f"{100 * np.mean(known):.1f}{spread}"
