"""What was read comes on when a stream pauses; nothing of it is lost when it breaks."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event

import pytest

from textocl import DataError
from textocl.io.corpora import Document, batches_of
from textocl.io.results import ResultRows, tasks_of
from textocl.io.streams import with_pauses


def test_a_pause_ends_a_batch() -> None:
    go_on = Event()

    def documents() -> Iterator[Document]:
        yield Document(1, "a")
        yield Document(2, "b")
        assert go_on.wait(60)
        yield Document(3, "c")

    batches = batches_of(with_pauses(documents()))
    assert [d.id for d in next(batches)] == [1, 2]
    assert next(batches) == []
    go_on.set()
    assert [d.id for batch in batches for d in batch] == [3]


def test_documents_before_an_error_come_first() -> None:
    def documents() -> Iterator[Document]:
        yield Document(1, "a")
        raise DataError("line 2: not JSON")

    batches = batches_of(with_pauses(documents()))
    assert [d.id for d in next(batches)] == [1]
    with pytest.raises(DataError, match="line 2"):
        list(batches)


def test_a_pause_brings_no_header_of_a_table() -> None:
    documents = [Document(1, "a", {"text": "a"})]
    first, pause, last = tasks_of(ResultRows(table=True), [documents, [], documents])
    assert first[0].columns is None
    assert last[0].columns is not None
    assert pause[0].columns == last[0].columns
    (empty, _) = next(tasks_of(ResultRows(table=True), [[]]))
    assert empty.columns is None
