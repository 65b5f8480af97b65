"""Results of a benchmark: records, the files they are kept in, and tables of them."""

from __future__ import annotations

import hashlib
import json
import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from textocl.core.exceptions import DataError
from textocl.core.files import write_whole
from textocl.evaluation.protocol import PUBLISHED, TABLE_3_4, Labelled, classes_of

JSON_FILE, MARKDOWN_FILE = "benchmark.json", "benchmark.md"
_FORMAT = 1
_WARNINGS_SHOWN = 5


@dataclass(frozen=True)
class Cell:
    """One fit and what it is tested on; ``label`` is the class that is normal."""

    embedding: str
    contamination: float
    model: str
    label: str
    seed: int


@dataclass(frozen=True)
class Record:
    """A cell with its result; measures are fractions.

    Attributes
    ----------
    fit_seconds, scoring_seconds : float, without the loading of the embedding
    peak_memory_mb : float or None
        Highest resident memory of the process, embedding and corpus included; None where the
        system does not tell.
    n_train, n_test, n_hidden, n_labelled : int
        Documents given to learn from, in all; test documents; anomalies among the former, not
        labelled and labelled.
    oracle_auc : float or None
        Best AUC over what ``oracle`` names, chosen by test labels: no user has it.
    oracle : str or None
    warnings : list of str
    """

    cell: Cell
    auc: float
    average_precision: float
    fpr_at_95_recall: float
    fit_seconds: float
    scoring_seconds: float
    peak_memory_mb: float | None
    n_train: int
    n_test: int
    n_hidden: int
    n_labelled: int
    oracle_auc: float | None
    oracle: str | None
    warnings: list[str]

    def to_dict(self) -> dict[str, Any]:
        values = asdict(self)
        cell: dict[str, Any] = values.pop("cell")
        return {**cell, **values}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Record:
        """Inverse of `to_dict`; KeyError, TypeError or ValueError where something is wrong."""
        own = dict(values)
        cell = Cell(**{field.name: own.pop(field.name) for field in fields(Cell)})
        record = cls(cell=cell, **own)
        measures = (record.auc, record.average_precision, record.fpr_at_95_recall)
        if not all(isinstance(value, float) and 0 <= value <= 1 for value in measures):
            raise ValueError(f"measures outside [0, 1] in {cell}")
        for name in ("fit_seconds", "scoring_seconds", "n_train", "n_test"):
            if not isinstance(getattr(record, name), (int, float)):
                raise TypeError(f"{name} is no number in {cell}")
        hash(cell)  # no lists
        return record


class Store:
    """Records by cell, in memory and, where there is a folder, on disk after each."""

    def __init__(self, folder: Path | None, settings: dict[str, Any]) -> None:
        self._folder = folder
        self._settings = settings
        self._environments: list[str] = []
        self.records: dict[Cell, Record] = {}
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            if (folder / JSON_FILE).exists():
                self._read(folder / JSON_FILE)
        here = environment()
        if here not in self._environments:
            self._environments.append(here)

    def add(self, record: Record) -> None:
        self.records[record.cell] = record
        self.write()

    def write(self) -> None:
        if self._folder is None:
            return
        value = {
            "format": _FORMAT,
            "settings": self._settings,
            "settings_sha256": _hash(self._settings),
            "environments": self._environments,
            "records": [record.to_dict() for record in self.records.values()],
        }
        write_whole(self._folder / JSON_FILE, json.dumps(value, indent=1, allow_nan=False) + "\n")
        write_whole(self._folder / MARKDOWN_FILE, self._report())

    def _read(self, path: Path) -> None:
        try:
            value = json.loads(path.read_text("utf-8"))
            settings = dict(value["settings"])
            if value["format"] != _FORMAT or value["settings_sha256"] != _hash(settings):
                raise ValueError("its settings do not have the recorded checksum")
            records = [Record.from_dict(entry) for entry in value["records"]]
            environments = [str(line) for line in value["environments"]]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise DataError(
                f"{path} is damaged or no benchmark of textocl ({type(error).__name__}: {error}); "
                "move it away, or write to another folder."
            ) from error
        if settings != self._settings:
            differing = ", ".join(
                f"{name} {settings.get(name)!r} instead of {wanted!r}"
                for name, wanted in self._settings.items()
                if value["settings"].get(name) != wanted
            )
            raise DataError(
                f"{path} holds a benchmark of other settings ({differing}); write to another "
                "folder, or move it away."
            )
        self.records = {record.cell: record for record in records}
        self._environments = environments

    def _report(self) -> str:
        records = list(self.records.values())
        n_seeds = len({record.cell.seed for record in records})
        settings = self._settings
        return (
            f"# One class against the rest: {_plain(settings['corpus'])}\n\n"
            "Training on the training split of one class, test on the whole test split of all "
            "classes (thesis §3.2.2). Each detector has its defaults or the settings its name "
            'says; with calibration="split" it holds a fifth of the training documents out for '
            "its threshold, so it learns from fewer than the thesis's did. "
            f"{n_seeds} seed(s) from 0; ± is the standard deviation over them (n − 1).\n\n"
            f"Hidden and labelled anomalies are training documents of the other classes; "
            f"{settings['labelled_anomalies']} labelled anomalies. Seconds leave out the loading "
            "of the embedding and, of a transformer, the encoding. Memory is the peak of the "
            "process, embedding and corpus included. The first cell of a run pays for imports. "
            "Chance is 50 % for AUC, and the share of anomalies among the test documents for "
            "average precision.\n\n"
            + _oracle_note(records, settings["corpus"])
            + "\n".join(f"{line}  " for line in self._environments)
            + f"\nCorpus SHA-256 {settings['corpus_sha256'][:16]}…, settings SHA-256 "
            f"{_hash(settings)[:16]}….\n\n"
            + tables(records, settings["corpus"])
            + _warnings_of(records)
        )


