"""``textocl fit``: documents in, a model out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import TEXTOCL, run
from texts import sentences

import textocl
from textocl import CVDD, Detector
from textocl.core.factory import make_detector
from textocl.core.metrics import evaluate
from textocl.registry import TEXT_MODELS

#: what "auto" stands for with these documents
FOUND = {"tokenization": "english", "language": "en"}


def test_fit_writes_a_model_with_the_parameters_given(folder: Path, tmp_path: Path) -> None:
    done = run(
        "fit", folder / "mixed.jsonl", "--out", tmp_path / "second", "--model", "cvdd",
        "--contexts", 2, "--epochs", 4, "--false-alarm-rate", 0.1, "--label-field", "label", "--normal", "music",
        "--embedding", "wordllama", "--json",
    )  # fmt: skip
    facts = json.loads(done.stdout)
    assert facts["documents"] + facts["calibration_documents"] == 30
    assert facts["contexts"] == 2
    assert facts["parameters"]["n_epochs"] == 4
    # what was not given is as the class has it
    expected = CVDD(n_contexts=2, n_epochs=4, false_alarm_rate=0.1, **FOUND).get_params()
    assert facts["parameters"].items() <= expected.items()


def test_fit_without_a_model_name_fits_the_detector_to_start_with(
    model: Path, folder: Path, tmp_path: Path
) -> None:
    done = run("fit", folder / "ships.txt", "--out", tmp_path / "model", "--seed", 1)
    assert "Learned from 120 documents" in done.stdout
    assert "top words" in done.stdout
    fitted = textocl.load(tmp_path / "model")
    assert isinstance(fitted, Detector)
    assert fitted.get_params() == Detector(random_state=1, **FOUND).get_params()
    for name in ("config.json", "weights.safetensors"):
        assert (tmp_path / "model" / name).read_bytes() == (model / name).read_bytes()


@pytest.mark.parametrize(
    ("name", "arguments", "parameters"),
    [
        ("kde", ["--pooling", "tfidf"], {"pooling": "tfidf"}),
        ("words", ["--false-alarm-rate", 0.2], {"false_alarm_rate": 0.2}),
        ("cvdd", ["--aggregation", "min", "--typical", 1], {"aggregation": "min", "n_typical": 1}),
        ("hypersphere", ["--epochs", 3, "--anomalies", "music.txt"], {"n_epochs": 3}),
    ],
)
def test_every_model_fits_scores_and_explains(
    folder: Path, tmp_path: Path, name: str, arguments: list[Any], parameters: dict[str, Any]
) -> None:
    model = tmp_path / "model"
    done = run(
        "fit", "ships.txt", "--out", model, "--model", name, *arguments, cwd=folder
    )  # fmt: skip
    assert "Learned from 120 documents" in done.stdout
    fitted = textocl.load(model)
    assert fitted.get_params().items() >= parameters.items()
    assert isinstance(fitted, type(make_detector(name)))
    texts = sentences("ships", 30, seed=2) + sentences("music", 30, seed=2)
    measured = evaluate(fitted.anomaly_score(texts), np.repeat([False, True], 30))
    assert measured.auc > 0.95
    assert "guitar" in run("explain", model, "The band on the ship played guitar").stdout
    if name != "cvdd":
        assert "has no contexts" in run("contexts", model, code=3).stderr


def test_known_anomalies_raise_the_scores_of_their_topic(folder: Path, tmp_path: Path) -> None:
    ranks = []
    for more in ([], ["--anomalies", folder / "music.txt"]):
        run("fit", folder / "ships.txt", "--out", tmp_path / "m", "--model", "kde", *more)
        detector = textocl.load(tmp_path / "m")
        excess = detector.anomaly_score(sentences("music", 20, seed=4)) - detector.threshold_
        ranks.append(excess.mean())
    assert ranks[1] > ranks[0]


def test_an_option_that_the_model_has_not_is_refused(folder: Path, tmp_path: Path) -> None:
    done = run("fit", folder / "ships.txt", "--out", tmp_path / "m", "--epochs", 3, code=3)
    assert "model 'auto' has no parameter 'n_epochs'" in done.stderr
    done = run("fit", folder / "ships.txt", "--out", tmp_path / "m", "--model", "svm", code=3)
    assert all(repr(known) in done.stderr for known in TEXT_MODELS)
    assert not (tmp_path / "m").exists()


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_an_interrupted_fit_leaves_the_old_model(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "many.txt").write_text("\n".join(sentences("ships", 3000)))
    model = tmp_path / "model"
    run("fit", folder / "ships.txt", "--out", model, "--model", "words", "--quiet")
    before = (model / "config.json").read_bytes()
    process = subprocess.Popen(
        [
            *TEXTOCL,
            "fit",
            str(tmp_path / "many.txt"),
            "--out",
            str(model),
            "--model",
            "cvdd",
            "--epochs",
            "100000",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a runner in the background may have told its children to ignore interrupts
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        time.sleep(6)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "interrupted" in errors
    assert "Traceback" not in errors
    assert (model / "config.json").read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["many.txt", "model"]


def test_how_cvdd_learns_is_chosen_by_options(folder: Path, tmp_path: Path) -> None:
    options = {
        "orthogonality": 0.5, "attention_size": 20, "batch_size": 16, "n_epochs": 2, "n_contexts": 2
    }  # fmt: skip
    done = run(
        "fit", folder / "ships.txt", "--out", tmp_path / "m", "--model", "cvdd-thesis",
        "--orthogonality", 0.5, "--attention-size", 20, "--batch-size", 16, "--epochs", 2,
        "--contexts", 2, "--device", "cpu", "--json",
    )  # fmt: skip
    parameters = json.loads(done.stdout)["parameters"]
    assert parameters.items() >= options.items()
    assert parameters["context_rate"] == CVDD.thesis().context_rate


@pytest.mark.parametrize(
    ("model", "option", "value", "message"),
    [
        ("kde", "--orthogonality", "1", "model 'kde' has no parameter 'orthogonality'"),
        ("kde", "--attention-size", "9", "model 'kde' has no parameter 'attention_size'"),
        ("words", "--batch-size", "9", "model 'words' has no parameter 'batch_size'"),
        ("words", "--device", "cpu", "model 'words' has no parameter 'device'"),
        ("cvdd", "--device", "abacus", "device must be 'auto', 'cpu' or 'cuda'"),
        ("cvdd", "--orthogonality", "-1", "orthogonality must be in [0"),
    ],
)
def test_what_a_model_cannot_take_is_refused(
    folder: Path, tmp_path: Path, model: str, option: str, value: str, message: str
) -> None:
    arguments = ("fit", folder / "ships.txt", "--out", tmp_path / "m", "--model", model)
    assert message in " ".join(run(*arguments, option, value, code=3).stderr.split())
    assert not (tmp_path / "m").exists()
