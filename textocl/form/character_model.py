"""How likely each character is after those before it, by how often normal texts have them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError, FormatError
from textocl.core.persistence import ModelFiles
from textocl.core.validation import check_integer
from textocl.form.character_windows import (
    LARGEST_ALPHABET,
    N_BUCKETS,
    N_MARKS,
    WindowCutter,
    Windows,
)
from textocl.form.codes import N_CODE_POINTS
from textocl.form.count_levels import COUNTS, LARGEST_EXACT, levels_of

WORST_CHARACTER_SCORE = 100.0  # nats
#: as if so many more characters after each window were those that are likely after a shorter one
SHORTER_WINDOWS = 5.0
LEAST_PROBABILITY = 1e-30  # 69 nats
UNIT = 2.0**-20  # nats; sums of whole units are exact, in any order
#: (256,) float32, the count that each level stands for
OF_LEVELS = COUNTS.astype(np.float32)
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
        windows of all sizes, and the level of how many each has
    large : (l,) int64, how many windows the buckets have whose level is that of the largest exact
        count, or above, in their order
    n_characters : of the training texts, the mark after each included
    n_texts : how many texts these are; None in models saved before 0.2
    median : nats; mean surprisal of a training text, each by the others
    usual : nats; one in a hundred characters of the training texts is in windows of a higher mean
    """

    cutter: WindowCutter
    buckets: NDArray[np.int32]
    levels: NDArray[np.uint8]
    large: NDArray[np.int64]
    n_characters: int
    n_texts: int | None
    median: float
    usual: float

    @classmethod
    def of(cls, texts: Sequence[str], order: int) -> tuple[CharacterModel, NDArray[np.float64]]:
        """Learn windows of up to ``order`` characters from ``texts``, none empty.

        Returns
        -------
        The model, and the sum of each text's surprisals by the model of the others, ``(n,)``.
        """
        cutter = WindowCutter.of(texts, order)
        counts = cutter.count(texts)
        n_characters = sum(map(len, texts)) + len(texts)
        sums, usual = _left_out(cutter, counts, n_characters, texts)
        median = float(np.median(sums / [len(text) for text in texts]))
        model = cls(cutter, *_counted(counts), n_characters, len(texts), median, float(usual))
        return model, sums

    def joined_by(self, texts: Sequence[str]) -> tuple[CharacterModel, NDArray[np.float64]]:
        """Learn more texts, none empty; characters that are new count as any other.

        Returns
        -------
        The model, and the sum of each text's surprisals by the model of all others, ``(n,)``.

        Raises
        ------
        DataError
            The model was saved before texts were counted.
        """
        if self.n_texts is None:
            raise DataError(
                "this model was saved by a textocl that could not update it: fit it again."
            )
        counts = self.cutter.count(texts)
        counts[self.buckets] += self.counts
        n_characters = self.n_characters + sum(map(len, texts)) + len(texts)
        sums, _ = _left_out(self.cutter, counts, n_characters, texts)
        buckets, levels, large = _counted(counts)
        joined = replace(
            self,
            buckets=buckets,
            levels=levels,
            large=large,
            n_characters=n_characters,
            n_texts=self.n_texts + len(texts),
        )
        return joined, sums

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many windows each of ``buckets`` has, ``(m,)``."""
        counts = COUNTS[self.levels]
        counts[self.levels >= LARGEST_EXACT] = self.large
        return counts

    @property
    def table(self) -> NDArray[np.uint8]:
        """Level of each bucket, ``(N_BUCKETS,)``."""
        table = np.zeros(N_BUCKETS, np.uint8)
        table[self.buckets] = self.levels
        return table

    @cached_property
    def _counts(self) -> NDArray[np.float32]:
        """Count that the level of each bucket stands for, ``(N_BUCKETS,)``."""
        counts = np.zeros(N_BUCKETS, np.float32)
        counts[self.buckets] = OF_LEVELS[self.levels]
        return counts

    @property
    def least(self) -> float:
        """What each character counts before any is seen: all as likely, in a window of none."""
        return SHORTER_WINDOWS / (N_MARKS + len(self.cutter.alphabet))

    def surprisals(self, windows: Windows) -> NDArray[np.float32]:
        """Surprisal of the last character of each window after those before it, ``(m,)``."""
        counts = np.take(self._counts, windows.buckets)
        values = surprisals(counts, np.float32(self.n_characters), np.float32(self.least))
        return np.take(values, windows.places)

    def are_new(self, windows: Windows) -> NDArray[np.bool_]:
        """Whether no training text has the window of ``order`` characters, ``(m,)``."""
        return np.take(self._counts, windows.buckets[-1][windows.places]) == 0

    def sums(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Sum of each text's surprisals, ``(n,)``."""
        sums = np.zeros(len(texts))
        for windows in self.cutter.windows(texts):
            of_part = windows.sums(self.surprisals(windows))
            sums[windows.first : windows.first + len(of_part)] += of_part
        return sums

    def to_files(self) -> ModelFiles:
        counted = {} if self.n_texts is None else {"n_texts": self.n_texts}
        return ModelFiles(
            {"n_characters": self.n_characters, **counted},
            {
                "large_counts": self.large,
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
        n_characters = files.fact("n_characters", int)
        is_surrogate = (alphabet >= 0xD800) & (alphabet < 0xE000)
        if len(alphabet) > LARGEST_ALPHABET or len(np.unique(alphabet)) < len(alphabet):
            raise FormatError(f"its alphabet should be {LARGEST_ALPHABET:,} characters at most.")
        if (alphabet >= N_CODE_POINTS).any() or is_surrogate.any():
            raise FormatError("its alphabet holds what is no character.")
        if not len(buckets) or buckets[0] < 0 or buckets[-1] >= N_BUCKETS:
            raise FormatError(f"its buckets should be from 0 to {N_BUCKETS - 1:,}.")
        if (np.diff(buckets) <= 0).any():
            raise FormatError("its buckets should ascend.")
        if levels.min() < 1 or not len(buckets) / order - 1 <= n_characters <= _MOST_WINDOWS:
            raise FormatError("its windows are counted wrongly.")
        if scale.min() < 0 or scale.max() > WORST_CHARACTER_SCORE:
            raise FormatError(f"its surprisals should be from 0 to {WORST_CHARACTER_SCORE:g}.")
        n_texts, is_large = None, levels >= LARGEST_EXACT
        large = COUNTS[levels[is_large]]
        if "n_texts" in files.facts:
            n_texts = check_integer("n_texts", files.facts["n_texts"], 1)
            large = files.array("large_counts", np.int64, int(is_large.sum()))
            if (levels_of(large) != levels[is_large]).any():
                raise FormatError("its large counts and its levels differ.")
        cutter = WindowCutter(alphabet, order)
        return cls(cutter, buckets, levels, large, n_characters, n_texts, *scale.tolist())


def _counted(
    counts: NDArray[np.int64],
) -> tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.int64]]:
    """Buckets that have windows, their levels, and the counts that levels do not tell."""
    buckets = np.flatnonzero(counts)
    levels = levels_of(counts[buckets])
    large = counts[buckets[levels >= LARGEST_EXACT]]
    return buckets.astype(np.int32), levels, large


