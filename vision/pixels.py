"""Pixel values of any dtype as float32 from 0, black, to 1, white."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError, TextoclWarning

_WHITE = {"bool": 1, "uint8": 255, "uint16": 65_535}  # of other integers it is 255
_ROUNDING = 1e-3  # by which a float may miss [0, 1]


def in_unit_range(images: NDArray[Any]) -> NDArray[np.float32]:
    """Images ``(n, …)`` as float32 from 0, black, to 1, white.

    The dtype decides, never what else is in the batch: booleans are 0 and 1, uint8 is divided by
    255 and uint16 by 65,535. Floats stay as they are and must lie in [0, 1]. Integers of other
    widths are divided by 255 and must lie in [0, 255].

    Raises
    ------
    DataError
        Other values, or 1 as the highest of a wide integer: white may be 1 or 255. The message
        says what to write.

    Examples
    --------
    >>> in_unit_range(np.array([[0, 51, 255]], np.int64)).tolist()
    [[0.0, 0.20000000298023224, 1.0]]
    """
    kind, name = images.dtype.kind, images.dtype.name
    if kind not in "biuf":
        raise DataError(f"expected images of numbers, got dtype {name}.")
    if name == "int8":
        raise DataError(
            "int8 holds at most 127, so white may be 127 or 255; write X / 127 or "
            "X.astype(np.uint8)."
        )
    if not images.size:
        return images.astype(np.float32)
    axes = tuple(range(1, images.ndim))
    low, high = images.min(axis=axes), images.max(axis=axes)  # (n,); NaN if any pixel is
    if kind == "f":
        _refuse_floats(low, high)
        return images.astype(np.float32)
    if name not in _WHITE:
        _refuse_integers(low, high, name)
    return images.astype(np.float32) / np.float32(_WHITE.get(name, 255))


def warn_of_bytes_in_16_bits(images: NDArray[Any]) -> None:
    """Say so if images of uint16 are so dark that their white may be 255."""
    if images.dtype == np.uint16 and images.size and 0 < images.max() <= _WHITE["uint8"]:
        warnings.warn(
            f"no pixel of {len(images):,} images of uint16 is above 255, where white is 65,535; "
            "if white is 255 write X.astype(np.uint8).",
            TextoclWarning,
            stacklevel=2,
        )


def _refuse_floats(low: NDArray[Any], high: NDArray[Any]) -> None:
    outside = ~((low >= -_ROUNDING) & (high <= 1 + _ROUNDING))  # NaN fails the comparison
    if not outside.any():
        return
    i = int(np.argmax(outside))
    if not np.isfinite([low[i], high[i]]).all():
        raise DataError(f"image {i} holds NaN or infinity.")
    raise DataError(
        f"expected floats from 0, black, to 1, white; image {i} holds {low[i]:g} to {high[i]:g}. "
        "Write X / 255 if white is 255, or X.clip(0, 1) if a few pixels overshoot; "
        "standardised images are given as they were before that."
    )


def _refuse_integers(low: NDArray[Any], high: NDArray[Any], name: str) -> None:
    outside = (low < 0) | (high > _WHITE["uint8"])
    if outside.any():
        i = int(np.argmax(outside))
        raise DataError(
            f"expected 0, black, to 255, white, in {name}; image {i} holds {low[i]} to "
            f"{high[i]}. Write X.astype(np.uint16) if white is 65535, or X divided by white."
        )
    if (high == 1).any():
        raise DataError(
            f"image {int(np.argmax(high == 1))} of {name} holds nothing above 1, so white may be 1 "
            "or 255; write X.astype(bool) or X.astype(np.uint8)."
        )
