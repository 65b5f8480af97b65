"""Scores to a file: each document with its own id and fields, and what the detector says of it."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, TypeAlias

from textocl.core.assessment import Assessment, AssessmentRow
from textocl.core.exceptions import DataError
from textocl.core.files import whole_file
from textocl.io.corpora import Document

# OWASP's list for CSV injection; with the apostrophe of a cell that was made safe, so that taking
# one away gives every text back
_FORMULA = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)

#: what is said of each document, in the order of a table's columns
RESULTS = AssessmentRow._fields


class Counts(NamedTuple):
    """How many documents there were, and how many of them anomalous, and not judged."""

    n_documents: int = 0
    n_anomalous: int = 0
    n_not_judged: int = 0

    def plus(self, other: Counts) -> Counts:
        return Counts(*(a + b for a, b in zip(self, other, strict=True)))


@dataclass(frozen=True)
class Part:
    """What became of one batch.

    Attributes
    ----------
    lines : the results, as the file will hold them
    counts : of the batch
    input_sha256 : of its documents; empty where nobody will ask
    """

    lines: bytes
    counts: Counts
    input_sha256: str = ""


@dataclass(frozen=True)
class ResultRows:
    """How documents and results become lines: JSON, or rows of a table.

    A document's own field that is named like a result is kept as ``input_<name>``.

    Attributes
    ----------
    table : whether as CSV
    ascii : whether JSON escapes all other characters, for what may not be a UTF-8 terminal
    spreadsheet_safe : whether a table's cell of text that a spreadsheet would take for a formula
        gets an apostrophe before it
    columns : of the table; None before its first document, which decides and brings the header
    """

    table: bool = False
    ascii: bool = False
    spreadsheet_safe: bool = False
    columns: tuple[str, ...] | None = None

    @classmethod
    def for_path(cls, path: str, *, spreadsheet_safe: bool = False) -> ResultRows:
        """What a ``.jsonl`` or ``.csv`` file asks for, or ``"-"``, which is standard output.

        Raises
        ------
        DataError
            Another ending, or a folder; or no table shall be safe in a spreadsheet.
        """
        if spreadsheet_safe and Path(path).suffix.lower() != ".csv":
            raise DataError(f"a spreadsheet reads a .csv file; got {path!r}.")
        if path == "-":
            return cls(ascii=True)
        suffix = Path(path).suffix.lower()
        if suffix not in (".jsonl", ".csv"):
            raise DataError(f"results go to a .jsonl or .csv file (or '-'), got {path!r}.")
        if Path(path).is_dir():
            raise DataError(f"{path!r} is a folder; expected a file to write.")
        return cls(table=suffix == ".csv", spreadsheet_safe=spreadsheet_safe)

    def after(self, document: Document) -> ResultRows:
        """The rows that follow ``document``."""
        return self.after_record(_record(document, dict.fromkeys(RESULTS)))

    def after_record(self, record: Mapping[str, Any]) -> ResultRows:
        """The rows that follow a record of these fields."""
        if not self.table or self.columns is not None:
            return self
        return replace(self, columns=tuple(record))

    def lines(self, documents: Sequence[Document], assessment: Assessment) -> bytes:
        """Documents with what is said of them.

        What is not judged has no score and no p-value: null, or an empty cell.

        Raises
        ------
        DataError
            A document has a field that the table has no column for.
        """
        records = [
            _record(document, {name: _no_nan(value) for name, value in row._asdict().items()})
            for document, row in zip(documents, assessment, strict=True)
        ]
        return self.encoded(records)

    def encoded(self, records: list[dict[str, Any]]) -> bytes:
        """Records as lines, with the header of a table before the first ones."""
        if self.table:
            text = self._table(records)
        else:
            text = "".join(json.dumps(r, ensure_ascii=self.ascii) + "\n" for r in records)
        # a lone surrogate becomes \udXXX, which is what JSON calls it
        return text.encode("utf-8", "backslashreplace")

    def _table(self, records: list[dict[str, Any]]) -> str:
        if not records:
            return ""
        columns = self.columns or tuple(records[0])
        text = io.StringIO(newline="")
        table = csv.writer(text)
        if self.columns is None:
            table.writerow(map(self._cell, columns))
        for record in records:
            strange = set(record) - set(columns)
            if strange:
                raise DataError(
                    f"document {record['id']!r} has a field {sorted(strange)[0]!r} that the first "
                    "document lacks, so it has no place in a table; write .jsonl instead."
                )
            table.writerow([self._cell(record.get(name, "")) for name in columns])
        return text.getvalue()

    def _cell(self, value: Any) -> Any:
        if value is None:
            return ""
        if not isinstance(value, str):
            return value if isinstance(value, (int, float)) else json.dumps(value)
        if self.spreadsheet_safe and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
            return f"'{value}"
        return value


def _no_nan(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


Task: TypeAlias = tuple[ResultRows, list[Document]]


def _record(document: Document, result: dict[str, Any]) -> dict[str, Any]:
    fields = document.fields or {"text": document.text}
    record: dict[str, Any] = {"id": document.id}
    for name, value in fields.items():
        while name in result or (name in record and name != document.id_field):
            name = f"input_{name}"
        record[name] = value
    return record | result


def tasks_of(rows: ResultRows, batches: Iterable[list[Document]]) -> Iterator[Task]:
    """Each batch with the rows that it becomes."""
    for batch in batches:
        yield rows, batch
        if batch:
            rows = rows.after(batch[0])


class ResultWriter:
    """Writes lines to a file, which appears when it is complete, or to standard output.

    Parameters
    ----------
    path : where to, ``"-"`` for standard output

    Attributes
    ----------
    counts : of what was written

    Raises
    ------
    DataError
        The place cannot be written to.
    """

    def __init__(self, path: str) -> None:
        self._target = None if path == "-" else Path(path)
        self._file: IO[bytes] = sys.stdout.buffer
        self.counts = Counts()

    def __enter__(self) -> ResultWriter:
        if self._target is None:
            return self
        self._whole = whole_file(self._target)
        self._file = self._whole.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._target is not None:
            self._whole.__exit__(kind, error, traceback)

    def remaining(self, tasks: Iterable[Task]) -> Iterable[Task]:
        """All of them, as nothing is done yet."""
        return tasks

    def write(self, part: Part) -> None:
        self._file.write(part.lines)
        if self._target is None:
            self._file.flush()  # whoever reads along need not wait for the next batch
        self.counts = self.counts.plus(part.counts)
