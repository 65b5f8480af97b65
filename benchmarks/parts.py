"""Benchmarks of several parts: each is run by its name, and has a table of its own in one file."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from protocol import RESULTS, environment, write_result

import textocl

Row = dict[str, Any]
Part = Callable[[int], Iterable[Row]]


def run_parts(
    name: str, doc: str | None, parts: Sequence[Part], n_seeds: int, means_by: Mapping[str, Any]
) -> None:
    """Run what the command line asks for; write results/NAME/PART.json, and NAME.md of all parts.

    Parameters
    ----------
    parts : functions of a number of seeds; their names and docstrings head the tables
    n_seeds : where the command line names none
    means_by : columns whose equal values make a row of means, for each part that has such rows
    """
    by_name = {part.__name__: part for part in parts}
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--parts", nargs="*", default=list(by_name), choices=list(by_name))
    parser.add_argument("--seeds", type=int, default=n_seeds)
    arguments = parser.parse_args()
    folder = RESULTS / name
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", textocl.TextoclWarning)
    for part in arguments.parts:
        start, rows = time.process_time(), []
        for row in by_name[part](arguments.seeds):
            print(part, row, flush=True)
            rows.append(row)
        result = {
            "rows": rows,
            "cpu_seconds": round(time.process_time() - start),
            "on": f"commit {_commit()}; {environment('onnxruntime')}",
        }
        (folder / f"{part}.json").write_text(json.dumps(result, indent=1) + "\n")
    sections = [f"# {name.capitalize()}\n"]
    for part in by_name:
        path = folder / f"{part}.json"
        if path.exists():
            result = json.loads(path.read_text())
            sections += [
                _table(by_name[part], result["rows"], means_by.get(part)),
                f"{result['cpu_seconds']:,} s of CPU; {result['on']}\n",
            ]
    write_result(f"{name}/{name}", "\n".join(sections))


def _commit() -> str:
    """Of the code, which results that were written meanwhile are no part of."""
    here = Path(__file__).parent.parent

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=here, capture_output=True, text=True)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--", ".", ":!benchmarks/results")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + ("-dirty" if changed else "")


def _table(part: Part, rows: list[Row], by: Sequence[str] | None) -> str:
    """A section of Markdown."""
    paragraphs = re.split(r"\n\s*\n", (part.__doc__ or "").strip())
    doc = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    lines = [f"## {part.__name__}\n", f"{doc}\n", "| " + " | ".join(rows[0]) + " |"]
    lines.append("| " + " | ".join("---" for _ in rows[0]) + " |")
    for row in rows + ([] if by is None else _means(rows, by)):
        lines.append("| " + " | ".join(map(_shown, row.values())) + " |")
    return "\n".join(lines) + "\n"


def _means(rows: list[Row], by: Sequence[str]) -> list[Row]:
    """A row of means for each set of equal values."""
    averaged = []
    for group in dict.fromkeys(tuple(row[column] for column in by) for row in rows):
        chosen = [row for row in rows if tuple(row[column] for column in by) == group]
        mean: Row = {}
        for column in rows[0]:
            values = [row[column] for row in chosen]
            is_mean = all(isinstance(value, float) for value in values)
            mean[column] = float(np.mean(values)) if is_mean else None
        title = ", ".join(["mean", *(f"{value}" for value in group)])
        averaged.append({**mean, next(iter(mean)): f"**{title}**"})
    return averaged


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
