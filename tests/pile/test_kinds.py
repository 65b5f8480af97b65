"""Flagged documents fall into kinds by what they share, whatever is in the pile."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import silhouette_samples
from texts import TOPICS, sentences

from textocl.core.exceptions import DataError
from textocl.pile import kinds
from textocl.pile.kinds import Kind, kinds_by_form, kinds_of
from textocl.text.contrast import WordPresence
from textocl.text.tokenization import make_tokenizer

TOKENIZER = make_tokenizer("english")


def near(axis: int, n: int, spread: float = 0.2, d: int = 40) -> np.ndarray:
    points = spread * np.random.default_rng(axis).normal(size=(n, d)) / np.sqrt(d)
    points[:, axis] += 1
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def test_kinds_are_found_named_and_the_largest_comes_first() -> None:
    flagged_texts = sentences("music", 6) + sentences("food", 9)
    texts = sentences("ships", 60) + flagged_texts
    points = np.concatenate([near(0, 6), near(1, 9)])
    order = np.random.default_rng(0).permutation(15)
    found, kind = kinds_of(points[order], 60 + order, WordPresence.of(texts, TOKENIZER))
    assert [len(k.documents) for k in found] == [9, 6]
    for k, topic in zip(found, ("food", "music"), strict=True):
        assert set(k.words[:3]) <= set(TOPICS[topic].split())
    assert kind.tolist() == (order < 6).astype(int).tolist()
    # most anomalous first: in the order given
    assert found[1].documents.tolist() == [60 + i for i in order if i < 6]


def test_what_shares_nothing_is_left_on_its_own_and_comes_last() -> None:
    texts = ["oil prices rose"] * 3 + ["violin", "wheat", "ferry"] + ["said today"] * 20
    points = np.concatenate([near(0, 3), np.eye(40, dtype=np.float32)[1:4]])
    found, kind = kinds_of(points, np.arange(6), WordPresence.of(texts, TOKENIZER))
    assert [(bool(k.words), k.documents.tolist()) for k in found] == [
        (True, [0, 1, 2]), (False, [3, 4, 5]),
    ]  # fmt: skip
    assert kind.tolist() == [0, 0, 0, 1, 1, 1]


def test_like_points_without_a_word_in_common_are_no_kind() -> None:
    presence = WordPresence.of(["violin", "wheat", "said"], TOKENIZER)
    (alone,), _ = kinds_of(near(0, 2), np.arange(2), presence)
    assert alone.words == []


def test_near_copies_follow_their_first_and_count_once() -> None:
    texts = ["win a prize"] * 5 + ["violin", "guitar"] + ["said today"] * 20
    points = np.eye(40, dtype=np.float32)[:7]  # far apart, though copies
    presence, groups = WordPresence.of(texts, TOKENIZER), np.array([4, 4, 4, 4, 4, 0, 9])
    found, kind = kinds_of(points, np.arange(7), presence, groups)
    assert [(k.words, k.documents.tolist()) for k in found] == [
        (["prize", "win"], [0, 1, 2, 3, 4]), ([], [5, 6]),
    ]  # fmt: skip
    assert kind.tolist() == [0] * 5 + [1, 1]
    # forty copies of one text do not name a kind of five others
    texts = ["oil spam"] * 40 + ["oil crude"] * 5 + ["said"] * 9
    presence = WordPresence.of(texts, TOKENIZER)
    groups = np.array([0] * 40 + [1, 2, 3, 4, 5])
    (kind_of_oil,), _ = kinds_of(near(0, 45), np.arange(45), presence, groups)
    assert kind_of_oil.words == ["oil", "crude"]


@pytest.mark.parametrize("m", [0, 1, 2, 5])
@pytest.mark.parametrize("make", [np.zeros, np.ones])
def test_few_equal_and_empty_points(m: int, make: object) -> None:
    presence = WordPresence.of(["oil crude"] * m + ["said"] * 9, TOKENIZER)
    points = make((m, 4)).astype(np.float32) / 2
    found, kind = kinds_of(points, np.arange(m), presence)
    together = m > 1 and make is np.ones
    assert [k.words for k in found] == ([["crude", "oil"]] if together else [[]] if m else [])
    assert kind.tolist() == [0] * m


@given(st.integers(0, 12), st.integers(0, 3), st.integers(1, 4), st.booleans())
def test_every_document_is_of_exactly_one_kind(
    m: int, seed: int, max_kinds: int, copies: bool
) -> None:
    random = np.random.default_rng(seed)
    points = random.normal(size=(m, 3)).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    texts = [" ".join(random.choice(["oil", "gas", "corn"], 2)) for _ in range(20)]
    flagged = random.permutation(20)[:m]
    groups = random.integers(0, 4, m) if copies else None
    found, kind = kinds_of(
        points, flagged, WordPresence.of(texts, TOKENIZER), groups, max_kinds=max_kinds
    )
    for k, one in enumerate(found):
        assert one.documents.tolist() == flagged[kind == k].tolist()
    assert sorted(np.concatenate([[], *(k.documents for k in found)])) == sorted(flagged)
    named = [len(k.documents) for k in found if k.words]
    assert len(named) <= max_kinds
    assert named == sorted(named, reverse=True)
    assert all(k.words for k in found[:-1])
    if copies:
        assert len(set(zip(groups, kind, strict=True))) == len(set(groups))


def test_silhouettes_are_scikit_learn_s_where_no_group_is_unrelated() -> None:
    points = near(0, 12, spread=2)
    distances = np.clip(1 - points.astype(float) @ points.T, 0, 1)
    np.fill_diagonal(distances, 0)
    labels = np.array([0, 1, 2, 0, 1, 2, 0, 1, 0, 1, 0, 3])
    expected = silhouette_samples(distances, labels, metric="precomputed")
    assert kinds._silhouettes(distances, labels) == pytest.approx(expected)


def test_of_very_many_points_the_others_join_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = sentences("music", 20) + sentences("food", 20) + ["said"] * 20
    points = np.stack([near(0, 20), near(1, 20)], axis=1).reshape(40, -1)  # one of each in turn
    flagged = np.arange(40).reshape(2, 20).T.ravel()
    presence = WordPresence.of(texts, TOKENIZER)
    _, whole = kinds_of(points, flagged, presence)
    monkeypatch.setattr(kinds, "_MOST", 10)
    _, kind = kinds_of(points, flagged, presence)
    assert kind.tolist() == whole.tolist() == [0, 1] * 20


def test_kinds_by_form_take_what_most_share_and_name_what_more_than_half_have() -> None:
    unusual = [
        ["characters", "tags"], ["digits", "capitals"], ["capitals", "characters"], ["characters"],
        ["capitals", "prices", "digits"],
    ]  # fmt: skip
    found = kinds_by_form(np.array([9, 4, 8, 1, 2]), unusual)
    assert [(k.form, k.documents.tolist()) for k in found] == [
        (["capitals", "digits"], [4, 8, 2]), (["tags"], [9]), (["characters"], [1]),
    ]  # fmt: skip
    assert found[0].name == "odd by form: capitals, digits"
    assert kinds_by_form(np.arange(0), []) == []


def test_documents_in_another_language_are_a_kind_whatever_else_is_odd_in_them() -> None:
    unusual = [["characters"], ["characters", "tags"], ["tags"], ["characters"], ["tags", "digits"]]
    languages = [None, "German", None, "German", "Dutch"]
    german, dutch, characters, tags = kinds_by_form(np.arange(5), unusual, languages)
    assert (german.name, german.documents.tolist()) == ("in German", [1, 3])
    assert (dutch.name, dutch.documents.tolist()) == ("in Dutch: tags, digits", [4])
    assert (tags.name, tags.documents.tolist()) == ("odd by form: tags", [2])
    assert (characters.name, characters.documents.tolist()) == ("odd by form: characters", [0])


def test_more_than_half_of_a_kind_tell_its_language() -> None:
    kind = Kind(["hafen", "schiff"], np.array([4, 1, 2, 7]))
    languages = dict.fromkeys(range(8), "German") | {2: None}
    assert kind.among(languages).name == "in German: hafen, schiff"
    assert kind.among(languages | {4: "Dutch"}).name == "hafen, schiff"
    assert kind.among(dict.fromkeys(range(8))).language is None


@given(st.lists(st.lists(st.sampled_from("abcde"), min_size=1, unique=True), max_size=9))
def test_every_document_is_of_one_kind_by_form_that_names_something_of_it(
    unusual: list[list[str]],
) -> None:
    found: list[Kind] = kinds_by_form(np.arange(len(unusual)), unusual)
    assert sorted(i for kind in found for i in kind.documents.tolist()) == [*range(len(unusual))]
    for kind in found:
        assert all(kind.form[0] in unusual[i] for i in kind.documents)


def test_numbers_that_differ_are_refused() -> None:
    presence = WordPresence.of(["oil"], TOKENIZER)
    with pytest.raises(DataError, match="2 documents, got 1 points"):
        kinds_of(near(0, 1), np.arange(2), presence)
    with pytest.raises(DataError, match="3 groups"):
        kinds_of(near(0, 2), np.arange(2), presence, np.arange(3))
