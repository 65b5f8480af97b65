"""What a detector says of documents, as arrays, as rows, and as a table of pandas."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import MissingExtraError

if TYPE_CHECKING:
    import pandas as pd


class AssessmentRow(NamedTuple):
    """What a detector says of one document; see `Assessment`."""

    score: float
    p_value: float
    label: int
    nearest_context: int
    n_known_words: int


@dataclass(frozen=True, repr=False)
class Assessment:
    """What a detector says of n documents: one entry each in every array, or one row each.

    Attributes
    ----------
    score : (n,) float32
    p_value : (n,) float64
    label : (n,) int64, +1 normal, -1 anomalous
    nearest_context : (n,) int64, -1 without a known word, or where the detector has no contexts
    n_known_words : (n,) int64, distinct words of the document that the model knows; with 0 the
        score is the worst there is

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
        columns = (getattr(self, field.name).tolist() for field in fields(self))
        return map(AssessmentRow, *columns)

    def __repr__(self) -> str:
        scores = f", scores {self.score.min():.4g} to {self.score.max():.4g}" if len(self) else ""
        n_anomalous = int((self.label == -1).sum())
        return f"<Assessment of {len(self):,}: {n_anomalous:,} anomalous{scores}>"

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas DataFrame with one row a document.

        Raises
        ------
        MissingExtraError
            pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            raise MissingExtraError("pandas", "pandas", "Assessment.to_frame") from None
        return pd.DataFrame(vars(self))
