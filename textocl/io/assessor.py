"""What scores on the command line: the folder of a model or an exported file, as one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from textocl.core.assessment import Assessment
from textocl.core.exceptions import DataError
from textocl.core.thresholds import training_p_values
from textocl.io.corpora import Document
from textocl.io.results import Counts, Part, ResultRows, Task
from textocl.registry import DETECTORS, TEXTS

if TYPE_CHECKING:
    from textocl.core.detector import OneClassDetector


@dataclass(frozen=True)
class Assessor:
    """Says of texts what `textocl.io.results.RESULTS` names.

    Attributes
    ----------
    assess : texts to an `Assessment`
    threshold : scores above it are called anomalous
    """

    assess: Callable[[Sequence[str]], Assessment]
    threshold: float

    def part(self, rows: ResultRows, documents: list[Document]) -> Part:
        """Score one batch.

        Raises
        ------
        DataError
            A table has no column for a field of a document.
        """
        assessment = self.assess([document.text for document in documents])
        counts = Counts(len(documents), assessment.n_anomalous, assessment.n_not_judged)
        return Part(rows.lines(documents, assessment), counts)

    def in_order(self, tasks: Iterable[Task]) -> Iterator[Part]:
        """Score batches one after the other."""
        for rows, documents in tasks:
            if documents:
                yield self.part(rows, documents)


def load_assessor(
    model: Path, false_alarm_rate: float | None = None, *, n_threads: int = 0
) -> Assessor:
    """Load the folder of a model, or a ``.onnx`` file without torch.

    A ``false_alarm_rate`` of None is the model's own; an exported file has no other. A language
    model in such a file takes ``n_threads``, 0 for one on each core; other files take one, as more
    are hardly faster.

    Raises
    ------
    DataError
        An exported file takes something else than texts, or was made for another false-alarm rate.
    FormatError, MissingExtraError
        As `textocl.load` and `textocl.export.OnnxDetector`.
    """
    if is_exported(model):
        return _exported(model, false_alarm_rate, n_threads)
    detector = load_text_detector(model)
    if false_alarm_rate is not None:
        detector.recalibrate(false_alarm_rate=false_alarm_rate)
    return Assessor(partial(_assess_remembering, detector), detector.threshold_)


def _assess_remembering(detector: OneClassDetector, texts: Sequence[str]) -> Assessment:
    """Assess texts; those that the detector was trained on, and remembers, out of sample."""
    assessment = detector._assess(texts)
    recalled = detector.recalled_scores(texts)
    known = ~np.isnan(recalled)
    if not known.any():
        return assessment
    scores = np.where(known, recalled, assessment.score)
    return replace(
        assessment,
        score=scores,
        p_value=np.where(
            known, training_p_values(detector.calibration_scores_, recalled), assessment.p_value
        ),
        label=np.where(known, np.where(scores > detector.threshold_, -1, 1), assessment.label),
    )


def load_text_detector(model: Path) -> OneClassDetector:
    """Load the folder of a model; refuse one of images, which would take texts for their paths."""
    from textocl.core.persistence import load  # judges the folder before torch is imported

    detector = load(model)
    if TEXTS not in DETECTORS[type(detector).__name__].takes:
        raise DataError(
            f"{model} holds a {type(detector).__name__}, which scores images; give it to "
            "'textocl vision'."
        )
    return detector


def fingerprint(model: Path) -> str:
    """SHA-256 that tells a model from every other."""
    if not is_exported(model):
        from textocl.core.persistence import CONFIG  # holds the SHA-256 of the weights

        model = model / CONFIG
    return hashlib.sha256(model.read_bytes()).hexdigest()


def is_exported(model: Path) -> bool:
    """Tell an exported file from the folder of a model."""
    return model.suffix.lower() == ".onnx" and not model.is_dir()


def _exported(model: Path, false_alarm_rate: float | None, n_threads: int) -> Assessor:
    from textocl.export.frames import assessment_of
    from textocl.export.runtime import OnnxDetector

    detector = OnnxDetector(model, n_threads=1)
    if n_threads != 1 and "language_model" in detector.metadata:
        detector = OnnxDetector(model, n_threads=n_threads)
    if detector.metadata["input"] != "text":
        taken = detector.metadata["input"]
        raise DataError(f"{model} takes {taken}; expected a file of a detector on texts.")
    if false_alarm_rate not in (None, detector.false_alarm_rate):
        raise DataError(
            f"{model} has one threshold, for a false-alarm rate of {detector.false_alarm_rate:g}; "
            "for another rate give the folder of the model, which keeps its calibration scores."
        )

    return Assessor(lambda texts: assessment_of(detector.assess(texts)), detector.threshold_)
