"""Who may import whom, what stays light, and what ships."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import textocl

PACKAGE = Path(textocl.__file__).parent
ROOT = PACKAGE.parent

# from the bottom up; a module may import from layers below its own, and from its own
LAYERS = [
    ["__init__", "exceptions", "stopwords", "progress", "characters"],
    ["validation", "word_index", "checkpoints", "devices", "training", "notebook"],
    ["thresholds", "tokenization", "documents", "pooling", "evaluation", "corpora", "embeddings"],
    ["protocol", "clever_hans"],
    ["vocabulary", "network", "objectives", "persistence", "results"],
    ["scoring", "spaces"],
    ["detector", "explain", "features", "surprisal"],
    ["occlusion", "cvdd_training", "faithfulness"],
    ["pooled", "likelihood"],
    ["cvdd", "shallow", "hypersphere", "relevance", "members"],
    ["fusion", "vision"],
    ["models"],
    ["export"],
    ["assessing", "choosing", "resumable", "sharding"],
    ["rendering", "plot", "reuters", "demo", "benchmark_results", "benchmark"],
    ["report"],
    ["cli"],
    ["__main__"],
]
LAYER_OF = {name: level for level, names in enumerate(LAYERS) for name in names}


def module_name(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    """textocl's own modules that a file imports, anywhere but under TYPE_CHECKING."""
    found = set()
    tree = ast.parse(path.read_text("utf-8"))
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and id(node) not in skipped:
            parts = (node.module or "").split(".")
            if parts[0] == "textocl":
                found.add(parts[1] if len(parts) > 1 else "__init__")
    return found


def test_modules_import_only_from_their_own_layer_or_below() -> None:
    wrong = [
        f"{module_name(path)} imports {imported}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for imported in imports_of(path)
        if LAYER_OF[imported] > LAYER_OF[module_name(path)]
    ]
    assert wrong == []


def test_images_and_texts_share_only_the_contract() -> None:
    shared = {
        "__init__", "checkpoints", "detector", "evaluation", "exceptions", "objectives", "persistence",
        "devices", "progress", "training", "validation", "vision",
    }  # fmt: skip
    used = {name for path in (PACKAGE / "vision").glob("*.py") for name in imports_of(path)}
    assert used <= shared


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("textocl", ["numpy", "torch", "sklearn", "gensim", "transformers", "wordfreq", "rich"]),
        ("textocl.cli", ["numpy", "torch", "sklearn", "gensim", "transformers", "wordfreq"]),
        ("textocl.rendering", ["torch", "sklearn"]),
        ("textocl.plot", ["torch", "sklearn", "matplotlib"]),
        ("textocl.corpora", ["torch", "sklearn", "gensim"]),
        ("textocl.sharding", ["numpy", "torch"]),
        ("textocl.resumable", ["torch", "sklearn"]),
        ("textocl.export.runtime", ["torch", "sklearn", "onnx", "textocl.detector"]),
        ("textocl.export.exporting", ["torch", "textocl.cvdd", "textocl.vision"]),
        ("textocl.export.deep_graph", ["PIL", "wordfreq", "tokenizers", "textocl.documents"]),
        ("textocl.cvdd", ["gensim", "transformers", "wordfreq", "wordllama"]),
        ("textocl.vision", ["numpy", "torch", "sklearn", "PIL"]),
        ("textocl.vision.images", ["torch", "PIL"]),
        ("textocl.vision.deep_svdd", ["PIL", "wordfreq", "tokenizers", "textocl.documents"]),
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
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        textocl.nonsense  # noqa: B018


@pytest.mark.skipif(not (ROOT / "pyproject.toml").exists(), reason="not a source checkout")
def test_the_wheel_holds_exactly_the_package(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT],
        check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if ".dist-info/" not in name}
    tree = {
        path.relative_to(ROOT).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert shipped == tree
