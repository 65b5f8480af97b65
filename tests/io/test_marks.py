"""Marks of documents, as a report downloads them, are told by id."""

from __future__ import annotations

from pathlib import Path

import pytest

from textocl import DataError, TextoclWarning
from textocl.io.marks import labels_from, read_marks


def test_marks_are_found_by_id_whatever_the_form_of_the_file(tmp_path: Path) -> None:
    table, lines = tmp_path / "marks.csv", tmp_path / "marks.jsonl"
    table.write_text("id,text,label\nb,a ship,-1\nc,,unsure\na,a port,1\n")
    lines.write_text('{"id": "b", "label": -1}\n{"id": "c", "label": 0}\n{"id": "a", "label": 1}\n')
    for path in (table, lines):
        assert read_marks(path, ["a", "b", "c", "d"]) == [1, -1, 0, 0]


def test_ids_that_are_numbers_are_the_same_in_both_files(tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    path.write_text("id,label\n7,-1\n")
    assert read_marks(path, [6, 7]) == [0, -1]


def test_ids_of_no_document_are_counted_and_all_of_them_refused(tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    path.write_text("id,label\na,1\nx,-1\n")
    with pytest.warns(TextoclWarning, match="1 of 2 ids are those of no document"):
        assert read_marks(path, ["a", "b"]) == [1, 0]
    with pytest.raises(DataError, match="none of its 2 ids, such as 'a', .* such as 'q'"):
        read_marks(path, ["q"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,mark\na,1\n", "no field 'label'; there are 'id', 'mark'"),
        ("id,label\na,2\n", "has '2'"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "marks.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=message):
        read_marks(path, ["a"])


def test_every_way_to_write_a_label_is_read() -> None:
    values = [1, "1.0", -1.0, " Belongs", "does not belong", None, "", "0", "unsure"]
    assert labels_from(values, range(9), "label") == [1, 1, -1, 1, -1, 0, 0, 0, 0]
