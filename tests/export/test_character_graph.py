"""A file cuts any text into the characters that its detector sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import sentences

from textocl import CharacterLikelihood, DataError
from textocl.export import OnnxDetector, to_onnx, verify

# white space and the padding's name are in the texts or not, and some characters are unknown
TRAINING = [*sentences("ships", 60), "end\u00a0of\tline\x01\ufffd", "Zwölf Boxkämpfer £5 😀"]
ODD = [
    "x", "end", "endend", " end", "\x01", "\x00", "a\0b", "\ud800", "ship\udfffport", "😀👩‍🚀", "漢字仮名",
    "e\u0301\u0301", "\u3000", "\u3000x", "\u00a0", "\x1c\x1d", "\u2028x", "\r\n", "\U0010ffff\ue000",
    "ﬁsh ＳＨＩＰ İ", "é" * 100_000, "ship port\n" * 10_000,
]  # fmt: skip


@pytest.fixture(scope="module")
def detector() -> CharacterLikelihood:
    return CharacterLikelihood().fit(TRAINING)


@pytest.fixture(scope="module")
def file(detector: CharacterLikelihood, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return to_onnx(detector, tmp_path_factory.mktemp("onnx") / "model.onnx")


def assert_same(detector: CharacterLikelihood, file: Path, texts: list[str]) -> None:
    own, theirs = detector._assess(texts), OnnxDetector(file, n_threads=1).assess(texts)
    np.testing.assert_array_equal(theirs["n_known_words"], own.n_known_words)
    np.testing.assert_array_equal(theirs["label"], own.label)
    np.testing.assert_allclose(theirs["score"], own.score, rtol=0, atol=1e-6)


def test_odd_texts_score_alike(detector: CharacterLikelihood, file: Path) -> None:
    assert_same(detector, file, ODD)
    for text in ODD:
        assert_same(detector, file, [text])


def test_empty_texts_alone_and_none_at_all(detector: CharacterLikelihood, file: Path) -> None:
    for texts in ([], [""], ["", " "], ["", "a"]):
        assert_same(detector, file, texts)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.characters(), max_size=30), max_size=10))
def test_any_unicode_scores_alike(
    detector: CharacterLikelihood, file: Path, texts: list[str]
) -> None:
    assert_same(detector, file, texts)


@pytest.mark.parametrize("order", [2, 3, 4])
def test_every_order_scores_alike(tmp_path: Path, order: int) -> None:
    detector = CharacterLikelihood(order=order).fit(TRAINING)
    assert_same(detector, to_onnx(detector, tmp_path / "model.onnx"), [*TRAINING, *ODD[:-2], ""])


def test_a_full_alphabet_and_a_full_table_score_alike(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    points = rng.integers(0x4E00, 0x4E00 + 5000, (1000, 1000))
    texts = ["".join(map(chr, row)) for row in points.tolist()]
    detector = CharacterLikelihood().fit(texts)
    assert len(detector.alphabet_) == 4094
    file = to_onnx(detector, tmp_path / "model.onnx")
    # a byte for each of 4,194,301 buckets
    assert file.stat().st_size < 4_400_000 < 5 * len(detector.state_.buckets)
    assert_same(detector, file, [*texts[::100], *TRAINING, *ODD[:-2], " "])


def test_no_prior_and_no_white_space_in_the_alphabet(tmp_path: Path) -> None:
    detector = CharacterLikelihood(prior_length=0, false_alarm_rate=0.3).fit(["ab", "abc", "bcd"])
    file = to_onnx(detector, tmp_path / "model.onnx")
    assert_same(detector, file, ["a b", " ", "", "dcb", "\n\n", "zz"])


def test_the_file_is_small_and_verified(
    detector: CharacterLikelihood, file: Path, mixed: list[str]
) -> None:
    assert file.stat().st_size < 60_000
    assert verify(detector, file, mixed).flipped_labels == 0


def test_it_says_nothing_of_words(detector: CharacterLikelihood, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not of this CharacterLikelihood"):
        to_onnx(detector, tmp_path / "model.onnx", words=True)