def _hash(settings: Any) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode("ascii")).hexdigest()


def environment(*packages: str) -> str:
    """One line on versions and machine, for the head of a result."""
    import torch

    cpu = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").is_file():
        names = [
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
            if line.startswith("model name")
        ]
        cpu = f"{names[0]} × {len(names)}" if names else cpu
    listed = ", ".join(f"{p} {version(p)}" for p in ("textocl", "torch", "numpy", *packages))
    return (
        f"{listed}; Python {platform.python_version()}, {platform.system()} on {cpu}, "
        f"{torch.get_num_threads()} torch thread(s)."
    )


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


_Row = tuple[str, str]  # model and embedding


def _rows(records: Sequence[Record]) -> dict[_Row, list[Record]]:
    rows: dict[_Row, list[Record]] = {}
    for record in records:
        rows.setdefault((record.cell.model, record.cell.embedding), []).append(record)
    return rows


def _auc_table(records: Sequence[Record], corpus_name: str, *, with_thesis: bool) -> str:
    present = [Labelled("", record.cell.label, "") for record in records]
    labels = classes_of(corpus_name, present)
    oracle = ["oracle: best context or ν by test AUC"] * any(r.oracle for r in records)
    lines = [_line("model", "embedding", "mean", *labels, *oracle)]
    lines.append("| --- " * (3 + len(labels) + len(oracle)) + "|")
    for (model, embedding), own in _rows(records).items():
        aucs = {(r.cell.label, r.cell.seed): 100 * r.auc for r in own}
        best = {
            (r.cell.label, r.cell.seed): 100 * r.oracle_auc for r in own if r.oracle_auc is not None
        }
        each = [_spread([100 * r.auc for r in own if r.cell.label == label]) for label in labels]
        means = _spread(_class_means(aucs, labels))
        lines.append(
            _line(
                model,
                embedding,
                means,
                *each,
                *[_spread(_class_means(best, labels)) for _ in oracle],
            )
        )
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
    for (model, embedding), own in _rows(records).items():
        peaks = [r.peak_memory_mb for r in own if r.peak_memory_mb is not None]
        lines.append(
            _line(
                model,
                embedding,
                f"{100 * np.mean([r.average_precision for r in own]):.1f}",
                f"{100 * np.mean([r.fpr_at_95_recall for r in own]):.1f}",
                f"{np.mean([r.fit_seconds for r in own]):.2f}",
                f"{np.mean([r.scoring_seconds for r in own]):.2f}",
                f"{max(peaks):,.0f}" if peaks else "–",
                str(len(own)),
            )
        )
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
