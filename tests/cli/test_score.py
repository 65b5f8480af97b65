"""``textocl score``: each document with its own fields and what the model says of it."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from commands import run, run_process
from texts import sentences

import textocl

(SHIPS,) = sentences("ships", 1, seed=2)


def test_score_keeps_fields_and_adds_results(model: Path, folder: Path, tmp_path: Path) -> None:
    run("score", model, folder / "mixed.jsonl", "--out", tmp_path / "out.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    given = [json.loads(line) for line in (folder / "mixed.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == [record["id"] for record in given]
    assert [row["input_label"] for row in rows] == [record["label"] for record in given]
    expected = textocl.load(model).anomaly_score([record["text"] for record in given])
    assert [row["score"] for row in rows] == pytest.approx(expected.tolist(), abs=1e-6)
    assert {row["label"] for row in rows} == {1, -1}
    run("score", model, folder / "mixed.jsonl", "--out", tmp_path / "out.csv", "--quiet")
    with (tmp_path / "out.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [float(row["score"]) for row in table] == [row["score"] for row in rows]


def test_score_reads_standard_input_and_writes_standard_output(exported: Path) -> None:
    done = run_process("score", exported, "-", "--out", "-", input="the ship\n\nthe guitar\n")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["text"] for row in rows] == ["the ship", "", "the guitar"]
    assert [row["n_known_words"] for row in rows] == [1, 0, 1]
    assert "1 of 3 documents have no known word; they are not judged" in done.stderr


def test_what_has_no_known_word_is_not_judged(model: Path, exported: Path, tmp_path: Path) -> None:
    (tmp_path / "docs.txt").write_text("\n".join([SHIPS, "", "the guitar", "12 34"]) + "\n")
    for scorer in (model, exported):
        done = run("score", scorer, tmp_path / "docs.txt", "--out", tmp_path / "out.jsonl")
        assert "4 documents scored, 2 anomalous, 1 not judged (threshold" in done.stderr
        rows = [json.loads(line) for line in (tmp_path / "out.jsonl").open()]
        assert [row["label"] for row in rows] == [1, 0, -1, -1]  # the last by its form
        assert [row["status"] for row in rows] == [
            "normal", "not judged", "anomalous", "anomalous"
        ]  # fmt: skip
        for row in rows:
            assert (row["score"] is None) == (row["p_value"] is None) == (row["label"] == 0)
        arguments = (scorer, tmp_path / "docs.txt", "--out", tmp_path / "out.csv", "--json")
        summary = json.loads(run("score", *arguments).stdout)
        assert (summary["documents"], summary["anomalous"], summary["not_judged"]) == (4, 2, 1)
        with (tmp_path / "out.csv").open(newline="") as file:
            table = list(csv.DictReader(file))
        columns = list(table[0])
        assert columns[columns.index("label") + 1] == "status"
        assert [row["status"] for row in table] == [row["status"] for row in rows]
        assert [row["score"] == "" for row in table] == [row["label"] == 0 for row in rows]
        assert [row["p_value"] == "" for row in table] == [row["label"] == 0 for row in rows]


def test_where_all_is_judged_the_summary_says_nothing_of_the_rest(
    model: Path, tmp_path: Path
) -> None:
    (tmp_path / "docs.txt").write_text(f"{SHIPS}\n")
    done = run("score", model, tmp_path / "docs.txt", "--out", tmp_path / "out.jsonl")
    assert "1 documents scored, 0 anomalous (threshold" in done.stderr


def test_an_exported_file_scores_and_evaluates(
    model: Path, exported: Path, folder: Path, tmp_path: Path
) -> None:
    tables = []
    for name, by in (("own", model), ("exported", exported)):
        run("score", by, folder / "mixed.jsonl", "--out", tmp_path / f"{name}.jsonl")
        tables.append([json.loads(line) for line in (tmp_path / f"{name}.jsonl").open()])
    for own, other in zip(*tables, strict=True):
        assert list(own) == list(other)
        for name, value in own.items():
            assert other[name] == (
                value if isinstance(value, str) else pytest.approx(value, rel=1e-5, abs=1e-5)
            )
    arguments = (folder / "mixed.jsonl", "--label-field", "label", "--normal", "ships", "--json")
    measured = [json.loads(run("evaluate", by, *arguments).stdout) for by in (model, exported)]
    at_threshold = [measures.pop("at_threshold") for measures in measured]
    assert measured[1] == pytest.approx(measured[0])
    assert at_threshold[1] == at_threshold[0]
    refused = run("evaluate", exported, *arguments, "--false-alarm-rate", 0.3, code=3)
    assert "has one threshold, for a false-alarm rate of 0.05" in refused.stderr


def test_quiet_is_quiet(model: Path, folder: Path, tmp_path: Path) -> None:
    done = run("score", model, folder / "mixed.jsonl", "--out", tmp_path / "o.jsonl", "--quiet")
    assert done.stdout == done.stderr == ""


def test_skip_bad_counts_and_reports(model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "ship"}\n{\n{"text": 1}\n{"text": "port"}\n')
    done = run("score", model, tmp_path / "a.jsonl", "--out", tmp_path / "o.jsonl", "--skip-bad")
    assert "2 records could not be read" in done.stderr
    assert "line 2: not JSON" in done.stderr
    assert len((tmp_path / "o.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize("way", ["same", "roundabout", "link", "hard link", "standard input"])
@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_read_is_never_overwritten(
    way: str, workers: int, exported: Path, tmp_path: Path
) -> None:
    docs, out = tmp_path / "past.csv", tmp_path / "past.csv"
    docs.write_text("text\nthe ship\n")
    if way == "roundabout":
        (tmp_path / "sub").mkdir()
        out = tmp_path / "sub" / ".." / "past.csv"
    elif way == "link":
        out = tmp_path / "link.csv"
        out.symlink_to(docs)
    elif way == "hard link":
        out = tmp_path / "link.csv"
        out.hardlink_to(docs)
    arguments = ["score", exported, docs, "--out", out, "--workers", workers]
    if way == "standard input":
        with docs.open() as stdin:
            arguments[2:3] = ["-", "--format", "csv"]
            done = run_process(*arguments, code=3, stdin=stdin)
    else:
        done = run(*arguments, code=3)
    assert "is what is read; nothing was overwritten" in " ".join(done.stderr.split())
    assert docs.read_text() == "text\nthe ship\n"
    assert not list(tmp_path.glob("*.parts"))


@pytest.mark.parametrize(
    "command",
    [
        ["fit", "docs", "--out", "docs", "--format", "txt"],
        ["report", "model", "docs.html", "--format", "txt", "--out", "docs.html"],
        ["export", "model", "--out", "docs", "--verify", "docs"],
        ["vision", "score", "model", "image.png", "--out", "link.csv"],
    ],
)
def test_no_command_overwrites_what_it_reads(command: list[str], tmp_path: Path) -> None:
    for name in ("docs", "docs.html", "image.png"):
        (tmp_path / name).write_text("the ship\n")
    (tmp_path / "link.csv").symlink_to(tmp_path / "image.png")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(AssertionError, match="nothing was overwritten|no model at"):
        run(*command, cwd=tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_no_cell_is_a_formula_where_the_table_is_for_a_spreadsheet(
    exported: Path, tmp_path: Path
) -> None:
    records = [
        {"id": "=1+1", "text": "@SUM(A1) ship", "n": "-5", "score": -7},
        {"id": "a", "text": "- ship", "n": "+1e3", "score": "+cmd|x"},
        {"id": "b", "text": "'=ship", "n": "1", "score": "\tport"},
        {"id": "c", "text": "it's =ship", "n": "-1-1", "score": "\uff1dport"},
    ]
    docs = tmp_path / "docs.jsonl"
    docs.write_text("".join(json.dumps(record) + "\n" for record in records))
    tables = {}
    for name, options in (("plain", []), ("safe", ["--spreadsheet-safe"])):
        run("score", exported, docs, "--out", tmp_path / f"{name}.csv", *options)
        with (tmp_path / f"{name}.csv").open(newline="", encoding="utf-8") as file:
            tables[name] = list(csv.DictReader(file))
    for plain, safe, record in zip(tables["plain"], tables["safe"], records, strict=True):
        assert plain["text"] == record["text"]
        assert plain["n"] == safe["n"] or record["n"] == "-1-1"
        for field, cell in safe.items():
            number = field in ("score", "p_value", "label", "nearest_context", "n_known_words")
            assert number or cell[0] not in "=@\t\uff1d" or not cell
            # taking the apostrophe away gives every cell back
            assert re.sub(r"^'(?='*[=+\-@\t\r\n\uff1d])", "", cell) == plain[field]
    assert [row["input_score"] for row in tables["safe"]] == [
        "-7",
        "'+cmd|x",
        "'\tport",
        "'\uff1dport",
    ]
    assert tables["safe"][0]["id"] == "'=1+1"
    assert tables["safe"][3]["n"] == "'-1-1"
    refused = run("score", exported, docs, "--out", "o.jsonl", "--spreadsheet-safe", code=3)
    assert "a spreadsheet reads a .csv file" in refused.stderr
