"""``textocl score`` and ``textocl evaluate``: a model and documents in, scores out."""

from __future__ import annotations

from typing import Annotated

import typer

from textocl.cli.application import app, err_console, out_console, print_json, watched
from textocl.cli.inputs import Labels, counted, documents_of, load_model
from textocl.cli.options import (
    Docs,
    FormatOption,
    Json,
    Model,
    NewRate,
    Quiet,
    SkipBad,
    TextField,
)


@app.command()
def score(
    model: Model,
    docs: Docs,
    out: Annotated[str, typer.Option(help="Where to: a .jsonl or .csv file, or - .")],
    false_alarm_rate: NewRate = None,
    text_field: TextField = "text",
    format: FormatOption = None,
    skip_bad: SkipBad = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Score documents of any number: each with its own fields, score, p_value and label."""
    from textocl.corpora import batches_of
    from textocl.detector import warn_of_unknown
    from textocl.progress import counting_bar
    from textocl.results import ResultWriter

    detector = load_model(model, false_alarm_rate)
    n_documents = n_anomalous = n_unknown = 0
    with (
        documents_of(docs, text_field, format, skip_bad) as documents,
        ResultWriter(out) as writer,
        counting_bar("scoring", watched(quiet)) as advance,
    ):
        for batch in batches_of(documents):
            assessment = detector._assess([document.text for document in batch])
            columns = zip(*(column.tolist() for column in vars(assessment).values()), strict=True)
            names = list(vars(assessment))
            for document, values in zip(batch, columns, strict=True):
                writer.write(document, dict(zip(names, values, strict=True)))
            n_documents += len(batch)
            n_anomalous += int((assessment.label == -1).sum())
            n_unknown += int((assessment.n_known_words == 0).sum())
            advance(len(batch))
    warn_of_unknown(n_unknown, n_documents)
    summary = {"documents": n_documents, "anomalous": n_anomalous, "without_known_word": n_unknown}
    if as_json and out != "-":
        print_json({**summary, "out": out})
    elif not quiet:
        err_console.print(
            f"{n_documents:,} documents scored, {n_anomalous:,} anomalous "
            f"(threshold {detector.threshold_:.4f}).",
            highlight=False,
        )


@app.command()
def evaluate(
    model: Model,
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

    from textocl.corpora import batches_of
    from textocl.detector import warn_of_unknown
    from textocl.evaluation import evaluate as measure
    from textocl.rendering import evaluation_line

    detector = load_model(model, false_alarm_rate)
    scores, anomalous, n_unknown = [np.empty(0, np.float32)], [], 0
    labels = Labels(label_field, normal)
    with documents_of(docs, text_field, format, skip_bad) as documents:
        for batch in batches_of(counted(documents, "scoring", quiet)):
            assessment = detector._assess([document.text for document in batch])
            scores.append(assessment.score)
            n_unknown += int((assessment.n_known_words == 0).sum())
            anomalous += [not labels.is_normal(document) for document in batch]
    labels.refuse_if_none_is_normal()
    warn_of_unknown(n_unknown, len(anomalous))
    values, truth = np.concatenate(scores), np.array(anomalous, bool)
    evaluation = measure(values, truth)
    flagged = values > detector.threshold_
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
