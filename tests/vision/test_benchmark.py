"""Detectors on a test with known anomalies: the split, the figures, the table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from digits import Digits

from textocl.core.exceptions import DataError
from textocl.core.metrics import evaluate
from textocl.vision import DeepSVDD, aupro, pixel_auc
from textocl.vision.benchmark import LabelledImages, Record, measure, split_by_seed, table

SHORT: dict[str, Any] = {"network": "lenet-4-fc4", "n_epochs": 1, "n_pretraining_epochs": 1}


def images(X: np.ndarray, y: np.ndarray, masks: np.ndarray | None = None) -> LabelledImages:
    paths = [Path(f"{i}.png") for i in range(len(X))]
    return LabelledImages(paths, torch.from_numpy(X)[:, None], y, masks)


@pytest.mark.parametrize("seed", range(3))
def test_the_split_tests_a_quarter_of_normal_and_all_other_anomalies(seed: int) -> None:
    labels = np.repeat([0, -1, -1], [40, 10, 5])
    may_test = np.arange(55) < 50  # the last five are Outlier Exposure
    training, test = split_by_seed(labels, may_test, 3, seed)
    assert sorted([*training, *test]) == list(range(55))
    assert (labels[test] >= 0).sum() == 10
    assert (labels[test] < 0).sum() == 7
    assert set(range(50, 55)) <= set(training.tolist())
    again = split_by_seed(labels, may_test, 3, seed)
    other = split_by_seed(labels, may_test, 3, seed + 1)
    assert (again[1] == test).all()
    assert (other[1] != test).any()


@pytest.mark.parametrize(("n_normal", "n_known"), [(3, 0), (40, 5)])
def test_too_few_images_to_test_on_are_refused(n_normal: int, n_known: int) -> None:
    labels = np.repeat([0, -1], [n_normal, 5])
    with pytest.raises(DataError, match=f"{n_normal} normal and 5 anomalous images"):
        split_by_seed(labels, np.ones(len(labels), bool), n_known, 0)


def test_figures_are_those_of_the_detector(digits: Digits) -> None:
    X, y = digits.labelled()
    training = images(X, y)
    test_y = np.where(digits.is_anomaly, -1, 0)
    masks = (digits.test > 0.5) & digits.is_anomaly[:, None, None]
    masks[-1] = False  # its place is not known
    test = images(digits.test, test_y, masks)
    record = measure("deep-svdd", 4, training, test, **SHORT)
    same = DeepSVDD(**SHORT, random_state=4).fit(X[y >= 0])
    expected = evaluate(same.anomaly_score(digits.test), digits.is_anomaly)
    assert record.auc == pytest.approx(expected.auc)
    assert record.average_precision == pytest.approx(expected.average_precision)
    heat = same.explain(digits.test)[:-1]
    assert record.pixel_auc == pytest.approx(pixel_auc(heat, masks[:-1]), abs=1e-4)
    assert record.aupro == pytest.approx(aupro(heat, masks[:-1]), abs=1e-4)
    assert (record.n_train, record.n_known_anomalies) == (130, 60)
    assert (record.n_normal, record.n_anomalous) == (expected.n_normal, expected.n_anomalous)
    without = measure("deep-svdd", 4, training, images(digits.test, test_y), **SHORT)
    assert without.auc == record.auc
    assert without.pixel_auc is without.aupro is None


def test_masks_of_training_images_reach_fcdd(digits: Digits) -> None:
    X, y = digits.labelled()
    test = images(digits.test, np.where(digits.is_anomaly, -1, 0))
    masks = (X > 0.5) & (y < 0)[:, None, None]
    settings = {"n_epochs": 1, "batch_size": 32}
    with_masks = measure("fcdd", 0, images(X, y, masks), test, **settings)
    without = measure("fcdd", 0, images(X, y), test, **settings)
    assert with_masks.auc != without.auc


def test_the_table_has_means_and_spreads() -> None:
    one = Record("fcdd", 0, 0.9, 0.8, 0.3, 0.7, 0.5, 10, 0, 5, 5, 2.0)
    two = replace(one, seed=1, auc=0.8, fit_seconds=4.0)
    other = replace(one, model="hsc", pixel_auc=None, aupro=None)
    assert table([one, two, other]).splitlines()[2:] == [
        "| fcdd | 85.0 ± 5.0 | 80.0 ± 0.0 | 70.0 ± 0.0 | 50.0 ± 0.0 | 3.0 |",
        "| hsc | 90.0 | 80.0 | – | – | 2.0 |",
    ]
