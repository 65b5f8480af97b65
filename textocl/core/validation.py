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
    if getattr(X, "ndim", None) == 0:
        raise DataError("expected a list of documents, got an array (0-d) of one; give [str(X)].")
    if isinstance(X, dict) or not isinstance(X, Iterable):
        raise DataError(f"expected a list of documents (str), got {type(X).__name__}.")
    if hasattr(X, "columns"):
        raise DataError(
            f"expected a list of documents, got a {type(X).__name__}; give its column of texts, "
            "for example X['text'], or columns of numbers alone where features are meant."
        )
    documents: list[Any] = list(X)
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
    if isinstance(value, (list, tuple)):
        return "; join its words, for example ' '.join(words)"
    if isinstance(value, Real):
        return "; features are an array (n, d)"
    return ""


def warn_of_unknown(n_unknown: int, n_documents: int) -> None:
    """Count documents that cannot be judged, in one warning, if there are any."""
    if n_unknown:
        warnings.warn(
            f"{n_unknown:,} of {n_documents:,} documents have no known word; "
            "they are not judged, and have the worst score in a ranking.",
            TextoclWarning,
            stacklevel=4,
        )


def check_labels(y: Any, n_samples: int, samples: str = "documents") -> NDArray[np.int64]:
    """Return ``y`` as ``(n,)`` integers in {+1 normal, 0 unlabelled, -1 anomaly}; None is all 0.

    ``samples`` is what a message calls them. A `TextoclWarning` says what 0 and 1 mean where there
    is nothing else, since other libraries mark anomalies by 1.

    Raises
    ------
    DataError
        Wrong length, booleans, or a value outside {+1, 0, -1}.
    """
    if y is None:
        return np.zeros(n_samples, np.int64)
    labels = _one_for_each(y, n_samples, f"label for each of {n_samples:,} {samples}")
    values = labels.tolist()
    if any(isinstance(label, (bool, np.bool_)) for label in values):
        raise DataError(
            "labels must be +1 (normal), 0 (unlabelled) or -1 (anomaly), got booleans, which mean "
            "normal to some and anomaly to others; give np.where(is_anomaly, -1, 0), or "
            "np.where(is_normal, 1, -1)."
        )
    wrong = [label for label in values if not isinstance(label, Real) or label not in (1, 0, -1)]
    if wrong:
        raise DataError(
            "labels must be +1 (normal), 0 (unlabelled) or -1 (anomaly), "
            f"got {_describe(wrong[0])}."
        )
    labels = labels.astype(np.int64)
    n_normal = int(labels.sum())
    if labels.min(initial=0) == 0 and 0 < n_normal < n_samples:
        warnings.warn(
            f"labels are 0 and 1 only: {n_samples - n_normal:,} {samples} were taken as unlabelled "
            f"and {n_normal:,} as normal. Where 1 marks anomalies, give "
            "np.where(y == 1, -1, 0).",
            TextoclWarning,
            stacklevel=4,
        )
    return labels


def check_is_anomaly(
    is_anomaly: Any, n_samples: int, samples: str = "documents"
) -> NDArray[np.bool_]:
    """Return ``is_anomaly`` as ``(n,)`` bool; 0 and 1 will do, the labels -1 and +1 are refused.

    Raises
    ------
    DataError
        Wrong length, or a value that is neither a boolean nor 0 or 1.
    """
    kinds = _one_for_each(
        is_anomaly, n_samples, f"entry of is_anomaly for each of {n_samples:,} {samples}"
    )
    wrong = [
        kind
        for kind in kinds.tolist()
        if not isinstance(kind, (Real, np.bool_)) or kind not in (False, True)
    ]
    if wrong:
        hint = "; of labels give y == -1" if wrong[0] == -1 else ""
        raise DataError(
            f"is_anomaly must be True (anomaly) or False (normal), got {_describe(wrong[0])}{hint}."
        )
    return kinds.astype(bool)


def _one_for_each(values: Any, n_samples: int, expected: str) -> NDArray[Any]:
    if isinstance(values, Iterable) and not hasattr(values, "__array__"):
        values = list(values)
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise DataError(f"expected one {expected}, got rows of different lengths.") from error
    if array.shape != (n_samples,):
        raise DataError(f"expected one {expected}, got shape {array.shape}.")
    return array


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
    """Tell features ``(n, d)`` from documents.

    Features are numbers in an array, tensor, DataFrame, sparse matrix or nested list; also a list,
    or a column, of arrays of numbers.
    """
    if hasattr(X, "columns") and hasattr(X, "dtypes"):
        return all(_is_numeric(dtype) for dtype in X.dtypes)
    if hasattr(X, "toarray"):  # of SciPy
        return True
    n_dimensions = getattr(X, "ndim", 1)
    if n_dimensions == 2 and hasattr(X, "dtype") and getattr(X.dtype, "kind", "f") != "O":
        return _is_numeric(X.dtype)
    if n_dimensions > 2 or (not isinstance(X, (list, tuple)) and not hasattr(X, "dtype")):
        return False
    first = next(iter(X), None) if n_dimensions else None
    if getattr(first, "ndim", 0) == 1:
        return _is_numeric(getattr(first, "dtype", None), first)
    return isinstance(first, (list, tuple)) and any(isinstance(value, Real) for value in first)


def _is_numeric(dtype: Any, values: Any = ()) -> bool:
    kind = getattr(dtype, "kind", None)
    if kind == "O":
        return any(isinstance(value, Real) for value in values)
    if kind is None:  # of torch or polars
        return getattr(dtype, "is_numeric", lambda: True)()
    return kind in "fiub"


_MOST_BYTES = 2**30  # of features that came as a sparse matrix


def check_features(X: Any) -> NDArray[np.float32]:
    """Return features, as `is_features` knows them, as ``(n, d)`` float32.

    A sparse matrix is made dense where that takes at most 1 GiB.

    Raises
    ------
    DataError
        They are no numbers, hold NaN or infinity, have no column, or are too large a sparse matrix.
    """
    if hasattr(X, "toarray"):
        n_bytes = 4 * math.prod(X.shape)
        if n_bytes > _MOST_BYTES:
            raise DataError(
                f"features {X.shape} are a sparse matrix that takes {n_bytes / 2**30:.1f} GiB as "
                "an array, at most 1 is made; reduce it first, for example by "
                "sklearn.decomposition.TruncatedSVD(300), or give X.toarray()."
            )
        X = X.astype(np.float32).toarray()
    if hasattr(X, "detach"):  # a tensor of torch
        X = X.detach().cpu().float()
    try:
        rows = list(X) if getattr(X, "ndim", 0) == 1 else X  # a column of arrays
        features = np.asarray(rows, np.float32)
    except (TypeError, ValueError) as error:
        reason = str(error).rstrip(".")
        raise DataError(
            f"expected features (n, d) of numbers, got {_describe(X)} ({reason})."
        ) from error
    if features.ndim != 2 or not features.shape[1]:
        raise DataError(f"expected features (n, d) with d of at least 1, got {features.shape}.")
    bad = ~np.isfinite(features).all(axis=1)
    if bad.any():
        raise DataError(f"features of sample {int(np.argmax(bad))} hold NaN or infinity.")
    return features
