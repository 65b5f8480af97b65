"""What is built from a checkout holds every file, and works where nothing else of it is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

import textocl

PACKAGE = Path(textocl.__file__).parent
ROOT = PACKAGE.parent
SIBLINGS = ("vision", "export")

pytestmark = pytest.mark.skipif(
    not (ROOT / "pyproject.toml").exists(), reason="not a source checkout"
)
IMPORTS = (
    "import textocl, textocl.vision, textocl.export;"
    "from textocl import KDE; from textocl.vision import DeepSVDD;"
    "from textocl.export import OnnxDetector;"
    "print(textocl.__file__, textocl.vision.__file__, textocl.export.__file__)"
)


def run(*arguments: object, **options: object) -> str:
    done = subprocess.run(list(map(str, arguments)), capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a source distribution, and of a wheel that was built from it."""
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in ("textocl", *SIBLINGS):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, source)
    return folder


def shipped_files() -> set[str]:
    return {
        (
            Path("textocl") / path.relative_to(folder.parent if folder != PACKAGE else PACKAGE)
        ).as_posix()
        for folder in (PACKAGE, *(ROOT / name for name in SIBLINGS))
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_siblings_are_real_folders_and_linked_into_the_package() -> None:
    for name in SIBLINGS:
        assert (ROOT / name).is_dir()
        assert not (ROOT / name).is_symlink()
        assert (PACKAGE / name).is_symlink()
        assert (PACKAGE / name).resolve() == (ROOT / name).resolve()
        assert str((PACKAGE / name).readlink()) == f"../{name}"  # wherever the checkout is


def test_the_wheel_holds_exactly_the_package(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert {n for n in archive.namelist() if ".dist-info/" not in n} == shipped_files()


def test_the_source_distribution_holds_the_siblings(built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    assert {"vision/__init__.py", "export/__init__.py", "textocl/__init__.py"} <= names


def test_the_wheel_works_in_an_environment_of_its_own(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "env")
    (site,) = (tmp_path / "env").glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # what textocl needs comes from this environment; a checkout installed here does not
    (site / "needed.pth").write_text(sysconfig.get_paths()["purelib"])
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    python = tmp_path / "env" / "bin" / "python"
    homes = run(python, "-c", IMPORTS, cwd=tmp_path, env=environment).split()
    assert all(Path(home).is_relative_to(site) for home in homes)


def test_a_checkout_works_by_its_path_alone(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    homes = run(sys.executable, "-c", IMPORTS, cwd=tmp_path, env=environment).split()
    assert [Path(home).resolve() for home in homes] == [
        PACKAGE / "__init__.py",
        *(ROOT / name / "__init__.py" for name in SIBLINGS),
    ]


def test_every_folder_is_a_package_that_ships() -> None:
    tomllib = pytest.importorskip("tomllib")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    folders = {Path(name).parent for name in shipped_files() if name.endswith("/__init__.py")}
    assert set(settings["packages"]) == {".".join(folder.parts) for folder in folders}


def test_types_are_checked_in_every_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """mypy follows no package-dir mapping: without the links it would pass over the siblings."""
    options = pytest.importorskip("mypy.main")
    monkeypatch.chdir(ROOT)
    sources, _ = options.process_options(["--config-file", "pyproject.toml"])
    assert len(sources) == sum(name.endswith(".py") for name in shipped_files())
