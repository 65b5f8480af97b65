"""A model is a folder: config.json and weights.safetensors (FORMAT.md). No pickle anywhere."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from textocl._version import __version__
from textocl.core.exceptions import DataError, FormatError, missing_dependency
from textocl.core.files import write_whole, writing
from textocl.registry import DETECTORS, detector_class

FORMAT = "textocl"
FORMAT_VERSION = 1
CONFIG = "config.json"
WEIGHTS = "weights.safetensors"
#: what a save that was cut off, or the file system, may leave in a folder
_PASSED_OVER = re.compile(r"\.+(config\.json|weights\.safetensors)-[0-9a-f.-]+|lost\+found")


@dataclass
class ModelFiles:
    """What a detector saves beside its parameters: small facts and arrays."""

    facts: dict[str, Any]
    arrays: dict[str, NDArray[Any]]

    def array(self, name: str, dtype: type, *shape: int | None) -> NDArray[Any]:
        """Return an array after checking dtype, shape (None is any size) and finiteness.

        Raises
        ------
        FormatError
            It is missing or is not as it should be.
        """
        if name not in self.arrays:
            raise FormatError(f"{WEIGHTS} lacks the array {name!r}.")
        array = self.arrays[name]
        fits = len(shape) == array.ndim and all(
            size is None or size == actual for size, actual in zip(shape, array.shape, strict=True)
        )
        if array.dtype != dtype or not fits:
            raise FormatError(
                f"{WEIGHTS}: {name!r} should be {np.dtype(dtype).name} of shape "
                f"{_shape_text(shape)}, is {array.dtype} of shape {_shape_text(array.shape)}."
            )
        if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
            raise FormatError(f"{WEIGHTS}: {name!r} holds NaN or infinity.")
        return array

    def words(self, name: str) -> list[str]:
        """Return the words of an array that `words_array` made."""
        return self.array(name, np.uint8, None).tobytes().decode("utf-8").split("\n")

    def fact(self, name: str, kind: type | tuple[type, ...]) -> Any:
        """Return a fact after checking its type."""
        value = self.facts.get(name)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise FormatError(f"{CONFIG}: {name!r} is missing or of the wrong type.")
        return value


def words_array(words: Sequence[str]) -> NDArray[np.uint8]:
    """Words as an array to save: their UTF-8, joined by newlines."""
    return np.frombuffer("\n".join(words).encode("utf-8"), np.uint8)


class Saved(Protocol):
    """What saving and loading ask of a detector."""

    _fit_params: dict[str, Any]

    def _to_files(self) -> ModelFiles: ...

    def _from_files(self, files: ModelFiles) -> None: ...


def _shape_text(shape: tuple[int | None, ...]) -> str:
    return "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"


def load(folder: str | PathLike[str]) -> Any:
    """Load a detector that was saved with its ``save``.

    Scores of the loaded detector equal those of the saved one bit for bit. Nothing in the folder
    is executed.

    Raises
    ------
    FormatError
        No model there, or it is damaged, foreign, or written by a newer textocl.
    MissingExtraError
        Only what scores exported files is installed.
    """
    folder = Path(folder)
    config, weights = _read_both(folder)
    class_name, parameters = str(config.get("class")), config.get("parameters")
    if class_name not in DETECTORS:
        raise FormatError(f"{folder / CONFIG}: unknown detector {config.get('class')!r}.")
    if not isinstance(parameters, dict):
        raise FormatError(f"{folder / CONFIG}: 'parameters' is missing.")
    try:
        import safetensors.numpy
    except ModuleNotFoundError as error:  # the folder is judged where only scoring is installed
        raise missing_dependency(error, class_name) from error
    try:
        arrays = safetensors.numpy.load(weights)
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise FormatError(f"{folder / WEIGHTS} is damaged: {error}") from error
    return _build(class_name, parameters, ModelFiles(config, arrays), folder)


def save_model_files(
    folder: Path, class_name: str, parameters: dict[str, Any], files: ModelFiles
) -> None:
    """Write a model into ``folder``, which may be a mount point or the working directory.

    The weights are first written under the name of their hash, where `load` finds them too.
    Replacing config.json then makes the model the new one, at once. Last the weights are renamed.
    """
    import safetensors.numpy

    folder = folder.resolve()
    check_target(folder)
    weights = safetensors.numpy.save(
        {name: np.ascontiguousarray(array) for name, array in files.arrays.items()}
    )
    sha256 = hashlib.sha256(weights).hexdigest()
    config = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "textocl_version": __version__,
        "class": class_name,
        "parameters": _plain(parameters),
        "weights_sha256": sha256,
        **files.facts,
    }
    text = json.dumps(config, indent=2, ensure_ascii=False, allow_nan=False)
    with writing(f"a model to {folder}"):
        folders = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        before = _sha256_of(folder)
        waiting = folder / (WEIGHTS if sha256 == before else _waiting_name(sha256))
        try:
            write_whole(waiting, weights)
            write_whole(folder / CONFIG, text)
        except BaseException:
            if _sha256_of(folder) != sha256:  # else the new model is there
                waiting.unlink(missing_ok=True)
            for path in folders:  # made above, and empty
                with suppress(OSError):
                    path.rmdir()
            raise
        if _sha256_of(folder) == sha256:  # else another process saved here at the same time
            waiting.replace(folder / WEIGHTS)
        if before is not None and before != sha256:
            (folder / _waiting_name(before)).unlink(missing_ok=True)  # of an interrupted save


def check_target(folder: Path) -> None:
    """Say so if a model must not, or cannot, be written to ``folder``.

    Raises
    ------
    FormatError
        It exists and is neither an empty folder nor a textocl model and nothing else.
    DataError
        It, or the folder to make it in, cannot be written to.
    """
    with writing(f"a model to {folder}"):
        if folder.exists() and not _is_replaceable(folder):
            raise FormatError(
                f"{folder} holds something else than a textocl model; nothing was overwritten."
            )
        nearest = next(path for path in (folder, *folder.resolve().parents) if path.exists())
        with tempfile.TemporaryFile(dir=nearest):
            pass


def _waiting_name(sha256: str) -> str:
    return f".{WEIGHTS}-{sha256}"


def _sha256_of(folder: Path) -> str | None:
    """SHA-256 of the weights of the model in ``folder``; None if there is no model."""
    try:
        return str(json.loads((folder / CONFIG).read_bytes())["weights_sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _is_replaceable(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    names = {path.name for path in folder.iterdir() if not _PASSED_OVER.fullmatch(path.name)}
    if not names:
        return True
    if CONFIG not in names or names - {CONFIG, WEIGHTS}:  # a file of somebody else's is among them
        return False
    try:
        return json.loads((folder / CONFIG).read_bytes()).get("format") == FORMAT
    except (OSError, ValueError, AttributeError):
        return False


def _plain(value: Any) -> Any:
    """Return a parameter as JSON has it; an object in memory is recorded by its name."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    return str(getattr(value, "name", None) or value)[:200]


