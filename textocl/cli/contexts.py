"""``textocl contexts``: what kinds of documents a model knows."""

from __future__ import annotations

from typing import Annotated

import typer

from textocl.cli.application import app, out_console, print_json
from textocl.cli.inputs import load_model
from textocl.cli.options import Json, Model
from textocl.core.exceptions import DataError


@app.command()
def contexts(
    model: Model,
    words: Annotated[int, typer.Option(help="Top words to show of each.", min=1)] = 10,
    as_json: Json = False,
) -> None:
    """Show the contexts a model found: top words, shares, typical documents."""
    from textocl.cli.views import contexts_table, typical_documents

    detector = load_model(model, "contexts")
    summaries = detector.context_summaries()
    if not summaries:
        raise DataError(f"a {type(detector).__name__} has no contexts; cvdd and auto have.")
    if as_json:
        print_json([context.to_dict() for context in summaries])
        return
    out_console.print(contexts_table(summaries, words))
    out_console.print(typical_documents(summaries))
