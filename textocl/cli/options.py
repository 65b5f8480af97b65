"""Arguments and options that several commands take."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer


class Format(str, Enum):
    txt = "txt"
    jsonl = "jsonl"
    json = "json"
    csv = "csv"
    tsv = "tsv"
    xlsx = "xlsx"
    parquet = "parquet"
    folder = "folder"


Docs = Annotated[
    str,
    typer.Argument(
        help="Documents: .txt (one a line), .jsonl, .json, .csv, .tsv (also .gz), .xlsx, .parquet, "
        "a folder of .txt files, or - for standard input."
    ),
]
Model = Annotated[Path, typer.Argument(help="Folder of a fitted model.")]
ModelOrFile = Annotated[
    Path,
    typer.Argument(help="Folder of a fitted model, or its exported .onnx file."),
]
TextField = Annotated[
    str | None,
    typer.Option(
        help="Field or column of the texts, or several to be joined: title,body; by default text, "
        "else the one of long texts."
    ),
]
IdField = Annotated[
    str | None,
    typer.Option(help="Field or column of the ids; by default id, else the number of the line."),
]
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
Marks = Annotated[
    str | None,
    typer.Option(
        help="File of what is known, as a report downloads it: id, and label 1 belongs, -1 does "
        "not, 0 unsure."
    ),
]
Embedding = Annotated[
    str,
    typer.Option(
        help="wordllama, minilm, corpus, a file of word vectors (.txt .vec .bin .kv .npz), a "
        "folder of a language model, gensim:NAME, transformer:NAME, model2vec:NAME."
    ),
]
Tokenization = Annotated[
    str, typer.Option(help="auto, english, unicode for other languages, or characters.")
]
Language = Annotated[str, typer.Option(help="Language of the general word list, auto or none.")]
SpreadsheetSafe = Annotated[
    bool,
    typer.Option(
        "--spreadsheet-safe",
        help="Put ' before cells of a .csv that a spreadsheet would take for formulas, as they "
        "begin with = + - @; numbers stay as they are.",
    ),
]
