"""Texts whose surface is unlike that of normal ones: long, loud, full of digits or addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError, FormatError
from textocl.core.learned import Learned, Scored
from textocl.core.persistence import ModelFiles
from textocl.core.thresholds import conformal_p_values
from textocl.core.training_scores import TrainingSamples, scores_across_folds
from textocl.core.update import UpdatableDetector, Update, kept_of
from textocl.core.validation import check_integer
from textocl.explain.explanation import Explanation, FormEvidence
from textocl.explain.text_detector import TextDetector
from textocl.form.kinds import SCRIPTS
from textocl.form.surface_measures import (
    MEASURES,
    N_SHARES,
    NAMES,
    Measured,
    main_script,
    measured,
)
from textocl.form.surface_places import Places, places_of
from textocl.text.tokenization import Span

WORST_SURFACE_SCORE = float(np.finfo(np.float32).max)
_FEWEST = 3  # documents to learn from
_FARTHEST = (
    6.0  # standard values are cut there for the covariance, so that few texts cannot bend it
)
_ROUNDS, _LEFT_OUT = 2, 0.15
MOST_SAMPLED = 2_000  # texts whose measures stay in a model
_USUAL = (0.02, 0.98)  # quantiles between which a measure of those left is usual
_QUARTILES = 1.349  # how far they are apart in a normal distribution
#: what is added of a usual text, in characters, letters, words or phrases: short ones are noisy
PRIOR_SIZES = {
    "visible": 20, "letters": 20, "characters": 20, "words": 5, "phrases": 5, "": 0,
}  # fmt: skip
_LEAST_SPREAD = np.array([measure.least_spread for measure in MEASURES])
_PRIOR_SIZES = np.array([PRIOR_SIZES[measure.of] for measure in MEASURES], np.float64)


@dataclass(frozen=True, repr=False)
class SurfaceState:
    """What a `SurfaceProfile` learns of d measures.

    Attributes
    ----------
    script : that most letters are of
    usual : (d,) median of each measure
    center, spread : (d,) median and spread of each measure as `standard` transforms it
    whitening : (d, d), W with W Wᵀ the inverse of the covariance of standard values
    low, high : (d,) between which the texts that are near lie, but for 2 % at each end
    sample : measures of up to 2,000 texts that it learned from; None in models saved before 0.2
    n_texts : how many it learned from
    """

    script: str
    usual: NDArray[np.float64]
    center: NDArray[np.float64]
    spread: NDArray[np.float64]
    whitening: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    sample: Measured | None = None
    n_texts: int = 0

    @classmethod
    def of(cls, texts: Measured, script: str) -> SurfaceState:
        """Learn from measures of texts that have visible characters; keep no sample.

        Twice more without those that are then farthest: anomalies among them hardly count.
        """
        state = cls._of_all(texts, script)
        for _ in range(_ROUNDS):
            scores = state.scores(texts)
            near = np.flatnonzero(scores <= np.quantile(scores, 1 - _LEFT_OUT))
            state = cls._of_all(texts.take(near), script)
        return state

    def sampled(self, texts: Measured) -> SurfaceState:
        """The same with a sample of the ``texts`` it learned from."""
        n = len(texts.parts)
        _, chosen = kept_of(0, 0, n, MOST_SAMPLED)
        return replace(self, sample=texts.take(chosen), n_texts=n)

    def joined_by(self, texts: Measured) -> SurfaceState:
        """Learn from the sample, and from more texts."""
        sample = self._former
        n = len(texts.parts)
        kept, joining = kept_of(len(sample.parts), self.n_texts, n, MOST_SAMPLED)
        everyone = sample.take(kept).joined_by(texts.take(joining))
        learned = SurfaceState.of(everyone, self.script)
        return replace(learned, sample=everyone, n_texts=self.n_texts + n)

    def shift(self, former: SurfaceState) -> float:
        """By how much it scores the sample of a former state higher, on the mean."""
        sample = former._former
        return float((self.scores(sample) - former.scores(sample)).mean())

    @property
    def _former(self) -> Measured:
        if self.sample is None:
            raise DataError(
                "this model was saved by a textocl that kept no measures to update: fit it again."
            )
        return self.sample

    @classmethod
    def _of_all(cls, texts: Measured, script: str) -> SurfaceState:
        from sklearn.covariance import ledoit_wolf

        usual = np.median(texts.values, axis=0)
        transformed = _transformed(texts, usual)
        low, center, high = np.quantile(transformed, [0.25, 0.5, 0.75], axis=0)
        spread = np.maximum((high - low) / _QUARTILES, _LEAST_SPREAD)
        standard = np.clip((transformed - center) / spread, -_FARTHEST, _FARTHEST)
        covariance = ledoit_wolf(standard, assume_centered=True)[0]
        # what hardly varies is taken to vary as much as the least spread says
        covariance += np.diag(np.maximum(1 - np.diag(covariance), 0))
        whitening = np.ascontiguousarray(np.linalg.inv(np.linalg.cholesky(covariance)).T)
        low, high = np.quantile(texts.values, _USUAL, axis=0)
        return cls(script, usual, center, spread, whitening, low, high)

    def standard(self, texts: Measured) -> NDArray[np.float64]:
        """Deviations from what is usual, ``(n, d)``: 1 is an ordinary one."""
        return (_transformed(texts, self.usual) - self.center) / self.spread

    def scores(self, texts: Measured) -> NDArray[np.float64]:
        """Scores ``(n,)``; the same to the bit whatever other texts stand beside."""
        columns = np.ascontiguousarray(self.standard(texts).T)
        squares = np.zeros(columns.shape[1])
        for weights in self.whitening.T:
            whitened = np.zeros(columns.shape[1])
            for column, weight in zip(columns, weights.tolist(), strict=True):
                if weight:
                    whitened += column * weight
            squares += whitened * whitened
        return np.sqrt(squares / len(NAMES))

    def embed(self, texts: Sequence[str]) -> Surfaces:
        """Measure ``texts``."""
        return Surfaces(texts, measured(texts, self.script))

    def to_files(self) -> ModelFiles:
        files = ModelFiles({"script": self.script}, {n: getattr(self, n) for n in _ARRAYS})
        if self.sample is not None:
            files.facts["n_texts"] = self.n_texts
            files.arrays["sample"] = np.stack(self.sample)
        return files


_ARRAYS = ("usual", "center", "spread", "whitening", "low", "high")


class Surfaces(NamedTuple):
    """Texts with their measures."""

    texts: Sequence[str]
    measured: Measured


def _transformed(texts: Measured, usual: NDArray[np.float64]) -> NDArray[np.float64]:
    """Square roots of shares and logarithms of the rest, drawn to what is usual, ``(n, d)``."""
    drawn = (texts.parts + _PRIOR_SIZES * usual) / (texts.totals + _PRIOR_SIZES)
    return np.concatenate([np.sqrt(drawn[:, :N_SHARES]), np.log1p(drawn[:, N_SHARES:])], axis=1)


@dataclass(kw_only=True, eq=False, repr=False)
class SurfaceProfile(TextDetector, UpdatableDetector):
    """Scores a text by how far its surface is from that of normal texts: length, case, digits.

    Use it beside detectors of topic: adverts, templates, logs, markup and text in another script
    differ in form though their words may be ordinary. It reads the raw text in any language,
    learns in a second, and says of each measure what is normal. Alone it is blind to meaning.

    Parameters
    ----------
    false_alarm_rate, random_state : as in `textocl.CVDD`
    calibration : "split", "training" or "cross", default "cross"
        As in `textocl.CVDD`; "cross" takes five folds.

    Known anomalies (``y`` = -1), and texts of white space only, are left out of learning.
    ``update`` learns anew from the measures of up to 2,000 former texts, and of new ones.

    Attributes
    ----------
    measure_names : (d,) str, of the measures below, in their order

    Notes
    -----
    Shares of the visible characters: digits, ASCII punctuation, other symbols, emoji, combining
    marks, invisible characters (control, format, private, unassigned and replacement characters),
    and characters that are as the two before them. Shares of the letters: capitals, accented
    (Latin beyond ASCII), and foreign (not of the script of most letters that it learned from).
    White space as a share of all characters. Places where a letter and a digit meet, a word.
    Phrases of three words that stood in the text before, as a share of all. Mean length of a word
    (a run without white space), length of the longest, number of characters and of lines. Numbers
    of web and e-mail addresses, of numbers of seven digits or more, of prices (a digit beside a
    currency sign), hashtags, mentions, and HTML tags.

    A share p of s things becomes ``√((s p + s₀ m) / (s + s₀))`` with the median m of the training
    texts and s₀ = 20 characters, or 5 words; other measures x become ``log(1 + x)``. With z their
    distance from the median in units of a spread by quartiles, which has a least value, and S the
    Ledoit-Wolf covariance of z cut at ±6, its diagonal at least 1, the score is
    ``√(zᵀ S⁻¹ z / d)``. Median, spread and S are taken three times, from the second on
    without the 15 % of texts that are farthest. The score splits into
    ``z_i (S⁻¹ z)_i / (d score)``, which may be negative.

    Examples
    --------
    >>> notes = [f"meet you at the {place}" for place in ("port", "inn", "old mill", "lake", "zoo")]
    >>> detector = SurfaceProfile(false_alarm_rate=0.3).fit(notes)
    >>> scores = detector.anomaly_score(["see you at the inn", "WIN £500!!! call 0800 123 4567"])
    >>> bool(scores[0] < scores[1])
    True
    """

    _WORST_SCORE: ClassVar[float | None] = WORST_SURFACE_SCORE
    _CALIBRATIONS: ClassVar[tuple[str, ...]] = ("split", "training", "cross")
    state_: SurfaceState = field(init=False)
    explains_exactly: ClassVar[bool] = True
    sees_form: ClassVar[bool] = True
    measure_names: ClassVar[tuple[str, ...]] = NAMES

    false_alarm_rate: float = 0.05
    calibration: str = "cross"
    random_state: int = 0

    def measures(self, X: Any) -> NDArray[np.float64]:
        """Measures of texts as they are, ``(n, d)``: shares in [0, 1], lengths and numbers.

        Raises
        ------
        NotFittedError, DataError
        """
        return measured(self._fitted()._texts(X), self.state_.script).values

    def _learn(self, training: TrainingSamples) -> Learned:
        normal = np.flatnonzero(training.labels >= 0)
        texts = [training.samples[i] for i in normal]
        script = main_script(texts)
        all_of_them = measured(texts, script)
        kept, held_out = self._split_for_calibration(len(texts), self.random_state)
        is_known = all_of_them.n_visible > 0
        known, judged = kept[is_known[kept]], held_out[is_known[held_out]]
        if len(known) < _FEWEST or not len(judged):
            raise DataError(
                f"expected at least {_FEWEST} documents with visible characters to learn from, and "
                f"one to calibrate with; got {len(known)} and {len(judged)}."
            )
        learned_from = all_of_them.take(known)
        state = SurfaceState.of(learned_from, script).sampled(learned_from)
        training_scores = None
        if self.calibration == "cross":
            texts_of = all_of_them.take(judged)
            scores = scores_across_folds(
                len(judged),
                self.random_state,
                lambda others, fold: _float32(
                    SurfaceState.of(texts_of.take(others), script).scores(texts_of.take(fold))
                ),
            )
            training_scores = np.full(len(training), np.nan, np.float32)
            training_scores[normal[judged]] = scores
        else:
            scores = _float32(state.scores(all_of_them.take(judged)))
        n_unknown = len(held_out) - len(judged)
        return Learned(state, scores, n_unknown, len(held_out), training_scores=training_scores)

    def _learn_more(self, new: TrainingSamples, n_folds: int) -> Update:
        state, normal = self.state_, np.flatnonzero(new.labels >= 0)
        texts = measured([new.samples[i] for i in normal], state.script)
        known = np.flatnonzero(texts.n_visible)
        texts, judged = texts.take(known), normal[known]
        scores = np.full(len(new), np.nan, np.float32)
        if len(judged):
            scores[judged] = scores_across_folds(
                len(judged),
                self._fit_params["random_state"],
                lambda others, fold: _float32(
                    state.joined_by(texts.take(others)).scores(texts.take(fold))
                ),
                n_folds,
            )
        joined = state.joined_by(texts)
        n_unknown = len(normal) - len(judged)
        return Update(joined, scores, joined.shift(state), n_unknown=n_unknown)

    @property
    def n_training_samples_(self) -> int | None:
        """How many normal documents it learned from; None in models saved before 0.2."""
        return self._fitted().state_.n_texts or None

    def _scored_embedded(self, embedded: Surfaces) -> Scored:
        texts = embedded.measured
        is_known = texts.n_visible > 0
        scores = np.where(is_known, self.state_.scores(texts), WORST_SURFACE_SCORE)
        lengths = texts.parts[:, NAMES.index("length")].astype(np.int64)
        return Scored(_float32(scores), np.where(is_known, lengths, 0))

    def _explained(self, embedded: Surfaces) -> list[Explanation]:
        scores, n_known, _ = self._scored_embedded(embedded)
        p_values = conformal_p_values(self.calibration_scores_, scores)
        labels = np.where(n_known > 0, self._labels(scores), 0)
        return [
            self._explanation(
                text, embedded.measured.take(np.array([i])), scores[i], p_values[i], labels[i]
            )
            for i, text in enumerate(embedded.texts)
        ]

    def _explanation(
        self, text: str, one: Measured, score: float, p_value: float, label: int
    ) -> Explanation:
        state, names = self.state_, NAMES if label else ()
        d = len(names)
        contributions = shares = np.full(d, 1 / max(d, 1))
        if label:
            z = state.standard(one)[0]
            exact = float(state.scores(one)[0])
            contributions = z * (state.whitening @ (z @ state.whitening)) / max(d * exact, 1e-30)
        evidence = contributions - self.threshold_ * shares
        places = places_of(text, state.script) if label else {}
        values = one.values[0].tolist()
        form = tuple(
            FormEvidence(
                name=name,
                said=MEASURES[i].said(values[i], float(state.low[i]), float(state.high[i])),
                contribution=float(contributions[i]),
                evidence=float(evidence[i]),
                # what is too rare is about the whole text, not about the few places it has
                spans=places.get(name, ()) if values[i] >= state.low[i] else (),
                share=float(shares[i]),
                is_unusual=not state.low[i] <= values[i] <= state.high[i],
            )
            for i, name in enumerate(names)
        )
        return Explanation(
            text=text,
            score=float(score),
            threshold=self.threshold_,
            p_value=float(p_value),
            label=int(label),
            words=list(names),
            counts=np.array([len(evidence.spans) for evidence in form], np.int64),
            attention=shares[:, None],
            contributions=contributions,
            evidence=evidence,
            shares=shares,
            context_distances=np.empty(0),
            nearest_context=None,
            spans=_apart(text, form),
            form=form,
        )

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_integer("random_state", self.random_state, 0, 2**32 - 1)

    def _read_state(self, files: ModelFiles) -> SurfaceState:
        script, d = files.fact("script", str), len(NAMES)
        arrays = {
            name: files.array(name, np.float64, *([d, d] if name == "whitening" else [d]))
            for name in _ARRAYS
        }
        if script not in SCRIPTS:
            raise FormatError(f"its letters are of an unknown script, {script!r}.")
        if (arrays["usual"] < 0).any() or (arrays["spread"] <= 0).any():
            raise FormatError("a usual measure is negative, or a spread is not positive.")
        sample, n_texts = None, 0
        if "sample" in files.arrays:
            sample = Measured(*files.array("sample", np.float64, 2, None, d))
            n_texts = check_integer("n_texts", files.facts.get("n_texts"), len(sample.parts))
            if not len(sample.parts) or min(sample.parts.min(), sample.totals.min()) < 0:
                raise FormatError("its sample holds no texts, or measures below 0.")
        return SurfaceState(script, sample=sample, n_texts=n_texts, **arrays)


def surface_oddness(texts: Sequence[str]) -> NDArray[np.float64]:
    """How far the surface of each text is from that of most of them, ``(n,)``; 0 of white space."""
    script = main_script(texts)
    everything = measured(texts, script)
    known = np.flatnonzero(everything.n_visible)
    oddness = np.zeros(len(texts))
    if len(known) >= _FEWEST:
        judged = everything.take(known)
        oddness[known] = SurfaceState.of(judged, script).scores(judged)
    return oddness


def _float32(scores: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.fmin(scores, WORST_SURFACE_SCORE).astype(np.float32)


def _apart(text: str, form: Sequence[FormEvidence]) -> list[Span]:
    """Places in their order, of several that overlap those of the strongest evidence."""
    taken = np.zeros(len(text), bool)
    spans: list[Span] = []
    for evidence in sorted(form, key=lambda one: -abs(one.evidence)):
        places: Places = evidence.spans
        for start, end in places:
            if not taken[start:end].any():
                taken[start:end] = True
                spans.append(Span(start, end, evidence.name))
    return sorted(spans)
