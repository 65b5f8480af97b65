"""From a fitted detector to one ONNX file."""

from __future__ import annotations

import json
import os
from os import PathLike
from pathlib import Path
from typing import Any

import textocl
from textocl.detector import OneClassDetector
from textocl.exceptions import DataError
from textocl.export.calibration_graph import labels, p_values
from textocl.export.graph import Graph
from textocl.export.point_graphs import score_of_points, transformed
from textocl.export.text_graphs import Scored, check_exportable, score_of_texts
from textocl.export.words_graph import DTYPES, Words
from textocl.pooled import PooledDetector
from textocl.validation import check_choice

FORMAT_VERSION = 1
_TOP_WORDS = 10


def to_onnx(
    detector: OneClassDetector, path: str | PathLike[str], *, dtype: str = "float32"
) -> Path:
    """Write a fitted detector as one ONNX file that takes texts and gives scores.

    Parameters
    ----------
    detector : on static vectors, cutting words by ``tokenization="english"``; or a detector on
        points that was fitted on features
    path : the file to write, ``.onnx``
    dtype : "float32", "float16" or "int8", default "float32"
        How the tables of words are stored. "float32" keeps every number that scoring uses;
        "int8", with a scale for each word, makes about half the file.

    Returns
    -------
    The path.

    Raises
    ------
    NotFittedError
    DataError
        A detector that cannot be exported, or a file that cannot be written. Nothing is left.

    Notes
    -----
    Inputs: ``text`` ``(n,)`` strings, or ``features`` ``(n, d)`` float32. Outputs: ``score``
    float32, ``p_value`` float32, ``label`` int64 (+1 normal, -1 anomalous) and ``n_known_words``
    int64, all ``(n,)``; ``context_distance`` ``(n, r)`` float32 where the detector has contexts.
    The file's metadata say what it is. It runs in ONNX Runtime without further libraries.
    """
    check_choice("dtype", dtype, DTYPES)
    check_exportable(detector)
    target = Path(path)
    content = model_of(detector, dtype).SerializeToString()
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_bytes(content)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"cannot write {target}: {error.strerror}.") from error
    return target


def model_of(detector: OneClassDetector, dtype: str = "float32") -> Any:
    """The ONNX model of a fitted detector, as `to_onnx` writes it."""
    graph = Graph()
    on_features = isinstance(detector, PooledDetector) and detector._view is None
    if on_features:
        assert isinstance(detector, PooledDetector)
        points = graph.input("features", "float32", ["n", detector.n_features_in_])
        score = score_of_points(graph, transformed(graph, points, detector._metric), detector)
        n_known = graph.op(
            "Expand", graph.constant(1), graph.op("Shape", score)
        )  # features are known
        scored = Scored(score, n_known)
    else:
        text = graph.input("text", "string", ["n"])
        scored = score_of_texts(graph, Words(graph, text, dtype), detector)
    graph.output("score", scored.score, "float32", ["n"])
    graph.output(
        "p_value", p_values(graph, scored.score, detector.calibration_scores_), "float32", ["n"]
    )
    graph.output("label", labels(graph, scored.score, detector.threshold_), "int64", ["n"])
    graph.output("n_known_words", scored.n_known, "int64", ["n"])
    if scored.distances is not None:
        n_contexts = len(detector.contexts_)
        graph.output("context_distance", scored.distances, "float32", ["n", n_contexts])
    return graph.model(type(detector).__name__, _metadata(detector, on_features, dtype))


def _metadata(detector: OneClassDetector, on_features: bool, dtype: str) -> dict[str, str]:
    """What a stranger needs to use the file, as strings."""
    contexts = [
        {"context": c.context, "share": c.share, "words": [w.word for w in c.words[:_TOP_WORDS]]}
        for c in getattr(detector, "contexts_", [])
    ]
    facts: dict[str, Any] = {
        "format": "textocl-onnx",
        "format_version": FORMAT_VERSION,
        "textocl_version": textocl.__version__,
        "detector": type(detector).__name__,
        "dtype": dtype,
        "description": (
            f"One-class detector of {'feature vectors' if on_features else 'texts'}: score is "
            "higher for what belongs less, label is -1 above the threshold and +1 otherwise, "
            "p_value is the share of normal calibration data that scores as high."
        ),
        "input": "features" if on_features else "text",
        "threshold": detector.threshold_,
        "false_alarm_rate": detector._in_force["false_alarm_rate"],
        "calibration_documents": len(detector.calibration_scores_),
        "contexts": contexts,
    }
    return {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in facts.items()
    }
