"""Results that survive the end of the process at any moment, to be continued."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from textocl._version import __version__
from textocl.core.exceptions import DataError, TextoclWarning
from textocl.core.files import writing
from textocl.io.corpora import Document
from textocl.io.results import Counts, Part, Task

LINES, JOURNAL, MANIFEST = "lines", "journal.jsonl", "manifest.json"


@dataclass(frozen=True)
class Entry:
    """What the journal holds of one part of the results."""

    counts: Counts
    n_bytes: int
    input_sha256: str
    lines_sha256: str


class ResumableResults:
    """Writes results to a file that appears when it is complete; goes on where a run was cut off.

    Until then a folder beside it, ``OUT.parts``, holds the lines so far, a journal with an entry
    for each part of them, and a manifest of what they were made from. A part counts when its entry
    is written and its lines are those that the entry has the SHA-256 of.

    Parameters
    ----------
    path : the file
    made_from : what the results depend on beside the documents, by name, as JSON has it

    Attributes
    ----------
    folder : Path
    counts : of all that is done, by earlier runs too

    Raises
    ------
    DataError
        The place cannot be written to, another run is at work there, or an earlier one was made
        from something else.
    """

    def __init__(self, path: str, made_from: dict[str, Any]) -> None:
        self._target = Path(path)
        self.folder = parts_folder(path)
        self._made_from = {"textocl": __version__, **made_from}
        self.counts = Counts()
        self._kept: list[Entry] = []

    def __enter__(self) -> ResumableResults:
        with writing(f"to {self._target}"):
            self.folder.mkdir(exist_ok=True)
        strange = {path.name for path in self.folder.iterdir()} - {LINES, JOURNAL, MANIFEST}
        if strange:
            raise DataError(
                f"{self.folder} holds {min(strange)!r}, which is not textocl's; "
                "move it, or choose another --out."
            )
        self._journal = (self.folder / JOURNAL).open("a+b")
        try:
            self._lock()
            self._check_manifest()
            (self.folder / LINES).touch()
            self._lines = (self.folder / LINES).open("r+b")
            self._keep_what_is_sound()
        except BaseException:
            self._journal.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        with self._journal:  # and its lock
            with self._lines:
                if kind is None:
                    os.fsync(self._lines.fileno())
            if kind is None:
                (self.folder / LINES).replace(self._target)
            if kind is None or not self.counts.n_documents:
                shutil.rmtree(self.folder, ignore_errors=True)
                return
        warnings.warn(
            f"{self.counts.n_documents:,} scored documents are kept in {self.folder} for the "
            "next run.",
            TextoclWarning,
            stacklevel=2,
        )

    def remaining(self, tasks: Iterable[Task]) -> Iterator[Task]:
        """Leave out the batches that are done, after making sure that they are the same.

        Raises
        ------
        DataError
            They are not.
        """
        tasks = iter(tasks)
        n_same = 0
        for entry in self._kept:
            batch = next(tasks, (None, []))[1]
            n_until = n_same + entry.counts.n_documents
            if digest(batch) != entry.input_sha256:
                raise DataError(
                    f"documents {n_same + 1:,} to {n_until:,} are not those of the unfinished run "
                    f"in {self.folder}; delete that folder to start anew, or choose another --out."
                )
            n_same = n_until
        yield from tasks

    def write(self, part: Part) -> None:
        """Add the next part."""
        self._lines.write(part.lines)
        self._lines.flush()
        sha256 = hashlib.sha256(part.lines).hexdigest()
        entry = Entry(part.counts, len(part.lines), part.input_sha256, sha256)
        self._journal.write(json.dumps(asdict(entry)).encode() + b"\n")
        self._journal.flush()
        self.counts = self.counts.plus(part.counts)

    def _lock(self) -> None:
        """Take what the system frees when this process ends, however it ends."""
        import fcntl  # not on Windows, where `textocl.io.workers` refuses first

        try:
            fcntl.flock(self._journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
            there = (self.folder / JOURNAL).stat()  # not what the other just removed
            locked = os.path.samestat(os.fstat(self._journal.fileno()), there)
        except (BlockingIOError, FileNotFoundError):
            locked = False
        if not locked:
            raise DataError(
                f"another run is writing {self._target}; wait for it, or choose another --out."
            )

    def _check_manifest(self) -> None:
        path = self.folder / MANIFEST
        begun = os.fstat(self._journal.fileno()).st_size > 0
        try:
            manifest = json.loads(path.read_bytes()) if begun else self._made_from
        except (ValueError, FileNotFoundError):
            manifest = None
        if not isinstance(manifest, dict):
            raise DataError(f"{path} is damaged; delete {self.folder} to start anew.")
        names = sorted(manifest.keys() | self._made_from.keys())
        other = [name for name in names if manifest.get(name) != self._made_from.get(name)]
        if other:
            raise DataError(
                f"{self.folder} holds an unfinished run with another {', another '.join(other)}; "
                "delete that folder to start anew, or choose another --out."
            )
        if not begun:
            path.write_text(json.dumps(self._made_from, indent=2), "utf-8")

    def _keep_what_is_sound(self) -> None:
        """Read the journal as far as it fits the lines, and cut off both there."""
        self._journal.seek(0)
        n_bytes = n_journal = 0
        for line in self._journal:
            entry = _entry_of(line)
            lines = self._lines.read(entry.n_bytes) if entry else b""
            if not entry or hashlib.sha256(lines).hexdigest() != entry.lines_sha256:
                if line.endswith(b"\n"):  # else it was just being written
                    self._warn_of_damage()
                break
            self._kept.append(entry)
            self.counts = self.counts.plus(entry.counts)
            n_bytes += entry.n_bytes
            n_journal += len(line)
        self._journal.truncate(n_journal)
        self._lines.truncate(n_bytes)
        self._lines.seek(n_bytes)

    def _warn_of_damage(self) -> None:
        warnings.warn(
            f"{self.folder} is damaged after {self.counts.n_documents:,} documents; "
            "those that follow are scored again.",
            TextoclWarning,
            stacklevel=4,
        )


def parts_folder(path: str) -> Path:
    """Where the unfinished results for ``path`` are."""
    return Path(f"{path}.parts")


def digest(documents: list[Document]) -> str:
    """SHA-256 of documents with all their fields."""
    facts = [(document.id, document.text, document.fields) for document in documents]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _entry_of(line: bytes) -> Entry | None:
    try:
        facts = json.loads(line)
        entry = Entry(**{**facts, "counts": Counts(*facts["counts"])})
    except (ValueError, TypeError, KeyError):
        return None
    sound = all(type(n) is int and n >= 0 for n in (*entry.counts, entry.n_bytes))
    return entry if sound else None
