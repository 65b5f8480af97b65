"""CSV as people have it: other delimiters, other encodings, said in one line."""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from textocl import DataError
from textocl.io.records import BadRecords
from textocl.io.tables import Corpus, read_corpus

ROWS = [["id", "text", "n"], ["k1", "Größe, naïve – “café”", "1"], ["k2", "two\nlines; |", "2"]]


def content(delimiter: str) -> str:
    quoted = [['"' + cell.replace('"', '""') + '"' for cell in row] for row in ROWS]
    return "".join(delimiter.join(row) + "\r\n" for row in quoted)


def said(corpus: Corpus) -> str:
    return corpus.notes[0].rpartition(": ")[2] if corpus.notes else ""


@pytest.mark.parametrize("way", ["plain", "gz", "stdin"])
@pytest.mark.parametrize(
    ("delimiter", "separated"),
    [(",", ""), (";", "separated by ;"), ("\t", "separated by tabs"), ("|", "separated by |")],
)
@pytest.mark.parametrize(
    ("encoding", "read_as"),
    [
        ("utf-8", ""),
        ("utf-8-sig", ""),
        ("utf-16", "read as UTF-16"),
        ("utf-16-le", "read as UTF-16"),
        ("utf-16-be", "read as UTF-16"),
        ("cp1252", "read as Windows-1252"),
    ],
)
def test_delimiter_and_encoding_are_found_out(
    encoding: str,
    read_as: str,
    delimiter: str,
    separated: str,
    way: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = content(delimiter).encode(encoding)
    if way == "stdin":
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(written)))
        corpus = read_corpus("-", format="csv")
    else:
        path = tmp_path / ("a.csv.gz" if way == "gz" else "a.csv")
        path.write_bytes(gzip.compress(written) if way == "gz" else written)
        corpus = read_corpus(path)
    assert corpus.texts == [row[1] for row in ROWS[1:]]
    assert corpus.ids == ["k1", "k2"]
    assert corpus.columns == {"n": ["1", "2"]}
    assert said(corpus) == ", ".join(filter(None, [read_as, separated]))


def test_a_byte_far_down_tells_the_encoding(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"text\n" + b"plain\n" * 300_000 + b"caf\xe9\n")
    corpus = read_corpus(tmp_path / "a.csv")
    assert corpus.texts[-1] == "café"
    assert said(corpus) == "read as Windows-1252"


@pytest.mark.parametrize("encoding", ["cp1251", "shift-jis", "gbk", "euc-kr"])
def test_another_alphabet_is_not_taken_for_western(encoding: str, tmp_path: Path) -> None:
    text = {"cp1251": "Очень хороший отель", "euc-kr": "아주 좋은 호텔"}.get(encoding, "高級酒店")
    (tmp_path / "a.csv").write_bytes(f"text\n{text}\n".encode(encoding))
    with pytest.raises(DataError, match="line 2: not UTF-8 .* iconv"):
        read_corpus(tmp_path / "a.csv")


def test_damage_in_a_file_of_utf8_stays_damage(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("text\nGröße\nÄrger\nMüh\n".encode() + b"caf\xe9\n")
    bad = BadRecords()
    assert read_corpus(tmp_path / "a.csv", bad=bad).texts == ["Größe", "Ärger", "Müh"]
    assert bad.count == 1


def test_text_files_are_read_in_their_encoding(tmp_path: Path) -> None:
    for encoding in ("utf-16", "cp1252"):
        (tmp_path / "a.txt").write_bytes("Größe\r\nnaïve\r\n".encode(encoding))
        assert read_corpus(tmp_path / "a.txt").texts == ["Größe", "naïve"]


def test_utf16_that_is_cut_off_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("text\nship\n".encode("utf-16")[:-1])
    with pytest.raises(DataError, match="a.csv cannot be read: .*utf-16"):
        read_corpus(tmp_path / "a.csv")


def test_excel_says_the_delimiter_in_a_line_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("sep=|\nid|text\n1|a, b; c\n")
    corpus = read_corpus(tmp_path / "a.csv")
    assert (corpus.texts, corpus.ids) == (["a, b; c"], ["1"])


def test_one_column_may_hold_delimiters_in_quotes(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('review\n"a; b; c"\n"a, b"\n')
    assert read_corpus(tmp_path / "a.csv").texts == ["a; b; c", "a, b"]


def test_columns_without_a_name_get_their_number(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(",text,\n0,ship,\n1,port,\n")
    assert read_corpus(tmp_path / "a.csv").columns == {"column 1": ["0", "1"], "column 3": ["", ""]}


def test_numbers_and_formulas_are_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,n\n=1+1,2\n17,3\n")
    assert read_corpus(tmp_path / "a.csv").texts == ["=1+1", "17"]


def test_a_spreadsheet_by_the_name_of_a_csv_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"PK\x03\x04 and more")
    with pytest.raises(DataError, match="is it a spreadsheet"):
        read_corpus(tmp_path / "a.csv")
