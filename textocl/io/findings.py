"""Findings to a file: each document of a pile with its own columns, and what was found of it."""

from __future__ import annotations

from typing import Any

from textocl.io.results import Counts, Part, ResultRows, ResultWriter
from textocl.io.tables import Corpus
from textocl.pile import Findings


def write_findings(findings: Findings, corpus: Corpus, path: str, rows: ResultRows) -> None:
    """Write all documents, the most anomalous first, to a .csv or .jsonl file, or ``"-"``.

    Those that are not judged come last. A column that is named like a result is kept as
    ``input_<name>``.

    Raises
    ------
    DataError
        The file cannot be written.
    """
    results = findings.columns()
    text = corpus.text_fields[0] if len(corpus.text_fields) == 1 else "text"
    columns: dict[str, list[Any]] = {corpus.id_field or "id": corpus.ids}
    if len(corpus.text_fields) < 2:
        columns[text] = corpus.texts
    columns |= corpus.columns
    n = len(findings)
    order = sorted(range(n), key=lambda i: (results["rank"][i] or n + 1, i))
    results["copy_of"] = [None if i is None else corpus.ids[i] for i in results["copy_of"]]
    named: dict[str, list[Any]] = {}
    for name, values in columns.items():
        while name in results or name in named:
            name = f"input_{name}"
        named[name] = values
    records = [{name: values[i] for name, values in (named | results).items()} for i in order]
    with ResultWriter(path) as writer:
        writer.write(Part(rows.encoded(records), Counts(n)))
