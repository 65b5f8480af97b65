"""Static vectors of word pieces that come inside the package ``wordllama``.

Only its files are read; the package itself is not imported.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from textocl.core.exceptions import DataError
from textocl.text.embeddings.piece_vectors import PieceVectors


class WordLlamaVectors(PieceVectors):
    """256-dimensional vectors; a word is the mean of its pieces, so no word is unknown."""

    name = "wordllama"
    _WEIGHTS = "weights/l2_supercat_256.safetensors"
    _TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"

    def __init__(self) -> None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        folder = self._folder()
        (pieces,) = load_file(folder / self._WEIGHTS).values()
        super().__init__(pieces, Tokenizer.from_file(str(folder / self._TOKENIZER)), self.name)

    def _folder(self) -> Path:
        spec = find_spec("wordllama")
        if spec is None or not spec.submodule_search_locations:
            raise DataError(
                "embedding='wordllama' needs the package of that name: pip install wordllama"
            )
        folder = Path(next(iter(spec.submodule_search_locations)))
        for file in (self._WEIGHTS, self._TOKENIZER):
            if not (folder / file).is_file():
                raise DataError(
                    f"the installed wordllama lacks {file}; textocl needs 0.4.0.post1 or newer, "
                    "whose wheel holds it."
                )
        return folder
