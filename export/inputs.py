"""What a graph is given: texts as words or as tokens, features, images."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError
from textocl.export.graph import Graph
from textocl.export.words_graph import Words
from textocl.text.tokenization import make_tokenizer

if TYPE_CHECKING:
    from textocl.export.context_graph import Encoder, WordsInContext
    from textocl.text.spaces import ContextSpace

_EXPECTED = {
    "text": "'text': documents as strings",
    "features": "'features': vectors",
    "input_ids": (
        "'input_ids' and 'attention_mask': the tokens of documents by tokenizer.json, special "
        "tokens included, not truncated, padded on the right"
    ),
    "word_ids": (
        "'word_ids': for each token the number of its word in the document, -1 for special tokens, "
        "padding, and words that do not count"
    ),
}


class Inputs:
    """The inputs of a graph, each added once, when a detector first asks for it.

    Parameters
    ----------
    dtype : how numbers are stored
    raw_text : whether a language model, too, gets strings
    max_words : how many words with vectors a member knows at most; None for all
    with_words : whether to say what each word has to do with a score
    """

    def __init__(
        self,
        graph: Graph,
        dtype: str,
        *,
        raw_text: bool = False,
        max_words: int | None = None,
        with_words: bool = False,
    ) -> None:
        self.graph = graph
        self.dtype = dtype
        self.with_words = with_words
        self._raw_text = raw_text
        self._max_words = max_words
        self._encoder: Encoder | None = None
        self._words: dict[str, Words] = {}
        self._sample_shape: tuple[int, ...] | None = None
        self._n_kept = self._n_before = 0

    def words_of(self, detector: Any) -> Words:
        """Words that have a vector each, from the input ``text``."""
        tokenization = detector._fit_params["tokenization"]
        if tokenization not in self._words:
            tokenizer = make_tokenizer(tokenization)
            self._words[tokenization] = Words(self.graph, self.text, self.dtype, tokenizer)
        return self._words[tokenization]

    @cached_property
    def text(self) -> str:
        return self.graph.input("text", "string", ["n"])

    def kept(self, words: Sequence[str], language: str | None) -> NDArray[np.int64]:
        """Rows of a vocabulary that the file keeps."""
        from textocl.text.vocabulary import most_used

        limit = len(words) if self._max_words is None else self._max_words
        rows = most_used(words, limit, language) if limit < len(words) else np.arange(len(words))
        if len(words) > self._n_before:
            self._n_before, self._n_kept = len(words), len(rows)
        return rows

    def in_context(self, space: ContextSpace) -> WordsInContext:
        """Words with vectors of a language model, from the input ``input_ids``."""
        from textocl.export.context_graph import Encoder

        if self.with_words:
            raise no_words("detector on a language model")
        if self._encoder is None:
            text = self.text if self._raw_text else None
            self._encoder = Encoder(self.graph, space, self.dtype, text)
        if self._encoder.space.source is not space.source:
            raise DataError("one file holds one language model; this detector has two.")
        return self._encoder.words

    def features(self, n_features: int) -> str:
        """Vectors ``(n, n_features)`` float32."""
        return self.graph.input("features", "float32", ["n", n_features])

    def samples(self, detector: Any) -> str:
        """Images ``(n, c, h, w)`` or features ``(n, d)`` of a detector of `textocl.vision`."""
        name, shape = type(detector).__name__, detector.sample_shape_
        if self._max_words is not None or self.with_words or self._raw_text:
            raise DataError(
                f"max_words, words and raw_text are for texts; a {name} takes none. Leave them out."
            )
        if self.dtype == "int8":
            raise DataError(f"dtype='int8' is for texts; a {name} has 'float32' or 'float16'.")
        self._sample_shape = shape
        if len(shape) == 1:
            return self.features(shape[0])
        return self.graph.input("images", "float32", ["n", *shape])

    def facts(self) -> dict[str, Any]:
        """What a stranger needs to give to the graph, as metadata."""
        names, shape = self.graph.inputs, self._sample_shape
        facts: dict[str, Any] = {
            "input": next((name for name in ("features", "images") if name in names), "text"),
            "expected_input": "; ".join(_EXPECTED[name] for name in names if name in _EXPECTED),
        }
        if shape is not None:
            facts["sample_shape"] = list(shape)
            if len(shape) == 3:
                facts["expected_input"] = (
                    f"'images': {'grey' if shape[0] == 1 else 'RGB'} images, channels first, "
                    f"{shape[1]} pixels high and {shape[2]} wide, from 0, black, to 1, white: "
                    "bytes are divided by 255"
                )
        if self._n_kept < self._n_before:
            facts["words"] = {"kept": self._n_kept, "of": self._n_before}
        if self._encoder is not None:
            digest = hashlib.sha256(self._encoder.files()["tokenizer.json"]).hexdigest()
            facts["language_model"] = {**self._encoder.facts, "tokenizer_sha256": digest}
        return facts

    def beside(self) -> dict[str, bytes]:
        """The files that a model needs beside it, by name."""
        return {} if self._encoder is None or self._raw_text else self._encoder.files()


def no_words(what: str) -> DataError:
    """The error where a detector cannot say what each word has to do with a score."""
    return DataError(
        f"outputs for words are those of CVDD on static vectors, not of this {what}; fit a CVDD, "
        "or, in Python, export the one that a Detector holds: members_['contexts'].detector."
    )
