"""``textocl inspect``, run as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from commands import run
from texts import sentences

import textocl
from textocl import CVDD, KDE, Detector


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inspect")
    texts = sentences("ships", 60) + sentences("food", 60)
    CVDD(n_general_words=2000).fit(texts).save(folder / "model")
    documents = [*sentences("ships", 10, seed=5), *sentences("music", 10, seed=5), "\x1b[31m é"]
    (folder / "docs.txt").write_text("\n".join(documents) + "\n", "utf-8")
    return folder / "model"


def test_a_choice_is_shown_and_saved(model: Path, tmp_path: Path) -> None:
    docs, out = model.parent / "docs.txt", tmp_path / "chosen"
    choice = ["--context-weights", "0:1,2:0.5", "--out", out]
    plain = json.loads(run("inspect", model, docs, *choice, "--json").stdout)
    assert plain["context_weights"] == [1, 0, 0.5]
    texts = docs.read_text("utf-8").splitlines()
    detector, chosen = textocl.load(model), textocl.load(out)
    expected = detector.recalibrate(context_weights={0: 1, 2: 0.5}).anomaly_score(texts[:20])
    assert np.array_equal(chosen.anomaly_score(texts[:20]), expected)
    assert plain["after"]["threshold"] == chosen.threshold_
    shown = run("inspect", model, docs, "--contexts", "0,2", "--top", 5).stdout
    assert "Rank correlation" in shown
    assert "flagged" in shown
    assert "\x1b[31m é" not in shown
    again = run("inspect", out, docs).stdout  # its own weights, before and after
    assert "Rank correlation 1.000" in again
    assert "same documents" in again


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--contexts", "0,7"], 3, "context 7"),
        (["--contexts", "0:1"], 2, "such as 0,2"),
        (["--context-weights", "0"], 2, "such as 0,2"),
        (["--context-weights", "0:x"], 2, "such as 0,2"),
        (["--contexts", "0", "--context-weights", "0:1"], 2, "not both"),
        (["--out", "new"], 3, "give --contexts"),
    ],
)
def test_a_wrong_choice_is_refused(
    options: list[str], code: int, message: str, model: Path, tmp_path: Path
) -> None:
    done = run("inspect", model, model.parent / "docs.txt", *options, code=code, cwd=tmp_path)
    assert message in " ".join(done.stderr.replace("│", " ").split())


def test_contexts_of_the_default_detector_can_be_chosen(model: Path, tmp_path: Path) -> None:
    Detector(n_contexts=2).fit(sentences("ships", 60)).save(tmp_path / "fused")
    docs, out = model.parent / "docs.txt", tmp_path / "chosen"
    choice = ["--contexts", "1", "--out", out, "--json"]
    plain = json.loads(run("inspect", tmp_path / "fused", docs, *choice).stdout)
    assert plain["context_weights"] == [0, 1]
    assert plain["after"]["threshold"] == textocl.load(out).threshold_
    shown = run("inspect", out, docs).stdout
    assert "Rank correlation 1.000" in shown


def test_a_detector_without_contexts_is_refused(model: Path, tmp_path: Path) -> None:
    KDE().fit(sentences("ships", 60)).save(tmp_path / "kde")
    done = run("inspect", tmp_path / "kde", model.parent / "docs.txt", code=3)
    assert "no contexts to choose from" in " ".join(done.stderr.split())
