"""Magnetic tiles: where is the defect? FCDD without a known defect, and with five.

`$TEXTOCL_DATA/vision/magnetic_tile_128.npz` holds tiles (x), masks (mask), split, type and group
(the tile that an image is of). FCDD learns from the good tiles of the training split and from
anomalies made of them. Ten defective tiles of each type were set aside to choose the settings on,
beside good tiles of groups held out of the training split (`--choose`); they are never tested on.
The five known defects, one of each type, are among those.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import torch
from protocol import DATA, environment, write_result

from textocl.evaluation import evaluate
from textocl.vision import FCDD, FeatureDetector, SampleDetector, aupro, pixel_auc

DEFECTS = ("blowhole", "break", "crack", "fray", "uneven")
N_SET_ASIDE = 10  # of each
SEEN: dict[str, Any] = {"backbone": "efficientnet-lite0", "backbone_contrast": True}
FITTING: dict[str, Any] = {**SEEN, "synthetic": "mixed", "batch_size": 32, "n_epochs": 20}


def set_aside(types: np.ndarray, has_mask: np.ndarray) -> np.ndarray:
    """Indices of ten tiles of each defect, ``(5, 10)``, drawn by a fixed seed."""
    source = np.random.default_rng(0)
    return np.stack([
        source.choice(np.flatnonzero((types == defect) & has_mask), N_SET_ASIDE, replace=False)
        for defect in DEFECTS
    ])  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--choose", action="store_true", help="test on the tiles set aside")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data = dict(np.load(DATA.parent / "vision" / "magnetic_tile_128.npz"))
    tiles, masks, types = data["x"], data["mask"] > 0, data["type"]
    has_mask = masks.any(axis=(1, 2))
    aside = set_aside(types, has_mask)
    good = np.flatnonzero((data["split"] == "train") & (types == "good"))
    test = np.setdiff1d(np.flatnonzero(data["split"] == "test"), aside)
    if arguments.choose:
        groups = np.random.default_rng(0).permutation(np.unique(data["group"][good]))
        held_out = np.isin(data["group"][good], groups[: len(groups) // 5])
        # the first ones of each type are the known defects
        test = np.concatenate([good[held_out], aside[:, arguments.seeds :].ravel()])
        good = good[~held_out]
    is_anomaly = types[test] != "good"
    measured = ~is_anomaly | has_mask[test]  # four masks are empty
    rows: dict[str, list[list[float]]] = {}
    seconds: dict[str, list[float]] = {}

    def measure(row: str, detector: SampleDetector, *given: Any) -> None:
        started = time.perf_counter()
        detector.fit(*given)
        seconds.setdefault(row, []).append(time.perf_counter() - started)
        scores, heatmaps = detector.anomaly_score(tiles[test]), detector.explain(tiles[test])
        figures = [evaluate(scores, is_anomaly).auc]
        figures += [of(heatmaps[measured], masks[test][measured]) for of in (pixel_auc, aupro)]
        for defect in DEFECTS:
            kept = ~is_anomaly | (types[test] == defect)
            figures.append(evaluate(scores[kept], is_anomaly[kept]).auc)
        rows.setdefault(row, []).append([100 * figure for figure in figures])
        print(row, np.round(rows[row][-1], 1), f"{seconds[row][-1]:.0f} s", flush=True)

    for seed in range(arguments.seeds):
        shared = {"random_state": seed}
        measure("Gaussian", FeatureDetector(model="gaussian", **SEEN, **shared), tiles[good])
        measure("k-NN", FeatureDetector(model="knn", **SEEN, **shared), tiles[good])
        measure("FCDD, untrained", FCDD(**{**FITTING, **shared, "n_epochs": 0}), tiles[good])
        measure(
            "FCDD, confetti alone",
            FCDD(**{**FITTING, **shared, "synthetic": "confetti"}),
            tiles[good],
        )
        measure("FCDD", FCDD(**FITTING, **shared), tiles[good])
        both = np.concatenate([good, aside[:, seed]])
        labels = np.repeat([0, -1], [len(good), len(DEFECTS)])
        measure(
            "FCDD with 5 known defects",
            FCDD(**FITTING, **shared),
            tiles[both],
            labels,
            masks[both],
        )
    lines = []
    for row, figures in rows.items():
        cells = [
            f"{mean:.1f}±{deviation:.1f}"
            for mean, deviation in zip(np.mean(figures, 0), np.std(figures, 0), strict=True)
        ]
        lines.append(f"| {row} | {' | '.join(cells)} | {np.mean(seconds[row]):.0f} |")
    write_result(
        "vision_tiles_set_aside" if arguments.choose else "vision_tiles",
        "\n".join([
            "# Magnetic tiles: AUC in %",
            "",
            f"{environment().rstrip('.')}; {len(good)} good tiles of 128 x 128 pixels to learn from, "
            f"{(~is_anomaly).sum()} good and {is_anomaly.sum()} defective to test on; "
            "EfficientNet-Lite0 (whole for Gaussian and k-NN, 8 blocks for FCDD) on tiles of one "
            f"brightness and contrast; made anomalies {FITTING['synthetic']!r} where the row does not "
            f"say otherwise, {FITTING['n_epochs']} epochs with batches of {FITTING['batch_size']}; "
            f"{arguments.seeds} seeds, mean ± standard deviation. The columns of defects are the AUC "
            "of images with that kind of defect. The settings were chosen on "
            "[defects set aside](vision_tiles_set_aside.md).",
            "",
            f"| | images | pixels | AUPRO | {' | '.join(DEFECTS)} | fit, seconds |",
            f"| --- |{' --- |' * (4 + len(DEFECTS))}",
            *lines,
            "",
        ]),
    )  # fmt: skip


if __name__ == "__main__":
    main()
