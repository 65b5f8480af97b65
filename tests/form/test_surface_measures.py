"""Each measure is what its name says, counted here one character and one word at a time."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textocl.form import surface_measures
from textocl.form.surface_measures import (
    MEASURES,
    NAMES,
    Characters,
    main_script,
    measured,
    sums_of_kinds,
)
from textocl.form.surface_places import places_of

PIECES = [
    "http://", "www.", "/", "@", "#", "<", ">", "$", "€", "£", " ", "\n", "\t", "a", "B", "é", "ж", "中", "5", "0123456",
    "½", ".", ":", "!", "(", "-", "&", "😀", "\u0301", "\u200b", "\ud800", "\ufffd", "\ufe0f", "the cat sat ", "aaa",
    "\x00", "\x1c", "\xa0", "\u2028", "ﬁ", "İ", "\U0010ffff",
]  # fmt: skip
TEXTS = st.one_of(
    st.text(st.characters(), max_size=60),
    st.lists(st.sampled_from(PIECES), max_size=40).map("".join),
)


def is_letter(character: str) -> bool:
    return unicodedata.category(character)[0] == "L"


def is_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LN"


def is_digit(character: str) -> bool:
    return character in "0123456789"


def naive(text: str) -> dict[str, float]:
    """Measures that need no tables of emoji and scripts."""
    text = re.sub("[\ud800-\udfff]", "\ufffd", text)
    around = f"\n\n\n\n{text}\n\n\n\n"
    places = range(4, 4 + len(text))
    words = text.split()
    visible = [c for c in text if not c.isspace()]
    letters = [c for c in text if is_letter(c)]
    phrases = Counter(zip(words, words[1:], words[2:], strict=False))
    signs = [i for i in places if unicodedata.category(around[i]) == "Sc"]
    at = [i for i in places if around[i] == "@" and is_word(around[i + 1])]
    mails = [i for i in at if is_word(around[i - 1])]

    def priced(i: int) -> bool:
        after, before = around[i + 1 : i + 3], around[i - 2 : i][::-1]
        return any(is_digit(s[0]) or (s[0] == " " and is_digit(s[1])) for s in (after, before))

    def share(n: int, total: int) -> float:
        return n / total if total else 0.0

    return {
        "capitals": share(sum(unicodedata.category(c) in ("Lu", "Lt") for c in letters), len(letters)),
        "white space": share(len(text) - len(visible), len(text)),
        "repeated characters": share(
            sum(around[i] == around[i - 1] == around[i - 2] and not around[i].isspace() for i in places),
            len(visible),
        ),
        "digits in words": share(
            sum(is_digit(around[i]) * (is_letter(around[i - 1]) + is_letter(around[i + 1])) for i in places),
            len(words),
        ),
        "repeated phrases": share(sum(n - 1 for n in phrases.values()), max(len(words) - 2, 0)),
        "word length": share(len(visible), len(words)),
        "longest word": max(map(len, words), default=0),
        "length": len(text),
        "lines": text.count("\n") + 1,
        "web addresses": text.count("://") + sum(
            around[i : i + 4].lower() == "www." and not is_word(around[i - 1]) and around[i - 1] != "/"
            for i in places
        ),
        "long numbers": len(re.findall(r"[0-9](?:[ ().\-/]{0,2}[0-9]){6,}", text)),
        "prices": sum(map(priced, signs)),
        "e-mail addresses": len(mails),
        "mentions": len(at) - len(mails),
        "hashtags": sum(
            around[i] == "#" and is_letter(around[i + 1]) and not is_word(around[i - 1]) for i in places
        ),
        "tags": sum(around[i] == "<" and (is_letter(around[i + 1]) or around[i + 1] in "/!") for i in places),
    }  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS, max_size=6))
def test_measures_are_those_of_a_loop(texts: list[str]) -> None:
    values = measured(texts, "ascii").values
    assert values.shape == (len(texts), len(MEASURES))
    for text, row in zip(texts, values, strict=True):
        found = dict(zip(NAMES, row.tolist(), strict=True))
        expected = naive(text)
        assert {name: found[name] for name in expected} == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("aB3", {"digits": 1 / 3, "capitals": 1 / 2, "digits in words": 1}),
        ("x² ½", {"digits": 2 / 3}),
        ("a,b;", {"punctuation": 1 / 2, "symbols": 0}),
        ("a$.@#<:", {"punctuation": 6 / 7}),
        ("«€»", {"symbols": 1, "punctuation": 0}),
        ("ok 👍🏽 ❤\ufe0f", {"emoji": 4 / 6, "combining marks": 0}),
        ("e\u0301", {"combining marks": 1 / 2}),
        ("a\u200b\x07\ue000\ufffd\ud800", {"invisible characters": 5 / 6}),
        ("naïve", {"accented letters": 1 / 5, "foreign letters": 0}),
        ("ab вг", {"foreign letters": 1 / 2, "accented letters": 0}),
        ("a漢ひハ한", {"foreign letters": 4 / 5}),
        ("a b\u3000c ", {"white space": 3 / 6}),
        ("sooo!!!!", {"repeated characters": 3 / 8}),
        ("a b c x a b c", {"repeated phrases": 1 / 5}),
        ("see www.a.com, http://b.de and https://www.c.fr", {"web addresses": 3}),
        ("WWW.A.B awww. x.www", {"web addresses": 1}),
        ("me@home.org @you and you@", {"e-mail addresses": 1, "mentions": 1}),
        ("call 0800-123 (456) 7 or 123456 or 1234567", {"long numbers": 2}),
        ("$5, 5€, £ 5, 5 ¥ and 5\n$", {"prices": 4}),
        ("#one #2 a#b &#39; (#three)", {"hashtags": 2}),
        ("<b>a</b> 1 <2 <!-- x -->", {"tags": 3}),
        ("", {name: float(name == "lines") for name in NAMES}),
    ],
)
def test_measures_worked_by_hand(text: str, expected: dict[str, float]) -> None:
    found = dict(zip(NAMES, measured([text], "ascii").values[0].tolist(), strict=True))
    assert {name: found[name] for name in expected} == pytest.approx(expected)


@settings(max_examples=50, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=12), st.integers(1, 200))
def test_measures_do_not_depend_on_what_stands_beside(texts: list[str], size: int) -> None:
    whole = measured(texts, "ascii")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(surface_measures, "_CHARACTERS_AT_ONCE", size)
        parts = measured(texts, "ascii")
    assert parts.parts.tobytes() == whole.parts.tobytes()
    assert parts.totals.tobytes() == whole.totals.tobytes()
    assert measured(texts[-1:], "ascii").parts.tobytes() == whole.parts[-1:].tobytes()


@pytest.mark.parametrize(
    ("texts", "script"),
    [
        (["a ship", "корабль"], "cyrillic"),
        (["ab", "éé", "жжж"], "ascii"),
        (["船が港に", "ab"], "east asian"),
        (["12 !"], "ascii"),
    ],
)
def test_the_main_script_is_that_of_most_letters(texts: list[str], script: str) -> None:
    assert main_script(texts) == script


def test_letters_of_the_main_script_are_not_foreign() -> None:
    foreign = NAMES.index("foreign letters")
    assert measured(["вода water"], "cyrillic").values[0, foreign] == pytest.approx(5 / 9)


def test_every_visible_kind_but_letters_is_in_one_share() -> None:
    table = sums_of_kinds("ascii")
    exclusive = table[:, :6].sum(axis=1) + table[:, 11] + table[:, 9]
    assert exclusive.tolist() == [1] * len(table)


def test_a_long_text_is_measured_as_a_short_one() -> None:
    text = "The cat, 5 dogs and www.birds.org met @noon. "
    short, long = measured([text], "ascii"), measured([text * 20_000], "ascii")
    shares = [i for i, m in enumerate(MEASURES) if m.of and m.name != "repeated phrases"]
    assert long.values[0, shares] == pytest.approx(short.values[0, shares], rel=1e-2, abs=1e-4)
    assert long.parts[0, NAMES.index("web addresses")] == 20_000


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_places_hold_what_is_counted(text: str) -> None:
    places = places_of(text, "ascii")
    found = dict(zip(NAMES, measured([text], "ascii").parts[0].tolist(), strict=True))
    for name, spans in places.items():
        ends = [0, *(end for _, end in spans)]
        for (start, end), before in zip(spans, ends, strict=False):
            assert before <= start < end <= len(text) or name == "tags"
        if name in NAMES and name != "longest word":
            assert bool(spans) == bool(found[name]), name
    for name in (
        "digits",
        "punctuation",
        "symbols",
        "emoji",
        "capitals",
        "foreign letters",
        "white space",
    ):
        assert sum(end - start for start, end in places[name]) == found[name]
    assert len(places["long numbers"]) == found["long numbers"]


def test_places_are_the_words_of_addresses() -> None:
    text = "Win £500 at www.x.com! mail a@b.de or 0800 123 4567 <br>"
    places = places_of(text, "ascii")
    said = {name: [text[a:b] for a, b in spans] for name, spans in places.items()}
    assert said["prices"] == ["£500"]
    assert said["web addresses"] == ["www.x.com!"]
    assert said["e-mail addresses"] == ["a@b.de"]
    assert said["long numbers"] == ["0800 123 4567"]
    assert said["tags"] == ["<br>"]
    assert said["capitals"] == ["W"]
    assert places_of("a b c d a b c", "ascii")["repeated phrases"] == ((8, 13),)


def test_neighbours_are_never_of_another_text() -> None:
    texts = ["5", "$", " 5", "ww", "w.a", "aa", "a", "123456", "7", "@", "a"]
    assert not measured(texts, "ascii").values[:, NAMES.index("web addresses") :].any()
    assert not measured(texts, "ascii").values[:, NAMES.index("repeated characters")].any()
    assert Characters.of([]).kind_counts.shape[0] == 0


@pytest.mark.parametrize(
    ("name", "value", "normal", "said"),
    [
        ("digits", 0.14, (0, 0.03), "digits 14 % (normal 0 to 3 %)"),
        ("emoji", 0.5, (0, 0), "emoji 50 % (normal none)"),
        ("capitals", 1.0, (0.012, 0.012), "capitals 100 % (normal 1.2 %)"),
        ("long numbers", 2, (0, 0), "2 long numbers (normal none)"),
        ("web addresses", 1, (0, 1), "1 web address (normal 0 to 1)"),
        ("mentions", 0, (1, 3), "no mentions (normal 1 to 3)"),
        ("length", 12312, (20, 160), "12,312 characters (normal 20 to 160)"),
        ("word length", 5.32, (4.1, 5.5), "5.3 characters a word (normal 4.1 to 5.5)"),
    ],
)
def test_what_is_said_of_a_measure(
    name: str, value: float, normal: tuple[float, float], said: str
) -> None:
    assert MEASURES[NAMES.index(name)].said(value, *normal) == said


def test_sums_are_whole_numbers() -> None:
    parts = measured(["a 1 b", "é"], "ascii").parts
    assert (parts == np.rint(parts)).all()
