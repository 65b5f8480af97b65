"""``textocl find``: one file in, what does not belong there out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from textocl.cli.application import app, err_console, out_console, print_json, watched
from textocl.cli.inputs import refuse_overwriting, tell, warn_of_bad
from textocl.cli.options import (
    Docs,
    Embedding,
    FormatOption,
    IdField,
    Json,
    Language,
    Marks,
    Quiet,
    Seed,
    SkipBad,
    SpreadsheetSafe,
    TextField,
    Tokenization,
)
from textocl.core.exceptions import DataError

if TYPE_CHECKING:
    from textocl.io.tables import Corpus
    from textocl.pile import Findings


@app.command()
def find(
    docs: Docs,
    top: Annotated[
        int | None, typer.Option(help="Flag so many: those that belong least.", min=1)
    ] = None,
    budget: Annotated[
        str | None, typer.Option(help="Flag this share of all documents, such as 2%.")
    ] = None,
    fdr: Annotated[
        float | None,
        typer.Option(
            help="Flag as many as keep the share of wrong ones among them below this",
            show_default="0.1",
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            help="A .csv or .jsonl file for all documents: rank, score, kind, reasons, copies."
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="An .html page that shows what was found, and why.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="Folder to write the model to, which scores new documents.")
    ] = None,
    show: Annotated[int, typer.Option(help="How many of the oddest to print.", min=0)] = 10,
    embedding: Embedding = "wordllama",
    label_field: Annotated[
        str | None,
        typer.Option(help="Field of what is known: 1 belongs, -1 does not, 0 or empty unknown."),
    ] = None,
    labels: Marks = None,
    tokenization: Tokenization = "auto",
    language: Language = "auto",
    seed: Seed = 0,
    text_field: TextField = None,
    id_field: IdField = None,
    format: FormatOption = None,
    skip_bad: SkipBad = False,
    spreadsheet_safe: SpreadsheetSafe = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Find what does not belong in a file, and say why; no model or clean example is needed.

    By default flags as many as keep one in ten of them wrong, if most documents belong.
    """
    from textocl.cli.views import findings_view
    from textocl.core.persistence import check_target
    from textocl.io.corpora import BadRecords
    from textocl.io.marks import read_marks
    from textocl.io.results import ResultRows
    from textocl.io.tables import read_corpus
    from textocl.pile import Decision
    from textocl.pile import find as find_in

    Decision.of(top, share := share_of(budget), fdr)  # before minutes of work, not after
    if save is not None:
        check_target(save)
        refuse_overwriting(save, docs)
    rows = None
    if out is not None:
        rows = ResultRows.for_path(out, spreadsheet_safe=spreadsheet_safe)
        refuse_overwriting(out, docs)
    elif spreadsheet_safe:
        raise DataError("--spreadsheet-safe is for the .csv file of --out.")
    if report is not None:
        from textocl.report.writer import check_report_target

        check_report_target(report)
        refuse_overwriting(report, docs)
    bad = BadRecords() if skip_bad else None
    corpus = read_corpus(
        docs, text_field, id_field, format=format.value if format else None, bad=bad
    )
    warn_of_bad(bad, "record")
    if not quiet:
        for note in corpus.notes:
            tell(note)
    known = None if label_field is None else known_labels(corpus, label_field)
    if labels is not None:
        if label_field is not None:
            raise typer.BadParameter("give --labels or --label-field, not both.")
        known = read_marks(labels, corpus.ids)
    findings = find_in(
        corpus.texts,
        known,
        top=top,
        budget=share,
        fdr=fdr,
        embedding=embedding,
        tokenization=tokenization,
        language=None if language.lower() == "none" else language,
        random_state=seed,
        verbose=watched(quiet),
    )
    if save is not None:
        findings.detector.save(save)
    if rows is not None and out is not None:
        from textocl.io.findings import write_findings

        write_findings(findings, corpus, out, rows)
    if report is not None:
        _write_report(findings, corpus, report, quiet)
    if as_json and out != "-":
        print_json(_facts(findings, corpus, show))
        return
    if out != "-":
        out_console.print(findings_view(findings, corpus.ids, show))
    elif not quiet:  # standard output is for the results
        err_console.print(findings_view(findings, corpus.ids, show))
    written = [str(path) for path in (out, report, save) if path is not None and path != "-"]
    if written and not quiet:
        err_console.print(
            f"Written: {escape(', '.join(written))}.", highlight=False, soft_wrap=True
        )


def share_of(budget: str | None) -> float | None:
    """A share written as 2% or 0.02; a wrong one is refused in the unit it is given in.

    Raises
    ------
    DataError
    """
    if budget is None:
        return None
    unit, whole = ("%", 100) if budget.endswith("%") else ("", 1)
    try:
        share = float(budget.removesuffix(unit))
    except ValueError:
        raise DataError(f"--budget takes a share such as 2% or 0.02, got {budget!r}.") from None
    if not 0 < share <= whole:
        raise DataError(f"--budget must be above 0{unit} and at most {whole}{unit}, got {budget}.")
    return share / whole


def known_labels(corpus: Corpus, field: str) -> list[int]:
    """What is known of each document, by a column of the file.

    Raises
    ------
    DataError
        There is no such column, or it holds something else.
    """
    from textocl.io.marks import labels_from

    if field not in corpus.columns:
        known = ", ".join(map(repr, corpus.columns)) or "none"
        raise DataError(f"there is no field {field!r} (--label-field); there are {known}.")
    return labels_from(corpus.columns[field], corpus.ids, field)


def _write_report(findings: Findings, corpus: Corpus, path: Path, quiet: bool) -> None:
    from textocl.report import write_findings_report
    from textocl.training.progress import counting_bar

    with counting_bar("explaining", watched(quiet)) as advance:
        write_findings_report(
            findings, path, ids=corpus.ids, columns=corpus.columns, advance=advance
        )


def _facts(findings: Findings, corpus: Corpus, n: int) -> dict[str, Any]:
    estimate = findings.detector.contamination_
    oddest = findings.oddest(n)
    return {
        "documents": len(findings),
        "flagged": len(findings.flagged),
        "not_judged": int((findings.labels == 0).sum()),
        "copies": findings.n_copies,
        "contamination": {"share": estimate.share, "at_least": estimate.at_least},
        "kinds": [
            {
                "words": kind.words,
                "form": kind.form,
                "language": kind.language,
                "documents": [corpus.ids[i] for i in kind.documents],
            }
            for kind in findings.kinds
        ],
        "oddest": [
            {
                "id": corpus.ids[i],
                "score": explanation.score,
                "p_value": explanation.p_value,
                "false_discovery_rate": float(findings.false_discovery[i]),
                "words": explanation.reasons(),
                "form": explanation.form_reasons(),
                "text": findings.texts[i],
            }
            for i, explanation in zip(oddest, findings.explain(oddest), strict=True)
        ],
    }
