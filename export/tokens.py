"""From texts to the tokens that a file with a language model takes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import FormatError, MissingExtraError
from textocl.text.tokenization import Tokenizer, make_tokenizer
from textocl.text.windows import cut_text, without_surrogates

_TEXTS_AT_ONCE = 512
_TOKENS_AT_ONCE, _TOKENS_AT_ONCE_GPU = 2048, 16384  # padding included


@dataclass(frozen=True)
class Tokens:
    """Tokens of texts, padded to the longest.

    Attributes
    ----------
    texts : (n,) int64, numbers of the texts
    inputs : "input_ids", "attention_mask" and, if the graph asks for it, "word_ids", ``(n, T)``
    """

    texts: NDArray[np.int64]
    inputs: dict[str, NDArray[np.int64]]


class TextCutter:
    """Cuts texts by the ``tokenizer.json`` beside a file.

    Raises
    ------
    FormatError
        It is missing, damaged, or another one than the file was written with.
    MissingExtraError
        tokenizers is not installed.
    """

    def __init__(self, file: Path, facts: dict[str, Any], *, with_words: bool) -> None:
        try:
            import tokenizers
        except ImportError as error:
            raise MissingExtraError("tokenizers", "onnx", f"OnnxDetector({str(file)!r})") from error
        path = file.with_name("tokenizer.json")
        try:
            content = path.read_bytes()
        except OSError as error:
            raise FormatError(
                f"{file} needs {path.name} beside it, which was written with it: {error.strerror}."
            ) from None
        if hashlib.sha256(content).hexdigest() != facts["tokenizer_sha256"]:
            raise FormatError(f"{path} is not the one that was written with {file.name}.")
        self._tokenizer = tokenizers.Tokenizer.from_str(content.decode("utf-8"))
        self._with_words = with_words
        name = facts["content_words"]
        self._words: Tokenizer | None = None if name is None else make_tokenizer(name)

    def batches(self, texts: Sequence[str], *, on_gpu: bool = False) -> Iterator[Tokens]:
        """Cut texts, and yield them in batches of like length."""
        budget = _TOKENS_AT_ONCE_GPU if on_gpu else _TOKENS_AT_ONCE
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            clean = [without_surrogates(text) for text in texts[start : start + _TEXTS_AT_ONCE]]
            encodings = self._tokenizer.encode_batch(clean)
            sizes = np.array([len(encoding.ids) for encoding in encodings])
            order = np.argsort(-sizes, kind="stable")
            at = 0
            while at < len(order):
                chosen = order[at : at + max(1, budget // max(1, sizes[order[at]]))]
                at += len(chosen)
                inputs = self._padded([clean[i] for i in chosen], [encodings[i] for i in chosen])
                yield Tokens(start + chosen, inputs)

    def _padded(self, texts: list[str], encodings: list[Any]) -> dict[str, NDArray[np.int64]]:
        shape = len(texts), max(1, *(len(encoding.ids) for encoding in encodings), 1)
        inputs = {
            "input_ids": np.zeros(shape, np.int64),
            "attention_mask": np.zeros(shape, np.int64),
        }
        if self._with_words:
            inputs["word_ids"] = np.full(shape, -1)
        for row, (text, encoding) in enumerate(zip(texts, encodings, strict=True)):
            n = len(encoding.ids)
            inputs["input_ids"][row, :n] = encoding.ids
            inputs["attention_mask"][row, :n] = 1
            if self._with_words:
                numbers = self._word_ids(text, encoding)
                inputs["word_ids"][row, : len(numbers)] = numbers
        return inputs

    def _word_ids(self, text: str, encoding: Any) -> NDArray[np.int64]:
        """Number of the word of each token, ``(t,)``; -1 for what does not count."""
        cut = cut_text(text, encoding)
        spans = cut.spans.tolist()
        keeps = self._words.keeps if self._words is not None else lambda word: True
        kept = np.fromiter((keeps(text[a:b].lower()) for a, b in spans), bool, len(spans))
        numbers = np.where(kept, np.cumsum(kept) - 1, -1)
        of_pieces = np.repeat(numbers, np.diff(cut.word_starts, append=len(cut.ids)))
        return np.concatenate([np.full(len(cut.before), -1), of_pieces])
