"""The cache of encoded texts: what it gives was written by the same model, whole, or not at all."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_bert import TEXTS, build_model

from textocl.core.exceptions import TextoclWarning
from textocl.text.embeddings.contextual import EncodedTexts
from textocl.text.embeddings.token_cache import TokenCache, joined, take
from textocl.text.embeddings.transformer import TransformerVectors

pytest.importorskip("transformers")
DIMENSION = 4


def made_up(lengths: list[int], seed: int = 0) -> EncodedTexts:
    random = np.random.default_rng(seed)
    w = sum(lengths)
    return EncodedTexts(
        random.normal(size=(w, DIMENSION)).astype(np.float16),
        random.integers(1, 5, w).astype(np.int32),
        random.integers(0, 99, (w, 2)).astype(np.int32),
        np.cumsum([0, *lengths]).astype(np.int64),
    )


def assert_equal(one: EncodedTexts, other: EncodedTexts) -> None:
    for part in ("vectors", "pieces", "spans", "offsets"):
        a, b = getattr(one, part), getattr(other, part)
        assert a.dtype == b.dtype
        assert np.array_equal(a, b), part


def cache_at(folder: Path, fingerprint: str = "f" * 64) -> TokenCache:
    return TokenCache(folder, fingerprint, DIMENSION)


def shards(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.safetensors"))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_model(tmp_path_factory.mktemp("models") / "tiny")


def test_what_was_written_is_read_in_any_order(tmp_path: Path) -> None:
    texts, encoded = ["a", "b", "", "c \ud83d", "d"], made_up([3, 0, 1, 7, 2])
    cache = cache_at(tmp_path)
    cache.write(texts[:2], take(encoded, np.arange(2)))
    cache.write(texts[2:], take(encoded, np.arange(2, 5)))
    for reader in (cache, cache_at(tmp_path)):
        asked = ["d", "unknown", "a", "b", "c \ud83d", "", "?"]
        found, known = reader.read(asked)
        assert known.tolist() == [True, False, True, True, True, True, False]
        assert_equal(found, take(encoded, np.array([4, 0, 1, 3, 2])))


@settings(max_examples=50, deadline=None)
@given(
    order=st.lists(st.integers(0, 11), max_size=20),
    sizes=st.lists(st.integers(0, 3), min_size=12, max_size=12),
)
def test_take_and_joined_are_indexing_and_concatenation(order: list[int], sizes: list[int]) -> None:
    encoded = made_up(sizes)
    naive = [encoded.vectors[encoded.offsets[i] : encoded.offsets[i + 1]] for i in order]
    taken = take(encoded, np.array(order, np.int64))
    assert np.array_equal(taken.vectors, np.concatenate([np.zeros((0, DIMENSION)), *naive]))
    assert np.diff(taken.offsets).tolist() == [sizes[i] for i in order]
    halves = [take(encoded, np.arange(5)), take(encoded, np.arange(5, 12))]
    assert_equal(joined(halves, DIMENSION), encoded)
    assert halves == []


@settings(max_examples=50, deadline=None)
@given(asked=st.lists(st.integers(0, 14), max_size=20))
def test_runs_over_several_shards_are_read_to_their_places(
    tmp_path_factory: pytest.TempPathFactory, asked: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    encoded = made_up([1, 2, 0, 3, 1, 2, 2, 0, 1, 1, 2, 3])
    for rows in (np.arange(0, 12, 2), np.arange(1, 12, 2)):
        cache_at(folder).write([str(i) for i in rows], take(encoded, rows))
    found, known = cache_at(folder).read([str(i) for i in asked])
    assert known.tolist() == [i < 12 for i in asked]
    assert_equal(found, take(encoded, np.array([i for i in asked if i < 12], np.int64)))


def test_texts_without_words_are_remembered_too(tmp_path: Path) -> None:
    cache_at(tmp_path).write(["", " "], made_up([0, 0]))
    found, known = cache_at(tmp_path).read([" ", ""])
    assert known.all()
    assert found.offsets.tolist() == [0, 0, 0]


def test_another_models_cache_is_not_used(tmp_path: Path) -> None:
    ours, theirs = cache_at(tmp_path, "a" * 64), cache_at(tmp_path, "b" * 64)
    ours.write(["text"], made_up([3]))
    assert not theirs.read(["text"])[1].any()
    # not even when its file strays into the folder
    theirs.folder.mkdir(parents=True)
    shards(ours.folder)[0].rename(theirs.folder / "stray.safetensors")
    with pytest.warns(TextoclWarning, match="1 of 1 files .* are damaged or foreign"):
        assert not theirs.read(["text"])[1].any()


@pytest.mark.parametrize("damage", ["empty", "half", "last byte", "bit", "noise", "header"])
def test_a_damaged_file_is_ignored_and_the_others_are_used(tmp_path: Path, damage: str) -> None:
    cache = cache_at(tmp_path)
    cache.write(["a", "b"], made_up([5, 6]))
    (victim,) = shards(tmp_path)
    cache.write(["c"], made_up([2], seed=1))
    content = bytearray(victim.read_bytes())
    if damage == "bit":
        content[content.rindex(made_up([5, 6]).vectors[7:].tobytes())] ^= 1  # in text b
    victim.write_bytes(
        {
            "empty": b"",
            "half": content[: len(content) // 2],
            "last byte": content[:-1],
            "bit": content,
            "noise": os.urandom(1000),
            "header": b"\x02\x00\x00\x00\x00\x00\x00\x00{}",
        }[damage]
    )
    reader = cache_at(tmp_path)
    with pytest.warns(TextoclWarning, match="1 of 2 files"):
        found, known = reader.read(["a", "b", "c"])
    assert known.tolist() == [damage == "bit", False, True]
    assert_equal(take(found, np.array([len(found) - 1])), made_up([2], seed=1))
    with warnings.catch_warnings():  # said once
        warnings.simplefilter("error")
        assert reader.read(["a", "b", "c"])[1].tolist() == [False, False, True]


def test_offsets_that_lead_astray_are_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    cache = cache_at(tmp_path)
    cache.folder.mkdir(parents=True)
    for i, offsets in enumerate([[0, 9], [0, 5, 3], [1, 3], [], [0, -3], [0, 3, 3]]):
        encoded = made_up([3])
        content = {
            "keys": np.zeros((1, 16), np.uint8), "checksums": np.zeros(1, np.uint32),
            "offsets": np.array(offsets, np.int64), "pieces": encoded.pieces,
            "spans": encoded.spans, "vectors": encoded.vectors,
        }  # fmt: skip
        save_file(content, cache.folder / f"{i}.safetensors", cache._facts)
    with pytest.warns(TextoclWarning, match="6 of 6 files"):
        assert not cache.read(["a"])[1].any()


def test_a_cache_that_is_deleted_meanwhile_is_no_error(tmp_path: Path) -> None:
    cache = cache_at(tmp_path)
    cache.write(["a"], made_up([5]))
    assert cache.read(["a"])[1].all()
    shards(tmp_path)[0].unlink()
    assert not cache.read(["a"])[1].any()
    cache.folder.rmdir()
    assert not cache.read(["a"])[1].any()


def test_a_full_disk_leaves_no_file_and_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    cache = cache_at(tmp_path)
    with pytest.warns(TextoclWarning, match="No space left") as caught:
        _ = [cache.write([text], made_up([5])) for text in "ab"]
    assert len(caught) == 1
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_interrupted_write_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        cache_at(tmp_path).write(["a"], made_up([5]))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_folder_that_cannot_be_made_costs_only_the_memory(tmp_path: Path, tiny: Path) -> None:
    (tmp_path / "file").touch()
    source = TransformerVectors(tiny, cache_folder=tmp_path / "file")
    with pytest.warns(TextoclWarning, match="cannot write to") as caught:
        encoded = [source.encode([text], remember=True) for text in ("a ship", "a port")]
    assert [len(one.vectors) for one in encoded] == [2, 2]
    assert len(caught) == 1


def test_remembered_texts_need_no_model(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [*TEXTS, "port"]
    first = TransformerVectors(tiny, cache_folder=tmp_path).encode(texts, remember=True)

    def refuse(self: TransformerVectors) -> None:
        raise AssertionError("the model was loaded")

    monkeypatch.setattr(TransformerVectors, "_model", property(refuse))
    monkeypatch.setattr(TransformerVectors, "_tokenizer", property(refuse))
    later = TransformerVectors(tiny, cache_folder=tmp_path)
    assert_equal(later.encode(texts), first)
    assert_equal(later.encode(texts[::-1]), take(first, np.arange(len(texts))[::-1]))
    with pytest.raises(AssertionError, match="the model was loaded"):
        later.encode(["something new"])


def test_nothing_is_remembered_unasked(tiny: Path, tmp_path: Path) -> None:
    TransformerVectors(tiny, cache_folder=tmp_path).encode(TEXTS)
    assert list(tmp_path.iterdir()) == []


def test_known_and_new_texts_come_in_the_order_asked_for(tiny: Path, tmp_path: Path) -> None:
    source = TransformerVectors(tiny, cache_folder=tmp_path)
    whole = source.encode(TEXTS)
    source.encode([TEXTS[3], TEXTS[0], TEXTS[1]], remember=True)
    mixed = source.encode(TEXTS)
    assert np.array_equal(mixed.spans, whole.spans)
    assert np.array_equal(mixed.offsets, whole.offsets)
    assert np.allclose(mixed.vectors, whole.vectors, atol=1e-2)


def test_an_interrupted_encoding_goes_on_where_it_stopped(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("textocl.text.embeddings.transformer._PART_BYTES", 1)  # a text each
    texts = ["ship", "port", "the dock", "a sailor"]
    seen: list[int] = []
    original = TransformerVectors._hidden

    def interrupted(self: TransformerVectors, batch: list[np.ndarray]) -> np.ndarray:
        seen.append(len(batch))
        if len(seen) == 3:
            raise KeyboardInterrupt
        return original(self, batch)

    monkeypatch.setattr(TransformerVectors, "_hidden", interrupted)
    source = TransformerVectors(tiny, cache_folder=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        source.encode(texts, remember=True)
    assert len(shards(tmp_path)) == 2
    again = TransformerVectors(tiny, cache_folder=tmp_path).encode(texts, remember=True)
    assert len(again) == 4
    assert seen == [1, 1, 1, 1, 1]  # the two that were remembered were not encoded anew


def test_damaged_shards_are_encoded_anew(tiny: Path, tmp_path: Path) -> None:
    source = TransformerVectors(tiny, cache_folder=tmp_path)
    first = source.encode(TEXTS, remember=True)
    (shard,) = shards(tmp_path)
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.warns(TextoclWarning, match="damaged or foreign"):
        assert_equal(source.encode(TEXTS, remember=True), first)
    assert len(shards(tmp_path)) == 2


def test_processes_may_write_at_once(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; import numpy as np\n"
        "from textocl.text.embeddings.token_cache import TokenCache\n"
        "from textocl.text.embeddings.contextual import EncodedTexts\n"
        "cache = TokenCache(Path(sys.argv[1]), 'f' * 64, 4)\n"
        "for i in range(40):\n"
        "    e = EncodedTexts(np.full((i, 4), i, np.float16), np.ones(i, np.int32),\n"
        "                     np.zeros((i, 2), np.int32), np.array([0, i]))\n"
        "    cache.write([str(i)], e); cache.read([str(j) for j in range(i)])\n"
    )
    command = [sys.executable, "-W", "error", "-c", program, str(tmp_path)]
    writers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for writer in writers:
        assert writer.communicate(timeout=60)[1] == ""
    assert len(shards(tmp_path)) == 80
    found, known = cache_at(tmp_path).read([str(i) for i in range(40)])
    assert known.all()
    assert np.array_equal(found.vectors[:, 0], np.repeat(np.arange(40), np.arange(40)))


def test_many_texts_are_read_fast(tmp_path: Path) -> None:
    texts, encoded = [str(i) for i in range(20_000)], made_up([5] * 20_000)
    cache_at(tmp_path).write(texts, encoded)
    start = time.perf_counter()
    found, _ = cache_at(tmp_path).read(texts)
    assert time.perf_counter() - start < 5  # 0.1 s where nothing else runs
    assert_equal(found, encoded)
