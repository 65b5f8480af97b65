"""From a detector and documents to the file of a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from textocl.core.detector import OneClassDetector
from textocl.core.exceptions import DataError
from textocl.core.files import write_whole
from textocl.report.contents import ReportLimits, contents_of
from textocl.report.page import MARK, TEXTS, page_of


@dataclass(frozen=True)
class WrittenReport:
    """What a report holds: documents in all, listed and explained ones, and its size."""

    n_documents: int
    n_listed: int
    n_explained: int
    n_bytes: int


def write_report(
    detector: OneClassDetector,
    texts: Sequence[str],
    path: str | PathLike[str],
    *,
    labels: Sequence[str] | None = None,
    is_anomaly: ArrayLike | None = None,
    ids: Sequence[Any] | None = None,
    title: str | None = None,
    limits: ReportLimits = ReportLimits(),  # noqa: B008
    advance: Callable[[int], None] = lambda n: None,
) -> WrittenReport:
    """Write what ``detector`` makes of ``texts`` as one HTML file that works offline.

    For readers who did not train the model: what is normal here, which documents do not belong,
    which words say so, and how far to trust it. An existing report there is replaced at once or
    not at all.

    Parameters
    ----------
    detector : fitted, on texts
    texts : list of str, n documents
    path : of an ``.html`` file
    labels : n names to show and to filter by, or None
    is_anomaly : (n,) bool or None
        Which are known to be anomalous: adds ROC and precision-recall curves and the confusion
        matrix.
    ids : what the n documents are called; None numbers them from 1
    title : of the page
    limits : what bounds its size
        About 10 MB for 5,000 documents of a thousand characters, and 12 bytes more for every
        document that is not listed.
    advance : called with a number of documents each time as many are explained

    Returns
    -------
    WrittenReport

    Raises
    ------
    NotFittedError
    DataError
        No document, a detector of images, lengths that differ, one kind of documents only in
        ``is_anomaly``, or a path that cannot be written to or holds something else than a report.

    Examples
    --------
    >>> import tempfile
    >>> from textocl import CVDD
    >>> ships = [f"a {ship} left the port" for ship in ("tanker", "ferry", "vessel")] * 10
    >>> detector = CVDD(n_contexts=1, n_epochs=1, false_alarm_rate=0.1).fit(ships)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_report(detector, ["she plays guitar"], f"{folder}/report.html").n_listed
    1
    """
    target = Path(path)
    check_report_target(target)
    contents = contents_of(
        detector,
        texts,
        title=title or "What belongs here, and what does not",
        labels=labels,
        is_anomaly=is_anomaly,
        ids=ids,
        limits=limits,
        advance=advance,
    )
    page = page_of(contents, TEXTS).encode("utf-8")
    write_whole(target, page)
    return WrittenReport(
        n_documents=len(contents["scores"]),
        n_listed=len(contents["documents"]["text"]),
        n_explained=contents["n_explained"],
        n_bytes=len(page),
    )


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
