"""Where texts and ids come from: named, joined, or told by the length of values."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from textocl import DataError, read_documents
from textocl.io.tables import read_corpus

LONG = "the room was clean and the staff were kind to us all week"


def json_lines(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_a_field_called_text_is_taken_before_a_longer_one(tmp_path: Path) -> None:
    file = json_lines(tmp_path / "a.jsonl", [{"text": "short", "body": LONG}])
    corpus = read_corpus(file)
    assert (corpus.texts, corpus.text_fields, corpus.notes) == (["short"], ("text",), [])


def test_the_one_long_column_is_taken_and_said(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"id,date,review\n7,2024-01-05,{LONG}\n8,2024-01-06,{LONG}\n")
    corpus = read_corpus(tmp_path / "a.csv")
    assert corpus.texts == [LONG, LONG]
    assert corpus.ids == ["7", "8"]
    assert corpus.columns == {"date": ["2024-01-05", "2024-01-06"]}
    (note,) = corpus.notes
    assert note.endswith("a.csv: texts come from column 'review' (of id, date, review)")


@pytest.mark.parametrize(
    ("record", "field"),
    [
        ({"name": "Anna Berg", "review": LONG}, "review"),
        ({"title": "A good hotel to stay", "body": LONG * 3}, "body"),
        ({"url": f"https://example.org/{'x' * 300}", "review": LONG}, "review"),
        ({"city": "京都", "review": "部屋は清潔でスタッフも親切でした"}, "review"),
        ({"Summary": LONG * 2, "Text": LONG}, "Text"),
        ({"headline": "Rain"}, "headline"),
        ({"question": LONG, "answer": LONG}, None),
        ({"first": "Anna", "last": "Berg"}, None),
        ({"id": 1, "n": 2}, None),
    ],
)
def test_what_is_told_by_length_and_what_cannot_be(
    record: dict[str, Any], field: str | None, tmp_path: Path
) -> None:
    file = json_lines(tmp_path / "a.jsonl", [record] * 3)
    if field is not None:
        assert read_corpus(file).text_fields == (field,)
        return
    names = ", ".join(map(repr, record))
    with pytest.raises(DataError, match=f"cannot tell which .* there are {names}.*--text-field"):
        read_corpus(file)


def test_several_fields_are_joined_by_a_blank_line(tmp_path: Path) -> None:
    records = [
        {"title": "Rain", "body": "It rained.", "n": 1},
        {"title": "", "body": "No title."},
        {"body": "None either."},
        {"title": None, "body": None},
    ]
    corpus = read_corpus(json_lines(tmp_path / "a.jsonl", records), "title, body")
    assert corpus.texts == ["Rain\n\nIt rained.", "No title.", "None either.", ""]
    assert corpus.text_fields == ("title", "body")
    assert corpus.columns["title"] == ["Rain", "", None, None]  # nowhere else as such
    assert corpus.columns["n"] == [1, None, None, None]


def test_a_name_with_a_comma_is_one_name_where_there_is_one(tmp_path: Path) -> None:
    file = json_lines(tmp_path / "a.jsonl", [{"a,b": "one", "a": "x", "b": "y"}])
    assert read_corpus(file, "a,b").texts == ["one"]


def test_missing_texts_stay_and_are_counted(tmp_path: Path) -> None:
    records = [{"text": "ship"}, {"text": None}, {"text": ""}, {"other": 1}]
    corpus = read_corpus(json_lines(tmp_path / "a.jsonl", records))
    assert corpus.texts == ["ship", "", "", ""]
    assert corpus.ids == ["1", "2", "3", "4"]
    assert corpus.notes[0].endswith("2 records without a text; read as empty")


def test_ids_come_from_the_field_named_or_else_from_the_number(tmp_path: Path) -> None:
    records = [{"id": 1, "key": key, "text": "a"} for key in ("x", 7, 8.0, None)]
    file = json_lines(tmp_path / "a.jsonl", records)
    corpus = read_corpus(file, id_field="key")
    assert (corpus.ids, corpus.id_field) == (["x", "7", "8", "4"], "key")
    assert corpus.columns == {"id": [1, 1, 1, 1]}
    (tmp_path / "a.csv").write_text("key,text\nx,a\n")
    with pytest.raises(DataError, match="no column 'ref'; there are 'key', 'text'"):
        read_corpus(tmp_path / "a.csv", id_field="ref")


def test_repeated_ids_are_said(tmp_path: Path) -> None:
    records = [{"id": identifier, "text": "a"} for identifier in (1, 2, 1)]
    corpus = read_corpus(json_lines(tmp_path / "a.jsonl", records))
    assert corpus.ids == ["1", "2", "1"]
    assert "1 value occurs more than once in 'id' ('1')" in corpus.notes[0]


def test_a_stream_is_not_held_back_to_tell_the_field(monkeypatch: pytest.MonkeyPatch) -> None:
    class Pipe(io.BytesIO):
        """One record has come; who asks for another waits for ever."""

        def seekable(self) -> bool:
            return False

        def __next__(self) -> bytes:
            line = self.readline()
            assert line
            return line

    pipe = Pipe(json.dumps({"n": 1, "review": LONG}).encode() + b"\n")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=pipe))
    assert next(read_documents("-", format="jsonl")).text == LONG


def test_what_is_told_goes_to_whoever_asks(tmp_path: Path) -> None:
    file = json_lines(tmp_path / "a.jsonl", [{"n": 1, "review": LONG}])
    told: list[str] = []
    assert next(read_documents(file, tell=told.append)).text == LONG
    assert "texts come from column 'review' (of n, review)" in told[0]
