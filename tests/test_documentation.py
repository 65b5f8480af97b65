"""What README and examples show runs as shown."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from texts import sentences
from typer.testing import CliRunner

import textocl
from textocl.cli.commands import app
from textocl.registry import DETECTORS

ROOT = Path(__file__).parents[1]


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the examples in it, as a clone has them."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_blocks(page: str) -> dict[str, Any]:
    """The Python of a page, one block after the other, as a reader would."""
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), re.S):
        exec(compile(block, page, "exec"), names)
    return names


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 110


def test_the_python_of_the_readme_does_what_its_comments_say(workplace: Path) -> None:
    names = run_blocks("README.md")
    findings = names["findings"]
    assert names["labels"].tolist() == [1, -1]
    assert len(findings.flagged) == 10
    assert len(names["more"].flagged) == 16
    assert set(names["table"]["status"]) == {"normal", "anomalous", "not judged"}
    assert textocl.load("hotel-model").threshold_ == findings.detector.threshold_


def test_no_page_installs_from_an_index_that_does_not_have_it() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        assert not re.search(r"pip install ['\"]?textocl", page.read_text("utf-8")), page.name


def test_commands_of_the_readme_exist() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = re.findall(r"\$ make (\w+)", readme)
    assert targets[:2] == ["demo", "test"]
    assert all(re.search(rf"^{target}:", makefile, re.M) for target in targets)
    source = "".join(path.read_text("utf-8") for path in (ROOT / "textocl" / "cli").glob("*.py"))
    for command in re.findall(r"\$ textocl (?:vision )?(\w+)", readme):
        assert f"def {command}(" in source


def test_links_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8")):
            assert "://" in target or (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_python_of_the_production_page_runs(tiny_bert: Path, workplace: Path) -> None:
    from textocl.export import OnnxDetector, to_onnx

    detector = textocl.KDE(embedding=str(tiny_bert)).fit(sentences("ships", 60))
    to_onnx(detector, "model.onnx")
    names = run_blocks("docs/production.md")
    assert names["proof"].flipped_labels == 0
    assert names["labels"].tolist() == [1, -1]
    texts = ["Tankers wait in the harbour.", "A guitar solo."]
    assert names["score"] == pytest.approx(OnnxDetector("model.onnx").anomaly_score(texts), 1e-4)


@pytest.mark.parametrize("page", ["topics", "contexts", "images", "scikit-learn"])
def test_the_python_of_the_tutorials_does_what_its_comments_say(page: str, workplace: Path) -> None:
    pytest.importorskip("matplotlib")
    names = run_blocks(f"docs/{page}.md")
    if page == "topics":
        assert names["labels"].tolist() == [1, -1]
        assert {"band", "song"} & {word for word, _ in names["words"]}
        assert names["evaluation"].auc == 1
    elif page == "contexts":
        assert len(names["contexts"]) == names["attention"].shape[1] == 3
        assert names["words"][0][0] == "band"
        assert textocl.load("chosen").get_params()["context_weights"] == [1, 0, 0.5]
    elif page == "scikit-learn":
        assert names["auc"] > 0.8
        assert set(names["best"]) == {"kde__pooling"}
    else:
        assert names["flagged"] > 0.9
        assert Path("heatmap.png").stat().st_size > 1000


def test_commands_of_the_pages_have_the_options_shown() -> None:
    runner = CliRunner()
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = page.read_text("utf-8").replace("\\\n", " ")
        for line in re.findall(r"^\$ textocl (.*)$", text, re.M):
            words = shlex.split(line, comments=True)
            command = words[:2] if words[0] == "vision" else words[:1]
            shown = runner.invoke(app, [*command, "--help"], env={"COLUMNS": "200"})
            assert shown.exit_code == 0, line
            for option in (word for word in words if word.startswith("--")):
                assert option in shown.output, line


@pytest.mark.skipif(find_spec("mkdocs") is None, reason="needs the extra docs")
def test_the_site_builds_without_warnings_and_asks_no_other_server(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    reference = (tmp_path / "site" / "reference.html").read_text("utf-8")
    for name, entry in DETECTORS.items():
        assert f">{name}</" in reference or f'id="{entry.home}.{name}"' in reference, name
    rows = re.findall(r"<tr class=\"doc-section-item\">.*?</tr>", reference, re.S)
    shown = {
        text for row in rows if ">device<" in row for text in re.findall("<code>(.*?)</code>", row)
    }
    assert "&#39;auto&#39;" in shown
    assert "0" not in shown  # the default of `random_state`, which is explained beside it
    for page in (tmp_path / "site").glob("*.html"):
        loaded = re.findall(
            r"<(?:script|link|img)[^>]*(?:src|href)=\"?(https?:)?//", page.read_text("utf-8")
        )
        assert loaded == [], page.name


@pytest.mark.parametrize(
    ("script", "options", "expected"),
    [("rank_documents", ["mixed.txt"], "guitar|piano|violin|band"), ("choose_contexts", ["0,2"], "with 0,2")],
)  # fmt: skip
def test_examples_run(tmp_path: Path, script: str, options: list[str], expected: str) -> None:
    (tmp_path / "ships.txt").write_text("\n".join(sentences("ships", 220)))
    mixed = sentences("ships", 5, seed=3) + sentences("music", 5, seed=3)
    (tmp_path / "mixed.txt").write_text("\n".join(mixed))
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / f"{script}.py"), "ships.txt", *options],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.search(expected, done.stdout)


def test_no_example_is_long() -> None:
    for script in (ROOT / "examples").glob("*.py"):
        assert len(script.read_text("utf-8").splitlines()) < 80
