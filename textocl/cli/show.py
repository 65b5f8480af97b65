"""``textocl contexts``, ``explain`` and ``info``: what a model is and what it says of a text."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from textocl.cli.application import app, out_console, print_json
from textocl.cli.inputs import load_model
from textocl.cli.options import (
    Json,
    Model,
)
from textocl.core.exceptions import DataError

if TYPE_CHECKING:
    from textocl.core.detector import OneClassDetector
    from textocl.explain.contexts import ContextSummary


@app.command()
def contexts(
    model: Model,
    words: Annotated[int, typer.Option(help="Top words to show of each.", min=1)] = 10,
    as_json: Json = False,
) -> None:
    """Show the themes a model found: top words, shares, typical documents."""
    from textocl.cli.rendering import contexts_table, typical_documents

    detector = load_model(model)
    themes = themes_of(detector)
    if not themes:
        raise DataError(f"a {type(detector).__name__} has no contexts; cvdd and auto have.")
    if as_json:
        print_json([context.to_dict() for context in themes])
        return
    out_console.print(contexts_table(themes, words))
    out_console.print(typical_documents(themes))


@app.command()
def explain(
    model: Model,
    texts: Annotated[list[str], typer.Argument(help="Texts, or - for one on standard input.")],
    words: Annotated[int, typer.Option(help="Words to show on each side.", min=1)] = 8,
    as_json: Json = False,
) -> None:
    """Show which words make a text normal or anomalous."""
    from textocl.cli.rendering import explanation_view

    detector = load_model(model)
    given = [sys.stdin.buffer.read().decode("utf-8", "replace") if t == "-" else t for t in texts]
    explanations = detector.explain(given)
    if as_json:
        print_json([explanation.to_dict() for explanation in explanations])
        return
    for explanation in explanations:
        out_console.print(explanation_view(explanation, words))


@app.command()
def info(model: Model, as_json: Json = False) -> None:
    """Show what a model is: its parameters, vocabulary, threshold."""
    print_facts(facts_of(load_model(model)), as_json)


def print_facts(facts: dict[str, Any], as_json: bool) -> None:
    from rich.table import Table

    from textocl.cli.rendering import visible

    if as_json:
        print_json(facts)
        return
    table = Table(show_header=False, box=None)
    for name, value in facts.items():
        if isinstance(value, dict):
            table.add_row(f"[bold]{name}[/]", "")
            for parameter, setting in value.items():
                table.add_row(f"  {parameter}", escape(visible(str(setting))))
        else:
            table.add_row(f"[bold]{name}[/]", escape(visible(str(value))))
    out_console.print(table)


def themes_of(detector: OneClassDetector) -> list[ContextSummary]:
    """The contexts of a detector that has some."""
    try:
        return list(getattr(detector, "contexts_", []))
    except DataError:  # a fusion fitted without CVDD
        return []


def facts_of(detector: OneClassDetector) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "detector": type(detector).__name__,
        "threshold": detector.threshold_,
        f"calibration_{detector._SAMPLES}": len(detector.calibration_scores_),
    }
    if hasattr(detector, "n_documents_"):
        facts["documents"] = detector.n_documents_
    if hasattr(detector, "n_samples_"):
        facts["samples"] = detector.n_samples_
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
        for name, value in detector._fit_params.items()
    }
    return facts
