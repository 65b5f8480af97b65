"""Words that are commoner in normal documents than in general language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError, FormatError
from textocl.core.learned import Learned, Scored
from textocl.core.persistence import ModelFiles, words_array
from textocl.core.thresholds import conformal_p_values
from textocl.core.training_scores import TrainingSamples, scores_across_folds
from textocl.core.validation import check_integer, check_number
from textocl.explain.explanation import Explanation
from textocl.explain.text_detector import TextDetector
from textocl.text.documents import PackedDocuments, pack
from textocl.text.languages import check_tokenization, doubts_of, settled
from textocl.text.spaces import Embedded
from textocl.text.tokenization import CutTexts, Tokenizer, make_tokenizer
from textocl.text.vocabulary import frequent_words, general_frequencies
from textocl.text.word_index import WordIndex

_RAREST = 1e-8  # share in general language of a word that its list does not have
_DISCOUNT = 0.5  # taken off each word's weight: rare words are rarer than they look
WORST_LIKELIHOOD_SCORE = 0.0


@dataclass(frozen=True, repr=False)
class LikelihoodState:
    """What a `WordLikelihood` learns.

    Attributes
    ----------
    words : u words, those of the training documents first
    log_ratios : (u,) float32
    tokenizer : Tokenizer
    """

    words: list[str]
    log_ratios: NDArray[np.float32]
    tokenizer: Tokenizer

    @cached_property
    def index(self) -> WordIndex:
        return WordIndex(self.words)

    def embed(self, texts: Sequence[str]) -> Embedded:
        """Look the words of ``texts`` up."""
        packed = pack(texts, self.tokenizer, self.index)
        return self.embed_packed(packed, CutTexts(texts, self.tokenizer))

    def embed_packed(self, packed: PackedDocuments, cut: CutTexts) -> Embedded:
        """Texts whose words were looked up already; these words have no vectors."""
        return Embedded(packed, np.empty((len(self.words), 0), np.float16), self.words, cut=cut)

    def to_files(self) -> ModelFiles:
        return ModelFiles({}, {"words": words_array(self.words), "log_ratios": self.log_ratios})


@dataclass(kw_only=True, eq=False, repr=False)
class WordLikelihood(TextDetector):
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
    false_alarm_rate, random_state : as in `textocl.CVDD`
    calibration : "split", "training" or "cross", default "split"
        As in `textocl.CVDD`; "cross" takes five folds.

    Documents without a known word, and known anomalies (``y`` = -1), are left out of learning.

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

    _WORST_SCORE: ClassVar[float | None] = WORST_LIKELIHOOD_SCORE
    _CALIBRATIONS: ClassVar[tuple[str, ...]] = ("split", "training", "cross")
    state_: LikelihoodState = field(init=False)
    explains_exactly: ClassVar[bool] = True

    mixture: float = 0.5
    min_documents: int = 2
    tokenization: str = "auto"
    language: str | None = "auto"
    n_general_words: int = 50_000
    false_alarm_rate: float = 0.05
    calibration: str = "split"
    random_state: int = 0

    @property
    def words_(self) -> list[str]:
        return self._fitted().state_.words

    @property
    def log_ratios_(self) -> NDArray[np.float32]:
        return self._fitted().state_.log_ratios

    def _learn(self, training: TrainingSamples) -> Learned:
        normal = np.flatnonzero(training.labels >= 0)
        texts = [training.samples[i] for i in normal]
        kept, held_out = self._split_for_calibration(len(texts), self.random_state)
        cutting = settled(self.tokenization, self.language, texts)
        if cutting.language is None:
            raise DataError(
                "WordLikelihood compares with general language, and the documents are in none that "
                "has a word list; give the language, or take a detector that needs none, as KDE."
            )
        tokenizer = make_tokenizer(cutting.tokenization)
        words, counts = self._counted([texts[i] for i in kept], tokenizer, cutting.language)
        frequency = general_frequencies(cutting.language, tokenizer)
        shares = np.array([max(frequency.get(word, 0.0), _RAREST) for word in words])
        ratios = self._log_ratios(shares, counts)
        if not ratios.any():
            raise DataError(
                f"no word occurs in {self.min_documents} of {len(kept)} documents; give more "
                "documents, or a lower min_documents."
            )
        state = LikelihoodState(words, ratios, tokenizer)
        packed = state.embed([texts[i] for i in held_out]).packed
        scores = np.where(packed.n_distinct > 0, _scores(packed, ratios), np.float32(np.nan))
        training_scores = None
        if self.calibration == "cross":
            known = np.flatnonzero(packed.n_distinct)
            scores[known] = self._cross_scores(shares, counts, packed.take(known), known)
            training_scores = np.full(len(training), np.nan, np.float32)
            training_scores[normal] = scores
        judged = scores[~np.isnan(scores)]
        if not len(judged):
            raise DataError(
                f"no document with known words is left to calibrate with (of {len(texts)}); "
                "give more documents, or calibration='training'."
            )
        n_unknown = len(scores) - len(judged)
        return Learned(
            state,
            judged,
            n_unknown,
            len(scores),
            cutting._asdict(),
            training_scores,
            doubts=doubts_of(cutting, texts),
        )

    def _counted(
        self, texts: list[str], tokenizer: Tokenizer, language: str
    ) -> tuple[list[str], PackedDocuments]:
        """Words, those of the documents first, then general ones; and the documents."""
        general = frequent_words(language, self.n_general_words, tokenizer)
        distinct = sorted({w for part in tokenizer.cut(texts) for w in part.words})
        document_words = [word for word in distinct if tokenizer.keeps(word)]
        if not document_words:
            raise DataError(f"no word is left of {len(texts)} documents to learn from.")
        packed = pack(texts, tokenizer, WordIndex(document_words))
        known = set(document_words)
        return document_words + [word for word in general if word not in known], packed

    def _log_ratios(
        self, shares: NDArray[np.float64], counts: PackedDocuments
    ) -> NDArray[np.float32]:
        """What each of u words is worth by these documents, ``(u,)``; 0 where they lack it."""
        weights = np.bincount(counts.rows, np.log1p(counts.counts), len(shares))
        holding = np.bincount(counts.rows, minlength=len(shares))
        weights = np.where(holding >= self.min_documents, weights - _DISCOUNT, 0).clip(min=0)
        odds = self.mixture / (1 - self.mixture)
        ratios = np.log1p(odds * weights / max(weights.sum(), 1e-30) / shares)
        return np.asarray(ratios, np.float32)

    def _cross_scores(
        self,
        shares: NDArray[np.float64],
        counts: PackedDocuments,
        packed: PackedDocuments,
        known: NDArray[np.int64],
    ) -> NDArray[np.float32]:
        """Scores of the ``known`` documents, ``packed``, by the words of the other folds.

        A word that only the document's own fold holds is unknown, but for general ones. NaN where
        none is known.
        """
        n_document_words = int(counts.rows.max()) + 1

        def scores_of(others: NDArray[np.int64], fold: NDArray[np.int64]) -> NDArray[np.float32]:
            learned = counts.take(known[others])
            is_known = np.arange(len(shares)) >= n_document_words
            is_known[learned.rows] = True
            return _scores(packed.take(fold), self._log_ratios(shares, learned), is_known)

        return scores_across_folds(len(known), self.random_state, scores_of)

    def _scored_embedded(self, embedded: Embedded) -> Scored:
        packed = embedded.packed
        return Scored(_scores(packed, self.state_.log_ratios), packed.n_distinct)

    def _explained(self, embedded: Embedded) -> list[Explanation]:
        packed, ratios = embedded.packed, self.state_.log_ratios
        scores = _scores(packed, ratios)
        p_values = conformal_p_values(self.calibration_scores_, scores)
        labels = self._labels(scores)
        explanations = []
        for i, text in enumerate(embedded.texts):
            rows, spans = packed.rows_of(i), embedded.spans(i)
            place = {embedded.words[row]: j for j, row in enumerate(rows)}
            words = list(dict.fromkeys(span.word for span in spans))
            at = np.array([place[word] for word in words], np.int64)
            counts = packed.counts[packed.offsets[i] : packed.offsets[i + 1]][at]
            shares = np.log1p(counts.astype(np.float64))
            shares /= max(shares.sum(), 1e-30)
            contributions = -shares * ratios[rows[at]].astype(np.float64)
            explanations.append(
                Explanation(
                    text=text,
                    score=float(scores[i]),
                    threshold=self.threshold_,
                    p_value=float(p_values[i]),
                    label=int(labels[i]) if words else 0,
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

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_number("mixture", self.mixture, 0, 1, low_open=True, high_open=True)
        check_integer("min_documents", self.min_documents, 1)
        check_integer("n_general_words", self.n_general_words, 0)
        check_integer("random_state", self.random_state, 0, 2**32 - 1)
        check_tokenization(self.tokenization)
        if self.language is None:
            raise DataError(
                "WordLikelihood compares with general language: language must be a code such as "
                "'en', got None."
            )

    def _read_state(self, files: ModelFiles) -> LikelihoodState:
        words = files.words("words")
        ratios = files.array("log_ratios", np.float32, len(words))
        if len(set(words)) != len(words):
            raise FormatError("a word stands twice among its words.")
        return LikelihoodState(words, ratios, make_tokenizer(self.tokenization))


def _scores(
    packed: PackedDocuments,
    log_ratios: NDArray[np.float32],
    is_known: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:
    """Scores ``(n,)``; `WORST_LIKELIHOOD_SCORE` without a known word.

    Parameters
    ----------
    log_ratios : (u,)
    is_known : (u,), which words count; None for all, otherwise NaN stands for a document of none
    """
    weights = np.log1p(packed.counts.astype(np.float64))
    if is_known is not None:
        weights = np.where(is_known[packed.rows], weights, 0)
    documents = packed.documents
    sums = np.bincount(documents, weights * log_ratios[packed.rows], len(packed))
    totals = np.bincount(documents, weights, len(packed))
    scores = -sums / np.maximum(totals, 1e-30) + 0.0
    if is_known is not None:
        scores = np.where(totals > 0, scores, np.nan)
    return scores.astype(np.float32)
