"""``textocl score``: a model and documents in, scores out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from textocl.cli.application import app, err_console, print_json, watched
from textocl.cli.inputs import documents_of, refuse_overwriting
from textocl.cli.options import (
    Docs,
    FormatOption,
    IdField,
    Json,
    ModelOrFile,
    NewRate,
    Quiet,
    SkipBad,
    SpreadsheetSafe,
    TextField,
)

if TYPE_CHECKING:
    from textocl.io.assessor import Assessor
    from textocl.io.results import ResultWriter
    from textocl.io.resumable import ResumableResults
    from textocl.io.workers import Workers


@app.command()
def score(
    model: ModelOrFile,
    docs: Docs,
    out: Annotated[str, typer.Option(help="Where to: a .jsonl or .csv file, or - .")],
    workers: Annotated[
        int,
        typer.Option(
            help="Processes to share the work. With more than one, a run that was cut off goes on "
            "where it was when the command is given again; OUT.parts keeps what is done.",
            min=1,
        ),
    ] = 1,
    batch_size: Annotated[
        int,
        typer.Option(
            help="Documents scored at once. Of a stream (- to -) those that were read are scored "
            "when it pauses, too.",
            min=1,
        ),
    ] = 1024,
    spreadsheet_safe: SpreadsheetSafe = False,
    false_alarm_rate: NewRate = None,
    text_field: TextField = None,
    id_field: IdField = None,
    format: FormatOption = None,
    skip_bad: SkipBad = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Score documents of any number: each with its own fields, score, p_value and label.

    A document without a word that the model knows is not judged: label 0, no score.

    As a filter, textocl score MODEL - --out - gives results as documents come.
    """
    from textocl.core.validation import warn_of_unknown
    from textocl.io.assessor import fingerprint, load_assessor
    from textocl.io.corpora import batches_of
    from textocl.io.results import RESULTS, ResultRows, ResultWriter, tasks_of
    from textocl.io.resumable import ResumableResults, parts_folder
    from textocl.io.streams import with_pauses

    rows = ResultRows.for_path(out, spreadsheet_safe=spreadsheet_safe)
    refuse_overwriting(out, docs, model)
    assessor = load_assessor(model, false_alarm_rate)
    results: ResultWriter | ResumableResults = ResultWriter(out)
    scorer: AbstractContextManager[Assessor | Workers] = nullcontext(assessor)
    progress: AbstractContextManager[Callable[[int], None]] = nullcontext(lambda n: None)
    if watched(quiet):
        from textocl.training.progress import counting_bar

        progress = counting_bar("scoring", shown=True)
    if workers > 1 or parts_folder(out).exists():
        from textocl.io.workers import Workers

        scorer = Workers(workers, model, false_alarm_rate)
        if out != "-":
            made_from = {
                "model": fingerprint(model),
                "false-alarm rate": false_alarm_rate,
                "batch size": batch_size,
                "spreadsheet safety": spreadsheet_safe,
                "set of result columns": list(RESULTS),
            }
            results = ResumableResults(out, made_from)
    with (
        documents_of(
            docs, text_field, format, skip_bad, id_field=id_field, quiet=quiet
        ) as documents,
        results,
        scorer as scoring,
        progress as advance,
    ):
        n_before = results.counts.n_documents
        if n_before and not quiet:
            err_console.print(f"going on after {n_before:,} documents.", highlight=False)
        advance(n_before)
        coming = with_pauses(documents) if docs == out == "-" else documents
        tasks = tasks_of(rows, batches_of(coming, batch_size))
        for part in scoring.in_order(results.remaining(tasks)):
            results.write(part)
            advance(part.counts.n_documents)
    counts = results.counts
    warn_of_unknown(counts.n_not_judged, counts.n_documents)
    if as_json and out != "-":
        summary = zip(("documents", "anomalous", "not_judged"), counts, strict=True)
        print_json({**dict(summary), "out": out})
    elif not quiet:
        unjudged = f", {counts.n_not_judged:,} not judged" if counts.n_not_judged else ""
        err_console.print(
            f"{counts.n_documents:,} documents scored, {counts.n_anomalous:,} anomalous{unjudged} "
            f"(threshold {assessor.threshold:.4f}).",
            highlight=False,
        )
