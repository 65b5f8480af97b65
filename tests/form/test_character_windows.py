"""Windows are those of a loop over characters, however texts are cut into parts."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textocl.form import character_windows
from textocl.form.character_windows import (
    LARGEST_ALPHABET,
    MARK,
    N_BUCKETS,
    N_MARKS,
    OTHER,
    WindowCutter,
    Windows,
    parts,
)

ANY = st.text(st.one_of(st.sampled_from("ab \0"), st.characters()), max_size=12)
SIZES = [1, 2, 5, 1 << 16]


def naive_buckets(text: str, cutter: WindowCutter) -> list[list[int]]:
    """Of the windows of 1, 2, … characters that end at each character and at the mark after."""
    number = {chr(point): i + N_MARKS for i, point in enumerate(cutter.alphabet.tolist())}
    framed = [MARK] * cutter.order + [number.get(character, OTHER) for character in text] + [MARK]
    rows = []
    for size in range(1, cutter.order + 1):
        keys = [
            5_000 * size + sum(framed[end - j] * 68_724**j for j in range(size))
            for end in range(cutter.order, len(framed))
        ]
        rows.append([key % 4_194_301 for key in keys])
    return rows


def buckets_of(windows: Windows) -> list[list[list[int]]]:
    """Buckets of each text by their size, without those before it."""
    buckets = windows.buckets[:, windows.places]
    return [piece.tolist() for piece in np.split(buckets, windows.starts[1:], axis=1)]


@given(texts=st.lists(ANY, max_size=8), order=st.integers(2, 5))
@pytest.mark.parametrize("at_once", SIZES)
def test_every_character_and_end_has_its_windows(
    texts: list[str], order: int, at_once: int
) -> None:
    cutter = WindowCutter(np.array([97, 98, 32, 0], np.uint32), order)
    expected = [naive_buckets(text, cutter) for text in texts]
    with patch.object(character_windows, "_CHARACTERS_AT_ONCE", at_once):
        found: list[list[list[int]]] = [[[] for _ in range(order)] for _ in texts]
        totals = np.zeros(len(texts))
        for windows in cutter.windows(texts):
            sums = windows.sums(windows.buckets[-1, windows.places].astype(np.float32))
            for i, piece in enumerate(buckets_of(windows), windows.first):
                for row, of_piece in zip(found[i], piece, strict=True):
                    row += of_piece
                totals[i] += sums[i - windows.first]
        whole = [
            (windows.first + i, piece)
            for windows in cutter.whole(texts)
            for i, piece in enumerate(buckets_of(windows))
        ]
    assert found == expected
    assert whole == list(enumerate(expected))
    assert totals.tolist() == [sum(rows[-1]) for rows in expected]


@given(texts=st.lists(ANY, max_size=8), order=st.integers(2, 5))
@pytest.mark.parametrize("at_once", SIZES)
def test_before_a_text_are_marks_and_before_a_piece_its_last_character(
    texts: list[str], order: int, at_once: int
) -> None:
    cutter = WindowCutter(np.array([97, 98, 32, 0], np.uint32), order)
    last: dict[int, list[int]] = {}
    with patch.object(character_windows, "_CHARACTERS_AT_ONCE", at_once):
        for windows in cutter.windows(texts):
            before = windows.buckets[:-1, windows.before].T.tolist()
            for i, piece in enumerate(buckets_of(windows), windows.first):
                assert before[i - windows.first] == last.get(i, cutter.marks.tolist())
                last[i] = [row[-1] for row in piece[:-1]]


def test_counts_are_of_all_texts() -> None:
    cutter = WindowCutter(np.array([97, 98], np.uint32), 3)
    texts = ["abab", "", "babc" * 9, "ab"]
    counted = Counter(chain.from_iterable(chain(*naive_buckets(text, cutter)) for text in texts))
    counted[10_000] += len(texts)  # two marks, which each begins after
    with patch.object(character_windows, "_CHARACTERS_AT_ONCE", 5):
        counts = cutter.count(texts)
    assert {int(i): int(counts[i]) for i in np.flatnonzero(counts)} == counted


@pytest.mark.parametrize("order", [2, 3, 4, 5])
def test_the_largest_numbers_have_the_right_bucket(order: int) -> None:
    cutter = WindowCutter(np.arange(256, 256 + LARGEST_ALPHABET, dtype=np.uint32), order)
    text = chr(256 + LARGEST_ALPHABET - 1) * 9
    (windows,) = cutter.windows([text])
    assert buckets_of(windows) == [naive_buckets(text, cutter)]
    largest = (LARGEST_ALPHABET + N_MARKS) * sum(cutter.weights) + order * character_windows.SHIFT
    assert largest < 2**31


def test_windows_of_like_numbers_have_buckets_of_their_own() -> None:
    """As letters have: with a base near a power of two, one new window in eight had a seen one's."""
    digits = np.stack(np.meshgrid(*[np.arange(-4, 5)] * 5), axis=-1).reshape(-1, 5)
    weights = WindowCutter(np.array([97], np.uint32), 5).weights
    shared = digits[digits @ weights % N_BUCKETS == 0]
    assert shared.tolist() == [[0] * 5]


