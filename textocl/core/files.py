"""Writing files that are there with all their content, or not at all. Standard library only."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import IO

from textocl.core.exceptions import DataError


@contextmanager
def whole_file(path: str | PathLike[str], *, make_folder: bool = False) -> Iterator[IO[bytes]]:
    """Yield a file to write to that becomes ``path`` when the block ends without an error.

    Until then, and after an error, what was at ``path`` stays as it is. A link is followed; a
    pipe or a device, such as ``/dev/stdout``, is written to directly.

    Parameters
    ----------
    path : where to
    make_folder : make the folder of ``path``, and those above it, where they are missing

    Raises
    ------
    DataError
        The file cannot be opened, completed or put in its place. What the block raises passes.
    """
    target = Path(path)
    with writing(f"to {target}"):
        if make_folder:
            target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not target.is_file():
            partial = final = target
        else:
            final = Path(os.path.realpath(target))
            partial = final.with_name(f".{final.name[:40]}-{secrets.token_hex(4)}")
        file = partial.open("wb" if partial == final else "xb")  # "x" obeys the umask
    try:
        with file:
            yield file
            if partial != final:
                with writing(f"to {target}"):
                    file.flush()
                    os.fsync(file.fileno())
        if partial != final:
            with writing(f"to {target}"):
                partial.replace(final)
    finally:
        if partial != final:
            partial.unlink(missing_ok=True)


def write_whole(
    path: str | PathLike[str], content: str | bytes, *, make_folder: bool = False
) -> None:
    """Write ``content`` to ``path`` by `whole_file`; text is encoded as UTF-8.

    Raises
    ------
    DataError
        It cannot be written.
    """
    if isinstance(content, str):
        content = content.encode("utf-8", "backslashreplace")  # a lone surrogate
    with whole_file(path, make_folder=make_folder) as file, writing(f"to {path}"):
        file.write(content)


@contextmanager
def writing(what: str) -> Iterator[None]:
    """Turn an OSError into a `DataError`: cannot write ``what``, and why."""
    try:
        yield
    except OSError as error:
        raise DataError(f"cannot write {what}: {error.strerror or error}.") from error


def cache_folder() -> Path:
    """``$TEXTOCL_CACHE``, or ``textocl`` in the user's cache folder if that is unset or empty."""
    folder = os.environ.get("TEXTOCL_CACHE")
    if folder:
        return Path(folder).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "textocl"
