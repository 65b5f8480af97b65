"""Static vectors of word pieces in the format of the package ``model2vec``.

Only its files are read; the package itself is not needed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError
from textocl.text.embeddings.model_folders import hub_folder
from textocl.text.embeddings.piece_vectors import PieceVectors

_FILES = ("config.json", "model.safetensors", "tokenizer.json")


class Model2VecVectors(PieceVectors):
    """Vectors of a model2vec model; a word is the mean of its pieces, each by its weight.

    A word is unknown if the tokenizer knows none of its pieces. The model's own ``normalize``,
    which concerns the vectors of whole texts, is not applied.

    Parameters
    ----------
    source : a folder, or ``"model2vec:"`` with a folder or a name on the Hugging Face hub, which
        is looked up in the local cache first and fetched if it is not there

    Raises
    ------
    DataError
        Nothing is found there, or the files are damaged.
    """

    def __init__(self, source: str | Path) -> None:
        place = str(source).removeprefix("model2vec:")
        folder = Path(place).expanduser()
        if not place or not folder.is_dir():
            folder = _find_on_hub(place)
        missing = [file for file in _FILES if not (folder / file).is_file()]
        if missing:
            raise DataError(
                f"{source}: no {missing[0]} in {folder}; a model2vec model is a folder with "
                f"{', '.join(_FILES)}."
            )
        tokenizer, unknown = _read_tokenizer(folder / "tokenizer.json")
        super().__init__(
            _read_pieces(folder / "model.safetensors"), tokenizer, str(source), unknown
        )


def _find_on_hub(name: str) -> Path:
    try:
        return hub_folder(name, _FILES)
    except LookupError as error:
        raise DataError(
            f"no model2vec model at {name!r}: it is no folder, not in the local cache of the "
            f"Hugging Face hub, and could not be fetched ({error}). Give the folder of a model, or "
            "a name such as 'model2vec:minishlab/potion-base-8M' while the hub can be reached."
        ) from error


def _read_pieces(path: Path) -> NDArray[np.float32]:
    """Read one vector for each piece: ``embeddings``, shared as ``mapping`` says, weighted."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(path)
        pieces = tensors["embeddings"].astype(np.float32)
        if "mapping" in tensors:
            mapping = tensors["mapping"]
            if mapping.dtype.kind not in "iu" or mapping.min(initial=0) < 0:
                raise DataError(f"{path}: 'mapping' must hold row numbers of 'embeddings'.")
            pieces = pieces[mapping]
        if "weights" in tensors:
            weights = tensors["weights"].astype(np.float32)
            if weights.shape != pieces.shape[:1]:
                raise DataError(
                    f"{path}: expected 'weights' of shape {pieces.shape[:1]}, got {weights.shape}."
                )
            pieces = pieces * weights[:, None]
    except KeyError as error:
        raise DataError(f"{path}: no tensor named {error}.") from None
    except (SafetensorError, OSError, ValueError, IndexError, TypeError) as error:
        raise DataError(f"{path}: these are not readable vectors: {error}") from error
    return pieces


def _read_tokenizer(path: Path) -> tuple[Any, int | None]:
    """Return the tokenizer, and which piece stands for what it does not know."""
    from tokenizers import Tokenizer

    try:
        content = path.read_text("utf-8")
        tokenizer = Tokenizer.from_str(content)
        model = json.loads(content)["model"]
    except Exception as error:  # tokenizers raises nothing more special
        raise DataError(f"{path}: not a readable tokenizer: {error}") from error
    if "unk_id" in model:  # Unigram numbers the piece, the other kinds name it
        return tokenizer, model["unk_id"]
    unknown = model.get("unk_token")
    return tokenizer, None if unknown is None else tokenizer.token_to_id(unknown)
