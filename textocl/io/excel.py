"""Records of .xlsx files, by openpyxl: values as they were last computed; nothing is executed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from io import BytesIO
from itertools import zip_longest
from typing import IO, Any

from textocl.core.exceptions import DataError, MissingExtraError
from textocl.io.records import Reading, Record, Records, checked_columns, plain

_OLD_OFFICE = b"\xd0\xcf\x11\xe0"


def read_excel(file: IO[bytes], reading: Reading) -> Records:
    """Rows of the first sheet, under the first row that is not empty.

    A formula is read as the value that a program stored with it, an error value (``#N/A``) as an
    empty cell, and a date in ISO form. Empty rows at the end are left out.

    Raises
    ------
    DataError
        It is no .xlsx file, or damaged; two columns have one name.
    MissingExtraError
        openpyxl is missing.
    """
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise MissingExtraError("openpyxl", "tables", "reading .xlsx") from None
    content = file.read()
    if content.startswith(_OLD_OFFICE):
        raise DataError(
            f"{reading.name} is protected by a password or in the old .xls form; save it as .xlsx "
            "without a password."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of styles and the like
            book = load_workbook(BytesIO(content), read_only=True, data_only=True)
        sheet, *others = book.worksheets or [None]
    except Exception as error:  # whatever a parser makes of a damaged file
        raise _damage(reading, error) from error
    if sheet is None:
        raise DataError(f"{reading.name} has no sheet with cells.")
    if others:
        unread = ", ".join(repr(other.title) for other in others)
        reading.say(f"read the first sheet, {sheet.title!r}; not read: {unread}")
    rows = _filled_rows(sheet, reading)
    _, header = next(rows, (0, []))
    while header and header[-1] is None:
        header.pop()
    columns = checked_columns(header, reading.name)
    return Records(_records(rows, columns, reading), columns, numbers_are_text=True)


def _filled_rows(sheet: Any, reading: Reading) -> Iterator[tuple[int, list[Any]]]:
    """Rows with their numbers, without the empty ones before the header and at the end."""
    try:
        sheet.reset_dimensions()  # what a file says of its size may be wrong
        n_empty, begun = 0, False
        for number, cells in enumerate(sheet.iter_rows(), 1):
            row = [_value_of(cell) for cell in cells]
            if all(
                value is None or (isinstance(value, str) and not value.strip()) for value in row
            ):
                n_empty += 1
                continue
            for before in range(number - n_empty, number) if begun else ():
                yield before, []
            n_empty, begun = 0, True
            yield number, row
    except Exception as error:  # as above; a sheet is parsed while it is read
        raise _damage(reading, error) from error


def _records(
    rows: Iterator[tuple[int, list[Any]]], columns: tuple[str, ...], reading: Reading
) -> Iterator[Record]:
    n_beside = 0
    for number, row in rows:
        n_beside += any(value is not None for value in row[len(columns) :])
        values = dict(zip_longest(columns, row[: len(columns)]))
        yield Record(number, f"{reading.name}, row {number}", values)
    if n_beside:
        rows_have = "1 row has" if n_beside == 1 else f"{n_beside:,} rows have"
        reading.say(f"{rows_have} cells beside the columns with a name; these are not read")


def _value_of(cell: Any) -> Any:
    from openpyxl.utils.escape import unescape

    if cell.data_type == "e":
        return None
    value = plain(cell.value)
    # a carriage return is written as _x000D_, and openpyxl leaves that as it is
    return unescape(value) if isinstance(value, str) and "_x" in value else value


def _damage(reading: Reading, error: Exception) -> DataError:
    return DataError(f"{reading.name} cannot be read as .xlsx: {error or type(error).__name__}")
