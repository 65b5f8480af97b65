"""Words that are commoner in normal documents than in general language."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from textocl.core.detector import OneClassDetector
from textocl.core.exceptions import DataError, FormatError
from textocl.core.persistence import ModelFiles
from textocl.core.thresholds import conformal_p_values
from textocl.core.validation import (
    check_documents,
    check_integer,
    check_labels,
    check_number,
    is_features,
    warn_of_unknown,
)
from textocl.cvdd.scoring import SCORED_AT_ONCE
from textocl.explain.explanation import Explanation
from textocl.text.documents import PackedDocuments, pack
from textocl.text.tokenization import make_tokenizer
from textocl.text.vocabulary import frequent_words, general_frequencies
from textocl.text.word_index import WordIndex

_RAREST = 1e-8  # share in general language of a word that its list does not have
_DISCOUNT = 0.5  # taken off each word's weight: rare words are rarer than they look
WORST_LIKELIHOOD_SCORE = 0.0


@dataclass(kw_only=True, eq=False, repr=False)
class WordLikelihood(OneClassDetector):
    """Scores a document by how much likelier its words are in normal documents than in general.

    A unigram language model of the normal documents against one of general language. It needs no
    vectors, learns in a second, and its score is exactly a mean over words. Use it beside detectors
    on embeddings, which it complements where topics have a vocabulary of their own; alone it is
    weak where anomalies share the jargon of what is normal.

    Parameters
    ----------
    mixture : float in (0, 1), default 0.5
        Share π of normal language in the mixture that general language is compared with. Raising it
        widens the gap between typical words.
    min_documents : int ≥ 1, default 2
        A word counts as normal if so many training documents hold it.
    tokenization, language : as in `textocl.CVDD`; a language is needed
    n_general_words : int ≥ 0, default 50000
        Frequent words of the language that count as evidence against a document.
    false_alarm_rate, calibration, random_state : as in `textocl.CVDD`

    Attributes
    ----------
    words_ : (u,) str
    log_ratios_ : (u,) float32, what each word is worth; 0 for words of general language only

    Notes
    -----
    ``score = −Σ_w log(1 + n_w) ρ_w / Σ_w log(1 + n_w)`` with
    ``ρ_w = log(1 + π/(1−π) p_normal(w) / p_general(w))``: but for a constant the log-likelihood
    ratio of the mixture and general language, with counts n damped. ``p_general`` is the word's
    share in package wordfreq. 0 is the worst score, of a document without any normal word.

    Examples
    --------
    >>> ships = ["a tanker left port", "the tanker sank", "port of call", "a port for ships"]
    >>> detector = WordLikelihood(calibration="training", false_alarm_rate=0.5).fit(ships)
    >>> scores = detector.anomaly_score(["a tanker in port", "she plays the guitar"])
    >>> bool(scores[0] < scores[1])
    True
    """

    _UNSAVED: ClassVar[tuple[str, ...]] = ()

    mixture: float = 0.5
    min_documents: int = 2
    tokenization: str = "english"
    language: str | None = "en"
    n_general_words: int = 50_000
    false_alarm_rate: float = 0.05
    calibration: str = "split"
    random_state: int = 0

    def fit(self, X: Any, y: Any = None) -> WordLikelihood:
        """Learn from documents; known anomalies (``y`` = -1) are left out.

        Raises
        ------
        DataError
        """
        self._check_parameters()
        texts = self._check_texts(X)
        normal = np.flatnonzero(check_labels(y, len(texts)) >= 0)
        if not len(normal):
            raise DataError(
                "cannot learn from an empty corpus: expected normal documents, got none."
            )
        training, held_out = self._split_for_calibration(len(normal), self.random_state)
        words, ratios = self._learn([texts[i] for i in normal[training]])
        index = WordIndex(words)
        tokenizer = make_tokenizer(self.tokenization)
        packed = pack([texts[i] for i in normal[held_out]], tokenizer, index)
        packed = packed.take(np.flatnonzero(packed.n_distinct))
        if not len(packed):
            raise DataError(
                f"no document with known words is left to calibrate with (of {len(normal)}); "
                "give more documents, or calibration='training'."
            )
        self.words_, self.log_ratios_ = words, ratios
        self._index, self._tokenizer = index, tokenizer
        self._freeze_params()
        self._calibrate(_scores(packed, ratios))
        self._warn_of_shortage()
        return self

    def anomaly_score(self, X: Any) -> NDArray[np.float32]:
        """Score documents: ``(n,)`` float32, at most 0; higher is more anomalous.

        A document without a known word scores 0, the worst, and a warning counts such documents.

        Raises
        ------
        NotFittedError, DataError
        """
        scores, n_known = self._scores_and_known(X)
        warn_of_unknown(int((n_known == 0).sum()), len(n_known))
        return scores

    def explain(self, X: Any) -> list[Explanation]:
        """Say which words make each document normal or anomalous; one `Explanation` each."""
        texts = self._fitted()._check_texts(X)
        explanations = []
        for part, packed in self._parts(texts):
            scores = _scores(packed, self.log_ratios_)
            for i, text in enumerate(part):
                rows = packed.rows_of(i)
                found = {self.words_[row]: j for j, row in enumerate(rows)}
                spans = [span for span in self._tokenizer.spans(text) if span.word in found]
                words = list(dict.fromkeys(span.word for span in spans))
                at = np.array([found[word] for word in words], np.int64)
                counts = packed.counts[packed.offsets[i] : packed.offsets[i + 1]][at]
                shares = np.log1p(counts.astype(np.float64))
                shares /= max(shares.sum(), 1e-30)
                contributions = -shares * self.log_ratios_[rows[at]].astype(np.float64)
                explanations.append(
                    Explanation(
                        text=text,
                        score=float(scores[i]),
                        threshold=self.threshold_,
                        p_value=float(
                            conformal_p_values(self.calibration_scores_, scores[i : i + 1])[0]
                        ),
                        label=int(self._labels(scores[i : i + 1])[0]),
                        words=words,
                        counts=counts.astype(np.int64),
                        attention=shares[:, None],
                        contributions=contributions,
                        evidence=contributions - self.threshold_ * shares,
                        shares=shares,
                        context_distances=np.empty(0),
                        nearest_context=None,
                        spans=spans,
                    )
                )
        return explanations

    # --- learning and scoring ---

    def _learn(self, texts: list[str]) -> tuple[list[str], NDArray[np.float32]]:
        """Words and what each is worth: those of the documents first, then general ones."""
        tokenizer = make_tokenizer(self.tokenization)
        frequency = general_frequencies(self.language)
        general = frequent_words(self.language, self.n_general_words, tokenizer)
        distinct = sorted({w for part in tokenizer.cut(texts) for w in part.words})
        own = [word for word in distinct if tokenizer.keeps(word)]
        if not own:
            raise DataError(f"no word is left of {len(texts)} documents to learn from.")
        packed = pack(texts, tokenizer, WordIndex(own))
        weights = np.bincount(packed.rows, np.log1p(packed.counts), len(own))
        holding = np.bincount(packed.rows, minlength=len(own))
        weights = np.where(holding >= self.min_documents, weights - _DISCOUNT, 0).clip(min=0)
        if not weights.any():
            raise DataError(
                f"no word occurs in {self.min_documents} of {len(texts)} documents; give more "
                "documents, or a lower min_documents."
            )
        shares = np.array([max(frequency.get(word, 0.0), _RAREST) for word in own])
        odds = self.mixture / (1 - self.mixture)
        ratios = np.log1p(odds * weights / weights.sum() / shares)
        known = set(own)
        words = own + [word for word in general if word not in known]
        return words, np.concatenate([ratios, np.zeros(len(words) - len(own))]).astype(np.float32)

    def _check_parameters(self) -> None:
        self._check_calibration_parameters()
        check_number("mixture", self.mixture, 0, 1, low_open=True, high_open=True)
        check_integer("min_documents", self.min_documents, 1)
        check_integer("n_general_words", self.n_general_words, 0)
        check_integer("random_state", self.random_state, 0, 2**32 - 1)
        make_tokenizer(self.tokenization)
        if self.language is None:
            raise DataError(
                "WordLikelihood compares with general language: language must be a code such as "
                "'en', got None."
            )

    def _check_texts(self, X: Any) -> list[str]:
        if is_features(X):
            raise DataError(f"a {type(self).__name__} takes texts, got an array of features.")
        return check_documents(X)

    def _parts(self, texts: list[str]) -> Iterator[tuple[list[str], PackedDocuments]]:
        for start in range(0, len(texts), SCORED_AT_ONCE):
            part = texts[start : start + SCORED_AT_ONCE]
            yield part, pack(part, self._tokenizer, self._index)

    def _scores_and_known(self, X: Any) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        texts = self._fitted()._check_texts(X)
        scores, known = [np.empty(0, np.float32)], [np.empty(0, np.int64)]
        for _, packed in self._parts(texts):
            scores.append(_scores(packed, self.log_ratios_))
            known.append(packed.n_distinct)
        return np.concatenate(scores), np.concatenate(known)

    # --- saving ---

    def _to_files(self) -> ModelFiles:
        words = np.frombuffer("\n".join(self.words_).encode("utf-8"), np.uint8)
        return ModelFiles(
            {"threshold": self.threshold_},
            {
                "words": words,
                "log_ratios": self.log_ratios_,
                "calibration_scores": self.calibration_scores_,
            },
        )

    def _from_files(self, files: ModelFiles) -> None:
        self._check_parameters()
        words = files.array("words", np.uint8, None).tobytes().decode("utf-8").split("\n")
        ratios = files.array("log_ratios", np.float32, len(words))
        calibration = files.array("calibration_scores", np.float32, None)
        if len(set(words)) != len(words) or not len(calibration):
            raise FormatError("its words or calibration are not consistent.")
        self.words_, self.log_ratios_ = words, ratios
        self._index, self._tokenizer = WordIndex(words), make_tokenizer(self.tokenization)
        self._freeze_params()
        self.calibration_scores_ = calibration
        self.threshold_ = check_number("threshold", files.facts.get("threshold"))


def _scores(packed: PackedDocuments, log_ratios: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores ``(n,)``; `WORST_LIKELIHOOD_SCORE` without a known word."""
    weights = np.log1p(packed.counts.astype(np.float64))
    documents = packed.documents
    sums = np.bincount(documents, weights * log_ratios[packed.rows], len(packed))
    totals = np.bincount(documents, weights, len(packed))
    return (-sums / np.maximum(totals, 1e-30) + 0.0).astype(np.float32)
