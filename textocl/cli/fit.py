"""``textocl fit``: documents in, a model out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from textocl.cli.application import app, out_console, print_json, watched
from textocl.cli.info import facts_of
from textocl.cli.inputs import Labels, counted, documents_of, refuse_overwriting
from textocl.cli.options import (
    Docs,
    Embedding,
    FalseAlarmRate,
    FormatOption,
    IdField,
    Json,
    Language,
    Marks,
    Quiet,
    Seed,
    SkipBad,
    TextField,
    Tokenization,
)


@app.command()
def fit(
    docs: Docs,
    out: Annotated[Path, typer.Option(help="Folder to write the model to.")],
    model: Annotated[
        str,
        typer.Option(
            help="auto, cvdd, cvdd-thesis, kde, words, knn, ocsvm …; a wrong name lists all."
        ),
    ] = "auto",
    embedding: Embedding = "wordllama",
    contexts: Annotated[
        int | None, typer.Option(help="Number of contexts to look for", show_default="the model's")
    ] = None,
    false_alarm_rate: FalseAlarmRate = 0.05,
    seed: Seed = 0,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the documents", show_default="the model's")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="cvdd: documents of a training step", show_default="64")
    ] = None,
    attention_size: Annotated[
        int | None,
        typer.Option(help="cvdd: size of the attention's hidden layer", show_default="150"),
    ] = None,
    orthogonality: Annotated[
        float | None,
        typer.Option(help="cvdd: λ, how hard contexts are kept apart", show_default="the model's"),
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="cpu or cuda", show_default="auto, cuda where there is one")
    ] = None,
    aggregation: Annotated[
        str | None, typer.Option(help="cvdd: how distances become a score: mean, min, softmin.")
    ] = None,
    pooling: Annotated[
        str | None, typer.Option(help="kde, knn, ocsvm …: mean, tfidf, lead or max.")
    ] = None,
    contamination: Annotated[
        float | None,
        typer.Option(
            help="Share of anomalies that hide in DOCS", show_default="auto estimates it; others 0"
        ),
    ] = None,
    tokenization: Tokenization = "auto",
    language: Language = "auto",
    typical: Annotated[
        int | None,
        typer.Option(
            help="Typical documents of each context whose start is stored", show_default="3"
        ),
    ] = None,
    references: Annotated[
        int | None,
        typer.Option(
            help="auto: documents whose words are stored, to tell unexpected words",
            show_default="2000",
        ),
    ] = None,
    forget: Annotated[
        bool,
        typer.Option(
            "--forget",
            help="auto: store no hashes of DOCS, by which score judges them out of sample.",
        ),
    ] = False,
    label_field: Annotated[
        str | None, typer.Option(help="Learn only from documents whose label is --normal.")
    ] = None,
    normal: Annotated[list[str] | None, typer.Option(help="Label of normal documents.")] = None,
    labels: Marks = None,
    anomalies: Annotated[
        str | None,
        typer.Option(help="Known anomalies, or documents of a general corpus: read like DOCS."),
    ] = None,
    text_field: TextField = None,
    id_field: IdField = None,
    format: FormatOption = None,
    skip_bad: SkipBad = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Learn what is normal from documents, and write the model."""
    from textocl.cli.views import contexts_table
    from textocl.core.factory import make_detector
    from textocl.core.persistence import check_target
    from textocl.io.marks import read_marks

    check_target(out)  # before minutes of work, not after
    refuse_overwriting(out, docs, *([anomalies] if anomalies is not None else []))
    with documents_of(
        docs, text_field, format, skip_bad, id_field=id_field, quiet=quiet
    ) as documents:
        if (label_field is None) != (not normal):
            raise typer.BadParameter("--normal needs --label-field, and the other way round.")
        seen = Labels(label_field, normal or [])
        kept = (d for d in documents if label_field is None or seen.is_normal(d))
        read = list(counted(kept, "reading", quiet))
        seen.refuse_if_none_is_normal()
    texts = [document.text for document in read]
    told = [0] * len(texts)
    if labels is not None:
        told = read_marks(labels, [document.id for document in read])
    known: list[str] = []
    if anomalies is not None:
        with documents_of(anomalies, text_field, None, skip_bad, quiet=quiet) as documents:
            known = [d.text for d in counted(documents, "reading anomalies", quiet)]
    parameters = {
        "n_contexts": contexts,
        "n_epochs": epochs,
        "batch_size": batch_size,
        "attention_size": attention_size,
        "orthogonality": orthogonality,
        "device": device,
        "aggregation": aggregation,
        "pooling": pooling,
        "contamination": contamination,
        "n_typical": typical,
        "n_references": references,
        "remember_training": False if forget else None,
    }
    detector = make_detector(
        model,
        embedding=embedding,
        tokenization=tokenization,
        language=None if language.lower() == "none" else language,
        false_alarm_rate=false_alarm_rate,
        random_state=seed,
        **{name: value for name, value in parameters.items() if value is not None},
    )
    if "verbose" in detector.get_params():
        detector.set_params(verbose=watched(quiet))
    detector.fit(texts + known, told + [-1] * len(known))
    detector.save(out)
    if as_json:
        print_json({"model": str(out), **facts_of(detector, out)})
    elif not quiet:
        if summaries := detector.context_summaries():
            out_console.print(contexts_table(summaries))
        out_console.print(
            f"Learned from {len(texts):,} documents; threshold "
            f"{detector.threshold_:.4f} at a false-alarm rate of {false_alarm_rate:g}.\n"
            f"Model written to {escape(str(out))}.",
            highlight=False,
            soft_wrap=True,
        )
