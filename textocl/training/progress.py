"""Progress bars, on standard error and only where somebody watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


@contextmanager
def _bar(
    shown: bool, *columns: str | ProgressColumn, total: int | None, **fields: Any
) -> Iterator[Callable[..., None]]:
    """Bar of one task; yields what to call with ``advance`` and the fields that change."""
    if not shown:
        yield lambda **changes: None
        return
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield partial(bar.update, bar.add_task("", total=total, **fields))


@contextmanager
def epochs_bar(n_epochs: int, shown: bool) -> Iterator[Callable[[float], None]]:
    """Bar over the epochs of a training; yields what to call with each epoch's loss."""
    count, last = MofNCompleteColumn(), "loss {task.fields[loss]}"
    columns = ("training", BarColumn(), count, last, TimeRemainingColumn())
    with _bar(shown, *columns, total=n_epochs, loss="–") as update:
        yield lambda loss: update(advance=1, loss=f"{loss:.4f}")


@contextmanager
def counting_bar(
    description: str, shown: bool, what: str = "documents"
) -> Iterator[Callable[[int], None]]:
    """Counter for work of unknown length; yields what to call with each number done."""
    count = description + " {task.completed:,} " + what
    with _bar(shown, SpinnerColumn(), count, TimeElapsedColumn(), total=None) as update:
        yield lambda n: update(advance=n)


@contextmanager
def steps_bar(n_steps: int, n_done: int, shown: bool) -> Iterator[Callable[[int, str], None]]:
    """Bar over steps; yields what to call with how many are done and which is in progress."""
    columns = (BarColumn(), MofNCompleteColumn(), "{task.fields[step]}", TimeRemainingColumn())
    with _bar(shown, *columns, total=n_steps, completed=n_done, step="loading") as update:
        yield lambda n, step: update(advance=n, step=escape(step))


@contextmanager
def documents_bar(n_documents: int, shown: bool) -> Iterator[Callable[[int], None]]:
    """Bar over documents to learn from; yields what to call with each number done."""
    counts = "{task.completed:,} of {task.total:,} documents"
    columns = ("learning", BarColumn(), counts, TimeRemainingColumn())
    with _bar(shown, *columns, total=n_documents) as update:
        yield lambda n: update(advance=n)


@contextmanager
def encoding_bar(n_texts: int, shown: bool) -> Iterator[Callable[[float, int], None]]:
    """Bar over the texts that a transformer encodes.

    Yields what to call after each batch with the number of texts, which may be a fraction, and of
    tokens it has done.
    """
    counts = "{task.completed:,.0f} of {task.total:,} texts {task.fields[tokens]:,} tokens"
    columns = ("encoding", BarColumn(), counts, TimeRemainingColumn())
    n_tokens = 0
    with _bar(shown, *columns, total=n_texts, tokens=0) as update:

        def advance(texts: float, tokens: int) -> None:
            nonlocal n_tokens
            n_tokens += tokens
            update(advance=texts, tokens=n_tokens)

        yield advance
