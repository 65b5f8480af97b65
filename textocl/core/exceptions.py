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
    """A package is needed; the message names the command that installs it, with an extra or all."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        target = f"'.[{extra}]'" if extra else "."
        super().__init__(f"{purpose} needs {package}: pip install {target} in a clone of textocl.")


def missing_dependency(error: ModuleNotFoundError, purpose: str) -> ImportError:
    """Say what to install where only what scores exported files is; other errors come back."""
    module = (error.name or "textocl").partition(".")[0]
    if module == "textocl":
        return error
    return MissingExtraError({"sklearn": "scikit-learn"}.get(module, module), "", purpose)


class TextoclWarning(UserWarning):
    """Something was set aside or looks doubtful; the message counts it."""
