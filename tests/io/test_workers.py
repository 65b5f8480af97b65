"""Processes give what one gives, in order, in bounded memory, and leave none behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from texts import sentences

from textocl import CVDD, DataError, TextoclError
from textocl.export import to_onnx
from textocl.io.assessor import load_assessor
from textocl.io.corpora import Document
from textocl.io.results import ResultRows, Task, tasks_of
from textocl.io.resumable import digest
from textocl.io.workers import Workers

pytestmark = pytest.mark.skipif(os.name == "nt", reason="several workers need POSIX")


@pytest.fixture(scope="module")
def model(detector: CVDD, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return to_onnx(detector, tmp_path_factory.mktemp("sharding") / "model.onnx")


@pytest.fixture(scope="module")
def batches() -> list[list[Document]]:
    """Of very different sizes, so that they are not done in order."""
    texts = [*sentences("ships", 600), "", *sentences("music", 100)]
    documents = [Document(i, text, {"text": text, "é": i}) for i, text in enumerate(texts)]
    cuts = [0, 400, 401, 402, 450, 451, 600, 601, 602, 701]
    return [documents[a:b] for a, b in pairwise(cuts)]


def endless(batch: list[Document]) -> Iterator[Task]:
    while True:
        yield ResultRows(), batch


def alive(workers: Workers) -> list[int | None]:
    return [process.pid for process in workers._processes.values() if process.is_alive()]


@pytest.mark.parametrize("n_workers", [1, 3])
def test_parts_are_those_of_one_process(
    n_workers: int, model: Path, batches: list[list[Document]]
) -> None:
    assessor = load_assessor(model)
    with Workers(n_workers, model, None) as workers:
        for rows in (ResultRows(), ResultRows(table=True)):
            expected = list(assessor.in_order(tasks_of(rows, batches)))
            found = list(workers.in_order(tasks_of(rows, batches)))
            assert [part.lines for part in found] == [part.lines for part in expected]
            assert [part.counts for part in found] == [part.counts for part in expected]
            assert [part.input_sha256 for part in found] == [digest(batch) for batch in batches]
        assert list(workers.in_order(iter([]))) == []


def test_a_model_folder_takes_a_rate(
    detector: CVDD, batches: list[list[Document]], tmp_path: Path
) -> None:
    detector.save(tmp_path / "model")
    assessor = load_assessor(tmp_path / "model", 0.3)
    with Workers(2, tmp_path / "model", 0.3) as workers:
        for a, b in zip(
            workers.in_order(tasks_of(ResultRows(), batches)),
            assessor.in_order(tasks_of(ResultRows(), batches)),
            strict=True,
        ):
            assert (a.lines, a.counts) == (b.lines, b.counts)


def test_few_batches_are_held_while_one_takes_long(
    model: Path, batches: list[list[Document]]
) -> None:
    taken = []

    def tasks() -> Iterator[Task]:
        for i in range(200):
            taken.append(i)
            yield ResultRows(), batches[0] * 20 if i == 0 else batches[1]

    with Workers(2, model, None) as workers:
        parts = workers.in_order(tasks())
        next(parts)
        assert len(taken) <= 4 * 2 + 1
        assert len(list(parts)) == 199


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks at processes in /proc")
def test_an_interrupt_reaches_only_the_parent(model: Path, batches: list[list[Document]]) -> None:
    with Workers(2, model, None) as workers:
        assert list(workers.in_order(tasks_of(ResultRows(), batches)))
        for pid in alive(workers):
            status = Path(f"/proc/{pid}/status").read_text()
            blocked = int(status.split("SigBlk:")[1].split()[0], 16)
            assert blocked & 1 << signal.SIGINT - 1
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_a_worker_that_is_killed_ends_all(model: Path, batches: list[list[Document]]) -> None:
    with pytest.raises(TextoclError, match="one of 2 workers was killed by signal 9; is there mem"):
        with Workers(2, model, None) as workers:
            parts = workers.in_order(endless(batches[1]))
            next(parts)
            _, second = alive(workers)
            assert second
            os.kill(second, signal.SIGKILL)
            for _ in parts:
                pass
    assert alive(workers) == []


def test_a_document_that_cannot_be_written_ends_all(
    model: Path, batches: list[list[Document]]
) -> None:
    wide = [Document(7, "ship", {"text": "ship", "extra": 1})]
    found = []
    with pytest.raises(DataError, match=r"document 7 has a field 'extra'.*write \.jsonl"):
        with Workers(2, model, None) as workers:
            given = [batches[0] * 5, wide, *batches]  # the second is done first
            for part in workers.in_order(tasks_of(ResultRows(table=True), given)):
                found.append(part)
    assert [part.counts.n_documents for part in found] == [2000]
    assert alive(workers) == []


def test_an_error_among_the_documents_ends_all(model: Path, batches: list[list[Document]]) -> None:
    def broken() -> Iterator[Task]:
        yield ResultRows(), batches[0]
        raise DataError("line 401: not JSON")

    with pytest.raises(DataError, match="line 401"):
        with Workers(2, model, None) as workers:
            list(workers.in_order(broken()))
    assert alive(workers) == []
