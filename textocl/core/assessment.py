"""What a detector says of documents, as arrays, as rows, and as a table of pandas."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from textocl.core.frames import frame_of

if TYPE_CHECKING:
    import pandas as pd

#: what a label means
STATUS = {1: "normal", -1: "anomalous", 0: "not judged"}


class AssessmentRow(NamedTuple):
    """What a detector says of one document; see `Assessment.columns`."""

    score: float
    p_value: float
    label: int
    status: str
    nearest_context: int
    n_known_words: int


@dataclass(frozen=True, repr=False)
class Assessment:
    """What a detector says of n documents: one entry each in every array, or one row each.

    A document without a word that the model knows, such as an empty one, is not judged: its label
    is 0. The arrays have the worst score for it, so that they can be ranked; rows and tables have
    NaN.

    Attributes
    ----------
    score : (n,) float32
    p_value : (n,) float64
    label : (n,) int64, +1 normal, -1 anomalous, 0 not judged
    status : (n,) str, what the label says: "normal", "anomalous" or "not judged"
    nearest_context : (n,) int64, -1 without a known word, or where the detector has no contexts
    n_known_words : (n,) int64, distinct words of the document that the model knows

    Examples
    --------
    >>> one = Assessment(*(np.array([value]) for value in (0.5, 0.01, -1, 2, 7)))
    >>> one
    <Assessment of 1: 1 anomalous, scores 0.5 to 0.5>
    >>> [row.n_known_words for row in one]
    [7]
    """

    score: NDArray[np.float32]
    p_value: NDArray[np.float64]
    label: NDArray[np.int64]
    nearest_context: NDArray[np.int64]
    n_known_words: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.score)

    def __iter__(self) -> Iterator[AssessmentRow]:
        return map(AssessmentRow, *(values.tolist() for values in self.columns().values()))

    def __repr__(self) -> str:
        judged = self.score[self.label != 0]
        scores = f", scores {judged.min():.4g} to {judged.max():.4g}" if len(judged) else ""
        unjudged = f", {self.n_not_judged:,} not judged" if self.n_not_judged else ""
        return f"<Assessment of {len(self):,}: {self.n_anomalous:,} anomalous{unjudged}{scores}>"

    @property
    def status(self) -> NDArray[np.str_]:
        return status_of(self.label)

    @property
    def n_anomalous(self) -> int:
        return int((self.label == -1).sum())

    @property
    def n_not_judged(self) -> int:
        return int((self.label == 0).sum())

    def columns(self) -> dict[str, NDArray[Any]]:
        """Arrays ``(n,)`` as tables have them: score and p-value are NaN where nothing is judged.

        Their names are the fields of `AssessmentRow`, in that order.
        """
        score, p_value = (
            np.where(self.label == 0, np.nan, values).astype(values.dtype)
            for values in (self.score, self.p_value)
        )
        columns = {**vars(self), "score": score, "p_value": p_value, "status": self.status}
        return {name: columns[name] for name in AssessmentRow._fields}

    def to_frame(self) -> pd.DataFrame:
        """Return `columns` as a pandas DataFrame, with one row a document.

        Raises
        ------
        MissingExtraError
            pandas is not installed.
        """
        return frame_of(self.columns(), "Assessment.to_frame")


def judged_labels(labels: NDArray[np.int64], n_known: NDArray[np.int64]) -> NDArray[np.int64]:
    """``labels`` ``(n,)``, and 0 where no word is known."""
    return np.where(n_known > 0, labels, 0)


def status_of(labels: NDArray[np.int64]) -> NDArray[np.str_]:
    """What ``labels`` ``(n,)`` say, by `STATUS`."""
    return np.array([STATUS[label] for label in labels.tolist()], np.str_)
