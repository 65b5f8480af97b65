"""``textocl score MODEL - --out -``: what was read is scored when the input pauses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import pytest
from commands import TEXTOCL, run

_DOCUMENTS = {
    "txt": "the ship\nthe port\nthe guitar\n",
    "jsonl": '{"text": "the ship"}\n{"text": "the port"}\n{"text": "the guitar"}\n',
    "csv": 'text,n\nthe ship,1\n"the\nport",2\nthe guitar,3\n',
}


@contextmanager
def scoring(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*TEXTOCL, "score", *map(str, arguments), "--out", "-", "--quiet"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
        # a runner in the background may have told its children to ignore interrupts
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    timer = Timer(120, process.kill)  # what never comes is a failure, not a wait for ever
    timer.start()
    try:
        yield process
    finally:
        timer.cancel()
        process.kill()
        process.communicate()


def rows_after(process: subprocess.Popen[str], documents: str, n: int) -> list[dict[str, object]]:
    """The next ``n`` results once ``documents`` are written and nothing follows."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(documents)
    process.stdin.flush()
    return [json.loads(process.stdout.readline()) for _ in range(n)]


@pytest.mark.skipif(os.name == "nt", reason="several workers need POSIX")
@pytest.mark.parametrize(("format", "workers"), [("txt", 1), ("jsonl", 2), ("csv", 1)])
def test_results_come_while_the_input_pauses(
    exported: Path, tmp_path: Path, format: str, workers: int
) -> None:
    documents = _DOCUMENTS[format]
    (tmp_path / f"docs.{format}").write_text(documents)
    run("score", exported, tmp_path / f"docs.{format}", "--out", tmp_path / "out.jsonl")
    expected = [json.loads(line) for line in (tmp_path / "out.jsonl").open()]
    with scoring(exported, "-", "--format", format, "--workers", workers) as process:
        # cut in the middle of the last document but one
        cut = documents.index("port")
        rows = rows_after(process, documents[:cut], 1)
        rows += rows_after(process, documents[cut:], 2)
        assert rows == expected
        assert process.poll() is None
        assert process.communicate("")[0] == ""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupt_ends_a_stream_that_pauses(exported: Path, workers: int) -> None:
    with scoring(exported, "-", "--workers", workers) as process:
        assert len(rows_after(process, "the ship\n", 1)) == 1
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
        assert process.stderr
        errors = process.stderr.read()
        assert "interrupted" in errors
        assert "Traceback" not in errors
        assert "Fatal" not in errors


def test_a_bad_record_ends_a_stream_that_stays_open(exported: Path) -> None:
    with scoring(exported, "-", "--format", "jsonl") as process:
        assert len(rows_after(process, '{"text": "the ship"}\n{"te\n', 1)) == 1
        assert process.wait() == 3
        assert process.stderr
        assert "line 2: not JSON" in process.stderr.read()


def test_a_batch_may_be_of_any_size(model: Path, folder: Path, tmp_path: Path) -> None:
    for size in (1, 7, 1000):
        run(
            "score", model, folder / "mixed.jsonl", "--out", tmp_path / f"{size}.csv",
            "--batch-size", size,
        )  # fmt: skip
    assert len({(tmp_path / f"{size}.csv").read_bytes() for size in (1, 7, 1000)}) == 1
    run("score", model, "-", "--out", tmp_path / "o.csv", "--batch-size", 0, code=2)
