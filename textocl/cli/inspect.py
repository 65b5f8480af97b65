"""``textocl inspect``: choose contexts by their words, and see what that does to a ranking."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textocl.cli.application import app, out_console, print_json
from textocl.cli.inputs import counted, documents_of, load_model
from textocl.cli.options import Docs, FormatOption, Json, Model, Quiet, SkipBad, TextField
from textocl.core.exceptions import DataError

if TYPE_CHECKING:
    from textocl.cvdd.detector import CVDD
    from textocl.ensemble.detector import Detector


@app.command()
def inspect(
    model: Model,
    docs: Docs,
    contexts: Annotated[
        str | None, typer.Option(help="Contexts that shall decide, for example 0,2 .")
    ] = None,
    context_weights: Annotated[
        str | None, typer.Option(help="The same with weights, for example 0:1,2:0.5 .")
    ] = None,
    aggregation: Annotated[
        str | None, typer.Option(help="mean, min or softmin over them", show_default="the model's")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the model that judges by them.")
    ] = None,
    top: Annotated[int, typer.Option(help="Most anomalous documents to compare.", min=1)] = 10,
    words: Annotated[int, typer.Option(help="Top words to show of each context.", min=1)] = 10,
    text_field: TextField = None,
    format: FormatOption = None,
    skip_bad: SkipBad = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Show a model's contexts, and the ranking of DOCS with all and with some of them."""
    from textocl.cli.views import choice_view, contexts_table
    from textocl.core.persistence import check_target
    from textocl.ensemble.context_choice import (
        compare_judgements,
        context_weights_of,
        with_contexts,
    )

    weights = _weights_of(contexts, context_weights)
    if out is not None:
        check_target(out)
        if weights is None:
            raise DataError("--out writes a model with chosen contexts: give --contexts too.")
    detector = _with_contexts(model)
    before = context_weights_of(detector)
    all_alike = dict.fromkeys(range(len(detector.contexts_)), 1.0)
    chosen = with_contexts(detector, weights or before or all_alike, aggregation)
    with documents_of(docs, text_field, format, skip_bad, quiet=quiet) as documents:
        texts = [document.text for document in counted(documents, "reading", quiet)]
    if not texts:
        raise DataError("there is no document to rank.")
    choice = compare_judgements(detector, chosen, texts, n_top=top)
    if out is not None:
        chosen.save(out)
    if as_json:
        print_json(
            {
                "contexts": [context.to_dict() for context in detector.contexts_],
                "context_weights": context_weights_of(chosen),
                "documents": len(texts),
                **choice.to_dict(),
                "out": None if out is None else str(out),
            }
        )
        return
    out_console.print(contexts_table(detector.contexts_, words))
    out_console.print(choice_view(choice, texts))


def _with_contexts(model: Path) -> CVDD | Detector:
    from textocl.cvdd.detector import CVDD
    from textocl.ensemble.detector import Detector

    detector = load_model(model, "a choice of contexts")
    if not isinstance(detector, (CVDD, Detector)):
        raise DataError(
            f"a {type(detector).__name__} has no contexts to choose from; cvdd and auto have: "
            "textocl fit DOCS --model cvdd"
        )
    return detector


def _weights_of(contexts: str | None, context_weights: str | None) -> dict[int, float] | None:
    """Read ``0,2`` or ``0:1,2:0.5``."""
    if contexts is not None and context_weights is not None:
        raise typer.BadParameter("give --contexts or --context-weights, not both.")
    option = context_weights if contexts is None else contexts
    if option is None:
        return None
    weights: dict[int, float] = {}
    try:
        for part in option.split(","):
            number, colon, weight = part.partition(":")
            if bool(colon) != (context_weights is not None) or int(number) in weights:
                raise ValueError
            weights[int(number)] = float(weight or 1)
    except ValueError:
        raise typer.BadParameter(
            f"expected contexts such as 0,2 or weights such as 0:1,2:0.5, got {option!r}."
        ) from None
    return weights
