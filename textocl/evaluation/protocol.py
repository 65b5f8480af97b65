"""The thesis's one-vs-rest protocol (§3.2.2): what a detector learns from and is tested on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError
from textocl.core.validation import check_integer, check_number
from textocl.evaluation.labelled_corpora import Labelled


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
