"""From a fitted detector to one ONNX file."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

from google.protobuf.message import EncodeError

from textocl.core.detector import OneClassDetector
from textocl.core.exceptions import DataError
from textocl.core.files import write_whole
from textocl.core.validation import check_choice, check_integer
from textocl.export.model import onnx_model
from textocl.export.words_graph import DTYPES


def to_onnx(
    detector: OneClassDetector,
    path: str | PathLike[str],
    *,
    dtype: str = "float32",
    max_words: int | None = None,
    words: bool = False,
    raw_text: bool = False,
) -> Path:
    """Write a fitted detector as one ONNX file that takes texts or images and gives scores.

    Parameters
    ----------
    detector : fitted
    path : the file to write, ``.onnx``
        With a language model, ``tokenizer.json`` and ``config.json`` are written beside it.
    dtype : "float32", "float16" or "int8", default "float32"
        How vectors and the weights of a language model are stored. "float32" keeps every number
        that scoring uses. "int8" has a scale for each word; a language model is then computed
        with 8 bits, too. Detectors of `textocl.vision` have no "int8".
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
        Exporting a language model, or a detector of `textocl.vision`, needs onnxscript.
    DataError
        A detector that cannot be exported, or a file that cannot be written. Nothing is left.

    Notes
    -----
    Inputs: ``text`` ``(n,)`` strings; or ``features`` ``(n, d)`` float32; with a language model
    ``input_ids`` and ``attention_mask`` ``(n, T)`` int64, and ``word_ids`` where not every word
    counts, beside ``text`` if another member of the detector needs it. A detector fitted on images
    takes ``images`` ``(n, c, h, w)`` float32, of one size, from 0 to 1.

    Outputs: ``score`` float32, ``p_value`` float32, ``label`` int64 (+1 normal, -1 anomalous), all
    ``(n,)``; of an `FCDD` or a `PatchKNN` ``heatmap`` ``(n, h, w)`` float32. Texts have
    ``n_known_words`` ``(n,)`` int64, and ``context_distance`` ``(n, r)`` float32 where the detector
    has contexts. With
    ``words``, for the distinct known words of each document, padded to
    the most that one has: ``word`` strings, ``word_count`` int64, ``word_contribution`` and
    ``word_evidence`` float32, all ``(n, D)``, and ``word_attention`` ``(n, D, r)`` float32, as in
    `textocl.explain.explanation.Explanation`.

    The file's metadata say what it is. It runs in ONNX Runtime without further libraries.
    """
    check_choice("dtype", dtype, DTYPES)
    if max_words is not None:
        check_integer("max_words", max_words, 1)
    target = Path(path)
    write_onnx(detector, target, dtype=dtype, max_words=max_words, words=words, raw_text=raw_text)
    return target


def write_onnx(detector: OneClassDetector, target: Path, **how: Any) -> list[Path]:
    """`to_onnx`; returns the files that it wrote, without those that were there already."""
    model, beside = onnx_model(detector, **how)
    try:
        content = model.SerializeToString()
    except (ValueError, EncodeError) as error:
        raise DataError(
            f"ONNX files hold 2 GB, and this {type(detector).__name__} more."
        ) from error
    written: list[Path] = []
    try:
        for file, needed in [(target.with_name(name), beside[name]) for name in beside]:
            if not file.exists():
                write_whole(file, needed, make_folder=True)
                written.append(file)
            elif file.read_bytes() != needed:
                raise DataError(
                    f"{file} is there already, of another model; export into a folder of its own."
                )
        write_whole(target, content, make_folder=True)
    except BaseException:
        for file in written:
            file.unlink(missing_ok=True)
        raise
    return [*written, target]