def surprisals(
    counts: NDArray[np.float32], n_characters: np.float32 | NDArray[np.float32], least: np.float32
) -> NDArray[np.float32]:
    """``-log p_order`` in nats, whole units, of the last character of each window, ``(M,)``.

    ``p_k = (n_k + c p_{k-1}) / (n + c)``: of a window of k characters there are n_k, and n of the
    one of k - 1 characters that ends one place before it; c is `SHORTER_WINDOWS`. That at the first
    place means nothing.

    Parameters
    ----------
    counts : (order, M), of the windows that end at each place, by their size
    n_characters : (M,) or one, of the texts that were counted, with the mark after each
    least : c / a, with a characters told apart
    """
    c = np.float32(SHORTER_WINDOWS)
    likely = (counts[0] + least) / (n_characters + c)
    for shorter, longer in pairwise(counts):
        likely *= c
        likely += longer
        likely[1:] /= shorter[:-1] + c
    # a level's count may be a little more than that of the windows it is part of
    np.clip(likely, np.float32(LEAST_PROBABILITY), np.float32(1), out=likely)
    units = np.rint(np.log(likely, out=likely) * np.float32(1 / UNIT))
    return np.asarray(units * np.float32(-UNIT))


def _left_out(
    cutter: WindowCutter, counts: NDArray[np.int64], n_characters: int, texts: Sequence[str]
) -> tuple[NDArray[np.float64], float]:
    """Sum of each text's surprisals, ``(n,)``, and what is usual, by ``counts`` less its own."""
    sums, histogram = np.zeros(len(texts)), np.zeros(_N_BINS, np.int64)
    least = np.float32(SHORTER_WINDOWS / (N_MARKS + len(cutter.alphabet)))
    for windows in cutter.whole(texts):
        places = windows.places
        others = np.full(windows.buckets.shape[1], n_characters, np.float32)
        others[places] -= np.repeat(windows.lengths, windows.lengths).astype(np.float32)
        of_others = OF_LEVELS[levels_of(counts[windows.buckets] - _own(windows))]
        values = surprisals(of_others, others, least)[places]
        sums[windows.first : windows.first + len(windows.lengths)] = windows.sums(values)
        bins = (windows.means(values, cutter.order) * _BINS_A_NAT).astype(np.int64)
        histogram += np.bincount(bins, minlength=_N_BINS)
    reached = np.searchsorted(np.cumsum(histogram), (1 - _UNUSUAL) * histogram.sum())
    return sums, (reached + 1) / _BINS_A_NAT


def _own(windows: Windows) -> NDArray[np.int64]:
    """How many windows of its text share each window's bucket, ``(order, M)``.

    0 at the marks between texts.
    """
    own = np.zeros(windows.buckets.shape, np.int64)
    at = np.sort(np.concatenate([windows.before, windows.places]))
    texts = np.repeat(np.arange(len(windows.lengths)), windows.lengths + 1)
    is_before = np.isin(at, windows.before)
    # windows of all sizes share the buckets; a mark alone is counted after a text, not before it
    keys = texts * N_BUCKETS + windows.buckets[:, at]  # (order, m + d)
    counted = np.ones(keys.shape)
    counted[[0, -1]] = ~is_before
    _, inverse = np.unique(keys, return_inverse=True)
    inverse = inverse.reshape(keys.shape)
    own[:, at] = np.bincount(inverse.ravel(), counted.ravel())[inverse]
    return own
