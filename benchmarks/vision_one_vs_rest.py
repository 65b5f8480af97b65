"""One-vs-rest on images: Deep SVDD beside the untrained network and the autoencoder.

With `--labelled 0.01`, also Deep SAD with so large a share of labelled anomalies, all of the class
that follows the normal one.

Each class in turn is normal: learn from its training images, test on the whole test set. The
schedule is fixed beforehand, the same for every class. `$TEXTOCL_DATA/vision/mnist.npz` holds
x_train, y_train, x_test, y_test; Fashion-MNIST is read from `--folder`, where Debian's package
dataset-fashion-mnist puts it.
"""

from __future__ import annotations

import argparse
import gzip
import time
from pathlib import Path

import numpy as np
import torch
from protocol import DATA, environment, write_result

from textocl.evaluation import evaluate
from textocl.training import Schedule
from textocl.vision import DeepSAD, DeepSVDD
from textocl.vision.autoencoder import reconstruction_errors, train_autoencoder
from textocl.vision.images import read_samples
from textocl.vision.networks import layers_of
from textocl.vision.preprocessing import Preprocessing

FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
ROWS = ("untrained", "autoencoder", "Deep SVDD", "Deep SAD")
#: thesis Table 2.1; Fashion-MNIST has a mean only (Table C.5)
PUBLISHED = {
    "mnist": (98.0, 99.7, 91.7, 91.9, 94.9, 88.5, 98.3, 94.6, 93.9, 96.5),
    "fashion-mnist": (),
}


def read_images(name: str, folder: Path) -> dict[str, np.ndarray]:
    if name == "mnist":
        return dict(np.load(DATA.parent / "vision" / "mnist.npz"))
    data = {}
    for split, prefix in (("train", "train"), ("test", "t10k")):
        images = gzip.decompress((folder / f"{prefix}-images-idx3-ubyte.gz").read_bytes())
        labels = gzip.decompress((folder / f"{prefix}-labels-idx1-ubyte.gz").read_bytes())
        data[f"x_{split}"] = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28)
        data[f"y_{split}"] = np.frombuffer(labels, np.uint8, offset=8)
    return data


def autoencoder_scores(
    train: np.ndarray, test: np.ndarray, network: str, kind: str, n_epochs: int, seed: int
) -> np.ndarray:
    """Mean squared reconstruction errors of test images, ``(n,)``."""
    X = read_samples(train)
    shape = tuple(X.shape[1:])
    preprocessing = Preprocessing(kind, shape[0]).fit(X)
    autoencoder = train_autoencoder(
        preprocessing(X),
        layers_of(network, shape),
        Schedule(n_epochs, 1e-3, 2 / 3, 200, 1e-6, even_batches=True),
        torch.Generator().manual_seed(seed),
    )
    with torch.no_grad():
        parts = read_samples(test).split(500)
        return torch.cat([reconstruction_errors(autoencoder, preprocessing(p)) for p in parts])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", choices=list(PUBLISHED), default="mnist")
    parser.add_argument("--folder", type=Path, default=FASHION_MNIST)
    parser.add_argument("--classes", type=int, nargs="*", default=list(range(10)))
    parser.add_argument("--network", help="default: the thesis's for the data")
    parser.add_argument("--preprocessing", default="contrast")
    parser.add_argument("--pretraining", type=int, help="epochs; default: as --epochs")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--labelled", type=float, help="share of labelled anomalies")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--name", help="of the result; default vision_one_vs_rest_<data>")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data, n_epochs = read_images(arguments.data, arguments.folder), arguments.epochs
    network = arguments.network or arguments.data
    kind = arguments.preprocessing
    n_before = n_epochs if arguments.pretraining is None else arguments.pretraining
    rows_shown = ROWS if arguments.labelled else ROWS[:3]
    figures: dict[int, list[list[float]]] = {}
    seconds = 0.0
    for label in arguments.classes:
        train, is_anomaly = data["x_train"][data["y_train"] == label], data["y_test"] != label
        figures[label] = [[] for _ in rows_shown]
        for seed in range(arguments.seeds):
            started = time.perf_counter()
            parameters = {
                "network": network, "preprocessing": kind, "n_epochs": n_epochs,
                "n_pretraining_epochs": n_before, "random_state": seed,
            }  # fmt: skip
            detector = DeepSVDD(**parameters).fit(train)
            seconds += time.perf_counter() - started
            untrained = DeepSVDD(
                network=network,
                preprocessing=kind,
                n_epochs=0,
                n_pretraining_epochs=0,
                random_state=seed,
            ).fit(train)
            found = [
                untrained.anomaly_score(data["x_test"]),
                autoencoder_scores(train, data["x_test"], arguments.data, kind, n_epochs, seed),
                detector.anomaly_score(data["x_test"]),
            ]
            if arguments.labelled:
                share = arguments.labelled
                known = data["x_train"][data["y_train"] == (label + 1) % 10]
                known = known[: round(len(train) * share / (1 - share))]
                with_them = DeepSAD(**parameters).fit(
                    np.concatenate([train, known]), np.repeat([0, -1], [len(train), len(known)])
                )
                found.append(with_them.anomaly_score(data["x_test"]))
            for row, scores in enumerate(found):
                figures[label][row].append(100 * evaluate(scores, is_anomaly).auc)
        print(label, figures[label], flush=True)
    published = dict(enumerate(PUBLISHED[arguments.data]))
    lines = [
        f"# {arguments.data}, one class against the rest: AUC in %",
        "",
        f"{environment().rstrip('.')}; network {network!r} (autoencoder: "
        f"{arguments.data!r}, {n_epochs} epochs); preprocessing {kind!r}; {n_before} epochs of "
        f"pretraining and "
        f"{n_epochs} of Deep SVDD, Adam 0.001, a tenth of it in the last third; a fifth of the "
        f"training images held out for the threshold; {arguments.seeds} seed(s), mean; a fit takes "
        f"{seconds / len(figures) / arguments.seeds:.0f} s. Published: thesis Table 2.1, which has no Fashion-MNIST.",
        "",
        f"| normal class | {' | '.join(rows_shown)} | published |",
        f"| --- |{' --- |' * (len(rows_shown) + 1)}",
    ]
    means = {label: [np.mean(row) for row in rows] for label, rows in figures.items()}
    for label, row in means.items():
        cells = " | ".join(f"{value:.1f}" for value in row)
        lines.append(f"| {label} | {cells} | {published.get(label, '')} |")
    cells = " | ".join(f"{value:.1f}" for value in np.mean(list(means.values()), axis=0))
    known = [published[label] for label in means if label in published]
    lines.append(f"| mean | {cells} | {f'{np.mean(known):.1f}' if known else ''} |")
    write_result(arguments.name or f"vision_one_vs_rest_{arguments.data}", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
