"""``textocl score --workers``: what one process writes, and what a cut-off run leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from commands import TEXTOCL, run

BATCHES = ("--batch-size", "128")


@pytest.mark.parametrize(("ending", "largest"), [("jsonl", 3), ("csv", 2)])
def test_workers_write_what_one_process_writes(
    exported: Path, many: Path, tmp_path: Path, ending: str, largest: int
) -> None:
    files = [tmp_path / f"{n}.{ending}" for n in range(1, largest + 1)]
    said = {
        run("score", exported, many, "--out", file, "--workers", n, *BATCHES).stderr
        for n, file in enumerate(files, 1)
    }
    assert len(said) == 1
    assert len({file.read_bytes() for file in files}) == 1
    assert sorted(tmp_path.iterdir()) == files


def test_workers_write_to_standard_output_in_order(exported: Path, many: Path) -> None:
    arguments = ("score", exported, many, "--out", "-", *BATCHES)
    one, two = (run(*arguments, "--workers", n).stdout for n in (1, 2))
    assert len(one.splitlines()) == 1536
    assert one == two


def test_a_bad_document_keeps_what_is_done_before_it(
    exported: Path, many: Path, tmp_path: Path
) -> None:
    lines = many.read_text().splitlines(keepends=True)
    docs, out = tmp_path / "docs.jsonl", tmp_path / "out.csv"
    docs.write_text("".join([*lines[:1070], '{"text": "ship", "extra": 1}\n', *lines[1070:]]))
    arguments = ("score", exported, docs, "--out", out, "--workers", 2, *BATCHES)
    refused = run(*arguments, code=3)
    assert "document 1071 has a field 'extra' that the first document lacks" in refused.stderr
    assert "warning: 1,024 scored documents are kept in" in refused.stderr
    docs.write_text("".join(lines))
    assert "going on after 1,024 documents" in run(*arguments).stderr
    assert len(out.read_text().splitlines()) == 1537


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_closed_pipe_is_no_error(exported: Path, tmp_path: Path, workers: str) -> None:
    big = tmp_path / "big.txt"
    big.write_text("the ship\n" * 20_000)
    reader = subprocess.Popen(
        [*TEXTOCL, "score", str(exported), str(big), "--out", "-", "--workers", workers],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert reader.stdout
    assert reader.stderr
    reader.stdout.readline()
    reader.stdout.close()
    errors = reader.stderr.read()
    reader.wait(timeout=60)
    assert "Traceback" not in errors


def running(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""  # empty where only its end is kept
    except OSError:
        return False


def cut_off(
    model: Path, docs: Path, out: Path, how: signal.Signals
) -> subprocess.CompletedProcess[str]:
    """Give a run all but the last batch, wait for results, and end it."""
    process = subprocess.Popen(
        [
            *TEXTOCL,
            "score",
            model,
            "-",
            "--format",
            "jsonl",
            "--out",
            out,
            "--workers",
            "2",
            *BATCHES,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdin
    journal = out.with_name(f"{out.name}.parts") / "journal.jsonl"
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    try:
        process.stdin.writelines(docs.open().readlines()[:1500])
        process.stdin.flush()
        while not journal.exists() or not journal.read_text().endswith("\n"):
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        workers = children.read_text().split()
        assert len(workers) >= 2
        second = run("score", model, docs, "--out", out, "--workers", 2, *BATCHES, code=3)
        assert f"another run is writing {out}" in second.stderr
        if how == signal.SIGKILL:
            process.kill()
        else:
            os.killpg(process.pid, how)
        _, errors = process.communicate(timeout=60)
        while any(map(running, workers)):
            time.sleep(0.01)
    finally:
        process.kill()
    return subprocess.CompletedProcess([], process.returncode, "", errors)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks at processes in /proc")
@pytest.mark.parametrize(("how", "workers"), [(signal.SIGKILL, 2), (signal.SIGINT, 1)])
def test_a_run_of_workers_that_is_cut_off_goes_on(
    exported: Path, many: Path, tmp_path: Path, how: signal.Signals, workers: int
) -> None:
    out, parts = tmp_path / "out.csv", tmp_path / "out.csv.parts"
    run("score", exported, many, "--out", tmp_path / "expected.csv", *BATCHES)
    cut = cut_off(exported, many, out, how)
    assert "Traceback" not in cut.stderr
    n_kept = sum(
        json.loads(line)["counts"][0]
        for line in (parts / "journal.jsonl").open()
        if line[-1] == "\n"
    )
    assert n_kept in range(128, 1500, 128)
    if how == signal.SIGINT:
        assert cut.returncode == 130
        assert f"{n_kept:,} scored documents are kept in {parts} for the next run" in cut.stderr
    assert not out.exists()
    arguments = ("score", exported, many, "--out", out, "--workers", workers, *BATCHES)
    refused = run(*arguments[:-2], code=3)
    assert "an unfinished run with another batch size" in refused.stderr
    refused = run(*arguments, "--text-field", "label", code=3)
    assert "documents 1 to 128 are not those of the unfinished run in" in refused.stderr
    manifest = parts / "manifest.json"
    made_from = manifest.read_text()
    before = ["score", "p_value", "label", "nearest_context", "n_known_words"]
    manifest.write_text(json.dumps({**json.loads(made_from), "set of result columns": before}))
    refused = run(*arguments, code=3)
    assert "an unfinished run with another set of result columns" in refused.stderr
    manifest.write_text(made_from)
    done = run(*arguments, "--json")
    assert f"going on after {n_kept:,} documents" in done.stderr
    summary = json.loads(done.stdout)
    assert summary == {
        "documents": 1536, "anomalous": summary["anomalous"], "not_judged": 1, "out": str(out)
    }  # fmt: skip
    assert "1 of 1,536 documents have no known word" in done.stderr
    assert out.read_bytes() == (tmp_path / "expected.csv").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["expected.csv", "out.csv"]
