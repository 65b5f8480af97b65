"""One-vs-rest on MNIST and Fashion-MNIST: Deep SVDD and Deep SAD beside the networks they start from.

Each class in turn is normal: learn from its training images, test on the whole test set. Deep SAD
also gets labelled anomalies, one for every 99 normal images, all of the class that follows the
normal one. The settings are the same for every class; `--choose` is how they were chosen, on a fifth
of the training split. `$TEXTOCL_DATA/vision/mnist.npz` holds x_train, y_train, x_test, y_test;
Fashion-MNIST is read from `--folder`, where Debian's package dataset-fashion-mnist puts it.
"""

from __future__ import annotations

import argparse
import gzip
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from protocol import DATA, environment, write_result

from textocl.evaluation import evaluate
from textocl.training.loop import Schedule
from textocl.vision import DeepSAD, DeepSVDD
from textocl.vision.autoencoder import reconstruction_errors, train_autoencoder
from textocl.vision.images import read_samples
from textocl.vision.networks import layers_of
from textocl.vision.preprocessing import Preprocessing

FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
ROWS = ("untrained", "autoencoder", "Deep SVDD", "Deep SAD")
_SHARE_LABELLED = 0.01
#: thesis Table 2.1; Fashion-MNIST has means only
PUBLISHED = {
    "mnist": (98.0, 99.7, 91.7, 91.9, 94.9, 88.5, 98.3, 94.6, 93.9, 96.5),
    "fashion-mnist": (),
}
SAID = {
    "mnist": "Published: Deep SVDD in thesis Table 2.1; Deep SAD, mean over all nine classes of "
    "labelled anomalies, 96.4.",
    "fashion-mnist": "Published means: Deep SVDD 93 (its own implementation) and 89 (Deep SAD's "
    "protocol), Deep SAD 90.0.",
}


class Settings(NamedTuple):
    """What is fixed beforehand."""

    network: str
    preprocessing: str
    n_pretraining_epochs: int
    n_epochs: int


