"""Documents from every format; what cannot be read is named, or passed over and counted."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textocl import DataError, TextoclWarning, read_documents
from textocl.io.corpora import BadRecords, Document, batches_of


def read(path: Path, **options: Any) -> list[Document]:
    return list(read_documents(path, **options))


def test_text_files_hold_one_document_a_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("\ufefffirst\r\n\nthird café".encode())
    documents = read(tmp_path / "a.txt")
    assert [(d.id, d.text) for d in documents] == [(1, "first"), (2, ""), (3, "third café")]


def test_jsonl_keeps_ids_and_fields(tmp_path: Path) -> None:
    lines = ['{"id": "x7", "text": "ship", "label": "sea", "n": [1]}', "", '{"text": "port"}']
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    first, second = read(tmp_path / "a.jsonl")
    assert first == Document("x7", "ship", {"id": "x7", "text": "ship", "label": "sea", "n": [1]})
    assert second.id == 3


def test_tables_with_quotes_line_breaks_and_very_long_fields(tmp_path: Path) -> None:
    long = "word " * 100_000
    (tmp_path / "a.csv").write_text(f'id,body\nk1,"two\nlines, ""quoted"""\nk2,{long}\n')
    first, second = read(tmp_path / "a.csv", text_field="body")
    assert (first.id, first.text) == ("k1", 'two\nlines, "quoted"')
    assert second.text == long
    (tmp_path / "a.tsv").write_text("text\tlabel\na, b\tx\n")
    assert read(tmp_path / "a.tsv")[0] == Document(2, "a, b", {"text": "a, b", "label": "x"})


def test_gzipped_files(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'{"text": "ship"}\n'))
    assert read(tmp_path / "a.jsonl.gz")[0].text == "ship"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "ship\n"),
        ("a.jsonl", '{"text": "ship", "id": "k"}\n'),
        ("a.csv", "text,id\nship,k\n"),
        ("a.csv", '"text","id"\nship,k\n'),
        ("b.csv", '"id","text"\nk,ship\n'),
        ("a.tsv", '"id"\t"text"\nk\tship\n'),
        ("c.csv", '"id\nof it",text\nk,ship\n'),
    ],
)
@pytest.mark.parametrize("way", ["plain", "gz", "stdin"])
def test_a_byte_order_mark_changes_nothing(
    way: str, name: str, content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).write_text(content)
    expected = read(tmp_path / name)
    assert expected[0].text == "ship"
    marked = content.encode("utf-8-sig")
    if way == "stdin":
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(marked)))
        assert list(read_documents("-", format=name[2:])) == expected
        return
    path = tmp_path / (f"{name}.gz" if way == "gz" else name)
    path.write_bytes(gzip.compress(marked) if way == "gz" else marked)
    assert read(path) == expected


@pytest.mark.parametrize("name", ["A.TXT", "A.Jsonl", "A.CSV", "A.TSV", "A.NDJSON"])
@pytest.mark.parametrize("zipped", [False, True])
def test_endings_are_read_without_regard_to_case(name: str, zipped: bool, tmp_path: Path) -> None:
    content = b'{"text": "ship"}\n' if "JS" in name.upper() else b"text\nship\n"
    path = tmp_path / (f"{name}.GZ" if zipped else name)
    path.write_bytes(gzip.compress(content) if zipped else content)
    assert read(path)[-1].text == "ship"


