"""The only place that judges what a user passed in."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError, TextoclWarning


def check_documents(X: Any) -> list[str]:
    """Return ``X`` as a list of strings, or say what it is instead.

    Any iterable of `str` will do (list, tuple, array of objects, pandas Series, generator).
    A single string is refused: it would be read as one document a character.

    Raises
    ------
    DataError
        ``X`` is one string or bytes, cannot be iterated, or holds something else than strings.
    """
    if isinstance(X, (str, bytes, bytearray)):
        raise DataError(
            f"expected a list of documents, got a single {type(X).__name__}; "
            "put it into a list: [text]."
        )
    if isinstance(X, dict) or not isinstance(X, Iterable):
        raise DataError(f"expected a list of documents (str), got {type(X).__name__}.")
    if hasattr(X, "columns"):
        raise DataError(
            f"expected a list of documents, got a {type(X).__name__}; give its column of texts, "
            "for example X['text']."
        )
    documents = list(X)
    for i, document in enumerate(documents):
        if not isinstance(document, str):
            raise DataError(
                f"expected every document to be a str, but document {i} is "
                f"{_describe(document)}{_hint(document)}."
            )
    return documents


def _describe(value: Any) -> str:
    if value is None:
        return "None"
    shown = repr(value)
    return f"{type(value).__name__} {shown if len(shown) <= 40 else shown[:37] + '...'}"


def _hint(value: Any) -> str:
    if isinstance(value, (bytes, bytearray)):
        return '; decode it first, for example with .decode("utf-8")'
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "; leave missing documents out or replace them by an empty string"
    return ""


def warn_of_unknown(n_unknown: int, n_documents: int) -> None:
    """Count documents without a known word, in one warning, if there are any."""
    if n_unknown:
        warnings.warn(
            f"{n_unknown:,} of {n_documents:,} documents have no known word; "
            "they get the worst score.",
            TextoclWarning,
            stacklevel=4,
        )


def check_labels(y: Any, n_samples: int, samples: str = "documents") -> NDArray[np.int64]:
    """Return ``y`` as ``(n,)`` integers in {+1 normal, 0 unlabelled, -1 anomaly}; None is all 0.

    ``samples`` is what a message calls them.

    Raises
    ------
    DataError
        Wrong length, or a value outside {+1, 0, -1}.
    """
    if y is None:
        return np.zeros(n_samples, np.int64)
    labels = np.asarray(list(y) if not isinstance(y, np.ndarray) else y)
    if labels.shape != (n_samples,):
        raise DataError(
            f"expected one label for each of {n_samples} {samples}, got shape {labels.shape}."
        )
    wrong = [label for label in labels.tolist() if label not in (1, 0, -1)]
    if wrong:
        raise DataError(
            "labels must be +1 (normal), 0 (unlabelled) or -1 (anomaly), "
            f"got {_describe(wrong[0])}."
        )
    return labels.astype(np.int64)


def check_integer(name: str, value: Any, minimum: int, maximum: int | None = None) -> int:
    """Return ``value`` as an int that is at least ``minimum`` and at most ``maximum``."""
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < minimum:
        raise DataError(f"{name} must be an integer of at least {minimum}, got {_describe(value)}.")
    if maximum is not None and int(value) > maximum:
        raise DataError(f"{name} must be an integer of at most {maximum}, got {_describe(value)}.")
    return int(value)


def check_number(
    name: str,
    value: Any,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    low_open: bool = False,
    high_open: bool = False,
) -> float:
    """Return ``value`` as a finite float between ``low`` and ``high``."""
    ok = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    ok = ok and (value > low if low_open else value >= low)
    ok = ok and (value < high if high_open else value <= high)
    if not ok:
        left = "(" if low_open or math.isinf(low) else "["
        right = ")" if high_open or math.isinf(high) else "]"
        raise DataError(
            f"{name} must be in {left}{low:g}, {high:g}{right}, got {_describe(value)}."
        )
    return float(value)


def check_choice(name: str, value: Any, choices: Sequence[str]) -> str:
    """Return ``value`` if it is one of ``choices``."""
    if not isinstance(value, str) or value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise DataError(f"{name} must be one of {listed}; got {_describe(value)}.")
    return value


def is_features(X: Any) -> bool:
    """Tell an array of numbers, two-dimensional, from a list of documents."""
    if getattr(X, "ndim", 0) != 2 or not hasattr(X, "dtype"):
        return False
    return getattr(X.dtype, "kind", "f") in "fiub"  # a torch dtype has no kind


def check_features(X: Any) -> NDArray[np.float32]:
    """Return features as ``(n, d)`` float32.

    Raises
    ------
    DataError
        They are no numbers, hold NaN or infinity, or have no column.
    """
    try:
        features = np.asarray(X, np.float32)
    except (TypeError, ValueError) as error:
        raise DataError(f"expected features (n, d) of numbers, got {_describe(X)}.") from error
    if not features.shape[1]:
        raise DataError(f"expected features (n, d) with d of at least 1, got {features.shape}.")
    bad = ~np.isfinite(features).all(axis=1)
    if bad.any():
        raise DataError(f"features of sample {int(np.argmax(bad))} hold NaN or infinity.")
    return features
