"""From a fitted detector to one ONNX file."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from google.protobuf.message import EncodeError

import textocl
from textocl.detector import OneClassDetector
from textocl.exceptions import DataError
from textocl.export.calibration_graph import labels, p_values
from textocl.export.graph import Graph
from textocl.export.point_graphs import score_of_points, transformed
from textocl.export.text_graphs import Documents, Scored, check_exportable, score_of_texts
from textocl.export.words_graph import DTYPES
from textocl.pooled import PooledDetector
from textocl.validation import check_choice, check_integer

FORMAT_VERSION = 1
_TOP_WORDS = 10


def to_onnx(
    detector: OneClassDetector,
    path: str | PathLike[str],
    *,
    dtype: str = "float32",
    max_words: int | None = None,
    words: bool = False,
    raw_text: bool = False,
) -> Path:
    """Write a fitted detector as one ONNX file that takes texts and gives scores.

    Parameters
    ----------
    detector : fitted; on static vectors, it must cut words by ``tokenization="english"``
    path : the file to write, ``.onnx``
        With a language model, ``tokenizer.json`` and ``config.json`` are written beside it.
    dtype : "float32", "float16" or "int8", default "float32"
        How vectors and the weights of a language model are stored. "float32" keeps every number
        that scoring uses. "int8" has a scale for each word; a language model is then computed
        with 8 bits, too.
    max_words : int ≥ 1 or None, default None
        Keep so many words with vectors for each member at most, those that the training documents
        or general language use most. `textocl.export.verify` tells what it costs.
    words : bool, default False
        Also say what each word adds to a score; of `CVDD` on static vectors.
    raw_text : bool, default False
        Let the graph cut texts for a language model, too, by onnxruntime-extensions: it then
        takes ``text`` alone, and runs where these are installed.

    Returns
    -------
    The path.

    Raises
    ------
    NotFittedError
    MissingExtraError
        Exporting a language model needs onnxscript.
    DataError
        A detector that cannot be exported, or a file that cannot be written. Nothing is left.

    Notes
    -----
    Inputs: ``text`` ``(n,)`` strings; or ``features`` ``(n, d)`` float32; with a language model
    ``input_ids`` and ``attention_mask`` ``(n, T)`` int64, and ``word_ids`` where not every word
    counts, beside ``text`` if another member of the detector needs it.

    Outputs: ``score`` float32, ``p_value`` float32, ``label`` int64 (+1 normal, -1 anomalous) and
    ``n_known_words`` int64, all ``(n,)``; ``context_distance`` ``(n, r)`` float32 where the
    detector has contexts. With ``words``, for the distinct known words of each document, padded to
    the most that one has: ``word`` strings, ``word_count`` int64, ``word_contribution`` and
    ``word_evidence`` float32, all ``(n, D)``, and ``word_attention`` ``(n, D, r)`` float32, as in
    `textocl.explain.Explanation`.

    The file's metadata say what it is. It runs in ONNX Runtime without further libraries.
    """
    check_choice("dtype", dtype, DTYPES)
    if max_words is not None:
        check_integer("max_words", max_words, 1)
    check_exportable(detector, with_words=words)
    model, beside = exported(detector, dtype, max_words=max_words, words=words, raw_text=raw_text)
    try:
        content = model.SerializeToString()
    except (ValueError, EncodeError) as error:
        raise DataError(
            f"ONNX files hold 2 GB, and this {type(detector).__name__} more."
        ) from error
    target = Path(path)
    written: list[Path] = []
    try:
        for name, own in beside.items():
            file = target.with_name(name)
            if file.exists() and file.read_bytes() != own:
                raise DataError(
                    f"{file} is there already, of another model; export into a folder of its own."
                )
            if not file.exists():
                _write(file, own)
                written.append(file)
        _write(target, content)
    except BaseException as error:
        for file in written:
            file.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise DataError(f"cannot write {target}: {error.strerror}.") from error
        raise
    return target


def _write(path: Path, content: bytes) -> None:
    """Write a file that appears when it is complete."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def exported(
    detector: OneClassDetector,
    dtype: str = "float32",
    *,
    max_words: int | None = None,
    words: bool = False,
    raw_text: bool = False,
) -> tuple[Any, dict[str, bytes]]:
    """The ONNX model of a fitted detector, and the files that belong beside it, by name."""
    graph = Graph()
    documents = Documents(graph, dtype, raw_text=raw_text, max_words=max_words, with_words=words)
    if isinstance(detector, PooledDetector) and detector._view is None:
        points = graph.input("features", "float32", ["n", detector.n_features_in_])
        score = score_of_points(graph, transformed(graph, points, detector._metric), detector)
        n_known = graph.op("Expand", graph.constant(1), graph.op("Shape", score))
        scored = Scored(score, n_known)  # features are known
    else:
        scored = score_of_texts(graph, documents, detector)
    graph.output("score", scored.score, "float32", ["n"])
    graph.output(
        "p_value", p_values(graph, scored.score, detector.calibration_scores_), "float32", ["n"]
    )
    graph.output("label", labels(graph, scored.score, detector.threshold_), "int64", ["n"])
    graph.output("n_known_words", scored.n_known, "int64", ["n"])
    if scored.distances is not None:
        n_contexts = len(detector.contexts_)
        graph.output("context_distance", scored.distances, "float32", ["n", n_contexts])
    if scored.words is not None:
        found, padded = scored.words, ["n", "D"]
        graph.output("word", found.word, "string", padded)
        graph.output("word_count", found.count, "int64", padded)
        graph.output("word_contribution", found.contribution, "float32", padded)
        graph.output("word_evidence", found.evidence, "float32", padded)
        graph.output("word_attention", found.attention, "float32", [*padded, n_contexts])
    facts = _facts(detector, graph.inputs, dtype)
    if documents.n_kept < documents.n_before:
        facts["words"] = {"kept": documents.n_kept, "of": documents.n_before}
    beside: dict[str, bytes] = {}
    if documents.encoder is not None:
        files = documents.encoder.files()
        digest = hashlib.sha256(files["tokenizer.json"]).hexdigest()
        facts["language_model"] = {**documents.encoder.facts, "tokenizer_sha256": digest}
        beside = {} if raw_text else files
    metadata = {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in facts.items()
    }
    return graph.model(type(detector).__name__, metadata), beside


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
    return {
        "format": "textocl-onnx",
        "format_version": FORMAT_VERSION,
        "textocl_version": textocl.__version__,
        "detector": type(detector).__name__,
        "dtype": dtype,
        "description": (
            f"One-class detector of {'feature vectors' if 'features' in inputs else 'texts'}: "
            "score is higher for what belongs less, label is -1 above the threshold and +1 "
            "otherwise, p_value is the share of normal calibration data that scores as high."
        ),
        "input": "features" if "features" in inputs else "text",
        "expected_input": expected,
        "threshold": detector.threshold_,
        "false_alarm_rate": detector._in_force["false_alarm_rate"],
        "calibration_documents": len(detector.calibration_scores_),
        "contexts": contexts,
    }
