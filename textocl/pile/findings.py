"""Which documents of a pile do not belong there: learned from the pile itself, out of sample."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from textocl.core.assessment import status_of
from textocl.core.exceptions import DataError
from textocl.core.frames import frame_of
from textocl.core.validation import check_documents
from textocl.ensemble.detector import Detector
from textocl.explain.explanation import Explanation
from textocl.pile.decision import Decision, false_discovery_rates
from textocl.pile.kinds import Kind, kinds_by_form, kinds_of
from textocl.text.contrast import WordPresence
from textocl.text.languages import other_languages
from textocl.text.tokenization import make_tokenizer

if TYPE_CHECKING:
    import pandas as pd

_COMPARED = 5_000  # documents that are not flagged, to tell what words those flagged share


def find(
    texts: Sequence[str],
    labels: ArrayLike | None = None,
    *,
    top: int | None = None,
    budget: float | None = None,
    fdr: float | None = None,
    false_alarm_rate: float | None = None,
    detector: Detector | None = None,
    **parameters: Any,
) -> Findings:
    """Find the documents of a pile that do not belong there, without knowing any.

    A `textocl.Detector` learns from the pile itself. It expects that hidden anomalies are among it,
    and judges every document by members that did not learn from it or a copy of it.

    Parameters
    ----------
    texts : n documents
    labels : (n,) or None
        +1 belongs, 0 unknown, -1 does not belong; what is known is learned from.
    top, budget, fdr, false_alarm_rate : what is flagged, one of them; see `Decision`
        ``fdr=0.1`` where none is given. `Findings.rethreshold` chooses again without learning.
    detector : a `textocl.Detector` that is not fitted yet; None makes one
    parameters : of the detector that is made, such as ``embedding``, ``language``

    Raises
    ------
    DataError
        Fewer different documents than twice ``n_contexts``, or 8, or a parameter is wrong.

    Examples
    --------
    >>> from itertools import product
    >>> who = ["a tanker", "the cargo ship", "two ferries", "a freighter", "one vessel"]
    >>> what = ["left the port", "sank in a storm", "waited at sea", "reached the harbour"]
    >>> ships = [" ".join(words) for words in product(who, what, ["today", "in May", "again"])]
    >>> findings = find([*ships, "she plays the guitar"], top=1, n_contexts=2)
    >>> findings.flagged.tolist()
    [60]
    """
    decision = Decision.of(top, budget, fdr, false_alarm_rate)
    documents = check_documents(texts)
    if not documents:
        raise DataError("expected documents, got none.")
    if detector is None:
        detector = Detector(**parameters)
    elif parameters:
        raise DataError(f"give {', '.join(parameters)} to the detector itself.")
    with warnings.catch_warnings():
        # copies and documents that are not judged are told by the findings
        warnings.filterwarnings("ignore", ".*(copies of others|have no known word).*")
        detector.fit(documents, labels)
    known = np.zeros(len(documents), np.int64) if labels is None else np.asarray(labels, np.int64)
    return Findings.of(documents, known, detector, decision)


@dataclass(frozen=True, repr=False)
class Findings:
    """What a pile of n documents holds that does not belong there.

    Attributes
    ----------
    texts : the n documents
    known : (n,) int64, what was told of them: +1, 0 or -1
    detector : textocl.Detector, learned from them
    decision : Decision, what is flagged
    scores : (n,) float32, out of sample; NaN for a document that is not judged
    ranks : (n,) int64, 1 is the most anomalous; copies have the same, 0 is not judged
    p_values : (n,) float64, see `textocl.Detector.training_p_values_`
    false_discovery : (n,) float64
        False discovery rate if everything that scores at least as high is flagged.
    copy_of : (n,) int64, number of the first copy of each document, its own if there is none
    """

    texts: list[str]
    known: NDArray[np.int64]
    detector: Detector
    decision: Decision
    scores: NDArray[np.float32]
    ranks: NDArray[np.int64]
    p_values: NDArray[np.float64]
    false_discovery: NDArray[np.float64]
    copy_of: NDArray[np.int64]

    @classmethod
    def of(
        cls, texts: list[str], known: NDArray[np.int64], detector: Detector, decision: Decision
    ) -> Findings:
        """From a detector fitted on these documents."""
        scores, groups = detector.training_scores_, detector.training_groups_
        first = np.flatnonzero((groups == np.arange(len(groups))) & ~np.isnan(scores))
        order = first[np.argsort(-scores[first], kind="stable")]
        ranks = np.zeros(len(texts), np.int64)
        ranks[order] = np.arange(1, len(order) + 1)
        rates = np.full(len(texts), np.nan)
        rates[first] = false_discovery_rates(scores[first])
        return cls(
            texts,
            known,
            detector,
            decision,
            scores,
            ranks[groups],
            detector.training_p_values_,
            rates[groups],
            groups,
        )

    def __len__(self) -> int:
        return len(self.texts)

    def __repr__(self) -> str:
        return f"<Findings: {self.summary}>"

    @property
    def summary(self) -> str:
        """One line: how many documents, how many flagged and by what rule, copies, not judged."""
        n_unjudged = int((self.labels == 0).sum())
        parts = [f"{len(self.flagged):,} of {len(self):,} documents flagged by {self.decision}"]
        if self.n_copies:
            parts.append(
                f"{self.n_copies:,} {'is a copy' if self.n_copies == 1 else 'are copies'} of others"
            )
        if n_unjudged:
            parts.append(f"{n_unjudged:,} not judged")
        return "; ".join(parts)

    @property
    def n_copies(self) -> int:
        """How many documents are copies of others, of those that are judged."""
        return int(((self.copy_of != np.arange(len(self))) & (self.ranks > 0)).sum())

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """-1 flagged, +1 not, 0 not judged, ``(n,)``; what is known stays as it was told."""
        flags = self.decision.flags(self.ranks, self.p_values, self.false_discovery)
        labels = np.where(np.isnan(self.scores), 0, np.where(flags, -1, 1))
        return np.where(self.known != 0, self.known, labels)

    @property
    def flagged(self) -> NDArray[np.int64]:
        """Numbers of the flagged documents, the most anomalous first, copies together."""
        numbers = np.flatnonzero((self.labels == -1) & (self.ranks > 0))
        return numbers[np.argsort(self.ranks[numbers], kind="stable")]

    def oddest(self, n: int = 10) -> NDArray[np.int64]:
        """Numbers of the ``n`` most anomalous documents, flagged or not; of copies the first."""
        first = np.flatnonzero((self.copy_of == np.arange(len(self))) & (self.ranks > 0))
        return first[np.argsort(self.ranks[first], kind="stable")][:n]

    def rethreshold(
        self,
        *,
        top: int | None = None,
        budget: float | None = None,
        fdr: float | None = None,
        false_alarm_rate: float | None = None,
    ) -> Findings:
        """The same findings with something else flagged; nothing is learned again."""
        return replace(self, decision=Decision.of(top, budget, fdr, false_alarm_rate))

    def explain(self, numbers: Sequence[int] | NDArray[np.int64]) -> list[Explanation]:
        """Say of some documents which words, and what of their form, speak for an anomaly.

        Score, p-value and label are those out of sample, and the contributions add up to them: what
        the detector learned from the document itself is shared out evenly
        (`Explanation.judged_as`).
        """
        chosen = np.asarray(numbers, np.int64)
        explanations = self.detector.explain([self.texts[i] for i in chosen])
        return [
            explanation.judged_as(
                float(self.scores[i]), float(self.p_values[i]), int(self.labels[i])
            )
            for i, explanation in zip(chosen, explanations, strict=True)
        ]

    @cached_property
    def kinds(self) -> list[Kind]:
        """The flagged documents grouped by what they share, each kind with its words or its form.

        Documents whose evidence is mostly that of unusual form are grouped by it. So are those that
        are surely in another language than the pile, all in one language together. The largest kind
        comes first, those that are each on their own last.
        """
        flagged, explained = self.flagged, self._explained
        first = self.copy_of[flagged]
        unusual = [[one.name for one in explained[i].unusual_form()] for i in first.tolist()]
        spoken = other_languages([self.texts[i] for i in flagged], self.texts)
        by_form = [
            explained[i].form_share > 0.5 or language is not None
            for i, language in zip(first.tolist(), spoken, strict=True)
        ]
        is_form = np.array([*map(bool, unusual)], bool) & np.array(by_form, bool)
        languages = dict(zip(flagged.tolist(), spoken, strict=True))
        of_form = np.flatnonzero(is_form).tolist()
        kinds = kinds_by_form(
            flagged[is_form], [unusual[i] for i in of_form], [spoken[i] for i in of_form]
        )
        kinds += [kind.among(languages) for kind in self._kinds_by_words(flagged, ~is_form)]
        place = {number: i for i, number in enumerate(flagged.tolist())}
        return sorted(
            kinds,
            key=lambda kind: (
                not (kind.words or kind.form or kind.language),
                -len(kind.documents),
                place[int(kind.documents[0])],
            ),
        )

    def _kinds_by_words(self, flagged: NDArray[np.int64], chosen: NDArray[np.bool_]) -> list[Kind]:
        """Kinds of those ``chosen`` of the flagged documents, told from all others."""
        others = np.setdiff1d(np.flatnonzero(self.copy_of == np.arange(len(self))), flagged)
        step = max(1, len(others) // _COMPARED)
        texts = [self.texts[i] for i in np.concatenate([flagged, others[::step]])]
        presence = WordPresence.of(texts, make_tokenizer(self.detector.fit_params_["tokenization"]))
        places = np.flatnonzero(chosen)
        points = self.detector.points([texts[i] for i in places])
        kinds, _ = kinds_of(points, places, presence, self.copy_of[flagged[chosen]])
        return [replace(kind, documents=flagged[kind.documents]) for kind in kinds]

    @cached_property
    def _explained(self) -> dict[int, Explanation]:
        """Explanations of the flagged documents by number; of copies that of the first."""
        numbers = np.unique(self.copy_of[self.flagged])
        return dict(zip(numbers.tolist(), self.explain(numbers), strict=True))

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas DataFrame with one row a document, in the order they were given.

        Raises
        ------
        MissingExtraError
            pandas is not installed.
        """
        return frame_of({"text": self.texts, **self.columns()}, "Findings.to_frame")

    def columns(self) -> dict[str, list[Any]]:
        """What is said of each document, by name: n values each, None where there is none.

        Kind, and the words and the form that speak for it, are told of flagged documents.
        """
        kind_of: dict[int, str] = {}
        for kind in self.kinds:
            kind_of |= dict.fromkeys(kind.documents.tolist(), kind.name)
        own = self.copy_of == np.arange(len(self))
        words: list[str | None] = [None] * len(self)
        form: list[str | None] = [None] * len(self)
        for i in self.flagged.tolist():
            explanation = self._explained[int(self.copy_of[i])]
            words[i] = ", ".join(explanation.reasons()) or None
            form[i] = "; ".join(explanation.form_reasons()) or None
        return {
            "rank": [rank or None for rank in self.ranks.tolist()],
            "score": _numbers(self.scores),
            "p_value": _numbers(self.p_values),
            "false_discovery_rate": _numbers(self.false_discovery),
            "status": status_of(self.labels).tolist(),
            "kind": [kind_of.get(i) for i in range(len(self))],
            "words": words,
            "form": form,
            "copy_of": [
                None if alone else number
                for alone, number in zip(own, self.copy_of.tolist(), strict=True)
            ],
        }


def _numbers(values: NDArray[Any]) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]
