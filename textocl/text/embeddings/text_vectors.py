"""Word vectors in text files: the formats of GloVe, word2vec and fastText."""

from __future__ import annotations

import bz2
import gzip
import lzma
import warnings
from array import array
from collections.abc import Iterable
from itertools import chain, islice
from pathlib import Path
from statistics import mode
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import TextoclWarning

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LOOKED_AT = 1000  # lines that tell the dimension where no header does
_LISTED = 5
_OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


def open_vectors(path: Path) -> IO[bytes]:
    """Open a file of vectors, compressed or not."""
    opener: Any = _OPENERS.get(path.suffix, open)
    return opener(path, "rb")


def read_text_vectors(path: Path) -> tuple[list[str], NDArray[np.float32]]:
    """Return the words ``(u,)`` of a text file and their vectors ``(u, d)``.

    The last d fields of a line are numbers, and what stands before them is the word: some files
    have words that hold spaces. word2vec's files have a header ``u d``, GloVe's have none. Of a
    word that stands twice, the first vector counts. A line whose word is no UTF-8, such as one cut
    in the middle of a character, or is missing, is passed over; a warning counts these.

    Raises
    ------
    ValueError
        There is no vector; a line, which is named, has too few numbers; or there are fewer lines
        than the header says.
    """
    with open_vectors(path) as file:
        lines = enumerate(file, start=1)
        start = [(n, line.removeprefix(_BYTE_ORDER_MARK)) for n, line in islice(lines, 1)]
        start += islice(lines, _LOOKED_AT)
        announced, dimension = _header(start)
        if announced is not None:
            del start[0]
        rows, numbers, passed_over, n_lines = _rows(chain(start, lines), dimension)
    if announced is not None and n_lines < announced:
        raise ValueError(f"{announced:,} vectors announced, {n_lines:,} found")
    if not rows:
        raise ValueError("it holds no vector")
    if passed_over:
        listed = ", ".join(f"{n:,}" for n in passed_over[:_LISTED])
        warnings.warn(
            f"{path}: {len(passed_over):,} of {n_lines:,} lines were passed over, since their word "
            f"is missing or no UTF-8: {'line' if len(passed_over) == 1 else 'lines'} {listed}"
            f"{' and so on' if len(passed_over) > _LISTED else ''}.",
            TextoclWarning,
            stacklevel=4,
        )
    vectors = np.frombuffer(numbers, np.float32).reshape(-1, dimension)
    bad = ~np.isfinite(vectors).all(axis=1)
    if bad.any():
        word, n = list(rows.items())[int(np.argmax(bad))]
        raise ValueError(f"line {n:,}: the vector of {word!r} holds NaN or infinity")
    return list(rows), vectors


def _header(lines: list[tuple[int, bytes]]) -> tuple[int | None, int]:
    """How many vectors the first line announces, or None, and the dimension."""
    fields = [line.split() for _, line in lines]
    if not any(fields):
        raise ValueError("it is empty")
    after = [len(parts) for parts in fields[1:2]]
    if len(fields[0]) == 2 and after != [2] and all(field.isdigit() for field in fields[0]):
        return int(fields[0][0]), int(fields[0][1])
    return None, max(1, mode(len(parts) for parts in fields if parts) - 1)


def _rows(
    lines: Iterable[tuple[int, bytes]], dimension: int
) -> tuple[dict[str, int], array[float], list[int], int]:
    """The line of each word, all numbers, the lines passed over, and how many lines there are."""
    rows: dict[str, int] = {}
    numbers = array("f")
    passed_over: list[int] = []
    n_lines = 0
    for n, line in lines:
        fields = line.rsplit(None, dimension)
        if not fields:
            continue
        n_lines += 1
        has_word = len(fields) > dimension
        try:
            vector = array("f", map(float, fields[has_word:]))
        except ValueError:
            vector = array("f")
        if len(vector) != dimension:
            shown = line.decode("utf-8", "replace").strip()
            shown = shown if len(shown) <= 40 else shown[:37] + "..."
            raise ValueError(f"line {n:,}: expected a word and {dimension} numbers, got {shown!r}")
        try:
            word = fields[0].strip().decode("utf-8") if has_word else ""
        except UnicodeDecodeError:
            word = ""
        if not word:
            passed_over.append(n)
        elif word not in rows:
            rows[word] = n
            numbers.extend(vector)
    return rows, numbers, passed_over, n_lines
