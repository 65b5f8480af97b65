"""Static vectors of word pieces that come inside the package ``wordllama``.

Only its files are read; the package itself is not imported.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textocl.exceptions import DataError


class WordLlamaVectors:
    """256-dimensional vectors; a word is the mean of its pieces, so no word is unknown."""

    name = "wordllama"
    dimension = 256
    _WEIGHTS = "weights/l2_supercat_256.safetensors"
    _TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"

    def vectors_of(self, words: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return vectors ``(n, 256)`` and an all-true mask ``(n,)``."""
        encodings = self._tokenizer.encode_batch(list(words), add_special_tokens=False)
        lengths = np.fromiter((len(e.ids) for e in encodings), np.int64, len(encodings))
        pieces = np.fromiter((i for e in encodings for i in e.ids), np.int64, int(lengths.sum()))
        known = lengths > 0
        vectors = np.zeros((len(words), self.dimension), np.float32)
        if known.any():
            starts = (np.cumsum(lengths) - lengths)[known]
            sums = np.add.reduceat(self._pieces[pieces], starts, axis=0)  # (n, 256)
            vectors[known] = sums / lengths[known, None]
        return vectors, known

    @cached_property
    def _pieces(self) -> NDArray[np.float32]:
        from safetensors.numpy import load_file

        (weights,) = load_file(self._folder / self._WEIGHTS).values()
        return weights.astype(np.float32)

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self._folder / self._TOKENIZER))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer

    @cached_property
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
