"""Scoring tables with an exported file: a pandas frame, a block of Ray, a partition of Spark."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from textocl.core.assessment import Assessment
from textocl.core.exceptions import DataError
from textocl.export.runtime import OnnxDetector

if TYPE_CHECKING:
    import pandas

#: the columns that `score_frame` adds, as Spark writes a schema
SCORE_SCHEMA = (
    "score float, p_value float, label bigint, status string, nearest_context bigint, "
    "n_known_words bigint"
)


@runtime_checkable
class Frame(Protocol):
    """What is needed of a pandas frame, or one of its kin."""

    columns: Any

    def __getitem__(self, name: str) -> Any: ...
    def assign(self, **columns: Any) -> Any: ...


def score_frame(
    frame: pandas.DataFrame,
    model: str | PathLike[str],
    *,
    text_column: str = "text",
    n_threads: int = 1,
) -> pandas.DataFrame:
    """Score the texts of a frame, and return it with the scores as columns.

    The file is read once in each process, and again when it has changed, so that the function can
    be called for each of many partitions.

    Parameters
    ----------
    frame : with a column of `str`; may have no rows
    model : the ``.onnx`` file of a detector on texts
    text_column : where the texts are
    n_threads : int ≥ 0, default 1
        As in `OnnxDetector`. One is right where many processes share a machine.

    Returns
    -------
    A new frame of the same rows, index and columns, with those of `textocl.Assessment`: ``score``
    and ``p_value`` float32, NaN where a text has no known word and is not judged; ``label`` (+1
    normal, -1 anomalous, 0 not judged) int64; ``status``, which says the same; ``nearest_context``,
    -1 without a known word, or where the detector has no contexts, and ``n_known_words`` int64.

    Raises
    ------
    DataError
        No such column, a text that is missing or no text, or a column that would be overwritten.
    FormatError, MissingExtraError
        As `OnnxDetector`.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import pandas
    >>> from textocl import CVDD
    >>> from textocl.export import to_onnx
    >>> what = ["tankers wait in port", "ferries leave the harbor", "cargo vessels dock"]
    >>> ships = [f"{text} {i}" for text in what for i in range(20)]
    >>> detector = CVDD(n_contexts=2, false_alarm_rate=0.1).fit(ships)
    >>> texts = ["Cargo vessels dock.", "guitars and drums"]
    >>> frame = pandas.DataFrame({"text": texts}, index=[7, 8])
    >>> with TemporaryDirectory() as folder:
    ...     scored = score_frame(frame, to_onnx(detector, f"{folder}/ships.onnx"))
    >>> scored[["label", "n_known_words"]].to_dict("index")
    {7: {'label': 1, 'n_known_words': 3}, 8: {'label': -1, 'n_known_words': 2}}
    """
    texts = _texts(frame, text_column)
    detector = _detector(model, n_threads)
    if detector.metadata["input"] != "text":
        taken = detector.metadata["input"]
        raise DataError(f"{Path(model)} takes {taken}; expected a file of a detector on texts.")
    return frame.assign(**assessment_of(detector.assess(texts)).columns())


def score_frames(
    frames: Iterable[pandas.DataFrame],
    model: str | PathLike[str],
    *,
    text_column: str = "text",
) -> Iterator[pandas.DataFrame]:
    """`score_frame` for one frame after the other, as Spark's ``mapInPandas`` calls it."""
    for frame in frames:
        yield score_frame(frame, model, text_column=text_column)


def _texts(frame: Any, text_column: str) -> list[Any]:
    if not isinstance(frame, Frame):
        raise DataError(f"expected a pandas DataFrame, got {type(frame).__name__}.")
    names = list(frame.columns)
    if names.count(text_column) != 1:
        number = "two" if text_column in names else "none"
        raise DataError(f"expected one column {text_column!r}, got {number} in {names}.")
    taken = [field.split()[0] for field in SCORE_SCHEMA.split(", ") if field.split()[0] in names]
    if taken:
        raise DataError(f"the frame has a column {taken[0]!r} already; rename it or leave it out.")
    column = frame[text_column]
    missing = np.flatnonzero(column.isna())
    if len(missing):
        raise DataError(
            f"{len(missing):,} of {len(column):,} texts are missing, the first at index "
            f"{column.index[missing[0]]}; leave such rows out or replace them by an empty string."
        )
    return list(column)


def assessment_of(assessed: dict[str, NDArray[Any]]) -> Assessment:
    """What a detector would say, from what `OnnxDetector.assess` says of texts."""
    columns = {name: assessed[name] for name in ("score", "p_value", "label", "n_known_words")}
    return Assessment(**columns, nearest_context=nearest_context(assessed))


def nearest_context(assessed: dict[str, NDArray[Any]]) -> NDArray[np.int64]:
    """Number of the nearest context of each document, ``(n,)``; -1 where there is none."""
    if "context_distance" not in assessed:
        return np.full(len(assessed["score"]), -1)
    distances = assessed["context_distance"]  # (n, r), all 1 without a known word
    return np.where((distances < 1).any(axis=1), distances.argmin(axis=1), -1)


def _detector(model: str | PathLike[str], n_threads: int) -> OnnxDetector:
    path = Path(model).resolve()
    facts = path.stat() if path.is_file() else None
    state = facts and (facts.st_mtime_ns, facts.st_size)
    return _opened(path, state, n_threads, os.getpid())  # a session does not survive a fork


@lru_cache(maxsize=4)
def _opened(path: Path, state: object, n_threads: int, process: int) -> OnnxDetector:
    return OnnxDetector(path, n_threads=n_threads)
