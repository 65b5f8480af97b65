"""Why: the words that decided about a document, and its form."""

from __future__ import annotations

import reprlib
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from textocl.core.assessment import STATUS
from textocl.core.frames import frame_of
from textocl.explain.form_evidence import FormEvidence as FormEvidence
from textocl.explain.notebook import explanation_html
from textocl.text.tokenization import Span

if TYPE_CHECKING:
    import pandas

#: part of all evidence from which on form is told of: what one of 25 measures has where form says
#: half of it, and each measure the same
_CLEAR = 1 / 50


@dataclass(frozen=True)
class Explanation:
    """Why one document got its score.

    Attributes
    ----------
    text : the document
    score, threshold, p_value, label : the judgement; label is +1 normal, -1 anomalous, 0 not judged
    status : what the label says: "normal", "anomalous" or "not judged"
    words : w distinct known words, in the order of their first occurrence
    counts : (w,) how often each occurs
    attention : (w, r) weight of each word in each context, all occurrences together; columns sum
        to 1
    contributions : (w,) what each word adds; they sum to the score
    evidence : (w,) contribution beyond the word's share of the threshold: positive speaks for an
        anomaly, negative for a normal document; they sum to score - threshold
    shares : (w,) each word's part of the document; they sum to 1
    context_distances : (r,) distance to each context
    nearest_context : index of the least of them; None without contexts or without a known word
    spans : where the words stand in the text
    surprisal : (w,) how unexpected each word is beside the others, in nats: the words that normal
        documents like this one do not have, whatever they do to the score; None but of a `Detector`
    usual_surprisal : what one word in twenty of normal documents exceeds; None likewise
    form : what the form says, of a detector that sees it

    A document without a known word is not judged: it has no words here, and the worst score.
    """

    text: str
    score: float
    threshold: float
    p_value: float
    label: int
    words: list[str]
    counts: NDArray[np.int64]
    attention: NDArray[np.float64]
    contributions: NDArray[np.float64]
    evidence: NDArray[np.float64]
    shares: NDArray[np.float64]
    context_distances: NDArray[np.float64]
    nearest_context: int | None
    spans: list[Span]
    surprisal: NDArray[np.float64] | None = None
    usual_surprisal: float | None = None
    form: tuple[FormEvidence, ...] = ()

    @property
    def status(self) -> str:
        return STATUS[self.label]

    def judged_as(self, score: float, p_value: float, label: int) -> Explanation:
        """The same by another judgement, such as one of models that did not learn from it.

        What the score differs by is shared out over words and form, each by its part of the
        document, so that they add up to it: which of them speak most stays as it was.
        """
        more = score - self.score if label and self.label and np.isfinite(score) else 0.0
        form = tuple(
            replace(
                one,
                contribution=one.contribution + more * one.share,
                evidence=one.evidence + more * one.share,
            )
            for one in self.form
        )
        return replace(
            self,
            score=score,
            p_value=p_value,
            label=label,
            contributions=self.contributions + more * self.shares,
            evidence=self.evidence + more * self.shares,
            form=tuple(sorted(form, key=lambda one: -one.evidence)),
        )

    def unexpected_words(self, n: int = 10) -> list[tuple[str, float]]:
        """Return up to ``n`` words of unusual surprisal, the highest first, with their nats."""
        if self.surprisal is None or self.usual_surprisal is None:
            return []
        order = np.argsort(-self.surprisal, kind="stable")[:n]
        nats = [(self.words[i], float(self.surprisal[i])) for i in order]
        return [(word, value) for word, value in nats if value > self.usual_surprisal]

    def anomalous_words(self, n: int = 10) -> list[tuple[str, float]]:
        """Return up to ``n`` words that speak most for an anomaly, with their evidence."""
        order = np.argsort(-self.evidence, kind="stable")[:n]
        return [(self.words[i], float(self.evidence[i])) for i in order if self.evidence[i] > 0]

    def reasons(self, n: int = 5) -> list[str]:
        """Return up to ``n`` words that speak most for an anomaly, the strongest first.

        Where none does, as in a document that the model learned from, those that speak least for
        normal among its own.
        """
        words = [word for word, _ in self.anomalous_words(n)]
        if words or not self.words:
            return words
        above = self.contributions - self.shares * self.contributions.sum()
        return [self.words[i] for i in np.argsort(-above, kind="stable")[:n] if above[i] > 0]

    def unusual_form(self) -> list[FormEvidence]:
        """Return what is unusual in the form and clearly speaks for an anomaly, strongest first.

        That is what has a fiftieth or more of all evidence, of words and form, for and against: of
        a normal document, too, something is the strongest, but not worth telling.
        """
        of_form = sum(abs(one.evidence) for one in self.form)
        least = _CLEAR * (float(np.abs(self.evidence).sum()) + of_form)
        clear = [one for one in self.form if one.is_unusual and one.evidence >= least > 0]
        return sorted(clear, key=lambda one: -one.evidence)

    def form_reasons(self, n: int = 3) -> list[str]:
        """Return up to ``n`` phrases of `unusual_form`, such as "digits 14 % (normal 0 to 3 %)"."""
        return [one.said for one in self.unusual_form()[:n]]

    @property
    def form_share(self) -> float:
        """Part of unusual form in all evidence for an anomaly, of words and form, in [0, 1]."""
        of_form = [one for one in self.form if one.evidence > 0]
        unusual = sum(one.evidence for one in of_form if one.is_unusual)
        of_words = float(np.maximum(self.evidence, 0).sum())
        return unusual / (of_words + sum(one.evidence for one in of_form)) if unusual else 0.0

    def normal_words(self, n: int = 10) -> list[tuple[str, float]]:
        """Return up to ``n`` words that speak most for normal, with their (negative) evidence."""
        order = np.argsort(self.evidence, kind="stable")[:n]
        return [(self.words[i], float(self.evidence[i])) for i in order if self.evidence[i] < 0]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python values, one entry a word, and one a measure of form.

        Score and p-value are None of a document that is not judged.
        """
        words = [
            {
                "word": word,
                "count": int(self.counts[i]),
                "contribution": float(self.contributions[i]),
                "evidence": float(self.evidence[i]),
                "attention": self.attention[i].tolist(),
                **({} if self.surprisal is None else {"surprisal": float(self.surprisal[i])}),
            }
            for i, word in enumerate(self.words)
        ]
        return {
            "text": self.text,
            "score": self.score if self.label else None,
            "threshold": self.threshold,
            "p_value": self.p_value if self.label else None,
            "label": self.label,
            "status": self.status,
            "nearest_context": self.nearest_context,
            "context_distances": self.context_distances.tolist(),
            "usual_surprisal": self.usual_surprisal,
            "words": words,
            "form": [{**asdict(one), "spans": [*map(list, one.spans)]} for one in self.form],
        }

    def to_frame(self) -> pandas.DataFrame:
        """Return a table with one row a word.

        Columns are ``word``, ``count``, ``contribution``, ``evidence``, ``share``, ``surprisal``
        where there is one, and ``attention_0`` and so on, one for each context.

        Raises
        ------
        MissingExtraError
            pandas is not installed.
        """
        columns: dict[str, Any] = {
            "word": self.words,
            "count": self.counts,
            "contribution": self.contributions,
            "evidence": self.evidence,
            "share": self.shares,
        }
        if self.surprisal is not None:
            columns["surprisal"] = self.surprisal
        columns |= {f"attention_{k}": weights for k, weights in enumerate(self.attention.T)}
        return frame_of(columns, "Explanation.to_frame")

    def __repr__(self) -> str:
        """One line: the judgement, the words and form that decided most, how the text begins."""
        words = {
            name: [word for word, _ in pairs]
            for name, pairs in (
                ("anomalous_words", self.anomalous_words(3)),
                ("normal_words", self.normal_words(3)),
            )
        }
        if unusual := self.unusual_form():
            words["form"] = [one.name for one in unusual[:3]]
        named = "".join(f", {name}={reprlib.repr(shown)}" for name, shown in words.items())
        scores = (
            f"score={self.score:.4g}, threshold={self.threshold:.4g}, p_value={self.p_value:.2g}"
            if self.label
            else self.status
        )
        return (
            f"Explanation(label={self.label}, {scores}{named}, "
            f"text={self.text[:40]!r}{'…' if len(self.text) > 40 else ''})"
        )

    def _repr_html_(self) -> str:
        return explanation_html(self)
