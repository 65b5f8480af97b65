"""What the file of a detector holds: its graph, what it says of itself, what stands beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import onnx

from textocl._version import __version__
from textocl.core.detector import OneClassDetector
from textocl.core.exceptions import DataError
from textocl.export.calibration_graph import labels, p_values
from textocl.export.graph import Graph

FORMAT_VERSION = 1
_TOP_WORDS = 10


def exported(
    detector: OneClassDetector,
    dtype: str = "float32",
    *,
    max_words: int | None = None,
    words: bool = False,
    raw_text: bool = False,
) -> tuple[onnx.ModelProto, dict[str, bytes]]:
    """The ONNX model of a fitted detector, and the files that belong beside it, by name."""
    graph = Graph()
    if getattr(detector, "_SAMPLES", None) == "samples":
        if max_words is not None or words or raw_text:
            raise DataError(
                f"max_words, words and raw_text are for texts; a {type(detector).__name__} takes "
                "none. Leave them out."
            )
        content = _of_samples(graph, detector, dtype)
    else:
        content = _of_texts(
            graph, detector, dtype, max_words=max_words, words=words, raw_text=raw_text
        )
    score = content.score
    graph.output("score", score, "float32", ["n"])
    graph.output("p_value", p_values(graph, score, detector.calibration_scores_), "float32", ["n"])
    graph.output("label", labels(graph, score, detector.threshold_), "int64", ["n"])
    for name, (value, kind, shape) in content.outputs.items():
        graph.output(name, value, kind, shape)
    facts = {**_facts(detector, graph.inputs, dtype), **content.facts}
    metadata = {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in facts.items()
    }
    return graph.model(type(detector).__name__, metadata), content.beside


@dataclass
class _Content:
    """What a file holds of one detector.

    Attributes
    ----------
    score : (n,) float32
    outputs : further ones by their names, each with its type and shape
    facts : metadata
    beside : files that belong beside it
    """

    score: str
    outputs: dict[str, tuple[str, str, list[int | str]]]
    facts: dict[str, Any] = field(default_factory=dict)
    beside: dict[str, bytes] = field(default_factory=dict)


def _of_samples(graph: Graph, detector: Any, dtype: str) -> _Content:
    from textocl.export.deep_graph import score_of_samples  # texts need nothing of images
    from textocl.export.feature_graph import score_of_images
    from textocl.export.patch_graph import score_of_patches
    from textocl.vision.feature_detector import FeatureDetector
    from textocl.vision.patch_knn import PatchKNN

    if dtype == "int8":
        raise DataError(
            f"dtype='int8' is for texts; a {type(detector).__name__} has 'float32' or 'float16'."
        )
    shape = detector.sample_shape_
    samples = graph.input("images" if len(shape) == 3 else "features", "float32", ["n", *shape])
    heatmap: str | None = None
    if isinstance(detector, FeatureDetector):
        score = score_of_images(graph, samples, detector, dtype)
    elif isinstance(detector, PatchKNN):
        score, heatmap = score_of_patches(graph, samples, detector, dtype)
    else:
        score, heatmap = score_of_samples(graph, samples, detector, dtype)
    outputs: dict[str, tuple[str, str, list[int | str]]] = {}
    if heatmap is not None:
        outputs["heatmap"] = (heatmap, "float32", ["n", *shape[1:]])
    facts: dict[str, Any] = {"sample_shape": list(shape)}
    if len(shape) == 3:
        channels = "grey" if shape[0] == 1 else "RGB"
        facts["expected_input"] = (
            f"'images': {channels} images, channels first, {shape[1]} pixels high and {shape[2]} "
            "wide, from 0, black, to 1, white: bytes are divided by 255"
        )
    return _Content(score, outputs, facts)


def _of_texts(
    graph: Graph,
    detector: Any,
    dtype: str,
    *,
    max_words: int | None,
    words: bool,
    raw_text: bool,
) -> _Content:
    """Of detectors on texts, and of those that take points as features."""
    from textocl.export.point_graphs import score_of_points, transformed
    from textocl.export.text_graphs import Documents, Scored, check_exportable, score_of_texts
    from textocl.shallow.pooled import PooledDetector

    check_exportable(detector, with_words=words)
    documents = Documents(graph, dtype, raw_text=raw_text, max_words=max_words, with_words=words)
    if isinstance(detector, PooledDetector) and detector._vectorizer is None:
        points = graph.input("features", "float32", ["n", detector.n_features_in_])
        score = score_of_points(graph, transformed(graph, points, detector._metric), detector)
        n_known = graph.op("Expand", graph.constant(1), graph.op("Shape", score))
        scored = Scored(score, n_known)  # features are known
    else:
        scored = score_of_texts(graph, documents, detector)
    content = _Content(scored.score, {"n_known_words": (scored.n_known, "int64", ["n"])})
    if scored.distances is not None:
        n_contexts = len(detector.contexts_)
        content.outputs["context_distance"] = (scored.distances, "float32", ["n", n_contexts])
    if scored.words is not None:
        found, padded = scored.words, ["n", "D"]
        content.outputs |= {
            "word": (found.word, "string", [*padded]),
            "word_count": (found.count, "int64", [*padded]),
            "word_contribution": (found.contribution, "float32", [*padded]),
            "word_evidence": (found.evidence, "float32", [*padded]),
            "word_attention": (found.attention, "float32", [*padded, n_contexts]),
        }
    if documents.n_kept < documents.n_before:
        content.facts["words"] = {"kept": documents.n_kept, "of": documents.n_before}
    if documents.encoder is not None:
        files = documents.encoder.files()
        digest = hashlib.sha256(files["tokenizer.json"]).hexdigest()
        content.facts["language_model"] = {**documents.encoder.facts, "tokenizer_sha256": digest}
        content.beside = {} if raw_text else files
    return content


_TAKEN = {"text": "texts", "features": "feature vectors", "images": "images"}
_EXPECTED = {
    "text": "'text': documents as strings",
    "features": "'features': vectors",
    "input_ids": (
        "'input_ids' and 'attention_mask': the tokens of documents by tokenizer.json, special "
        "tokens included, not truncated, padded on the right"
    ),
    "word_ids": (
        "'word_ids': for each token the number of its word in the document, -1 for special tokens, "
        "padding, and words that do not count"
    ),
}


def _facts(detector: OneClassDetector, inputs: Sequence[str], dtype: str) -> dict[str, Any]:
    """What a stranger needs to use the file."""
    contexts = [
        {"context": c.context, "share": c.share, "words": [w.word for w in c.words[:_TOP_WORDS]]}
        for c in getattr(detector, "contexts_", [])
    ]
    expected = "; ".join(_EXPECTED[name] for name in inputs if name in _EXPECTED)
    takes = next((name for name in ("features", "images") if name in inputs), "text")
    return {
        "format": "textocl-onnx",
        "format_version": FORMAT_VERSION,
        "textocl_version": __version__,
        "detector": type(detector).__name__,
        "dtype": dtype,
        "description": (
            f"One-class detector of {_TAKEN[takes]}: "
            "score is higher for what belongs less, label is -1 above the threshold and +1 "
            "otherwise, p_value is the share of normal calibration data that scores as high."
        ),
        "input": takes,
        "expected_input": expected,
        "threshold": detector.threshold_,
        "false_alarm_rate": detector._fit_params["false_alarm_rate"],
        f"calibration_{detector._SAMPLES}": len(detector.calibration_scores_),
        "contexts": contexts,
    }
