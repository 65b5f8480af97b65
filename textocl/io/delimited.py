"""Records of CSV files, whatever separates their cells."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import IO

from textocl.core.exceptions import DataError
from textocl.io.encodings import HEAD, encoding_of, head_of, lines_of, name_of, stray_byte
from textocl.io.records import NOT_THESE, BadRecord, Reading, Record, Records, checked_columns

_LARGEST_FIELD = 2**31 - 1  # the csv module refuses more than 131,072 characters unless told
_DELIMITERS = ",;\t|"


def read_csv(file: IO[bytes], reading: Reading) -> Records:
    """Rows under a header, as text; the delimiter is found out.

    Raises
    ------
    DataError
        The header is damaged, two columns have one name, or the file is a spreadsheet.
    """
    return _read(file, None, reading)


def read_tsv(file: IO[bytes], reading: Reading) -> Records:
    """As `read_csv`, with tabs between cells."""
    return _read(file, "\t", reading)


def _read(file: IO[bytes], delimiter: str | None, reading: Reading) -> Records:
    csv.field_size_limit(_LARGEST_FIELD)
    head = head_of(file, reading.rereadable)
    if head.startswith(b"PK\x03\x04"):
        raise DataError(
            f"{reading.name} is a packed file, not text; is it a spreadsheet? Then its name "
            "should end in .xlsx (or give --format xlsx)."
        )
    encoding = encoding_of(file, reading.rereadable)
    sample = head.decode(encoding if encoding != "utf-8" else "utf-8-sig", "ignore")
    declared = None if delimiter else _declared_delimiter(sample)
    found = delimiter or declared or _likely_delimiter(sample, len(head) < HEAD)
    _say(reading, encoding, "," if delimiter else found)
    lines = lines_of(file, encoding)
    if declared:
        next(lines)
    reader = csv.reader(lines, delimiter=found, strict=True)
    n_skipped = 1 if declared else 0
    try:
        header = next(reader, None)
        while header == []:
            header = next(reader, None)
    except csv.Error as error:
        place = f"{reading.name}, line {n_skipped + 1}"
        raise DataError(f"{place}: a row that begins here is damaged: {error}.") from None
    columns = checked_columns(header or (), reading.name)
    return Records(_rows(reader, columns, n_skipped, name_of(encoding), reading), columns)


def _rows(
    reader: Iterator[list[str]], columns: tuple[str, ...], n_skipped: int, encoding: str, r: Reading
) -> Iterator[Record]:
    while True:
        number = reader.line_num + 1 + n_skipped  # type: ignore[attr-defined]
        place = f"{r.name}, line {number}"
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            r.report(BadRecord(f"{place}: a row that begins here is damaged: {error}."))
            continue
        if not row:
            continue
        problem = _problem_of(row, columns, encoding)
        if problem:
            r.report(BadRecord(f"{place}: {problem}"))
            continue
        yield Record(number, place, dict(zip(columns, row, strict=True)))


def _problem_of(row: list[str], columns: tuple[str, ...], encoding: str) -> str | None:
    if len(row) != len(columns):
        return f"{len(row)} fields under {len(columns)} columns."
    for value in row:
        if (byte := stray_byte(value)) is not None:
            return NOT_THESE.format(encoding=encoding, byte=byte)
    return None


def _declared_delimiter(sample: str) -> str | None:
    """What a first line ``sep=;`` says, which Excel writes and reads."""
    first = sample.partition("\n")[0].rstrip("\r")
    return first[4] if len(first) == 5 and first.lower().startswith("sep=") else None


def _likely_delimiter(sample: str, is_whole: bool) -> str:
    """The delimiter under which most rows have as many cells as the header, at least two."""
    best, delimiter = (0.0, 0), ","
    for candidate in _DELIMITERS:
        try:
            rows = list(csv.reader(io.StringIO(sample, newline=""), delimiter=candidate))
        except csv.Error:
            continue
        rows = [row for row in (rows if is_whole or len(rows) < 3 else rows[:-1]) if row][:50]
        if not rows or len(rows[0]) < 2:
            continue
        alike = sum(len(row) == len(rows[0]) for row in rows) / len(rows)
        if (alike, len(rows[0])) > best:
            best, delimiter = (alike, len(rows[0])), candidate
    return delimiter


def _say(reading: Reading, encoding: str, delimiter: str) -> None:
    said = []
    if encoding != "utf-8":
        said.append(f"read as {name_of(encoding)}")
    if delimiter != ",":
        said.append(f"separated by {'tabs' if delimiter == chr(9) else delimiter}")
    if said:
        reading.say(", ".join(said))
