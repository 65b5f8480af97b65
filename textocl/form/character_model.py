"""How often normal texts have each window of characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import FormatError
from textocl.core.persistence import ModelFiles
from textocl.form.character_windows import (
    LARGEST_ALPHABET,
    N_BUCKETS,
    WindowCutter,
    Windows,
)
from textocl.form.codes import N_CODE_POINTS
from textocl.form.count_levels import N_LEVELS, levels_of, surprisals

WORST_CHARACTER_SCORE = 100.0  # nats; the most surprising window there can be has 38
_MOST_WINDOWS = 2**53
_BINS_A_NAT, _N_BINS = 100, 10_000
_UNUSUAL = 0.01  # share of the characters of normal texts that are as surprising


@dataclass(frozen=True, repr=False)
class CharacterModel:
    """What a `CharacterLikelihood` learns.

    Attributes
    ----------
    cutter : WindowCutter
    buckets, levels : (m,) int32, ascending, and (m,) uint8: the buckets of the training texts'
        windows, and the level of how many each has
    n_windows : of the training texts
    median : nats; mean surprisal of a training text, each by the others
    usual : nats; one in a hundred characters of the training texts is in windows of a higher mean
    """

    cutter: WindowCutter
    buckets: NDArray[np.int32]
    levels: NDArray[np.uint8]
    n_windows: int
    median: float
    usual: float

    @classmethod
    def of(cls, texts: Sequence[str], order: int) -> tuple[CharacterModel, NDArray[np.float64]]:
        """Learn windows of ``order`` characters from ``texts``, none empty.

        Returns
        -------
        The model, and the sum of each text's surprisals by the model of the others, ``(n,)``.
        """
        cutter = WindowCutter.of(texts, order)
        counts = cutter.count(texts)
        sums, usual = _left_out(cutter, counts, texts)
        median = float(np.median(sums / [len(text) for text in texts]))
        buckets = np.flatnonzero(counts)
        levels = levels_of(counts[buckets])
        model = cls(
            cutter, buckets.astype(np.int32), levels, int(counts.sum()), median, float(usual)
        )
        return model, sums

    @cached_property
    def table(self) -> NDArray[np.uint8]:
        """Level of each bucket, ``(N_BUCKETS,)``."""
        table = np.zeros(N_BUCKETS, np.uint8)
        table[self.buckets] = self.levels
        return table

    @cached_property
    def of_levels(self) -> NDArray[np.float32]:
        """Surprisal of each level in nats, ``(256,)``."""
        return surprisals(np.arange(N_LEVELS, dtype=np.uint8), self.n_windows)

    def surprisals(self, windows: Windows) -> NDArray[np.float32]:
        """Surprisal of each window, ``(m,)``."""
        return np.take(self.of_levels, np.take(self.table, windows.buckets))

    def sums(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Sum of each text's surprisals, ``(n,)``."""
        sums = np.zeros(len(texts))
        for windows in self.cutter.windows(texts):
            of_part = windows.sums(self.surprisals(windows))
            sums[windows.first : windows.first + len(of_part)] += of_part
        return sums

    def to_files(self) -> ModelFiles:
        return ModelFiles(
            {"n_windows": self.n_windows},
            {
                "alphabet": self.cutter.alphabet,
                "buckets": self.buckets,
                "levels": self.levels,
                "surprisal_scale": np.array([self.median, self.usual]),
            },
        )

    @classmethod
    def from_files(cls, files: ModelFiles, order: int) -> CharacterModel:
        """Inverse of `to_files`.

        Raises
        ------
        FormatError
        """
        alphabet = files.array("alphabet", np.uint32, None)
        buckets = files.array("buckets", np.int32, None)
        levels = files.array("levels", np.uint8, len(buckets))
        scale = files.array("surprisal_scale", np.float64, 2)
        n_windows = files.fact("n_windows", int)
        is_surrogate = (alphabet >= 0xD800) & (alphabet < 0xE000)
        if len(alphabet) > LARGEST_ALPHABET or len(np.unique(alphabet)) < len(alphabet):
            raise FormatError(f"its alphabet should be {LARGEST_ALPHABET:,} characters at most.")
        if (alphabet >= N_CODE_POINTS).any() or is_surrogate.any():
            raise FormatError("its alphabet holds what is no character.")
        if not len(buckets) or buckets[0] < 0 or buckets[-1] >= N_BUCKETS:
            raise FormatError(f"its buckets should be from 0 to {N_BUCKETS - 1:,}.")
        if (np.diff(buckets) <= 0).any():
            raise FormatError("its buckets should ascend.")
        if levels.min() < 1 or not len(buckets) <= n_windows <= _MOST_WINDOWS:
            raise FormatError("its windows are counted wrongly.")
        if scale.min() < 0 or scale.max() > WORST_CHARACTER_SCORE:
            raise FormatError(f"its surprisals should be from 0 to {WORST_CHARACTER_SCORE:g}.")
        return cls(WindowCutter(alphabet, order), buckets, levels, n_windows, *scale.tolist())


def _left_out(
    cutter: WindowCutter, counts: NDArray[np.int64], texts: Sequence[str]
) -> tuple[NDArray[np.float64], float]:
    """Sum of each text's surprisals, ``(n,)``, and what is usual, by ``counts`` less its own."""
    sums, histogram = np.zeros(len(texts)), np.zeros(_N_BINS, np.int64)
    for windows in cutter.whole(texts):
        lengths = windows.lengths
        others = np.repeat(counts.sum() - lengths, lengths)
        values = surprisals(levels_of(counts[windows.buckets] - _own(windows)), others)
        sums[windows.first : windows.first + len(lengths)] = windows.sums(values)
        bins = (windows.means(values, cutter.order) * _BINS_A_NAT).astype(np.int64)
        histogram += np.bincount(bins, minlength=_N_BINS)
    reached = np.searchsorted(np.cumsum(histogram), (1 - _UNUSUAL) * histogram.sum())
    return sums, (reached + 1) / _BINS_A_NAT


def _own(windows: Windows) -> NDArray[np.int64]:
    """How many windows of its text share each window's bucket, ``(m,)``."""
    if len(windows.starts) == 1:  # it may be long
        return np.bincount(windows.buckets)[windows.buckets]
    texts = np.repeat(np.arange(len(windows.starts)), windows.lengths)
    _, inverse, counts = np.unique(
        texts * N_BUCKETS + windows.buckets, return_inverse=True, return_counts=True
    )
    return counts[inverse]
