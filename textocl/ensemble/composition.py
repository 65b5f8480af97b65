"""Which detectors a `Detector` is made of, and their parameters."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import TextoclWarning
from textocl.cvdd.detector import CVDD
from textocl.explain.text_detector import TextDetector
from textocl.shallow.density import KDE
from textocl.shallow.word_likelihood import WordLikelihood
from textocl.text.embeddings.contextual import ContextualVectors

#: what makes a density smooth over the anomalies that are left
_WIDE = {"bandwidth": 0.5, "whitening": 0.2}
#: weights beside the density in units of ``support_weight``, without and with a language model
_SHARES: dict[bool, dict[str, float]] = {
    False: {"contexts": 1.0, "words": 1.0},
    True: {"word_density": 1.0, "contexts": 0.4, "words": 0.2},
}


@dataclass(frozen=True)
class Composition:
    """Members that are not fitted yet, on one source of vectors; parameters as in `Detector`."""

    source: Any  # loaded
    n_contexts: int
    support_weight: float
    contamination: float
    tokenization: str
    language: str | None
    random_state: int
    device: str
    verbose: bool

    @classmethod
    def of(cls, detector: Any, source: Any) -> Composition:
        """By the parameters of a `Detector`."""
        names = [field.name for field in fields(cls) if field.name != "source"]
        return cls(source=source, **{name: getattr(detector, name) for name in names})

    def unfitted(self) -> dict[str, tuple[TextDetector, float]]:
        """The members by name, each with its weight."""
        density = {**self._on_vectors, "calibration": "cross"}
        if self.contamination:
            density |= _WIDE
        members: dict[str, tuple[TextDetector, float]] = {
            "density": (
                KDE(embedding=self.source, pooling=self._pooling, verbose=self.verbose, **density),
                1.0,
            )
        }
        if not self.support_weight:
            return members
        shares = _SHARES[self._is_contextual]
        weights = {name: self.support_weight * share for name, share in shares.items()}
        if self._is_contextual:
            word_density = KDE(embedding=self._static, **density)
            members["word_density"] = (word_density, weights["word_density"])
        contexts = CVDD(
            embedding=self._static,
            n_contexts=self.n_contexts,
            aggregation="softmin",
            **self._on_vectors,
        )
        members["contexts"] = (contexts, weights["contexts"])
        if self.language is not None:
            words = WordLikelihood(language=self.language, **self._common)
            members["words"] = (words, weights["words"])
        return members

    def suspected(self, texts: list[str], unlabelled: NDArray[np.int64]) -> NDArray[np.int64]:
        """Numbers of the ``unlabelled`` of ``texts`` that two robust detectors rank highest."""
        n_suspected = round(1.5 * self.contamination * len(unlabelled))
        if not n_suspected:
            return np.empty(0, np.int64)
        # so wide that hidden anomalies hardly support each other: nearly the distance to the mean
        density = KDE(
            embedding=self.source,
            pooling=self._pooling,
            bandwidth=0.7,
            whitening=0.0,
            verbose=self.verbose,
            **self._on_vectors,
        )
        ranks = np.zeros(len(texts))
        for detector in (density, CVDD(embedding=self._static, **self._on_vectors)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", TextoclWarning)
                scores, n_known, _ = detector.fit(texts)._scored(texts)
            ranks += np.argsort(np.argsort(np.where(n_known > 0, scores, -np.inf)))
        highest = np.argsort(-ranks[unlabelled], kind="stable")[:n_suspected]
        return np.sort(unlabelled[highest])

    @property
    def _is_contextual(self) -> bool:
        return isinstance(self.source, ContextualVectors)

    @property
    def _static(self) -> Any:
        """What gives every word one vector."""
        return "wordllama" if self._is_contextual else self.source

    @property
    def _pooling(self) -> str:
        return "lead" if self._is_contextual else "mean"

    @property
    def _common(self) -> dict[str, Any]:
        return {
            "tokenization": self.tokenization,
            "calibration": "training",  # held out once, by the `Detector`
            "random_state": self.random_state,
        }

    @property
    def _on_vectors(self) -> dict[str, Any]:
        return {"language": self.language, "device": self.device, **self._common}
