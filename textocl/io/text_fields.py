"""Which fields of records hold texts and ids: named, or told by how long texts are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from itertools import chain, islice
from typing import Any

from textocl.core.exceptions import DataError
from textocl.io.records import BadRecord, Reading, Record, Records, listed

JOINT = "\n\n"  # between the texts of several fields
_MANY_WORDS = 3.0  # words of a text on average, below which it may be a name or a category
_CLEARLY_LONGER = 2.0
_UNSPACED = 0x2E80  # from here on are scripts that put no spaces between words


def choose_fields(records: Records, reading: Reading) -> Iterator[Record]:
    """Find where texts and ids are, note it in ``reading``, and give the records back.

    Without a name texts are in ``text`` or, failing that, in the one field whose values are much
    longer than others, judged by the first records.

    Raises
    ------
    DataError
        There is no such field, or it cannot be told.
    """
    first = list(islice(records.rows, 1))
    rows = chain(first, records.rows)
    columns = records.columns or tuple(first[0].fields if first else ())
    reading.columns = records.columns
    if reading.text_field is not None:
        reading.text_fields = _named_fields(reading.text_field, columns)
    required = [*reading.text_fields, *([reading.id_field] if reading.id_field is not None else [])]
    for name in required if records.columns is not None else ():
        if name not in columns:
            raise DataError(f"{reading.name}: no column {name!r}; there are {listed(columns)}.")
    if reading.text_fields or not first:
        return rows
    if "text" in columns:
        reading.text_fields = ("text",)
        return rows
    sample = list(islice(rows, reading.n_sample))
    reading.text_fields = (_told_field([record.fields for record in sample], reading),)
    return chain(sample, rows)


def text_of(record: Record, numbers_are_text: bool, reading: Reading) -> str | None:
    """The text of a record, those of several fields joined; None where it is missing.

    Raises
    ------
    BadRecord
        A value is no text, or there is no such field.
    """
    parts = []
    for name in reading.text_fields:
        value = record.fields.get(name)
        if numbers_are_text and isinstance(value, (int, float)):
            value = str(value)
        if value is None:
            continue
        if not isinstance(value, str):
            found = type(value).__name__
            raise BadRecord(f"{record.place}: field {name!r} is {found}, expected text.")
        parts.append(value)
    if not parts and not reading.keep_all and record.fields.keys().isdisjoint(reading.text_fields):
        names = " or ".join(map(repr, reading.text_fields))
        raise BadRecord(f"{record.place}: no field {names}; there are {listed(record.fields)}.")
    if len(parts) > 1:
        parts = [JOINT.join(part for part in parts if part.strip())]
    return parts[0] if parts else None


def id_of(record: Record, field: str | None) -> str | int:
    """The id of a record: its field, else its number."""
    value = record.fields.get("id" if field is None else field)
    if isinstance(value, float):
        return int(value) if value.is_integer() else str(value)
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return record.number
    return value


def _named_fields(text_field: str, columns: Collection[str]) -> tuple[str, ...]:
    """One field, or several between commas, where none is called so."""
    if text_field in columns or "," not in text_field:
        return (text_field,)
    return tuple(dict.fromkeys(part.strip() for part in text_field.split(",")))


def _told_field(sample: list[dict[str, Any]], reading: Reading) -> str:
    fields = list(dict.fromkeys(chain.from_iterable(sample)))
    field = "text" if "text" in fields else _likely_field(fields, sample)
    if field is None:
        raise DataError(
            f"{reading.name}: cannot tell which column holds the texts; there are "
            f"{listed(fields)}. Name it by --text-field (text_field), or several, which are "
            "joined: title,body."
        )
    if field != "text" and len(fields) > 1:
        reading.say(f"texts come from column {field!r} (of {', '.join(fields)})")
    return field


def _likely_field(fields: list[str], sample: list[dict[str, Any]]) -> str | None:
    """The one field of long texts; None where there is none, or several are long."""
    called_text = [field for field in fields if field.lower() == "text"]
    if len(called_text) == 1:
        return called_text[0]
    texts = {
        name: [t for r in sample if isinstance(t := r.get(name), str) and t] for name in fields
    }
    texts = {name: values for name, values in texts.items() if values}
    if len(fields) == 1 and texts:
        return fields[0]
    long = sorted(
        (name for name in texts if _mean(_n_words, texts[name]) >= _MANY_WORDS),
        key=lambda name: -_mean(len, texts[name]),
    )
    if not long:
        return None
    lengths = [_mean(len, texts[name]) for name in long]
    return long[0] if len(long) == 1 or lengths[0] >= _CLEARLY_LONGER * lengths[1] else None


def _mean(measure: Callable[[str], int], texts: list[str]) -> float:
    return sum(map(measure, texts)) / len(texts)


def _n_words(text: str) -> int:
    return len(text.split()) + sum(ord(character) >= _UNSPACED for character in text) // 2
