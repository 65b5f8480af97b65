"""Magnetic tiles: where is the defect? FCDD without a known defect, and with five.

`$TEXTOCL_DATA/vision/magnetic_tile_128.npz` holds tiles (x), masks (mask), split, type. FCDD learns
from the good tiles of the training split and from anomalies made of them. Ten defective tiles of
each type were set aside while the network was chosen, and are not tested on; the five known
defects, one of each type, are among those.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import torch
from protocol import DATA, environment, write_result

from textocl import KNN, Gaussian
from textocl.evaluation import evaluate
from textocl.vision import FCDD, aupro, extract_features, pixel_auc

DEFECTS = ("blowhole", "break", "crack", "fray", "uneven")
N_SET_ASIDE = 10  # of each
FITTING: dict[str, Any] = {
    "backbone": "efficientnet-lite0", "synthetic": "confetti", "batch_size": 32, "n_epochs": 60,
}  # fmt: skip


def set_aside(types: np.ndarray, has_mask: np.ndarray) -> np.ndarray:
    """Indices of ten tiles of each defect, ``(5, 10)``, drawn by a fixed seed."""
    source = np.random.default_rng(0)
    return np.stack([
        source.choice(np.flatnonzero((types == defect) & has_mask), N_SET_ASIDE, replace=False)
        for defect in DEFECTS
    ])  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2)
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
        held_out = np.random.default_rng(0).permutation(good)[:100]
        good, test = np.setdiff1d(good, held_out), np.concatenate([held_out, aside.ravel()])
    is_anomaly = types[test] != "good"
    measured = ~is_anomaly | has_mask[test]  # four masks are empty
    rows: dict[str, list[list[float]]] = {}

    def note(row: str, scores: np.ndarray, heatmaps: np.ndarray | None = None) -> None:
        figures = [evaluate(scores, is_anomaly).auc]
        if heatmaps is not None:
            figures += [
                measure(heatmaps[measured], masks[test][measured]) for measure in (pixel_auc, aupro)
            ]
        for defect in DEFECTS:
            kept = ~is_anomaly | (types[test] == defect)
            figures.append(evaluate(scores[kept], is_anomaly[kept]).auc)
        rows.setdefault(row, []).append([100 * figure for figure in figures])
        print(row, rows[row][-1], flush=True)

    seconds = 0.0
    learned, asked = (extract_features(tiles[which]).numpy() for which in (good, test))
    for seed in range(arguments.seeds):
        note(
            "Gaussian on frozen features",
            Gaussian(random_state=seed).fit(learned).anomaly_score(asked),
        )
        note("k-NN on frozen features", KNN(random_state=seed).fit(learned).anomaly_score(asked))
        known = aside[:, seed]
        started = time.perf_counter()
        blind = FCDD(**FITTING, random_state=seed).fit(tiles[good])
        seconds += time.perf_counter() - started
        informed = FCDD(**FITTING, random_state=seed).fit(
            tiles[np.concatenate([good, known])],
            np.repeat([0, -1], [len(good), len(known)]),
            masks[np.concatenate([good, known])],
        )
        untrained = FCDD(**{**FITTING, "n_epochs": 0}, random_state=seed).fit(tiles[good])
        for row, detector in {
            "FCDD, untrained": untrained,
            "FCDD": blind,
            "FCDD with 5 known defects": informed,
        }.items():
            note(row, detector.anomaly_score(tiles[test]), detector.explain(tiles[test]))
    lines = []
    for row, figures in rows.items():
        means = [f"{value:.1f}" for value in np.mean(figures, axis=0)]
        pixels = means[1:3] if len(means) > 1 + len(DEFECTS) else ["–", "–"]
        lines.append(f"| {row} | {' | '.join([means[0], *pixels, *means[-len(DEFECTS) :]])} |")
    write_result(
        "vision_tiles_set_aside" if arguments.choose else "vision_tiles",
        "\n".join([
            "# Magnetic tiles: AUC in %",
            "",
            f"{environment().rstrip('.')}; {len(good)} good tiles of 128 x 128 pixels to learn from, "
            f"{(~is_anomaly).sum()} good and {is_anomaly.sum()} defective to test on; "
            "EfficientNet-Lite0 (whole for features, 8 blocks for FCDD), confetti, 60 epochs with batches of 32; "
            f"a fit takes {seconds / arguments.seeds:.0f} s; {arguments.seeds} seeds, mean. The last "
            "columns are the AUC of images with one kind of defect.",
            "",
            f"| | images | pixels | AUPRO | {' | '.join(DEFECTS)} |",
            f"| --- |{' --- |' * (3 + len(DEFECTS))}",
            *lines,
            "",
        ]),
    )  # fmt: skip


if __name__ == "__main__":
    main()
