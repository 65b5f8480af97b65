"""What commands read: models, documents, labels."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from textocl.cli.application import err_console, watched
from textocl.cli.options import Format
from textocl.core.exceptions import DataError, TextoclWarning

if TYPE_CHECKING:
    from textocl.core.detector import OneClassDetector
    from textocl.io.corpora import BadRecords, Document


def load_model(model: Path, purpose: str) -> OneClassDetector:
    """The detector of texts in a folder; ``purpose`` is what it is wanted for.

    Raises
    ------
    DataError
        An exported file was given, or a model of images.
    FormatError
        No model there, or it is damaged.
    """
    from textocl.io.assessor import is_exported, load_text_detector

    if is_exported(model):
        raise DataError(
            f"{model} is an exported file, which only scores (score, evaluate, info); {purpose} "
            "needs the folder of the model."
        )
    return load_text_detector(model)


def refuse_overwriting(out: str | Path, *sources: str | Path) -> None:
    """Refuse to write to what is read, by whatever path or link either is given.

    Raises
    ------
    DataError
    """
    try:
        target = Path(out).stat()
    except OSError:
        return  # nothing there to lose
    for source in sources:
        try:
            read = os.fstat(sys.stdin.fileno()) if source == "-" else Path(source).stat()
        except (OSError, ValueError):  # no such file, no standard input
            continue
        if os.path.samestat(target, read):
            raise DataError(
                f"{out} is what is read; nothing was overwritten. Choose another --out."
            )


@contextmanager
def documents_of(
    docs: str,
    text_field: str | None,
    format: Format | None,
    skip_bad: bool,
    *,
    id_field: str | None = None,
    quiet: bool = False,
) -> Iterator[Iterator[Document]]:
    """Documents of an argument.

    Says what is detected or guessed of it, and at the end how many records were passed over.
    """
    from textocl.io.corpora import BadRecords, read_documents

    bad: BadRecords | None = BadRecords() if skip_bad else None
    yield read_documents(
        docs,
        format=format.value if format else None,
        text_field=text_field,
        id_field=id_field,
        bad=bad,
        tell=None if quiet else tell,
    )
    warn_of_bad(bad, "record")


def tell(sentence: str) -> None:
    """Print what a command detected or guessed, on standard error."""
    from textocl.cli.views import visible

    err_console.print(visible(sentence), markup=False)


def warn_of_bad(bad: BadRecords | None, what: str) -> None:
    """Count what was passed over, and name the first few."""
    if bad is None or not bad.count:
        return
    shown = "\n  ".join(bad.reasons)
    more = f"\n  … and {bad.count - len(bad.reasons):,} more" if bad.count > 5 else ""
    warnings.warn(
        f"{bad.count:,} {what}{'s'[: bad.count != 1]} could not be read and passed over:"
        f"\n  {shown}{more}",
        TextoclWarning,
        stacklevel=1,
    )


def images_of(folder: str) -> tuple[list[Path], list[bool] | None]:
    """Images of a folder, and which are anomalous where its layout tells."""
    from textocl.vision.folders import is_labelled_folder, read_folder
    from textocl.vision.images import image_paths

    if not is_labelled_folder(folder):
        return image_paths(folder), None
    images = read_folder(folder, "test")
    is_anomaly = images.labels < 0
    return images.paths, is_anomaly.tolist() if is_anomaly.any() else None


def counted(documents: Iterator[Document], what: str, quiet: bool) -> Iterator[Document]:
    from textocl.training.progress import counting_bar

    with counting_bar(what, watched(quiet)) as advance:
        while part := list(islice(documents, 256)):
            advance(len(part))
            yield from part


class Labels:
    """Tells normal documents by a field, and remembers which labels there were."""

    def __init__(self, field: str | None, normal: list[str]) -> None:
        self._field = field
        self._normal = normal
        self._seen: Counter[str] = Counter()

    def label_of(self, document: Document) -> str:
        """The document's label, as text."""
        if self._field not in document.fields:
            known = ", ".join(map(repr, document.fields)) or "none"
            raise DataError(
                f"document {document.id!r} has no field {self._field!r} (--label-field); "
                f"there are {known}."
            )
        value = document.fields[self._field]
        return value if isinstance(value, str) else json.dumps(value)  # true, 1, null

    def is_normal(self, document: Document) -> bool:
        label = self.label_of(document)
        self._seen[label] += 1
        return label in self._normal

    def refuse_if_none_is_normal(self) -> None:
        if self._seen and not any(label in self._normal for label in self._seen):
            seen = ", ".join(f"{label!r} ({n:,})" for label, n in self._seen.most_common(8))
            wanted = " or ".join(map(repr, self._normal))
            raise DataError(f"no document has the label {wanted} (--normal); there are {seen}.")
