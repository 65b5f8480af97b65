"""Who may import whom, what stays light, and what ships."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import textocl

PACKAGE = Path(textocl.__file__).parent
ROOT = PACKAGE.parent


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("textocl", ["numpy", "torch", "sklearn", "gensim", "transformers", "wordfreq", "rich"]),
        ("textocl.cli", ["numpy", "torch", "sklearn", "gensim", "transformers", "wordfreq"]),
        ("textocl.cli.rendering", ["torch", "sklearn"]),
        ("textocl.plot", ["torch", "sklearn", "matplotlib"]),
        ("textocl.io.corpora", ["torch", "sklearn", "gensim"]),
        ("textocl.io.sharding", ["numpy", "torch"]),
        ("textocl.io.resumable", ["torch", "sklearn"]),
        ("textocl.export.runtime", ["torch", "sklearn", "onnx", "textocl.core.detector"]),
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
        f"textocl/{path.relative_to(folder.parent if folder != PACKAGE else PACKAGE).as_posix()}"
        for folder in (PACKAGE, ROOT / "vision", ROOT / "export")
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert shipped == tree
