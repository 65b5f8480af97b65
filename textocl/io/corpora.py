"""Documents from files, folders and standard input, one at a time."""

from __future__ import annotations

import gzip
import logging
import sys
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import IO, Any, cast

from textocl.core.exceptions import DataError, TextoclWarning
from textocl.core.validation import check_choice
from textocl.io.delimited import read_csv, read_tsv
from textocl.io.encodings import encoding_of, lines_of, name_of, stray_byte
from textocl.io.excel import read_excel
from textocl.io.json_records import read_json, read_json_lines
from textocl.io.nltk_corpora import PREFIX, read_nltk
from textocl.io.parquet import read_parquet
from textocl.io.records import NOT_THESE, BadRecord, BadRecords, Reading
from textocl.io.text_fields import choose_fields, id_of, text_of

__all__ = ["FORMATS", "BadRecords", "Document", "batches_of", "has_known_ending", "read_documents"]

FORMATS = ("txt", "jsonl", "json", "csv", "tsv", "xlsx", "parquet", "folder")
_SUFFIXES = {
    ".txt": "txt", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".csv": "csv",
    ".tsv": "tsv", ".xlsx": "xlsx", ".parquet": "parquet",
}  # fmt: skip
_OTHER_TABLES = (".xls", ".xlsm", ".xlsb", ".ods", ".numbers")
_READERS = {
    "csv": read_csv, "tsv": read_tsv, "json": read_json, "jsonl": read_json_lines,
    "xlsx": read_excel, "parquet": read_parquet,
}  # fmt: skip


@dataclass(frozen=True)
class Document:
    """One text with what its owner calls it by, and the other fields it came with.

    Attributes
    ----------
    id, text
    fields : all of the record, the text's and the id's too
    id_field : name of the field that the id is in, where there is one
    """

    id: str | int
    text: str
    fields: dict[str, Any] = field(default_factory=dict)
    id_field: str = "id"


def read_documents(
    source: str | PathLike[str],
    *,
    format: str | None = None,
    text_field: str | None = None,
    id_field: str | None = None,
    bad: BadRecords | None = None,
    tell: Callable[[str], None] | None = None,
) -> Iterator[Document]:
    """Yield the documents of a file, a folder, standard input, or a corpus of NLTK.

    ``.txt`` holds one document a line; ``.jsonl`` one JSON object a line, ``.json`` a list of
    objects or of strings; ``.csv``, ``.tsv``, ``.xlsx`` (its first sheet) and ``.parquet`` one row
    under each header; a folder one document in every ``.txt`` file below it. Files may be gzipped
    (``.gz``). What separates the cells of a ``.csv``, and whether text is UTF-8, UTF-16 or
    Windows-1252, is found out. A missing text is ``""``. A document's id is its field ``id`` where
    it has one, else the number of its (first) line, row or record; in a folder, its path.

    Parameters
    ----------
    source : path, or ``"-"`` for standard input, or a corpus of NLTK such as ``"nltk:reuters"``,
        whose documents have ``split`` and ``label`` among their fields
    format : one of `FORMATS`; None goes by the name's ending (``txt`` for standard input)
    text_field : where the text is in records, or several fields, as ``title,body``, to be joined
        by a blank line; None is ``text`` or else the one field of long texts
    id_field : where the id is
    bad : where to count records that cannot be read; None raises at the first
    tell : takes what was detected or guessed, one sentence at a time; None logs it

    Raises
    ------
    DataError
        Nothing there, an unknown ending, no telling which field holds the texts, or a bad record;
        file and line are named.
    MissingExtraError
        openpyxl, pyarrow or nltk is missing.
    """
    tell = tell or logging.getLogger(__name__).info
    return documents_from(source, format, Reading(str(source), text_field, id_field, bad, tell))


def documents_from(
    source: str | PathLike[str], format: str | None, reading: Reading
) -> Iterator[Document]:
    """As `read_documents`; ``reading`` says how, and holds what is found out."""
    if str(source) == "-":
        yield from _read_stdin(format, reading)
        return
    path = Path(source)
    if str(source).startswith(PREFIX) and not path.exists():
        for name, text, fields in read_nltk(str(source).removeprefix(PREFIX)):
            yield Document(name, text, {"id": name, "text": text, **fields})
        return
    if not path.exists():
        raise DataError(f"no such file or folder: {str(path)!r}.")
    kind = check_choice("format", format or _guess_format(path), FORMATS)
    if kind == "folder":
        yield from _read_folder(path, reading)
        return
    reading.rereadable = path.is_file()
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            yield from _read_file(cast(IO[bytes], file), kind, reading)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
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
    if _ending(path) in _OTHER_TABLES:
        raise DataError(
            f"{str(path)!r} is a spreadsheet that textocl does not read; save it as .xlsx."
        )
    if not has_known_ending(path):
        raise DataError(
            f"cannot tell the format of {str(path)!r} by its name: expected an ending of "
            f"{', '.join(_SUFFIXES)} (or a folder), or the format itself (--format)."
        )
    return _SUFFIXES[_ending(path)]


def _read_folder(path: Path, reading: Reading) -> Iterator[Document]:
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
            reading.report(BadRecord(f"{file}: {_reason(error)}"))
            continue
        yield Document(file.relative_to(path).as_posix(), text)


def _read_stdin(format: str | None, reading: Reading) -> Iterator[Document]:
    kind = check_choice("format", format or "txt", FORMATS[:-1])
    reading.name = "standard input"
    file = cast(IO[bytes], sys.stdin.buffer)
    reading.rereadable = file.seekable()
    if not reading.rereadable and not reading.keep_all:
        reading.n_sample = 1  # others may be long in coming
    try:
        yield from _read_file(file, kind, reading)
    except UnicodeDecodeError as error:
        raise DataError(f"{reading.name} cannot be read: {error}") from error


def _read_file(file: IO[bytes], kind: str, reading: Reading) -> Iterator[Document]:
    if kind == "txt":
        yield from _read_lines(file, reading)
        return
    records = _READERS[kind](file, reading)
    for record in choose_fields(records, reading):
        try:
            text = text_of(record, records.numbers_are_text, reading)
        except BadRecord as problem:
            reading.report(problem)
            continue
        reading.n_without_text += text is None
        identifier = id_of(record, reading.id_field)
        yield Document(identifier, text or "", record.fields, reading.id_field or "id")
    if n := reading.n_without_text:
        reading.say(f"{n:,} record{'s'[: n != 1]} without a text; read as empty")


def _read_lines(file: IO[bytes], reading: Reading) -> Iterator[Document]:
    encoding = encoding_of(file, reading.rereadable)
    if encoding != "utf-8":
        reading.say(f"read as {name_of(encoding)}")
    for number, line in enumerate(lines_of(file, encoding), 1):
        if (byte := stray_byte(line)) is not None:
            reason = NOT_THESE.format(encoding=name_of(encoding), byte=byte)
            reading.report(BadRecord(f"{reading.name}, line {number}: {reason}"))
            continue
        yield Document(number, line.rstrip("\r\n"))


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return NOT_THESE.format(encoding="UTF-8", byte=error.object[error.start])
    return f"cannot be read: {error}"
