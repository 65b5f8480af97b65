"""The ONNX model of a detector: its graph, and what it says of itself."""

from __future__ import annotations

import json
from typing import Any

import onnx

from textocl._version import __version__
from textocl.core.detector import OneClassDetector
from textocl.export.calibration_graph import labels, p_values
from textocl.export.graph import Graph, Output
from textocl.export.inputs import Inputs, no_words
from textocl.export.score_graph import Scored, scored

FORMAT_VERSION = 1
_TEXTS_AT_ONCE = 32  # they are padded to the longest
_TAKEN = {"text": "texts", "features": "feature vectors", "images": "images"}


def onnx_model(
    detector: OneClassDetector,
    dtype: str = "float32",
    *,
    max_words: int | None = None,
    words: bool = False,
    raw_text: bool = False,
) -> tuple[onnx.ModelProto, dict[str, bytes]]:
    """The ONNX model of a fitted detector, and the files that belong beside it, by name."""
    graph = Graph()
    inputs = Inputs(graph, dtype, raw_text=raw_text, max_words=max_words, with_words=words)
    content = scored(detector, inputs)
    if words and "word" not in content.outputs:
        raise no_words(type(detector).__name__)
    score = content.score
    outputs = {
        "score": Output(score, "float32", ["n"]),
        "p_value": Output(p_values(graph, score, detector.calibration_scores_), "float32", ["n"]),
        "label": Output(labels(graph, score, detector.threshold_), "int64", ["n"]),
    }
    if content.n_known is not None:
        outputs["n_known_words"] = Output(content.n_known, "int64", ["n"])
    outputs |= content.outputs
    if graph.inputs == ["text"] and not words:  # whose outputs for words are as wide as a batch
        graph = graph.in_batches(outputs, _TEXTS_AT_ONCE)
    else:
        for name, output in outputs.items():
            graph.output(name, *output)
    metadata = {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in _facts(detector, inputs, content).items()
    }
    return graph.model(type(detector).__name__, metadata), inputs.beside()


def _facts(detector: OneClassDetector, inputs: Inputs, content: Scored) -> dict[str, Any]:
    """What a stranger needs to use the file."""
    facts = inputs.facts()
    return {
        "format": "textocl-onnx",
        "format_version": FORMAT_VERSION,
        "textocl_version": __version__,
        "detector": type(detector).__name__,
        "dtype": inputs.dtype,
        "description": (
            f"One-class detector of {_TAKEN[facts['input']]}: "
            "score is higher for what belongs less, label is -1 above the threshold and +1 "
            "otherwise, p_value is the share of normal calibration data that scores as high."
        ),
        "threshold": detector.threshold_,
        "false_alarm_rate": detector._fit_params["false_alarm_rate"],
        f"calibration_{detector.SAMPLES}": len(detector.calibration_scores_),
        "contexts": [
            {
                "context": c.context,
                "share": c.share,
                "words": [w.word for w in c.words[:10]],
            }
            for c in content.contexts
        ],
        **facts,
    }
