"""The contexts of a corpus, as a detector that has some describes them."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
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
    words : those of the largest contrast to all training documents first
    typical : the nearest training documents
    merged_into : number of the context that is shown in its place: one that is alike, or, where no
        document is nearest to this one, one that is nearer to its documents; None shows it. It
        still scores
    """

    context: int
    share: float
    words: list[TopWord]
    typical: list[TypicalDocument]
    merged_into: int | None = None

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
            None if values.get("merged_into") is None else int(values["merged_into"]),
        )

    def __repr__(self) -> str:
        words = [word.word for word in self.words]
        return (
            f"ContextSummary({self.context}, share={self.share:.2f}, words={reprlib.repr(words)}, "
            f"{len(self.typical)} typical documents)"
        )

    def _repr_html_(self) -> str:
        return contexts_html(shown_contexts([self]))


class Contexts(list[ContextSummary]):
    """The contexts of a corpus: a list that a notebook shows as a table."""

    def __repr__(self) -> str:
        return "[" + ",\n ".join(map(repr, self)) + "]"

    def _repr_html_(self) -> str:
        return contexts_html(shown_contexts(self))


@dataclass(frozen=True)
class ShownContext:
    """A context, together with those that were merged into it.

    Attributes
    ----------
    summary : of the context that is shown, with the share of all
    numbers : of all, ascending
    notes : a sentence on each of the others
    """

    summary: ContextSummary
    numbers: list[int]
    notes: list[str]

    @property
    def name(self) -> str:
        """All numbers: "1" or "1, 3"."""
        return ", ".join(map(str, self.numbers))

    @property
    def share_text(self) -> str:
        """The share in percent; what is more than none is never 0 %."""
        share = self.summary.share
        return "< 1%" if 0 < share < 0.005 else f"{share:.0%}"


def shown_contexts(contexts: Sequence[ContextSummary]) -> list[ShownContext]:
    """What to show of contexts: those that were merged into another of them as one with it."""
    numbers = {context.context for context in contexts}
    shown = []
    for context in contexts:
        if context.merged_into in numbers:
            continue
        merged = [other for other in contexts if other.merged_into == context.context]
        both = sorted([context.context, *(other.context for other in merged)])
        summary = replace(context, share=context.share + sum(other.share for other in merged))
        notes = [_why_merged(other) for other in merged]
        shown.append(ShownContext(summary, both, notes))
    return shown


def _why_merged(context: ContextSummary) -> str:
    k, other = context.context, context.merged_into
    if context.share:
        return f"Contexts {k} and {other} are alike; shown as one."
    return f"No document is nearest to context {k}; shown as one with context {other}."


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {value!r}")
    return value
