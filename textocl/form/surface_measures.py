"""Measures of the surface of texts: lengths, shares of kinds of characters, counts of addresses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from textocl.form import kinds as k
from textocl.form.codes import Codes

_CHARACTERS_AT_ONCE = 1 << 18
_BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2**64
_INVERSE = pow(_BASE, -1, 2**64)
MARGIN = 4  # newlines before the first text and after the last
_HASH_BITS = 44  # of a phrase; those above number the text
PHRASE = 3  # words
#: what may stand between the digits of a long number, two at most
SEPARATORS = " ().-/"
LONG_NUMBER = 7  # digits


class Measure(NamedTuple):
    """What one measure is.

    Attributes
    ----------
    name
    of : what it is a share of, or a mean over; "" of a length or a number of things
    is_share : whether it is a share of ``of``
    unit : what follows the number in a phrase; "" where its name does
    singular : what follows the number 1
    least_spread : least spread of its square root, or logarithm, that is taken for ordinary
    """

    name: str
    of: str = ""
    is_share: bool = False
    unit: str = ""
    singular: str = ""
    least_spread: float = 0.05

    def said(self, value: float, low: float, high: float) -> str:
        """The value and what is normal, such as "digits 14 % (normal 0 to 3 %)"."""
        percent = " %" if self.is_share else ""
        low_text, high_text = _number(low, self.is_share), _number(high, self.is_share)
        normal = low_text if low_text == high_text else f"{low_text} to {high_text}"
        normal = "none" if normal == "0" else normal + percent
        number = _number(value, self.is_share) + percent
        if self.is_share:
            return f"{self.name} {number} (normal {normal})"
        unit = self.singular if number == "1" else self.unit
        return f"{'no' if number == '0' else number} {unit} (normal {normal})"


def _number(value: float, is_share: bool = False) -> str:
    value *= 100 if is_share else 1
    return f"{value:,.0f}" if value >= 9.95 or value == int(value) else f"{value:.2g}"


def _shares(of: str, *names: str) -> list[Measure]:
    return [Measure(name, of, True) for name in names]


#: shares first; the others are lengths and numbers
MEASURES = (
    *_shares(
        "visible", "digits", "punctuation", "symbols", "emoji", "combining marks",
        "invisible characters", "repeated characters",
    ),
    *_shares("letters", "capitals", "accented letters", "foreign letters"),
    *_shares("characters", "white space"),
    *_shares("words", "digits in words"),
    *_shares("phrases", "repeated phrases"),
    Measure("word length", "words", False, "characters a word", "character a word", 0.2),
    Measure(
        "longest word", "", False,
        "characters in the longest word", "character in the longest word", 0.2,
    ),
    # long and short texts are ordinary, so that their length does not outweigh the rest
    Measure("length", "", False, "characters", "character", 0.5),
    Measure("lines", "", False, "lines", "line", 0.5),
    Measure("web addresses", "", False, "web addresses", "web address", 0.25),
    Measure("e-mail addresses", "", False, "e-mail addresses", "e-mail address", 0.25),
    Measure("long numbers", "", False, "long numbers", "long number", 0.25),
    Measure("prices", "", False, "prices", "price", 0.25),
    Measure("hashtags", "", False, "hashtags", "hashtag", 0.25),
    Measure("mentions", "", False, "mentions", "mention", 0.25),
    Measure("tags", "", False, "tags", "tag", 0.25),
)  # fmt: skip
NAMES = tuple(measure.name for measure in MEASURES)
N_SHARES = sum(measure.is_share for measure in MEASURES)
#: things that stand at places of a text, of which a measure is the number
THINGS = NAMES[NAMES.index("web addresses") :]

#: columns of `sums_of_kinds`; the first are measures
SUMS = (
    "digits", "punctuation", "symbols", "emoji", "combining marks", "invisible characters",
    "capitals", "accented letters", "foreign letters", "white space", "visible", "letters", "lines",
)  # fmt: skip


@cache
def sums_of_kinds(script: str) -> NDArray[np.int64]:
    """Which of `SUMS` each kind of character counts for, ``(N_KINDS, len(SUMS))`` of 0 and 1.

    Parameters
    ----------
    script : of `kinds.SCRIPTS`, whose letters are not foreign
    """
    letters = range(k.N_LETTERS)
    main = k.SCRIPTS.index(script)
    at_home = {2 * main, 2 * main + 1} | ({0, 1, 2, 3} if main < 2 else set())
    members = {
        "digits": {k.DIGIT, k.NUMBER},
        "punctuation": {k.PUNCTUATION, *range(k.AT, k.CURRENCY)},
        "symbols": {k.SYMBOL, k.CURRENCY},
        "emoji": {k.EMOJI},
        "combining marks": {k.MARK},
        "invisible characters": {k.ODD, k.SURROGATE},
        "capitals": set(letters[1::2]),
        "accented letters": {2, 3},
        "foreign letters": set(letters) - at_home,
        "white space": {k.SPACE, k.NEWLINE},
        "visible": set(range(k.SPACE)),
        "letters": set(letters),
        "lines": {k.NEWLINE},
    }
    return np.array([[kind in members[name] for name in SUMS] for kind in range(k.N_KINDS)], int)


class Measured(NamedTuple):
    """Measures of n texts as quotients: ``parts / totals``, ``(n, d)`` float64 each."""

    parts: NDArray[np.float64]
    totals: NDArray[np.float64]

    @property
    def values(self) -> NDArray[np.float64]:
        """The measures, 0 where there is nothing to take a share of."""
        return self.parts / np.maximum(self.totals, 1)

    @property
    def n_visible(self) -> NDArray[np.float64]:
        return self.totals[:, 0]

    def take(self, chosen: NDArray[np.int64]) -> Measured:
        return Measured(self.parts[chosen], self.totals[chosen])

    def joined_by(self, others: Measured) -> Measured:
        """Of these texts, and of others after them."""
        return Measured(
            np.concatenate([self.parts, others.parts]), np.concatenate([self.totals, others.totals])
        )


def measured(texts: Sequence[str], script: str) -> Measured:
    """Measure ``texts``, each as if it stood alone."""
    parts = [Characters.of(part).measured(script) for part in _chunks(texts)]
    empty = np.empty((0, len(MEASURES)))
    return Measured(
        np.concatenate([empty, *(part.parts for part in parts)]),
        np.concatenate([empty, *(part.totals for part in parts)]),
    )


def main_script(texts: Sequence[str]) -> str:
    """The script that most letters of ``texts`` are of; "ascii" stands for all Latin letters."""
    letters = np.zeros(len(k.SCRIPTS), np.int64)
    for part in _chunks(texts):
        letters += Characters.of(part).kind_counts[:, : k.N_LETTERS].sum(0).reshape(-1, 2).sum(1)
    letters[0] += letters[1]
    letters[1] = 0
    return k.SCRIPTS[int(letters.argmax())]


def _chunks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    start = size = 0
    for i, text in enumerate(texts):
        size += len(text) + 1
        if size > _CHARACTERS_AT_ONCE and i > start:
            yield texts[start:i]
            start, size = i, len(text) + 1
    if len(texts) > start:
        yield texts[start:]


def _powers(n: int, base: int) -> NDArray[np.uint64]:
    """1, b, b² … modulo 2**64, ``(n,)``; those of a longer text are not kept."""
    usual = _CHARACTERS_AT_ONCE + 2 * MARGIN
    return _cached_powers(usual, base)[:n] if n <= usual else _cached_powers.__wrapped__(n, base)


@lru_cache(maxsize=2)
def _cached_powers(n: int, base: int) -> NDArray[np.uint64]:
    powers = np.full(n, base, np.uint64)
    powers[0] = 1
    return np.cumprod(powers, dtype=np.uint64, out=powers)


@dataclass(frozen=True)
class Characters:
    """Characters of n texts, a newline after each, four before the first and after the last.

    So every neighbour that is asked for is there, and no pattern reaches from text to text.
    """

    points: NDArray[np.uint32]
    kinds: NDArray[np.uint8]
    documents: NDArray[np.int64]  # 0 and n + 1 are the newlines at the ends
    n: int

    @classmethod
    def of(cls, texts: Sequence[str]) -> Characters:
        ends = "\n" * MARGIN
        codes = Codes.of([ends, *[text + "\n" for text in texts], ends])
        points = codes.points
        kinds = np.take(k.kinds_of_points(), points)
        lost = kinds == k.SURROGATE
        if lost.any():  # a file cannot tell which
            points = np.where(lost, np.uint32(0xFFFD), points)
        return cls(points, kinds, codes.documents, len(texts))

    def _numbers(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many of the ``places`` each text has, ``(n,)``."""
        return np.bincount(self.documents[places], minlength=self.n + 2)[1:-1]

    @cached_property
    def kind_counts(self) -> NDArray[np.int64]:
        """Characters of each kind, ``(n, N_KINDS)``."""
        keys = self.documents * k.N_KINDS
        keys += self.kinds
        counts = np.bincount(keys, minlength=(self.n + 2) * k.N_KINDS)
        counts = counts.reshape(-1, k.N_KINDS)[1:-1].copy()
        counts[:, k.NEWLINE] -= 1
        return counts

    @cached_property
    def edges(self) -> NDArray[np.int64]:
        """Where words start and end, in turn, ``(2 w,)``."""
        is_space = self.kinds >= k.SPACE
        return np.flatnonzero(is_space[1:] != is_space[:-1]) + 1

    def measured(self, script: str) -> Measured:
        sums = dict(zip(SUMS, (self.kind_counts @ sums_of_kinds(script)).T, strict=True))
        starts, ends = self.edges[::2], self.edges[1::2]
        n_words = self._numbers(starts)
        places = self.things()
        joins = places.pop("digits in words")
        parts = {
            **sums,
            **{name: self._numbers(places[name]) for name in THINGS},
            "lines": sums["lines"] + 1,
            "length": self.kind_counts.sum(1),
            "word length": sums["visible"],
            "longest word": self._longest(ends - starts, n_words),
            "digits in words": self._numbers(joins),
            "repeated characters": self._numbers(self.repeated()),
            "repeated phrases": self._repeated_phrases(starts),
        }
        totals = {
            "": np.ones(self.n),
            "visible": sums["visible"],
            "letters": sums["letters"],
            "characters": parts["length"],
            "words": n_words,
            "phrases": np.maximum(n_words - PHRASE + 1, 0),
        }
        return Measured(
            np.stack([parts[name] for name in NAMES], axis=1).astype(np.float64),
            np.stack([totals[measure.of] for measure in MEASURES], axis=1).astype(np.float64),
        )

    def _longest(self, lengths: NDArray[np.int64], n_words: NDArray[np.int64]) -> NDArray[np.int64]:
        longest = np.zeros(self.n, np.int64)
        if len(lengths):
            has_words = n_words > 0
            first = np.cumsum(n_words) - n_words
            longest[has_words] = np.maximum.reduceat(lengths, first[has_words])
        return longest

    def repeated(self) -> NDArray[np.int64]:
        """Places of visible characters that are as the two before them."""
        same = self.points[1:] == self.points[:-1]
        places = np.flatnonzero(same[1:] & same[:-1]) + 2
        return places[self.kinds[places] < k.SPACE]

    def _repeated_phrases(self, starts: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many phrases of each text stood in it before."""
        if len(starts) < PHRASE:
            return np.zeros(self.n, np.int64)
        size = len(self.points)
        sums = np.cumsum(_powers(size, _BASE) * self.points)[self.edges - 1]
        words = (sums[1::2] - sums[::2]) * _powers(size, _INVERSE)[starts]
        words ^= words >> np.uint64(29)
        words *= np.uint64(0xBF58476D1CE4E5B9)
        words ^= words >> np.uint64(32)
        phrases = words[:-2] + words[1:-1] * np.uint64(0x94D049BB133111EB)
        phrases += words[2:] * np.uint64(0xD6E8FEB86659FD93)
        documents = self.documents[starts].astype(np.uint64)
        whole = documents[:-2] == documents[2:]
        shift = np.uint64(_HASH_BITS)
        keys = documents[:-2] << shift
        keys |= phrases >> np.uint64(64 - _HASH_BITS)
        keys = np.sort(_perhaps_twice(keys[whole]))
        again = keys[1:][keys[1:] == keys[:-1]] >> shift
        return np.bincount(again.astype(np.int64), minlength=self.n + 2)[1:-1]

    @cached_property
    def digits(self) -> NDArray[np.int64]:
        return np.flatnonzero(self.kinds == k.DIGIT)

    def _is(self, places: NDArray[np.int64], by: int, characters: str) -> NDArray[np.bool_]:
        """Whether one of the ``characters`` stands so far from each of the ``places``."""
        points = self.points[places + by]
        return np.logical_or.reduce([points == ord(character) for character in characters])

    def long_numbers(self) -> NDArray[np.int64]:
        """First and last digit of each long number, ``(m, 2)``."""
        digits, gaps = self.digits, np.diff(self.digits)
        joined = gaps == 1
        for size in (2, 3):
            at = np.flatnonzero(gaps == size)
            between = [self._is(digits[at], by, SEPARATORS) for by in range(1, size)]
            joined[at] = np.logical_and.reduce(between)
        first = np.flatnonzero(np.concatenate([[True], ~joined])[: len(digits)])
        sizes = np.diff(first, append=len(digits))
        first, sizes = first[sizes >= LONG_NUMBER], sizes[sizes >= LONG_NUMBER]
        return np.stack([digits[first], digits[first + sizes - 1]], axis=1)

    def things(self) -> dict[str, NDArray[np.int64]]:
        """Places of things by their names, and of letters and digits side by side."""
        kinds, digits, is_ = self.kinds, self.digits, self._is
        marked = np.flatnonzero((kinds >= k.AT) & (kinds < k.SPACE))
        kind = kinds[marked]

        def near(places: NDArray[np.int64], by: int) -> NDArray[np.uint8]:
            return kinds[places + by]

        def at(which: int) -> NDArray[np.int64]:
            return marked[kind == which]

        colons, stops, ats, hashes, less = map(at, (k.COLON, k.STOP, k.AT, k.HASH, k.LESS))
        money = marked[(kind == k.DOLLAR) | (kind == k.CURRENCY)]
        after_www = is_(stops, -1, "wW") & is_(stops, -2, "wW") & is_(stops, -3, "wW")
        begins = ~(_is_word(near(stops, -4)) | is_(stops, -4, "/"))
        schemes = colons[is_(colons, 1, "/") & is_(colons, 2, "/")]
        addressed = _is_word(near(ats, 1))
        of_mail = _is_word(near(ats, -1))
        named = (near(hashes, 1) < k.N_LETTERS) & ~_is_word(near(hashes, -1))
        opens = (near(less, 1) < k.N_LETTERS) | is_(less, 1, "/!")
        priced = (near(money, 1) == k.DIGIT) | (near(money, -1) == k.DIGIT)
        priced |= is_(money, 1, " ") & (near(money, 2) == k.DIGIT)
        priced |= is_(money, -1, " ") & (near(money, -2) == k.DIGIT)
        before, after = (digits[near(digits, by) < k.N_LETTERS] for by in (-1, 1))
        return {
            "web addresses": np.concatenate([schemes, stops[after_www & begins]]),
            "e-mail addresses": ats[addressed & of_mail],
            "long numbers": self.long_numbers()[:, 0],
            "prices": money[priced],
            "hashtags": hashes[named],
            "mentions": ats[addressed & ~of_mail],
            "tags": less[opens],
            "digits in words": np.concatenate([before, after]),
        }


def _perhaps_twice(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Those of the ``keys`` that share a slot of a table with others: few are left to sort."""
    size = 1 << (8 * len(keys)).bit_length()
    slots = (keys & np.uint64(size - 1)).astype(np.int64)
    numbers = np.arange(len(keys), dtype=np.int32)
    last = np.empty(size, np.int32)
    last[slots] = numbers
    crowded = np.zeros(size, bool)
    crowded[slots[last[slots] != numbers]] = True
    return keys[crowded[slots]]


def _is_word(kinds: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return kinds <= k.NUMBER
