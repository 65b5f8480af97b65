"""What a detector on pooled embeddings learns, and how it is written and read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from textocl.core.exceptions import FormatError
from textocl.core.persistence import ModelFiles
from textocl.shallow.metric import Arrays, Metric
from textocl.text.spaces import ContextSpace, Space, WordSpace
from textocl.text.tokenization import make_tokenizer
from textocl.text.vectorizer import DocumentVectorizer, WordImportance


@dataclass(frozen=True, repr=False)
class PooledState:
    """What a `textocl.shallow.pooled.PooledDetector` learns.

    Attributes
    ----------
    vectorizer : makes points of texts; None where points are given as features
    metric : Metric
    learned : arrays that a detector scores by, as its ``_ARRAYS`` says
    n_documents : normal documents or points learned from
    """

    vectorizer: DocumentVectorizer | None
    metric: Metric
    learned: Arrays
    n_documents: int

    def to_files(self) -> ModelFiles:
        parts = [self.metric.to_files()]
        if self.vectorizer is not None:
            parts.append(self.vectorizer.to_files())
        facts: dict[str, Any] = {
            "n_documents": self.n_documents,
            "from_texts": self.vectorizer is not None,
        }
        arrays = dict(self.learned)
        for part in parts:
            facts |= part.facts
            arrays |= part.arrays
        return ModelFiles(facts, arrays)


def read_vectorizer(
    files: ModelFiles, tokenization: str, embedding: Any, pooling: str, d: int
) -> DocumentVectorizer:
    """Inverse of `DocumentVectorizer.to_files`, of points with ``d`` entries."""
    space: Space
    if "fingerprint" in files.facts:
        space = ContextSpace.from_files(files, None, embedding)
    else:
        space = WordSpace.from_files(files, make_tokenizer(tokenization), embedding)
    if space.dimension != d:
        raise FormatError("its vectors and its points differ in size.")
    importance = WordImportance.from_files(files) if pooling == "tfidf" else None
    return DocumentVectorizer(space, pooling, importance)


def read_arrays(files: ModelFiles, expected: Mapping[str, tuple[type, str]], d: int) -> Arrays:
    """Arrays of the types and sizes that a detector's ``_ARRAYS`` names."""
    sizes = {"d": d}
    arrays = {}
    for name, (dtype, letters) in expected.items():
        shape = [int(c) if c.isdigit() else sizes.get(c) for c in letters.split()]
        arrays[name] = files.array(name, dtype, *shape)
        sizes.update(zip(letters.split(), arrays[name].shape, strict=True))
    return arrays
