"""``textocl score``: each document with its own fields and what the model says of it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from commands import run, run_process

import textocl


def test_score_keeps_fields_and_adds_results(model: Path, folder: Path, tmp_path: Path) -> None:
    run("score", model, folder / "mixed.jsonl", "--out", tmp_path / "out.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    given = [json.loads(line) for line in (folder / "mixed.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == [record["id"] for record in given]
    assert [row["input_label"] for row in rows] == [record["label"] for record in given]
    expected = textocl.load(model).anomaly_score([record["text"] for record in given])
    assert [row["score"] for row in rows] == pytest.approx(expected.tolist(), abs=1e-6)
    assert {row["label"] for row in rows} == {1, -1}
    run("score", model, folder / "mixed.jsonl", "--out", tmp_path / "out.csv", "--quiet")
    with (tmp_path / "out.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [float(row["score"]) for row in table] == [row["score"] for row in rows]


def test_score_reads_standard_input_and_writes_standard_output(model: Path) -> None:
    done = run_process("score", model, "-", "--out", "-", input="the ship\n\nthe guitar\n")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["text"] for row in rows] == ["the ship", "", "the guitar"]
    assert rows[1]["score"] == np.finfo(np.float32).max  # the worst there is
    assert rows[1]["n_known_words"] == 0
    assert "1 of 3 documents have no known word" in done.stderr


def test_an_exported_file_scores_and_evaluates(
    model: Path, exported: Path, folder: Path, tmp_path: Path
) -> None:
    tables = []
    for name, by in (("own", model), ("exported", exported)):
        run("score", by, folder / "mixed.jsonl", "--out", tmp_path / f"{name}.jsonl")
        tables.append([json.loads(line) for line in (tmp_path / f"{name}.jsonl").open()])
    for own, other in zip(*tables, strict=True):
        assert list(own) == list(other)
        for name, value in own.items():
            assert other[name] == (
                value if isinstance(value, str) else pytest.approx(value, rel=1e-5, abs=1e-5)
            )
    arguments = (folder / "mixed.jsonl", "--label-field", "label", "--normal", "ships", "--json")
    measured = [json.loads(run("evaluate", by, *arguments).stdout) for by in (model, exported)]
    at_threshold = [measures.pop("at_threshold") for measures in measured]
    assert measured[1] == pytest.approx(measured[0])
    assert at_threshold[1] == at_threshold[0]
    refused = run("evaluate", exported, *arguments, "--false-alarm-rate", 0.3, code=3)
    assert "has one threshold, for a false-alarm rate of 0.05" in refused.stderr


def test_quiet_is_quiet(model: Path, folder: Path, tmp_path: Path) -> None:
    done = run("score", model, folder / "mixed.jsonl", "--out", tmp_path / "o.jsonl", "--quiet")
    assert done.stdout == done.stderr == ""


def test_skip_bad_counts_and_reports(model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "ship"}\n{\n{"text": 1}\n{"text": "port"}\n')
    done = run("score", model, tmp_path / "a.jsonl", "--out", tmp_path / "o.jsonl", "--skip-bad")
    assert "2 records could not be read" in done.stderr
    assert "line 2: not JSON" in done.stderr
    assert len((tmp_path / "o.jsonl").read_text().splitlines()) == 2
