"""Runs of a benchmark kept in a folder, so that one that was cut off goes on."""

from __future__ import annotations

import json
import platform
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

from textocl.core.exceptions import DataError
from textocl.core.files import write_whole
from textocl.evaluation.records import Cell, Record
from textocl.evaluation.tables import JSON_FILE, page_of, sha256_of

MARKDOWN_FILE = "benchmark.md"
_FORMAT = 1


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
            "settings_sha256": sha256_of(self._settings),
            "environments": self._environments,
            "records": [record.to_dict() for record in self.records.values()],
        }
        write_whole(self._folder / JSON_FILE, json.dumps(value, indent=1, allow_nan=False) + "\n")
        page = page_of(list(self.records.values()), self._settings, self._environments)
        write_whole(self._folder / MARKDOWN_FILE, page)

    def _read(self, path: Path) -> None:
        try:
            value = json.loads(path.read_text("utf-8"))
            settings = dict(value["settings"])
            if value["format"] != _FORMAT or value["settings_sha256"] != sha256_of(settings):
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


def environment(*packages: str) -> str:
    """One line on versions and machine, for the head of a result."""
    import torch

    cpu = platform.processor() or platform.machine()
    if (listing := Path("/proc/cpuinfo")).is_file():
        names = re.findall(r"^model name\s*: (.+)", listing.read_text("utf-8"), re.MULTILINE)
        cpu = f"{names[0]} × {len(names)}" if names else cpu
    listed = ", ".join(f"{p} {version(p)}" for p in ("textocl", "torch", "numpy", *packages))
    return (
        f"{listed}; Python {platform.python_version()}, {platform.system()} on {cpu}, "
        f"{torch.get_num_threads()} torch thread(s)."
    )
