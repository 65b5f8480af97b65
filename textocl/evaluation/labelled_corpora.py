"""Corpora with a class and a split for each document: the thesis's, and folders of one's own."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np

from textocl.core.exceptions import DataError
from textocl.evaluation.published import TABLE_3_4
from textocl.io.corpora import Document, read_documents
from textocl.text.tokenization import EnglishTokenizer

SPLITS = ("train", "test")
_TRAIN_SHARE = 0.7  # of each class, where a corpus comes without a split
_LAYOUTS = (
    "train/<class>/*.txt and test/<class>/*.txt, or <class>/*.txt, "
    "or train.jsonl and test.jsonl with the fields text and label"
)

#: where the corpora come from, for those who lack them
SOURCES = {
    "reuters": (
        "Reuters-21578, ModApte split: "
        "http://www.daviddlewis.com/resources/testcollections/reuters21578/; "
        "fields split, labels90 (the list of a document's topics among the 90), text"
    ),
    "20ng": (
        "20 Newsgroups, by date, with headers: http://qwone.com/~jason/20Newsgroups/; "
        "fields split, label (the newsgroup), text"
    ),
    "imdb": (
        "Large Movie Review Dataset: https://ai.stanford.edu/~amaas/data/sentiment/; "
        "fields split, label (pos or neg), text"
    ),
}

_GROUPS = {
    "comp.": "comp", "rec.": "rec", "sci.": "sci", "misc.": "misc", "talk.politics.": "pol",
    "talk.religion.": "rel", "alt.atheism": "rel", "soc.religion.": "rel",
}  # fmt: skip


class Labelled(NamedTuple):
    """A document of a corpus, in the split ``"train"`` or ``"test"``."""

    split: str
    label: str
    text: str
    fine_label: str = ""  # the corpus's own label, where a class is a group of labels


def read_corpus(
    corpus: str | PathLike[str], data: str | PathLike[str] | None = None
) -> list[Labelled]:
    """Read a corpus of the thesis in its preparation, or a folder of one's own.

    Parameters
    ----------
    corpus : one of `SOURCES`, or a folder
        ``"reuters"``: documents with exactly one topic, of the seven topics of Table 3.4.
        ``"20ng"``: six groups; headers, footers and quotes stripped as scikit-learn does, then
        documents without a word dropped. ``"imdb"``: as it is. A folder holds
        ``train/<class>/*.txt`` and ``test/<class>/*.txt``; or ``<class>/*.txt``, of which 70 % of
        each class, drawn with seed 0, are for training; or ``train.jsonl`` and ``test.jsonl``
        (also ``.gz``) with the fields ``text`` and ``label``.
    data : folder of ``reuters.jsonl.gz``, ``20ng.jsonl.gz`` and ``imdb.jsonl.gz``
        By default ``$TEXTOCL_DATA/text``, or ``data`` where that is not set.

    Raises
    ------
    DataError
        Nothing is there, or it is not laid out like this.
    """
    name = str(corpus)
    if name == "reuters":
        return list(_reuters(_records(name, data)))
    if name == "20ng":
        return list(_newsgroups(_records(name, data)))
    if name == "imdb":
        return [Labelled(_split(d), _text_field(d, "label"), d.text) for d in _records(name, data)]
    if Path(name).is_dir():
        return _read_folder(Path(name))
    raise DataError(
        f"no corpus {name!r}: expected {', '.join(SOURCES)}, or a folder that holds {_LAYOUTS}."
    )


def classes_of(corpus_name: str, documents: Sequence[Labelled]) -> list[str]:
    """Return the classes of a corpus, in the order of the thesis or of the alphabet."""
    present = {document.label for document in documents}
    first = [label for label in TABLE_3_4.get(corpus_name, {}) if label in present]
    return first + sorted(present.difference(first))


def fingerprint_of(documents: Sequence[Labelled]) -> str:
    """Return the SHA-256 of what was read; tells one preparation of a corpus from another."""
    digest = hashlib.sha256()
    for document in documents:
        digest.update(json.dumps(document).encode("ascii") + b"\n")
    return digest.hexdigest()


def _records(name: str, data: str | PathLike[str] | None) -> Iterator[Document]:
    if data is not None:
        folder, why = Path(data), "--data"
    elif "TEXTOCL_DATA" in os.environ:
        folder, why = Path(os.environ["TEXTOCL_DATA"]) / "text", "$TEXTOCL_DATA/text"
    else:
        folder, why = Path("data"), "the default; set --data or $TEXTOCL_DATA"
    path = folder / f"{name}.jsonl.gz"
    if not path.is_file():
        raise DataError(
            f"looked for {path.name} in {folder} ({why}), and it is not there. It is made from "
            f"{SOURCES[name]}; one JSON object a line, gzipped."
        )
    return read_documents(path)


def _reuters(records: Iterator[Document]) -> Iterator[Labelled]:
    for document in records:
        topics = document.fields.get("labels90")
        if not isinstance(topics, list):
            raise DataError(
                f"reuters, document {document.id}: expected a list in the field labels90."
            )
        if len(topics) == 1 and topics[0] in TABLE_3_4["reuters"]:
            yield Labelled(_split(document), topics[0], document.text)


def _newsgroups(records: Iterator[Document]) -> Iterator[Labelled]:
    from sklearn.datasets import _twenty_newsgroups as newsgroups

    words = EnglishTokenizer().words
    for document in records:
        newsgroup = _text_field(document, "label")
        groups = [group for prefix, group in _GROUPS.items() if newsgroup.startswith(prefix)]
        if not groups:
            raise DataError(f"20ng, document {document.id}: {newsgroup!r} is none of the groups.")
        text = newsgroups.strip_newsgroup_header(document.text)
        text = newsgroups.strip_newsgroup_quoting(newsgroups.strip_newsgroup_footer(text))
        if words(text):
            yield Labelled(_split(document), groups[0], text, newsgroup)


def _split(document: Document) -> str:
    split = document.fields.get("split")
    if split not in SPLITS:
        raise DataError(f"document {document.id}: expected split train or test, got {split!r}.")
    return str(split)


def _text_field(document: Document, name: str) -> str:
    value = document.fields.get(name)
    if value is None:
        raise DataError(f"document {document.id} has no field {name!r}.")
    return value if isinstance(value, str) else json.dumps(value)  # true, 1


def _read_folder(folder: Path) -> list[Labelled]:
    names = {split: (folder / f"{split}.jsonl", folder / f"{split}.jsonl.gz") for split in SPLITS}
    files = {split: next(filter(Path.is_file, paths), None) for split, paths in names.items()}
    if any(files.values()):
        return [
            Labelled(split, _text_field(document, "label"), document.text)
            for split, file in files.items()
            for document in read_documents(_both(file, folder, f"{split}.jsonl"))
        ]
    parts = {split: path if (path := folder / split).is_dir() else None for split in SPLITS}
    if any(parts.values()):
        return [
            Labelled(split, label, text)
            for split, part in parts.items()
            for label, texts in _read_classes(_both(part, folder, split)).items()
            for text in texts
        ]
    random = np.random.default_rng(0)
    documents = []
    for label, texts in _read_classes(folder).items():
        n_train = round(_TRAIN_SHARE * len(texts))
        for_training = set(random.permutation(len(texts))[:n_train].tolist())
        documents += [
            Labelled("train" if i in for_training else "test", label, text)
            for i, text in enumerate(texts)
        ]
    return documents


def _both(path: Path | None, folder: Path, name: str) -> Path:
    if path is None:
        raise DataError(f"{folder} has no {name}: expected {_LAYOUTS}.")
    return path


def _read_classes(folder: Path) -> dict[str, list[str]]:
    classes = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not classes:
        raise DataError(f"{folder} has no sub-folder for each class: expected {_LAYOUTS}.")
    return {path.name: [document.text for document in read_documents(path)] for path in classes}
