"""Vectors of words in their context, kept on disk, so that no text is encoded twice."""

from __future__ import annotations

import hashlib
import uuid
import warnings
import zlib
from collections import defaultdict
from collections.abc import Sequence, Set
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError, TextoclWarning
from textocl.core.files import cache_folder, write_whole
from textocl.text.embeddings.contextual import EncodedTexts

_FORMAT = "textocl tokens 1"
_KEY_SIZE = 16  # bytes of the SHA-256 of a text; a chance collision is out of the question


class _Place(NamedTuple):
    shard: str
    row: int


class TokenCache:
    """Encoded texts of one model, found by their content.

    Several processes may read and write at once: a shard, a safetensors file of some texts, is
    written under a name of its own and renamed when it is complete. What cannot be read, was
    written by another model, or does not have the recorded checksums is not used; what cannot be
    written is not remembered. Both give a `TextoclWarning` and no error.

    Parameters
    ----------
    folder : None is `cache_folder`; shards lie in ``tokens/<fingerprint>`` below it
    fingerprint : tells the model from every other
    dimension : of the model's vectors
    """

    def __init__(self, folder: Path | None, fingerprint: str, dimension: int) -> None:
        self.folder = (folder or cache_folder()) / "tokens" / fingerprint[:32]
        self._facts = {"format": _FORMAT, "fingerprint": fingerprint}
        self._dimension = dimension
        self._offsets: dict[str, NDArray[np.int64]] = {}  # of each shard
        self._places: dict[bytes, _Place] = {}
        self._refused: set[str] = set()
        self._writable = True

    def read(self, texts: Sequence[str]) -> tuple[EncodedTexts, NDArray[np.bool_]]:
        """Return what is remembered of ``texts``, in their order, and which these are, ``(n,)``."""
        self._update()
        places = [self._places.get(_key(text)) for text in texts]
        known = np.array([place is not None for place in places], np.bool_)
        remembered = [place for place in places if place is not None]
        lengths = [
            self._offsets[shard][row + 1] - self._offsets[shard][row] for shard, row in remembered
        ]
        encoded = _empty(np.array(lengths, np.int64), self._dimension)
        rows_in: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for i, place in enumerate(remembered):
            rows_in[place.shard].append((i, place.row))
        sound = np.zeros(len(remembered), np.bool_)
        damaged = set()
        for shard, rows in rows_in.items():
            intact = self._read_rows(shard, rows, encoded)
            sound[[i for i, _ in rows]] = intact
            if not intact.all():
                damaged.add(shard)
        if damaged:
            self._refuse(damaged)
            known[known] = sound
            encoded = take(encoded, np.flatnonzero(sound))
        return encoded, known

    def write(self, texts: Sequence[str], encoded: EncodedTexts) -> None:
        """Remember ``texts``; after a failure nothing more is written."""
        from safetensors.numpy import save

        if not self._writable or not texts:
            return
        content = save(
            {
                "keys": np.frombuffer(b"".join(map(_key, texts)), np.uint8).reshape(-1, _KEY_SIZE),
                "checksums": np.array(
                    [_checksum(encoded, i) for i in range(len(texts))], np.uint32
                ),
                "offsets": encoded.offsets,
                "pieces": encoded.pieces,
                "spans": encoded.spans,
                "vectors": encoded.vectors,
            },
            self._facts,
        )
        try:
            name = f"{uuid.uuid4().hex}.safetensors"
            write_whole(self.folder / name, content, make_folder=True)
        except DataError as error:
            self._writable = False
            warnings.warn(
                f"vectors are not remembered any more: {error} "
                "Set TEXTOCL_CACHE to a folder with room.",
                TextoclWarning,
                stacklevel=2,
            )

    def _update(self) -> None:
        """Learn what shards there are now; other processes may add and remove some."""
        try:
            present = {path.name for path in self.folder.glob("*.safetensors")}
        except OSError:
            present = set()
        gone = self._offsets.keys() - present
        if gone:
            self._forget(gone)
        bad = {
            name
            for name in present - self._offsets.keys() - self._refused
            if not self._read_index(name)
        }
        if bad:
            self._refuse(bad)

    def _read_index(self, name: str) -> bool:
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.folder / name, framework="np") as shard:
                metadata = shard.metadata() or {}
                keys, offsets = shard.get_tensor("keys"), shard.get_tensor("offsets")
                parts = {part: shard.get_slice(part) for part in shard.keys()}  # noqa: SIM118
                shapes = {k: (part.get_dtype(), *part.get_shape()) for k, part in parts.items()}
        except FileNotFoundError:  # removed a moment ago
            return True
        except (OSError, SafetensorError, ValueError, KeyError):
            return False
        n, w = keys.shape[0], int(offsets.max(initial=-1))
        expected = {
            "keys": ("U8", n, _KEY_SIZE), "offsets": ("I64", n + 1), "checksums": ("U32", n),
            "vectors": ("F16", w, self._dimension), "pieces": ("I32", w), "spans": ("I32", w, 2),
        }  # fmt: skip
        is_known = all(metadata.get(name) == fact for name, fact in self._facts.items())
        ascend = bool((np.diff(offsets, prepend=0) >= 0).all())
        sound = is_known and shapes == expected and ascend and offsets[0] == 0
        if sound:
            self._offsets[name] = offsets
            self._places.update((key.tobytes(), _Place(name, row)) for row, key in enumerate(keys))
        return sound

    def _read_rows(
        self, name: str, rows: list[tuple[int, int]], encoded: EncodedTexts
    ) -> NDArray[np.bool_]:
        """Read texts ``row`` of a shard to texts ``i`` of ``encoded``; tell which are intact."""
        from safetensors import SafetensorError, safe_open

        offsets = self._offsets[name]
        runs = _runs(rows)
        try:
            with safe_open(self.folder / name, framework="np") as shard:
                checksums = shard.get_tensor("checksums")
                for part in ("vectors", "pieces", "spans"):
                    source, target = shard.get_slice(part), getattr(encoded, part)
                    for (i, first), (j, last) in runs:
                        start, stop = offsets[first], offsets[last + 1]
                        if stop > start:  # safetensors cuts nothing out of an empty tensor
                            words = slice(encoded.offsets[i], encoded.offsets[j + 1])
                            target[words] = source[start:stop]
        except (OSError, SafetensorError, ValueError, KeyError):
            return np.zeros(len(rows), np.bool_)
        return np.array([_checksum(encoded, i) == checksums[row] for i, row in rows], np.bool_)

    def _forget(self, names: Set[str]) -> None:
        self._places = {k: p for k, p in self._places.items() if p.shard not in names}
        self._offsets = {k: o for k, o in self._offsets.items() if k not in names}

    def _refuse(self, names: set[str]) -> None:
        self._refused |= names
        self._forget(names)
        warnings.warn(
            f"{len(names)} of {len(self._offsets) + len(self._refused)} files in {self.folder} "
            "are damaged or foreign and are not used; their texts are encoded anew. "
            "That folder may be deleted at any time.",
            TextoclWarning,
            stacklevel=4,
        )


