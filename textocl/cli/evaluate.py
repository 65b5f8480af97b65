"""``textocl evaluate``: how well a model ranks labelled documents."""

from __future__ import annotations

from typing import Annotated

import typer

from textocl.cli.application import app, out_console, print_json
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


@app.command()
def evaluate(
    model: ModelOrFile,
    docs: Docs,
    label_field: Annotated[str, typer.Option(help="Field that holds the label.")],
    normal: Annotated[list[str], typer.Option(help="Label of normal documents; repeatable.")],
    false_alarm_rate: NewRate = None,
    text_field: TextField = None,
    format: FormatOption = None,
    skip_bad: SkipBad = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Measure on labelled documents: AUC, average precision, FPR at 95 % recall.

    Documents that cannot be judged count with the worst score; how many they are is said.
    """
    import numpy as np

    from textocl.cli.views import evaluation_line
    from textocl.core.metrics import evaluate as measure
    from textocl.core.validation import warn_of_unknown
    from textocl.io.assessor import load_assessor
    from textocl.io.corpora import batches_of

    assessor = load_assessor(model, false_alarm_rate)
    scores, anomalous, n_not_judged = [np.empty(0, np.float32)], [], 0
    labels = Labels(label_field, normal)
    with documents_of(docs, text_field, format, skip_bad, quiet=quiet) as documents:
        for batch in batches_of(counted(documents, "scoring", quiet)):
            assessment = assessor.assess([document.text for document in batch])
            scores.append(assessment.score)
            n_not_judged += assessment.n_not_judged
            anomalous += [not labels.is_normal(document) for document in batch]
    labels.refuse_if_none_is_normal()
    warn_of_unknown(n_not_judged, len(anomalous))
    values, truth = np.concatenate(scores), np.array(anomalous, bool)
    evaluation = measure(values, truth)
    flagged = values > assessor.threshold
    at_threshold = {
        "false_alarm_rate": float(flagged[~truth].mean()),
        "recall": float(flagged[truth].mean()),
    }
    if as_json:
        measures = {**evaluation.to_dict(), "at_threshold": at_threshold}
        print_json({**measures, "not_judged": n_not_judged})
        return
    out_console.print(evaluation_line(evaluation), highlight=False, soft_wrap=True)
    out_console.print(
        f"At the threshold: {at_threshold['recall']:.1%} of the anomalies found, "
        f"{at_threshold['false_alarm_rate']:.1%} false alarms.",
        highlight=False,
        soft_wrap=True,
    )
