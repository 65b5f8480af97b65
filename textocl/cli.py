"""The command ``textocl``. Light to start: each command imports what it needs."""

from __future__ import annotations

import json
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from textocl import __version__
from textocl.exceptions import DataError, FormatError, TextoclError, TextoclWarning

if TYPE_CHECKING:
    from textocl.corpora import Document
    from textocl.detector import OneClassDetector
    from textocl.explain import ContextSummary

EXIT_DATA, EXIT_MODEL, EXIT_INTERRUPTED = 3, 4, 130

_out = Console()
_err = Console(stderr=True)


class _Commands(TyperGroup):
    """Turns what goes wrong into one line on standard error and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        warnings.simplefilter("always", TextoclWarning)
        warnings.showwarning = _show_warning
        try:
            return super().invoke(ctx)
        except FormatError as error:
            _fail(str(error), EXIT_MODEL)
        except TextoclError as error:
            _fail(str(error), EXIT_DATA)
        except BrokenPipeError:
            raise  # click closes the pipe quietly
        except OSError as error:
            _fail(": ".join(str(p) for p in (error.strerror, error.filename) if p), EXIT_DATA)
        except KeyboardInterrupt:
            _fail("interrupted; nothing was left half-written.", EXIT_INTERRUPTED)


def _fail(message: str, code: int) -> None:
    from textocl.rendering import visible

    _err.print(f"[bold red]error:[/] {escape(visible(message))}", highlight=False, soft_wrap=True)
    raise typer.Exit(code)


def _show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    from textocl.rendering import visible

    text = escape(visible(str(message)))
    _err.print(f"[yellow]warning:[/] {text}", highlight=False, soft_wrap=True)


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Learn what is normal in a set of texts; find what does not belong, and see why.",
    epilog="Exit codes: 0 done, 2 wrong usage, 3 unusable documents or parameters, "
    "4 unusable model, 130 interrupted.",
)


class Format(str, Enum):
    txt = "txt"
    jsonl = "jsonl"
    csv = "csv"
    tsv = "tsv"
    folder = "folder"


Docs = Annotated[
    str,
    typer.Argument(
        help="Documents: .txt (one a line), .jsonl, .csv, .tsv (also .gz), a folder of .txt files, "
        "or - for standard input."
    ),
]
Model = Annotated[Path, typer.Argument(help="Folder of a fitted model.")]
TextField = Annotated[str, typer.Option(help="Field or column that holds the text.")]
FormatOption = Annotated[
    Format | None, typer.Option("--format", help="Format of DOCS, where its name does not tell.")
]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Pass over records that cannot be read, and count them.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
FalseAlarmRate = Annotated[
    float, typer.Option(help="Share of normal documents that may be called anomalous.")
]
NewRate = Annotated[
    float | None,
    typer.Option("--false-alarm-rate", help="Another rate than the model was fitted with."),
]
Seed = Annotated[int, typer.Option(help="Seed of all random choices.")]


def _version(shown: bool) -> None:
    if shown:
        typer.echo(f"textocl {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def fit(
    docs: Docs,
    out: Annotated[Path, typer.Option(help="Folder to write the model to.")],
    model: Annotated[
        str,
        typer.Option(help="auto, cvdd, kde, words, knn, ocsvm …; a wrong name lists all of them."),
    ] = "auto",
    embedding: Annotated[
        str,
        typer.Option(
            help="wordllama, minilm, corpus, a file of word vectors (.txt .vec .bin .kv .npz), a "
            "folder of a language model, gensim:NAME, transformer:NAME, model2vec:NAME."
        ),
    ] = "wordllama",
    contexts: Annotated[
        int | None, typer.Option(help="Number of themes to look for [default: the model's]")
    ] = None,
    false_alarm_rate: FalseAlarmRate = 0.05,
    seed: Seed = 0,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the documents [default: the model's]")
    ] = None,
    aggregation: Annotated[
        str | None, typer.Option(help="cvdd: how distances become a score, mean or min.")
    ] = None,
    pooling: Annotated[
        str | None, typer.Option(help="kde, knn, ocsvm …: mean, tfidf, lead or max.")
    ] = None,
    tokenization: Annotated[
        str, typer.Option(help="english, or unicode for other languages.")
    ] = "english",
    language: Annotated[
        str, typer.Option(help="Language of the general word list, or none.")
    ] = "en",
    typical: Annotated[
        int | None,
        typer.Option(help="Typical documents of each context whose start is stored [default: 3]"),
    ] = None,
    label_field: Annotated[
        str | None, typer.Option(help="Learn only from documents whose label is --normal.")
    ] = None,
    normal: Annotated[list[str] | None, typer.Option(help="Label of normal documents.")] = None,
    anomalies: Annotated[
        str | None,
        typer.Option(help="Known anomalies, or documents of a general corpus: read like DOCS."),
    ] = None,
    text_field: TextField = "text",
    format: FormatOption = None,
    skip_bad: SkipBad = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Learn what is normal from documents, and write the model."""
    from textocl.models import make_detector
    from textocl.persistence import check_target
    from textocl.rendering import contexts_table

    check_target(out)  # before minutes of work, not after
    with _documents(docs, text_field, format, skip_bad) as documents:
        if (label_field is None) != (not normal):
            raise typer.BadParameter("--normal needs --label-field, and the other way round.")
        labels = _Labels(label_field, normal or [])
        kept = (d for d in documents if label_field is None or labels.is_normal(d))
        texts = [document.text for document in _counted(kept, "reading", quiet)]
        labels.refuse_if_none_is_normal()
    known: list[str] = []
    if anomalies is not None:
        with _documents(anomalies, text_field, None, skip_bad) as documents:
            known = [d.text for d in _counted(documents, "reading anomalies", quiet)]
    given = {
        "n_contexts": contexts,
        "n_epochs": epochs,
        "aggregation": aggregation,
        "pooling": pooling,
        "n_typical": typical,
    }
    detector = make_detector(
        model,
        embedding=embedding,
        tokenization=tokenization,
        language=None if language.lower() == "none" else language,
        false_alarm_rate=false_alarm_rate,
        random_state=seed,
        **{name: value for name, value in given.items() if value is not None},
    )
    if "verbose" in detector.get_params():
        detector.set_params(verbose=_watched(quiet))
    detector.fit(texts + known, [0] * len(texts) + [-1] * len(known))
    detector.save(out)
    if as_json:
        _print_json({"model": str(out), **_facts(detector)})
    elif not quiet:
        if _themes(detector):
            _out.print(contexts_table(_themes(detector)))
        _out.print(
            f"Learned from {len(texts):,} documents; threshold "
            f"{detector.threshold_:.4f} at a false-alarm rate of {false_alarm_rate:g}.\n"
            f"Model written to {escape(str(out))}.",
            highlight=False,
            soft_wrap=True,
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

    detector = _load(model, false_alarm_rate)
    n_documents = n_anomalous = n_unknown = 0
    with (
        _documents(docs, text_field, format, skip_bad) as documents,
        ResultWriter(out) as writer,
        counting_bar("scoring", _watched(quiet)) as advance,
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
        _print_json({**summary, "out": out})
    elif not quiet:
        _err.print(
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

    detector = _load(model, false_alarm_rate)
    scores, anomalous, n_unknown = [np.empty(0, np.float32)], [], 0
    labels = _Labels(label_field, normal)
    with _documents(docs, text_field, format, skip_bad) as documents:
        for batch in batches_of(_counted(documents, "scoring", quiet)):
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
        _print_json({**measures, "without_known_word": n_unknown})
        return
    _out.print(evaluation_line(evaluation), highlight=False, soft_wrap=True)
    _out.print(
        f"At the threshold: {at_threshold['recall']:.1%} of the anomalies found, "
        f"{at_threshold['false_alarm_rate']:.1%} false alarms.",
        highlight=False,
        soft_wrap=True,
    )


@app.command()
def contexts(
    model: Model,
    words: Annotated[int, typer.Option(help="Top words to show of each.", min=1)] = 10,
    as_json: Json = False,
) -> None:
    """Show the themes a model found: top words, shares, typical documents."""
    from textocl.rendering import contexts_table, typical_documents

    detector = _load(model)
    themes = _themes(detector)
    if not themes:
        raise DataError(f"a {type(detector).__name__} has no contexts; cvdd and auto have.")
    if as_json:
        _print_json([context.to_dict() for context in themes])
        return
    _out.print(contexts_table(themes, words))
    _out.print(typical_documents(themes))


@app.command()
def explain(
    model: Model,
    texts: Annotated[list[str], typer.Argument(help="Texts, or - for one on standard input.")],
    words: Annotated[int, typer.Option(help="Words to show on each side.", min=1)] = 8,
    as_json: Json = False,
) -> None:
    """Show which words make a text normal or anomalous."""
    from textocl.rendering import explanation_view

    detector = _load(model)
    given = [sys.stdin.buffer.read().decode("utf-8", "replace") if t == "-" else t for t in texts]
    explanations = detector.explain(given)
    if as_json:
        _print_json([explanation.to_dict() for explanation in explanations])
        return
    for explanation in explanations:
        _out.print(explanation_view(explanation, words))


@app.command()
def info(model: Model, as_json: Json = False) -> None:
    """Show what a model is: its parameters, vocabulary, threshold."""
    from rich.table import Table

    from textocl.rendering import visible

    facts = _facts(_load(model))
    if as_json:
        _print_json(facts)
        return
    table = Table(show_header=False, box=None)
    for name, value in facts.items():
        if isinstance(value, dict):
            table.add_row(f"[bold]{name}[/]", "")
            for parameter, setting in value.items():
                table.add_row(f"  {parameter}", escape(visible(str(setting))))
        else:
            table.add_row(f"[bold]{name}[/]", escape(visible(str(value))))
    _out.print(table)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder to write the model to.")] = Path("demo-model"),
    topic: Annotated[str, typer.Option(help="Reuters topic to call normal.")] = "crude",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Run the main job on Reuters news: fit on one topic, score a mixed set, say why."""
    from textocl.demo import run_demo

    run_demo(out, topic, seed, _out, as_json=as_json)


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
            help="Repeatable, cvdd if not given: auto, cvdd, cvdd-5, cvdd-10, cvdd-thesis, ocsvm, "
            "ocsvm-tfidf, ocsvm-max, svdd, knn, lof, gaussian, mve, pca, kernel-pca, kde, iforest."
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
    from textocl.benchmark import run_benchmark, tables
    from textocl.rendering import visible

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
        verbose=_watched(quiet),
    )
    if as_json:
        _print_json({"out": str(folder), "records": [record.to_dict() for record in records]})
    elif not quiet:
        typer.echo(visible(tables(records, corpus)))
        _err.print(f"Written to {escape(visible(str(folder)))}.", highlight=False, soft_wrap=True)


def _load(model: Path, false_alarm_rate: float | None = None) -> OneClassDetector:
    from textocl.persistence import load  # judges the folder before torch is imported

    detector = load(model)
    if false_alarm_rate is not None:
        detector.recalibrate(false_alarm_rate=false_alarm_rate)
    return detector


@contextmanager
def _documents(
    docs: str, text_field: str, format: Format | None, skip_bad: bool
) -> Iterator[Iterator[Document]]:
    """Documents of an argument; says at the end how many records were passed over."""
    from textocl.corpora import BadRecords, read_documents

    bad: BadRecords | None = BadRecords() if skip_bad else None
    yield read_documents(
        docs, format=format.value if format else None, text_field=text_field, bad=bad
    )
    if bad is not None and bad.count:
        shown = "\n  ".join(bad.reasons)
        more = f"\n  … and {bad.count - len(bad.reasons):,} more" if bad.count > 5 else ""
        warnings.warn(
            f"{bad.count:,} record{'s'[: bad.count != 1]} could not be read and passed over:"
            f"\n  {shown}{more}",
            TextoclWarning,
            stacklevel=1,
        )


def _counted(documents: Iterator[Document], what: str, quiet: bool) -> Iterator[Document]:
    from textocl.progress import counting_bar

    with counting_bar(what, _watched(quiet)) as advance:
        while part := list(islice(documents, 256)):
            advance(len(part))
            yield from part


class _Labels:
    """Tells normal documents by a field, and remembers which labels there were."""

    def __init__(self, field: str | None, normal: list[str]) -> None:
        self._field = field
        self._normal = normal
        self._seen: Counter[str] = Counter()

    def is_normal(self, document: Document) -> bool:
        if self._field not in document.fields:
            known = ", ".join(map(repr, document.fields)) or "none"
            raise DataError(
                f"document {document.id!r} has no field {self._field!r} (--label-field); "
                f"there are {known}."
            )
        value = document.fields[self._field]
        label = value if isinstance(value, str) else json.dumps(value)  # true, 1, null
        self._seen[label] += 1
        return label in self._normal

    def refuse_if_none_is_normal(self) -> None:
        if self._seen and not any(label in self._normal for label in self._seen):
            seen = ", ".join(f"{label!r} ({n:,})" for label, n in self._seen.most_common(8))
            wanted = " or ".join(map(repr, self._normal))
            raise DataError(f"no document has the label {wanted} (--normal); there are {seen}.")


def _themes(detector: OneClassDetector) -> list[ContextSummary]:
    """The contexts of a detector that has some."""
    try:
        return list(getattr(detector, "contexts_", []))
    except DataError:  # a fusion fitted without CVDD
        return []


def _facts(detector: OneClassDetector) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "detector": type(detector).__name__,
        "threshold": detector.threshold_,
        "calibration_documents": len(detector.calibration_scores_),
    }
    if hasattr(detector, "n_documents_"):
        facts["documents"] = detector.n_documents_
    if hasattr(detector, "vocabulary_"):
        facts["vocabulary"] = len(detector.vocabulary_)
    if hasattr(detector, "context_vectors_"):
        facts["contexts"], facts["vector_size"] = detector.context_vectors_.shape
    if hasattr(detector, "members_"):
        facts["members"] = {
            name: f"{type(member.detector).__name__}, weight {member.weight:g}"
            for name, member in detector.members_.items()
        }
    facts["parameters"] = {
        name: value if isinstance(value, (int, float, str, type(None))) else str(value)
        for name, value in detector._in_force.items()
    }
    return facts


def _watched(quiet: bool) -> bool:
    return not quiet and sys.stderr.isatty()


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2))


def main() -> None:
    """Entry point of the command."""
    app()