SETTINGS = {
    "mnist": Settings("mnist-wide", "contrast", 0, 40),
    "fashion-mnist": Settings("mnist-wide", "standardize", 0, 30),
}
#: the thesis's networks, in as many epochs as two cores allow
THESIS = {
    "mnist": Settings("mnist", "contrast", 30, 30),
    "fashion-mnist": Settings("fashion-mnist", "contrast", 30, 30),
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


def training_part(data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The training split alone, its last fifth as the test set."""
    n = len(data["y_train"]) * 4 // 5
    return {
        f"{kind}_{split}": data[f"{kind}_train"][part]
        for kind in "xy"
        for split, part in (("train", slice(n)), ("test", slice(n, None)))
    }


def autoencoder_scores(
    train: np.ndarray, test: np.ndarray, name: str, settings: Settings, seed: int
) -> np.ndarray:
    """Mean squared reconstruction errors of test images, ``(n,)``, by the thesis's network."""
    X = read_samples(train)
    shape = tuple(X.shape[1:])
    preprocessing = Preprocessing(settings.preprocessing, shape[0]).fit(X)
    autoencoder = train_autoencoder(
        preprocessing(X),
        layers_of(name, shape),
        Schedule(settings.n_epochs, 1e-3, 2 / 3, 200, 1e-6, even_batches=True),
        torch.Generator().manual_seed(seed),
    )
    with torch.no_grad():
        parts = read_samples(test).split(500)
        return torch.cat([reconstruction_errors(autoencoder, preprocessing(p)) for p in parts])


def aucs(
    data: dict[str, np.ndarray], name: str, label: int, settings: Settings, seed: int
) -> tuple[list[float], float]:
    """AUC in % of each of `ROWS`, and the seconds that Deep SVDD took to fit."""
    train, test = data["x_train"][data["y_train"] == label], data["x_test"]
    known = data["x_train"][data["y_train"] == (label + 1) % 10]
    known = known[: round(len(train) * _SHARE_LABELLED / (1 - _SHARE_LABELLED))]
    both, y = np.concatenate([train, known]), np.repeat([0, -1], [len(train), len(known)])
    parameters: dict[str, Any] = {**settings._asdict(), "random_state": seed}
    started = time.perf_counter()
    detector = DeepSVDD(**parameters).fit(train)
    seconds = time.perf_counter() - started
    untrained = DeepSVDD(**{**parameters, "n_epochs": 0, "n_pretraining_epochs": 0}).fit(train)
    scores_of = [
        untrained.anomaly_score(test),
        autoencoder_scores(train, test, name, settings, seed),
        detector.anomaly_score(test),
        DeepSAD(**parameters).fit(both, y).anomaly_score(test),
    ]
    return [100 * evaluate(scores, data["y_test"] != label).auc for scores in scores_of], seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", choices=list(PUBLISHED), default="mnist")
    parser.add_argument("--folder", type=Path, default=FASHION_MNIST)
    parser.add_argument("--classes", type=int, nargs="*", default=list(range(10)))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--thesis", action="store_true", help="the thesis's network")
    parser.add_argument("--choose", action="store_true", help="on the training split alone")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    name = arguments.data
    data = read_images(name, arguments.folder)
    suffix = "_thesis" if arguments.thesis else ""
    settings = (THESIS if arguments.thesis else SETTINGS)[name]
    if arguments.choose:
        choose(name, training_part(data), arguments.classes, arguments.seeds)
        return
    figures: dict[int, np.ndarray] = {}
    times: list[float] = []
    for label in arguments.classes:
        runs = [aucs(data, name, label, settings, seed) for seed in range(arguments.seeds)]
        figures[label] = np.array([of_rows for of_rows, _ in runs])  # (seeds, rows)
        times += [seconds for _, seconds in runs]
        print(label, figures[label].round(1).tolist(), flush=True)
    published = dict(enumerate(PUBLISHED[name]))
    lines = [
        f"# {name}, one class against the rest: AUC in %",
        "",
        f"{environment().rstrip('.')}; network {settings.network!r} (autoencoder: {name!r}, "
        f"{settings.n_epochs} epochs); preprocessing {settings.preprocessing!r}; "
        f"{settings.n_pretraining_epochs} epochs of pretraining and {settings.n_epochs} of training, "
        "Adam 0.001, a tenth of it in the last third; a fifth of the training images held out for "
        f"the threshold; {arguments.seeds} seeds, mean; Deep SVDD fits in {np.mean(times):.0f} s. "
        f"Deep SAD has 1 % labelled anomalies of the next class. {SAID[name]}",
        "",
        f"| normal class | {' | '.join(ROWS)} | published Deep SVDD |",
        f"| --- |{' --- |' * (len(ROWS) + 1)}",
    ]
    for label, of_class in figures.items():
        cells = " | ".join(f"{value:.1f}" for value in of_class.mean(axis=0))
        lines.append(f"| {label} | {cells} | {published.get(label, '')} |")
    of_seeds = np.mean(list(figures.values()), axis=0)  # (seeds, rows), means over the classes
    cells = " | ".join(
        f"{mean:.2f} ± {deviation:.2f}"
        for mean, deviation in zip(of_seeds.mean(axis=0), of_seeds.std(axis=0), strict=True)
    )
    known = [published[label] for label in figures if label in published]
    lines.append(f"| mean | {cells} | {f'{np.mean(known):.1f}' if known else ''} |")
    write_result(f"vision_{name.replace('-', '_')}{suffix}", "\n".join(lines) + "\n")


def choose(name: str, data: dict[str, np.ndarray], classes: list[int], n_seeds: int) -> None:
    """Deep SVDD by each of some settings, tested on a fifth of the training split."""
    default, thesis = SETTINGS[name], THESIS[name]
    candidates = [
        thesis,
        thesis._replace(n_pretraining_epochs=0),
        default._replace(network="fashion-mnist"),
        default._replace(preprocessing="contrast"),
        default._replace(preprocessing="standardize"),
        default._replace(preprocessing="none"),
    ]
    lines = [
        f"# {name}: settings of Deep SVDD, on a fifth of the training split: AUC in %",
        "",
        f"{environment().rstrip('.')}; classes {', '.join(map(str, classes))}; {n_seeds} seeds, "
        "mean.",
        "",
        "| network | preprocessing | pretraining | epochs | AUC | untrained |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for settings in dict.fromkeys(candidates):
        pairs = []
        for label in classes:
            train = data["x_train"][data["y_train"] == label]
            is_anomaly = data["y_test"] != label
            for seed in range(n_seeds):
                parameters: dict[str, Any] = {**settings._asdict(), "random_state": seed}
                untrained = {**parameters, "n_epochs": 0, "n_pretraining_epochs": 0}
                pairs.append([
                    100 * evaluate(d.fit(train).anomaly_score(data["x_test"]), is_anomaly).auc
                    for d in (DeepSVDD(**parameters), DeepSVDD(**untrained))
                ])  # fmt: skip
        cells = " | ".join(f"{value:.1f}" for value in np.mean(pairs, axis=0))
        network, preprocessing, before, epochs = settings
        lines.append(f"| {network} | {preprocessing} | {before} | {epochs} | {cells} |")
        print(lines[-1], flush=True)
    write_result(f"vision_{name.replace('-', '_')}_choose", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
