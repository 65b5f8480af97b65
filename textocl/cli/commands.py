"""Every command, registered with the application."""

from __future__ import annotations

from textocl.cli import (
    benchmark,
    contexts,
    demo,
    evaluate,
    explain,
    export,
    find,
    fit,
    info,
    inspect,
    report,
    score,
    update,
    vision,
    vision_benchmark,
)
from textocl.cli.application import app

__all__ = [
    "app",
    "benchmark",
    "contexts",
    "demo",
    "evaluate",
    "explain",
    "export",
    "find",
    "fit",
    "info",
    "inspect",
    "report",
    "score",
    "update",
    "vision",
    "vision_benchmark",
]
