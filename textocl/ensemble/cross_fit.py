"""Fitting the members of a `Detector`, and their scores of documents they did not learn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError
from textocl.core.training_scores import TrainingSamples
from textocl.cvdd.detector import CVDD
from textocl.ensemble.members import OutOfSampleScores
from textocl.ensemble.suspicion import Suspected
from textocl.explain.text_detector import TextDetector
from textocl.form.character_likelihood import CharacterLikelihood
from textocl.form.surface_profile import SurfaceProfile
from textocl.shallow.density import KDE
from textocl.shallow.discriminant import Discriminant


def fit_members(
    detectors: Mapping[str, TextDetector],
    training: TrainingSamples,
    suspected: Suspected,
    *,
    taught: bool,
) -> tuple[OutOfSampleScores, NDArray[np.float32]]:
    """Fit each detector; score all documents that are not labelled -1, n of them, out of sample.

    What is suspected is left out of learning. CVDD and the characters leave out the surest of it
    only: few anomalies hardly move the contexts, and both would miss what is normal in the rest;
    many of a kind would make each other's characters likely. The surface, which is robust, and what
    tells labelled anomalies learn from all. What is learned from is scored across folds.

    Parameters
    ----------
    detectors : not fitted, with calibration "cross"
    training : m documents
    suspected : which of them are suspected to be anomalies
    taught : whether densities learn from these as anomalies

    Returns
    -------
    OutOfSampleScores of k members
    labelled : (m − n, k), scores of those labelled -1 by members that learn from them across folds;
        NaN by others

    Raises
    ------
    DataError
        A member knows no word of any document.
    """
    normal = np.flatnonzero(training.labels >= 0)
    scores = np.full((len(training), len(detectors)), np.nan, np.float32)
    distances = np.empty((len(training), 0), np.float32)
    labels = training.labels.copy()
    labels[suspected.numbers] = -1
    for k, detector in enumerate(detectors.values()):
        if taught and isinstance(detector, KDE):
            detector._fit_samples(replace(training, labels=labels))
            scores[:, k] = detector.training_scores_
            continue
        left_out = _left_out(detector, suspected)
        learned = np.setdiff1d(np.arange(len(training)), left_out)
        strange = [training.samples[i] for i in left_out]
        detector._fit_samples(training.take(learned))
        scores[learned, k] = detector.training_scores_
        scored = detector._scored(strange)
        scores[left_out, k] = np.where(scored.n_known > 0, scored.scores, np.nan)
        if isinstance(detector, CVDD):
            distances = np.ones((len(training), detector.n_contexts), np.float32)
            known = learned[~np.isnan(scores[learned, k])]
            distances[known] = detector.calibration_distances_
            distances[left_out] = detector.context_distances(strange)
    is_known = ~np.isnan(scores[normal])
    for name, column in zip(detectors, is_known.T, strict=True):
        if not column.any():
            raise DataError(
                f"no document has a word that the member {name!r} knows; give more documents."
            )
    judged = OutOfSampleScores(
        np.where(is_known, scores[normal], 0),
        is_known,
        ~np.isin(normal, suspected.numbers),
        distances[normal],
        training.labels[normal] > 0,
    )
    return judged, scores[training.labels < 0]


def _left_out(detector: TextDetector, suspected: Suspected) -> NDArray[np.int64]:
    """Which of the suspected documents a member does not learn from."""
    if isinstance(detector, (SurfaceProfile, Discriminant)):
        return np.empty(0, np.int64)
    if isinstance(detector, (CVDD, CharacterLikelihood)):
        return suspected.surest
    return suspected.numbers
