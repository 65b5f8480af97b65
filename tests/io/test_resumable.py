"""Whatever a run leaves when it ends too soon, the next one makes the same file of it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from textocl import DataError, TextoclWarning
from textocl.io.corpora import Document
from textocl.io.results import Counts, Part, ResultRows, Task
from textocl.io.resumable import ResumableResults, digest

MADE_FROM = {"model": "abc", "false-alarm rate": None}
BATCHES = [[Document(10 * b + i, f"text {b} {i}") for i in range(b + 1)] for b in range(4)]
WHOLE = "".join(f"{d.id} {d.text}\n" for batch in BATCHES for d in batch).encode()


class Cut(Exception):
    """Ends a run too soon."""


def tasks(batches: list[list[Document]] = BATCHES) -> Iterator[Task]:
    return ((ResultRows(), batch) for batch in batches)


def part_of(batch: list[Document]) -> Part:
    lines = "".join(f"{d.id} {d.text}\n" for d in batch).encode()
    return Part(lines, Counts(len(batch), 1, 0), digest(batch))


def run(
    out: Path, n_parts: int = 99, batches: list[list[Document]] = BATCHES, **made_from: Any
) -> list[int]:
    """Score up to ``n_parts`` batches, and return which."""
    scored = []
    with ResumableResults(str(out), {**MADE_FROM, **made_from}) as results:
        for _, batch in results.remaining(tasks(batches)):
            if len(scored) == n_parts:
                raise Cut
            results.write(part_of(batch))
            scored.append(len(batch) - 1)
    assert results.counts == (sum(map(len, batches)), len(batches), 0)
    return scored


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


@pytest.fixture
def cut(out: Path) -> Path:
    """The folder of a run that ended after two of four parts."""
    with pytest.raises(Cut), pytest.warns(TextoclWarning, match="3 scored documents are kept in"):
        run(out, 2)
    return out.with_name("out.jsonl.parts")


def test_a_run_that_is_not_cut_off_leaves_the_file_alone(out: Path) -> None:
    assert run(out) == [0, 1, 2, 3]
    assert out.read_bytes() == WHOLE
    assert list(out.parent.iterdir()) == [out]


def test_the_next_run_does_only_what_is_left(out: Path, cut: Path) -> None:
    assert not out.exists()
    assert run(out) == [2, 3]
    assert out.read_bytes() == WHOLE
    assert list(out.parent.iterdir()) == [out]


def test_the_old_file_stays_until_the_new_one_is_complete(out: Path) -> None:
    out.write_text("old")
    with pytest.raises(Cut), pytest.warns(TextoclWarning):
        run(out, 3)
    assert out.read_text() == "old"
    run(out)
    assert out.read_bytes() == WHOLE


def test_a_run_that_did_nothing_leaves_nothing(out: Path) -> None:
    with pytest.raises(Cut):
        run(out, 0)
    assert list(out.parent.iterdir()) == []


@pytest.mark.filterwarnings("ignore::textocl.TextoclWarning")
def test_a_run_may_be_killed_at_any_byte(out: Path, cut: Path, tmp_path: Path) -> None:
    journal, lines = (cut / "journal.jsonl").read_bytes(), (cut / "lines").read_bytes()
    starts = [0, journal.index(b"\n") + 1, len(journal)]
    ends = [0, len(part_of(BATCHES[0]).lines), len(lines)]
    shutil.copytree(cut, tmp_path / "state")
    for n_journal in range(0, len(journal) + 1, 37):
        for n_lines in (*range(len(lines) + 1), len(lines) + 200):
            shutil.copytree(tmp_path / "state", cut, dirs_exist_ok=True)
            (cut / "journal.jsonl").write_bytes(journal[:n_journal])
            (cut / "lines").write_bytes((lines + b"x" * 200)[:n_lines])
            done = sum(
                n_journal >= start and n_lines >= end
                for start, end in zip(starts[1:], ends[1:], strict=True)
            )
            assert run(out) == [0, 1, 2, 3][done:]
            assert out.read_bytes() == WHOLE


@pytest.mark.parametrize("name", ["lines", "journal.jsonl"])
def test_damage_is_told_and_scored_again(out: Path, cut: Path, name: str) -> None:
    content = bytearray((cut / name).read_bytes())
    content[-9] ^= 1  # in the second part
    (cut / name).write_bytes(content)
    with pytest.warns(TextoclWarning, match="is damaged after 1 documents; those that follow"):
        assert run(out) == [1, 2, 3]
    assert out.read_bytes() == WHOLE


@pytest.mark.parametrize(
    "line",
    [
        b"[]", b"{}", b"null", b"\xff", b'{"counts": 3}',
        json.dumps(
            {
                "counts": [1, 0, 0], "n_bytes": -1, "input_sha256": digest(BATCHES[0]),
                "lines_sha256": hashlib.sha256(part_of(BATCHES[0]).lines).hexdigest(),
            }
        ).encode(),
    ],
)  # fmt: skip
def test_a_foreign_journal_counts_for_nothing(out: Path, cut: Path, line: bytes) -> None:
    (cut / "journal.jsonl").write_bytes(line + b"\n")
    with pytest.warns(TextoclWarning, match="is damaged after 0 documents"):
        assert run(out) == [0, 1, 2, 3]
    assert out.read_bytes() == WHOLE


def test_other_documents_are_refused(out: Path, cut: Path) -> None:
    kept = (cut / "lines").read_bytes()
    changed = [BATCHES[0], [Document(10, "text 1 0"), Document(11, "other")], *BATCHES[2:]]
    renamed = [[Document("0", "text 0 0")], *BATCHES[1:]]
    richer = [[Document(0, "text 0 0", {"text": "text 0 0", "n": 1})], *BATCHES[1:]]
    for batches, place in (
        (changed, "2 to 3"), (BATCHES[:1], "2 to 3"), (renamed, "1 to 1"), (richer, "1 to 1"),
    ):  # fmt: skip
        with pytest.raises(DataError, match=f"documents {place} are not those.*delete that folder"):
            with pytest.warns(TextoclWarning, match="are kept"):
                run(out, batches=batches)
        assert (cut / "lines").read_bytes() == kept
    assert run(out) == [2, 3]


def test_documents_may_be_added_at_the_end(out: Path, cut: Path) -> None:
    assert run(out, batches=[*BATCHES, [Document(99, "new")]]) == [2, 3, 0]
    assert out.read_bytes() == WHOLE + b"99 new\n"


def test_what_is_made_from_something_else_is_refused(out: Path, cut: Path) -> None:
    with pytest.raises(DataError, match=r"out\.jsonl\.parts holds .* with another model;"):
        run(out, model="other")
    with pytest.raises(DataError, match=r"with another false-alarm rate, another model;"):
        run(out, **{"model": "other", "false-alarm rate": 0.1})
    with pytest.raises(DataError, match=r"with another seed;"):
        run(out, seed=3)
    assert run(out) == [2, 3]


def test_another_version_is_refused(out: Path, cut: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("textocl.io.resumable.__version__", "99")
    with pytest.raises(DataError, match="with another textocl"):
        run(out)


@pytest.mark.parametrize("content", [None, b"", b"[]", b"{"])
def test_a_damaged_manifest_is_refused(out: Path, cut: Path, content: bytes | None) -> None:
    (cut / "manifest.json").unlink()
    if content is not None:
        (cut / "manifest.json").write_bytes(content)
    with pytest.raises(DataError, match=r"manifest\.json is damaged; delete .*out\.jsonl\.parts"):
        run(out)


def test_two_runs_do_not_write_one_file(out: Path) -> None:
    with ResumableResults(str(out), MADE_FROM) as results:
        results.write(part_of(BATCHES[0]))
        with pytest.raises(DataError, match=r"another run is writing .*out\.jsonl; wait"):
            run(out)
        for batch in BATCHES[1:]:
            results.write(part_of(batch))
    assert out.read_bytes() == WHOLE


def test_what_is_somebody_elses_is_left_alone(out: Path, tmp_path: Path) -> None:
    (tmp_path / "out.jsonl.parts").mkdir()
    (tmp_path / "out.jsonl.parts" / "thesis.txt").write_text("mine")
    with pytest.raises(DataError, match=r"holds 'thesis\.txt', which is not textocl's"):
        run(out)
    assert (tmp_path / "out.jsonl.parts" / "thesis.txt").read_text() == "mine"


def test_places_that_cannot_be_written(out: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot write to"):
        run(tmp_path / "absent" / "out.jsonl")
    (tmp_path / "out.jsonl.parts").write_text("a file")
    with pytest.raises(DataError, match="cannot write to"):
        run(out)
