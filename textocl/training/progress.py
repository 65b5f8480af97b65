"""Progress bars, on standard error and only where somebody watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


def _progress(*columns: ProgressColumn) -> Progress:
    return Progress(*columns, console=Console(stderr=True), transient=True)


@contextmanager
def epochs_bar(n_epochs: int) -> Iterator[Callable[[float], None]]:
    """Bar over the epochs of a training; yields what to call with each epoch's loss."""
    bar = _progress(
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]}"),
        TimeRemainingColumn(),
    )
    with bar:
        task = bar.add_task("", total=n_epochs, loss="–")

        def advance(loss: float) -> None:
            bar.update(task, advance=1, loss=f"{loss:.4f}")

        yield advance


@contextmanager
def counting_bar(
    description: str, shown: bool, what: str = "documents"
) -> Iterator[Callable[[int], None]]:
    """Counter for work of unknown length; yields what to call with each number done."""
    if not shown:
        yield lambda n: None
        return
    bar = _progress(
        SpinnerColumn(),
        TextColumn(description + " {task.completed:,} " + what),
        TimeElapsedColumn(),
    )
    with bar:
        task = bar.add_task("", total=None)
        yield lambda n: bar.advance(task, n)


@contextmanager
def encoding_bar(n_texts: int, shown: bool) -> Iterator[Callable[[float, int], None]]:
    """Bar over the texts that a transformer encodes.

    Yields what to call after each batch with the number of texts, which may be a fraction, and of
    tokens it has done.
    """
    if not shown:
        yield lambda texts, tokens: None
        return
    bar = _progress(
        TextColumn("encoding"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,} texts"),
        TextColumn("{task.fields[tokens]:,} tokens"),
        TimeRemainingColumn(),
    )
    with bar:
        task = bar.add_task("", total=n_texts, tokens=0)

        def advance(texts: float, tokens: int) -> None:
            bar.update(task, advance=texts, tokens=bar.tasks[task].fields["tokens"] + tokens)

        yield advance
