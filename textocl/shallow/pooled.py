"""What detectors on pooled embeddings share: texts or features in, one point and score each."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from textocl.core.detector import OneClassDetector
from textocl.core.exceptions import DataError, FormatError, TextoclWarning
from textocl.core.persistence import ModelFiles
from textocl.core.thresholds import trim_highest
from textocl.core.validation import (
    check_choice,
    check_documents,
    check_features,
    check_integer,
    check_labels,
    check_number,
    is_features,
    warn_of_unknown,
)
from textocl.explain.explanation import Explanation
from textocl.text.pooling import POOLINGS
from textocl.text.spaces import ContextSpace, WordSpace, fit_space
from textocl.text.tokenization import make_tokenizer
from textocl.text.vectorizer import DocumentVectorizer, WordImportance, unit

#: score of a document without a known word: the largest float32
WORST_POOLED_SCORE = float(np.finfo(np.float32).max)
_FOLDS = 5
_POOLED_AT_ONCE = 2048  # documents or points; bounds the memory of scoring
_N_GENERAL_WORDS, _N_TRAINING_WORDS = 50_000, 200_000

Arrays = dict[str, NDArray[Any]]


@dataclass(kw_only=True, eq=False, repr=False)
class PooledDetector(OneClassDetector):
    """A detector on points: pooled embeddings of texts, or ready-made features.

    ``fit`` takes a list of texts, or an array of features ``(n, d)``; the other members then take
    the same kind. Each text becomes one point: the pooled vectors of its words, at unit length.

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
        Share of unlabelled anomalies suspected among the training documents. Half as many points
        again, those farthest from the mean point, are then left out of learning, and this share of
        the highest held-out scores out of calibration. Costs a little where there is none.
    false_alarm_rate, random_state, device, verbose
        As in `textocl.CVDD`.
    calibration : "split", "training" or "cross", default "split"
        As in `textocl.CVDD`; "cross" learns from all documents, and takes the threshold from the
        scores that each fifth of them gets from a detector learned on the other four.

    Attributes
    ----------
    n_documents_ : int, normal documents or points learned from
    suspected_ : (m,) int64, after fitting
        Numbers of the documents that ``contamination`` left out of learning.
    cross_scores_ : (n,) float32, after fitting with calibration "cross"
        Of each document given to ``fit``; NaN for anomalies and documents without a known word.
    """

    _UNSAVED: ClassVar[tuple[str, ...]] = ("device", "verbose")
    _CALIBRATIONS: ClassVar[tuple[str, ...]] = ("split", "training", "cross")
    #: what `_learn` returns: name -> (dtype, sizes); a letter is the same size everywhere, d the
    #: size of a point
    _ARRAYS: ClassVar[dict[str, tuple[type, str]]]

    embedding: Any = "wordllama"
    pooling: str = "mean"
    whitening: float = 0.0
    unit_length: bool | None = None
    tokenization: str = "english"
    language: str | None = "en"
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
    def _learn(self, points: NDArray[np.float32], labels: NDArray[np.int64]) -> Arrays:
        """Learn from points ``(n, d)`` with labels ``(n,)`` in {+1, 0, -1}; see ``_ARRAYS``."""

    @abstractmethod
    def _score(self, learned: Arrays, points: NDArray[np.float32]) -> NDArray[Any]:
        """Score points ``(n, d)`` by what `_learn` returned, each independently of the others."""

    @property
    def _learns_from_anomalies(self) -> bool:
        return False

    def fit(self, X: Any, y: Any = None) -> PooledDetector:
        """Learn what is normal.

        Parameters
        ----------
        X : list of str, or features (n, d)
        y : n labels or None
            +1 normal, 0 unlabelled, -1 anomaly; unless the class says otherwise, known anomalies
            are left out.

        Raises
        ------
        DataError
            ``X`` is neither, too little is left to learn from, or a parameter is wrong.
        """
        self._check_parameters()
        given, from_texts = self._judge(X)
        labels = check_labels(y, len(given))
        normal = np.flatnonzero(labels >= 0)
        if not len(normal):
            raise DataError(
                "cannot learn from an empty corpus: expected normal documents, got none."
            )
        training, held_out = self._split_for_calibration(len(normal), self.random_state)
        training, held_out = normal[training], normal[held_out]
        view = self._fit_vectorizer([given[i] for i in training]) if from_texts else None
        anomalies = np.flatnonzero(labels < 0)
        if self._learns_from_anomalies:
            training = np.sort(np.concatenate([training, anomalies]))
        raw, n_known = self._points(view, given, training, remember=True)
        training, raw = training[n_known > 0], raw[n_known > 0]
        n_unknown = int((n_known == 0).sum())
        if (labels[training] >= 0).sum() < 2:
            raise DataError(
                f"{len(training)} of {len(normal)} documents are left to learn from (the others "
                "have no known word or are held out), too few; give more documents."
            )
        metric, learned, suspected = self._learn_from(raw, labels[training], from_texts)
        if self.calibration == "cross":
            scores = self._cross_scores(raw, labels[training], from_texts)
        elif self.calibration == "training":
            scores = self._scores(learned, _transform(raw[labels[training] >= 0], metric))
        else:
            held, n_known = self._points(view, given, held_out, remember=True)
            n_unknown += int((n_known == 0).sum())
            scores = self._scores(learned, _transform(held[n_known > 0], metric))
        if not len(scores):
            raise DataError(
                f"no document with known words is left to calibrate with (of {len(normal)}); "
                "give more documents, or calibration='training'."
            )
        # nothing above touched the detector: a failed or interrupted fit leaves it as it was
        self._vectorizer, self._metric, self._learned = view, metric, learned
        self.n_features_in_ = raw.shape[1]
        self.n_documents_ = int((labels[training] >= 0).sum())
        if self.calibration == "cross":
            self.cross_scores_ = np.full(len(given), np.nan, np.float32)
            self.cross_scores_[training[labels[training] >= 0]] = scores
        self.suspected_ = training[suspected]
        self._freeze_params()
        if view is not None:
            self._fit_params["embedding"] = view.space.source_name
        self._calibrate(trim_highest(scores, self.contamination))
        if n_unknown:
            warnings.warn(
                f"{n_unknown:,} of {len(given):,} documents have no known word; they were set "
                "aside.",
                TextoclWarning,
                stacklevel=2,
            )
        self._warn_of_shortage()
        return self

    def anomaly_score(self, X: Any) -> NDArray[np.float32]:
        """Score documents or points, ``(n,)`` float32; higher is more anomalous.

        A document without a known word scores `WORST_POOLED_SCORE`, and a warning counts such
        documents.

        Raises
        ------
        NotFittedError, DataError
        """
        scores, n_known = self._scores_and_known(X)
        warn_of_unknown(int((n_known == 0).sum()), len(n_known))
        return scores

    def points(self, X: Any) -> NDArray[np.float32]:
        """Return what the detector sees of each document or feature vector, ``(n, d)``."""
        given = self._judge_like_fit(X)
        points, _ = self._points(self._vectorizer, given, np.arange(len(given)))
        return _transform(points, self._metric)

    def explain(self, X: Any) -> list[Explanation]:
        """Say which words make each document normal or anomalous; one `Explanation` each.

        A word's contribution is what the score falls by when the word is taken out of the
        document's pooled vector, shared out so that the contributions add up to the score; see
        `textocl.explain.occlusion`. Where a language model gives the vectors, the other words
        keep theirs.
        """
        from textocl.explain.occlusion import explain_by_occlusion

        given = self._judge_like_fit(X)
        if self._vectorizer is None:
            raise DataError("this detector was fitted on features; only texts have words.")
        view = self._vectorizer
        return [
            explanation
            for start in range(0, len(given), 256)
            for explanation in explain_by_occlusion(
                given[start : start + 256],
                view,
                lambda points: self._scores(self._learned, _transform(points, self._metric)),
                self.calibration_scores_,
                self.threshold_,
                WORST_POOLED_SCORE,
            )
        ]

    # --- from what was given to points ---

    def _judge(self, X: Any) -> tuple[Any, bool]:
        """Return ``X`` as a list of texts or an array of features, and whether it is texts."""
        if is_features(X):
            return check_features(X), False
        return check_documents(X), True

    def _judge_like_fit(self, X: Any) -> Any:
        self._fitted()
        given, from_texts = self._judge(X)
        if not len(given):
            return given
        if from_texts != (self._vectorizer is not None):
            expected = "texts" if self._vectorizer else f"features (n, {self.n_features_in_})"
            raise DataError(f"this {type(self).__name__} was fitted on {expected}; give the same.")
        if not from_texts and given.shape[1] != self.n_features_in_:
            raise DataError(
                f"expected {self.n_features_in_} features, as in fit, got {given.shape[1]}."
            )
        return given

    def _fit_vectorizer(self, texts: Sequence[str]) -> DocumentVectorizer:
        space = fit_space(
            self.embedding,
            texts,
            make_tokenizer(self.tokenization),
            content_words=False,
            language=self.language,
            n_general_words=_N_GENERAL_WORDS,
            n_training_words=_N_TRAINING_WORDS,
            standardized=self.standardize,
            frequency_damping=self.frequency_damping,
            seed=self.random_state,
        )
        return DocumentVectorizer.fitted(space, self.pooling, texts)

    def _points(
        self,
        view: DocumentVectorizer | None,
        given: Any,
        which: NDArray[np.int64],
        *,
        remember: bool = False,
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Points ``(n, d)`` before the metric, and how many known words each has, ``(n,)``."""
        if view is None:
            return np.asarray(given[which], np.float32), np.ones(len(which), np.int64)
        texts = [given[i] for i in which]
        if remember and isinstance(view.space, ContextSpace):  # long work: all at once, with a bar
            view.space.remember(texts, progress=self.verbose)
        pooled, n_known = [np.empty((0, view.space.dimension), np.float32)], [np.empty(0, np.int64)]
        for start in range(0, len(texts), _POOLED_AT_ONCE):
            embedded = view.space.embed(texts[start : start + _POOLED_AT_ONCE])
            pooled.append(view.pooled(embedded))
            n_known.append(embedded.packed.n_distinct)
        return np.concatenate(pooled), np.concatenate(n_known)

    def _fit_metric(self, points: NDArray[np.float32], from_texts: bool) -> Arrays:
        to_unit = self._to_unit(from_texts)
        metric: Arrays = {"unit_length": np.array([to_unit])}
        if self.whitening:
            from sklearn.covariance import ledoit_wolf

            exact = (unit(points) if to_unit else points).astype(np.float64)
            size = float(np.abs(exact).max()) or 1.0  # so that no square overflows or vanishes
            covariance, _ = ledoit_wolf(exact / size)
            values, directions = np.linalg.eigh(covariance)
            least = max(1e-12 * values[-1], 1e-30)
            scale = np.maximum(values, least) ** (-self.whitening / 2) * size**-self.whitening
            metric["whitening_matrix"] = directions * scale  # (d, d)
        return metric

    def _learn_from(
        self, raw: NDArray[np.float32], labels: NDArray[np.int64], from_texts: bool
    ) -> tuple[Arrays, Arrays, NDArray[np.bool_]]:
        """Metric, what is learned, and which points were left out as suspected anomalies."""
        kept = np.ones(len(raw), bool)
        normal = np.flatnonzero(labels >= 0)
        if self.contamination:
            points = unit(raw[normal]) if self._to_unit(from_texts) else raw[normal]
            kept[normal[~central(points, 1 - 1.5 * self.contamination)]] = False
        metric = self._fit_metric(raw[kept & (labels >= 0)], from_texts)
        return metric, self._learn(_transform(raw[kept], metric), labels[kept]), ~kept

    def _to_unit(self, from_texts: bool) -> bool:
        return from_texts if self.unit_length is None else self.unit_length

    def _cross_scores(
        self, raw: NDArray[np.float32], labels: NDArray[np.int64], from_texts: bool
    ) -> NDArray[np.float32]:
        """Scores of the normal points, ``(n,)``, each from a detector learned without its fifth."""
        normal, anomalies = np.flatnonzero(labels >= 0), np.flatnonzero(labels < 0)
        fold = np.random.default_rng(self.random_state).permutation(len(normal)) % _FOLDS
        scores = np.empty(len(normal), np.float32)
        for k in range(min(_FOLDS, len(normal))):
            others = np.concatenate([normal[fold != k], anomalies])
            metric, learned, _ = self._learn_from(raw[others], labels[others], from_texts)
            scores[fold == k] = self._scores(learned, _transform(raw[normal[fold == k]], metric))
        return scores

    def _scores(self, learned: Arrays, points: NDArray[np.float32]) -> NDArray[np.float32]:
        parts = [
            self._score(learned, points[start : start + _POOLED_AT_ONCE])
            for start in range(0, len(points), _POOLED_AT_ONCE)
        ]
        return _finite(np.concatenate(parts or [np.empty(0)]))

    def _scores_and_known(self, X: Any) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        given = self._judge_like_fit(X)
        scores, knowns = [np.empty(0, np.float32)], [np.empty(0, np.int64)]
        for start in range(0, len(given), _POOLED_AT_ONCE):
            which = np.arange(start, min(start + _POOLED_AT_ONCE, len(given)))
            points, n_known = self._points(self._vectorizer, given, which)
            part = self._scores(self._learned, _transform(points, self._metric))
            scores.append(np.where(n_known > 0, part, np.float32(WORST_POOLED_SCORE)))
            knowns.append(n_known)
        return np.concatenate(scores), np.concatenate(knowns)

    # --- parameters and files ---

    def _check_parameters(self) -> None:
        self._check_calibration_parameters()
        check_choice("pooling", self.pooling, POOLINGS)
        check_number("whitening", self.whitening, 0, 1)
        check_number("contamination", self.contamination, 0, 0.4)
        if self.frequency_damping is not None:
            check_number("frequency_damping", self.frequency_damping, 0, low_open=True)
        check_integer("random_state", self.random_state, 0, 2**32 - 1)
        self._check_own()

    def _to_files(self) -> ModelFiles:
        files = ModelFiles(
            {
                "threshold": self.threshold_,
                "n_documents": self.n_documents_,
                "n_features": self.n_features_in_,
                "unit_length": bool(self._metric["unit_length"][0]),
                "from_texts": self._vectorizer is not None,
            },
            {"calibration_scores": self.calibration_scores_, **self._learned},
        )
        if "whitening_matrix" in self._metric:
            files.arrays["whitening_matrix"] = self._metric["whitening_matrix"]
        if self._vectorizer is not None:
            part = self._vectorizer.to_files()
            files.facts.update(part.facts)
            files.arrays.update(part.arrays)
        return files

    def _from_files(self, files: ModelFiles) -> None:
        self._check_parameters()
        d = check_integer("n_features", files.facts.get("n_features"), 1)
        view = self._vectorizer_from(files) if files.facts.get("from_texts") is True else None
        if view is not None and view.space.dimension != d:
            raise FormatError("its vectors and its points differ in size.")
        metric: Arrays = {"unit_length": np.array([files.facts.get("unit_length") is True])}
        if self.whitening:
            metric["whitening_matrix"] = files.array("whitening_matrix", np.float64, d, d)
        self._vectorizer, self._metric = view, metric
        self._learned = self._read_learned(files, d)
        self.n_features_in_ = d
        self.n_documents_ = check_integer("n_documents", files.facts.get("n_documents"), 1)
        self._freeze_params()
        self.calibration_scores_ = files.array("calibration_scores", np.float32, None)
        if not len(self.calibration_scores_):
            raise FormatError("it has no calibration scores.")
        self.threshold_ = check_number("threshold", files.facts.get("threshold"))

    def _vectorizer_from(self, files: ModelFiles) -> DocumentVectorizer:
        space: WordSpace | ContextSpace
        if "fingerprint" in files.facts:
            space = ContextSpace.from_files(files, None, self.embedding)
        else:
            space = WordSpace.from_files(files, make_tokenizer(self.tokenization), self.embedding)
        if self.pooling != "tfidf":
            return DocumentVectorizer(space, self.pooling)
        return DocumentVectorizer(space, self.pooling, WordImportance.from_files(files))

    def _read_learned(self, files: ModelFiles, d: int) -> Arrays:
        sizes = {"d": d}
        learned = {}
        for name, (dtype, letters) in self._ARRAYS.items():
            shape = [int(c) if c.isdigit() else sizes.get(c) for c in letters.split()]
            learned[name] = files.array(name, dtype, *shape)
            sizes.update(zip(letters.split(), learned[name].shape, strict=True))
        return learned


