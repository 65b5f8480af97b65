"""Documents from files, folders and standard input, one at a time."""

from __future__ import annotations

import csv
import gzip
import json
import sys
import warnings
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import IO, Any, cast

from textocl.core.exceptions import DataError, TextoclWarning
from textocl.core.validation import check_choice

FORMATS = ("txt", "jsonl", "csv", "tsv", "folder")
_SUFFIXES = {".txt": "txt", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "tsv"}
_NOT_UTF8 = "not UTF-8 (byte 0x{byte:02x}); convert it first, for example with iconv -t UTF-8"
_LARGEST_FIELD = 2**31 - 1  # the csv module refuses more than 131,072 characters unless told


@dataclass(frozen=True)
class Document:
    """One text with what its owner calls it by, and the other fields it came with."""

    id: str | int
    text: str
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass
class BadRecords:
    """Counts what could not be read, and remembers the first few reasons."""

    count: int = 0
    reasons: list[str] = field(default_factory=list)

    def add(self, reason: str) -> None:
        self.count += 1
        if len(self.reasons) < 5:
            self.reasons.append(reason)


class _BadRecord(DataError):
    """A record that ``skip_bad`` may pass over."""


def read_documents(
    source: str | PathLike[str],
    *,
    format: str | None = None,
    text_field: str = "text",
    bad: BadRecords | None = None,
) -> Iterator[Document]:
    """Yield the documents of a file, a folder, or standard input.

    ``.txt`` holds one document a line; ``.jsonl`` one JSON object a line, ``.csv`` and ``.tsv`` one
    row under a header, with the text in ``text_field``; a folder one document in every ``.txt``
    file below it. Files may be gzipped (``.gz``). A document's id is its field ``id`` where it has
    one, else the number of its (first) line; in a folder, its path.

    Parameters
    ----------
    source : path, or ``"-"`` for standard input
    format : one of `FORMATS`; None goes by the name's ending (``txt`` for standard input)
    text_field : where the text is in JSON objects and tables
    bad : where to count records that cannot be read; None raises at the first

    Raises
    ------
    DataError
        Nothing there, an unknown ending, or a bad record; file and line are named.
    """
    if str(source) == "-":
        kind = check_choice("format", format or "txt", FORMATS[:-1])
        yield from _read_file(sys.stdin.buffer, "standard input", kind, text_field, bad)
        return
    path = Path(source)
    if not path.exists():
        raise DataError(f"no such file or folder: {str(path)!r}.")
    kind = check_choice("format", format or _guess_format(path), FORMATS)
    if kind == "folder":
        yield from _read_folder(path, bad)
        return
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            yield from _read_file(cast(IO[bytes], file), str(path), kind, text_field, bad)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}") from error


def batches_of(
    documents: Iterable[Document | None], n_documents: int = 1024, n_characters: int = 1_000_000
) -> Iterator[list[Document]]:
    """Group documents so that a group stays small, however long they are.

    None among them, where a stream pauses (`textocl.io.streams`), ends a group early; an empty one
    follows it, which says that there is nothing more for now.
    """
    batch: list[Document] = []
    size = 0
    for document in documents:
        if document is not None:
            batch.append(document)
            size += len(document.text)
        if len(batch) >= n_documents or size >= n_characters or (document is None and batch):
            yield batch
            batch, size = [], 0
        if document is None:
            yield []
    if batch:
        yield batch


def has_known_ending(path: Path) -> bool:
    """Tell whether the name says how documents are written in the file."""
    return _ending(path) in _SUFFIXES


