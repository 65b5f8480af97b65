"""Who may import whom, and what stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from imports import (
    FLOORS,
    arrows,
    circle,
    imported_by,
    imports_by_name,
    modules_of,
    room_of,
    upward,
)

import textocl

PACKAGE = Path(textocl.__file__).parent


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    return arrows(PACKAGE)


def test_no_import_runs_up(graph: dict[str, set[str]]) -> None:
    assert upward(graph) == []


def test_nothing_imports_in_a_circle(graph: dict[str, set[str]]) -> None:
    assert circle(graph) == []


def test_every_room_has_a_floor_and_there_are_few(graph: dict[str, set[str]]) -> None:
    assert {room_of(name) for name in graph} == set(FLOORS)
    assert len(FLOORS) <= 22


def test_modules_are_loaded_by_name_in_few_places() -> None:
    """Where a module's name is not written at the call, the test above cannot see the import."""
    by_name = {
        name
        for name, path in modules_of(PACKAGE).items()
        if imports_by_name(path.read_text("utf-8"))
    }
    assert by_name == {"textocl", "textocl.export", "textocl.registry", "textocl.vision"}


@pytest.mark.parametrize(
    "line",
    [
        "from textocl.cli.application import app",
        "import textocl.cli.application",
        "from textocl.cli.commands import application",
        "def f():\n    from textocl.cli.application import app",
        "if TYPE_CHECKING:\n    from textocl.cli.application import app",
        "importlib.import_module('textocl.cli.application')",
        "__import__('textocl.cli.application')",
        "from ..cli import application",
        "import textocl",
        "from textocl import Detector",
    ],
)
def test_a_planted_arrow_is_seen(graph: dict[str, set[str]], line: str) -> None:
    name = "textocl.core.exceptions"
    planted = {**graph, name: imported_by(name, line, graph)}
    assert len(upward(planted)) == 1
    if line != "import textocl" and "Detector" not in line:
        assert name in circle(planted)


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("textocl", ["numpy", "torch", "sklearn", "gensim", "transformers", "wordfreq", "rich"]),
        (
            "textocl.cli.commands",
            ["numpy", "torch", "sklearn", "gensim", "transformers", "wordfreq"],
        ),
        ("textocl.cli.score", ["numpy", "torch", "textocl.cli.fit", "rich.progress"]),
        ("textocl.cli.views", ["torch", "sklearn"]),
        ("textocl.plot", ["torch", "sklearn", "matplotlib"]),
        ("textocl.io.corpora", ["torch", "sklearn", "gensim"]),
        ("textocl.io.workers", ["numpy", "torch"]),
        ("textocl.io.resumable", ["torch", "sklearn"]),
        ("textocl.export.runtime", ["torch", "sklearn", "onnx", "textocl.core.detector"]),
        ("textocl.export.tokens", ["torch", "sklearn", "scipy", "tokenizers"]),
        ("textocl.export.exporter", ["torch", "textocl.cvdd.detector", "textocl.vision"]),
        ("textocl.export.deep_graph", ["PIL", "wordfreq", "tokenizers", "textocl.text.documents"]),
        ("textocl.cvdd.detector", ["gensim", "transformers", "wordfreq", "wordllama"]),
        ("textocl.vision", ["numpy", "torch", "sklearn", "PIL"]),
        ("textocl.vision.images", ["torch", "PIL"]),
        ("textocl.vision.deep_svdd", ["PIL", "wordfreq", "tokenizers", "textocl.text.documents"]),
    ],
)
def test_importing_stays_light(module: str, heavy: list[str], tmp_path: Path) -> None:
    program = f"import sys, {module}; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.strip() == "[]"


def test_every_public_name_can_be_imported() -> None:
    for name in textocl.__all__:
        assert getattr(textocl, name) is not None
    assert set(textocl.__all__) <= set(dir(textocl))
    source = ast.parse((PACKAGE / "__init__.py").read_text("utf-8"))
    for_type_checkers = {
        alias.asname
        for node in ast.walk(source)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert for_type_checkers >= set(textocl.__all__) - {"__version__"}
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        textocl.nonsense  # noqa: B018
