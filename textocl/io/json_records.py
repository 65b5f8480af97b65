"""Records of JSON files: one object a line, or one list of objects or of strings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any

from textocl.core.exceptions import DataError
from textocl.io.encodings import head_of
from textocl.io.records import NOT_THESE, BadRecord, Reading, Record, Records, plain

_EXPECTED = "expected a list of objects or of strings, or one object a line"


def read_json_lines(file: IO[bytes], reading: Reading) -> Records:
    """One JSON object a line, in UTF-8; empty lines are passed over."""
    return Records(_line_records(file, reading))


def read_json(file: IO[bytes], reading: Reading) -> Records:
    """A list of objects or of strings, which is read whole, or one object a line.

    A string becomes the field ``text`` of a record.

    Raises
    ------
    DataError
        It is something else, or damaged.
    """
    head = head_of(file, reading.rereadable).removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b"{"):
        reading.say("read as one JSON object a line")
        return read_json_lines(file, reading)
    content = file.read()
    if not content.strip():
        return Records(iter(()))
    try:
        values = json.loads(content, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{reading.name} is not JSON: {error}") from None
    if not isinstance(values, list):
        raise DataError(f"{reading.name}: {_EXPECTED}, got {type(values).__name__}.")
    return Records(_list_records(values, reading))


def _line_records(file: IO[bytes], reading: Reading) -> Iterator[Record]:
    for number, raw in enumerate(file, 1):
        place = f"{reading.name}, line {number}"
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            reading.report(BadRecord(f"{place}: {NOT_THESE.format(encoding='UTF-8', byte=byte)}"))
            continue
        if not line.strip():
            continue
        try:
            record = json.loads(line, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            reading.report(BadRecord(f"{place}: not JSON: {error}"))
            continue
        if isinstance(record, dict):
            yield Record(number, place, record)
        else:
            found = type(record).__name__
            reading.report(BadRecord(f"{place}: expected a JSON object, got {found}."))


def _list_records(values: list[Any], reading: Reading) -> Iterator[Record]:
    for number, value in enumerate(values, 1):
        place = f"{reading.name}, record {number}"
        if isinstance(value, str):
            yield Record(number, place, {"text": value})
        elif isinstance(value, dict):
            yield Record(number, place, plain(value))
        else:
            found = type(value).__name__
            reading.report(BadRecord(f"{place}: expected an object or a string, got {found}."))


def _constant(name: str) -> None:
    """NaN is what Python writes for a missing value; it reads as None."""
    if name != "NaN":
        _refuse_constant(name)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
