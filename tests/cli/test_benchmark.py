"""``textocl benchmark``: tables, written and continued."""

from __future__ import annotations

import json
from pathlib import Path

from commands import run
from texts import sentences

from textocl.registry import TEXT_MODELS


def test_benchmark_writes_tables_and_continues(tmp_path: Path) -> None:
    for topic in ("ships", "music"):
        (tmp_path / "topics" / topic).mkdir(parents=True)
        for i, text in enumerate(sentences(topic, 100, seed=8)):
            (tmp_path / "topics" / topic / f"{i}.txt").write_text(text)
    arguments = ["benchmark", "topics", "--classes", "ships", "--contamination", "0,0.1"]
    done = run(*arguments, "--seeds", 1, cwd=tmp_path)
    assert "| cvdd | wordllama |" in done.stdout
    assert "10 % of the training documents hidden anomalies" in done.stdout
    assert "Written to benchmark-topics." in done.stderr
    first = json.loads((tmp_path / "benchmark-topics" / "benchmark.json").read_text())["records"]
    again = json.loads(run(*arguments, "--seeds", 1, "--json", cwd=tmp_path).stdout)
    assert again == {"out": "benchmark-topics", "records": first}  # not run again: same seconds
    assert run(*arguments, "--seeds", 1, "--quiet", cwd=tmp_path).stdout == ""


def test_benchmark_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    done = run("benchmark", "reuters", "--model", "cvd", code=3, cwd=tmp_path)
    assert all(repr(name) in done.stderr for name in TEXT_MODELS)
    done = run("benchmark", "reuters", "--data", "data", code=3, cwd=tmp_path)
    assert "looked for reuters.jsonl.gz in data (--data)" in done.stderr
    run("benchmark", "reuters", "--contamination", "some", code=2, cwd=tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data"]
