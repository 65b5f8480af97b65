"""Which characters the bytes of a text file stand for: UTF-8, UTF-16 or Windows-1252."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import IO, Any, cast

HEAD = 1 << 16  # bytes that are looked at first
_CHUNK = 1 << 20
_NAMES = {"utf-8": "UTF-8", "cp1252": "Windows-1252"}
_STRAY = re.compile("[\udc80-\udcff]+")  # bytes that are no UTF-8, as surrogateescape has them
# no characters of Windows-1252, and ÿ, which is rarely written and often damage
_UNLIKELY = re.compile("[\udc81\udc8d\udc8f\udc90\udc9d\udcff]")


def head_of(file: IO[bytes], rereadable: bool) -> bytes:
    """The first bytes of a file, which stays where it is; of a stream what has come so far."""
    if not rereadable:
        return cast(bytes, cast(Any, file).peek(HEAD))[:HEAD]
    start = file.tell()
    head = file.read(HEAD)
    file.seek(start)
    return head


def encoding_of(file: IO[bytes], rereadable: bool) -> str:
    """Python's name of a file's encoding: utf-8, utf-16, utf-16-le, utf-16-be or cp1252.

    A file is judged by all of it, a stream by what has come so far. Windows-1252, which Latin-1 is
    part of, is what has bytes that are no UTF-8 and look like letters and punctuation of western
    languages; a file that is mostly UTF-8 stays UTF-8, and its other bytes are damage.
    """
    head = head_of(file, rereadable)
    if wide := _wide_encoding(head):
        return wide
    if not rereadable:
        return "cp1252" if _is_western([head]) else "utf-8"
    start = file.tell()
    western = not _is_utf8(_chunks(file))
    file.seek(start)
    if western:
        western = _is_western(_chunks(file))
        file.seek(start)
    return "cp1252" if western else "utf-8"


def name_of(encoding: str) -> str:
    """What people call an encoding."""
    return _NAMES.get(encoding, "UTF-16")


def lines_of(file: IO[bytes], encoding: str) -> Iterator[str]:
    """Decoded lines with their ends; a byte that stands for nothing becomes a lone surrogate.

    Raises
    ------
    UnicodeDecodeError
        UTF-16 is damaged or cut off.
    """
    if encoding in _NAMES:
        for number, raw in enumerate(file):
            # a byte-order mark is no part of the first line
            signed = encoding == "utf-8" and not number
            yield raw.decode("utf-8-sig" if signed else encoding, "surrogateescape")
        return
    text = io.TextIOWrapper(file, encoding, newline="\n")
    try:
        yield from text
    finally:
        with suppress(ValueError):  # closed meanwhile, as nobody reads on
            text.detach()


def stray_byte(text: str) -> int | None:
    """The first byte of a decoded text that the encoding has no character for."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        return ord(text[error.start]) & 0xFF
    return None


def _wide_encoding(head: bytes) -> str | None:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    pairs = len(head) // 2
    for encoding, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        if pairs and zeros.count(0) > 0.4 * pairs and zeros.count(0) > 0.9 * head.count(0):
            return encoding
    return None


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: file.read(_CHUNK), b"")


def _is_utf8(chunks: Iterable[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in chunks:
            decoder.decode(chunk)
    except UnicodeDecodeError:
        return False
    return True


def _is_western(chunks: Iterable[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    n_valid = n_stray = n_unlikely = n_in_runs = 0
    for chunk in chunks:
        text = decoder.decode(chunk)
        if text.isascii():
            continue
        strays = _STRAY.findall(text)
        n_chunk = sum(map(len, strays))
        n_stray += n_chunk
        n_valid += sum(map(len, re.findall("[^\x00-\x7f]+", text))) - n_chunk
        n_in_runs += sum(map(len, re.findall(rb"[\x80-\xff]{3,}", chunk)))
        n_unlikely += len(_UNLIKELY.findall(text))
    # whole words of such bytes are another alphabet's
    return n_stray > max(n_valid, 10 * n_unlikely, 5 * n_in_runs)
