"""``textocl update``: more documents into a model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from commands import run
from texts import sentences

import textocl
from textocl import KNN


@pytest.fixture
def own(model: Path, tmp_path: Path) -> Path:
    """A model of the test's own."""
    return Path(shutil.copytree(model, tmp_path / "model"))


def test_update_replaces_the_model(own: Path, model: Path, tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("\n".join(sentences("ships", 40, seed=9)))
    done = run("update", own, tmp_path / "more.txt")
    before, after = textocl.load(model), textocl.load(own)
    n_learned = after.n_training_samples_ - before.n_training_samples_
    assert 30 < n_learned <= 40
    assert f"Learned from {n_learned} more of 40 documents" in done.stdout
    assert f"{after.threshold_:.4f}, before {before.threshold_:.4f}" in done.stdout
    done = run("update", own, tmp_path / "more.txt", "--json")
    assert json.loads(done.stdout)["documents"] == after.n_training_samples_
    assert "40 of 40 documents were learned from before" in done.stderr.replace("\n", " ")


def test_update_learns_what_it_is_told(own: Path, folder: Path, tmp_path: Path) -> None:
    marks = [{"id": f"music{i}", "label": 1} for i in range(30)]
    marks += [{"id": f"ships{i}", "label": "does not belong"} for i in range(3)]
    (tmp_path / "marks.jsonl").write_text("".join(json.dumps(mark) + "\n" for mark in marks))
    out = tmp_path / "second"
    run("update", own, folder / "mixed.jsonl", "--labels", tmp_path / "marks.jsonl", "--out", out)
    songs = sentences("music", 40, seed=4)
    before, after = (textocl.load(at).predict(songs) for at in (own, out))
    assert (before < 0).all()
    assert (after > 0).mean() > 0.7


def test_trust_learns_everything(own: Path, folder: Path) -> None:
    before = textocl.load(own)
    done = run("update", own, folder / "music.txt", "--trust")
    assert "20 more of 20 documents" in done.stdout
    songs = sentences("music", 40, seed=4)
    assert (before.anomaly_score(songs) > textocl.load(own).anomaly_score(songs)).all()


def test_update_refuses_what_cannot_learn_more(
    own: Path, exported: Path, folder: Path, tmp_path: Path
) -> None:
    before = (own / "config.json").read_bytes()
    done = run("update", own, folder / "empty.txt", code=3)
    assert "no documents" in done.stderr or "got none" in done.stderr
    done = run("update", own, folder / "broken.jsonl", code=3)
    assert (own / "config.json").read_bytes() == before
    assert np.isfinite(textocl.load(own).threshold_)
    done = run("update", exported, folder / "ships.txt", code=3)
    assert "update" in done.stderr
    KNN(language=None).fit(sentences("ships", 120)).save(tmp_path / "knn")
    done = run("update", tmp_path / "knn", folder / "ships.txt", code=3)
    assert "a KNN cannot learn more: fit it again." in done.stderr.replace("\n", " ")
