"""Scores to a file: each document with its own id and fields, and what the detector says of it."""

from __future__ import annotations

import csv
import json
import os
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from textocl.corpora import Document
from textocl.exceptions import DataError


class ResultWriter:
    """Writes results as ``.jsonl`` or ``.csv``; the file appears when it is complete.

    A document's own field that is named like a result is kept as ``input_<name>``.

    Parameters
    ----------
    path : where to, ``"-"`` for JSON lines on standard output

    Raises
    ------
    DataError
        Another ending, or the place cannot be written to.
    """

    def __init__(self, path: str) -> None:
        self._target = None if path == "-" else Path(path)
        self._csv: Any = None
        self._columns: list[str] = []
        self._table = False
        if self._target is not None:
            if self._target.suffix not in (".jsonl", ".csv"):
                raise DataError(f"results go to a .jsonl or .csv file (or '-'), got {path!r}.")
            if self._target.is_dir():
                raise DataError(f"{path!r} is a folder; expected a file to write.")
            self._table = self._target.suffix == ".csv"
        self._file: IO[str] = sys.stdout

    def __enter__(self) -> ResultWriter:
        if self._target is None:
            return self
        try:
            handle, self._partial = tempfile.mkstemp(
                prefix=f".{self._target.name}-", dir=self._target.parent
            )
        except OSError as error:
            raise DataError(f"cannot write to {self._target}: {error.strerror}.") from error
        os.chmod(self._partial, 0o666 & ~_umask())  # noqa: PTH101
        # a lone surrogate becomes \udXXX, which is what JSON calls it
        self._file = open(  # noqa: PTH123
            handle, "w", encoding="utf-8", errors="backslashreplace", newline=""
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._target is None:
            self._file.flush()
            return
        try:
            self._file.close()
            if kind is None:
                os.replace(self._partial, self._target)  # noqa: PTH105
        finally:
            Path(self._partial).unlink(missing_ok=True)

    def write(self, document: Document, result: dict[str, Any]) -> None:
        """Write one document with its result."""
        own = document.fields or {"text": document.text}
        record: dict[str, Any] = {"id": document.id}
        for name, value in own.items():
            while name in result or (name in record and name != "id"):
                name = f"input_{name}"
            record[name] = value
        record |= result
        if not self._table:
            self._file.write(json.dumps(record, ensure_ascii=self._target is None) + "\n")
            return
        if self._csv is None:
            self._columns = list(record)
            self._csv = csv.DictWriter(self._file, self._columns)
            self._csv.writeheader()
        strange = set(record) - set(self._columns)
        if strange:
            raise DataError(
                f"document {document.id!r} has a field {sorted(strange)[0]!r} that the first "
                "document lacks, so it has no place in a table; write .jsonl instead."
            )
        self._csv.writerow(
            {
                name: value if isinstance(value, (str, int, float)) else json.dumps(value)
                for name, value in record.items()
            }
        )


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
