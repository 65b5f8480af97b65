"""Integers as short text: Base64 VLQ, as source maps have it.

Each number becomes base-32 digits, least first, each with a sixth bit that says whether more
follow; its sign is the lowest bit. Numbers from -15 to 15 take one character.
"""

from __future__ import annotations

from collections.abc import Iterable

_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_MORE = 32


def encoded(numbers: Iterable[int]) -> str:
    """Write integers one after the other.

    Examples
    --------
    >>> encoded([0, 1, -1, 16])
    'ACDgB'
    """
    return "".join(_encoded(number) for number in numbers)


def _encoded(number: int) -> str:
    rest = abs(number) << 1 | (number < 0)
    text = ""
    while rest >= _MORE:
        text += _DIGITS[rest % _MORE + _MORE]
        rest //= _MORE
    return text + _DIGITS[rest]
