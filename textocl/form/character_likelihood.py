"""Characters that are unlikely after those before them, by normal documents."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError
from textocl.core.learned import Learned, Scored
from textocl.core.persistence import ModelFiles
from textocl.core.thresholds import conformal_p_values
from textocl.core.training_scores import TrainingSamples
from textocl.core.update import UpdatableDetector, Update
from textocl.core.validation import check_integer
from textocl.explain.explanation import Explanation, FormEvidence
from textocl.explain.text_detector import TextDetector
from textocl.form.character_evidence import character_evidence
from textocl.form.character_model import WORST_CHARACTER_SCORE, CharacterModel
from textocl.form.character_windows import Windows
from textocl.text.tokenization import Span

_PIECE = re.compile(r"\S+")


@dataclass(kw_only=True, eq=False, repr=False)
class CharacterLikelihood(TextDetector, UpdatableDetector):
    """Scores a document by how unlikely its characters are after those before them.

    A language model of the characters of normal documents: case, digits, punctuation, white space
    and symbols count, in any language and alphabet. Use it where anomalies look different: spam,
    markup, codes, another language or way of writing. It needs no vectors, and judges every text
    but an empty one. Of what a document is about it sees the words that normal documents have or
    lack, not what they mean.

    Parameters
    ----------
    order : int from 2 to 5, default 5
        A character is judged by order − 1 characters before it. Lower orders need fewer documents,
        and see less of words.
    prior_length : int ≥ 0, default 30
        As if every text had so many characters more, of the surprisal that is normal. Raising it
        draws short texts nearer to normal, which few characters judge by chance.
    false_alarm_rate, random_state : as in `textocl.CVDD`
    calibration : "split", "training" or "cross", default "cross"
        As in `textocl.CVDD`; "cross" scores each training document by all others, exactly.

    Documents that are empty or white space, and known anomalies (``y`` = -1), are left out of
    learning. ``update`` adds up the counts; the alphabet and m stay those of ``fit``.

    Attributes
    ----------
    alphabet_ : str, the characters told apart, the most frequent first

    Notes
    -----
    ``score = (Σ_i s_i + k m) / (n + k)`` over the n characters and the mark after a text, with
    ``s_i = -log p_order`` in nats. The probability of a character after the j − 1 before it is
    ``p_j = (n_j + c p_{j−1}) / (n + c)``: normal documents have n_j windows of these j characters,
    and n of the first j − 1 of them; c = 5, and p_0 is the same for all characters. This is
    interpolation as by Witten and Bell, with the number of different characters that follow taken
    to be c; marks before a text are characters, too.
    Windows of all sizes share 4,194,301 buckets; the 4,094 most frequent characters are told apart.
    Counts are exact up to 63, then known to 7 %. Surprisals are whole multiples of 2⁻²⁰.
    m is the median of ``Σ_i s_i / n`` over the training documents, each by the others; k is
    ``prior_length``. 100 is the worst score, of an empty document; no other reaches it.

    Examples
    --------
    >>> ships = ["a tanker left port", "the tanker sank", "port of call", "a port for ships"]
    >>> detector = CharacterLikelihood(false_alarm_rate=0.5).fit(ships)
    >>> scores = detector.anomaly_score(["a tanker in port", "W1N £££ NOW!!"])
    >>> bool(scores[0] < scores[1])
    True
    """

    _WORST_SCORE: ClassVar[float | None] = WORST_CHARACTER_SCORE
    _CALIBRATIONS: ClassVar[tuple[str, ...]] = ("split", "training", "cross")
    state_: CharacterModel = field(init=False)
    sees_form: ClassVar[bool] = True
    #: nats; half of the spread of the most uniform of 13 topics (benchmarks/choose_characters.py)
    least_spread: ClassVar[float] = 0.1
    explains_exactly: ClassVar[bool] = True

    order: int = 5
    prior_length: int = 30
    false_alarm_rate: float = 0.05
    calibration: str = "cross"
    random_state: int = 0

    @property
    def alphabet_(self) -> str:
        return "".join(map(chr, self._fitted().state_.cutter.alphabet))

    def character_contributions(self, X: Any) -> list[NDArray[np.float64]]:
        """What each character of each document adds to its score; they sum to it.

        The surprisal of a character is split evenly among it and the order − 1 before it, which it
        is unlikely after.

        Returns
        -------
        An array ``(n,)`` for each document of n characters; 0 where it is not judged.

        Raises
        ------
        NotFittedError, DataError
        """
        texts = self._fitted()._texts(X)
        lengths = _judged_lengths(texts)
        return [
            self._contributions(self._windows(text)) if length else np.zeros(len(text))
            for text, length in zip(texts, lengths, strict=True)
        ]

    def _windows(self, text: str) -> Windows:
        (windows,) = self.state_.cutter.whole([text])
        return windows

    def _contributions(self, windows: Windows) -> NDArray[np.float64]:
        """`character_contributions` of a document that is judged, ``(n,)``."""
        n, prior = len(windows.places) - 1, self._fit_params["prior_length"]
        order = self.state_.cutter.order
        sizes = np.minimum(np.arange(n + 1) + 1, order)  # how many characters each window has
        sizes[-1] -= 1
        shares = self.state_.surprisals(windows) / sizes
        sums = np.zeros(n)
        for back in range(min(order, n + 1)):
            sums[: n + 1 - back] += shares[back : n + back]
        return (sums + prior * self.state_.median / n) / (n + prior)

    def _learn(self, training: TrainingSamples) -> Learned:
        normal = np.flatnonzero(training.labels >= 0)
        lengths = _judged_lengths([training.samples[i] for i in normal])
        judged = normal[lengths > 0]
        texts = [training.samples[i] for i in judged]
        kept, held_out = self._split_for_calibration(len(texts), self.random_state)
        n_unknown = len(normal) - len(judged)
        if len(kept) < 2:
            raise DataError(
                f"expected two documents or more to learn from, got {len(kept)}; {n_unknown:,} of "
                f"{len(normal):,} are empty or white space."
            )
        state, sums = CharacterModel.of([texts[i] for i in kept], self.order)
        training_scores = None
        if self.calibration != "cross":
            sums = state.sums([texts[i] for i in held_out])
        scores = _scores(state, sums, lengths[lengths > 0][held_out], self.prior_length)
        if self.calibration == "cross":
            training_scores = np.full(len(training), np.nan, np.float32)
            training_scores[judged] = scores
        return Learned(state, scores, n_unknown, len(normal), training_scores=training_scores)

    def _learn_more(self, new: TrainingSamples, n_folds: int) -> Update:
        normal = np.flatnonzero(new.labels >= 0)
        lengths = _judged_lengths([new.samples[i] for i in normal])
        judged, lengths = normal[lengths > 0], lengths[lengths > 0]
        state, scores = self.state_, np.full(len(new), np.nan, np.float32)
        if len(judged):
            state, sums = state.joined_by([new.samples[i] for i in judged])
            scores[judged] = _scores(state, sums, lengths, self._fit_params["prior_length"])
        return Update(state, scores, n_unknown=len(normal) - len(judged))

    @property
    def n_training_samples_(self) -> int | None:
        """How many normal documents it learned from; None in models saved before 0.2."""
        return self._fitted().state_.n_texts

    def _embed(self, texts: Sequence[str]) -> Sequence[str]:
        return texts

    def _scored_embedded(self, embedded: Sequence[str]) -> Scored:
        lengths = _judged_lengths(embedded)
        sums, prior = self.state_.sums(embedded), self._fit_params["prior_length"]
        return Scored(_scores(self.state_, sums, lengths, prior), lengths)

    def _explained(self, embedded: Sequence[str]) -> list[Explanation]:
        scores, n_known, _ = self._scored_embedded(embedded)
        p_values = conformal_p_values(self.calibration_scores_, scores)
        labels = np.where(n_known > 0, self._labels(scores), 0)
        return [
            self._explanation(text, float(scores[i]), float(p_values[i]), int(labels[i]))
            for i, text in enumerate(embedded)
        ]

    def _explanation(self, text: str, score: float, p_value: float, label: int) -> Explanation:
        spans = [Span(*match.span(), match.group()) for match in _PIECE.finditer(text)]
        number = {word: i for i, word in enumerate(dict.fromkeys(span.word for span in spans))}
        place = np.array([number[span.word] for span in spans], np.int64)
        contributions: NDArray[Any] = np.zeros(0)
        shares: NDArray[Any] = np.zeros(0)
        form: tuple[FormEvidence, ...] = ()
        if spans:
            windows = self._windows(text)
            # white space belongs to the piece before it, at the start of a text to the first
            starts = np.array([0, *(span.start for span in spans[1:])])
            of_pieces = np.add.reduceat(self._contributions(windows), starts)
            contributions = np.bincount(place, of_pieces)
            shares = np.bincount(place, np.diff(starts, append=len(text)) / len(text))
            evidence = character_evidence(
                self.state_, text, windows, score, self.threshold_, self.calibration_scores_
            )
            form = (evidence,)
        return Explanation(
            text=text,
            score=score,
            threshold=self.threshold_,
            p_value=p_value,
            label=label,
            words=list(number),
            counts=np.bincount(place, minlength=len(number)),
            attention=shares[:, None],
            contributions=contributions,
            evidence=contributions - self.threshold_ * shares,
            shares=shares,
            context_distances=np.empty(0),
            nearest_context=None,
            spans=spans,
            form=form,
        )

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_integer("order", self.order, 2, 5)
        check_integer("prior_length", self.prior_length, 0)
        check_integer("random_state", self.random_state, 0, 2**32 - 1)

    def _read_state(self, files: ModelFiles) -> CharacterModel:
        return CharacterModel.from_files(files, self.order)


def _judged_lengths(texts: Sequence[str]) -> NDArray[np.int64]:
    """Number of characters of each text, ``(n,)``; 0 of white space."""
    return np.array([0 if text.isspace() else len(text) for text in texts], np.int64)


def _scores(
    model: CharacterModel, sums: NDArray[np.float64], lengths: NDArray[np.int64], prior: int
) -> NDArray[np.float32]:
    """Scores ``(n,)`` of texts whose surprisals sum to ``sums``."""
    means = (sums + prior * model.median) / np.maximum(lengths + prior, 1)
    return np.where(lengths > 0, means, WORST_CHARACTER_SCORE).astype(np.float32)