def _build(class_name: str, parameters: dict[str, Any], files: ModelFiles, folder: Path) -> Any:
    """Make the detector that the files describe."""
    try:
        detector: Saved = detector_class(class_name)(**parameters)
    except TypeError as error:
        raise FormatError(f"{folder / CONFIG}: {error}.") from None
    except ModuleNotFoundError as error:
        raise missing_dependency(error, class_name) from error
    try:
        detector._from_files(files)
    except FormatError as error:
        raise FormatError(f"{folder}: {error}") from None
    except (DataError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise FormatError(f"{folder / CONFIG} does not fit its format: {error}") from error
    return detector


def part_of_files(detector: Saved, prefix: str) -> ModelFiles:
    """Everything about a detector that is part of another: facts, and arrays after ``prefix``."""
    files = detector._to_files()
    parameters = _plain(detector._fit_params)
    facts = {"class": type(detector).__name__, "parameters": parameters, "facts": files.facts}
    return ModelFiles(facts, {prefix + name: array for name, array in files.arrays.items()})


def detector_from_part(
    facts: Any, arrays: dict[str, NDArray[Any]], prefix: str, classes: Sequence[str]
) -> Any:
    """Inverse of `part_of_files`; only the named ``classes`` may be part of another detector."""
    if not isinstance(facts, dict) or facts.get("class") not in classes:
        raise FormatError(f"a part of it is no {' or '.join(classes)}.")
    parameters, part_facts = facts.get("parameters"), facts.get("facts")
    if not isinstance(parameters, dict) or not isinstance(part_facts, dict):
        raise FormatError("a part of it lacks 'parameters' or 'facts'.")
    part = {n.removeprefix(prefix): array for n, array in arrays.items() if n.startswith(prefix)}
    return _build(facts["class"], parameters, ModelFiles(part_facts, part), Path(prefix[:-1]))


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG
    if not path.is_file():
        hint = ""
        if folder.suffix.lower() == ".onnx" and folder.is_file():
            hint = " This is an exported file, which textocl.export.OnnxDetector runs."
        raise FormatError(f"no model at {str(folder)!r}: expected a folder with {CONFIG}.{hint}")
    try:
        config = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path} is damaged: {error}") from None
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise FormatError(f"{path} is not the config of a textocl model.")
    version = config.get("format_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise FormatError(f"{path}: format_version is {version!r}, expected a positive integer.")
    if version > FORMAT_VERSION:
        raise FormatError(
            f"{path} has format version {version}; textocl {__version__} reads up to "
            f"{FORMAT_VERSION}. Upgrade: pip install -U textocl"
        )
    return config


def _read_both(folder: Path) -> tuple[dict[str, Any], bytes]:
    """Return config.json and the weights whose SHA-256 it holds.

    Another process may be replacing them: both are read until they belong together, or stay the
    same and do not.
    """
    path, before = folder / WEIGHTS, [""]
    while True:
        config = _read_config(folder)
        sha256 = str(config.get("weights_sha256"))
        known = [sha256]
        names = [WEIGHTS, _waiting_name(sha256)] if re.fullmatch("[0-9a-f]{64}", sha256) else []
        for name in names:
            try:
                content = (folder / name).read_bytes()
            except OSError as error:
                known.append(f"cannot be read: {error.strerror}")
                continue
            known.append(hashlib.sha256(content).hexdigest())
            if known[-1] == sha256:
                return config, content
        if known == before:
            break
        before = known
    if len(known) > 1 and known[1].startswith("cannot"):
        raise FormatError(f"{path} {known[1]}.")
    raise FormatError(
        f"{path} is damaged or belongs to another {CONFIG}: its SHA-256 is not the recorded one."
    )
