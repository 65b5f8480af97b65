"""The command ``textocl``. Light to start: each command imports what it needs."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the command; `score`, the one that programs start, loads no other."""
    if sys.argv[1:2] == ["score"]:
        import textocl.cli.score  # registers itself
    else:
        import textocl.cli.commands  # noqa: F401
    from textocl.cli.application import app

    app()
