"""The command ``textocl``. Light to start: each command imports what it needs."""

from __future__ import annotations

from textocl.cli import (
    benchmark,
    export,
    fit,
    inspection,
    report,
    score,
    show,
    vision,
    vision_benchmark,
)
from textocl.cli.application import app

__all__ = [
    "app",
    "benchmark",
    "export",
    "fit",
    "inspection",
    "main",
    "report",
    "score",
    "show",
    "vision",
    "vision_benchmark",
]


def main() -> None:
    """Entry point of the command."""
    app()
