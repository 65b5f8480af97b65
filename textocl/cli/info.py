"""``textocl info``: what a model or an exported file is."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from textocl.cli.application import app, out_console, print_json
from textocl.cli.inputs import load_model
from textocl.cli.options import Json, ModelOrFile

if TYPE_CHECKING:
    from textocl.core.detector import OneClassDetector


@app.command()
def info(model: ModelOrFile, as_json: Json = False) -> None:
    """Show what a model is: when it was made, of how much, its threshold and parameters."""
    from textocl.io.assessor import is_exported

    if is_exported(model):
        from textocl.export.runtime import OnnxDetector

        facts = {**OnnxDetector(model, n_threads=1).metadata, **file_facts(model)}
    else:
        facts = facts_of(load_model(model, "info"), model)
    print_facts(facts, as_json)


def facts_of(detector: OneClassDetector, model: Path | None = None) -> dict[str, Any]:
    """Facts of a detector, and of the folder that it was read from or written to."""
    facts: dict[str, Any] = {
        "detector": type(detector).__name__,
        "threshold": detector.threshold_,
        detector.SAMPLES: detector.n_training_samples_,
        f"calibration_{detector.SAMPLES}": len(detector.calibration_scores_),
        **detector.facts(),
    }
    members = detector.weighted_members()
    if members:
        facts["members"] = {
            name: f"{type(member).__name__}, weight {weight:g}" for name, member, weight in members
        }
    if model is not None:
        facts |= _folder_facts(model)
    facts["parameters"] = {
        name: value if isinstance(value, (int, float, str, type(None))) else str(value)
        for name, value in detector.fit_params_.items()
    }
    return facts


def _folder_facts(model: Path) -> dict[str, Any]:
    from textocl.core.persistence import CONFIG, WEIGHTS

    config = json.loads((model / CONFIG).read_bytes())
    versions = {name: config[name] for name in ("textocl_version", "format_version")}
    return {**versions, **file_facts(model / CONFIG, model / WEIGHTS)}


def file_facts(*files: Path) -> dict[str, Any]:
    """When files were written, by the first one's time, and how large they are together."""
    written = datetime.fromtimestamp(files[0].stat().st_mtime).astimezone()
    return {
        "written": written.isoformat(timespec="seconds"),
        "bytes": sum(file.stat().st_size for file in files),
    }


def print_facts(facts: dict[str, Any], as_json: bool) -> None:
    """Print facts as JSON, or as a table in which those of a dict are indented."""
    from rich.table import Table

    from textocl.cli.views import visible

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
