"""A whole file as a table of documents: texts, ids, and every other column."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from textocl.core.exceptions import DataError
from textocl.io.corpora import documents_from
from textocl.io.records import BadRecords, Reading, listed


@dataclass(frozen=True)
class Corpus:
    """All documents of a source, column by column.

    Attributes
    ----------
    texts : one for each record; a missing one is ``""``
    ids : of the field of ids, else the number of the line, row or record; in a folder the path
    columns : every other field, in the order of the file; None where a record has no value. Where
        texts are joined from several fields, these are here too.
    text_fields : where texts come from; empty for plain text
    id_field : where ids come from; None where they are numbers
    notes : what was detected or guessed, one sentence each
    """

    texts: list[str]
    ids: list[str]
    columns: dict[str, list[Any]]
    text_fields: tuple[str, ...]
    id_field: str | None
    notes: list[str]


def read_corpus(
    source: str | PathLike[str],
    text_field: str | None = None,
    id_field: str | None = None,
    *,
    format: str | None = None,
    bad: BadRecords | None = None,
) -> Corpus:
    """Read a file, a folder, or standard input whole.

    As `read_documents`, and a record without a field of texts is one with an empty text.

    Raises
    ------
    DataError
        As `read_documents`; there is no text, or the file changed while it was read.
    MissingExtraError
        openpyxl or pyarrow is missing.
    """
    notes: list[str] = []
    reading = Reading(str(source), text_field, id_field, bad, notes.append, keep_all=True)
    before = _state_of(source)
    documents = list(documents_from(source, format, reading))
    if _state_of(source) != before:
        raise DataError(f"{source} changed while it was read; read it again.")
    if not documents:
        raise DataError(
            f"{reading.name} holds no documents{', only a header' * bool(reading.columns)}."
        )
    if not any(document.text.strip() for document in documents):
        where = f" in {' and '.join(map(repr, reading.text_fields))}" * bool(reading.text_fields)
        raise DataError(
            f"{reading.name}: expected texts{where}, but all {len(documents):,} are empty; "
            f"there are {listed(documents[0].fields)}."
        )
    names = reading.columns or dict.fromkeys(name for d in documents for name in d.fields)
    id_name = id_field or ("id" if "id" in names else None)
    taken = {id_name, *(reading.text_fields if len(reading.text_fields) == 1 else ())}
    ids = [str(document.id) for document in documents]
    _note_repeated_ids(ids, id_name, reading)
    return Corpus(
        texts=[document.text for document in documents],
        ids=ids,
        columns={n: [d.fields.get(n) for d in documents] for n in names if n not in taken},
        text_fields=reading.text_fields,
        id_field=id_name,
        notes=notes,
    )


def _state_of(source: str | PathLike[str]) -> tuple[int, ...] | None:
    """What differs after a file was written to; None where there is no file."""
    path = Path(source)
    if str(source) == "-" or not path.is_file():
        return None
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _note_repeated_ids(ids: list[str], id_name: str | None, reading: Reading) -> None:
    repeated = [name for name, n in Counter(ids).items() if n > 1]
    if repeated and id_name is not None:
        values = "1 value occurs" if len(repeated) == 1 else f"{len(repeated):,} values occur"
        reading.say(f"ids are not unique: {values} more than once in {id_name!r} ({repeated[0]!r})")
