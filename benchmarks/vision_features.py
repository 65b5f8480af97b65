"""CIFAR-10 one-vs-rest by a frozen network: the shallow detectors, and HSC with Outlier Exposure.

`$TEXTOCL_DATA/vision` holds cifar10_small.npz (500 training images a class, 2,000 to test) and
cifar100_oe_small.npz (3,000 images of other classes). EfficientNet-Lite0 sees each image once;
`HSC` on its features is `HSC(backbone="efficientnet-lite0")`, and the shallow detectors are those of
`FeatureDetector`. Parameters are the defaults.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import torch
from protocol import DATA, environment, write_result

from textocl import KNN, OCSVM, Gaussian
from textocl.evaluation import evaluate
from textocl.vision import HSC, DeepSVDD, extract_features

NAMES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
ROWS = ("k-NN", "Gaussian", "OC-SVM", "Deep SVDD", "HSC, untrained", "HSC")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=160, help="pixels that images are scaled to")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    folder = DATA.parent / "vision"
    data = dict(np.load(folder / "cifar10_small.npz"))
    exposed = np.load(folder / "cifar100_oe_small.npz")["x"]
    train, test, others = (
        extract_features(images, size=arguments.size).numpy()
        for images in (data["x_train"], data["x_test"], exposed)
    )
    lines = []
    figures = np.zeros((10, len(ROWS)))
    for label, name in enumerate(NAMES):
        normal, is_anomaly = train[data["y_train"] == label], data["y_test"] != label
        both = np.concatenate([normal, others])
        y = np.repeat([0, -1], [len(normal), len(others)])
        for seed in range(arguments.seeds):
            shared: dict[str, Any] = {"random_state": seed}
            points: dict[str, Any] = {**shared, "unit_length": True, "whitening": 0.5}
            detectors = [
                KNN(**points).fit(normal),
                Gaussian(**points).fit(normal),
                OCSVM(**points).fit(normal),
                DeepSVDD(n_pretraining_epochs=0, **shared).fit(normal),
                HSC(n_epochs=0, **shared).fit(both, y),
                HSC(**shared).fit(both, y),
            ]
            for row, detector in enumerate(detectors):
                auc = evaluate(detector.anomaly_score(test), is_anomaly).auc
                figures[label, row] += 100 * auc / arguments.seeds
        cells = " | ".join(f"{value:.1f}" for value in figures[label])
        lines.append(f"| {name} | {cells} |")
        print(lines[-1], flush=True)
    cells = " | ".join(f"{value:.1f}" for value in figures.mean(axis=0))
    write_result(
        "vision_features",
        "\n".join([
            "# CIFAR-10, one class against the rest, on features of a frozen network: AUC in %",
            "",
            f"{environment().rstrip('.')}; EfficientNet-Lite0 at {arguments.size} pixels, means of "
            "its last maps; 500 training images a class, a fifth of them held out for the "
            f"threshold; HSC also sees 3,000 images of CIFAR-100; {arguments.seeds} seeds, mean. "
            "Published, trained from nothing on 5,000 images a class and 80 million others: HSC "
            "95.9, FCDD 95.",
            "",
            f"| normal class | {' | '.join(ROWS)} |",
            f"| --- |{' --- |' * len(ROWS)}",
            *lines,
            f"| mean | {cells} |",
            "",
        ]),
    )  # fmt: skip


if __name__ == "__main__":
    main()
