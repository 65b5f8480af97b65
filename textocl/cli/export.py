"""``textocl export``: a model as one ONNX file."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from textocl.cli.application import app, err_console, print_json
from textocl.cli.inputs import Labels, documents_of, images_of, refuse_overwriting
from textocl.cli.options import FormatOption, Json, Model, Quiet, SkipBad, TextField
from textocl.core.exceptions import DataError
from textocl.core.files import write_whole

if TYPE_CHECKING:
    from textocl.core.detector import OneClassDetector
    from textocl.export import Verification


class Dtype(str, Enum):
    float32 = "float32"
    float16 = "float16"
    int8 = "int8"


@app.command()
def export(
    model: Model,
    out: Annotated[Path, typer.Option(help="The .onnx file to write.")],
    verify: Annotated[
        str | None,
        typer.Option(
            help="Documents, or a folder of images, to compare the file with the model on; a "
            "report is written beside it, and a file that differs is refused."
        ),
    ] = None,
    dtype: Annotated[
        Dtype,
        typer.Option(help="How vectors and weights are stored; int8 makes about half the file."),
    ] = Dtype.float32,
    max_words: Annotated[
        int | None,
        typer.Option(help="Keep so many words for each member; --verify tells the cost.", min=1),
    ] = None,
    words: Annotated[
        bool, typer.Option("--words", help="Also say what each word adds to a score (CVDD).")
    ] = False,
    raw_text: Annotated[
        bool,
        typer.Option(
            "--raw-text",
            help="Cut texts for a language model inside the file, with onnxruntime-extensions.",
        ),
    ] = False,
    label_field: Annotated[
        str | None, typer.Option(help="Field of --verify's documents that holds the label.")
    ] = None,
    normal: Annotated[
        list[str] | None, typer.Option(help="Label of normal documents; repeatable.")
    ] = None,
    text_field: TextField = None,
    format: FormatOption = None,
    skip_bad: SkipBad = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Write a model as one ONNX file: texts or images in, scores, p-values and labels out."""
    from textocl.core.persistence import load

    refuse_overwriting(out, *([verify] if verify is not None else []))
    detector = load(model)
    compared: tuple[list[Any], Sequence[bool] | None] | None = None
    if verify is not None and detector.SAMPLES == "documents":
        labels = None if label_field is None else Labels(label_field, normal or [])
        compared = _texts(verify, text_field, format, skip_bad, labels, quiet)
    elif verify is not None:
        if label_field is not None:
            raise DataError(
                "images have no fields; leave --label-field out and give a folder with 'normal' "
                "and 'anomalous' in it."
            )
        compared = images_of(verify)
    how = {"dtype": dtype.value, "max_words": max_words, "words": words, "raw_text": raw_text}
    comparison = _write_verified(detector, out, how, compared)
    if comparison is not None:
        report = f"# {out.name} against its model\n\n{comparison.to_markdown()}"
        write_whole(out.with_suffix(".verification.md"), report)
    size = out.stat().st_size
    if as_json:
        verification = comparison and comparison.to_dict()
        print_json({"out": str(out), "bytes": size, "verification": verification})
    elif not quiet:
        err_console.print(
            f"{escape(str(out))} written, {size / 1e6:.1f} MB.{_told(comparison)}",
        )


def _texts(
    source: str,
    text_field: str | None,
    format: Any,
    skip_bad: bool,
    labels: Labels | None,
    quiet: bool,
) -> tuple[list[str], list[bool] | None]:
    """The texts to compare on, and which are anomalous."""
    with documents_of(source, text_field, format, skip_bad, quiet=quiet) as documents:
        read = list(documents)
    texts = [document.text for document in read]
    if labels is None:
        return texts, None
    is_anomaly = [not labels.is_normal(document) for document in read]
    labels.refuse_if_none_is_normal()
    return texts, is_anomaly


def _write_verified(
    detector: OneClassDetector,
    out: Path,
    how: dict[str, Any],
    compared: tuple[list[Any], Sequence[bool] | None] | None,
) -> Verification | None:
    """Write ``out`` and what belongs beside it, or, where the comparison fails, nothing."""
    from textocl.export import VerificationError, verify
    from textocl.export.exporter import write_onnx

    partial = out.with_name(f".{out.name}.unverified")
    written: list[Path] = []
    comparison = None
    try:
        written = write_onnx(detector, partial, **how)
        if compared is not None:
            samples, is_anomaly = compared
            comparison = verify(detector, partial, samples, is_anomaly=is_anomaly)
        partial.replace(out)
    except BaseException as error:
        for file in written:
            file.unlink(missing_ok=True)
        if isinstance(error, VerificationError):
            raise VerificationError(str(error).replace(str(partial), str(out))) from None
        raise
    return comparison


def _told(comparison: Verification | None) -> str:
    """What the command says of a comparison."""
    if comparison is None:
        return ""
    n, samples = comparison.flipped_labels, comparison.samples
    flipped = f"{n:,} labels differ" if n > 1 else f"{n or 'no'} label differs"
    told = (
        f" On {comparison.n_documents:,} {samples} scores differ by at most "
        f"{comparison.largest_difference:.1g}, and {flipped}."
    )
    if comparison.at_threshold:
        told += (
            f" {comparison.at_threshold:,} {samples} score the threshold itself, so that rounding "
            "decides their labels."
        )
    if comparison.auc is not None and comparison.onnx_auc is not None:
        told += f" AUC {comparison.auc:.2%} of the model, {comparison.onnx_auc:.2%} of the file."
    return told
