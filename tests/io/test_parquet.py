"""Parquet files: all columns, whatever their types; damage is said."""

from __future__ import annotations

import io
import json
import sys
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest

from textocl.core.exceptions import DataError, MissingExtraError
from textocl.io.tables import read_corpus

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def test_texts_ids_and_all_other_columns(tmp_path: Path) -> None:
    columns = {
        "id": [7, 8],
        "text": ["two\nlines", None],
        "when": [date(2024, 1, 5), None],
        "at": [datetime(2024, 1, 5, 12, tzinfo=timezone.utc), None],
        "stars": [4.5, float("nan")],
        "price": [Decimal("1.50"), None],
        "tags": [["a", "b"], []],
        "place": [{"city": "Oslo"}, None],
        "raw": [b"bytes", b"\xff"],
    }
    parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet")
    corpus = read_corpus(tmp_path / "a.parquet")
    assert (corpus.texts, corpus.ids) == (["two\nlines", ""], ["7", "8"])
    assert corpus.columns == {
        "when": ["2024-01-05", None],
        "at": ["2024-01-05T12:00:00+00:00", None],
        "stars": [4.5, None],
        "price": ["1.50", None],
        "tags": [["a", "b"], []],
        "place": [{"city": "Oslo"}, None],
        "raw": ["bytes", "\\xff"],
    }
    json.dumps(corpus.columns, allow_nan=False)


def test_categories_times_and_whole_numbers_with_gaps(tmp_path: Path) -> None:
    table = pyarrow.table(
        {
            "review": pyarrow.array(["the room was clean"] * 2).dictionary_encode(),
            "ns": pyarrow.array([1_001, None], pyarrow.timestamp("ns")),
            "far": pyarrow.array([315_569_520_000, None], pyarrow.timestamp("s")),
            "key": [1.0, 2.0],
        }
    )
    parquet.write_table(table, tmp_path / "a.parquet")
    corpus = read_corpus(tmp_path / "a.parquet", id_field="key")
    assert corpus.texts == ["the room was clean"] * 2
    assert corpus.ids == ["1", "2"]
    assert corpus.columns["ns"] == ["1970-01-01T00:00:00.000001", None]
    assert corpus.columns["far"][0].startswith("11970-01-01")


def test_many_batches_and_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"ship {i}" for i in range(10_000)]
    parquet.write_table(pyarrow.table({"text": texts}), tmp_path / "a.parquet", row_group_size=999)
    corpus = read_corpus(tmp_path / "a.parquet")
    assert corpus.texts == texts
    assert corpus.ids[-1] == "10000"
    content = (tmp_path / "a.parquet").read_bytes()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))
    assert read_corpus("-", format="parquet").texts == texts


def test_a_file_without_a_column_of_text_is_refused(tmp_path: Path) -> None:
    parquet.write_table(pyarrow.table({"a": [1], "b": [2.5]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="cannot tell which .* there are 'a', 'b'"):
        read_corpus(tmp_path / "a.parquet")
    with pytest.raises(DataError, match="row 1: field 'a' is int, expected text"):
        read_corpus(tmp_path / "a.parquet", "a")
    parquet.write_table(
        pyarrow.table({"text": pyarrow.array([], "string")}), tmp_path / "a.parquet"
    )
    with pytest.raises(DataError, match="holds no documents, only a header"):
        read_corpus(tmp_path / "a.parquet")


def test_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    table = pyarrow.table([["a"], ["b"]], names=["text", "text"])
    parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(DataError, match="two columns 'text'"):
        read_corpus(tmp_path / "a.parquet")


def test_damage_is_said(tmp_path: Path) -> None:
    texts = [f"ship {i * i}" for i in range(5_000)]
    parquet.write_table(pyarrow.table({"text": texts}), tmp_path / "a.parquet")
    content = (tmp_path / "a.parquet").read_bytes()
    middle = bytearray(content)
    middle[100:2_000] = bytes(1_900)
    for damaged in (b"", b"no parquet", content[:-10], content[:5_000], bytes(middle)):
        (tmp_path / "a.parquet").write_bytes(damaged)
        with pytest.raises(DataError, match="a.parquet cannot be read as .parquet"):
            read_corpus(tmp_path / "a.parquet")


def test_a_missing_package_is_named_with_what_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    message = r"reading .parquet needs pyarrow: pip install '.\[tables\]'"
    with pytest.raises(MissingExtraError, match=message):
        read_corpus(tmp_path / "a.parquet")
