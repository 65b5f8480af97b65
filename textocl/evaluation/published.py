"""What the thesis measured: its Table 3.4."""

from __future__ import annotations

from typing import NamedTuple


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
