"""The contexts of a corpus, as a detector that has some describes them."""

from __future__ import annotations

import reprlib
from dataclasses import asdict, dataclass
from typing import Any

from textocl.explain.notebook import contexts_html


@dataclass(frozen=True)
class TopWord:
    """A word that leads typical documents of a context.

    Attributes
    ----------
    word : str
    count : in how many of the context's nearest documents it is among the most attended words
    distinctiveness : log2 of that share over the share of all training documents holding the word;
        0 means no more than anywhere, 3 eight times as much
    """

    word: str
    count: int
    distinctiveness: float


@dataclass(frozen=True)
class TypicalDocument:
    """A training document near a context: its number among the documents given, and its start."""

    document: int
    distance: float
    excerpt: str


@dataclass(frozen=True)
class ContextSummary:
    """One context of a corpus: a kind of documents, by the words that lead them.

    Attributes
    ----------
    context : its index, from 0
    share : share of the training documents to which no other context is nearer
    words : most frequent first
    typical : the nearest training documents
    """

    context: int
    share: float
    words: list[TopWord]
    typical: list[TypicalDocument]

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ContextSummary:
        """Inverse of `to_dict`."""
        return cls(
            int(values["context"]),
            float(values["share"]),
            [
                TopWord(_text(word["word"]), int(word["count"]), float(word["distinctiveness"]))
                for word in values["words"]
            ],
            [
                TypicalDocument(int(d["document"]), float(d["distance"]), _text(d["excerpt"]))
                for d in values["typical"]
            ],
        )

    def __repr__(self) -> str:
        words = [word.word for word in self.words]
        return (
            f"ContextSummary({self.context}, share={self.share:.2f}, words={reprlib.repr(words)}, "
            f"{len(self.typical)} typical documents)"
        )

    def _repr_html_(self) -> str:
        return contexts_html([self])


class Contexts(list[ContextSummary]):
    """The contexts of a corpus: a list that a notebook shows as a table."""

    def __repr__(self) -> str:
        return "[" + ",\n ".join(map(repr, self)) + "]"

    def _repr_html_(self) -> str:
        return contexts_html(self)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {value!r}")
    return value
