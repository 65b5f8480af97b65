"""Whether the words an explanation names are those that decided, measured by taking them out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from textocl.core.detector import OneClassDetector
from textocl.core.exceptions import DataError
from textocl.core.metrics import evaluate
from textocl.core.validation import check_integer, check_number
from textocl.explain.explanation import Explanation
from textocl.text.tokenization import Span

#: a value of each word of an explanation, by name, or by any function of the explanation
Ranking: TypeAlias = "str | Callable[[Explanation], ArrayLike]"

SHARES = (0.05, 0.1, 0.2, 0.5)


def _attention(explanation: Explanation, context: int | None = None) -> NDArray[np.float64]:
    """Attention of a context to each word, or the largest of all contexts, ``(w,)``."""
    attention = explanation.attention
    if not attention.shape[1]:
        raise DataError("these explanations have no attention; rank by 'evidence'.")
    return attention.max(axis=1) if context is None else attention[:, context]


RANKINGS: dict[str, Callable[[Explanation], NDArray[np.float64]]] = {
    "evidence": lambda explanation: explanation.evidence,
    "contributions": lambda explanation: explanation.contributions,
    "attention": _attention,
    "nearest_attention": lambda explanation: _attention(explanation, explanation.nearest_context),
}


@dataclass(frozen=True)
class Removal:
    """Mean scores of documents from which words were taken, in one order.

    Attributes
    ----------
    without : (s,) with the first words out, for each of s shares of the distinct words
    only : (s,) with only these words left
    comprehensiveness : mean over shares of the fall in score without the first words: high where
        they are what made the document anomalous
    sufficiency : mean over shares of the fall in score with only these words left: low, even
        negative, where they alone are as anomalous
    curve : (t + 1,) deletion curve, at 0, 1/(t + 1), … t/(t + 1) of the words removed
    deletion_area : mean height of that curve; low where the score falls early
    """

    without: tuple[float, ...] = field(repr=False)
    only: tuple[float, ...] = field(repr=False)
    comprehensiveness: float
    sufficiency: float
    curve: tuple[float, ...] = field(repr=False)
    deletion_area: float


@dataclass(frozen=True)
class Faithfulness:
    """What `measure_faithfulness` found, in the units of the detector's score.

    Attributes
    ----------
    shares : (s,) of the distinct words, at least one word and never all
    score : mean of the whole documents
    ranked : words most anomalous first
    random : words in random order, mean over the orders drawn
    n_documents : documents measured
    n_short : documents set aside, as they have fewer than two distinct known words
    """

    shares: tuple[float, ...]
    score: float
    ranked: Removal
    random: Removal
    n_documents: int
    n_short: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values."""
        return asdict(self)


def measure_faithfulness(
    detector: OneClassDetector,
    explanations: Sequence[Explanation],
    by: Ranking = "evidence",
    *,
    shares: Sequence[float] = SHARES,
    n_steps: int = 9,
    n_random: int = 3,
    random_state: int = 0,
) -> Faithfulness:
    """Cut the most anomalous words out of the texts, score these again, and see what changes.

    Use it to compare explanations of one detector, with each other and with random words. Values
    are of distinct words: a word is taken out wherever it stands.

    Parameters
    ----------
    detector : fitted
    explanations : n, of documents, by ``detector.explain``
    by : a name of `RANKINGS`, or a function from an explanation to one value a word, ``(w,)``
        Higher is more anomalous.
    shares : of the distinct words, in (0, 1)
    n_steps : int ≥ 1, default 9
        Points of the deletion curve beside the first, t.
    n_random : int ≥ 1, default 3
        Random orders of each document's words.
    random_state : int ≥ 0, default 0

    Raises
    ------
    NotFittedError
    DataError
        No document has two distinct known words, values do not match the words, or a parameter is
        wrong.

    Notes
    -----
    ERASER's measures, with its mean over shares (the AOPC) in both; its scores are probabilities
    of a class, these are anomaly scores, so compare the measures of one detector only. A document
    of which all words are gone has the worst score rather than a low one, so at least one word
    always stays.

    References
    ----------
    J. DeYoung et al.: ERASER: A Benchmark to Evaluate Rationalized NLP Models. ACL 2020.

    Examples
    --------
    >>> from textocl import WordLikelihood
    >>> ships = ["a tanker left port", "the tanker sank", "port of call", "a port for ships"]
    >>> detector = WordLikelihood(calibration="training", false_alarm_rate=0.5).fit(ships)
    >>> result = measure_faithfulness(detector, detector.explain(["tanker guitar port"]))
    >>> result.ranked.comprehensiveness > result.random.comprehensiveness
    True
    """
    for share in shares:
        check_number("each of shares", share, 0, 1, low_open=True, high_open=True)
    if not len(shares):
        raise DataError("expected at least one share of the words, got none.")
    check_integer("n_steps", n_steps, 1)
    check_integer("n_random", n_random, 1)
    check_integer("random_state", random_state, 0)
    kept = [explanation for explanation in explanations if len(explanation.words) > 1]
    if not kept:
        raise DataError(
            f"none of {len(explanations)} documents has two distinct known words to choose from."
        )
    random = np.random.default_rng(random_state)
    cuts = [*shares, *(step / (n_steps + 1) for step in range(1, n_steps + 1))]
    texts: list[str] = []
    for explanation in kept:
        ranked = np.argsort(-word_values(explanation, by), kind="stable")
        drawn = [random.permutation(len(explanation.words)) for _ in range(n_random)]
        texts.append(explanation.text)
        for order in (ranked, *drawn):
            texts += _variants(explanation, order, len(shares), cuts)
    scores = detector.anomaly_score(texts).astype(np.float64).reshape(len(kept), -1).mean(axis=0)
    whole, orders = float(scores[0]), scores[1:].reshape(1 + n_random, -1)  # (orders, variants)
    return Faithfulness(
        shares=tuple(float(share) for share in shares),
        score=whole,
        ranked=_removal(whole, orders[0], len(shares)),
        random=_removal(whole, orders[1:].mean(axis=0), len(shares)),
        n_documents=len(kept),
        n_short=len(explanations) - len(kept),
    )


