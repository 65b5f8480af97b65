"""Context Vector Data Description (thesis §3.2.1): the central detector of textocl."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from textocl.core.learned import Learned, Scored
from textocl.core.persistence import ModelFiles
from textocl.core.thresholds import conformal_p_values
from textocl.core.training_scores import TrainingSamples
from textocl.core.update import UpdatableDetector, Update
from textocl.core.validation import check_choice, check_integer, check_number
from textocl.cvdd.contributions import explain_documents
from textocl.cvdd.parts import embedded_parts
from textocl.cvdd.scoring import (
    WORST_SCORE,
    Aggregation,
    ContextWeights,
    aggregate,
    aggregation_weights,
    resolve_aggregation,
)
from textocl.cvdd.state import CVDDState
from textocl.cvdd.training import TrainingSettings
from textocl.cvdd.update import recalibrated
from textocl.explain.contexts import Contexts, ContextSummary
from textocl.explain.explanation import Explanation
from textocl.explain.text_detector import TextDetector
from textocl.text.languages import Cutting, check_tokenization, doubts_of, settled
from textocl.text.spaces import Embedded, Space, WordSpace, fit_space
from textocl.text.tokenization import make_tokenizer
from textocl.text.vocabulary import Vocabulary
from textocl.training.devices import choose_device
from textocl.training.objectives import OBJECTIVES


@dataclass(kw_only=True, eq=False, repr=False)
class CVDD(TextDetector, UpdatableDetector):
    """Context Vector Data Description: distances to learned contexts, by self-attention.

    Each of r attention heads sums a document up as a weighted mean of its word vectors; the score
    is the mean cosine distance of the r sums to r learned context vectors. Use it to rank or flag
    off-topic documents, and to read what a corpus is about. It assumes that most training
    documents are normal, and that what makes a document normal shows in single words.

    Parameters
    ----------
    embedding : str, path, mapping or gensim KeyedVectors, default "wordllama"
        Where word vectors come from; see `textocl.load_embedding`. A language model ("minilm", for
        example) gives each word of each document its own vector.
    n_contexts : int ≥ 1, default 3
        Number of contexts r. More are finer, and make the score less clear-cut.
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
    aggregation : "mean", "min" or "softmin", default "mean"
        How the distances to the contexts become one score: their mean (eq. 3.13), the least, or a
        soft minimum between the two (weights softmax(−10 d) as in eq. 3.11; ranks best with five
        contexts). Weights here, as older code and models have them, are taken for the
        ``context_weights`` of a mean.
    context_weights : dict of context number to weight, r non-negative weights, or None
        How much each context counts in the aggregation; in a dict, contexts not named count
        nothing: ``{0: 1, 2: 0.5}``. See `textocl.cvdd.scoring.aggregation_weights`. None counts all
        alike. Contexts have their numbers once fitted: `recalibrate` takes weights too.
    tokenization : "auto", "english", "unicode" or "characters", default "auto"
        See `textocl.text.tokenization`. "auto" goes by the language of the training documents, see
        `textocl.text.languages.settled`; `fit_params_` has what it found.
    language : str or None, default "auto"
        Language of the general word list and word frequencies (package wordfreq); None for none.
        "auto" is the language of the training documents.
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
    calibration : "split", "training" or "cross", default "split"
        "split" holds out a fifth of the documents for threshold and p-values, so that the
        false-alarm rate holds for new ones; "training" uses the training scores themselves, which
        trains on everything but makes p-values of new documents too small; "cross" trains on
        everything, and takes the scores of each third from a model trained on the other two.
    n_typical : int ≥ 0, default 3
        Typical documents of each context whose beginning is stored in the model, to be shown; 0
        stores no text.
    random_state : int ≥ 0, default 0
    device : "auto", "cpu" or "cuda", default "auto"
        Where a fit trains. Scores come from the CPU, where they repeat bit for bit.
    verbose : bool, default False
        Draw a progress bar.

    ``update`` renews threshold and p-values only: attention and contexts are learned by ``fit``.

    Attributes
    ----------
    contexts_ : list of ContextSummary
        Of each: share of documents, top words, typical documents.
    context_vectors_ : (r, d) float32
    vocabulary_ : Vocabulary, where words have one vector each
    threshold_ : float
    calibration_scores_ : (n_calibration,) float32
    calibration_distances_ : (n_calibration, r) float32
    history_ : list of float, the objective after each epoch; empty after loading
    n_documents_ : int, of training that hold a known word

    Notes
    -----
    ``min over C, W1, W2 of mean_i Σ_k σ_k d(c_k, m_k) + λ ‖CᵀC − I‖²_F`` (eqs. 3.2-3.13).
    Deviations from the thesis, each measured in benchmarks/: vectors are centred and frequent
    words damped; contexts learn slower than attention; about 100 batches instead of 100 epochs.
    `CVDD.thesis` has the thesis's settings. A document without any known word scores 1, the worst;
    in training and calibration such documents are set aside, with a warning that counts them.

    See Also
    --------
    textocl.Detector : the default, which has a CVDD among its members and ranks better

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
    _WORST_SCORE: ClassVar[float | None] = WORST_SCORE
    _CALIBRATIONS: ClassVar[tuple[str, ...]] = ("split", "training", "cross")
    state_: CVDDState = field(init=False)
    explains_exactly: ClassVar[bool] = True

    embedding: Any = "wordllama"
    n_contexts: int = 3
    attention_size: int = 150
    orthogonality: float = 1.0
    alpha: float | str = 0.0
    n_epochs: int | None = None
    learning_rate: float = 0.001
    drop_after: float = 0.4
    context_rate: float = 0.1
    batch_size: int = 64
    weight_decay: float = 5e-7
    objective: str = "hsc"
    eta: float = 1.0
    aggregation: str | Sequence[float] = "mean"
    context_weights: Any = None
    tokenization: str = "auto"
    language: str | None = "auto"
    n_general_words: int = 50_000
    n_training_words: int = 200_000
    standardize: bool = True
    frequency_damping: float | None = 3e-4
    false_alarm_rate: float = 0.05
    calibration: str = "split"
    n_typical: int = 3
    random_state: int = 0
    device: str = "auto"
    verbose: bool = False

    @classmethod
    def thesis(cls, **parameters: Any) -> CVDD:
        """Return a detector with the settings of thesis §3.2.2, where ``parameters`` say no other.

        100 epochs, 40 at learning rate 0.01 and 60 at 0.001, contexts as fast as attention, raw
        word vectors, λ = 1 in the reference implementation's mean (1/r² here).
        """
        n_contexts = check_integer("n_contexts", parameters.get("n_contexts", 3), 1)
        settings: dict[str, Any] = {"n_epochs": 100, "learning_rate": 0.01, "context_rate": 1.0}
        settings |= {"standardize": False, "frequency_damping": None}
        settings["orthogonality"] = 1.0 / n_contexts**2
        return cls(**{**settings, **parameters})

    @property
    def contexts_(self) -> Contexts:
        return self._fitted().state_.contexts

    @property
    def context_vectors_(self) -> NDArray[np.float32]:
        return np.asarray(self._fitted().state_.weights.contexts.numpy())

    @property
    def calibration_distances_(self) -> NDArray[np.float32]:
        return self._fitted().state_.calibration_distances

    @property
    def history_(self) -> list[float]:
        return self._fitted().state_.history

    @property
    def n_documents_(self) -> int:
        return self._fitted().state_.n_documents

    def facts(self) -> dict[str, Any]:
        return self._fitted().state_.sizes()

    @property
    def vocabulary_(self) -> Vocabulary:
        """The words that the model knows; not with a language model, which knows any."""
        space = self._fitted().state_.space
        if not isinstance(space, WordSpace):
            raise AttributeError("a detector on a language model has no vocabulary")
        return space.vocabulary

    # --- learning ---

    @property
    def learns_from_anomalies(self) -> bool:
        return True

    def _learn(self, training: TrainingSamples) -> Learned:
        normal, crossed = np.flatnonzero(training.labels >= 0), self.calibration == "cross"
        kept, held_out = self._split_for_calibration(len(normal), self.random_state)
        texts = [training.samples[i] for i in normal[kept]]
        cutting = settled(self.tokenization, self.language, texts)
        space = self.space_of(texts, cutting)
        to_train, to_calibrate = embedded_parts(
            space,
            training,
            normal[kept],
            normal[held_out],
            self.n_contexts,
            across_folds=crossed,
            progress=self.verbose,
        )
        state = CVDDState.trained(
            space,
            to_train,
            to_calibrate if self.calibration == "split" else None,
            training,
            TrainingSettings.of(self),
            device=choose_device(self.device),
            n_typical=self.n_typical,
            across_folds=crossed,
        )
        scores = aggregate(state.calibration_distances, *self._resolved())
        known = np.intersect1d(normal, np.union1d(to_train.numbers, to_calibrate.numbers))
        training_scores = np.full(len(training), np.nan, np.float32)
        if crossed:
            training_scores[known] = scores
        return Learned(
            state,
            scores,
            len(normal) - len(known),
            len(normal),
            {"embedding": space.source_name, **cutting._asdict()},
            training_scores if crossed else None,
            doubts=doubts_of(cutting, texts),
        )

    def _learn_more(self, new: TrainingSamples, n_folds: int) -> Update:
        return recalibrated(self.state_, new, self._embedded_parts, self._aggregate)

    def space_of(self, texts: Sequence[str], cutting: Cutting) -> Space:
        """The space that a fit on these documents chooses."""
        return fit_space(
            self.embedding,
            texts,
            make_tokenizer(cutting.tokenization),
            content_words=True,
            language=cutting.language,
            n_general_words=self.n_general_words,
            n_training_words=self.n_training_words,
            standardized=self.standardize,
            frequency_damping=self.frequency_damping,
            seed=self.random_state,
        )

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
        aggregation : "mean", "min" or "softmin"; None leaves it
            Weights are taken for the ``context_weights`` of a mean.
        context_weights : dict of context number to weight, or r weights; None leaves them
            How much each context counts in the aggregation: ``{0: 1, 2: 0.5}``. Ones count all
            alike.
        false_alarm_rate : float in (0, 1); None leaves it

        Returns
        -------
        self

        Raises
        ------
        NotFittedError, DataError
        """
        params = self._fitted()._fit_params
        weights: ContextWeights | None = context_weights
        if weights is None and (aggregation is None or isinstance(aggregation, str)):
            weights = params["context_weights"]
        name, weights = resolve_aggregation(
            params["aggregation"] if aggregation is None else aggregation,
            weights,
            len(self.state_.contexts),
        )
        rate = params["false_alarm_rate"] if false_alarm_rate is None else false_alarm_rate
        self._recalibrate(
            aggregate(self.calibration_distances_, name, weights),
            {"aggregation": name, "context_weights": weights, "false_alarm_rate": rate},
        )
        return self

    # --- scoring ---

    def context_distances(self, X: Any) -> NDArray[np.float32]:
        """Distance of each document to each context (eq. 3.12), ``(n, r)`` float32 in [0, 1]."""
        state = self._fitted().state_
        parts = [state.distances(embedded) for embedded in self._embedded_parts(X)]
        return np.concatenate([np.empty((0, len(state.contexts)), np.float32), *parts])

    def points(self, X: Any) -> NDArray[np.float32]:
        """Return documents as points, ``(n, d)``: means of their words' vectors by attention.

        The mean over the contexts of m_k (thesis eq. 3.3); 0 without a known word. Features for the
        detectors on points, such as `textocl.OCSVM`.
        """
        state = self._fitted().state_
        points = [state.points(embedded) for embedded in self._embedded_parts(X)]
        return np.concatenate([np.empty((0, state.space.dimension), np.float32), *points])

    @property
    def n_training_samples_(self) -> int:
        """How many normal samples it learned from."""
        return self._fitted().n_documents_

    def context_summaries(self) -> list[ContextSummary]:
        """Its contexts, as `contexts_`."""
        return list(self._fitted().contexts_)

    @property
    def _space(self) -> Space:
        return self._fitted().state_.space

    def _scored_embedded(self, embedded: Embedded) -> Scored:
        distances, n_known = self.state_.distances(embedded), embedded.packed.n_distinct
        nearest = np.where(n_known > 0, distances.argmin(axis=1), -1)
        return Scored(self._aggregate(distances), n_known, nearest)

    def _explained(self, embedded: Embedded) -> list[Explanation]:
        scoring = self.state_.scoring_of(embedded)
        distances = scoring.distances(embedded.packed)
        scores = self._aggregate(distances)
        params = self._fit_params
        return explain_documents(
            embedded,
            scoring,
            distances=distances,
            weights=aggregation_weights(
                distances, params["aggregation"], params["context_weights"]
            ),
            scores=scores,
            p_values=conformal_p_values(self.calibration_scores_, scores),
            labels=self._labels(scores),
            threshold=self.threshold_,
        )

    def _aggregate(self, distances: NDArray[np.float32]) -> NDArray[np.float32]:
        params = self._fit_params
        return aggregate(distances, params["aggregation"], params["context_weights"])

    # --- parameters and files ---

    def _check_parameters(self) -> None:
        super()._check_parameters()
        for name in ("n_contexts", "attention_size", "batch_size", "n_training_words"):
            check_integer(name, getattr(self, name), 1)
        for name in ("n_general_words", "n_typical"):
            check_integer(name, getattr(self, name), 0)
        check_integer("random_state", self.random_state, 0, 2**32 - 1)
        if self.n_epochs is not None:
            check_integer("n_epochs (where not None)", self.n_epochs, 0)
        for name in ("orthogonality", "context_rate", "weight_decay"):
            check_number(name, getattr(self, name), 0)
        check_number("learning_rate", self.learning_rate, 0, low_open=True)
        check_number("drop_after", self.drop_after, 0, 1)
        check_tokenization(self.tokenization)
        check_choice("objective", self.objective, OBJECTIVES)
        check_number("eta", self.eta, 0, low_open=True)
        if self.alpha != "annealed":
            check_number("alpha (where not 'annealed')", self.alpha, 0)
        if self.frequency_damping is not None:
            check_number("frequency_damping", self.frequency_damping, 0, low_open=True)
        self._resolved()

    def _resolved(self) -> tuple[str, list[float] | None]:
        """Name of the aggregation, and weights of the contexts wherever they were given."""
        return resolve_aggregation(self.aggregation, self.context_weights, self.n_contexts)

    def _frozen_params(self) -> dict[str, Any]:
        name, weights = self._resolved()
        return {**super()._frozen_params(), "aggregation": name, "context_weights": weights}

    def _read_state(self, files: ModelFiles) -> CVDDState:
        state = CVDDState.from_files(
            files, self.tokenization, self.embedding, self.n_contexts, self.attention_size
        )
        # models of before 0.2 hold the distances only
        scores = np.sort(aggregate(state.calibration_distances, *self._resolved()))
        files.arrays.setdefault("calibration_scores", scores)
        return state