def central(points: NDArray[np.float32], share: float, n_rounds: int = 3) -> NDArray[np.bool_]:
    """Which ``share`` of ``points`` ``(n, d)`` lies nearest to their own mean, ``(n,)``.

    A mean of everything is pulled towards what does not belong; so the mean is taken again over
    those kept, ``n_rounds`` times.
    """
    exact = points.astype(np.float64)
    kept = np.ones(len(points), bool)
    n_kept = max(2, round(share * len(points)))
    for _ in range(n_rounds):
        distances = np.linalg.norm(exact - exact[kept].mean(axis=0), axis=1)
        kept = np.zeros(len(points), bool)
        kept[np.argsort(distances, kind="stable")[:n_kept]] = True
    return kept


def _finite(scores: NDArray[Any]) -> NDArray[np.float32]:
    return np.clip(scores, -WORST_POOLED_SCORE, WORST_POOLED_SCORE).astype(np.float32)


def _transform(points: NDArray[np.float32], metric: Arrays) -> NDArray[np.float32]:
    to_unit = bool(metric["unit_length"][0])
    if to_unit:
        points = unit(points)
    if "whitening_matrix" in metric:
        points = _finite(points.astype(np.float64) @ metric["whitening_matrix"])
        points = unit(points) if to_unit else points
    return points
