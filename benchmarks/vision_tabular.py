"""Classic tabular sets (thesis Table 2.3): Deep SVDD and Deep SAD beside k-NN and OC-SVM.

Splits 60:40 with the share of anomalies kept; training samples are the normal ones, and, labelled,
as many anomalies as make 1 % of them. The settings of the deep detectors, the same for every set,
were chosen on validation parts of cardio, satellite and satimage-2: 30 % of a training split and the
anomalies that it leaves unlabelled. `$TEXTOCL_DATA/vision/odds/<set>.npz` holds X and y (1 is
anomalous).
"""

from __future__ import annotations

import argparse
import time
from itertools import product
from typing import Any

import numpy as np
import torch
from protocol import DATA, environment, write_result
from sklearn.model_selection import train_test_split

from textocl import KNN, OCSVM
from textocl.evaluation import evaluate
from textocl.vision import DeepSAD, DeepSVDD

#: set -> network and the thesis's figures: OC-SVM raw, Deep SVDD, Deep SAD
SETS = {
    "arrhythmia": ("arrhythmia", "84.5±3.9", "74.6±9.0", "75.9±8.7"),
    "cardio": ("tabular", "98.5±0.3", "84.8±3.6", "95.0±1.6"),
    "satellite": ("tabular", "95.1±0.2", "79.8±4.1", "91.5±1.1"),
    "satimage-2": ("tabular", "99.4±0.8", "98.3±1.4", "99.9±0.1"),
    "thyroid": ("thyroid", "98.3±0.9", "72.0±9.7", "98.6±0.9"),
    "shuttle": ("tabular", "99.4±0.9", "86.3±7.5", "98.4±0.9"),
}
ROWS = ("k-NN", "OC-SVM", "OC-SVM, oracle", "untrained", "Deep SVDD", "Deep SAD")
TRAINING: dict[str, Any] = {"n_pretraining_epochs": 200, "n_epochs": 60, "batch_size": 64}
GAMMAS, NUS = 2.0 ** np.arange(-7, 3), (0.01, 0.05, 0.1, 0.2, 0.5)
_SHARE_LABELLED = 0.01
_N_FOR_ORACLE = 5000  # training samples, of each of 50 OC-SVMs
_LARGE, _N_LARGE = 20_000, 3  # samples of a set, from which on it is split so often only


def oracle(normal: np.ndarray, X: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    """Scores of the OC-SVM whose γ and ν are best on a tenth of the test set (thesis App. B.1.2)."""
    some = np.random.default_rng(seed).permutation(len(normal))[:_N_FOR_ORACLE]
    _, seen = train_test_split(np.arange(len(y)), test_size=0.1, stratify=y, random_state=seed)
    best, kept = -1.0, None
    for gamma, nu in product(GAMMAS, NUS):
        detector = OCSVM(
            kernel="rbf", gamma=float(gamma), nu=nu, unit_length=False, calibration="training"
        ).fit(normal[some])
        auc = evaluate(detector.anomaly_score(X[seen]), y[seen] == 1).auc
        if auc > best:
            best, kept = auc, detector
    assert kept is not None
    return kept.anomaly_score(X)


def run(name: str, network: str, seed: int) -> list[float]:
    """AUC in % of each of `ROWS`."""
    data = np.load(DATA.parent / "vision" / "odds" / f"{name}.npz")
    X, y = data["X"].astype(np.float32), data["y"].ravel().astype(int)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.4, stratify=y, random_state=seed
    )
    normal, anomalous = X_train[y_train == 0], X_train[y_train == 1]
    mean, spread = normal.mean(axis=0), normal.std(axis=0)
    spread[spread < 1e-6] = 1
    n_labelled = max(1, round(_SHARE_LABELLED / (1 - _SHARE_LABELLED) * len(normal)))
    chosen = np.random.default_rng(seed).permutation(len(anomalous))[:n_labelled]
    both = np.concatenate([normal, anomalous[chosen]])
    labels = np.repeat([0, -1], [len(normal), len(chosen)])
    deep = {**TRAINING, "network": network, "random_state": seed, "calibration": "training"}
    shallow = {"unit_length": False, "calibration": "training", "random_state": seed}
    scaled, standardised = (normal - mean) / spread, (X_test - mean) / spread
    return [
        100 * evaluate(scores, y_test == 1).auc
        for scores in (
            KNN(**shallow).fit(scaled).anomaly_score(standardised),
            OCSVM(kernel="rbf", **shallow).fit(scaled).anomaly_score(standardised),
            oracle(scaled, standardised, y_test, seed),
            DeepSVDD(**{**deep, "n_epochs": 0, "n_pretraining_epochs": 0})
            .fit(normal)
            .anomaly_score(X_test),
            DeepSVDD(**deep).fit(normal).anomaly_score(X_test),
            DeepSAD(**deep).fit(both, labels).anomaly_score(X_test),
        )
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="*", default=list(SETS))
    parser.add_argument("--seeds", type=int, default=10)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    lines = [
        "# Classic tabular sets: AUC in %",
        "",
        f"{environment().rstrip('.')}; mean ± standard deviation over {arguments.seeds} splits "
        f"60:40, {_N_LARGE} of shuttle; {TRAINING['n_pretraining_epochs']} epochs of the autoencoder "
        f"and {TRAINING['n_epochs']} of training, batches of {TRAINING['batch_size']}, Adam 0.001, a "
        "tenth of it in the last third, the same for every set; k-NN and OC-SVM (RBF) with textocl's "
        "defaults. OC-SVM, oracle: γ and ν chosen on a tenth of the test set, as in the thesis "
        f"(Table 2.3), from at most {_N_FOR_ORACLE} training samples.",
        "",
        f"| set | {' | '.join(ROWS)} | thesis OC-SVM | thesis Deep SVDD | thesis Deep SAD | seconds |",
        f"| --- |{' --- |' * (len(ROWS) + 4)}",
    ]
    for name in arguments.sets:
        network, *published = SETS[name]
        started = time.perf_counter()
        n_samples = len(np.load(DATA.parent / "vision" / "odds" / f"{name}.npz")["y"])
        n_seeds = arguments.seeds if n_samples < _LARGE else min(_N_LARGE, arguments.seeds)
        figures = [run(name, network, seed) for seed in range(n_seeds)]
        seconds = time.perf_counter() - started
        cells = [
            f"{mean:.1f}±{deviation:.1f}"
            for mean, deviation in zip(np.mean(figures, 0), np.std(figures, 0), strict=True)
        ]
        lines.append(f"| {name} | {' | '.join([*cells, *published])} | {seconds:.0f} |")
        print(lines[-1], flush=True)
        write_result("vision_tabular", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
