"""``textocl benchmark``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from textocl.cli.application import app, err_console, print_json, watched
from textocl.cli.options import (
    Json,
    Quiet,
)


@app.command()
def benchmark(
    corpus: Annotated[
        str,
        typer.Argument(
            help="reuters, 20ng, imdb, or a folder: train/CLASS/*.txt and test/CLASS/*.txt, or "
            "CLASS/*.txt, or train.jsonl and test.jsonl with text and label."
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            help="Folder of reuters.jsonl.gz …; $TEXTOCL_DATA/text or data, if not given."
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Repeatable, cvdd if not given: auto, auto-robust, cvdd, kde, words, knn, "
            "ocsvm …; a wrong name lists all of them."
        ),
    ] = None,
    embedding: Annotated[
        list[str] | None,
        typer.Option(help="Name or path, repeatable; wordllama if not given."),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Number of seeds, from 0.")] = 3,
    classes: Annotated[
        str | None, typer.Option(help="Classes to call normal in turn, as a,b; all if not given.")
    ] = None,
    contamination: Annotated[
        str, typer.Option(help="Shares of anomalies hidden in the training documents: 0,0.05.")
    ] = "0",
    labelled_anomalies: Annotated[
        int, typer.Option(help="Anomalies given to learn from as such.")
    ] = 0,
    oracles: Annotated[
        bool, typer.Option("--oracles", help="Also the best context or nu by test AUC.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to write to or to continue; benchmark-CORPUS if not given."),
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Measure models one class against the rest, as the thesis does; continues what it finds."""
    from textocl.cli.views import visible
    from textocl.evaluation.benchmark import run_benchmark, tables

    try:
        shares = [float(share) for share in contamination.split(",")]
    except ValueError:
        raise typer.BadParameter(
            f"--contamination takes numbers like 0,0.05,0.1; got {contamination!r}."
        ) from None
    folder = out or Path(f"benchmark-{Path(corpus).resolve().name}")
    records = run_benchmark(
        corpus,
        data=data,
        models=model or ["cvdd"],
        embeddings=embedding or ["wordllama"],
        n_seeds=seeds,
        classes=[label.strip() for label in classes.split(",")] if classes else None,
        contamination=shares,
        n_labelled_anomalies=labelled_anomalies,
        oracles=oracles,
        out=folder,
        verbose=watched(quiet),
    )
    if as_json:
        print_json({"out": str(folder), "records": [record.to_dict() for record in records]})
    elif not quiet:
        typer.echo(visible(tables(records, corpus)))
        err_console.print(f"Written to {escape(visible(str(folder)))}.")
