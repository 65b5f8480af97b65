"""Documents that come one by one, so that those read are scored where the input pauses."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from queue import Empty, Queue
from threading import Thread

from textocl.io.corpora import Document

_HELD = 2048  # documents read ahead


def with_pauses(documents: Iterator[Document], pause_s: float = 0.05) -> Iterator[Document | None]:
    """Yield documents as they come, and None once whenever no other comes for ``pause_s``.

    A thread reads ahead. What reading raises is raised here, after the documents before it.
    """
    read: Queue[Document | BaseException] = Queue(_HELD)
    Thread(target=_read_into, args=(read, documents), daemon=True).start()
    paused = True
    while True:
        try:
            item = read.get(timeout=None if paused else pause_s)
        except Empty:
            paused = True
            yield None
            continue
        paused = False
        if isinstance(item, StopIteration):
            return
        if isinstance(item, BaseException):
            yield None
            raise item
        yield item


def _read_into(read: Queue[Document | BaseException], documents: Iterator[Document]) -> None:
    # held, as Python would close it at exit and abort if this thread still waits for input there
    standard_input = sys.stdin  # noqa: F841
    try:
        for document in documents:
            read.put(document)
        read.put(StopIteration())
    except BaseException as error:  # raised where the documents are taken
        read.put(error)
