"""Files as people have them, through the commands that read documents."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from commands import run
from texts import sentences


def csv_of(path: Path, rows: list[list[Any]], delimiter: str, encoding: str) -> Path:
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Excel saves as text: UTF-16, separated by semicolons; the texts in ``review``."""
    rows = [["ref", "date", "review", "topic"]]
    for topic in ("ships", "music"):
        texts = sentences(topic, 10, seed=5)
        rows += [[f"{topic}{i}", "2024-01-05", text, topic] for i, text in enumerate(texts)]
    return csv_of(tmp_path_factory.mktemp("files") / "reviews.csv", rows, ";", "utf-16")


def test_what_is_detected_and_guessed_is_said(model: Path, reviews: Path, tmp_path: Path) -> None:
    out = tmp_path / "scored.csv"
    done = run("score", model, "reviews.csv", "--out", out, "--id-field", "ref", cwd=reviews.parent)
    assert done.stderr.splitlines()[:2] == [
        "reviews.csv: read as UTF-16, separated by ;",
        "reviews.csv: texts come from column 'review' (of ref, date, review, topic)",
    ]
    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows[:2]] == ["ships0", "ships1"]
    assert {row["date"] for row in rows} == {"2024-01-05"}
    assert rows[0]["review"] == sentences("ships", 10, seed=5)[0]
    assert run("score", model, reviews, "--out", out, "--quiet").stderr == ""


def test_every_command_that_reads_documents_reads_them(
    model: Path, reviews: Path, tmp_path: Path
) -> None:
    labels = ("--label-field", "topic", "--normal", "ships")
    ids = ("--id-field", "ref")
    commands = [
        ("fit", reviews, "--out", tmp_path / "model", "--model", "kde", *labels),
        ("evaluate", model, reviews, *labels),
        ("inspect", model, reviews),
        ("report", model, reviews, "--out", tmp_path / "a.html", *labels, *ids),
        ("explain", model, reviews, *ids, "--id", "ships3"),
    ]
    for command in commands:
        assert "texts come from column 'review'" in run(*command).stderr
    assert "ships3" in run(*commands[-1]).stdout
    assert '"ships3"' in (tmp_path / "a.html").read_text("utf-8")


def test_columns_are_joined(model: Path, tmp_path: Path) -> None:
    records = [{"title": "The ship", "body": "left the port"}, {"title": None, "body": "music"}]
    (tmp_path / "a.json").write_text(json.dumps(records))
    run("score", model, "a.json", "--out", "out.jsonl", "--text-field", "title,body", cwd=tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [(row["title"], row["body"]) for row in rows] == [
        ("The ship", "left the port"),
        (None, "music"),
    ]
    explained = run(
        "explain", model, "a.json", "--text-field", "title,body", "--json", cwd=tmp_path
    )
    texts = [explanation["text"] for explanation in json.loads(explained.stdout)]
    assert texts == ["The ship\n\nleft the port", "music"]


def test_columns_are_listed_where_texts_cannot_be_told(model: Path, tmp_path: Path) -> None:
    csv_of(tmp_path / "a.csv", [["first", "last"], ["Anna", "Berg"]], ",", "utf-8")
    refused = run("score", model, "a.csv", "--out", "out.csv", cwd=tmp_path, code=3)
    assert "there are 'first', 'last'. Name it by --text-field" in refused.stderr


@pytest.mark.parametrize("kind", ["xlsx", "parquet"])
def test_spreadsheets_and_parquet_are_scored(kind: str, model: Path, tmp_path: Path) -> None:
    records = [
        {"id": i, "text": text, "stars": None if i else 4.5}
        for i, text in enumerate(sentences("ships", 5))
    ]
    path = tmp_path / f"a.{kind}"
    if kind == "xlsx":
        book = pytest.importorskip("openpyxl").Workbook()
        for row in [list(records[0]), *(list(record.values()) for record in records)]:
            book.active.append(row)
        book.save(path)
    else:
        table = pytest.importorskip("pyarrow").Table.from_pylist(records)
        pytest.importorskip("pyarrow.parquet").write_table(table, path)
    run("score", model, path, "--out", tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows] == sentences("ships", 5)
    assert [row["stars"] for row in rows] == ["4.5", "", "", "", ""]
    (tmp_path / "b.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    run("score", model, tmp_path / "b.jsonl", "--out", tmp_path / "b.csv")
    assert (tmp_path / "b.csv").read_bytes() == (tmp_path / "out.csv").read_bytes()


def test_the_help_says_where_texts_and_ids_are_looked_for() -> None:
    shown = " ".join(run("score", "--help").stdout.replace("│", " ").split())
    assert "by default text, else the one of long texts" in shown
    assert "by default id, else the number of the line" in shown


def test_what_is_said_cannot_move_the_terminal(model: Path, tmp_path: Path) -> None:
    rows = [["n\x1b[31m", "re[bold]view"], ["1", "the ship left the port today"]]
    csv_of(tmp_path / "a.csv", rows, ",", "utf-8")
    said = run("score", model, "a.csv", "--out", "out.csv", cwd=tmp_path).stderr
    assert "re[bold]view" in said
    assert "\x1b" not in said
