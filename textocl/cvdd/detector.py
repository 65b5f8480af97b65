"""Context Vector Data Description (thesis §3.2.1): the central detector of textocl."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from textocl.core.detector import Assessment, OneClassDetector
from textocl.core.exceptions import DataError, FormatError, TextoclWarning
from textocl.core.persistence import ModelFiles
from textocl.core.thresholds import conformal_p_values
from textocl.core.validation import (
    check_choice,
    check_documents,
    check_integer,
    check_labels,
    check_number,
    is_features,
    warn_of_unknown,
)
from textocl.cvdd.contexts import summarize_contexts
from textocl.cvdd.contributions import explain_documents
from textocl.cvdd.scoring import (
    SCORED_AT_ONCE,
    Aggregation,
    ContextWeights,
    ScoringTable,
    aggregate,
    aggregation_weights,
    check_aggregation,
    resolve_context_weights,
)
from textocl.cvdd.training import TrainingSettings, train_cvdd
from textocl.explain.contexts import Contexts, ContextSummary
from textocl.explain.explanation import Explanation
from textocl.text.pooling import pool
from textocl.text.spaces import ContextSpace, Embedded, Space, WordSpace, fit_space
from textocl.text.tokenization import make_tokenizer
from textocl.text.vocabulary import Vocabulary
from textocl.training.devices import choose_device
from textocl.training.objectives import OBJECTIVES


class _Part(NamedTuple):
    """Documents with a known word: their numbers among those given, and embedded."""

    numbers: NDArray[np.int64]
    embedded: Embedded

    def take(self, chosen: NDArray[np.int64]) -> _Part:
        return _Part(
            self.numbers[chosen], replace(self.embedded, packed=self.embedded.packed.take(chosen))
        )


class _Weights(NamedTuple):
    """What training learns: attention W1 ``(d, a)``, W2 ``(a, r)``, contexts ``(r, d)``."""

    W1: torch.Tensor
    W2: torch.Tensor
    contexts: torch.Tensor

    @torch.inference_mode()
    def scoring_table(self, vectors: torch.Tensor) -> ScoringTable:
        """What scores documents whose rows point into ``vectors`` ``(u, d)``."""
        logits = [torch.tanh(part.float() @ self.W1) @ self.W2 for part in vectors.split(1 << 14)]
        no_logits = self.W2.new_empty((0, self.W2.shape[1]))
        return ScoringTable(vectors, torch.cat(logits or [no_logits]), self.contexts)


class CVDD(OneClassDetector):
    """Finds documents that do not belong, by self-attention and context vectors.

    Each of r attention heads sums a document up as a weighted mean of its word vectors; the score
    is the mean cosine distance of the r sums to r learned context vectors. Use it to rank or flag
    off-topic documents, and to read the themes of a corpus. It assumes that most training
    documents are normal, and that what makes a document normal shows in single words.

    Parameters
    ----------
    embedding : str, path, mapping or gensim KeyedVectors, default "wordllama"
        Where word vectors come from; see `textocl.load_embedding`. A language model ("minilm", for
        example) gives each word of each document its own vector.
    n_contexts : int ≥ 1, default 3
        Number of contexts r. More give finer themes, and a score less clear-cut.
    attention_size : int ≥ 1, default 150
        Width d_a of the attention network.
    orthogonality : float ≥ 0, default 1.0
        Weight λ of ``‖CᵀC − I‖²_F``; raising it pushes the contexts apart. (The reference
        implementation takes the mean over the r² entries instead of the sum: its λ is r² times
        this one.)
    alpha : float ≥ 0 or "annealed", default 0.0
        How much training concentrates on each document's nearest context (eq. 3.11); 0 weighs all
        equally, "annealed" raises it 0, 1e-4, 1e-3, 1e-2, 1e-1 over the five fifths of the epochs
        (so it needs five of them to get there).
    n_epochs : int ≥ 0 or None, default None
        Passes over the training documents; None makes about 100 batches of them, at least one
        pass. Attention keeps drifting to words that all documents share, also those of other
        topics, so more is not better.
    learning_rate : float > 0, default 0.001
        Of Adam. A tenth of it after ``drop_after`` of the epochs.
    drop_after : float in [0, 1], default 0.4
    context_rate : float ≥ 0, default 0.1
        Learning rate of the context vectors as a multiple of ``learning_rate``. Slow contexts stay
        near the topics they start from, and attention learns to find these; with 1 they move
        together towards what every text has in common.
    batch_size : int ≥ 1, default 64
    weight_decay : float ≥ 0, default 5e-7
    objective : "deep-sad" or "hsc", default "hsc"
        What known anomalies (``y`` = -1) and normal documents (``y`` = +1) add to the objective;
        see `textocl.training.objectives`. Without labels it has no effect.
    eta : float > 0, default 1.0
        Weight η of labelled documents.
    aggregation : "mean", "min", "softmin", or r non-negative weights, default "mean"
        How the distances to the contexts become one score: their mean (eq. 3.13), the least, a soft
        minimum between the two (weights softmax(−10 d) as in eq. 3.11; ranks best with five
        contexts), or a mean with weights that select contexts, for example ``(1, 0, 1)``.
    context_weights : dict of context number to weight, r non-negative weights, or None
        How much each context counts in the aggregation; in a dict, contexts not named count
        nothing: ``{0: 1, 2: 0.5}``. See `textocl.cvdd.scoring.aggregation_weights`. None counts all
        alike. Contexts have their numbers once fitted: `recalibrate` takes weights too.
    tokenization : "english" or "unicode", default "english"
        See `textocl.text.tokenization`.
    language : str or None, default "en"
        Language of the general word list and word frequencies (package wordfreq); None for none.
    n_general_words : int ≥ 0, default 50000
        Frequent words of the language that the model knows beside those of the training documents.
    n_training_words : int ≥ 1, default 200000
        Most frequent words of the training documents to keep at most.
    standardize : bool, default True
        Subtract the mean vector of general language from all vectors.
    frequency_damping : float > 0 or None, default 3e-4
        General-language frequency at which a word's vector is halved; lower damps more. None is
        off.
    false_alarm_rate : float in (0, 1), default 0.05
        Share of normal documents (that hold a known word) that may be called anomalous.
    calibration : "split" or "training", default "split"
        "split" holds out a fifth of the documents for threshold and p-values, so that the
        false-alarm rate holds for new ones; "training" uses the training scores themselves, which
        trains on everything but makes p-values of new documents too small.
    n_typical : int ≥ 0, default 3
        Typical documents of each context whose beginning is stored in the model, to be shown; 0
        stores no text.
    random_state : int ≥ 0, default 0
    device : "auto", "cpu" or "cuda", default "auto"
        Where a fit trains. Scores come from the CPU, where they repeat bit for bit.
    verbose : bool, default False
        Draw a progress bar.

    Attributes
    ----------
    contexts_ : list of ContextSummary
        The themes: share of documents, top words, typical documents.
    context_vectors_ : (r, d) float32
    vocabulary_ : Vocabulary, where words have one vector each
    threshold_ : float
    calibration_scores_ : (n_calibration,) float32
    calibration_distances_ : (n_calibration, r) float32
    history_ : list of float
        Objective after each epoch; empty after loading.
    n_documents_ : int
        Training documents that hold a known word.

    Notes
    -----
    ``min over C, W1, W2 of mean_i Σ_k σ_k d(c_k, m_k) + λ ‖CᵀC − I‖²_F`` (eqs. 3.2-3.13).
    Deviations from the thesis, each measured in benchmarks/: vectors are centred and frequent
    words damped; contexts learn slower than attention; about 100 batches instead of 100 epochs.
    `CVDD.thesis` has the thesis's settings. A document without any known word scores 1, the worst;
    in training and calibration such documents are set aside, with a warning that counts them.

    References
    ----------
    L. Ruff, Y. Zemlyanskiy, R. Vandermeulen, T. Schnake, M. Kloft: Self-Attentive, Multi-Context
    One-Class Classification for Unsupervised Anomaly Detection on Text. ACL 2019.
    L. Ruff: Deep One-Class Learning. PhD thesis, TU Berlin 2021, §3.2.

    Examples
    --------
    >>> from itertools import product
    >>> who = ["a tanker", "the cargo ship", "two ferries", "a freighter", "one vessel"]
    >>> what = ["left the port", "sank in a storm", "waited at sea", "reached the harbour"]
    >>> ships = [" ".join(words) for words in product(who, what, ["today", "in May", "again"])]
    >>> detector = CVDD(n_contexts=2, n_general_words=5000).fit(ships)
    >>> detector.predict(["a ship reached port in a storm", "she plays the guitar"]).tolist()
    [1, -1]
    """

    _UNSAVED: ClassVar[tuple[str, ...]] = ("device", "verbose")

    def __init__(
        self,
        *,
        embedding: Any = "wordllama",
        n_contexts: int = 3,
        attention_size: int = 150,
        orthogonality: float = 1.0,
        alpha: float | str = 0.0,
        n_epochs: int | None = None,
        learning_rate: float = 0.001,
        drop_after: float = 0.4,
        context_rate: float = 0.1,
        batch_size: int = 64,
        weight_decay: float = 5e-7,
        objective: str = "hsc",
        eta: float = 1.0,
        aggregation: str | Sequence[float] = "mean",
        context_weights: Any = None,
        tokenization: str = "english",
        language: str | None = "en",
        n_general_words: int = 50_000,
        n_training_words: int = 200_000,
        standardize: bool = True,
        frequency_damping: float | None = 3e-4,
        false_alarm_rate: float = 0.05,
        calibration: str = "split",
        n_typical: int = 3,
        random_state: int = 0,
        device: str = "auto",
        verbose: bool = False,
    ) -> None:
        self.embedding = embedding
        self.n_contexts = n_contexts
        self.attention_size = attention_size
        self.orthogonality = orthogonality
        self.alpha = alpha
        self.n_epochs = n_epochs
        self.learning_rate = learning_rate
        self.drop_after = drop_after
        self.context_rate = context_rate
        self.batch_size = batch_size
        self.weight_decay = weight_decay
        self.objective = objective
        self.eta = eta
        self.aggregation = aggregation
        self.context_weights = context_weights
        self.tokenization = tokenization
        self.language = language
        self.n_general_words = n_general_words
        self.n_training_words = n_training_words
        self.standardize = standardize
        self.frequency_damping = frequency_damping
        self.false_alarm_rate = false_alarm_rate
        self.calibration = calibration
        self.n_typical = n_typical
        self.random_state = random_state
        self.device = device
        self.verbose = verbose

    @classmethod
    def thesis(cls, **parameters: Any) -> CVDD:
        """Return a detector with the settings of thesis §3.2.2, where ``parameters`` say no other.

        100 epochs, 40 at learning rate 0.01 and 60 at 0.001, contexts as fast as attention, raw
        word vectors, λ = 1 in the reference implementation's mean (1/r² here).
        """
        n_contexts = check_integer("n_contexts", parameters.get("n_contexts", 3), 1)
        settings: dict[str, Any] = {
            "n_epochs": 100,
            "learning_rate": 0.01,
            "context_rate": 1.0,
            "orthogonality": 1.0 / n_contexts**2,
            "standardize": False,
            "frequency_damping": None,
        }
        return cls(**{**settings, **parameters})

    def fit(self, X: Any, y: Any = None) -> CVDD:
        """Learn what is normal in documents ``X``.

        Parameters
        ----------
        X : list of str, n documents
        y : n labels or None
            +1 normal, 0 unlabelled, -1 anomaly; see ``objective``. For Outlier Exposure, give
            documents of a general corpus as anomalies.

        Returns
        -------
        self

        Raises
        ------
        DataError
            ``X`` is no list of strings, too few documents are left, or a parameter is wrong.
        """
        self._check_parameters()
        texts = _check_texts(X)
        labels = check_labels(y, len(texts))
        if not (labels >= 0).any():
            raise DataError(
                "cannot learn from an empty corpus: expected normal documents, got none."
            )
        space, training, held_out = self._prepare(texts, labels)
        device = choose_device(self.device)
        settings = TrainingSettings(
            **{field.name: getattr(self, field.name) for field in fields(TrainingSettings)}
        )
        trained_labels = labels[training.numbers]
        network, history = train_cvdd(
            training.embedded,
            trained_labels,
            _tensor(space, training.embedded).to(device),
            settings,
            device,
        )
        # scores come from the CPU, where they repeat bit for bit; a GPU would save little
        weights = _Weights(*(w.detach().cpu() for w in (network.W1, network.W2, network.contexts)))
        scoring = weights.scoring_table(_tensor(space, training.embedded))
        normal = training.take(np.flatnonzero(trained_labels >= 0))
        distances = scoring.distances(normal.embedded.packed)
        contexts = summarize_contexts(
            distances,
            scoring.attention(normal.embedded.packed),
            normal.embedded,
            [texts[i] for i in normal.numbers],
            normal.numbers,
            n_typical=self.n_typical,
        )
        calibration = distances
        if held_out is not training:
            if isinstance(space, ContextSpace):
                scoring = weights.scoring_table(_tensor(space, held_out.embedded))
            calibration = scoring.distances(held_out.embedded.packed)
        # nothing above touched the detector: a failed or interrupted fit leaves it as it was
        self._space = space
        self.history_ = history
        self.n_documents_ = len(normal.numbers)
        self.contexts_ = contexts
        self.calibration_distances_ = calibration
        self._weights = weights
        self._scoring = scoring if isinstance(space, WordSpace) else None
        self._freeze_params()
        self._fit_params["embedding"] = space.source_name
        self._calibrate(self._aggregate(calibration))
        n_normal = int((labels >= 0).sum())
        known = {
            *normal.numbers.tolist(),
            *held_out.numbers[labels[held_out.numbers] >= 0].tolist(),
        }
        self._warn_of_fit(n_normal, n_normal - len(known))
        return self

    def recalibrate(
        self,
        *,
        aggregation: Aggregation | None = None,
        context_weights: ContextWeights | None = None,
        false_alarm_rate: float | None = None,
    ) -> CVDD:
        """Judge differently without fitting again: choose contexts, or another false-alarm rate.

        Threshold and p-values are taken anew from the calibration documents' stored distances.

        Parameters
        ----------
        aggregation : "mean", "min", "softmin" or r weights; None leaves it
            ``(1, 0, 1)`` lets the first and the third context decide.
        context_weights : dict of context number to weight, or r weights; None leaves them
            How much each context counts in the aggregation: ``{0: 1, 2: 0.5}``. Ones count all
            alike. Weights here and weights as ``aggregation`` replace each other.
        false_alarm_rate : float in (0, 1); None leaves it

        Returns
        -------
        self

        Raises
        ------
        NotFittedError, DataError
        """
        params = self._fitted()._fit_params
        if aggregation is None:
            aggregation = params["aggregation"]
            if context_weights is not None and not isinstance(aggregation, str):
                aggregation = "mean"
        rate = params["false_alarm_rate"] if false_alarm_rate is None else false_alarm_rate
        r = len(self._weights.contexts)
        check_aggregation(aggregation, r)
        if context_weights is None and isinstance(aggregation, str):
            context_weights = params["context_weights"]
        weights = resolve_context_weights(context_weights, r, aggregation)
        check_number("false_alarm_rate", rate, 0, 1, low_open=True, high_open=True)
        self.aggregation, self.context_weights = aggregation, weights
        self.false_alarm_rate = rate
        params.update(aggregation=aggregation, context_weights=weights, false_alarm_rate=rate)
        self._calibrate(self._aggregate(self.calibration_distances_))
        self._warn_of_shortage()
        return self

    def anomaly_score(self, X: Any) -> NDArray[np.float32]:
        """Score documents: ``(n,)`` float32 in [0, 1], higher is more anomalous.

        A document without a known word scores 1, and a warning counts such documents.

        Raises
        ------
        NotFittedError, DataError
        """
        scores, n_known = self._scores_and_known(X)
        warn_of_unknown(int((n_known == 0).sum()), len(n_known))
        return scores

    def _scores_and_known(self, X: Any) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        distances, n_known = self._distances_and_known(_check_texts(X))
        return self._aggregate(distances), n_known

    def context_distances(self, X: Any) -> NDArray[np.float32]:
        """Distance of each document to each context (eq. 3.12), ``(n, r)`` float32 in [0, 1]."""
        return self._distances_and_known(_check_texts(X))[0]

    def points(self, X: Any) -> NDArray[np.float32]:
        """Return documents as points, ``(n, d)``: means of their words' vectors by attention.

        The mean over the contexts of m_k (thesis eq. 3.3); 0 without a known word. Features for the
        detectors on points, such as `textocl.OCSVM`.
        """
        points = [np.empty((0, self._fitted()._space.dimension), np.float32)]
        for _, embedded, scoring in self._embedded_parts(_check_texts(X)):
            packed = embedded.packed
            attention = scoring.attention(packed).mean(axis=1)  # (w,), sums to 1 a document
            points.append(pool(packed, embedded.table, "mean", attention / packed.counts))
        return np.concatenate(points)

    def explain(self, X: Any) -> list[Explanation]:
        """Say which words make each document normal or anomalous; one `Explanation` each."""
        explanations: list[Explanation] = []
        for part, embedded, scoring in self._embedded_parts(_check_texts(X)):
            distances = scoring.distances(embedded.packed)
            scores = self._aggregate(distances)
            explanations += explain_documents(
                part,
                embedded,
                self._space.spans,
                scoring,
                distances=distances,
                weights=self._context_shares(distances),
                scores=scores,
                p_values=conformal_p_values(self.calibration_scores_, scores),
                labels=self._labels(scores),
                threshold=self.threshold_,
            )
        return explanations

    @property
    def vocabulary_(self) -> Vocabulary:
        """The words that the model knows; not with a language model, which knows any."""
        space = self._fitted()._space
        if not isinstance(space, WordSpace):
            raise AttributeError("a detector on a language model has no vocabulary")
        return space.vocabulary

    @property
    def context_vectors_(self) -> NDArray[np.float32]:
        """The learned context vectors, ``(r, d)``."""
        return np.asarray(self._fitted()._weights.contexts.cpu().numpy())

    # --- training ---

    def _check_parameters(self) -> None:
        self._check_calibration_parameters()
        for name, least in (
            ("n_contexts", 1),
            ("attention_size", 1),
            ("batch_size", 1),
            ("n_general_words", 0),
            ("n_training_words", 1),
            ("n_typical", 0),
        ):
            check_integer(name, getattr(self, name), least)
        check_integer("random_state", self.random_state, 0, 2**32 - 1)
        if self.n_epochs is not None:
            check_integer("n_epochs (where not None)", self.n_epochs, 0)
        for name in ("orthogonality", "context_rate", "weight_decay"):
            check_number(name, getattr(self, name), 0)
        check_number("learning_rate", self.learning_rate, 0, low_open=True)
        check_number("drop_after", self.drop_after, 0, 1)
        check_choice("objective", self.objective, OBJECTIVES)
        check_number("eta", self.eta, 0, low_open=True)
        if self.alpha != "annealed":
            check_number("alpha (where not 'annealed')", self.alpha, 0)
        if self.frequency_damping is not None:
            check_number("frequency_damping", self.frequency_damping, 0, low_open=True)
        check_aggregation(self.aggregation, self.n_contexts)
        resolve_context_weights(self.context_weights, self.n_contexts, self.aggregation)

    def _prepare(
        self, texts: Sequence[str], labels: NDArray[np.int64]
    ) -> tuple[Space, _Part, _Part]:
        """Choose the space; embed the documents to train on and those to calibrate with."""
        normal = np.flatnonzero(labels >= 0)
        training, held_out = self._split_for_calibration(len(normal), self.random_state)
        training, held_out = normal[training], normal[held_out]
        space = fit_space(
            self.embedding,
            [texts[i] for i in training],
            make_tokenizer(self.tokenization),
            content_words=True,
            language=self.language,
            n_general_words=self.n_general_words,
            n_training_words=self.n_training_words,
            standardized=self.standardize,
            frequency_damping=self.frequency_damping,
            seed=self.random_state,
        )

        def part_of(numbers: NDArray[np.int64]) -> _Part:
            chosen = [texts[i] for i in numbers]
            if isinstance(space, ContextSpace):
                space.remember(chosen, progress=self.verbose)
            embedded = space.embed(chosen)
            return _Part(numbers, embedded).take(np.flatnonzero(embedded.packed.n_distinct))

        anomalies = np.flatnonzero(labels < 0)
        to_train = part_of(np.sort(np.concatenate([training, anomalies])))
        n_normal = int((labels[to_train.numbers] >= 0).sum())
        if n_normal < self.n_contexts:
            raise DataError(
                f"{n_normal} of {len(normal)} documents are left to learn from (the "
                "others have no known word or are held out), too few for "
                f"n_contexts={self.n_contexts}; give more documents or fewer contexts."
            )
        if self.calibration == "training":
            return space, to_train, to_train
        to_calibrate = part_of(held_out)
        if not len(to_calibrate.numbers):
            raise DataError(
                f"no document with known words is left to calibrate with (of {len(normal)}); "
                "give more documents, or calibration='training'."
            )
        return space, to_train, to_calibrate

    def _warn_of_fit(self, n_normal: int, n_unknown: int) -> None:
        if n_unknown:
            warnings.warn(
                f"{n_unknown:,} of {n_normal:,} documents have no known word; they were set aside.",
                TextoclWarning,
                stacklevel=3,
            )
        shortage = self._calibration_shortage(len(self.calibration_scores_))
        if shortage:
            warnings.warn(shortage, TextoclWarning, stacklevel=3)

    # --- scoring ---

    def _embedded_parts(
        self, texts: list[str]
    ) -> Iterator[tuple[list[str], Embedded, ScoringTable]]:
        """Some documents at a time, embedded, with what scores them."""
        self._fitted()
        for start in range(0, len(texts), SCORED_AT_ONCE):
            part = texts[start : start + SCORED_AT_ONCE]
            embedded = self._space.embed(part)
            scoring = self._scoring
            if scoring is None:
                scoring = self._weights.scoring_table(_tensor(self._space, embedded))
            yield part, embedded, scoring

    def _distances_and_known(
        self, texts: list[str]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Distances ``(n, r)``, and the number of known words of each document ``(n,)``."""
        no_distances = np.empty((0, len(self._fitted()._weights.contexts)), np.float32)
        distances, known = [no_distances], [np.empty(0, np.int64)]
        for _, embedded, scoring in self._embedded_parts(texts):
            distances.append(scoring.distances(embedded.packed))
            known.append(embedded.packed.n_distinct)
        return np.concatenate(distances), np.concatenate(known)

    def _aggregate(self, distances: NDArray[np.float32]) -> NDArray[np.float32]:
        params = self._fit_params
        return aggregate(distances, params["aggregation"], params["context_weights"])

    def _context_shares(self, distances: NDArray[np.float32]) -> NDArray[np.float32]:
        params = self._fit_params
        return aggregation_weights(distances, params["aggregation"], params["context_weights"])

    def _freeze_params(self) -> None:
        super()._freeze_params()
        self._fit_params["context_weights"] = resolve_context_weights(
            self.context_weights, self.n_contexts, self.aggregation
        )

    def _assess(self, X: Any) -> Assessment:
        distances, n_known = self._distances_and_known(_check_texts(X))
        nearest = np.where(n_known > 0, distances.argmin(axis=1), -1)
        return self._assessment(self._aggregate(distances), n_known, nearest)

    # --- saving ---

    def _to_files(self) -> ModelFiles:
        part = self._space.to_files()
        facts = {
            "threshold": self.threshold_,
            "n_documents": self.n_documents_,
            "contexts": [context.to_dict() for context in self.contexts_],
            **part.facts,
        }
        arrays = {
            **part.arrays,
            "context_vectors": self.context_vectors_,
            "calibration_distances": self.calibration_distances_,
        }
        if self._scoring is not None:
            arrays["attention_logits"] = self._scoring.logits.cpu().numpy()
        else:
            arrays["attention_W1"] = self._weights.W1.cpu().numpy()
            arrays["attention_W2"] = self._weights.W2.cpu().numpy()
        return ModelFiles(facts, arrays)

    def _from_files(self, files: ModelFiles) -> None:
        self._check_parameters()
        r, a = self.n_contexts, self.attention_size
        tokenizer = make_tokenizer(self.tokenization)
        space: Space
        if "fingerprint" in files.facts:
            space = ContextSpace.from_files(files, tokenizer, self.embedding)
            d = space.dimension
            W1 = files.array("attention_W1", np.float32, d, a)
            W2 = files.array("attention_W2", np.float32, a, r)
        else:
            space = WordSpace.from_files(files, tokenizer, self.embedding)
            d, u = space.dimension, len(space.vocabulary)
            logits = files.array("attention_logits", np.float32, u, r)
            W1, W2 = np.empty((d, 0), np.float32), np.empty((0, r), np.float32)
        contexts = files.array("context_vectors", np.float32, r, d)
        distances = files.array("calibration_distances", np.float32, None, r)
        summaries = Contexts(ContextSummary.from_dict(c) for c in files.fact("contexts", list))
        if not len(distances) or len(summaries) != r:
            raise FormatError("its contexts or calibration are not consistent.")
        self._space = space
        self.history_ = []
        self.n_documents_ = check_integer("n_documents", files.facts.get("n_documents"), 1)
        self.contexts_ = summaries
        self._weights = _Weights(*(torch.from_numpy(w) for w in (W1, W2, contexts)))
        self._scoring = None
        if isinstance(space, WordSpace):
            table = torch.from_numpy(space.vocabulary.table).to(torch.float32)
            self._scoring = ScoringTable(table, torch.from_numpy(logits), self._weights.contexts)
        self.calibration_distances_ = distances
        self._freeze_params()
        self.calibration_scores_ = np.sort(self._aggregate(distances))
        # scores are in [0, 1] but for rounding
        self.threshold_ = check_number("threshold", files.facts.get("threshold"), -0.01, 1.01)


def _check_texts(X: Any) -> list[str]:
    if is_features(X):
        raise DataError("CVDD takes texts, got an array of features.")
    return check_documents(X)


def _tensor(space: Space, embedded: Embedded) -> torch.Tensor:
    """The table; in float16 where a language model gives very many vectors."""
    table = torch.from_numpy(embedded.table)
    return table.float() if isinstance(space, WordSpace) else table
