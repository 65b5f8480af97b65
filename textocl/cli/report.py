"""``textocl report``: a model and documents in, a page for readers out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textocl.cli.application import app, err_console, print_json, watched
from textocl.cli.inputs import Labels, counted, documents_of, load_model, refuse_overwriting
from textocl.cli.options import (
    Docs,
    FormatOption,
    IdField,
    Json,
    Model,
    NewRate,
    Quiet,
    SkipBad,
    TextField,
)
from textocl.core.exceptions import DataError


@app.command()
def report(
    model: Model,
    docs: Docs,
    out: Annotated[Path, typer.Option(help="The .html file to write.")],
    label_field: Annotated[
        str | None, typer.Option(help="Field that holds the label, to show and to filter by.")
    ] = None,
    normal: Annotated[
        list[str] | None,
        typer.Option(help="Label of normal documents; repeatable. Adds ROC and confusion matrix."),
    ] = None,
    title: Annotated[str | None, typer.Option(help="Title of the page.")] = None,
    max_documents: Annotated[
        int, typer.Option(help="Documents to list with their text; all count in figures.", min=1)
    ] = 5000,
    explained: Annotated[
        int | None,
        typer.Option(
            help="Listed documents to explain; by default all with cvdd and words, else 1500.",
            min=0,
        ),
    ] = None,
    max_characters: Annotated[
        int, typer.Option(help="Characters of each document to show.", min=1)
    ] = 4000,
    false_alarm_rate: NewRate = None,
    text_field: TextField = None,
    id_field: IdField = None,
    format: FormatOption = None,
    skip_bad: SkipBad = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Write a page that shows what is normal, what is not, why, and how far to trust it."""
    from textocl.report import ReportLimits, write_report
    from textocl.report.writer import check_report_target
    from textocl.training.progress import counting_bar

    if normal and label_field is None:
        raise DataError("--normal names a label: give the field that holds it by --label-field.")
    check_report_target(out)  # before minutes of work, not after
    refuse_overwriting(out, docs, model)
    detector = load_model(model, "a report")
    if false_alarm_rate is not None:
        detector.recalibrate(false_alarm_rate=false_alarm_rate)
    with documents_of(
        docs, text_field, format, skip_bad, id_field=id_field, quiet=quiet
    ) as reading:
        documents = list(counted(reading, "reading", quiet))
    if not documents:
        raise DataError(f"{docs} holds no document to report on.")
    seen = Labels(label_field, normal or [])
    is_normal = [seen.is_normal(d) for d in documents] if label_field is not None else None
    if normal:
        seen.refuse_if_none_is_normal()
    with counting_bar("explaining", watched(quiet)) as advance:
        written = write_report(
            detector,
            [document.text for document in documents],
            out,
            labels=None if is_normal is None else [seen.label_of(d) for d in documents],
            is_anomaly=[not n for n in is_normal] if is_normal is not None and normal else None,
            ids=[document.id for document in documents],
            title=title,
            limits=ReportLimits(max_documents, explained, max_characters),
            advance=advance,
        )
    if as_json:
        print_json({**vars(written), "out": str(out)})
    elif not quiet:
        err_console.print(
            f"{written.n_documents:,} documents, {written.n_listed:,} listed, "
            f"{written.n_explained:,} explained: {out} ({written.n_bytes / 1e6:.1f} MB).",
        )
