"""From the vectors of a source to the table a model works on.

Raw word vectors share a large common direction, and the words that every document has lie along
it. A detector that learns on them learns general language: its attention settles on words that
normal and anomalous documents share. Two fixed steps remove that before anything is learned.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def standardize(
    vectors: NDArray[np.float32], frequencies: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Subtract the mean vector of general language, and scale to a common length.

    Parameters
    ----------
    vectors : (u, d)
    frequencies : (u,), share of each word in general language; all 0 means unknown, then the
        plain mean over words is taken

    Returns
    -------
    (u, d) with a mean norm of ½√d, so that the network sees the same scale from every source.
    """
    weights = frequencies if frequencies.sum() > 0 else np.ones(len(vectors))
    centered = vectors - (weights / weights.sum()) @ vectors  # (u, d)
    mean_norm = np.linalg.norm(centered, axis=1).mean()
    if mean_norm > 0:
        centered *= 0.5 * np.sqrt(vectors.shape[1]) / mean_norm
    return centered.astype(np.float32)


def damp_frequent_words(
    vectors: NDArray[np.float32], frequencies: NDArray[np.float64], damping: float
) -> NDArray[np.float32]:
    """Shorten the vectors of words that are frequent in general language.

    Each vector is multiplied by ``a / (a + p)``, the smooth inverse frequency of Arora, Liang and
    Ma (ICLR 2017): 1 for rare words, ½ where the frequency p equals ``damping`` a.

    Parameters
    ----------
    vectors : (u, d), as is the result
    frequencies : (u,) in [0, 1]
    damping : a > 0
    """
    return (vectors * (damping / (damping + frequencies))[:, None]).astype(np.float32)
