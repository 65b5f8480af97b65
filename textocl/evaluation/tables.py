"""Results of a benchmark as Markdown, beside what the thesis measured."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from string import Template
from typing import Any

import numpy as np

from textocl.evaluation.labelled_corpora import Labelled, classes_of
from textocl.evaluation.published import PUBLISHED, TABLE_3_4
from textocl.evaluation.records import Record

JSON_FILE = "benchmark.json"
_WARNINGS_SHOWN = 5


def page_of(
    records: Sequence[Record], settings: dict[str, Any], environments: Sequence[str]
) -> str:
    """Tables of a run, with how it was made, as Markdown."""
    template = files("textocl.evaluation").joinpath("page.md").read_text("utf-8")
    return Template(template).substitute(
        corpus=_plain(settings["corpus"]),
        n_seeds=len({record.cell.seed for record in records}),
        labelled_anomalies=settings["labelled_anomalies"],
        oracle_note=_oracle_note(records, settings["corpus"]),
        environments="\n".join(f"{line}  " for line in environments),
        corpus_sha256=settings["corpus_sha256"][:16],
        settings_sha256=sha256_of(settings)[:16],
        tables=tables(records, settings["corpus"]),
        warnings=_warnings_of(records),
    )


def sha256_of(settings: Any) -> str:
    """SHA-256 of the settings of a run."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode("ascii")).hexdigest()


def tables(records: Sequence[Record], corpus_name: str = "") -> str:
    """Markdown tables: AUC of each class, with the thesis's own figures, and the other measures.

    Parameters
    ----------
    records : what `run_benchmark` returned
    corpus_name : ``"reuters"`` or ``"20ng"`` for the thesis's rows
    """
    parts = []
    for share in sorted({record.cell.contamination for record in records}):
        chosen = [record for record in records if record.cell.contamination == share]
        hidden = f", {100 * share:g} % of the training documents hidden anomalies" if share else ""
        # the thesis has neither hidden nor labelled anomalies
        same = not share and not any(record.n_labelled for record in chosen)
        parts += [
            f"## AUC in %{hidden}\n",
            _auc_table(chosen, corpus_name, with_thesis=same),
            f"## Other measures, mean over classes and seeds{hidden}\n",
            _other_table(chosen),
        ]
    return "\n".join(parts)


def _rows(records: Sequence[Record]) -> dict[tuple[str, str], list[Record]]:
    """Records by model and embedding."""
    rows: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        rows.setdefault((record.cell.model, record.cell.embedding), []).append(record)
    return rows


def _auc_table(records: Sequence[Record], corpus_name: str, *, with_thesis: bool) -> str:
    present = [Labelled("", record.cell.label, "") for record in records]
    labels = classes_of(corpus_name, present)
    oracle = ["oracle: best context or ν by test AUC"] * any(r.oracle for r in records)
    lines = [_line("model", "embedding", "mean", *labels, *oracle)]
    lines.append("| --- " * (3 + len(labels) + len(oracle)) + "|")
    for (model, embedding), row in _rows(records).items():
        aucs = {(r.cell.label, r.cell.seed): 100 * r.auc for r in row}
        best = {
            (r.cell.label, r.cell.seed): 100 * r.oracle_auc for r in row if r.oracle_auc is not None
        }
        each = [_spread([100 * r.auc for r in row if r.cell.label == label]) for label in labels]
        mean, best_mean = (_spread(_class_means(figures, labels)) for figures in (aucs, best))
        lines.append(_line(model, embedding, mean, *each, *[best_mean] * len(oracle)))
    published = TABLE_3_4.get(corpus_name, {})
    if with_thesis and labels and set(labels) <= set(published):
        for i, column in enumerate(PUBLISHED):
            figures = [published[label][i] for label in labels]
            model = f"thesis: {column.model}" + f" (oracle: {column.oracle})" * bool(column.oracle)
            cells = (f"{figure:.1f}" for figure in (np.mean(figures), *figures))
            lines.append(_line(model, f"{column.embedding} 300 d", *cells, *[""] * len(oracle)))
    return "\n".join(lines) + "\n"


def _class_means(aucs: dict[tuple[str, int], float], labels: Sequence[str]) -> list[float]:
    """Mean over classes for each seed; seeds that lack a class are left out."""
    seeds = sorted({seed for _, seed in aucs})
    return [
        float(np.mean([aucs[label, seed] for label in labels]))
        for seed in seeds
        if all((label, seed) in aucs for label in labels)
    ]


def _other_table(records: Sequence[Record]) -> str:
    heads = ["average precision, %", "FPR at 95 % recall, %", "fit, s", "scoring, s", "memory, MB"]
    lines = [_line("model", "embedding", *heads, "cells"), "| --- " * (len(heads) + 3) + "|"]
    for (model, embedding), row in _rows(records).items():
        peaks = [r.peak_memory_mb for r in row if r.peak_memory_mb is not None]
        measures = [
            f"{100 * np.mean([r.average_precision for r in row]):.1f}",
            f"{100 * np.mean([r.fpr_at_95_recall for r in row]):.1f}",
            f"{np.mean([r.fit_seconds for r in row]):.2f}",
            f"{np.mean([r.scoring_seconds for r in row]):.2f}",
            f"{max(peaks):,.0f}" if peaks else "–",
        ]
        lines.append(_line(model, embedding, *measures, str(len(row))))
    return "\n".join(lines) + "\n"


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "–"
    deviation = f" ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else ""
    return f"{np.mean(values):.1f}{deviation}"


def _line(*cells: str) -> str:
    return "| " + " | ".join(_plain(cell) for cell in cells) + " |"


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _oracle_note(records: Sequence[Record], corpus_name: str) -> str:
    if corpus_name not in TABLE_3_4 and not any(record.oracle for record in records):
        return ""
    return (
        'What is called "oracle" was chosen by the test labels, which no user has; it compares '
        "with other oracles only.\n\n"
    )


def _warnings_of(records: Sequence[Record]) -> str:
    counts = Counter(message for record in records for message in record.warnings)
    if not counts:
        return ""
    shown = [f"- {_plain(m)} ({n} cells)" for m, n in counts.most_common(_WARNINGS_SHOWN)]
    if len(counts) > _WARNINGS_SHOWN:
        shown.append(f"- … and {len(counts) - _WARNINGS_SHOWN} more in {JSON_FILE}")
    return "\n## Warnings\n\n" + "\n".join(shown) + "\n"
