"""Words that are commoner in normal documents than in general language."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError
from textocl.core.learned import Learned, Scored
from textocl.core.persistence import ModelFiles
from textocl.core.thresholds import conformal_p_values
from textocl.core.training_scores import TrainingSamples, scores_across_folds
from textocl.core.update import UpdatableDetector, Update
from textocl.core.validation import check_integer, check_number
from textocl.explain.explanation import Explanation
from textocl.explain.text_detector import TextDetector
from textocl.shallow.likelihood_state import LikelihoodState, WordCounts, general_shares
from textocl.text.documents import PackedDocuments, pack
from textocl.text.languages import check_tokenization, doubts_of, settled
from textocl.text.spaces import Embedded
from textocl.text.tokenization import Tokenizer, make_tokenizer
from textocl.text.vocabulary import frequent_words
from textocl.text.word_index import WordIndex

WORST_LIKELIHOOD_SCORE = 0.0


@dataclass(kw_only=True, eq=False, repr=False)
class WordLikelihood(TextDetector, UpdatableDetector):
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
    ``update`` adds up the counts, and takes new words into the vocabulary.

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
        words, counted = self._counted([texts[i] for i in kept], tokenizer, cutting.language)
        shares = general_shares(words, cutting.language, tokenizer)
        counts = WordCounts.of(counted, len(words))
        ratios = counts.log_ratios(shares, self.mixture, self.min_documents)
        if not ratios.any():
            raise DataError(
                f"no word occurs in {self.min_documents} of {len(kept)} documents; give more "
                "documents, or a lower min_documents."
            )
        state = LikelihoodState(words, ratios, tokenizer, counts)
        packed = state.embed([texts[i] for i in held_out]).packed
        scores = np.where(packed.n_distinct > 0, _scores(packed, ratios), np.float32(np.nan))
        training_scores = None
        if self.calibration == "cross":
            known = np.flatnonzero(packed.n_distinct)
            scores[known] = self._cross_scores(shares, counted, packed.take(known), known)
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

    def _learn_more(self, new: TrainingSamples, n_folds: int) -> Update:
        state, params = self.state_, self._fit_params
        if state.counts is None:
            raise DataError(
                "this model was saved by a textocl that kept no counts of words to update: fit it "
                "again."
            )
        normal = np.flatnonzero(new.labels >= 0)
        texts, tokenizer = [new.samples[i] for i in normal], state.tokenizer
        distinct = sorted({w for part in tokenizer.cut(texts) for w in part.words})
        more = [word for word in distinct if word not in state.index and tokenizer.keeps(word)]
        words = state.words + more
        packed = pack(texts, tokenizer, WordIndex(words))
        shares, before = general_shares(words, params["language"], tokenizer), state.counts
        is_former = np.arange(len(words)) < len(state.words)
        how = params["mixture"], params["min_documents"]

        def scores_of(others: NDArray[np.int64], fold: NDArray[np.int64]) -> NDArray[np.float32]:
            learned = packed.take(others)
            counts = before.joined_by(WordCounts.of(learned, len(words)))
            is_known = is_former.copy()
            is_known[learned.rows] = True
            return _scores(packed.take(fold), counts.log_ratios(shares, *how), is_known)

        scores = np.full(len(new), np.nan, np.float32)
        if len(normal):
            seed = params["random_state"]
            scores[normal] = scores_across_folds(len(normal), seed, scores_of, n_folds)
        counts = before.joined_by(WordCounts.of(packed, len(words)))
        ratios = counts.log_ratios(shares, *how)
        # former documents on the mean, as if each word of them were a document
        fallen = state.log_ratios - ratios[: len(state.words)]
        return Update(
            LikelihoodState(words, ratios, tokenizer, counts),
            scores,
            float(fallen @ before.weights / max(before.weights.sum(), 1e-30)),
            n_unknown=int(np.isnan(scores[normal]).sum()),
        )

    @property
    def n_training_samples_(self) -> int | None:
        """How many normal documents it learned from; None in models saved before 0.2."""
        counts = self._fitted().state_.counts
        return None if counts is None else counts.n

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
            found = WordCounts.of(learned, len(shares))
            ratios = found.log_ratios(shares, self.mixture, self.min_documents)
            return _scores(packed.take(fold), ratios, is_known)

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
        return LikelihoodState.from_files(files, make_tokenizer(self.tokenization))


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
