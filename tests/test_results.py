"""Results keep a document's own fields, and a file appears only when it is complete."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from textocl import DataError
from textocl.corpora import Document
from textocl.results import ResultWriter

RESULT = {"score": 0.25, "p_value": 0.5, "label": 1, "nearest_context": 2, "n_known_words": 3}


def test_json_lines_keep_fields_and_rename_those_in_the_way(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with ResultWriter(str(path)) as writer:
        writer.write(Document("a", "ship", {"id": "a", "text": "ship", "label": "sea"}), RESULT)
        writer.write(Document(2, "port"), RESULT)
    first, second = map(json.loads, path.read_text("utf-8").splitlines())
    assert first == {"id": "a", "text": "ship", "input_label": "sea", **RESULT}
    assert second == {"id": 2, "text": "port", **RESULT}


def test_no_field_is_lost_when_scored_twice(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    fields = {"text": "a", "score": 7, "input_score": 8}
    with ResultWriter(str(path)) as writer:
        writer.write(Document(1, "a", fields), RESULT)
    record = json.loads(path.read_text("utf-8"))
    assert record["score"] == 0.25
    assert record["input_score"] == 7
    assert record["input_input_score"] == 8


def test_tables_hold_json_where_a_field_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with ResultWriter(str(path)) as writer:
        writer.write(Document(1, "a", {"text": "a", "tags": ["x"], "ok": None}), RESULT)
    with path.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["tags"], row["ok"]) == ('["x"]', "null")


def test_tables(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with ResultWriter(str(path)) as writer:
        writer.write(Document(1, 'a "b",\nc'), RESULT)
    with path.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["text"] == 'a "b",\nc'
    assert float(row["score"]) == 0.25


def test_a_field_that_has_no_column_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with pytest.raises(DataError, match=r"has a field 'extra'.*write \.jsonl"):
        with ResultWriter(str(path)) as writer:
            writer.write(Document(1, "a", {"text": "a"}), RESULT)
            writer.write(Document(2, "b", {"text": "b", "extra": 1}), RESULT)
    assert list(tmp_path.iterdir()) == []


def test_lone_surrogates_come_back(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with ResultWriter(str(path)) as writer:
        writer.write(Document(1, "ship \ud800 é"), RESULT)
    assert json.loads(path.read_text("utf-8"))["text"] == "ship \ud800 é"


def test_an_interrupted_run_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        with ResultWriter(str(path)) as writer:
            writer.write(Document(1, "a"), RESULT)
            raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.jsonl"]


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\.jsonl or \.csv"):
        ResultWriter(str(tmp_path / "out.parquet"))
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match="is a folder"):
        ResultWriter(str(tmp_path / "folder.csv"))
    with pytest.raises(DataError, match="cannot write to"):
        with ResultWriter(str(tmp_path / "absent" / "out.csv")):
            pass
