"""Where many samples have one score, a file gives each the label and p-value that its detector gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textocl.export import OnnxDetector, to_onnx, verify
from textocl.registry import DETECTORS, IMAGE_MODELS, IMAGES, TEXT_MODELS, Model, detector_class

TEMPLATES = [
    "session {} opened for user deploy", "session {} closed for user deploy",
    "accepted publickey for backup from port {}", "connection from {} port {} closed by peer",
    "worker {} finished job {} in {} ms", "worker {} picked job {} from the queue",
    "disk usage of volume {} is {} percent", "rotated log file {} after {} bytes",
    "heartbeat of node {} received after {} ms", "cache miss for key {} took {} ms",
]  # fmt: skip
FOREIGN = ["kernel panic not syncing fatal exception", "the drummer tuned his snare", ""]
SOURCE = np.random.default_rng(0)
WORDS = sorted({word for text in [*TEMPLATES, *FOREIGN] for word in text.split()})
PARAMETERS: dict[str, Any] = {
    "embedding": {word: SOURCE.normal(size=8) for word in WORDS},
    "language": None,
    "n_contexts": 2,
    "n_epochs": 5,
    "batch_size": 50,
    "network": "lenet-4-fc8",
    "n_pretraining_epochs": 1,
    "backbone": "efficientnet-lite0:3",
    "backbone_size": 32,
    "synthetic": "confetti",
}
NOT_OF = {
    "Detector": {"language"},
    "WordLikelihood": {"language"},
    "DeepSAD": {"backbone", "backbone_size"},
    "HSC": {"backbone", "backbone_size"},
    "DeepSVDD": {"backbone", "backbone_size", "synthetic"},
    "FCDD": {"network"},
}
# MVE on few distinct images divides by variances of rounding; `verify` refuses such files
OF_IMAGES = {f"image-{name}": model for name, model in IMAGE_MODELS.items() if name != "mve"}


def lines(n: int, seed: int) -> list[str]:
    source = np.random.default_rng(seed)
    return [
        TEMPLATES[kind].format(*source.integers(1, 250, 3))
        for kind in source.integers(0, len(TEMPLATES), n)
    ]


def images(n: int, seed: int) -> np.ndarray:
    kinds = np.random.default_rng(1).integers(0, 256, (40, 8, 8), np.uint8)
    return kinds[np.random.default_rng(seed).integers(0, len(kinds), n)]


def made(model: Model) -> Any:
    kind = detector_class(model.detector)
    names = set(kind().get_params()) - NOT_OF.get(model.detector, set())
    ours = {key: value for key, value in PARAMETERS.items() if key in names}
    return kind(**{**ours, **model.parameters})


@pytest.mark.filterwarnings("ignore::textocl.core.exceptions.TextoclWarning")
@pytest.mark.parametrize(
    "model", {**TEXT_MODELS, **OF_IMAGES}.values(), ids=[*TEXT_MODELS, *OF_IMAGES]
)
def test_labels_and_p_values_of_repeated_samples_do_not_hang_on_rounding(
    model: Model, tmp_path: Path
) -> None:
    if IMAGES in DETECTORS[model.detector].takes:
        training, X = images(200, 0), np.concatenate([images(300, 1), 255 - images(3, 2)])
    else:
        training, X = lines(400, 0), lines(300, 1) + FOREIGN
    detector = made(model).fit(training)
    file = to_onnx(detector, tmp_path / "model.onnx")
    assessed, expected = OnnxDetector(file).assess(X), detector.assess(X)
    np.testing.assert_array_equal(assessed["label"], expected.label)
    np.testing.assert_allclose(assessed["p_value"], expected.p_value, atol=1e-6)
    # Detector divides by the spread of its members' scores, which is small here
    comparison = verify(detector, file, X, largest_difference=1e-4)
    assert (comparison.flipped_labels, comparison.at_threshold) == (0, 0)
