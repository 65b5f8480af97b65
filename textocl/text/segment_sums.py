"""Sums of word vectors over documents, to the bit those of `numpy.add.reduceat`, and faster.

numpy adds the first row to a pairwise sum of the others, column by column with large strides. Here
the same additions are made in the same order, whole rows at a time: scores of models that were
saved before do not change.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

_LANES = 8  # sums that numpy's pairwise summation keeps side by side
_LONGEST = 128  # above this it halves a segment first


def weighted_sums(
    vectors: NDArray[np.float32],
    place: NDArray[np.int64],
    weights: NDArray[np.float32],
    offsets: NDArray[np.int64],
) -> NDArray[np.float32]:
    """``Σ_i weights_i vectors[place_i]`` over each document, ``(n, d)``; 0 for an empty one.

    Parameters
    ----------
    vectors : (u, d)
    place, weights : (w,)
    offsets : (n + 1,), document i is ``offsets[i]:offsets[i + 1]``
    """
    lengths = np.diff(offsets)
    sums = np.zeros((len(lengths), vectors.shape[1]), np.float32)
    for i in np.flatnonzero(lengths > _LONGEST + 1):
        words = slice(offsets[i], offsets[i + 1])
        products = vectors[place[words]] * weights[words, None]
        sums[i] = np.add.reduceat(products, [0], axis=0)[0]
    short = np.flatnonzero((lengths > 0) & (lengths <= _LONGEST + 1))
    if len(short):
        first, others = offsets[short], lengths[short] - 1
        rest = _lane_sums(vectors, place, weights, first + 1, others)
        for k in range(_LANES - 1):  # what does not fill all lanes, one after the other
            left = np.flatnonzero(others % _LANES > k)
            at = (first + 1 + others - others % _LANES + k)[left]
            rest[left] += vectors[place[at]] * weights[at, None]
        sums[short] = vectors[place[first]] * weights[first, None] + rest
    return sums


def _lane_sums(
    vectors: NDArray[np.float32],
    place: NDArray[np.int64],
    weights: NDArray[np.float32],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Sums of as many words of each document as fill all lanes, ``(n, d)``."""
    rounds = lengths // _LANES  # words in each lane
    sizes = np.repeat(rounds, _LANES)  # (8 n,)
    bounds = np.concatenate([[0], np.cumsum(sizes)])
    step = np.arange(bounds[-1]) - np.repeat(bounds[:-1], sizes)
    begin = (starts[:, None] + np.arange(_LANES)).ravel()
    words = np.repeat(begin, sizes) + _LANES * step
    lanes = csr_array((weights[words], place[words], bounds), shape=(len(sizes), len(vectors)))
    r = (lanes @ vectors).reshape(len(lengths), _LANES, -1)
    return np.asarray(
        ((r[:, 0] + r[:, 1]) + (r[:, 2] + r[:, 3])) + ((r[:, 4] + r[:, 5]) + (r[:, 6] + r[:, 7]))
    )
