"""IsolationForest against scikit-learn, and against damaged files."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from sklearn.ensemble import IsolationForest as ScikitForest

import textocl
from textocl import FormatError, IsolationForest, TextoclWarning


@pytest.mark.parametrize(("n_samples", "seed"), [("auto", 0), (40, 1), (2, 2)])
def test_scores_are_scikit_learns(
    n_samples: int | str, seed: int, training: np.ndarray, new: np.ndarray
) -> None:
    detector = IsolationForest(
        n_estimators=50, max_samples=n_samples, random_state=seed, calibration="training"
    ).fit(training)
    reference = ScikitForest(n_estimators=50, max_samples=n_samples, random_state=seed).fit(
        training
    )
    assert np.abs(detector.anomaly_score(new) + reference.score_samples(new)).max() < 1e-6


def test_path_lengths_are_those_of_a_walk_through_each_tree(
    training: np.ndarray, new: np.ndarray
) -> None:
    detector = IsolationForest(n_estimators=10, max_samples=150, calibration="training")
    learned = detector.fit(training).state_.learned
    for x, score in zip(new, detector.anomaly_score(new), strict=True):
        total = 0.0
        for node in learned["roots"]:
            while learned["left"][node] != node:
                goes_left = x[learned["feature"][node]] <= learned["cut"][node]
                node = learned["left" if goes_left else "right"][node]
            total += learned["path_length"][node]
        assert np.isclose(score, 2 ** (-total / 10 / learned["mean_path_length"][0]))


def test_points_that_no_cut_can_separate_score_one_half() -> None:
    detector = IsolationForest(n_estimators=5, calibration="training")
    scores = detector.fit(np.ones((30, 2), np.float32)).anomaly_score(np.ones((2, 2), np.float32))
    assert scores.tolist() == [0.5, 0.5]


def test_more_samples_than_points_warn_and_take_all(training: np.ndarray) -> None:
    detector = IsolationForest(n_estimators=5, max_samples=500, calibration="training")
    with pytest.warns(TextoclWarning, match="max_samples=500 is more than the 150 training"):
        detector.fit(training)


@pytest.mark.parametrize(
    ("name", "value"),
    [("left", 0), ("right", -3), ("left", 10**6), ("feature", 6), ("feature", -1), ("roots", -1)],
)
def test_trees_that_lead_nowhere_are_refused_rather_than_walked(
    name: str, value: int, training: np.ndarray, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    IsolationForest(n_estimators=3).fit(training).save(model)
    weights = load_file(model / "weights.safetensors")
    weights[name][1] = value
    save_file(weights, model / "weights.safetensors")
    config = json.loads((model / "config.json").read_text("utf-8"))
    config["weights_sha256"] = sha256((model / "weights.safetensors").read_bytes()).hexdigest()
    (model / "config.json").write_text(json.dumps(config), "utf-8")
    with pytest.raises(FormatError, match="trees are damaged"):
        textocl.load(model)
