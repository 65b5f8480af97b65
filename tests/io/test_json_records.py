"""JSON files: a list of objects or of strings, or one object a line."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from textocl import DataError
from textocl.io.records import BadRecords
from textocl.io.tables import read_corpus


def test_a_list_of_objects(tmp_path: Path) -> None:
    content = b'[\n {"id": "k", "text": "ship", "tags": ["a"], "n": NaN},\n {"text": "port"}\n]'
    for name, written in (("a.json", content), ("b.json.gz", gzip.compress(content))):
        (tmp_path / name).write_bytes(written)
        corpus = read_corpus(tmp_path / name)
        assert (corpus.texts, corpus.ids) == (["ship", "port"], ["k", "2"])
        assert corpus.columns == {"tags": [["a"], None], "n": [None, None]}


def test_a_list_of_strings(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('["ship", "", "caf\\u00e9"]')
    corpus = read_corpus(tmp_path / "a.json")
    assert (corpus.texts, corpus.ids, corpus.columns) == (
        ["ship", "", "café"],
        ["1", "2", "3"],
        {},
    )


def test_lines_of_objects_by_that_name_are_read_and_said(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"text": "ship"}\n{"text": "port"}\n')
    corpus = read_corpus(tmp_path / "a.json")
    assert corpus.texts == ["ship", "port"]
    assert corpus.notes[0].endswith("read as one JSON object a line")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"text": "ship"}', "is not JSON"),
        ("[" * 200_000, "is not JSON"),
        ('[{"text": Infinity}]', "Infinity is no JSON"),
        ("17", "expected a list of objects or of strings, .* got int"),
        ('[{"text": 3}]', "record 1: field 'text' is int, expected text"),
        ('["ship", 3]', "record 2: expected an object or a string, got int"),
        ('{\n "data": [1]\n}', "line 1: not JSON"),
        ("[]", "holds no documents"),
        (" ", "holds no documents"),
    ],
)
def test_what_is_no_list_of_texts_is_said(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(DataError, match=message):
        read_corpus(tmp_path / "a.json")


def test_a_bad_record_may_be_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('["ship", 3, "port"]')
    bad = BadRecords()
    corpus = read_corpus(tmp_path / "a.json", bad=bad)
    assert (corpus.texts, corpus.ids, bad.count) == (["ship", "port"], ["1", "3"], 1)
