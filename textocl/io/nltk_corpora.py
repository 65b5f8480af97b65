"""Documents of NLTK's corpora, such as Reuters, where their data are installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from textocl.core.exceptions import DataError, MissingExtraError

PREFIX = "nltk:"


def read_nltk(name: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield id, text and fields of each file of the corpus ``name``, such as "movie_reviews".

    Fields are ``split``, the folder that a file is in (Reuters has "training" and "test"), and
    ``label``, its categories, by commas; each where there is one.

    Raises
    ------
    DataError
        There is no such corpus, it is not one of texts, or its data are not installed.
    MissingExtraError
        nltk is missing.
    """
    try:
        import nltk
        from nltk.corpus.reader.api import CorpusReader
        from nltk.corpus.util import LazyCorpusLoader
    except ImportError:
        raise MissingExtraError("nltk", "nltk", f"reading {PREFIX}{name}") from None
    corpus = getattr(nltk.corpus, name, None)
    if not isinstance(corpus, (LazyCorpusLoader, CorpusReader)):
        raise DataError(f"nltk has no corpus {name!r}; reuters and movie_reviews are two it has.")
    try:
        files = corpus.fileids()
    except LookupError as error:
        raise DataError(
            f"the data of nltk's corpus {name!r} are not installed: "
            f"`python -m nltk.downloader {name}` gets them."
        ) from error
    raw, categories = getattr(corpus, "raw", None), getattr(corpus, "categories", None)
    if raw is None:
        raise DataError(f"nltk's corpus {name!r} has no texts.")
    for file in files:
        folder, _, rest = file.rpartition("/")
        fields = {"split": folder} if rest and folder else {}
        if categories is not None:
            fields["label"] = ",".join(categories(file))
        yield file, raw(file), fields
