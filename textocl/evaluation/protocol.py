"""The thesis's one-vs-rest protocol (§3.2.2): its corpora, its tasks, its published figures."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError
from textocl.core.validation import check_integer, check_number
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


class Published(NamedTuple):
    """A column of thesis Table 3.4; ``oracle`` says what was chosen by test AUC, if anything."""

    model: str
    embedding: str
    oracle: str


#: vectors of 300 dimensions; OC-SVM with the best of ν ∈ {0.05, 0.1, 0.2, 0.5} of each class
PUBLISHED = [
    Published(model, embedding, oracle)
    for embedding in ("GloVe", "fastText")
    for model, oracle in (
        ("OC-SVM, mean", "best ν"),
        ("OC-SVM, tf-idf", "best ν"),
        ("OC-SVM, max", "best ν"),
        ("CVDD, r = 3", ""),
        ("CVDD, r = 5", ""),
        ("CVDD, r = 10", ""),
        ("CVDD, c*", "best context"),
    )
]

#: thesis Table 3.4, AUC in %: corpus -> class -> one entry for each of `PUBLISHED`;
#: a line for GloVe and one for fastText
TABLE_3_4: dict[str, dict[str, tuple[float, ...]]] = {
    "reuters": {
        "earn": (
            91.1, 88.6, 77.1, 94.0, 92.8, 91.8, 97.6,
            87.8, 82.4, 74.9, 95.3, 92.7, 93.9, 94.5,
        ),
        "acq": (
            93.1, 77.0, 81.4, 90.2, 88.7, 91.5, 95.6,
            91.8, 74.1, 80.2, 91.0, 90.3, 92.7, 92.4,
        ),
        "crude": (
            92.4, 90.3, 91.2, 89.6, 92.5, 95.5, 89.4,
            93.3, 90.2, 84.7, 90.9, 94.1, 97.3, 85.0,
        ),
        "trade": (
            99.0, 96.8, 93.7, 98.3, 98.2, 99.2, 97.9,
            97.6, 95.0, 92.1, 97.9, 98.1, 99.3, 97.7,
        ),
        "money-fx": (
            88.6, 81.2, 73.6, 82.5, 76.7, 82.8, 99.7,
            80.5, 82.6, 73.8, 82.6, 79.8, 82.5, 99.5,
        ),
        "interest": (
            97.4, 93.5, 84.2, 92.3, 91.7, 97.7, 98.4,
            91.6, 88.7, 82.8, 93.3, 92.1, 95.9, 97.4,
        ),
        "ship": (
            91.2, 93.1, 86.5, 97.6, 96.9, 95.6, 99.7,
            90.0, 90.6, 85.0, 96.9, 94.7, 96.1, 99.7,
        ),
    },
    "20ng": {
        "comp": (
            82.0, 81.2, 54.5, 70.9, 66.4, 63.3, 86.6,
            77.5, 78.0, 65.5, 74.0, 68.2, 64.2, 88.2,
        ),
        "rec": (
            73.2, 75.6, 56.2, 50.8, 52.8, 53.3, 68.9,
            66.0, 70.0, 51.9, 60.6, 58.5, 54.1, 85.1,
        ),
        "sci": (
            60.6, 64.1, 53.0, 56.7, 56.8, 55.7, 61.0,
            61.0, 64.2, 57.0, 58.2, 57.6, 55.9, 64.4,
        ),
        "misc": (
            61.8, 63.1, 54.1, 75.1, 70.2, 68.6, 83.8,
            62.3, 62.1, 55.7, 75.7, 70.3, 68.0, 83.9,
        ),
        "pol": (
            72.5, 75.5, 64.9, 62.9, 65.3, 65.1, 75.4,
            73.7, 76.1, 68.1, 71.5, 66.4, 67.1, 82.8,
        ),
        "rel": (
            78.2, 79.2, 68.4, 76.3, 72.9, 70.7, 87.3,
            77.8, 78.9, 73.9, 78.1, 73.2, 69.5, 89.3,
        ),
    },
}  # fmt: skip


class Labelled(NamedTuple):
    """A document of a corpus, in the split ``"train"`` or ``"test"``."""

    split: str
    label: str
    text: str
    fine_label: str = ""  # the corpus's own label, where a class is a group of labels


@dataclass(frozen=True)
class Task:
    """What a detector is given to learn one class from, and what it is tested on.

    Attributes
    ----------
    training : n texts
    labels : (n,) int64, 0 unlabelled, -1 known anomaly
    n_hidden : anomalies among the unlabelled
    test : m texts
    is_anomaly : (m,) bool
    """

    training: list[str]
    labels: NDArray[np.int64]
    n_hidden: int
    test: list[str]
    is_anomaly: NDArray[np.bool_]


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


def one_vs_rest(
    documents: Sequence[Labelled], label: str
) -> tuple[list[str], list[str], NDArray[np.bool_]]:
    """Training texts of a class, all test texts, and which of these are anomalous."""
    training = [d.text for d in documents if d.split == "train" and d.label == label]
    test = [d for d in documents if d.split == "test"]
    return training, [d.text for d in test], np.array([d.label != label for d in test], bool)


def draw_task(
    documents: Sequence[Labelled],
    label: str,
    *,
    contamination: float = 0.0,
    n_labelled: int = 0,
    seed: int = 0,
) -> Task:
    """Make the task of learning the class ``label``.

    Parameters
    ----------
    contamination : float in [0, 1)
        Share of the unlabelled training documents that are anomalies, as near as whole documents
        come to it.
    n_labelled : int ≥ 0
        Anomalies given as such.
    seed : which anomalies are drawn; a larger contamination keeps those of a smaller one

    Notes
    -----
    Anomalies are drawn, without replacement, from the training documents of all other classes;
    no document is both hidden and labelled, and none is a test document.

    Raises
    ------
    DataError
        The class lacks training or test documents, or there are too few anomalies to draw from.
    """
    check_number("contamination", contamination, 0, 1, high_open=True)
    check_integer("n_labelled", n_labelled, 0)
    normal, test, is_anomaly = one_vs_rest(documents, label)
    if not normal or is_anomaly.all() or not is_anomaly.any():
        raise DataError(
            f"class {label!r} needs training documents, and test documents of its own and of other "
            f"classes; there are {len(normal)}, {int((~is_anomaly).sum())} and "
            f"{int(is_anomaly.sum())}."
        )
    others = [d.text for d in documents if d.split == "train" and d.label != label]
    n_hidden = round(len(normal) * contamination / (1 - contamination))
    if n_labelled + n_hidden > len(others):
        raise DataError(
            f"class {label!r}: {n_hidden:,} hidden and {n_labelled:,} labelled anomalies are "
            f"wanted, and the other classes have {len(others):,} training documents."
        )
    random = np.random.default_rng(seed)
    drawn = [others[i] for i in random.permutation(len(others))]
    unlabelled = normal + drawn[n_labelled : n_labelled + n_hidden]
    if n_hidden:  # their place must not give them away
        unlabelled = [unlabelled[i] for i in random.permutation(len(unlabelled))]
    labels = np.repeat(np.array([0, -1]), [len(unlabelled), n_labelled])
    return Task(unlabelled + drawn[:n_labelled], labels, n_hidden, test, is_anomaly)


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
    files = {split: _jsonl_of(folder, split) for split in SPLITS}
    if any(files.values()):
        return [
            Labelled(split, _text_field(document, "label"), document.text)
            for split, file in files.items()
            for document in read_documents(_both(file, folder, f"{split}.jsonl"))
        ]
    parts = {split: folder / split for split in SPLITS}
    if any(part.is_dir() for part in parts.values()):
        return [
            Labelled(split, label, text)
            for split, part in parts.items()
            for label, texts in _read_classes(
                _both(part if part.is_dir() else None, folder, split)
            ).items()
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


def _jsonl_of(folder: Path, split: str) -> Path | None:
    candidates = [folder / f"{split}.jsonl", folder / f"{split}.jsonl.gz"]
    return next((path for path in candidates if path.is_file()), None)


def _both(path: Path | None, folder: Path, name: str) -> Path:
    if path is None:
        raise DataError(f"{folder} has no {name}: expected {_LAYOUTS}.")
    return path


def _read_classes(folder: Path) -> dict[str, list[str]]:
    classes = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not classes:
        raise DataError(f"{folder} has no sub-folder for each class: expected {_LAYOUTS}.")
    return {path.name: [document.text for document in read_documents(path)] for path in classes}
