"""``textocl update``: more documents into a model, without those of before."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from textocl.cli.application import app, out_console, print_json
from textocl.cli.info import facts_of
from textocl.cli.inputs import counted, documents_of, load_model, refuse_overwriting
from textocl.cli.options import (
    Docs,
    FormatOption,
    IdField,
    Json,
    Marks,
    Model,
    Quiet,
    SkipBad,
    TextField,
)


@app.command()
def update(
    model: Model,
    docs: Docs,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to write the model to", show_default="MODEL, replaced at once"),
    ] = None,
    labels: Marks = None,
    trust: Annotated[
        bool,
        typer.Option(
            "--trust",
            help="Learn from every document, however unusual, unless --labels says that it is an "
            "anomaly.",
        ),
    ] = False,
    text_field: TextField = None,
    id_field: IdField = None,
    format: FormatOption = None,
    skip_bad: SkipBad = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Learn more documents, in seconds; threshold and p-values are taken anew."""
    import numpy as np

    from textocl.core.exceptions import DataError
    from textocl.core.persistence import check_target
    from textocl.core.update import UpdatableDetector
    from textocl.io.marks import read_marks

    detector = load_model(model, "update")
    out = model if out is None else out
    check_target(out)
    refuse_overwriting(out, docs)
    if not isinstance(detector, UpdatableDetector):
        raise DataError(f"a {type(detector).__name__} cannot learn more: fit it again.")
    with documents_of(
        docs, text_field, format, skip_bad, id_field=id_field, quiet=quiet
    ) as documents:
        read = list(counted(documents, "reading", quiet))
    told = np.zeros(len(read), np.int64)
    if labels is not None:
        told[:] = read_marks(labels, [document.id for document in read])
    if trust:
        told[told == 0] = 1
    before, n_before = detector.threshold_, detector.n_training_samples_ or 0
    detector.update([document.text for document in read], told)
    detector.save(out)
    if as_json:
        print_json({"model": str(out), **facts_of(detector, out)})
    elif not quiet:
        n_learned = (detector.n_training_samples_ or 0) - n_before
        out_console.print(
            f"Learned from {n_learned:,} more of {len(read):,} documents; threshold "
            f"{detector.threshold_:.4f}, before {before:.4f}.\n"
            f"Model written to {escape(str(out))}.",
            highlight=False,
            soft_wrap=True,
        )
