"""Scoring documents over processes, in order.

Light to import: a process says how many threads it wants before numpy and torch load.
"""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.resource_tracker import ensure_running
from pathlib import Path
from typing import TYPE_CHECKING, cast

from textocl.core.exceptions import DataError, TextoclError, TextoclWarning

if TYPE_CHECKING:
    from textocl.io.results import Part, Task

_AHEAD = 4  # batches of each worker that may wait for the one whose turn it is
_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")


class Workers:
    """Processes that score batches, each with its own model on one thread.

    The processes end with the ``with`` block, however it ends, and with the process that started
    them, even where that is killed.

    Parameters
    ----------
    n_workers : number of processes
    model, false_alarm_rate : as in `textocl.io.assessor.load_assessor`

    Raises
    ------
    DataError
        The system is Windows.
    """

    def __init__(self, n_workers: int, model: Path, false_alarm_rate: float | None) -> None:
        if os.name == "nt":
            raise DataError("several workers need Linux or macOS; score with one.")
        self._n_workers = n_workers
        self._arguments = (model, false_alarm_rate)
        self._processes: dict[Connection, BaseProcess] = {}
        self._warned: set[str] = set()

    def __enter__(self) -> Workers:
        context = get_context("spawn")
        ensure_running()  # here, as it would unblock what is blocked next
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            for _ in range(self._n_workers):  # they inherit the mask: Ctrl-C is for the parent
                ours, theirs = context.Pipe()
                process = context.Process(target=_work, args=(theirs, *self._arguments))
                process.daemon = True
                process.start()
                theirs.close()
                self._processes[ours] = process
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        except BaseException:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            self._stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._stop()

    def in_order(self, tasks: Iterable[Task]) -> Iterator[Part]:
        """Score batches, and give what becomes of them in their order.

        Only a few batches are held at once, however many there are.

        Raises
        ------
        DataError
            As `textocl.io.assessor.Assessor.part`.
        TextoclError
            A process ended, for want of memory perhaps.
        """
        numbered = enumerate(tasks)
        upcoming = next(numbered, None)
        idle = list(self._processes)
        busy: dict[Connection, int] = {}
        done: dict[int, Part | TextoclError] = {}
        turn = 0
        while upcoming is not None or busy:
            while upcoming is not None and idle and upcoming[0] < turn + _AHEAD * self._n_workers:
                number, task = upcoming
                if not task[1]:  # a stream pauses: what was read comes out before more is awaited
                    if number > turn:
                        break
                    turn += 1
                else:
                    worker = idle.pop()
                    self._send(worker, task)
                    busy[worker] = number
                upcoming = next(numbered, None)
            for worker in cast("list[Connection]", wait(list(busy)) if busy else []):
                done[busy.pop(worker)] = self._receive(worker)
                idle.append(worker)
            while turn in done:
                result = done.pop(turn)
                if isinstance(result, TextoclError):  # in its turn: what is before it counts
                    raise result
                yield result
                turn += 1

    def _send(self, worker: Connection, task: Task) -> None:
        try:
            worker.send(task)
        except OSError:
            raise self._loss_of(worker) from None

    def _receive(self, worker: Connection) -> Part | TextoclError:
        try:
            result, warned = worker.recv()
        except (EOFError, OSError):
            raise self._loss_of(worker) from None
        for message in set(warned) - self._warned:
            warnings.warn(message, TextoclWarning, stacklevel=3)
            self._warned.add(message)
        return cast("Part | TextoclError", result)

    def _loss_of(self, worker: Connection) -> TextoclError:
        process = self._processes[worker]
        process.join(timeout=10)
        code = process.exitcode
        how = f"was killed by signal {-code}" if code is not None and code < 0 else "broke down"
        hint = "; is there memory for as many?" if code == -signal.SIGKILL else "."
        return TextoclError(f"one of {self._n_workers} workers {how}{hint}")

    def _stop(self) -> None:
        for process in self._processes.values():
            process.kill()
        for worker, process in self._processes.items():
            process.join()
            worker.close()


def _work(parent: Connection, model: Path, false_alarm_rate: float | None) -> None:
    """Score what comes until nothing comes any more."""
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))  # read when numpy and torch load
    from textocl.io.assessor import load_assessor
    from textocl.io.resumable import digest

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TextoclWarning)  # the parent loads it too, and tells
        assessor = load_assessor(model, false_alarm_rate, n_threads=1)
    while True:
        try:
            rows, documents = parent.recv()
        except (EOFError, OSError):  # the parent is gone
            return
        result: Part | DataError
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", TextoclWarning)
            try:
                part = assessor.part(rows, documents)
                result = replace(part, input_sha256=digest(documents))
            except TextoclError as error:
                result = DataError(str(error))
        with suppress(OSError):  # the parent is gone; `recv` will tell
            parent.send((result, [str(w.message) for w in caught]))
