"""Runs the command as a user runs it: in its own process."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

TEXTOCL = [sys.executable, "-c", "from textocl.cli import main; main()"]


def run(*arguments: object, code: int = 0, **options: Any) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*TEXTOCL, *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "COLUMNS": "100", "PYTHONIOENCODING": "utf-8"},
        **options,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == code, done.stderr
    return done
