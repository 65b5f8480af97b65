"""A report is one file that asks for nothing and is written whole or not at all."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest

from textocl import CVDD, DataError
from textocl.report import ReportLimits, write_report


def test_the_page_needs_nothing_and_allows_only_its_own(
    detector: CVDD, mixed: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    advanced: list[int] = []
    written = write_report(
        detector, mixed, file, title="<i>&", limits=ReportLimits(50, 30), advance=advanced.append
    )
    page = file.read_text("utf-8")
    assert (written.n_documents, written.n_listed, written.n_explained) == (80, 50, 30)
    assert written.n_bytes == file.stat().st_size
    assert sum(advanced) == 30
    assert "<title>&lt;i&gt;&amp;</title>" in page
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!#)""", page)
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|innerHTML|insertAdjacent", page)
    addresses = set(re.findall(r"\w+://[^\s\"']+", page))
    assert addresses == {"http://www.w3.org/2000/svg"}
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_the_same_input_gives_the_same_page(
    detector: CVDD, mixed: list[str], tmp_path: Path
) -> None:
    for name in ("a.html", "b.html"):
        write_report(detector, mixed, tmp_path / name)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_a_report_replaces_a_report_and_nothing_else(detector: CVDD, tmp_path: Path) -> None:
    report, other = tmp_path / "report.html", tmp_path / "other.html"
    write_report(detector, ["ship"], report)
    write_report(detector, ["port"], report)
    assert '"port"' in report.read_text("utf-8")
    other.write_text("<!doctype html>\n<p>mine")
    with pytest.raises(DataError, match="nothing was overwritten"):
        write_report(detector, ["ship"], other)
    assert other.read_text() == "<!doctype html>\n<p>mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.html", "report.html"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("report.txt", "goes to an .html file"),
        ("missing/report.html", "no such folder"),
        ("folder.html", "is a folder"),
    ],
)
def test_a_place_that_will_not_do_is_told_before_the_work(
    name: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "folder.html").mkdir()
    unfitted: Any = CVDD()
    with pytest.raises(DataError, match=message):
        write_report(unfitted, ["ship"], tmp_path / name)
