"""What every reader of a file gives: records, and what was found out while they were read."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any, NamedTuple

from textocl.core.exceptions import DataError

NOT_THESE = "not {encoding} (byte 0x{byte:02x}); convert it first, for example with iconv -t UTF-8"


@dataclass
class BadRecords:
    """Counts what could not be read, and remembers the first few reasons."""

    count: int = 0
    reasons: list[str] = field(default_factory=list)

    def add(self, reason: str) -> None:
        self.count += 1
        if len(self.reasons) < 5:
            self.reasons.append(reason)


class BadRecord(DataError):
    """A record that ``skip_bad`` may pass over."""


class Record(NamedTuple):
    """One row of a table, or one JSON object.

    Attributes
    ----------
    number : of its line, row or record in the file, from 1
    place : what an error calls it by
    fields : in the order of the file
    """

    number: int
    place: str
    fields: dict[str, Any]


class Records(NamedTuple):
    """The records of a file.

    Attributes
    ----------
    rows : read as they are asked for
    columns : names that all records have; None where each record brings its own
    numbers_are_text : whether the kind of a cell is what a program made of it, as in a spreadsheet
    """

    rows: Iterator[Record]
    columns: tuple[str, ...] | None = None
    numbers_are_text: bool = False


@dataclass
class Reading:
    """How a source is read, and what turned out on the way.

    Attributes
    ----------
    name : what messages call the source
    text_field, id_field : as in `textocl.io.corpora.read_documents`
    bad : counts the records that are passed over; None raises at the first
    tell : takes what was detected or guessed, one sentence at a time
    keep_all : whether a record without a field of texts is one with an empty text, and not bad
    rereadable : whether the file can be read twice, as a stream cannot
    n_sample : records by which the field of texts is told
    text_fields, columns : found: where texts come from, and all columns of a table
    n_without_text : found: records whose text is null, an empty cell, or not there
    """

    name: str
    text_field: str | None = None
    id_field: str | None = None
    bad: BadRecords | None = None
    tell: Callable[[str], None] = logging.getLogger(__name__).info
    keep_all: bool = False
    rereadable: bool = True
    n_sample: int = 100
    text_fields: tuple[str, ...] = ()
    columns: tuple[str, ...] | None = None
    n_without_text: int = 0

    def report(self, problem: BadRecord) -> None:
        """Raise the problem, or count it."""
        if self.bad is None:
            raise problem
        self.bad.add(str(problem))

    def say(self, sentence: str) -> None:
        """Tell something about the source."""
        self.tell(f"{self.name}: {sentence}")


def checked_columns(names: Iterable[Any], name: str) -> tuple[str, ...]:
    """The names of columns as text; one without a name gets its number.

    Raises
    ------
    DataError
        Two have one name.
    """
    columns = tuple(
        f"column {number}" if column is None or column == "" else str(column)
        for number, column in enumerate(names, 1)
    )
    twice = [column for column in columns if columns.count(column) > 1]
    if twice:
        raise DataError(f"{name}: there are two columns {twice[0]!r}; rename one of them.")
    return columns


def listed(names: Iterable[str]) -> str:
    """The first names, for a message."""
    shown = [repr(name) for name in names]
    return ", ".join(shown[:12]) + (", …" if len(shown) > 12 else "") if shown else "none"


def plain(value: Any) -> Any:
    """A cell as JSON has it: dates in ISO form, NaN as None, what JSON does not know as text."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return value if math.isfinite(value) else str(value)
    if isinstance(value, datetime):
        midnight = value.time() == time() and value.tzinfo is None
        return (value.date() if midnight else value).isoformat()
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)
