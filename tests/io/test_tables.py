"""A whole file as a table: what is refused, and that nothing else is needed for plain text."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textocl import DataError
from textocl.io import tables
from textocl.io.tables import read_corpus


def test_plain_text_has_texts_and_numbers_only(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("ship\n\nport\n")
    corpus = read_corpus(tmp_path / "a.txt")
    assert (corpus.texts, corpus.ids) == (["ship", "", "port"], ["1", "2", "3"])
    assert (corpus.columns, corpus.text_fields, corpus.id_field) == ({}, (), None)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "b.txt").write_text("two\nlines")
    assert read_corpus(tmp_path / "folder").ids == ["b.txt"]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = SimpleNamespace(buffer=io.BytesIO(b"ship\nport\n"))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert read_corpus("-").texts == ["ship", "port"]


def test_a_pipe_is_read_as_a_file_is(tmp_path: Path) -> None:
    program = (
        "from textocl.io.tables import read_corpus; c = read_corpus('-', format='csv');"
        "print(c.texts, c.notes)"
    )
    content = "id;review\n1;the room was café clean\n".encode("cp1252")
    done = subprocess.run([sys.executable, "-c", program], input=content, capture_output=True)
    assert "café" in done.stdout.decode("utf-8"), done.stderr
    assert b"read as Windows-1252, separated by ;" in done.stdout


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "holds no documents"),
        ("a.csv", b"\n\n", "holds no documents"),
        ("a.csv", b"id,text\n", "holds no documents, only a header"),
        ("a.csv", b"id,text\n,\n,\n", "expected texts in 'text', but all 2 are empty"),
        ("a.txt", b"\n\n", "expected texts, but all 2 are empty"),
        ("a.jsonl", b'{"body": "x"}\n', None),
        ("a.jsonl", b"", "holds no documents"),
        ("a.csv.gz", b"no gzip", "cannot be read"),
        (
            "a.csv.gz",
            gzip.compress(b"text\n" + os.urandom(9_000).hex().encode())[:-20],
            "cannot be read",
        ),
    ],
)
def test_what_holds_no_texts_is_refused(
    name: str, content: bytes, message: str | None, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    if message is None:
        assert read_corpus(tmp_path / name).texts == ["x"]
        with pytest.raises(DataError, match="in 'boddy', but all 1 are empty; there are 'body'"):
            read_corpus(tmp_path / name, "boddy")
        return
    with pytest.raises(DataError, match=message):
        read_corpus(tmp_path / name)


def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text\nship\nport\n")
    whole = tables.documents_from

    def cut(*arguments: object) -> object:
        for document in whole(*arguments):  # type: ignore[arg-type]
            path.write_text("text\nship\n")
            yield document

    monkeypatch.setattr(tables, "documents_from", cut)
    with pytest.raises(DataError, match="a.csv changed while it was read; read it again"):
        read_corpus(path)


def test_text_files_need_no_package_for_tables(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\nship\n")
    program = (
        "import sys; from textocl.io.tables import read_corpus; read_corpus(sys.argv[1]);"
        "print([m for m in ('pandas', 'openpyxl', 'pyarrow') if m in sys.modules])"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "a.csv")]
    assert subprocess.run(command, capture_output=True, text=True).stdout == "[]\n"


@given(st.binary(max_size=200))
def test_any_bytes_give_texts_or_a_clear_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("any")
    for kind in ("csv", "json", "jsonl", "txt"):
        path = folder / f"a.{kind}"
        path.write_bytes(content)
        with suppress(DataError):
            assert read_corpus(path).texts
