"""Where only what scores exported files is installed, they score; all else says what to install."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from make_models import sample

import textocl
from textocl import KDE
from textocl.export import OnnxDetector, to_onnx

ROOT = Path(textocl.__file__).parents[1]
MODELS = Path(__file__).parent / "saved" / "models"
NAMES = {"scikit-learn": "sklearn"}
REFUSING = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
"""

pytestmark = pytest.mark.skipif(
    not (ROOT / "pyproject.toml").exists(), reason="not a source checkout"
)


def dependencies() -> list[str]:
    settings = pytest.importorskip("tomllib").loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return settings["project"]["dependencies"]


def for_scoring() -> list[str]:
    lines = (ROOT / "requirements-score.txt").read_text("utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


def modules_left_out() -> list[str]:
    names = [re.split(">=", line)[0] for line in dependencies() if line not in for_scoring()]
    return ["scipy", *(NAMES.get(name, name) for name in names)]


def light(
    program: str, *arguments: object, installed: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a program where nothing can be imported that scoring leaves out, but what is said."""
    missing = [name for name in modules_left_out() if name not in installed]
    source = REFUSING.format(missing=missing) + program
    return subprocess.run(
        [sys.executable, "-c", source, *map(str, arguments)], capture_output=True, text=True
    )


def test_torch_is_left_out_and_what_stays_is_bound_as_in_the_project() -> None:
    assert {"torch", "sklearn", "safetensors"} <= set(modules_left_out())
    extra = pytest.importorskip("tomllib").loads((ROOT / "pyproject.toml").read_text("utf-8"))
    known = [*dependencies(), *extra["project"]["optional-dependencies"]["onnx"]]
    assert set(for_scoring()) <= set(known)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("name", ["Detector-form", "CVDD"])
def test_the_command_scores_an_exported_file(name: str, workers: int, tmp_path: Path) -> None:
    texts = [text for text in sample(name)[2] if text.strip()]
    (tmp_path / "new.jsonl").write_text("\n".join(json.dumps({"text": t}) for t in texts))
    file, out = MODELS / f"{name}.onnx", tmp_path / "out.jsonl"
    program = "if __name__ == '__main__':\n    from textocl.cli import main; main()"
    options = ["--out", out, "--workers", workers]
    done = light(program, "score", file, tmp_path / "new.jsonl", *options)
    assert done.returncode == 0, done.stderr
    found = OnnxDetector(file).assess(texts)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["label"] for row in rows] == found["label"].tolist()
    judged = found["label"] != 0
    assert judged.any()
    scores = np.array([row["score"] for row in rows], float)
    np.testing.assert_allclose(scores[judged], found["score"][judged], rtol=1e-6)


def test_python_scores_an_exported_file() -> None:
    file, text = MODELS / "Detector-form.onnx", "tanker in port"
    program = (
        "import textocl; from textocl.export import OnnxDetector\n"
        "print(OnnxDetector(sys.argv[1]).anomaly_score([sys.argv[2]])[0].item())"
    )
    done = light(program, file, text)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == OnnxDetector(file).anomaly_score([text])[0].item()


def test_a_file_with_a_language_model_takes_tokenizers_and_regex_only(
    tiny_bert: Path, ships: list[str], tmp_path: Path
) -> None:
    detector = KDE(embedding=str(tiny_bert), language=None, tokenization="unicode").fit(ships)
    file = to_onnx(detector, tmp_path / "model.onnx")
    program = (
        "from textocl.export import OnnxDetector as D; print(*D(sys.argv[1]).predict(sys.argv[2:]))"
    )
    done = light(program, file, *ships[:3], installed=("tokenizers", "regex"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(label) for label in OnnxDetector(file).predict(ships[:3])]


@pytest.mark.parametrize(
    "statement",
    [
        "from textocl import Detector",
        "from textocl import find",
        "from textocl.vision import FCDD",
        "from textocl.export import to_onnx",
        "import textocl; textocl.load(sys.argv[1])",
    ],
)
def test_python_says_what_to_install(statement: str) -> None:
    program = f"try:\n    {statement}\nexcept ImportError as error:\n    print(error)"
    done = light(program, MODELS / "CVDD")
    assert re.fullmatch(r"\w+ needs [\w-]+: pip install \. in a clone of textocl\.\n", done.stdout)


@pytest.mark.parametrize(
    ("command", "who"),
    [
        (["score", MODELS / "CVDD", __file__, "--out", "-"], "CVDD"),
        (["find", __file__], "textocl find"),
    ],
)
def test_the_command_says_what_to_install(command: list[object], who: str) -> None:
    done = light("from textocl.cli import main; main()", *command)
    assert done.returncode == 3
    message = rf"error: {who} needs [\w-]+: pip install \. in a clone of textocl\.\n"
    assert re.fullmatch(message, done.stderr)


@pytest.mark.parametrize("name", ["missing", "README.md", "docs"])
def test_what_is_no_model_is_called_so_before_anything_is_to_be_installed(name: str) -> None:
    program = "from textocl.cli import main; main()"
    done = light(program, "score", ROOT / name, __file__, "--out", "-")
    assert done.returncode == 4
    expected = f"error: no model at '{ROOT / name}': expected a folder with config.json.\n"
    assert done.stderr == expected


def test_a_saved_model_that_lacks_torch_alone_says_so() -> None:
    program = REFUSING.format(missing=["torch"]) + "import textocl; textocl.load(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", program, MODELS / "CVDD"], capture_output=True, text=True
    )
    assert "CVDD needs torch: pip install . in a clone of textocl." in done.stderr


def test_a_defect_of_textocl_itself_is_not_called_a_missing_package() -> None:
    from textocl.core.exceptions import missing_dependency

    error = ModuleNotFoundError("No module named 'textocl.nothing'", name="textocl.nothing")
    assert missing_dependency(error, "Detector") is error


def test_the_dockerfile_copies_what_there_is_and_installs_the_short_list() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    copied = [
        name for line in re.findall(r"^COPY ([^-].*)", text, re.M) for name in line.split()[:-1]
    ]
    assert {"textocl", "export", "vision", "requirements-score.txt"} <= set(copied)
    assert all((ROOT / name).exists() for name in copied)
    assert "install --no-cache-dir -r requirements-score.txt" in text
