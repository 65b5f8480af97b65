"""Which detectors a `Detector` is made of, and their parameters."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from textocl.core.exceptions import TextoclWarning
from textocl.cvdd.detector import CVDD
from textocl.ensemble.labels import FEWEST_LABELLED, LABELS
from textocl.explain.text_detector import TextDetector
from textocl.form.character_likelihood import CharacterLikelihood
from textocl.form.surface_profile import SurfaceProfile
from textocl.shallow.density import KDE
from textocl.shallow.discriminant import Discriminant
from textocl.shallow.word_likelihood import WordLikelihood
from textocl.text.embeddings import load_embedding
from textocl.text.embeddings.contextual import ContextualVectors
from textocl.text.embeddings.looked_up_once import LookedUpOnce
from textocl.text.embeddings.trained import CorpusVectors
from textocl.text.languages import Cutting
from textocl.text.spaces import Space

#: of the density where anomalies may hide: wider, so that those left over support each other less
_ROBUST = {"bandwidth": 0.3}
_HALF_WEIGHT = 100  # suspected documents that count half as much as very many
#: weights beside the density in units of ``support_weight``, with a language model
_BESIDE_LANGUAGE_MODEL = {"word_density": 1.0, "contexts": 0.4, "words": 0.2}
#: without one, where all is trusted, and where anomalies may hide
_BESIDE = {False: {"contexts": 1.0, "words": 1.0}, True: {"contexts": 2.0, "words": 1.4}}
#: of the words in another language than English, which static vectors know less of
_WORDS_ELSEWHERE = 4.0


@dataclass(frozen=True)
class Composition:
    """Members that are not fitted yet, on one source of vectors; parameters as in `Detector`."""

    source: Any  # loaded
    texts: list[str]  # normal or not labelled, which the words are taken from
    n_contexts: int
    support_weight: float
    form_weight: float
    contamination: float | str
    cutting: Cutting
    random_state: int
    device: str
    verbose: bool

    @classmethod
    def of(cls, detector: Any, source: Any, texts: list[str], cutting: Cutting) -> Composition:
        """By the parameters of a `Detector`."""
        given = {"source": source, "texts": texts, "cutting": cutting}
        names = [field.name for field in fields(cls) if field.name not in given]
        return cls(**given, **{name: getattr(detector, name) for name in names})

    def unfitted(
        self, n_suspected: int = 0, n_labelled: int = 0
    ) -> dict[str, tuple[TextDetector, float]]:
        """The members by name, each with its weight before it is learned what they have to say.

        Parameters
        ----------
        n_suspected : documents that the densities are given as anomalies without being told so:
            they count the more, the more there are
        n_labelled : documents labelled -1; ten or more are told from all others by a member
        """
        is_robust = self.contamination != 0
        density = {**self._on_vectors, **(_ROBUST if is_robust else {})}
        if n_suspected:
            density["anomaly_weight"] = 0.5 * n_suspected / (n_suspected + _HALF_WEIGHT)
        members: dict[str, tuple[TextDetector, float]] = {
            "density": (
                KDE(
                    embedding=self.density_space,
                    pooling=self.pooling,
                    verbose=self.verbose,
                    **density,
                ),
                1.0,
            )
        }
        if self.support_weight:
            members |= self._support(density)
        if self.form_weight:
            surface = SurfaceProfile(random_state=self.random_state)
            characters = CharacterLikelihood(random_state=self.random_state)
            members |= {"surface": (surface, self.form_weight)}
            members |= {"characters": (characters, self.form_weight)}
        if n_labelled >= FEWEST_LABELLED:
            spaces = {"density": self.density_space, "word_density": self.word_space}
            for name, beside in LABELS.items():
                if beside in members:
                    space = spaces[beside]
                    members[name] = Discriminant(embedding=space, **self._on_vectors), 1.0
        return members

    def _support(self, density: dict[str, Any]) -> dict[str, tuple[TextDetector, float]]:
        """Members on words beside the density, which has these parameters."""
        members: dict[str, tuple[TextDetector, float]] = {}
        is_robust = self.contamination != 0
        shares = _BESIDE_LANGUAGE_MODEL if self.is_contextual else _BESIDE[is_robust]
        weights = {name: self.support_weight * share for name, share in shares.items()}
        if self.is_contextual:
            word_density = KDE(embedding=self.word_space, **density)
            members["word_density"] = (word_density, weights["word_density"])
        members["contexts"] = (
            CVDD(
                embedding=self.context_space,
                n_contexts=self.n_contexts,
                aggregation="softmin",
                **self._on_vectors,
            ),
            weights["contexts"],
        )
        if self.cutting.language is not None:
            words = WordLikelihood(language=self.cutting.language, **self._common)
            if not self.is_contextual and self.cutting.language != "en":
                weights["words"] = self.support_weight * _WORDS_ELSEWHERE
            members["words"] = (words, weights["words"])
        return members

    @property
    def is_contextual(self) -> bool:
        return isinstance(self.source, ContextualVectors)

    @property
    def pooling(self) -> str:
        """How the density pools the vectors of ``source``."""
        return "lead" if self.is_contextual else "mean"

    @cached_property
    def density_space(self) -> Space:
        """The space of the density on ``source``."""
        source = self.source if self.is_contextual else self._static
        return KDE(embedding=source, **self._on_vectors).space_of(self.texts, self.cutting)

    @cached_property
    def word_space(self) -> Space:
        """The same of static vectors."""
        if not self.is_contextual:
            return self.density_space
        return KDE(embedding=self._static, **self._on_vectors).space_of(self.texts, self.cutting)

    @cached_property
    def context_space(self) -> Space:
        """The space of the CVDD, on static vectors."""
        with warnings.catch_warnings():  # words without a vector were counted for the density
            warnings.simplefilter("ignore", TextoclWarning)
            return CVDD(embedding=self._static, **self._on_vectors).space_of(
                self.texts, self.cutting
            )

    @cached_property
    def _static(self) -> Any:
        """What gives every word one vector."""
        source: Any = load_embedding("wordllama") if self.is_contextual else self.source
        return source if isinstance(source, CorpusVectors) else LookedUpOnce(source)

    @property
    def _common(self) -> dict[str, Any]:
        return {
            "tokenization": self.cutting.tokenization,
            "calibration": "cross",
            "random_state": self.random_state,
        }

    @property
    def _on_vectors(self) -> dict[str, Any]:
        return {"language": self.cutting.language, "device": self.device, **self._common}
