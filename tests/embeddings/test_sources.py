"""Word vectors from names, files and memory; damaged and hostile files are refused."""

from __future__ import annotations

import gzip
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textocl import DataError, load_word_vectors
from textocl.embeddings import KeyedWordVectors, WordLlamaVectors, WordVectors

gensim_models = pytest.importorskip("gensim.models")

WORDS = ["ship", "port", "café", "bank"]
VECTORS = np.arange(12, dtype=np.float32).reshape(4, 3) + 0.5


def text_lines() -> str:
    return "".join(
        f"{word} {' '.join(map(str, vector))}\n"
        for word, vector in zip(WORDS, VECTORS.tolist(), strict=True)
    )


def gensim_vectors() -> Any:
    vectors = gensim_models.KeyedVectors(vector_size=3)
    vectors.add_vectors(WORDS, VECTORS)
    return vectors


def write(folder: Path, kind: str) -> Path:
    path = folder / f"vectors.{kind}"
    if kind == "txt":  # GloVe: no header
        path.write_text(text_lines(), encoding="utf-8")
    elif kind == "vec":  # word2vec and fastText: a header
        path.write_text("4 3\n" + text_lines(), encoding="utf-8")
    elif kind == "txt.gz":
        path.write_bytes(gzip.compress(text_lines().encode()))
    elif kind == "bin":
        gensim_vectors().save_word2vec_format(str(path), binary=True)
    elif kind == "kv":
        gensim_vectors().save(str(path))
    elif kind == "npz":
        words = np.frombuffer("\n".join(WORDS).encode(), np.uint8)
        np.savez(path, words=words, vectors=VECTORS.astype(np.float16))
    return path


@pytest.mark.parametrize("kind", ["txt", "vec", "txt.gz", "bin", "kv", "npz"])
def test_every_format_gives_the_same_vectors(tmp_path: Path, kind: str) -> None:
    source = load_word_vectors(write(tmp_path, kind))
    assert isinstance(source, WordVectors)
    assert source.dimension == 3
    vectors, known = source.vectors_of(["café", "unknown", "ship"])
    assert known.tolist() == [True, False, True]
    assert vectors.dtype == np.float32
    assert vectors.tolist() == [VECTORS[2].tolist(), [0, 0, 0], VECTORS[0].tolist()]


def test_large_arrays_of_a_kv_file_lie_beside_it(tmp_path: Path) -> None:
    gensim_vectors().save(str(tmp_path / "vectors.kv"), sep_limit=0)
    assert (tmp_path / "vectors.kv.vectors.npy").exists()
    vectors, known = load_word_vectors(tmp_path / "vectors.kv").vectors_of(WORDS)
    assert known.all()
    assert (vectors == VECTORS).all()


def test_npz_with_an_array_of_strings(tmp_path: Path) -> None:
    np.savez(tmp_path / "v.npz", words=np.array(WORDS), vectors=VECTORS)
    assert load_word_vectors(tmp_path / "v.npz").vectors_of(["bank"])[0].tolist() == [
        VECTORS[3].tolist()
    ]


def test_fasttext_subwords_know_unknown_words(tmp_path: Path) -> None:
    sentences = [["tanker", "port"], ["ferry", "port"]] * 30
    model = gensim_models.FastText(sentences, vector_size=8, min_count=1, bucket=100, epochs=2)
    model.wv.save(str(tmp_path / "fast.kv"))
    gensim_models.fasttext.save_facebook_model(model, str(tmp_path / "fast.bin"))
    for name in ("fast.kv", "fast.bin"):
        vectors, known = load_word_vectors(tmp_path / name).vectors_of(["tanker", "tankers"])
        assert known.all()
        expected = [model.wv["tanker"], model.wv.get_vector("tankers")]
        assert np.allclose(vectors, expected, atol=1e-6)


def test_vectors_in_memory() -> None:
    for source in (dict(zip(WORDS, VECTORS, strict=True)), gensim_vectors()):
        vectors, known = load_word_vectors(source).vectors_of(["port", "x"])
        assert vectors[0].tolist() == VECTORS[1].tolist()
        assert known.tolist() == [True, False]
    own = KeyedWordVectors(WORDS, VECTORS, "mine")
    assert load_word_vectors(own) is own


def test_a_zero_vector_is_no_knowledge() -> None:
    source = load_word_vectors({"ship": [1.0, 0.0], "unk": [0.0, 0.0]})
    assert source.vectors_of(["ship", "unk"])[1].tolist() == [True, False]


def test_wordllama_knows_every_word_as_the_mean_of_its_pieces() -> None:
    source = WordLlamaVectors()
    words = ["ship", "shipyards", "qzxv", "Straße", ""]
    vectors, known = source.vectors_of(words)
    assert known.tolist() == [True, True, True, True, False]
    pieces = source._tokenizer.encode("shipyards", add_special_tokens=False).ids
    assert len(pieces) > 1
    assert np.allclose(vectors[1], source._pieces[pieces].mean(axis=0), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("ragged.txt", "ship 1 2 3\nport 1 2\n", "not readable word vectors"),
        ("nan.txt", "ship 1 2 3\nport 1 nan 3\n", "the vector of 'port' holds NaN"),
        ("inf.vec", "2 2\nship 1 2\nport inf 3\n", "the vector of 'port' holds NaN or infinity"),
        ("words.txt", "ship one two\nport a b\n", "not readable word vectors"),
        ("empty.txt", "", "not readable word vectors|expected vectors"),
        ("short.vec", "5 3\nship 1 2 3\nport 1 2 3\n", "not readable|announced"),
        ("noise.bin", "\x00\x01\x02 garbage", "not readable word vectors"),
        ("noise.kv", "not a pickle", "not readable word vectors"),
        ("noise.npz", "not a zip", "not a readable .npz"),
        ("noise.txt.gz", "not gzipped", "not readable word vectors"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        load_word_vectors(tmp_path / name)


def test_npz_must_hold_words_and_vectors_that_agree(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", vectors=VECTORS)
    with pytest.raises(DataError, match="no array named 'words'"):
        load_word_vectors(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", words=np.array(WORDS[:2]), vectors=VECTORS)
    with pytest.raises(DataError, match=r"expected vectors of shape \(2, d\)"):
        load_word_vectors(tmp_path / "b.npz")


def test_vectors_of_different_length_in_memory_are_refused() -> None:
    with pytest.raises(DataError, match="differ in length"):
        load_word_vectors({"ship": [1.0], "port": [1.0, 2.0]})


class _Bomb:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("touch exploded",)


@pytest.mark.parametrize("place", ["whole", "inside"])
def test_a_pickle_that_would_run_code_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.chdir(tmp_path)
    vectors = gensim_vectors()
    vectors.bomb = _Bomb()
    Path("evil.kv").write_bytes(pickle.dumps(_Bomb() if place == "whole" else vectors))
    with pytest.raises(DataError, match=r"wants to load (posix|nt)\.system"):
        load_word_vectors("evil.kv")
    assert not Path("exploded").exists()


def test_a_kv_file_cannot_name_other_files_to_unpickle(tmp_path: Path) -> None:
    vectors = gensim_vectors()
    setattr(vectors, "__scipys", ["vectors"])  # gensim's loader would unpickle that file
    setattr(vectors, "__numpys", ["../../etc/secret"])
    (tmp_path / "evil.kv").write_bytes(pickle.dumps(vectors))
    with pytest.raises(DataError, match="is no part of word vectors"):
        load_word_vectors(tmp_path / "evil.kv")
