"""Characters that act instead of being read, made visible."""

from __future__ import annotations

import unicodedata

# these reorder what follows them, so that a text reads other than it is
_BIDI_CONTROLS = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


def visible(text: str) -> str:
    """Replace characters that could act on a terminal or page by a visible sign, one for one."""
    return "".join(
        "\ufffd"
        if c in _BIDI_CONTROLS or (c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cs"))
        else c
        for c in text
    )
