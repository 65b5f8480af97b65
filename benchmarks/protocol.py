"""The thesis's one-vs-rest protocol (§3.2.2): its corpora, classes and published numbers.

The corpora are not part of this repository. Put ``reuters.jsonl.gz``, ``20ng.jsonl.gz``,
``imdb.jsonl.gz`` and ``glove6b_100d_wink341k_f16.npz`` into ``$TEXTOCL_DATA/text`` (default
``../shared/data``).
"""

from __future__ import annotations

import gzip
import json
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np

DATA = Path(os.environ.get("TEXTOCL_DATA", Path(__file__).parents[2] / "shared" / "data")) / "text"
GLOVE = DATA / "glove6b_100d_wink341k_f16.npz"
RESULTS = Path(__file__).parent / "results"

# thesis Table 3.4, AUC in %: CVDD on GloVe (300 d) with r = 3
THESIS_GLOVE_R3 = {
    "reuters": {
        "earn": 94.0, "acq": 90.2, "crude": 89.6, "trade": 98.3, "money-fx": 82.5,
        "interest": 92.3, "ship": 97.6,
    },
    "20ng": {"comp": 70.9, "rec": 50.8, "sci": 56.7, "misc": 75.1, "pol": 62.9, "rel": 76.3},
}  # fmt: skip
TARGETS = {"reuters": 93.5, "20ng": 68.0}
_GROUPS = {
    "comp.": "comp", "rec.": "rec", "sci.": "sci", "misc.": "misc", "talk.politics.": "pol",
    "talk.religion.": "rel", "alt.atheism": "rel", "soc.religion.": "rel",
}  # fmt: skip


class Labelled(NamedTuple):
    """A document of a corpus."""

    split: str
    label: str
    text: str


def read_corpus(name: str) -> list[Labelled]:
    """Read ``"reuters"`` or ``"20ng"`` as the thesis uses them, or ``"imdb"``."""
    path = DATA / f"{name}.jsonl.gz"
    if not path.is_file():
        sys.exit(f"{path.name} is not in {DATA}: set TEXTOCL_DATA to the folder that holds text/.")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    if name == "reuters":
        classes = THESIS_GLOVE_R3["reuters"]
        return [
            Labelled(r["split"], r["labels90"][0], r["text"])
            for r in records
            if len(r["labels90"]) == 1 and r["labels90"][0] in classes
        ]
    if name == "20ng":
        return _clean_newsgroups(records)
    return [Labelled(r["split"], r["label"], r["text"]) for r in records]


def _clean_newsgroups(records: list[dict[str, str]]) -> list[Labelled]:
    """Strip headers, footers and quotes as scikit-learn does; drop what has no word left."""
    from sklearn.datasets import _twenty_newsgroups as newsgroups

    from textocl.tokenization import EnglishTokenizer

    words = EnglishTokenizer().words
    documents = []
    for record in records:
        text = newsgroups.strip_newsgroup_header(record["text"])
        text = newsgroups.strip_newsgroup_quoting(newsgroups.strip_newsgroup_footer(text))
        if words(text):
            group = next(g for prefix, g in _GROUPS.items() if record["label"].startswith(prefix))
            documents.append(Labelled(record["split"], group, text))
    return documents


def one_vs_rest(corpus: list[Labelled], label: str) -> tuple[list[str], list[str], np.ndarray]:
    """Training texts of a class, all test texts, and which of these are anomalous."""
    training = [d.text for d in corpus if d.split == "train" and d.label == label]
    test = [d for d in corpus if d.split == "test"]
    return training, [d.text for d in test], np.array([d.label != label for d in test])


def environment(*packages: str) -> str:
    """One line on versions and machine, for the head of a result."""
    import torch

    cpu = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").is_file():
        names = [
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ]
        cpu = f"{names[0]} × {len(names)}" if names else cpu
    listed = ", ".join(f"{p} {version(p)}" for p in ("textocl", "torch", "numpy", *packages))
    return (
        f"{listed}; Python {platform.python_version()}, {platform.system()} on {cpu}, "
        f"{torch.get_num_threads()} torch thread(s)."
    )


def write_result(name: str, text: str) -> None:
    """Write ``benchmarks/results/<name>.md`` and print it."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
    print(text)