def test_there_is_a_prime_number_of_buckets() -> None:
    def is_prime(number: int) -> bool:
        return all(number % divisor for divisor in range(2, int(number**0.5) + 1))

    primes = [number for number in range(N_BUCKETS, 2**22) if is_prime(number)]
    assert primes == [N_BUCKETS]


@given(texts=st.lists(ANY.filter(len), min_size=1, max_size=5), order=st.integers(2, 5))
def test_means_are_of_the_windows_that_hold_a_character(texts: list[str], order: int) -> None:
    lengths = np.array([len(text) + 1 for text in texts])
    before = np.append(0, np.cumsum(lengths + 1)[:-1])
    windows = Windows(np.zeros((order, (lengths + 1).sum()), np.int32), before, lengths, first=0)
    values = np.arange(lengths.sum()) ** 2 % 17
    expected = [
        of_text[place : place + order].mean()
        for of_text in np.split(values, windows.starts[1:])
        for place in range(len(of_text) - 1)
    ]
    assert windows.means(values, order).tolist() == pytest.approx(expected)


def test_no_text_has_no_window() -> None:
    cutter = WindowCutter(np.array([97], np.uint32), 5)
    assert list(cutter.windows([])) == []
    assert cutter.count([]).sum() == 0


@pytest.mark.parametrize("at_once", SIZES)
def test_the_alphabet_is_what_occurs_most(at_once: int) -> None:
    with patch.object(character_windows, "_CHARACTERS_AT_ONCE", at_once):
        assert WindowCutter.of(["bb", "", "acac", "b"], 5).alphabet.tolist() == [98, 97, 99]
        many = ["".join(map(chr, range(200, 5200))), "".join(map(chr, range(5150, 5200)))]
        points = WindowCutter.of(many, 5).alphabet.tolist()
    assert points == [*range(5150, 5200), *range(200, 200 + LARGEST_ALPHABET - 50)]


def test_a_lone_surrogate_is_a_replacement_character() -> None:
    cutter = WindowCutter.of(["\ud800\udfff", "x"], 5)
    assert cutter.alphabet.tolist() == [0xFFFD, ord("x")]
    for text in ("\ud800x\udcff", "\ufffdx\ufffd"):
        (windows,) = cutter.windows([text])
        assert buckets_of(windows) == [naive_buckets("\ufffdx\ufffd", cutter)]


@given(st.lists(ANY, max_size=20))
def test_parts_hold_every_text_once_and_are_bounded(texts: list[str]) -> None:
    with patch.object(character_windows, "_CHARACTERS_AT_ONCE", 10):
        found = list(parts(texts))
    assert [text for _, part in found for text in part] == texts
    for first, part in found:
        assert part == texts[first : first + len(part)]
        assert len(part) == 1 or sum(map(len, part)) <= 10
