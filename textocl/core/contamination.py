"""How many anomalies hide among training samples, judged by their out-of-sample scores.

Most scores are of normal samples. A Student distribution is fitted to the upper half of their bulk,
which a tenth of anomalies hardly moves; what lies far beyond it, more often than by chance, is not
normal.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

_DEGREES_OF_FREEDOM = 20
_QUANTILES = (0.5, 0.9)  # of the scores, between which the scale is measured
_ALIKE = 0.99  # of the scores may be of normal samples where nearly all are the same
_SURE = 3  # standard errors
_BEYOND = 0.002  # of normal scores lie so far out that anomalies are counted there


class ContaminationEstimate(NamedTuple):
    """The share of anomalies among n samples.

    Attributes
    ----------
    share : float in [0, 1)
        Those far beyond normal scores; anomalies that look normal are not counted, and where they
        are more than a tenth, none may be.
    at_least : float in [0, share]
        The share less three standard errors.
    """

    share: float
    at_least: float

    @classmethod
    def of(cls, told: float | str, scores: NDArray[np.float32]) -> ContaminationEstimate:
        """The share that a user tells or, for "auto", what out-of-sample ``scores`` say, ``(n,)``.

        NaN of what is not judged.
        """
        if isinstance(told, str):
            return estimate_contamination(scores[~np.isnan(scores)])
        return cls(told, told)

    def __str__(self) -> str:
        """As "5.0% (at least 3.1%)"; at least 0.0 % would say nothing, and is left out."""
        least = f"{self.at_least:.1%}"
        return f"{self.share:.1%}" + (f" (at least {least})" if least != "0.0%" else "")


def null_p_values(
    scores: ArrayLike, degrees_of_freedom: float = _DEGREES_OF_FREEDOM
) -> NDArray[np.float64]:
    """How rarely a normal sample scores at least as high, ``(n,)``, where some are anomalies.

    By a Student distribution through the median and the 90 % quantile of ``scores``; the fewer its
    degrees of freedom, the heavier the tail that normal samples are expected to have. Where these
    two quantiles are one, whatever is above 99 % of all is not normal. Unlike conformal p-values
    they need no clean sample, and go below 1/n; like every model of a tail they are an
    approximation there.
    """
    from scipy.stats import t

    values = np.asarray(scores, np.float64)
    if not len(values):
        return np.empty(0)
    low, high = np.quantile(values, _QUANTILES)
    place_low, place_high = t.ppf(_QUANTILES, degrees_of_freedom)
    scale = (high - low) / (place_high - place_low)
    if scale <= 0:  # from the middle to far up all are the same, as lines of one template
        return np.where(values > np.quantile(values, _ALIKE), 0.0, 1.0)
    location = low - scale * place_low
    return np.asarray(t.sf((values - location) / scale, degrees_of_freedom))


def estimate_contamination(scores: ArrayLike) -> ContaminationEstimate:
    """Estimate the share of anomalies among samples with these out-of-sample ``scores`` ``(n,)``.

    Examples
    --------
    >>> normal = np.random.default_rng(0).normal(size=950)
    >>> estimate_contamination(normal).share < 0.01
    True
    >>> round(estimate_contamination(np.append(normal, np.full(50, 9.0))).share, 2)
    0.05
    """
    p_values = null_p_values(scores)
    n = max(len(p_values), 1)
    share = max(0.0, (float((p_values <= _BEYOND).sum()) / n - _BEYOND) / (1 - _BEYOND))
    error = float(np.sqrt((share + _BEYOND) * (1 - share) / n))
    return ContaminationEstimate(share, max(0.0, share - _SURE * error))
