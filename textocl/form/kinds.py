"""Kinds of characters: letters by script and case, digits, white space, symbols."""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np
from numpy.typing import NDArray

from textocl.form.codes import N_CODE_POINTS

#: scripts of letters; "ascii" and "latin" are one script, without and with accents
SCRIPTS = (
    "ascii", "latin", "greek", "cyrillic", "arabic", "hebrew", "devanagari", "east asian", "other",
)  # fmt: skip
_BLOCKS = {
    "ascii": [(0, 0x7F)],
    "latin": [
        (0x80, 0x2AF), (0x1E00, 0x1EFF), (0x2C60, 0x2C7F), (0xA720, 0xA7FF), (0xFB00, 0xFB06),
        (0xFF21, 0xFF5A),
    ],
    "greek": [(0x370, 0x3FF), (0x1F00, 0x1FFF)],
    "cyrillic": [(0x400, 0x52F), (0x1C80, 0x1C8F), (0xA640, 0xA69F)],
    "arabic": [(0x600, 0x6FF), (0x750, 0x77F), (0x8A0, 0x8FF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFC)],
    "hebrew": [(0x590, 0x5FF), (0xFB1D, 0xFB4F)],
    "devanagari": [(0x900, 0x97F), (0xA8E0, 0xA8FF)],
    "east asian": [
        (0x1100, 0x11FF), (0x3005, 0x9FFF), (0xA960, 0xA97F), (0xAC00, 0xD7FF), (0xF900, 0xFAFF),
        (0xFF66, 0xFFDC), (0x1B000, 0x1B16F), (0x20000, 0x3FFFF),
    ],
}  # fmt: skip
_EMOJI = [(0x20E3, 0x20E3), (0x2600, 0x27BF), (0xFE0F, 0xFE0F), (0x1F000, 0x1FAFF)]
_LAST_NAMED = 0x3FFFF  # what lies above is private or not for reading

#: a letter has the kind 2 × its script, and one more if it is a capital
N_LETTERS = 2 * len(SCRIPTS)
(
    DIGIT, NUMBER, PUNCTUATION, SYMBOL, EMOJI, MARK, ODD, SURROGATE,
    AT, HASH, LESS, COLON, STOP, DOLLAR, CURRENCY, SPACE, NEWLINE,
) = range(N_LETTERS, N_LETTERS + 17)  # fmt: skip
N_KINDS = NEWLINE + 1
#: kinds that may begin or end something: an address, a price, a tag
MARKERS = range(AT, SPACE)
_OTHER = 2 * SCRIPTS.index("other")
_OF_CATEGORY = {
    **dict.fromkeys(("Lu", "Lt"), _OTHER + 1), **dict.fromkeys(("Ll", "Lm", "Lo"), _OTHER),
    **dict.fromkeys(("Nd", "Nl", "No"), NUMBER), **dict.fromkeys(("Mn", "Mc", "Me"), MARK),
    **dict.fromkeys(("Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sk", "So"), SYMBOL),
    **dict.fromkeys(("Zs", "Zl", "Zp"), SPACE), "Sc": CURRENCY, "Cs": SURROGATE,
    **dict.fromkeys(("Cc", "Cf", "Co", "Cn"), ODD),
}  # fmt: skip
_OF_ITS_OWN = {"@": AT, "#": HASH, "<": LESS, ":": COLON, ".": STOP, "$": DOLLAR, "\n": NEWLINE}


@cache
def kinds_of_points() -> NDArray[np.uint8]:
    """Kind of every code point, ``(N_CODE_POINTS,)``, by the Unicode version of this Python."""
    kinds = np.full(N_CODE_POINTS, ODD, np.uint8)
    named = kinds[: _LAST_NAMED + 1]
    characters = [chr(point) for point in range(len(named))]
    named[:] = [_OF_CATEGORY[unicodedata.category(character)] for character in characters]
    for number, script in enumerate(SCRIPTS[:-1]):
        for low, high in _BLOCKS[script]:
            block = kinds[low : high + 1]
            is_letter = (block == _OTHER) | (block == _OTHER + 1)
            block[is_letter] -= _OTHER - 2 * number
    for low, high in _EMOJI:
        kinds[low : high + 1] = EMOJI
    in_ascii = kinds[:0x80]
    in_ascii[in_ascii == NUMBER] = DIGIT
    in_ascii[in_ascii == SYMBOL] = PUNCTUATION
    named[[character.isspace() for character in characters]] = SPACE
    kinds[0xFFFD] = ODD  # stands for what could not be read
    for character, kind in _OF_ITS_OWN.items():
        kinds[ord(character)] = kind
    kinds.setflags(write=False)
    return kinds


def ranges_of(kind: int) -> list[tuple[int, int]]:
    """First and last code point of each run of characters of a kind, ascending."""
    edges = np.diff(kinds_of_points() == kind, prepend=False, append=False).nonzero()[0]
    return [(int(a), int(b) - 1) for a, b in edges.reshape(-1, 2)]
