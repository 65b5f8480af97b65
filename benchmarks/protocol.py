"""What the benchmarks share: where their data is, their targets, and how results are written.

The corpora are not part of this repository. Put ``reuters.jsonl.gz``, ``20ng.jsonl.gz``,
``imdb.jsonl.gz`` and ``glove6b_100d_wink341k_f16.npz`` into ``$TEXTOCL_DATA/text`` (default
``../shared/data``).
"""

from __future__ import annotations

import os
from pathlib import Path

from textocl.evaluation import labelled_corpora
from textocl.evaluation.benchmark import environment
from textocl.evaluation.labelled_corpora import Labelled
from textocl.evaluation.protocol import one_vs_rest
from textocl.evaluation.published import PUBLISHED, TABLE_3_4

__all__ = [
    "DATA",
    "GLOVE",
    "RESULTS",
    "TARGETS",
    "THESIS_GLOVE_R3",
    "Labelled",
    "environment",
    "one_vs_rest",
    "read_corpus",
    "write_result",
]

DATA = Path(os.environ.get("TEXTOCL_DATA", Path(__file__).parents[2] / "shared" / "data")) / "text"
GLOVE = DATA / "glove6b_100d_wink341k_f16.npz"
RESULTS = Path(__file__).parent / "results"

_GLOVE_R3 = PUBLISHED.index(("CVDD, r = 3", "GloVe", ""))
THESIS_GLOVE_R3 = {
    corpus: {label: figures[_GLOVE_R3] for label, figures in rows.items()}
    for corpus, rows in TABLE_3_4.items()
}
TARGETS = {"reuters": 93.5, "20ng": 68.0}


def read_corpus(name: str) -> list[Labelled]:
    """Read ``"reuters"``, ``"20ng"`` or ``"imdb"`` from `DATA`."""
    return labelled_corpora.read_corpus(name, DATA)


def write_result(name: str, text: str) -> None:
    """Write ``benchmarks/results/<name>.md`` and print it."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
    print(text)
