"""Spreadsheets: values under a header, the first sheet; damage is said."""

from __future__ import annotations

import io
import sys
import zipfile
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from textocl.core.exceptions import DataError, MissingExtraError
from textocl.io.tables import read_corpus

openpyxl = pytest.importorskip("openpyxl")


def write(path: Path, rows: list[list[Any]], *more_sheets: str) -> Path:
    book = openpyxl.Workbook()
    book.active.title = "reviews"
    for row in rows:
        book.active.append(row)
    for title in more_sheets:
        book.create_sheet(title)
    book.save(path)
    return path


def test_texts_ids_and_all_other_columns(tmp_path: Path) -> None:
    day = datetime(2024, 1, 5)
    rows = [
        ["id", "text", "when", "stars"],
        [7, 'two\nlines, "quoted"', day, 4.5],
        [8, None, day.replace(hour=12), None],
        [9, 17, None, True],
    ]
    corpus = read_corpus(write(tmp_path / "a.xlsx", rows))
    assert corpus.texts == ['two\nlines, "quoted"', "", "17"]
    assert corpus.ids == ["7", "8", "9"]
    assert corpus.columns == {
        "when": ["2024-01-05", "2024-01-05T12:00:00", None],
        "stars": [4.5, None, True],
    }
    assert [note.rpartition(": ")[2] for note in corpus.notes] == [
        "1 record without a text; read as empty"
    ]


def test_the_first_of_several_sheets_is_read_and_said(tmp_path: Path) -> None:
    corpus = read_corpus(write(tmp_path / "a.xlsx", [["text"], ["ship"]], "notes", "totals"))
    assert corpus.texts == ["ship"]
    assert corpus.notes[0].endswith("read the first sheet, 'reviews'; not read: 'notes', 'totals'")


def test_rows_are_numbered_as_in_the_sheet_and_empty_ones_at_the_end_left_out(
    tmp_path: Path,
) -> None:
    rows = [[], ["text", None], ["ship"], [], ["port"], [""], [None, None]]
    corpus = read_corpus(write(tmp_path / "a.xlsx", rows))
    assert (corpus.texts, corpus.ids) == (["ship", "", "port"], ["3", "4", "5"])


def test_line_ends_as_excel_writes_them_are_read(tmp_path: Path) -> None:
    corpus = read_corpus(
        write(tmp_path / "a.xlsx", [["text"], ["two_x000D_\nlines, _x_ and _xyz"]])
    )
    assert corpus.texts == ["two\r\nlines, _x_ and _xyz"]


def test_a_blank_far_below_is_no_document(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", [["text"], ["ship"], *[[]] * 500, [" "]])
    assert read_corpus(path).texts == ["ship"]


def test_entities_are_not_expanded(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", [["text"], ["ship"]])
    (tmp_path / "secret").write_text("secret")
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = "xl/worksheets/sheet1.xml"
    entity = f'<!DOCTYPE x [<!ENTITY a SYSTEM "{(tmp_path / "secret").as_uri()}">]>'.encode()
    cell = b'<c r="A2" t="inlineStr"><is><t>&a;</t></is></c>'
    start = parts[name].index(b'<c r="A2"')
    end = parts[name].index(b"</row>", start)
    parts[name] = entity + parts[name][:start] + cell + parts[name][end:]
    with zipfile.ZipFile(path, "w") as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    with pytest.raises(DataError, match="cannot be read as .xlsx"):
        read_corpus(path)


def test_formulas_are_read_by_the_value_stored_with_them(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", [["text", "n"], ["X", 1], ["ship", 2]])
    cell = '<c r="A2" t="str"><f>"sh"&amp;"ip"</f><v>from a formula</v></c>'
    error = '<c r="B3" t="e"><f>1/0</f><v>#DIV/0!</v></c>'
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = "xl/worksheets/sheet1.xml"
    sheet = parts[name].decode()
    start, end = sheet.index('<c r="A2"'), sheet.index('<c r="B2"')
    sheet = sheet[:start] + cell + sheet[end:]
    start, end = sheet.index('<c r="B3"'), sheet.index("</row>", sheet.index('<c r="B3"'))
    parts[name] = (sheet[:start] + error + sheet[end:]).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    corpus = read_corpus(path)
    assert corpus.texts == ["from a formula", "ship"]
    assert corpus.columns == {"n": [1, None]}


def test_cells_beside_the_named_columns_are_said(tmp_path: Path) -> None:
    corpus = read_corpus(write(tmp_path / "a.xlsx", [["text"], ["ship", "aside"], ["port"]]))
    assert corpus.columns == {}
    assert corpus.notes[0].endswith(
        "1 row has cells beside the columns with a name; these are not read"
    )


def test_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = write(tmp_path / "a.xlsx", [["text"], ["ship"]]).read_bytes()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))
    assert read_corpus("-", format="xlsx").texts == ["ship"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "holds no documents"),
        ([["text", "n"]], "holds no documents, only a header"),
        ([["text", "text"], ["a", "b"]], "two columns 'text'"),
        ([["text", "n"], [None, 1], ["", 2]], "expected texts in 'text', but all 2 are empty"),
    ],
)
def test_sheets_without_texts_are_refused(
    rows: list[list[Any]], message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        read_corpus(write(tmp_path / "a.xlsx", rows))


def test_damage_is_said(tmp_path: Path) -> None:
    content = write(
        tmp_path / "a.xlsx", [["text"], *[[f"ship {i}"] for i in range(500)]]
    ).read_bytes()
    for damaged in (b"", b"no packed file", content[:-100], content[: len(content) // 2]):
        (tmp_path / "a.xlsx").write_bytes(damaged)
        with pytest.raises(DataError, match="a.xlsx cannot be read as .xlsx"):
            read_corpus(tmp_path / "a.xlsx")
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("a.txt", "no sheet")
    with pytest.raises(DataError, match="cannot be read as .xlsx"):
        read_corpus(tmp_path / "a.xlsx")
    (tmp_path / "a.xlsx").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    with pytest.raises(DataError, match="password"):
        read_corpus(tmp_path / "a.xlsx")


@pytest.mark.parametrize("at", [0.3, 0.5, 0.7])
def test_a_flipped_byte_gives_an_error_or_texts(at: float, tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", [["text"], *[[f"ship {i}"] for i in range(500)]])
    content = bytearray(path.read_bytes())
    for i in range(20):
        content[int(len(content) * at) + i] ^= 0x55
    path.write_bytes(content)
    with suppress(DataError):
        assert read_corpus(path).texts


def test_a_missing_package_is_named_with_what_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.xlsx", [["text"], ["ship"]])
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    message = r"reading .xlsx needs openpyxl: pip install '.\[tables\]'"
    with pytest.raises(MissingExtraError, match=message):
        read_corpus(path)