def word_values(explanation: Explanation, by: Ranking) -> NDArray[np.float64]:
    """Value of each word, ``(w,)``, as ``by`` says; see `measure_faithfulness`.

    Raises
    ------
    DataError
        An unknown name, or values that are not one finite number a word.
    """
    if isinstance(by, str):
        if by not in RANKINGS:
            known = ", ".join(map(repr, RANKINGS))
            raise DataError(f"by must be one of {known}, or a function; got {by!r}.")
        return RANKINGS[by](explanation)
    values = np.asarray(by(explanation), np.float64)
    if values.shape != (len(explanation.words),) or not np.isfinite(values).all():
        raise DataError(
            f"expected one finite value for each of {len(explanation.words)} words, got shape "
            f"{values.shape}."
        )
    return values


def word_auc(explanation: Explanation, is_planted: ArrayLike, by: Ranking = "evidence") -> float:
    """Area under the ROC curve of finding marked words by their values; 0.5 is chance.

    Parameters
    ----------
    is_planted : (w,) bool, one for each distinct word of ``explanation.words``
    by : as in `measure_faithfulness`

    Raises
    ------
    DataError
        All words are of one kind, or the lengths differ.
    """
    marked = np.asarray(is_planted, bool)
    if marked.shape != (len(explanation.words),) or marked.all() or not marked.any():
        raise DataError(
            f"expected one mark for each of {len(explanation.words)} words, some True and some "
            f"False, got {int(marked.sum())} True of shape {marked.shape}."
        )
    return evaluate(word_values(explanation, by), marked).auc


def without_words(text: str, spans: Iterable[Span], removed: set[str]) -> str:
    """``text`` with the ``spans`` of these words cut out; a space stands where each was."""
    places = sorted({(span.start, span.end) for span in spans if span.word in removed})
    parts, at = [], 0
    for start, end in places:
        parts.append(text[at : max(at, start)])
        at = max(at, end)
    return " ".join([*parts, text[at:]])


def _variants(
    explanation: Explanation, order: NDArray[np.int64], n_shares: int, cuts: Sequence[float]
) -> list[str]:
    """Texts without the first words for every cut, then with only these for every share."""
    words = [explanation.words[i] for i in order]
    sizes = [min(max(round(cut * len(words)), 1), len(words) - 1) for cut in cuts]
    removed = [words[:size] for size in sizes] + [words[size:] for size in sizes[:n_shares]]
    return [without_words(explanation.text, explanation.spans, set(part)) for part in removed]


def _removal(whole: float, scores: NDArray[np.float64], n_shares: int) -> Removal:
    without, only = scores[:n_shares], scores[-n_shares:]
    curve = np.array([whole, *scores[n_shares:-n_shares]])
    return Removal(
        without=tuple(without.tolist()),
        only=tuple(only.tolist()),
        comprehensiveness=float(whole - without.mean()),
        sufficiency=float(whole - only.mean()),
        curve=tuple(curve.tolist()),
        deletion_area=float((curve[1:] + curve[:-1]).mean() / 2),
    )
