"""How many of the documents of a pile are called anomalous."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from textocl.core.contamination import null_p_values
from textocl.core.exceptions import DataError
from textocl.core.validation import check_integer, check_number

_DEFAULT_FDR = 0.1
#: of the tail of normal scores: heavier than to estimate a share, as this looks farther out, and
#: one fused of several members is heavier there
_DEGREES_OF_FREEDOM = 10


def false_discovery_rates(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """False discovery rate if everything that scores at least as high is flagged, ``(n,)``.

    Benjamini and Hochberg's adjusted p-values [1]_ of `null_p_values`, with 10 degrees of freedom.
    They assume that most documents are normal, that these do not depend on each other, and that
    their scores have the tail of that distribution.

    Parameters
    ----------
    scores : (n,) out-of-sample scores, of copies once

    References
    ----------
    .. [1] Benjamini, Hochberg. Controlling the false discovery rate. Journal of the Royal
       Statistical Society B, 1995.
    """
    from scipy.stats import false_discovery_control

    if not len(scores):
        return np.empty(0)
    return np.asarray(false_discovery_control(null_p_values(scores, _DEGREES_OF_FREEDOM)))


@dataclass(frozen=True)
class Decision:
    """What documents are flagged by: one of four rules.

    Attributes
    ----------
    top : int ≥ 1, the documents with the highest scores; copies count once
    budget : float in (0, 1], this share of all documents
    fdr : float in (0, 1), as many as keep the share of wrong ones among them below this
    false_alarm_rate : float in (0, 1), those that so few normal documents score as high as
    """

    top: int | None = None
    budget: float | None = None
    fdr: float | None = None
    false_alarm_rate: float | None = None

    @classmethod
    def of(
        cls,
        top: int | None = None,
        budget: float | None = None,
        fdr: float | None = None,
        false_alarm_rate: float | None = None,
    ) -> Decision:
        """By the one that is given; by a false discovery rate of 0.1 where none is.

        Raises
        ------
        DataError
            More than one is given, or a value is out of its range.
        """
        rules = {"top": top, "budget": budget, "fdr": fdr, "false_alarm_rate": false_alarm_rate}
        chosen = {name: value for name, value in rules.items() if value is not None}
        if len(chosen) > 1:
            raise DataError(f"choose one of {' and '.join(chosen)}: each decides on its own.")
        if top is not None:
            check_integer("top", top, 1)
        for name, value in chosen.items():
            if name != "top":
                check_number(name, value, 0, 1, low_open=True, high_open=name != "budget")
        return cls(**(chosen or {"fdr": _DEFAULT_FDR}))  # type: ignore[arg-type]

    def __str__(self) -> str:
        if self.top is not None:
            return f"the {self.top:,} with the highest scores"
        if self.budget is not None:
            return f"the {self.budget:.2%} with the highest scores"
        if self.fdr is not None:
            return f"a false discovery rate of {self.fdr:g}"
        return f"a false-alarm rate of {self.false_alarm_rate:g}"

    def flags(
        self,
        ranks: NDArray[np.int64],
        p_values: NDArray[np.float64],
        false_discovery: NDArray[np.float64],
    ) -> NDArray[np.bool_]:
        """Which documents are flagged, ``(n,)``; none that is not judged.

        Parameters
        ----------
        ranks : (n,) from 1, copies have the same; 0 for what is not judged
        p_values, false_discovery : (n,), NaN for what is not judged
        """
        judged = ranks > 0
        if self.top is not None:
            return judged & (ranks <= self.top)
        if self.budget is not None:
            n_flagged = round(self.budget * len(ranks))
            n_above = np.searchsorted(np.sort(ranks[judged]), ranks, side="right")
            return judged & (n_above <= n_flagged)
        if self.fdr is not None:
            return judged & (false_discovery <= self.fdr)
        rate = self.false_alarm_rate
        return judged & (p_values <= (0.0 if rate is None else rate))
