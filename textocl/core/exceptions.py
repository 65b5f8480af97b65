"""What textocl raises: every error that a user can cause is a `TextoclError`.

`textocl.NotFittedError` lives with the contract in `textocl.core.detector`: it is scikit-learn's
`NotFittedError` too, and importing scikit-learn here would slow down every command.
"""

from __future__ import annotations


class TextoclError(Exception):
    """Base class of all errors that textocl raises on purpose."""


class DataError(TextoclError, ValueError):
    """Documents, labels, vectors or a parameter are not what was expected."""


class FormatError(TextoclError, ValueError):
    """A saved model is damaged, foreign, or newer than this textocl."""


class MissingExtraError(TextoclError, ImportError):
    """An optional package is needed; the message names the command that installs it."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs {package}: pip install '.[{extra}]' in a clone of textocl."
        )


class TextoclWarning(UserWarning):
    """Something was set aside or looks doubtful; the message counts it."""
