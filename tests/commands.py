"""Runs the command: in this process, or as a user runs it, in its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import warnings
from pathlib import Path
from unittest import mock

TEXTOCL = [sys.executable, "-c", "from textocl.cli import main; main()"]
_SETTINGS = {"COLUMNS": "100", "PYTHONIOENCODING": "utf-8"}


def run(
    *arguments: object, code: int = 0, input: str = "", cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command here: what it imports and loads is there for the next."""
    from textocl.cli.commands import app

    streams = {name: io.TextIOWrapper(io.BytesIO(), "utf-8") for name in ("stdout", "stderr")}
    stdin = io.TextIOWrapper(io.BytesIO(input.encode()), "utf-8")
    before = Path.cwd()
    returned: object = 0
    with (
        mock.patch.multiple(sys, stdin=stdin, **streams),
        mock.patch.dict(os.environ, _SETTINGS),
        warnings.catch_warnings(),
    ):
        os.chdir(cwd or before)
        try:
            app(list(map(str, arguments)), prog_name="textocl")
        except SystemExit as end:
            returned = end.code
        finally:
            os.chdir(before)
    for stream in streams.values():
        stream.flush()
    stdout, stderr = (stream.buffer.getvalue().decode() for stream in streams.values())  # type: ignore[attr-defined]
    done = subprocess.CompletedProcess(list(map(str, arguments)), returned or 0, stdout, stderr)
    assert done.returncode == code, done.stderr
    return done


def run_process(
    *arguments: object, code: int = 0, **options: object
) -> subprocess.CompletedProcess[str]:
    """Run the command as a user runs it."""
    done = subprocess.run(
        [*TEXTOCL, *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, **_SETTINGS},
        **options,  # type: ignore[call-overload]
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == code, done.stderr
    return done
