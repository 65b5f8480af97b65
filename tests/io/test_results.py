"""Results keep a document's own fields, and a file appears only when it is complete."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textocl import Assessment, DataError
from textocl.io.corpora import Document
from textocl.io.results import RESULTS, Counts, Part, ResultRows, ResultWriter, tasks_of

RESULT = {
    "score": 0.25, "p_value": 0.5, "label": 1, "status": "normal", "nearest_context": 2,
    "n_known_words": 3,
}  # fmt: skip
JSON, TABLE = ResultRows(), ResultRows(table=True)


def lines(rows: ResultRows, *documents: Document) -> str:
    each = {name: np.full(len(documents), v) for name, v in RESULT.items() if name != "status"}
    return rows.lines(list(documents), Assessment(**each)).decode()


def records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_results_are_what_a_detector_assesses() -> None:
    nothing = Assessment(*(np.empty(0, np.int64) for _ in range(5)))
    assert tuple(nothing.columns()) == RESULTS == tuple(RESULT)


def test_what_is_not_judged_has_no_score_but_says_so() -> None:
    worst = float(np.finfo(np.float32).max)
    values = ([worst, 0.25], [0.01, 0.5], [0, 1], [-1, 2], [0, 3])
    assessment = Assessment(*map(np.array, values))
    documents = [Document(1, ""), Document(2, "ship")]
    first, second = records(JSON.lines(documents, assessment).decode())
    assert first == {
        "id": 1, "text": "", "score": None, "p_value": None, "label": 0, "status": "not judged",
        "nearest_context": -1, "n_known_words": 0,
    }  # fmt: skip
    assert second == {"id": 2, "text": "ship", **RESULT}
    header, row, _ = TABLE.lines(documents, assessment).decode().splitlines()
    assert header == "id,text,score,p_value,label,status,nearest_context,n_known_words"
    assert row == "1,,,,0,not judged,-1,0"


def test_json_lines_keep_fields_and_rename_those_in_the_way() -> None:
    named = Document("a", "ship", {"id": "a", "text": "ship", "label": "sea"})
    first, second = records(lines(JSON, named, Document(2, "port")))
    assert first == {"id": "a", "text": "ship", "input_label": "sea", **RESULT}
    assert second == {"id": 2, "text": "port", **RESULT}


def test_no_field_is_lost_when_scored_twice() -> None:
    twice = Document(1, "a", {"text": "a", "score": 7, "input_score": 8})
    (record,) = records(lines(JSON, twice))
    assert record["score"] == 0.25
    assert record["input_score"] == 7
    assert record["input_input_score"] == 8


def test_tables_hold_json_where_a_field_is_no_text() -> None:
    document = Document(1, "a", {"text": "a", "tags": ["x"], "ok": True, "empty": None})
    (row,) = csv.DictReader(io.StringIO(lines(TABLE, document), newline=""))
    assert (row["tags"], row["ok"], row["empty"]) == ('["x"]', "True", "")


def test_another_field_of_ids_leaves_the_field_id_as_it_is() -> None:
    document = Document("k", "a", {"id": 7, "key": "k", "text": "a"}, id_field="key")
    (record,) = records(lines(JSON, document))
    assert record == {"id": "k", "input_id": 7, "key": "k", "text": "a", **RESULT}


def test_tables() -> None:
    text = lines(TABLE, Document(1, 'a "b",\nc'))
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["text"] == 'a "b",\nc'
    assert float(row["score"]) == 0.25


def test_a_field_that_has_no_column_is_an_error() -> None:
    narrow = Document(1, "a", {"text": "a"})
    wide = Document(2, "b", {"text": "b", "extra": 1})
    with pytest.raises(DataError, match=r"has a field 'extra'.*write \.jsonl"):
        lines(TABLE, narrow, wide)
    with pytest.raises(DataError, match=r"document 2 has a field 'extra'"):
        lines(TABLE.after(narrow), wide)


@pytest.mark.parametrize("rows", [JSON, TABLE, ResultRows(ascii=True)])
def test_batches_give_the_same_lines_as_the_whole(rows: ResultRows) -> None:
    documents = [Document(i, f"ship é {i}", {"label": i, "text": "a"}) for i in range(5)]
    parts = [lines(r, *batch) for r, batch in tasks_of(rows, [documents[:2], documents[2:]])]
    assert "".join(parts) == lines(rows, *documents)


def test_lone_surrogates_come_back() -> None:
    (record,) = records(lines(JSON, Document(1, "ship \ud800 é")))
    assert record["text"] == "ship \ud800 é"


def test_standard_output_is_ascii(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    rows = ResultRows.for_path("-")
    part = Part(lines(rows, Document(1, "ship é")).encode(), Counts(1))
    with ResultWriter("-") as writer:
        writer.write(part)
    assert b'"ship \\u00e9"' in capfdbinary.readouterr().out


def test_what_is_written_is_counted(tmp_path: Path) -> None:
    with ResultWriter(str(tmp_path / "out.jsonl")) as writer:
        writer.write(Part(b"a\n", Counts(3, 2, 1)))
        writer.write(Part(b"b\n", Counts(2, 0, 1)))
    assert writer.counts == (5, 2, 2)
    assert (tmp_path / "out.jsonl").read_bytes() == b"a\nb\n"


def test_an_interrupted_run_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        with ResultWriter(str(path)) as writer:
            writer.write(Part(b"new", Counts(1)))
            raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.jsonl"]


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\.jsonl or \.csv"):
        ResultRows.for_path(str(tmp_path / "out.parquet"))
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match="is a folder"):
        ResultRows.for_path(str(tmp_path / "folder.csv"))
    with pytest.raises(DataError, match="cannot write to"):
        with ResultWriter(str(tmp_path / "absent" / "out.csv")):
            pass
