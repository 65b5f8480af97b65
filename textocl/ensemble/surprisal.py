"""How unexpected each word is in its document: the words that do not belong there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

from textocl.core.exceptions import FormatError
from textocl.core.persistence import ModelFiles
from textocl.core.update import kept_of
from textocl.core.validation import check_number
from textocl.text.documents import PackedDocuments
from textocl.text.spaces import Embedded

_MEASURED = 200  # of these, to set the level by
_TEMPERATURE = 0.1  # of the likeness of documents
_UNSEEN = 8.0  # documents that any word counts for beside those that hold it
_ALIKE = 3  # words of a document that each is compared with, those most like it
_GAIN = 1.0  # nats that a word gains which is the same as these
_WORDS_AT_ONCE = 1_024  # of a document; bounds memory
_USUAL = 0.95  # share of the words of normal documents below the level


@dataclass(frozen=True)
class Surprisal:
    """Tells how unexpected words are beside each other, by normal documents.

    Attributes
    ----------
    rows : (w,) int32, the distinct words of the m reference documents, one after another
    offsets : (m + 1,) int64, where each begins
    points : (m, d) float16, the references as unit vectors
    center : (d,) float32, what was subtracted from them
    level : nats that one word in twenty of normal documents exceeds

    Notes
    -----
    ``surprisal(w) = −log Σ_i a_i [w ∈ d_i] / Σ_i a_i − log n_w − κ cos₃(w)``, but for eight
    documents that every word counts for: an estimate of ``−log P(w | the rest of its document)``,
    as of a language model of nearest neighbours (Khandelwal et al. 2020). The first term is the
    share of the references that hold the word, each weighted by its likeness to the document
    without the word, ``a_i = exp((cos(z_i, z) − 1) / τ)``. A word gains by its n occurrences, and
    by the mean cosine to the three words of the document most like it. z is the sum of unit word
    vectors by ``log(1 + n)`` times inverse document frequency, less the mean of the references.
    Nothing here knows of other topics, or of general language. Its numbers were chosen within
    training splits (benchmarks/planted_words.py).
    """

    rows: NDArray[np.int32]
    offsets: NDArray[np.int64]
    points: NDArray[np.float16]
    center: NDArray[np.float32]
    level: float

    @classmethod
    def learn(cls, normal: Embedded, n_references: int, seed: int) -> Surprisal | None:
        """Keep up to ``n_references`` documents; None if not two with words are left."""
        packed = normal.packed.take(np.flatnonzero(normal.packed.n_distinct))
        if len(packed) > n_references:
            chosen = np.random.default_rng(seed).choice(len(packed), n_references, replace=False)
            packed = packed.take(np.sort(chosen))
        if len(packed) < 2:
            return None
        d = normal.table.shape[1]
        no_points, origin = np.empty((0, d), np.float16), np.zeros(d, np.float32)
        words = cls(packed.rows, packed.offsets, no_points, origin, 0.0)
        sums = np.stack(
            [
                words._parts(rows, counts, normal.table)[0].sum(axis=0)
                for rows, counts in _documents(packed)
            ]
        )
        center = _unit(sums).mean(axis=0)
        points = _unit(_unit(sums) - center).astype(np.float16)
        found = replace(words, points=points, center=center)
        step = max(1, len(packed) // _MEASURED)
        values = [
            found._of(rows, counts, normal.table, without=i)
            for i, (rows, counts) in enumerate(_documents(packed))
            if i % step == 0
        ]
        return replace(found, level=float(np.quantile(np.concatenate(values), _USUAL)))

    def joined_by(
        self, normal: Embedded, n_documents: int, n_references: int, seed: int
    ) -> Surprisal:
        """With more documents among the references, as many as there were at most.

        What was subtracted, and the level, stay as they are.

        Parameters
        ----------
        n_documents : how many the references are a sample of
        n_references : most of them to be left
        """
        packed = normal.packed.take(np.flatnonzero(normal.packed.n_distinct))
        kept, joining = kept_of(self.n_references, n_documents, len(packed), n_references, seed)
        packed = packed.take(joining)
        if not len(packed):
            return self
        rows = np.split(self.rows, self.offsets[1:-1])
        rows = [rows[i] for i in kept] + [of_one for of_one, _ in _documents(packed)]
        offsets = np.concatenate([[0], np.cumsum([len(of_one) for of_one in rows])])
        joined = replace(self, rows=np.concatenate(rows), offsets=offsets)
        sums = [
            joined._parts(of_one, counts, normal.table)[0].sum(axis=0)
            for of_one, counts in _documents(packed)
        ]
        points = _unit(_unit(np.stack(sums)) - self.center).astype(np.float16)
        return replace(joined, points=np.concatenate([self.points[kept], points]))

    def of(self, embedded: Embedded) -> NDArray[np.float32]:
        """Surprisal in nats of each word of each document, ``(w,)``, in the order of its rows."""
        values = [np.empty(0, np.float32)]
        for rows, counts in _documents(embedded.packed):
            if len(rows):
                values.append(self._of(rows, counts, embedded.table))
        return np.concatenate(values)

    @property
    def n_references(self) -> int:
        return len(self.offsets) - 1

    @property
    def of_unknown(self) -> float:
        """Surprisal of a word without a vector that occurs once."""
        return float(np.log((self.n_references + _UNSEEN) / _UNSEEN))

    def to_files(self) -> ModelFiles:
        """Return what `from_files` needs."""
        arrays: dict[str, NDArray[Any]] = {
            "rows": self.rows,
            "offsets": self.offsets,
            "points": self.points,
            "center": self.center,
        }
        return ModelFiles({"level": self.level}, arrays)

    @classmethod
    def from_files(cls, files: ModelFiles, n_words: int) -> Surprisal:
        """Inverse of `to_files`, of a space with ``n_words`` words.

        Raises
        ------
        FormatError
        """
        center = files.array("center", np.float32, None)
        points = files.array("points", np.float16, None, len(center))
        offsets = files.array("offsets", np.int64, len(points) + 1)
        rows = files.array("rows", np.int32, None)
        if (
            not len(points)
            or offsets[0] != 0
            or offsets[-1] != len(rows)
            or (np.diff(offsets) < 1).any()
            or rows.min() < 0
            or rows.max() >= n_words
        ):
            raise FormatError("its references of surprisal are not consistent.")
        return cls(rows, offsets, points, center, check_number("level", files.facts.get("level")))

    def _of(
        self,
        rows: NDArray[np.int32],
        counts: NDArray[np.float32],
        table: NDArray[np.float16],
        without: int | None = None,
    ) -> NDArray[np.float32]:
        """Surprisal of one document's words, ``(w,)``; of a reference, ``without`` itself."""
        parts, vectors = self._parts(rows, counts, table)
        total = parts.sum(axis=0)
        values = []
        for start in range(0, len(rows), _WORDS_AT_ONCE):
            words = slice(start, start + _WORDS_AT_ONCE)
            rest = _unit(_unit(total - parts[words]) - self.center)  # (b, d)
            cosines = vectors[words] @ vectors.T
            cosines[np.arange(len(cosines)), np.arange(start, start + len(cosines))] = 0
            k = min(_ALIKE, len(rows))
            alike = np.sort(np.partition(cosines, -k, axis=1)[:, -k:], axis=1).mean(axis=1)
            share = self._shares(rest, rows[words], without)
            values.append(-np.log(share) - np.log(counts[words]) - _GAIN * alike)
        return np.concatenate(values).astype(np.float32)

    def _shares(
        self, rest: NDArray[np.float32], rows: NDArray[np.int32], without: int | None
    ) -> NDArray[np.float32]:
        """Share of the references like the ``rest`` ``(b, d)`` of a document that hold a word."""
        weights = np.exp((rest @ self._points.T - 1) / _TEMPERATURE)  # (w, m)
        if without is not None:
            weights[:, without] = 0
        total = weights.sum(axis=1)
        holding = (weights * self._holding(rows)).sum(axis=1)
        unseen = _UNSEEN * total / self.n_references
        return np.asarray((holding + unseen) / (total + unseen))

    def _parts(
        self, rows: NDArray[np.int32], counts: NDArray[np.float32], table: NDArray[np.float16]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What each word adds to its document, and unit vectors of the words, ``(w, d)`` each."""
        vectors = _unit(table[rows].astype(np.float32))
        frequency = np.zeros(len(rows))
        seen = rows < len(self._frequency)
        frequency[seen] = self._frequency[rows[seen]]
        rarity = np.log((self.n_references + 1) / (frequency + 1)) + 0.1
        weights = (np.log1p(counts) * rarity).astype(np.float32)
        return weights[:, None] * vectors, vectors

    def _holding(self, rows: NDArray[np.int32]) -> NDArray[np.float32]:
        """1 where a reference holds a word, ``(w, m)``."""
        holding = np.zeros((len(rows), self.n_references), np.float32)
        seen = np.flatnonzero(rows < len(self._frequency))
        holding[seen] = self._incidence[:, rows[seen]].toarray().T
        return holding

    @cached_property
    def _points(self) -> NDArray[np.float32]:
        return self.points.astype(np.float32)

    @cached_property
    def _frequency(self) -> NDArray[np.int64]:
        """Number of references that hold each word, up to the last that one holds."""
        return np.bincount(self.rows)

    @cached_property
    def _incidence(self) -> csc_array:
        documents = np.repeat(np.arange(self.n_references), np.diff(self.offsets))
        ones = np.ones(len(self.rows), np.float32)
        shape = (self.n_references, len(self._frequency))
        return csc_array((ones, (documents, self.rows)), shape=shape)


def _documents(
    packed: PackedDocuments,
) -> list[tuple[NDArray[np.int32], NDArray[np.float32]]]:
    """Rows and counts of each document."""
    cuts = packed.offsets[1:-1]
    return list(zip(np.split(packed.rows, cuts), np.split(packed.counts, cuts), strict=True))


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors of length 1; 0 stays."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), np.float32)
