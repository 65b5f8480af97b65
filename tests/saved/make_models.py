"""Write a small model of each kind, its exported file and its scores: what later versions must still read.

    python tests/saved/make_models.py FOLDER [NAME ...]

`models/` beside this file was written by textocl 0.1.0, the detectors of form and `Discriminant` by
0.2.0. Run it again only for a kind that is new, and never over what is there: the point of these
files is that an older textocl wrote them.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

TOPIC = [
    "ship",
    "port",
    "tanker",
    "cargo",
    "vessel",
    "ferry",
    "harbour",
    "crew",
    "dock",
    "freight",
    "sailors",
]
FILLER = ["today", "people", "large", "small", "new", "good", "first", "came", "went", "found"]
SEEING_FORM = ("SurfaceProfile", "CharacterLikelihood", "Detector-form")
LABELLED = ("Discriminant", "Detector-form")
OTHER = ["guitar", "band", "concert", "album", "singer", "piano"]


def documents(topic: list[str], n: int, seed: int) -> list[str]:
    source = np.random.default_rng(seed)
    return [" ".join([*source.choice(topic, 6), *source.choice(FILLER, 3)]) for _ in range(n)]


def vectors() -> dict[str, np.ndarray]:
    source = np.random.default_rng(0)
    centres = source.normal(size=(3, 6))
    return {
        word: centres[k] + 0.5 * source.normal(size=6)
        for k, words in enumerate([TOPIC, FILLER, OTHER])
        for word in words
    }


def images(n: int, seed: int, anomalous: bool = False) -> np.ndarray:
    """Upright strokes, or lying ones, 8 × 8."""
    source = np.random.default_rng(seed)
    found = source.uniform(0, 0.2, (n, 8, 8))
    place = source.integers(2, 6, n)
    for i, k in enumerate(place):
        found[i, :, k] += 0.7
    return (found.transpose(0, 2, 1) if anomalous else found).astype(np.float32)


def detectors() -> dict[str, Any]:
    import textocl
    from textocl import vision

    text: dict[str, Any] = {"embedding": vectors(), "language": None}
    short: dict[str, Any] = {"n_epochs": 3, "batch_size": 16}
    lenet: dict[str, Any] = {"network": "lenet-4-fc8", "n_pretraining_epochs": 2, **short}
    lite: dict[str, Any] = {"backbone": "efficientnet-lite0:3", "backbone_size": 32}
    return {
        "Detector": textocl.Detector(embedding=vectors(), n_contexts=2),
        "Detector-form": textocl.Detector(embedding=vectors(), n_contexts=2, n_references=20),
        "CVDD": textocl.CVDD(n_contexts=2, n_epochs=20, **text),
        "CVDD-softmin": textocl.CVDD(
            n_contexts=2, n_epochs=20, aggregation="softmin", context_weights=[1, 2], **text
        ),
        "WordLikelihood": textocl.WordLikelihood(n_general_words=20),
        "SurfaceProfile": textocl.SurfaceProfile(),
        "CharacterLikelihood": textocl.CharacterLikelihood(order=3),
        "Discriminant": textocl.Discriminant(**text),
        "Hypersphere": textocl.Hypersphere(n_epochs=3, **text),
        "OCSVM": textocl.OCSVM(**text),
        "OCSVM-linear": textocl.OCSVM(kernel="linear", pooling="tfidf", **text),
        "SVDD": textocl.SVDD(**text),
        "KNN": textocl.KNN(whitening=0.5, **text),
        "LOF": textocl.LOF(**text),
        "Gaussian": textocl.Gaussian(**text),
        "MVE": textocl.MVE(**text),
        "PCA": textocl.PCA(n_components=3, **text),
        "KernelPCA": textocl.KernelPCA(n_components=4, **text),
        "KDE": textocl.KDE(calibration="cross", **text),
        "IsolationForest": textocl.IsolationForest(n_estimators=5, **text),
        "DeepSVDD": vision.DeepSVDD(**lenet),
        "DeepSVDD-soft": vision.DeepSVDD(objective="soft-boundary", **lenet),
        "DeepSAD": vision.DeepSAD(**lenet),
        "HSC": vision.HSC(network="lenet-4-fc8", **short),
        "FCDD": vision.FCDD(**lite, **short),
        "FeatureDetector": vision.FeatureDetector(**lite),
        "PatchKNN": vision.PatchKNN(n_patches=40, **lite),
    }


def sample(name: str) -> tuple[Any, Any, Any]:
    """What a detector learns from, its labels, and what it then scores."""
    if name.split("-")[0] not in (
        "DeepSVDD",
        "DeepSAD",
        "HSC",
        "FCDD",
        "FeatureDetector",
        "PatchKNN",
    ):
        normal: Any = documents(TOPIC, 60, 0)
        new: Any = [*documents(TOPIC, 20, 1), *documents(OTHER, 5, 2), "nothing known here", ""]
        if name in SEEING_FORM:
            new += ["SHIP NOW!!! 50 % off: http://ships.example", "ship " * 40, "sh1p p0rt t4nk3r"]
        if name in LABELLED:
            return [*normal, *documents(TOPIC[6:], 12, 3)], np.repeat([0, -1], [60, 12]), new
        return normal, None, new
    normal, new = images(60, 0), np.concatenate([images(10, 1), images(5, 2, anomalous=True)])
    if name in ("DeepSAD", "HSC", "FCDD"):
        given = np.concatenate([normal, images(10, 3, anomalous=True)])
        return given, np.repeat([0, -1], [60, 10]), new
    return normal, None, new


def main(folder: Path, names: Sequence[str] = ()) -> None:
    """Write those of ``names``, of which there are none yet, or all into an empty folder."""
    import textocl.ensemble.composition as ensemble  # where Detector makes its members
    from textocl.export import OnnxDetector, to_onnx

    warnings.simplefilter("ignore")
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / "scores.json"
    scores = json.loads(written.read_text()) if names and written.exists() else {}
    if known := scores.keys() & set(names):
        sys.exit(f"{', '.join(sorted(known))}: written by an earlier version, to be kept.")
    small = ensemble.WordLikelihood

    def few_words(**parameters: Any) -> Any:
        return small(n_general_words=20, **parameters)

    for name, detector in detectors().items():
        if names and name not in names:
            continue
        given, labels, new = sample(name)
        with patch.object(ensemble, "WordLikelihood", few_words):
            detector.fit(given, labels)
        detector.save(folder / name)
        scores[name] = {
            "model": [float(s) for s in detector.anomaly_score(new)],
            "threshold": [detector.threshold_],
        }
        to_onnx(detector, folder / f"{name}.onnx")
        exported = OnnxDetector(folder / f"{name}.onnx").anomaly_score(new)
        scores[name]["exported"] = [float(s) for s in exported]
    rows = ",\n".join(f"{json.dumps(name)}: {json.dumps(row)}" for name, row in scores.items())
    written.write_text(f"{{\n{rows}\n}}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
