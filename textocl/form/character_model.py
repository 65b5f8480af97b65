"""A trigram model of the characters of texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import FormatError
from textocl.core.persistence import ModelFiles
from textocl.form.codes import N_CODE_POINTS
from textocl.form.trigrams import LARGEST_ALPHABET, Alphabet

WORST_CHARACTER_SCORE = 100.0  # nats; the most surprising character there can be has 38
_UNIT = 2.0**-20  # nats; sums of whole units are exact, in any order
_MOST_CHARACTERS = 2**53
_BINS_A_NAT, _N_BINS = 100, 10_000
_UNUSUAL = 0.01  # share of the characters of normal texts that are as surprising
_NORMAL = (0.05, 0.5, 0.95)  # quantiles of normal texts


@dataclass(frozen=True, repr=False)
class CharacterModel:
    """What a `CharacterLikelihood` learns.

    Attributes
    ----------
    alphabet : Alphabet of V classes
    cells, counts : (m,) int32, ascending, and (m,) int64: the trigrams of the training texts, and
        how often each occurs
    low, median, high : nats a character of the training texts, each by the others: quantiles
    usual : nats; one in a hundred characters of the training texts has more
    """

    alphabet: Alphabet
    cells: NDArray[np.int32]
    counts: NDArray[np.int64]
    low: float
    median: float
    high: float
    usual: float

    @classmethod
    def of(cls, texts: Sequence[str]) -> tuple[CharacterModel, NDArray[np.float64]]:
        """Learn from ``texts``, none empty.

        Returns
        -------
        The model, and the sum of each text's surprisals by the model of the others, ``(n,)``.
        """
        alphabet = Alphabet.of(texts)
        counts = alphabet.count(texts)
        sums, usual = _left_out(alphabet, counts, texts)
        means = sums / [len(text) for text in texts]
        low, median, high = np.quantile(means, _NORMAL).tolist()
        cells = np.flatnonzero(counts)
        model = cls(alphabet, cells.astype(np.int32), counts[cells], low, median, high, usual)
        return model, sums

    @cached_property
    def totals(self) -> NDArray[np.int64]:
        """How often each pair of classes occurs with a character after it, ``(V²,)``."""
        n_classes = self.alphabet.n_classes
        totals = np.bincount(self.cells // n_classes, self.counts, n_classes**2)
        return totals.astype(np.int64)

    @cached_property
    def table(self) -> NDArray[np.float32]:
        """Surprisal of each trigram in nats, ``(V³,)``."""
        n_classes = self.alphabet.n_classes
        table = np.repeat(self.unseen, n_classes)
        table[self.cells] = self.seen
        return table

    @property
    def unseen(self) -> NDArray[np.float32]:
        """Surprisal of a character that no training text has after each pair, ``(V²,)``."""
        return _rounded(_surprisals(np.zeros(1, np.int64), self.totals, self.alphabet.n_classes))

    @property
    def seen(self) -> NDArray[np.float32]:
        """Surprisal of each trigram of ``cells``, ``(m,)``."""
        n_classes = self.alphabet.n_classes
        return _rounded(_surprisals(self.counts, self.totals[self.cells // n_classes], n_classes))

    def sums(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Sum of each text's surprisals, of its end mark too, ``(n,)``."""
        sums = np.zeros(len(texts))
        for trigrams in self.alphabet.trigrams(texts):
            of_part = trigrams.sums(np.take(self.table, trigrams.cells))
            sums[trigrams.first : trigrams.first + len(of_part)] += of_part
        return sums

    def trigrams(self, text: str) -> NDArray[np.int32]:
        """Trigrams of a text's characters and end mark, ``(n + 1,)``, as ``table`` counts them."""
        return np.concatenate([part.cells for part in self.alphabet.trigrams([text])])

    def to_files(self) -> ModelFiles:
        scale = np.array([self.low, self.median, self.high, self.usual])
        return ModelFiles(
            {},
            {
                "alphabet": self.alphabet.points,
                "trigrams": self.cells,
                "trigram_counts": self.counts,
                "surprisal_scale": scale,
            },
        )

    @classmethod
    def from_files(cls, files: ModelFiles) -> CharacterModel:
        """Inverse of `to_files`.

        Raises
        ------
        FormatError
        """
        points = files.array("alphabet", np.uint32, None)
        cells = files.array("trigrams", np.int32, None)
        counts = files.array("trigram_counts", np.int64, len(cells))
        scale = files.array("surprisal_scale", np.float64, 4)
        is_surrogate = (points >= 0xD800) & (points < 0xE000)
        if len(points) > LARGEST_ALPHABET or len(np.unique(points)) < len(points):
            raise FormatError(f"its alphabet should be {LARGEST_ALPHABET} characters at most.")
        if (points >= N_CODE_POINTS).any() or is_surrogate.any():
            raise FormatError("its alphabet holds what is no character.")
        alphabet = Alphabet(points)
        if not len(cells) or cells[0] < 0 or cells[-1] >= alphabet.n_classes**3:
            raise FormatError("its trigrams are none of its alphabet.")
        if (np.diff(cells) <= 0).any():
            raise FormatError("its trigrams should ascend.")
        if counts.min() < 1 or counts.sum(dtype=np.float64) > _MOST_CHARACTERS:
            raise FormatError("its trigrams are counted wrongly.")
        if scale.min() < 0 or scale.max() > WORST_CHARACTER_SCORE:
            raise FormatError(f"its surprisals should be from 0 to {WORST_CHARACTER_SCORE:g}.")
        return cls(alphabet, cells, counts, *scale.tolist())


def _surprisals(
    counts: NDArray[np.int64], totals: NDArray[np.int64], n_classes: int
) -> NDArray[np.float64]:
    """``-log((n + 1/2) / (N + V/2))``: Krichevsky and Trofimov's estimate."""
    return np.log(totals + n_classes / 2) - np.log(counts + 0.5)


def _rounded(surprisals: NDArray[np.float64]) -> NDArray[np.float32]:
    return (np.rint(surprisals / _UNIT) * _UNIT).astype(np.float32)


def _left_out(
    alphabet: Alphabet, counts: NDArray[np.int64], texts: Sequence[str]
) -> tuple[NDArray[np.float64], float]:
    """Sum of each text's surprisals, ``(n,)``, and what is usual, by ``counts`` less its own."""
    n_classes = alphabet.n_classes
    totals = counts.reshape(-1, n_classes).sum(axis=1)
    sums, histogram = np.zeros(len(texts)), np.zeros(_N_BINS)
    for documents, cells, own in alphabet.count_each(texts):
        pairs = cells // n_classes
        new = np.diff(documents * n_classes**2 + pairs, prepend=-1).nonzero()[0]
        own_totals = np.repeat(np.add.reduceat(own, new), np.diff(new, append=len(own)))
        surprisals = _surprisals(counts[cells] - own, totals[pairs] - own_totals, n_classes)
        of_part = np.bincount(documents - documents[0], own * surprisals)
        sums[documents[0] : documents[0] + len(of_part)] = of_part
        bins = (surprisals * _BINS_A_NAT).astype(np.int64)
        histogram += np.bincount(bins, own, _N_BINS)
    reached = np.searchsorted(np.cumsum(histogram), (1 - _UNUSUAL) * histogram.sum())
    return sums, float(reached + 1) / _BINS_A_NAT
