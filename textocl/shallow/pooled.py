"""What detectors on pooled embeddings share: texts or features in, one point and score each."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError
from textocl.core.learned import Learned, Scored
from textocl.core.persistence import ModelFiles
from textocl.core.thresholds import trim_highest
from textocl.core.training_scores import FOLDS, TrainingSamples, fold_numbers
from textocl.core.validation import (
    check_choice,
    check_documents,
    check_features,
    check_integer,
    check_number,
    is_features,
)
from textocl.explain.explanation import Explanation
from textocl.explain.occlusion import explain_by_occlusion
from textocl.explain.text_detector import TextDetector
from textocl.shallow.metric import WORST_POOLED_SCORE, Arrays, Metric, finite
from textocl.shallow.state import PooledState, read_arrays, read_vectorizer
from textocl.text.languages import Cutting, check_tokenization, doubts_of, settled
from textocl.text.pooling import POOLINGS
from textocl.text.spaces import ContextSpace, Embedded, Space, WordSpace, fit_space
from textocl.text.tokenization import make_tokenizer
from textocl.text.vectorizer import DocumentVectorizer, unit

_POOLED_AT_ONCE = 2048  # documents or points; bounds the memory of scoring
_N_GENERAL_WORDS, _N_TRAINING_WORDS = 50_000, 200_000


@dataclass(kw_only=True, eq=False, repr=False)
class PooledDetector(TextDetector):
    """A detector on points: pooled embeddings of texts, or ready-made features.

    ``fit`` takes a list of texts, or an array of features ``(n, d)``; the other members then take
    the same kind. Each text becomes one point: the pooled vectors of its words, at unit length.
    Unless the class says otherwise, known anomalies (``y`` = -1) are left out.

    Parameters
    ----------
    embedding : as in `textocl.load_embedding`, default "wordllama"
    pooling : "mean", "tfidf", "lead" or "max", default "mean"
        How the vectors of a document's words become one. Idf comes from the training documents.
        "lead", for language models, counts words less the later they stand; see
        `textocl.text.pooling.lead_weights`.
    whitening : float in [0, 1], default 0.0
        Exponent of the training points' covariance Σ (Ledoit-Wolf) in ``Σ^(−whitening/2) x``: 0
        leaves points as they are, 1 measures distances as Mahalanobis did.
    unit_length : bool or None, default None
        Whether points are scaled to length 1, so that angles count; None means for texts only.
    tokenization, language
        As in `textocl.CVDD`.
    standardize : bool, default True
        Subtract the mean vector of general language from word vectors.
    frequency_damping : float > 0 or None, default None
        As in `textocl.CVDD`.
    contamination : float in [0, 0.4], default 0.0
        Share of anomalies suspected among the unlabelled training documents. Half as many points
        again, those farthest from the mean point, are then left out of learning, and this share of
        the highest held-out scores out of calibration. What is labelled normal stays in both.
        Costs a little where there is none.
    false_alarm_rate, random_state, device, verbose
        As in `textocl.CVDD`.
    calibration : "split", "training" or "cross", default "split"
        As in `textocl.CVDD`; "cross" learns from all documents, and takes the threshold from the
        scores that each fifth of them gets from a detector learned on the other four.

    Attributes
    ----------
    n_documents_ : int, normal documents or points learned from
    training_scores_, training_p_values_, training_labels_, training_groups_, suspected_
        As in `textocl.core.detector.OneClassDetector`.
    """

    _UNSAVED: ClassVar[tuple[str, ...]] = ("device", "verbose")
    _WORST_SCORE: ClassVar[float | None] = WORST_POOLED_SCORE
    _SCORED_AT_ONCE: ClassVar[int] = 2048
    _CALIBRATIONS: ClassVar[tuple[str, ...]] = ("split", "training", "cross")
    #: what `_learn_points` returns: name -> (dtype, sizes); a letter is the same size
    #: everywhere, d the size of a point
    _ARRAYS: ClassVar[dict[str, tuple[type, str]]]

    state_: PooledState = field(init=False)

    embedding: Any = "wordllama"
    pooling: str = "mean"
    whitening: float = 0.0
    unit_length: bool | None = None
    tokenization: str = "auto"
    language: str | None = "auto"
    standardize: bool = True
    frequency_damping: float | None = None
    contamination: float = 0.0
    false_alarm_rate: float = 0.05
    calibration: str = "split"
    random_state: int = 0
    device: str = "auto"
    verbose: bool = False

    @abstractmethod
    def _check_own(self) -> None:
        """Judge the parameters that a subclass adds."""

    @abstractmethod
    def _learn_points(self, points: NDArray[np.float32], labels: NDArray[np.int64]) -> Arrays:
        """Learn from points ``(n, d)`` with labels ``(n,)`` in {+1, 0, -1}; see ``_ARRAYS``."""

    @abstractmethod
    def _score_points(self, learned: Arrays, points: NDArray[np.float32]) -> NDArray[Any]:
        """Score points ``(n, d)`` by what `_learn_points` returned, each by itself."""

    @property
    def n_documents_(self) -> int:
        return self._fitted().state_.n_documents

    @property
    def n_training_samples_(self) -> int:
        """How many normal samples it learned from."""
        return self.n_documents_

    @property
    def n_features_in_(self) -> int:
        return self._fitted().state_.metric.dimension

    # --- learning ---

    def _learn(self, documents: TrainingSamples) -> Learned:
        samples, labels = documents.samples, documents.labels
        noun, n_normal = self._noun(samples), int((labels >= 0).sum())
        normal, anomalies = np.flatnonzero(labels >= 0), np.flatnonzero(labels < 0)
        training, held_out = self._split_for_calibration(n_normal, self.random_state)
        training, held_out = normal[training], normal[held_out]
        vectorizer, found, doubts = None, {}, []
        if not isinstance(samples, np.ndarray):
            texts = [samples[i] for i in training]
            cutting = settled(self.tokenization, self.language, texts)
            space = self.space_of(texts, cutting)
            found = {"embedding": space.source_name, **cutting._asdict()}
            if isinstance(space, WordSpace):
                doubts = doubts_of(cutting, texts)
            vectorizer = DocumentVectorizer.fitted(space, self.pooling, texts)
        if self.learns_from_anomalies:
            training = np.sort(np.concatenate([training, anomalies]))
        raw, n_known = self._all_points(vectorizer, samples, training)
        training, raw = training[n_known > 0], raw[n_known > 0]
        n_unknown = int((n_known == 0).sum())
        is_normal = labels[training] >= 0
        least = 3 if self.calibration == "cross" else 2
        if is_normal.sum() < least:
            others = "are held out" if vectorizer is None else "have no known word or are held out"
            raise DataError(
                f"{is_normal.sum()} of {n_normal} {noun} are left to learn from (the others "
                f"{others}), and calibration={self.calibration!r} needs {least}: too few; give "
                f"more {noun}."
            )
        to_unit = self.unit_length if self.unit_length is not None else vectorizer is not None
        metric, learned, suspected = self._learn_from(raw, labels[training], to_unit)
        training_scores = None
        if self.calibration == "split":
            held, n_known = self._all_points(vectorizer, samples, held_out)
            n_unknown += int((n_known == 0).sum())
            judged = held_out[n_known > 0]
            scores = self._scores(learned, metric.transform(held[n_known > 0]))
        else:
            judged = training[is_normal]
            if self.calibration == "cross":
                crossed = self._cross_scores(raw, labels[training], to_unit)
                training_scores = np.full(len(samples), np.nan, np.float32)
                training_scores[training] = crossed
                scores = crossed[is_normal]
            else:
                scores = self._scores(learned, metric.transform(raw[is_normal]))
        if not len(scores):
            raise DataError(
                f"no document with known words is left to calibrate with (of {n_normal}); give "
                "more documents, or calibration='training'."
            )
        return Learned(
            PooledState(vectorizer, metric, learned, n_documents=int(is_normal.sum())),
            trim_highest(scores, self.contamination, labels[judged] > 0),
            n_unknown,
            len(samples),
            found,
            training_scores,
            training[suspected],
            doubts,
        )

    def space_of(self, texts: Sequence[str], cutting: Cutting) -> Space:
        """The space that a fit on these documents chooses."""
        return fit_space(
            self.embedding,
            texts,
            make_tokenizer(cutting.tokenization),
            content_words=False,
            language=cutting.language,
            n_general_words=_N_GENERAL_WORDS,
            n_training_words=_N_TRAINING_WORDS,
            standardized=self.standardize,
            frequency_damping=self.frequency_damping,
            seed=self.random_state,
        )

    def _all_points(
        self, vectorizer: DocumentVectorizer | None, samples: Any, which: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Points ``(n, d)`` before the metric, and how many known words each has, ``(n,)``."""
        if vectorizer is None:
            return samples[which], np.ones(len(which), np.int64)
        texts, space = [samples[i] for i in which], vectorizer.space
        if isinstance(space, ContextSpace):  # long work: all at once, with a bar
            space.remember(texts, progress=self.verbose)
        points, n_known = [np.empty((0, space.dimension), np.float32)], [np.empty(0, np.int64)]
        for start in range(0, len(texts), _POOLED_AT_ONCE):
            embedded = space.embed(texts[start : start + _POOLED_AT_ONCE])
            points.append(vectorizer.pooled(embedded))
            n_known.append(embedded.packed.n_distinct)
        return np.concatenate(points), np.concatenate(n_known)

    def _learn_from(
        self, raw: NDArray[np.float32], labels: NDArray[np.int64], to_unit: bool
    ) -> tuple[Metric, Arrays, NDArray[np.bool_]]:
        """Metric, what is learned, and which points were left out as suspected anomalies."""
        kept = np.ones(len(raw), bool)
        normal = np.flatnonzero(labels >= 0)
        if self.contamination:
            points = unit(raw[normal]) if to_unit else raw[normal]
            kept[normal] = central(points, 1 - 1.5 * self.contamination, labels[normal] > 0)
        metric = Metric.fitted(raw[kept & (labels >= 0)], to_unit, self.whitening)
        return metric, self._learn_points(metric.transform(raw[kept]), labels[kept]), ~kept

    def _cross_scores(
        self, raw: NDArray[np.float32], labels: NDArray[np.int64], to_unit: bool
    ) -> NDArray[np.float32]:
        """Scores of all points, ``(n,)``, each from a detector learned without its fold."""
        normal, anomalies = np.flatnonzero(labels >= 0), np.flatnonzero(labels < 0)
        folds = np.empty(len(raw), np.int64)
        folds[normal] = fold_numbers(len(normal), self.random_state)
        folds[anomalies] = fold_numbers(len(anomalies), self.random_state, min(FOLDS, len(normal)))
        scores = np.empty(len(raw), np.float32)
        for k in np.unique(folds[normal]):
            others, fold = folds != k, folds == k
            metric, learned, _ = self._learn_from(raw[others], labels[others], to_unit)
            scores[fold] = self._scores(learned, metric.transform(raw[fold]))
        return scores

    # --- scoring ---

    def points(self, X: Any) -> NDArray[np.float32]:
        """Return what the detector sees of each document or feature vector, ``(n, d)``."""
        return self._fitted().state_.metric.transform(self.pooled(X))

    def pooled(self, X: Any) -> NDArray[np.float32]:
        """Return the pooled vector of each document, ``(n, d)``, or features as they are."""
        samples = self._fitted()._texts(X)
        return self._all_points(self.state_.vectorizer, samples, np.arange(len(samples)))[0]

    def explain(self, X: Any) -> list[Explanation]:
        """Say which words make each document normal or anomalous; one `Explanation` each.

        A word's contribution is what the score falls by when the word is taken out of the
        document's pooled vector, shared out so that the contributions add up to the score; see
        `textocl.explain.occlusion`. Where a language model gives the vectors, the other words
        keep theirs.
        """
        samples = self._fitted()._texts(X)
        if self.state_.vectorizer is None:
            raise DataError("this detector was fitted on features; only texts have words.")
        return super().explain(samples)

    @property
    def _space(self) -> Space | None:
        vectorizer = self._fitted().state_.vectorizer
        return None if vectorizer is None else vectorizer.space

    def _embed(self, texts: Any) -> Any:
        return texts if self._space is None else self._space.embed(texts)

    def _scored_embedded(self, embedded: Embedded | NDArray[np.float32]) -> Scored:
        state = self.state_
        if isinstance(embedded, np.ndarray):
            scores = self._scores(state.learned, state.metric.transform(embedded))
            return Scored(scores, np.ones(len(scores), np.int64))
        points = cast(DocumentVectorizer, state.vectorizer).pooled(embedded)
        scores = self._scores(state.learned, state.metric.transform(points))
        n_known = embedded.packed.n_distinct
        return Scored(np.where(n_known > 0, scores, np.float32(WORST_POOLED_SCORE)), n_known)

    def _explained(self, embedded: Embedded) -> list[Explanation]:
        state = self.state_
        return explain_by_occlusion(
            embedded,
            cast(DocumentVectorizer, state.vectorizer),
            lambda points: self._scores(state.learned, state.metric.transform(points)),
            self.calibration_scores_,
            self.threshold_,
            WORST_POOLED_SCORE,
        )

    def _scores(self, learned: Arrays, points: NDArray[np.float32]) -> NDArray[np.float32]:
        parts = [
            self._score_points(learned, points[start : start + _POOLED_AT_ONCE])
            for start in range(0, len(points), _POOLED_AT_ONCE)
        ]
        return finite(np.concatenate(parts or [np.empty(0)]))

    # --- what was given ---

    def _read(self, X: Any) -> tuple[Any, None]:
        return (check_features(X) if is_features(X) else check_documents(X)), None

    def _texts(self, X: Any) -> Any:
        """Texts or features, of the kind that was learned from."""
        samples, _ = self._read(X)
        if not len(samples):
            return samples
        on_texts, d = self.state_.vectorizer is not None, self.n_features_in_
        if isinstance(samples, np.ndarray) == on_texts:
            expected = "texts" if on_texts else f"features (n, {d})"
            raise DataError(f"this {type(self).__name__} was fitted on {expected}; give the same.")
        if not on_texts and samples.shape[1] != d:
            raise DataError(f"expected {d} features, as in fit, got {samples.shape[1]}.")
        return samples

    def _copies(self, samples: Any) -> NDArray[np.int64] | None:
        return None if isinstance(samples, np.ndarray) else super()._copies(samples)

    def _noun(self, samples: Any = None) -> str:
        of_fit = samples is None and self.state_.vectorizer is None
        return "samples" if of_fit or isinstance(samples, np.ndarray) else "documents"

    # --- parameters and files ---

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_tokenization(self.tokenization)
        check_choice("pooling", self.pooling, POOLINGS)
        check_number("whitening", self.whitening, 0, 1)
        check_number("contamination", self.contamination, 0, 0.4)
        if self.frequency_damping is not None:
            check_number("frequency_damping", self.frequency_damping, 0, low_open=True)
        check_integer("random_state", self.random_state, 0, 2**32 - 1)
        self._check_own()

    def _read_state(self, files: ModelFiles) -> PooledState:
        d = check_integer("n_features", files.facts.get("n_features"), 1)
        vectorizer = None
        if files.facts.get("from_texts") is True:
            vectorizer = read_vectorizer(files, self.tokenization, self.embedding, self.pooling, d)
        metric = Metric.from_files(files, d, whitened=self.whitening > 0)
        n_documents = check_integer("n_documents", files.facts.get("n_documents"), 1)
        return PooledState(vectorizer, metric, self._read_learned(files, d), n_documents)

    def _read_learned(self, files: ModelFiles, d: int) -> Arrays:
        return read_arrays(files, self._ARRAYS, d)


def central(
    points: NDArray[np.float32],
    share: float,
    is_normal: NDArray[np.bool_] | None = None,
    n_rounds: int = 3,
) -> NDArray[np.bool_]:
    """Which ``share`` of ``points`` ``(n, d)`` lies nearest to their own mean, ``(n,)``.

    A mean of everything is pulled towards what does not belong; so the mean is taken again over
    those kept, ``n_rounds`` times. Points that are known to be normal ``(n,)`` are kept wherever
    they lie; the share is of the others.
    """
    exact = points.astype(np.float64)
    known = np.zeros(len(points), bool) if is_normal is None else is_normal
    n_known = int(known.sum())
    n_kept = max(2, n_known + round(share * (len(points) - n_known)))
    kept = np.ones(len(points), bool)
    for _ in range(n_rounds):
        distances = np.linalg.norm(exact - exact[kept].mean(axis=0), axis=1)
        distances[known] = -1
        kept = np.zeros(len(points), bool)
        kept[np.argsort(distances, kind="stable")[:n_kept]] = True
    return kept
