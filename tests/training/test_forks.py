"""A process that is forked after a fit or a score scores as its parent does."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = """
import multiprocessing
import sys

import numpy as np
import torch
from texts import sentences

from textocl import CVDD, KDE, Detector, Hypersphere
from textocl.vision import DeepSVDD

texts, images = sentences("ships", 100), np.random.default_rng(0).random((64, 32, 32))
detectors = [
    (KDE(), texts),
    (CVDD(n_contexts=2, n_epochs=5), texts),
    (Detector(n_contexts=2), texts),
    (Hypersphere(n_epochs=2), texts),
    (DeepSVDD(n_epochs=1, n_pretraining_epochs=0), images),
]


def score(i):
    detector, samples = detectors[i]
    return detector.anomaly_score(samples[:40])


torch.set_num_threads(4)
expected = [(detector.fit(samples), score(i))[1] for i, (detector, samples) in enumerate(detectors)]
with multiprocessing.get_context("fork").Pool(2) as pool:
    scores = pool.map_async(score, range(len(detectors))).get(timeout=120)
assert all(map(np.array_equal, scores, expected))
assert torch.get_num_threads() == 4
"""


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="the system has no fork"
)
def test_a_process_forked_after_fit_and_score_scores_equal() -> None:
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
