"""Files of word vectors that gensim's downloader offers."""

from __future__ import annotations

import contextlib
import difflib
import re
import sys
from pathlib import Path

from textocl.core.exceptions import DataError, MissingExtraError


def downloaded_file(name: str) -> Path:
    """Return the file of the vectors called ``name``, fetched if it is not there yet.

    Only the file of vectors is read. The Python module that the downloader stores beside it, and
    would run to load the vectors, is not.

    Raises
    ------
    DataError
        No vectors have that name, or they are not there and cannot be fetched.
    MissingExtraError
        gensim is not installed.
    """
    try:
        from gensim import downloader
    except ImportError:
        raise MissingExtraError("gensim", "gensim", f"embedding='gensim:{name}'") from None
    # the name becomes part of a path
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise DataError(
            f"'gensim:{name}' names no vectors: expected such as 'gensim:glove-wiki-gigaword-100'."
        )
    file = Path(downloader.BASE_DIR, name, f"{name}.gz")
    if file.is_file():
        return file
    advice = (
        f"looked for {file} and in gensim's list of downloads. Fetch it where there is a network "
        f"(python -m gensim.downloader --download {name}) and give the path of the file."
    )
    # offline, the downloader logs a traceback and goes on with the list it has kept, if any
    was_disabled, downloader.logger.disabled = downloader.logger.disabled, True
    try:
        offered = list(downloader.info(name_only=True)["models"])
        if name not in offered:
            near = difflib.get_close_matches(name, offered, n=5, cutoff=0.4) or sorted(offered)
            raise DataError(
                f"gensim's downloader has no vectors {name!r}; near names: {', '.join(near)}."
            )
        # its progress goes to stdout, where a command's results belong
        with contextlib.redirect_stdout(sys.stderr):
            return Path(downloader.load(name, return_path=True))
    except DataError:
        raise
    except Exception as error:  # the downloader raises plain Exception among others
        raise DataError(f"no vectors 'gensim:{name}': {error}; {advice}") from error
    finally:
        downloader.logger.disabled = was_disabled
