"""Proof that an exported file agrees with its detector."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from textocl.core.detector import OneClassDetector
from textocl.core.exceptions import TextoclError
from textocl.core.metrics import evaluate, rank_correlation
from textocl.core.thresholds import ROUNDING, TOLERANCE, score_sizes
from textocl.core.validation import check_documents, is_features
from textocl.export.runtime import OnnxDetector

# by how a file stores its numbers; relative to the size of a score where that is above 1
LARGEST_DIFFERENCE = {"float32": TOLERANCE, "float16": 1e-3, "int8": 0.25}
# vectors of words are rounded to float16 on both sides, now and then to the other neighbour
_WITH_A_LANGUAGE_MODEL = 1e-4
_MOST_FLIPPED = 0.01  # share of samples at the threshold whose labels may differ


class VerificationError(TextoclError):
    """An exported file does not agree with its detector."""


@dataclass(frozen=True)
class Verification:
    """How an exported file compares with its detector on the same documents.

    Attributes
    ----------
    n_documents : int, or of images
    largest_difference : of scores, divided by the size of the score where that is above 1
    rank_agreement : Spearman's correlation of the scores; 1 is the same order, and where all scores
        of one side are equal 1 if those of the other differ within the bound, or else 0
    flipped_labels : number of documents with another label, which may be 0 for not judged
    at_threshold : number of documents that score the threshold but for rounding, so that their
        labels may differ
    words_kept, words_before : words with vectors in the file, and in the detector; None where
        ``max_words`` left none out
    auc, onnx_auc : in [0, 1], of the detector and of the file; None without labels
    samples : "documents", or "samples" of a detector of `textocl.vision`
    """

    n_documents: int
    largest_difference: float
    rank_agreement: float
    flipped_labels: int
    at_threshold: int
    words_kept: int | None = None
    words_before: int | None = None
    auc: float | None = None
    onnx_auc: float | None = None
    samples: str = "documents"

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def to_markdown(self) -> str:
        """A report, as a table."""
        rows = {
            self.samples: f"{self.n_documents:,}",
            "largest difference of scores": f"{self.largest_difference:.2g}",
            "rank agreement (Spearman)": f"{self.rank_agreement:.8f}",
            "flipped labels": f"{self.flipped_labels:,}",
            "scores at the threshold": f"{self.at_threshold:,}",
        }
        if self.words_kept is not None:
            rows["words with vectors"] = f"{self.words_kept:,} of {self.words_before:,}"
        if self.auc is not None and self.onnx_auc is not None:
            rows["AUC of the detector"] = f"{100 * self.auc:.4f} %"
            rows["AUC of the file"] = f"{100 * self.onnx_auc:.4f} %"
        lines = [f"| {name} | {value} |" for name, value in rows.items()]
        return "\n".join(["| measure | value |", "| --- | --- |", *lines]) + "\n"


def verify(
    detector: OneClassDetector,
    path: str | PathLike[str],
    X: Any,
    *,
    is_anomaly: Sequence[bool] | None = None,
    largest_difference: float | None = None,
) -> Verification:
    """Compare an exported file with its detector on documents, features or images ``X``.

    Parameters
    ----------
    detector : fitted
    path : what `textocl.export.to_onnx` wrote of it
    X : texts, or features or images if it takes these
    is_anomaly : (n,) bool, adds the AUC on both sides
    largest_difference : float or None
        Above it the file is refused. None is `LARGEST_DIFFERENCE` of the file's dtype, at least
        1e-4 with a language model, and no bound where ``max_words`` left words out. A float32
        file with a flipped label is refused, too, unless the score is the threshold but for
        rounding, and such labels are at most one, or 1 %. Models of textocl 0.1.0 have
        thresholds that documents score exactly; ``recalibrate`` gives them one in between.

    Raises
    ------
    VerificationError
        They do not agree.
    FormatError, DataError
    """
    X = list(X) if isinstance(X, Iterator) else X  # it is read twice
    on_texts = detector.SAMPLES == "documents" and not is_features(X)
    samples = check_documents(X) if on_texts else X
    file = OnnxDetector(path)
    dtype = str(file.metadata.get("dtype", "float32"))
    words = file.metadata.get("words", {})
    if largest_difference is None:
        largest_difference = LARGEST_DIFFERENCE[dtype] if not words else np.inf
        if "language_model" in file.metadata:
            largest_difference = max(largest_difference, _WITH_A_LANGUAGE_MODEL)
    ours, theirs = detector._assess(samples), file.assess(samples)
    scores, others = ours.score.astype(np.float64), theirs["score"].astype(np.float64)
    sizes = np.maximum(np.abs(scores), 1)
    apart = np.abs(scores - others) / sizes
    flipped = ours.label != theirs["label"]
    rounding = ROUNDING * score_sizes(detector.calibration_scores_, scores)
    at_threshold = np.abs(scores - detector.threshold_) <= rounding
    apart_by = float(apart.max(initial=0))
    agreement = rank_correlation(scores, others)
    comparison = Verification(
        n_documents=len(scores),
        largest_difference=apart_by,
        rank_agreement=float(apart_by <= largest_difference) if agreement is None else agreement,
        flipped_labels=int(flipped.sum()),
        at_threshold=int(at_threshold.sum()),
        words_kept=words.get("kept"),
        words_before=words.get("of"),
        auc=None if is_anomaly is None else evaluate(scores, is_anomaly).auc,
        onnx_auc=None if is_anomaly is None else evaluate(others, is_anomaly).auc,
        samples=detector.SAMPLES,
    )
    n_allowed = max(1, _MOST_FLIPPED * len(scores))
    wrong = (flipped & ~at_threshold).any() or comparison.flipped_labels > n_allowed
    exact = dtype == "float32" and not words
    if not apart_by <= largest_difference or (exact and wrong):
        raise VerificationError(
            f"{Path(path)} does not agree with its detector on {comparison.n_documents:,} "
            f"{comparison.samples}: scores differ by up to {apart_by:.2g} (bound "
            f"{largest_difference:g}), {comparison.flipped_labels:,} labels flipped, "
            f"{comparison.at_threshold:,} scores are the threshold but for rounding."
        )
    return comparison