def test_a_folder_of_text_files(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.txt").write_text("two\nlines")
    (tmp_path / "a.TXT").write_text("one")
    (tmp_path / "c.txt.gz").write_bytes(gzip.compress(b"three"))
    expected = [
        Document("a.TXT", "one"), Document("c.txt.gz", "three"), Document("sub/b.txt", "two\nlines")
    ]  # fmt: skip
    assert read(tmp_path) == expected
    (tmp_path / "notes.md").write_text("no document")
    with pytest.warns(TextoclWarning, match="1 of 4 files .* were not read"):
        assert read(tmp_path) == expected


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    class Input:
        buffer = io.BytesIO(b"ship\nport\n")

    monkeypatch.setattr("sys.stdin", Input)
    assert [d.text for d in read_documents("-")] == ["ship", "port"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"text": "ok"}\n{"text": \n', "a.jsonl, line 2: not JSON"),
        ("a.jsonl", b'{"text": "ok"}\n[1]\n', "line 2: expected a JSON object, got list"),
        ("a.jsonl", b'{"text": "ok"}\n{"body": "x"}\n', "line 2: no field 'text'; .* 'body'"),
        ("a.jsonl", b'{"text": "ok"}\n{"text": 3}\n', "line 2: field 'text' is int"),
        ("a.jsonl", b'{"text": "ok"}\n' + b"[" * 200_000, "line 2: not JSON"),
        ("a.jsonl", b'{"text": "ok"}\n{"text": "\xe9"}\n', "line 2: not UTF-8 .byte 0xe9"),
        ("a.jsonl", b'{"text": "ok"}\n{"text": [1]}\n', "line 2: field 'text' is list"),
        ("a.txt", b"ok\ncaf\xff\n", "a.txt, line 2: not UTF-8"),
        ("a.csv", b"text,b\nok,1\nx\n", "line 3: 1 fields under 2 columns"),
        ("a.csv", b"text,b\nok,1\nx,2,3\n", "line 3: 3 fields under 2 columns"),
        ("a.csv", b"text,b\nok,1\n\xff,2\n", "line 3: not UTF-8"),
    ],
)
def test_bad_records_are_named_or_passed_over(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read(path)
    bad = BadRecords()
    assert [d.text for d in read(path, bad=bad)] == ["ok"]
    assert bad.count == 1
    assert len(bad.reasons) == 1


def test_a_bad_file_of_a_folder_is_named_or_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe")
    (tmp_path / "b.txt").write_text("ok")
    with pytest.raises(DataError, match=r"a\.txt: not UTF-8"):
        read(tmp_path)
    bad = BadRecords()
    assert [d.text for d in read(tmp_path, bad=bad)] == ["ok"]
    assert bad.count == 1


def test_a_quote_that_never_closes_does_not_swallow_the_rest_in_silence(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('text\nok\n"unclosed\noil\ngas\n')
    with pytest.raises(DataError, match="line 3: a row that begins here is damaged"):
        read(tmp_path / "a.csv")
    bad = BadRecords()
    assert [d.text for d in read(tmp_path / "a.csv", bad=bad)] == ["ok"]
    assert bad.count == 1


def test_a_damaged_line_inside_quotes_damages_its_own_record_only(tmp_path: Path) -> None:
    content = b'id,text\n1,"oil \xff price"\n2,"gas\n\xff line"\n3,"fuel"\n4,opec\n'
    (tmp_path / "a.csv").write_bytes(content)
    bad = BadRecords()
    assert [d.text for d in read(tmp_path / "a.csv", bad=bad)] == ["fuel", "opec"]
    assert bad.count == 2


def test_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,text\na,b\n")
    with pytest.raises(DataError, match="two columns 'text'"):
        read(tmp_path / "a.csv")


def test_nan_is_no_json(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a", "x": NaN}\n')
    with pytest.raises(DataError, match="NaN is no JSON"):
        read(tmp_path / "a.jsonl")


def test_only_the_first_reasons_are_remembered() -> None:
    bad = BadRecords()
    for i in range(1000):
        bad.add(str(i))
    assert (bad.count, len(bad.reasons)) == (1000, 5)


def test_what_is_not_there_or_has_no_known_ending(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        read(tmp_path / "absent.txt")
    (tmp_path / "a.docx").write_bytes(b"x")
    with pytest.raises(DataError, match="cannot tell the format"):
        read(tmp_path / "a.docx")
    assert read(tmp_path / "a.docx", format="txt")[0].text == "x"
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no .txt file in folder"):
        read(tmp_path / "empty")
    (tmp_path / "a.csv").write_text("title,body\nx,y\n")
    with pytest.raises(
        DataError, match="cannot tell which column .* 'title', 'body'.*--text-field"
    ):
        read(tmp_path / "a.csv")
    with pytest.raises(DataError, match="no column 'review'; there are 'title', 'body'"):
        read(tmp_path / "a.csv", text_field="review")
    (tmp_path / "a.ods").write_bytes(b"x")
    with pytest.raises(DataError, match="save it as .xlsx"):
        read(tmp_path / "a.ods")
    (tmp_path / "a.txt.gz").write_bytes(b"not gzip")
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path / "a.txt.gz")
    cut = gzip.compress(b"ship\n" * 10_000)[:-20]
    (tmp_path / "b.txt.gz").write_bytes(cut)
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path / "b.txt.gz")
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path, format="txt")


def test_empty_files_hold_no_documents(tmp_path: Path) -> None:
    for name in ("a.txt", "a.jsonl", "a.csv"):
        (tmp_path / name).write_bytes(b"")
        assert read(tmp_path / name) == []


@given(st.lists(st.fixed_dictionaries({"text": st.text()}), max_size=5))
def test_any_json_text_comes_back(tmp_path_factory: Any, records: list[dict[str, str]]) -> None:
    path = tmp_path_factory.mktemp("json") / "a.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in records))
    assert [d.text for d in read(path)] == [r["text"] for r in records]


def test_batches_are_bounded_by_documents_and_by_characters() -> None:
    documents = [Document(i, "x" * size) for i, size in enumerate([1, 1, 1, 50, 1, 1])]
    batches = list(batches_of(documents, n_documents=2, n_characters=40))
    assert [[d.id for d in batch] for batch in batches] == [[0, 1], [2, 3], [4, 5]]
    assert list(batches_of([])) == []
