"""``textocl explain``: the words that decide about texts."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from textocl.cli.application import app, out_console, print_json
from textocl.cli.inputs import documents_of, load_model
from textocl.cli.options import Format, FormatOption, IdField, Json, Model, SkipBad, TextField
from textocl.core.exceptions import DataError

if TYPE_CHECKING:
    from textocl.io.corpora import Document

_AT_ONCE = 64


@app.command()
def explain(
    model: Model,
    texts: Annotated[
        list[str],
        typer.Argument(
            help="Texts, files of documents as score reads them, or - for standard input: one "
            "text, or documents of --format."
        ),
    ],
    id: Annotated[
        list[str] | None,
        typer.Option(help="Explain only the document of this id (or line); repeatable."),
    ] = None,
    words: Annotated[int, typer.Option(help="Words to show on each side.", min=1)] = 8,
    text_field: TextField = None,
    id_field: IdField = None,
    format: FormatOption = None,
    skip_bad: SkipBad = False,
    as_json: Json = False,
) -> None:
    """Show which words, and what of its form, make a text normal or anomalous."""
    from textocl.cli.views import explanation_view, visible
    from textocl.io.corpora import Document, batches_of

    detector = load_model(model, "an explanation")

    def documents() -> Iterator[Document]:
        for text in texts:
            if _is_source(text, format):
                with documents_of(text, text_field, format, skip_bad, id_field=id_field) as records:
                    yield from records
            else:
                if text == "-":
                    text = sys.stdin.buffer.read().decode("utf-8-sig", "replace")
                yield Document("", text)

    chosen = documents() if id is None else _of_ids(documents(), id)
    shown = []
    for batch in batches_of(chosen, _AT_ONCE):
        explanations = detector.explain([document.text for document in batch])
        for document, explanation in zip(batch, explanations, strict=True):
            named = {"id": document.id} if document.id != "" else {}
            if as_json:
                shown.append({**named, **explanation.to_dict()})
                continue
            if named:
                out_console.print(Text(f"document {visible(str(document.id))}", style="bold"))
            out_console.print(explanation_view(explanation, words))
    if as_json:
        print_json(shown)


def _is_source(text: str, format: Format | None) -> bool:
    """Whether a text names documents to read.

    Raises
    ------
    DataError
        It can be nothing but the name of a file, which is not there.
    """
    from textocl.io.corpora import has_known_ending

    if text == "-":
        return format is not None
    try:
        path = Path(text)
        if path.is_file():
            return format is not None or has_known_ending(path)
        if path.is_dir():  # a text of one word may be called like a folder
            return format == Format.folder or text.endswith("/")
    except (OSError, ValueError):  # too long for a name; holds a null character
        return False
    if has_known_ending(path) and not any(map(str.isspace, text)):
        raise DataError(f"no such file: {text!r}.")
    return False


def _of_ids(documents: Iterable[Document], ids: list[str]) -> Iterator[Document]:
    missing = set(ids)
    for document in documents:
        if str(document.id) in ids:
            missing.discard(str(document.id))
            yield document
    if missing:
        raise DataError(f"no document has the id {min(missing)!r} (--id).")
