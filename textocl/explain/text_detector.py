"""What detectors of texts share: a text is embedded once for its score and its explanation."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from textocl.core.detector import OneClassDetector
from textocl.core.exceptions import DataError
from textocl.core.learned import Scored
from textocl.core.validation import check_documents, is_features
from textocl.explain.explanation import Explanation
from textocl.text.copies import copy_groups


class TextDetector(OneClassDetector):
    """A detector of texts."""

    _SCORED_AT_ONCE: ClassVar[int] = 512  # bounds memory, and keeps their vectors in the cache
    _EXPLAINED_AT_ONCE: ClassVar[int] = 256
    #: whether it sees the form of the raw text rather than words
    sees_form: ClassVar[bool] = False
    #: scores that differ by less say the same, however little those of training documents differ
    least_spread: ClassVar[float] = 0.0

    @property
    def _space(self) -> Any:
        """What looks words up: it has a method ``embed``."""
        return self.state_

    def _embed(self, texts: Sequence[str]) -> Any:
        """Look the words of ``texts`` up, as the methods below take them."""
        return self._space.embed(texts)

    @abstractmethod
    def _scored_embedded(self, embedded: Any) -> Scored:
        """Scores and what comes with them, of texts embedded."""

    @abstractmethod
    def _explained(self, embedded: Any) -> list[Explanation]:
        """Explanations of texts embedded."""

    def _read(self, X: Any) -> tuple[list[str], None]:
        return self._texts(X), None

    def _texts(self, X: Any) -> list[str]:
        if is_features(X):
            raise DataError(f"a {type(self).__name__} takes texts, got an array of features.")
        return check_documents(X)

    def _copies(self, samples: Any) -> NDArray[np.int64] | None:
        return copy_groups(samples)

    def _scored(self, X: Any) -> Scored:
        return joined([self._scored_embedded(embedded) for embedded in self._embedded_parts(X)])

    def explain(self, X: Any) -> list[Explanation]:
        """Say which words make each document normal or anomalous; one `Explanation` each.

        Raises
        ------
        NotFittedError, DataError
        """
        return [
            explanation
            for embedded in self._embedded_parts(X, self._EXPLAINED_AT_ONCE)
            for explanation in self._explained(embedded)
        ]

    def _embedded_parts(self, X: Any, size: int = 0) -> Iterator[Any]:
        """Some documents at a time, embedded."""
        texts, size = self._fitted()._texts(X), size or self._SCORED_AT_ONCE
        for start in range(0, len(texts), size):
            yield self._embed(texts[start : start + size])


def joined(parts: Sequence[Scored]) -> Scored:
    """What `_scored_embedded` said of one part after the other."""
    nearest = [part.nearest_context for part in parts if part.nearest_context is not None]
    return Scored(
        np.concatenate([np.empty(0, np.float32), *(part.scores for part in parts)]),
        np.concatenate([np.empty(0, np.int64), *(part.n_known for part in parts)]),
        np.concatenate(nearest) if nearest else None,
    )