def joined(parts: list[EncodedTexts], dimension: int) -> EncodedTexts:
    """Return the texts of all ``parts``, which are used up: no part is held twice for long."""
    if len(parts) == 1:
        return parts.pop()
    lengths = [length for part in parts for length in np.diff(part.offsets)]
    whole = _empty(np.array(lengths, np.int64), dimension)
    start = 0
    parts.reverse()
    while parts:
        part = parts.pop()
        stop = start + len(part.pieces)
        whole.vectors[start:stop] = part.vectors
        whole.pieces[start:stop] = part.pieces
        whole.spans[start:stop] = part.spans
        start = stop
    return whole


def take(encoded: EncodedTexts, rows: NDArray[np.integer]) -> EncodedTexts:
    """Return the texts ``rows``, in that order."""
    if np.array_equal(rows, np.arange(len(encoded))):
        return encoded
    lengths = np.diff(encoded.offsets)[rows]
    offsets = _offsets(lengths)
    words = np.arange(offsets[-1]) + np.repeat(encoded.offsets[rows] - offsets[:-1], lengths)
    return EncodedTexts(
        encoded.vectors[words], encoded.pieces[words], encoded.spans[words], offsets
    )


def _empty(lengths: NDArray[np.integer], dimension: int) -> EncodedTexts:
    offsets = _offsets(lengths)
    w = int(offsets[-1])
    return EncodedTexts(
        np.empty((w, dimension), np.float16), np.empty(w, np.int32), np.empty((w, 2), np.int32),
        offsets,
    )  # fmt: skip


def _offsets(lengths: NDArray[np.integer]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _runs(rows: list[tuple[int, int]]) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return the ends of each run of neighbours that stay neighbours: one read fetches them."""
    groups = groupby(enumerate(rows), lambda item: (item[1][0] - item[0], item[1][1] - item[0]))
    runs = [[row for _, row in group] for _, group in groups]
    return [(run[0], run[-1]) for run in runs]


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:_KEY_SIZE]


def _checksum(encoded: EncodedTexts, i: int) -> int:
    """CRC-32 of all that is recorded of a text: a file's own length says nothing of its bits."""
    words = slice(encoded.offsets[i], encoded.offsets[i + 1])
    checksum = 0
    for part in (encoded.vectors, encoded.pieces, encoded.spans):
        checksum = zlib.crc32(part[words].data, checksum)
    return checksum
