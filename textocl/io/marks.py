"""What people say of documents: a file of ids and labels, as a report downloads it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from os import PathLike
from typing import Any

from textocl.core.exceptions import DataError, TextoclWarning
from textocl.io.tables import read_corpus

_LABELS = {"1": 1, "-1": -1, "0": 0, "": 0, "belongs": 1, "does not belong": -1, "unsure": 0}


def read_marks(path: str | PathLike[str], ids: Sequence[Any]) -> list[int]:
    """Label of each document, by a file with the fields ``id`` and ``label``; 0 without a mark.

    Parameters
    ----------
    path : any file that `read_documents` reads; ids in JSON are strings
    ids : of n documents

    Returns
    -------
    n labels: +1 belongs, -1 does not, 0 unknown

    Raises
    ------
    DataError
        A field is missing, a label is none of these, or no id is one of the documents'.
    """
    marks = read_corpus(path, "id")
    if "label" not in marks.columns:
        known = ", ".join(map(repr, ["id", *marks.columns]))
        raise DataError(f"{path} has no field 'label'; there are {known}.")
    label_of = dict(
        zip(marks.texts, labels_from(marks.columns["label"], marks.texts, "label"), strict=True)
    )
    names = [str(name) for name in ids]
    n_unknown = len(label_of.keys() - set(names))
    if n_unknown == len(label_of):
        raise DataError(
            f"{path}: none of its {n_unknown:,} ids, such as {marks.texts[0]!r}, is that of a "
            f"document, such as {names[0]!r}."
        )
    if n_unknown:
        warnings.warn(
            f"{path}: {n_unknown:,} of {len(label_of):,} ids are those of no document.",
            TextoclWarning,
            stacklevel=2,
        )
    return [label_of.get(name, 0) for name in names]


def labels_from(values: Iterable[Any], ids: Iterable[Any], field: str) -> list[int]:
    """Labels that a column holds: 1 or belongs, -1 or does not belong, 0, unsure or nothing.

    Parameters
    ----------
    values : n of them
    ids, field : of the documents and the column, for messages

    Raises
    ------
    DataError
        Another value.
    """
    labels = []
    for name, value in zip(ids, values, strict=True):
        written = "" if value is None else str(value).strip().lower().removesuffix(".0")
        if written not in _LABELS:
            raise DataError(
                f"document {name!r} has {value!r} in {field!r}; expected 1 or belongs, -1 or does "
                "not belong, 0, unsure or nothing."
            )
        labels.append(_LABELS[written])
    return labels
