"""``textocl report`` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from texts import sentences
from typer.testing import CliRunner

from textocl import CVDD
from textocl.cli.commands import app


def run(*arguments: object, code: int = 0) -> Result:
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["report", *map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == code, done.output
    return done


@pytest.fixture(scope="module")
def folder(detector: CVDD, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli-report")
    detector.save(folder / "model")
    records = [
        {"id": f"{topic}-{i}", "text": text, "label": topic}
        for topic in ("ships", "music")
        for i, text in enumerate(sentences(topic, 20, seed=2))
    ]
    (folder / "mixed.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    (folder / "empty.txt").write_text("")
    return folder


def held(page: Path) -> dict:
    text = page.read_text("utf-8")
    start = text.index('id="data">') + len('id="data">')
    return json.loads(text[start : text.index("</script>", start)])


def test_a_report_is_written_and_summed_up(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    done = run(folder / "model", folder / "mixed.jsonl", "--out", out, "--title", "Mine")
    assert "40 documents, 40 listed, 40 explained" in done.stderr
    contents = held(out)
    assert contents["title"] == "Mine"
    assert contents["truth"] is None
    assert contents["documents"]["id"][0] == "ships-0"


def test_labels_and_limits_are_taken(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    done = run(
        folder / "model", folder / "mixed.jsonl", "--out", out, "--label-field", "label", "--normal", "ships",
        "--max-documents", 30, "--explained", 10, "--max-characters", 20, "--false-alarm-rate", 0.2, "--json",
    )  # fmt: skip
    facts = json.loads(done.stdout)
    assert (facts["n_documents"], facts["n_listed"], facts["n_explained"]) == (40, 30, 10)
    assert facts["n_bytes"] == out.stat().st_size
    contents = held(out)
    assert contents["labels"] == ["music", "ships"]
    assert contents["truth"] == [0] * 20 + [1] * 20
    assert contents["card"]["false_alarm_rate"] == 0.2
    assert max(map(len, contents["documents"]["text"])) == 20
    run(folder / "model", folder / "mixed.jsonl", "--out", out, "--label-field", "label", "-q")
    assert held(out)["evaluation"] is None
    assert held(out)["labels"] == ["music", "ships"]


@pytest.mark.parametrize(
    ("model", "docs", "more", "code", "message"),
    [
        ("model", "empty.txt", [], 3, "holds no document to report on"),
        ("model", "mixed.jsonl", ["--normal", "ships"], 3, "--label-field"),
        ("model", "mixed.jsonl", ["--label-field", "topic"], 3, "has no field 'topic'"),
        ("model", "mixed.jsonl", ["--label-field", "label", "--normal", "x"], 3, "no document has the label"),
        ("model", "mixed.jsonl", ["--label-field", "label", "--normal", "ships", "--normal", "music"], 3, "no anomalous one"),
        ("missing", "mixed.jsonl", [], 4, "no model at"),
        ("model.onnx", "mixed.jsonl", [], 3, "exported file"),
        ("images", "mixed.jsonl", [], 3, "scores images"),
    ],
)  # fmt: skip
def test_what_will_not_do_is_told(
    folder: Path, tmp_path: Path, model: str, docs: str, more: list[str], code: int, message: str
) -> None:
    if model == "images":
        import numpy as np

        from textocl.vision import DeepSVDD

        pixels = np.random.default_rng(0).integers(0, 255, (60, 28, 28), np.uint8)
        DeepSVDD(n_epochs=1).fit(pixels).save(folder / "images")
    out = tmp_path / "report.html"
    done = run(folder / model, folder / docs, "--out", out, *more, code=code)
    assert message in done.stderr
    assert not out.exists()


def test_a_place_that_will_not_do_is_told(folder: Path, tmp_path: Path) -> None:
    arguments = folder / "model", folder / "mixed.jsonl", "--out"
    assert "no such folder" in run(*arguments, tmp_path / "no" / "r.html", code=3).stderr
    assert ".html file" in run(*arguments, tmp_path / "r.pdf", code=3).stderr
    (tmp_path / "mine.html").write_text("mine")
    assert "nothing was overwritten" in run(*arguments, tmp_path / "mine.html", code=3).stderr
