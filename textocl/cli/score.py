"""``textocl score`` and ``textocl evaluate``: a model and documents in, scores out."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from textocl.cli.application import app, err_console, out_console, print_json, watched
from textocl.cli.inputs import Labels, counted, documents_of
from textocl.cli.options import (
    Docs,
    FormatOption,
    Json,
    ModelOrFile,
    NewRate,
    Quiet,
    SkipBad,
    TextField,
)

if TYPE_CHECKING:
    from textocl.io.assessor import Assessor
    from textocl.io.results import ResultWriter
    from textocl.io.resumable import ResumableResults
    from textocl.io.sharding import Workers


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
    false_alarm_rate: NewRate = None,
    text_field: TextField = "text",
    format: FormatOption = None,
    skip_bad: SkipBad = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Score documents of any number: each with its own fields, score, p_value and label."""
    from textocl.core.validation import warn_of_unknown
    from textocl.io.assessor import fingerprint, load_assessor
    from textocl.io.corpora import batches_of
    from textocl.io.results import ResultRows, ResultWriter, tasks_of
    from textocl.io.resumable import ResumableResults, parts_folder
    from textocl.training.progress import counting_bar

    rows = ResultRows.for_path(out)
    assessor = load_assessor(model, false_alarm_rate)
    results: ResultWriter | ResumableResults = ResultWriter(out)
    scorer: AbstractContextManager[Assessor | Workers] = nullcontext(assessor)
    if workers > 1 or parts_folder(out).exists():
        from textocl.io.sharding import Workers

        scorer = Workers(workers, model, false_alarm_rate)
        if out != "-":
            made_from = {"model": fingerprint(model), "false-alarm rate": false_alarm_rate}
            results = ResumableResults(out, made_from)
    with (
        documents_of(docs, text_field, format, skip_bad) as documents,
        results,
        scorer as scoring,
        counting_bar("scoring", watched(quiet)) as advance,
    ):
        n_before = results.counts.n_documents
        if n_before and not quiet:
            err_console.print(f"going on after {n_before:,} documents.", highlight=False)
        advance(n_before)
        for part in scoring.in_order(results.remaining(tasks_of(rows, batches_of(documents)))):
            results.write(part)
            advance(part.counts.n_documents)
    counts = results.counts
    warn_of_unknown(counts.n_unknown, counts.n_documents)
    if as_json and out != "-":
        summary = zip(("documents", "anomalous", "without_known_word"), counts, strict=True)
        print_json({**dict(summary), "out": out})
    elif not quiet:
        err_console.print(
            f"{counts.n_documents:,} documents scored, {counts.n_anomalous:,} anomalous "
            f"(threshold {assessor.threshold:.4f}).",
            highlight=False,
        )


@app.command()
def evaluate(
    model: ModelOrFile,
    docs: Docs,
    label_field: Annotated[str, typer.Option(help="Field that holds the label.")],
    normal: Annotated[list[str], typer.Option(help="Label of normal documents; repeatable.")],
    false_alarm_rate: NewRate = None,
    text_field: TextField = "text",
    format: FormatOption = None,
    skip_bad: SkipBad = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Measure on labelled documents: AUC, average precision, FPR at 95 % recall."""
    import numpy as np

    from textocl.cli.rendering import evaluation_line
    from textocl.core.metrics import evaluate as measure
    from textocl.core.validation import warn_of_unknown
    from textocl.io.assessor import load_assessor
    from textocl.io.corpora import batches_of

    assessor = load_assessor(model, false_alarm_rate)
    scores, anomalous, n_unknown = [np.empty(0, np.float32)], [], 0
    labels = Labels(label_field, normal)
    with documents_of(docs, text_field, format, skip_bad) as documents:
        for batch in batches_of(counted(documents, "scoring", quiet)):
            found = assessor.assess([document.text for document in batch])
            scores.append(found["score"])
            n_unknown += int((found["n_known_words"] == 0).sum())
            anomalous += [not labels.is_normal(document) for document in batch]
    labels.refuse_if_none_is_normal()
    warn_of_unknown(n_unknown, len(anomalous))
    values, truth = np.concatenate(scores), np.array(anomalous, bool)
    evaluation = measure(values, truth)
    flagged = values > assessor.threshold
    at_threshold = {
        "false_alarm_rate": float(flagged[~truth].mean()),
        "recall": float(flagged[truth].mean()),
    }
    if as_json:
        measures = {**evaluation.to_dict(), "at_threshold": at_threshold}
        print_json({**measures, "without_known_word": n_unknown})
        return
    out_console.print(evaluation_line(evaluation), highlight=False, soft_wrap=True)
    out_console.print(
        f"At the threshold: {at_threshold['recall']:.1%} of the anomalies found, "
        f"{at_threshold['false_alarm_rate']:.1%} false alarms.",
        highlight=False,
        soft_wrap=True,
    )
