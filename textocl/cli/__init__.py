"""The command ``textocl``. Light to start: each command imports what it needs."""

from __future__ import annotations

from textocl.cli import (
    benchmarking,
    exporting,
    fitting,
    inspecting,
    reporting,
    scoring,
    showing,
    vision,
    vision_benchmark,
)
from textocl.cli.application import app

__all__ = [
    "app",
    "benchmarking",
    "exporting",
    "fitting",
    "inspecting",
    "main",
    "reporting",
    "scoring",
    "showing",
    "vision",
    "vision_benchmark",
]


def main() -> None:
    """Entry point of the command."""
    app()