def _ending(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _guess_format(path: Path) -> str:
    if path.is_dir():
        return "folder"
    if not has_known_ending(path):
        raise DataError(
            f"cannot tell the format of {str(path)!r} by its name: expected an ending of "
            f"{', '.join(_SUFFIXES)} (or a folder), or the format itself (--format)."
        )
    return _SUFFIXES[_ending(path)]


def _read_folder(path: Path, bad: BadRecords | None) -> Iterator[Document]:
    files = sorted(file for file in path.rglob("*") if file.is_file())
    texts = [file for file in files if file.name.lower().endswith((".txt", ".txt.gz"))]
    if not texts:
        raise DataError(f"no .txt file in folder {str(path)!r}.")
    if len(texts) < len(files):
        warnings.warn(
            f"{len(files) - len(texts):,} of {len(files):,} files in {str(path)!r} do not end in "
            ".txt; they were not read.",
            TextoclWarning,
            stacklevel=2,
        )
    for file in texts:
        try:
            content = file.read_bytes()
            if file.suffix.lower() == ".gz":
                content = gzip.decompress(content)
            text = content.decode("utf-8-sig")
        except (UnicodeDecodeError, OSError, EOFError, zlib.error) as error:
            _report(_BadRecord(f"{file}: {_not_utf8(error)}"), bad)
            continue
        yield Document(file.relative_to(path).as_posix(), text)


def _read_file(
    file: IO[bytes], name: str, kind: str, text_field: str, bad: BadRecords | None
) -> Iterator[Document]:
    if kind in ("csv", "tsv"):
        yield from _read_table(file, name, text_field, bad, "," if kind == "csv" else "\t")
        return
    lines = _decoded_lines(file, name, bad)
    if kind == "txt":
        for number, line in lines:
            yield Document(number, line.rstrip("\r\n"))
    else:
        yield from _read_jsonl(lines, name, text_field, bad)


def _decoded_lines(file: IO[bytes], name: str, bad: BadRecords | None) -> Iterator[tuple[int, str]]:
    for number, raw in enumerate(file):
        try:
            yield number + 1, raw.decode(_encoding(number))
        except UnicodeDecodeError as error:
            _report(_BadRecord(f"{name}, line {number + 1}: {_not_utf8(error)}"), bad)


def _encoding(line: int) -> str:
    return "utf-8" if line else "utf-8-sig"  # a byte-order mark is no part of the first line


def _not_utf8(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return _NOT_UTF8.format(byte=error.object[error.start])
    return f"cannot be read: {error}"


def _report(problem: _BadRecord, bad: BadRecords | None) -> None:
    if bad is None:
        raise problem
    bad.add(str(problem))


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _read_jsonl(
    lines: Iterator[tuple[int, str]], name: str, text_field: str, bad: BadRecords | None
) -> Iterator[Document]:
    for number, line in lines:
        if not line.strip():
            continue
        try:
            record = _json_object(line, f"{name}, line {number}")
            document = _document(record, number, text_field, f"{name}, line {number}")
        except _BadRecord as problem:
            _report(problem, bad)
            continue
        yield document


def _json_object(line: str, place: str) -> dict[str, Any]:
    try:
        record = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _BadRecord(f"{place}: not JSON: {error}") from None
    if not isinstance(record, dict):
        raise _BadRecord(f"{place}: expected a JSON object, got {type(record).__name__}.")
    return record


def _read_table(
    file: IO[bytes], name: str, text_field: str, bad: BadRecords | None, delimiter: str
) -> Iterator[Document]:
    csv.field_size_limit(_LARGEST_FIELD)
    # bytes that are no UTF-8 go through as lone surrogates: a line must not vanish from a record
    lines = (raw.decode(_encoding(i), "surrogateescape") for i, raw in enumerate(file))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header: list[str] = []
    while True:
        first_line = reader.line_num + 1
        place = f"{name}, line {first_line}"
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problem = _BadRecord(f"{place}: a row that begins here is damaged: {error}.")
            if not header:
                raise problem from None
            _report(problem, bad)
            continue
        if not header:
            header = _header_of(row, text_field, name)
            continue
        if not row:
            continue
        try:
            document = _document(_record_of(row, header, place), first_line, text_field, place)
        except _BadRecord as problem:
            _report(problem, bad)
            continue
        yield document


def _header_of(row: list[str], text_field: str, name: str) -> list[str]:
    if text_field not in row:
        raise DataError(f"{name}: no column {text_field!r}; there are {_listed(row)}.")
    twice = [column for column in row if row.count(column) > 1]
    if twice:
        raise DataError(f"{name}: there are two columns {twice[0]!r}.")
    return row


def _record_of(row: list[str], header: list[str], place: str) -> dict[str, Any]:
    if len(row) != len(header):
        raise _BadRecord(f"{place}: {len(row)} fields under {len(header)} columns.")
    for value in row:
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            byte = ord(value[error.start]) & 0xFF
            raise _BadRecord(f"{place}: {_NOT_UTF8.format(byte=byte)}") from None
    return dict(zip(header, row, strict=True))


def _document(record: dict[str, Any], number: int, text_field: str, place: str) -> Document:
    if text_field not in record:
        raise _BadRecord(f"{place}: no field {text_field!r}; there are {_listed(record)}.")
    text = record[text_field]
    if not isinstance(text, str):
        raise _BadRecord(f"{place}: field {text_field!r} is {type(text).__name__}, expected text.")
    identifier = record.get("id", number)
    if isinstance(identifier, bool) or not isinstance(identifier, (str, int)):
        identifier = number
    return Document(identifier, text, record)


def _listed(names: Iterable[str]) -> str:
    shown = [repr(name) for name in names]
    return ", ".join(shown[:12]) + (", …" if len(shown) > 12 else "") if shown else "none"
