"""The file of a report: where it may go, and what was written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textocl.core.exceptions import DataError
from textocl.core.files import write_whole
from textocl.report.page import MARK, Layout, page_of


@dataclass(frozen=True)
class WrittenReport:
    """What a report holds: documents or images in all, listed and explained ones, and its size."""

    n_documents: int
    n_listed: int
    n_explained: int
    n_bytes: int


def write_page(
    path: Path, contents: dict[str, Any], layout: Layout, n_listed: int, n_explained: int
) -> WrittenReport:
    """Write the page of ``contents``, whole or not at all."""
    page = page_of(contents, layout).encode("utf-8")
    write_whole(path, page)
    return WrittenReport(len(contents["scores"]), n_listed, n_explained, len(page))


def check_report_target(path: Path) -> None:
    """Say so if a report must not be written to ``path``.

    Raises
    ------
    DataError
        It is no ``.html`` file, its folder is missing, or it holds something else than a report.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise DataError(f"a report goes to an .html file, got {str(path)!r}.")
    if not path.parent.is_dir():
        raise DataError(f"no such folder: {str(path.parent)!r}.")
    if path.is_dir():
        raise DataError(f"{str(path)!r} is a folder; expected a file to write.")
    if path.exists():
        mark = MARK.encode()
        with path.open("rb") as file:
            if file.read(len(mark)) != mark:
                raise DataError(
                    f"{path} holds something else than a textocl report; nothing was overwritten."
                )
