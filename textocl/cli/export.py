"""``textocl export``: a model as one ONNX file."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from textocl.cli.application import app, err_console, print_json
from textocl.cli.inputs import Labels, documents_of, images_of, refuse_overwriting
from textocl.cli.options import FormatOption, Json, Model, Quiet, SkipBad, TextField
from textocl.core.exceptions import DataError


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
    text_field: TextField = "text",
    format: FormatOption = None,
    skip_bad: SkipBad = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Write a model as one ONNX file: texts or images in, scores, p-values and labels out."""
    from textocl.core.persistence import load
    from textocl.export import VerificationError, to_onnx
    from textocl.export import verify as compare

    refuse_overwriting(out, *([verify] if verify is not None else []))
    detector = load(model)
    samples: list[Any] = []
    is_anomaly: list[bool] | None = None
    if verify is not None and detector._SAMPLES == "documents":
        with documents_of(verify, text_field, format, skip_bad) as documents:
            given = list(documents)
        samples = [document.text for document in given]
        if label_field is not None:
            labels = Labels(label_field, normal or [])
            is_anomaly = [not labels.is_normal(document) for document in given]
            labels.refuse_if_none_is_normal()
    elif verify is not None:
        if label_field is not None:
            raise DataError(
                "images have no fields; leave --label-field out and give a folder with 'normal' "
                "and 'anomalous' in it."
            )
        samples, is_anomaly = images_of(verify)
    found = None
    already_there = set(out.parent.glob("*.json"))
    partial = out.with_name(f".{out.name}.unverified")
    try:
        to_onnx(
            detector,
            partial,
            dtype=dtype.value,
            max_words=max_words,
            words=words,
            raw_text=raw_text,
        )
        if verify is not None:
            found = compare(detector, partial, samples, is_anomaly=is_anomaly)
        partial.replace(out)
    except BaseException as error:
        for file in set(out.parent.glob("*.json")) - already_there:
            file.unlink()  # what came with a language model
        if isinstance(error, VerificationError):
            raise VerificationError(str(error).replace(str(partial), str(out))) from None
        raise
    finally:
        partial.unlink(missing_ok=True)
    if found is not None:
        report = f"# {out.name} against its model\n\n{found.to_markdown()}"
        out.with_suffix(".verification.md").write_text(report, "utf-8")
    if as_json:
        size = out.stat().st_size
        print_json({"out": str(out), "bytes": size, "verification": found and found.to_dict()})
    elif not quiet:
        agreed = ""
        if found is not None:
            n = found.flipped_labels
            flipped = f"{n:,} labels differ" if n > 1 else f"{n or 'no'} label differs"
            agreed = (
                f" On {found.n_documents:,} {found.samples} scores differ by at most "
                f"{found.largest_difference:.1g}, and {flipped}."
            )
            if found.auc is not None and found.onnx_auc is not None:
                agreed += f" AUC {found.auc:.2%} of the model, {found.onnx_auc:.2%} of the file."
        err_console.print(
            f"{escape(str(out))} written, {out.stat().st_size / 1e6:.1f} MB.{agreed}",
            highlight=False,
            soft_wrap=True,
        )
