"""Word vectors from names, files and memory; damaged and hostile files are refused."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from textocl import DataError, TextoclWarning, load_embedding
from textocl.text.embeddings import KeyedWordVectors, WordLlamaVectors, WordVectors

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
    elif kind in ("bin", "bin.gz", "gz"):  # gensim's writer compresses by the ending
        gensim_vectors().save_word2vec_format(str(path), binary=True)
    elif kind == "other":
        path.write_text(text_lines(), encoding="utf-8")
    elif kind == "kv":
        gensim_vectors().save(str(path))
    elif kind == "npz":
        words = np.frombuffer("\n".join(WORDS).encode(), np.uint8)
        np.savez(path, words=words, vectors=VECTORS.astype(np.float16))
    return path


@pytest.mark.parametrize(
    "kind", ["txt", "vec", "txt.gz", "bin", "bin.gz", "gz", "other", "kv", "npz"]
)
def test_every_format_gives_the_same_vectors(tmp_path: Path, kind: str) -> None:
    source = load_embedding(write(tmp_path, kind))
    assert isinstance(source, WordVectors)
    assert source.dimension == 3
    vectors, known = source.vectors_of(["café", "unknown", "ship"])
    assert known.tolist() == [True, False, True]
    assert vectors.dtype == np.float32
    assert vectors.tolist() == [VECTORS[2].tolist(), [0, 0, 0], VECTORS[0].tolist()]


GOOD = [line.encode() for line in text_lines().splitlines()]


@pytest.mark.parametrize(
    "lines",
    [
        [GOOD[0], b". . . 5 5 5", *GOOD[1:]],
        [b". . . 5 5 5", b"at name@example.org 5 5 5", *GOOD],
        [b"at 1 5 5 5", *GOOD],
        [b"\xef\xbb\xbf" + GOOD[0], *GOOD[1:]],
        [b"\xef\xbb\xbf4 3", *GOOD],
        [line.replace(b" ", b"\t") for line in GOOD],
        [line + b" \r" for line in GOOD],
        [b"4 3 ", *GOOD, b"", b"  "],
        [*GOOD, GOOD[0].replace(b"0.5", b"7")],
        ["\u2028 5 5 5".encode(), "\xa0 5 5 5".encode(), *GOOD],
    ],
)
def test_text_files_are_read_as_they_are_found(tmp_path: Path, lines: list[bytes]) -> None:
    """Words with spaces, a byte-order mark, tabs, other ends of lines, a word twice."""
    (tmp_path / "v.txt").write_bytes(b"\n".join(lines))
    vectors, known = load_embedding(tmp_path / "v.txt").vectors_of(WORDS)
    assert known.all()
    assert vectors.tolist() == VECTORS.tolist()


def test_words_with_spaces_are_kept(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_bytes(b"\n".join([*GOOD, b"new york 7 8 9"]))
    vectors, known = load_embedding(tmp_path / "v.txt").vectors_of(["new york", "york"])
    assert known.tolist() == [True, False]
    assert vectors[0].tolist() == [7, 8, 9]


@pytest.mark.parametrize("header", [[], [b"12 3"]])
def test_lines_without_a_readable_word_are_counted_in_one_warning(
    tmp_path: Path, header: list[bytes]
) -> None:
    cut = [b"\xe4\xb8 5 5 5", b" 5 5 5"] * 4
    (tmp_path / "v.txt").write_bytes(b"\n".join([*header, *GOOD, *cut]))
    first = 5 + len(header)
    listed = ", ".join(str(n) for n in range(first, first + 5))
    message = f"8 of 12 lines were passed over.*: lines {listed} and so on"
    with pytest.warns(TextoclWarning, match=message) as caught:
        vectors, known = load_embedding(tmp_path / "v.txt").vectors_of(WORDS)
    assert len(caught) == 1
    assert vectors[known].tolist() == VECTORS.tolist()


def test_cut_words_of_a_binary_file_are_counted(tmp_path: Path) -> None:
    content = write(tmp_path, "bin").read_bytes()
    (tmp_path / "vectors.bin").write_bytes(content.replace("café".encode(), b"caf\xc3"))
    with pytest.warns(TextoclWarning, match="1 of 4 words are no UTF-8"):
        _, known = load_embedding(tmp_path / "vectors.bin").vectors_of(WORDS)
    assert known.tolist() == [True, True, False, True]


def test_text_files_are_read_as_gensim_reads_them(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).normal(size=(300, 20))
    lines = [f"w{i} {' '.join(f'{x:.5g}' for x in row)}\n" for i, row in enumerate(numbers)]
    (tmp_path / "v.txt").write_text("300 20\n" + "".join(lines), "utf-8")
    theirs = gensim_models.KeyedVectors.load_word2vec_format(tmp_path / "v.txt")
    ours, known = load_embedding(tmp_path / "v.txt").vectors_of(theirs.index_to_key)
    assert known.all()
    assert ours.tobytes() == theirs.vectors.tobytes()


def test_text_files_need_no_gensim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gensim", None)
    assert load_embedding(write(tmp_path, "txt.gz")).vectors_of(WORDS)[1].all()


CASED = {"Käufer": [1.0], "KÄUFER": [2.0], "der": [3.0], "Der": [4.0], "USA": [5.0], "Usa's": [6.0]}


@pytest.mark.parametrize("kind", ["mapping", "gensim", "vec", "bin", "npz"])
def test_a_capitalised_word_serves_where_there_is_none_in_lower_case(
    tmp_path: Path, kind: str
) -> None:
    table = np.array(list(CASED.values()), np.float32)
    keyed = gensim_models.KeyedVectors(vector_size=1)
    keyed.add_vectors(list(CASED), table)
    source: Any = {"mapping": CASED, "gensim": keyed}.get(kind, tmp_path / f"v.{kind}")
    if kind == "npz":
        np.savez(source, words=np.array(list(CASED)), vectors=table)
    elif kind in ("vec", "bin"):
        keyed.save_word2vec_format(str(source), binary=kind == "bin")
    vectors = load_embedding(source)
    values, known = vectors.vectors_of(["käufer", "der", "usa", "Käufer", "verkäufer"])
    assert known.tolist() == [True, True, True, True, False]
    assert values.ravel().tolist() == [1, 3, 5, 1, 0]
    assert vectors.vectors_of(["usa's", "käufer"])[0].ravel().tolist() == [6, 1]


def test_a_capitalised_word_counts_more_than_subwords(tmp_path: Path) -> None:
    sentences = [["Tanker", "port"], ["ferry", "port"]] * 30
    model = gensim_models.FastText(sentences, vector_size=8, min_count=1, bucket=100, epochs=2)
    vectors, _ = load_embedding(model.wv).vectors_of(["tanker"])
    assert np.allclose(vectors[0], model.wv["Tanker"], atol=1e-6)


def test_large_arrays_of_a_kv_file_lie_beside_it(tmp_path: Path) -> None:
    gensim_vectors().save(str(tmp_path / "vectors.kv"), sep_limit=0)
    assert (tmp_path / "vectors.kv.vectors.npy").exists()
    vectors, known = load_embedding(tmp_path / "vectors.kv").vectors_of(WORDS)
    assert known.all()
    assert (vectors == VECTORS).all()


def test_npz_with_an_array_of_strings(tmp_path: Path) -> None:
    np.savez(tmp_path / "v.npz", words=np.array(WORDS), vectors=VECTORS)
    assert load_embedding(tmp_path / "v.npz").vectors_of(["bank"])[0].tolist() == [
        VECTORS[3].tolist()
    ]


def test_fasttext_subwords_know_unknown_words(tmp_path: Path) -> None:
    sentences = [["tanker", "port"], ["ferry", "port"]] * 30
    model = gensim_models.FastText(sentences, vector_size=8, min_count=1, bucket=100, epochs=2)
    model.wv.save(str(tmp_path / "fast.kv"))
    gensim_models.fasttext.save_facebook_model(model, str(tmp_path / "fast.bin"))
    for name in ("fast.kv", "fast.bin"):
        vectors, known = load_embedding(tmp_path / name).vectors_of(["tanker", "tankers"])
        assert known.all()
        expected = [model.wv["tanker"], model.wv.get_vector("tankers")]
        assert np.allclose(vectors, expected, atol=1e-6)


def test_vectors_in_memory() -> None:
    for source in (dict(zip(WORDS, VECTORS, strict=True)), gensim_vectors()):
        vectors, known = load_embedding(source).vectors_of(["port", "x"])
        assert vectors[0].tolist() == VECTORS[1].tolist()
        assert known.tolist() == [True, False]
    own = KeyedWordVectors(WORDS, VECTORS, "mine")
    assert load_embedding(own) is own


def test_a_zero_vector_is_no_knowledge() -> None:
    source = load_embedding({"ship": [1.0, 0.0], "unk": [0.0, 0.0]})
    assert source.vectors_of(["ship", "unk"])[1].tolist() == [True, False]


def test_wordllama_knows_every_word_as_the_mean_of_its_pieces() -> None:
    source = WordLlamaVectors()
    words = ["ship", "shipyards", "qzxv", "Straße", ""]
    vectors, known = source.vectors_of(words)
    assert known.tolist() == [True, True, True, True, False]
    pieces = source._tokenizer.encode("shipyards", add_special_tokens=False).ids
    assert len(pieces) > 1
    assert source.dimension == 256
    assert np.allclose(vectors[1], source._pieces[pieces].mean(axis=0), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("ragged.txt", "ship 1 2 3\nport 1 2\n", "line 2: .* word and 3 numbers, got 'port 1 2'"),
        ("ragged.vec", "2 3\nship 1 2 3\nport 1 2\n", "line 3: expected a word and 3 numbers"),
        ("nan.txt", "ship 1 2 3\nport 1 nan 3\n", "line 2: the vector of 'port' holds NaN"),
        ("inf.vec", "2 2\nship 1 2\nport inf 3\n", "line 3: the vector of 'port' holds NaN or inf"),
        ("words.txt", "ship one two\nport a b\n", "not readable .* line 1: .*got 'ship one two'"),
        ("empty.txt", "", "not readable word vectors: it is empty"),
        ("blank.txt", "\n\n", "not readable word vectors: it is empty"),
        ("header.vec", "0 3\n", "not readable word vectors"),
        ("vast.vec", "9 " + "9" * 30 + "\nship 1 2\n", "not readable word vectors"),
        ("short.vec", "5 3\nship 1 2 3\nport 1 2 3\n", "not readable|announced"),
        ("noise.bin", "\x00\x01\x02 garbage", "not readable word vectors"),
        ("noise.kv", "not a pickle", "not readable word vectors"),
        ("noise.npz", "not a zip", "not a readable .npz"),
        ("noise.txt.gz", "not gzipped", "not readable word vectors"),
        ("noise.bin.gz", "not gzipped", "not readable word vectors"),
        ("noise.gz", "\x00 not gzipped", "not readable word vectors"),
        ("huge.bin", "999999999999 300\nship 1", "not readable word vectors"),
        ("vast.bin", "9" * 30 + " 300\nship 1", "not readable word vectors"),
        ("commas.gz", "2 2\nship 1,5 2,5\nport 1,5 2,5\n", "not readable word vectors"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        load_embedding(tmp_path / name)


@pytest.mark.parametrize("kind", ["bin", "bin.gz", "gz", "txt.gz"])
def test_truncated_files_are_refused(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path, kind)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="not readable word vectors"):
        load_embedding(path)


def test_a_damaged_compressed_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "gz")
    content = bytearray(path.read_bytes())
    content[-30:-12] = b"\xff" * 18
    path.write_bytes(content)
    with pytest.raises(DataError, match="not readable word vectors"):
        load_embedding(path)


def test_npz_must_hold_words_and_vectors_that_agree(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", vectors=VECTORS)
    with pytest.raises(DataError, match="no array named 'words'"):
        load_embedding(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", words=np.array(WORDS[:2]), vectors=VECTORS)
    with pytest.raises(DataError, match=r"expected vectors of shape \(2, d\)"):
        load_embedding(tmp_path / "b.npz")


def test_vectors_of_different_length_in_memory_are_refused() -> None:
    with pytest.raises(DataError, match="differ in length"):
        load_embedding({"ship": [1.0], "port": [1.0, 2.0]})


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
        load_embedding("evil.kv")
    assert not Path("exploded").exists()


def test_a_kv_file_cannot_name_other_files_to_unpickle(tmp_path: Path) -> None:
    vectors = gensim_vectors()
    setattr(vectors, "__scipys", ["vectors"])  # gensim's loader would unpickle that file
    setattr(vectors, "__numpys", ["../../etc/secret"])
    (tmp_path / "evil.kv").write_bytes(pickle.dumps(vectors))
    with pytest.raises(DataError, match="is no part of word vectors"):
        load_embedding(tmp_path / "evil.kv")


@pytest.mark.parametrize("name", ["wordlama", "nowhere.txt", ""])
def test_a_name_of_nothing_lists_what_there_is(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="expected"):
        load_embedding(name)


@pytest.mark.parametrize(
    "config", [None, "", "not json", "[]", "{}", '{"model_type": 3}', "[" * 100_000, "\x00"]
)
def test_a_folder_that_is_no_model_is_refused(tmp_path: Path, config: str | None) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    with pytest.raises(DataError, match="a folder without a model: expected the config.json of"):
        load_embedding(tmp_path)


def test_whatever_else_is_refused() -> None:
    for source in (None, 3, ["ship"], b"ship", np.zeros((2, 2))):
        with pytest.raises(DataError, match="embedding must be"):
            load_embedding(source)


class Torchtext:
    """The members that torchtext's ``Vectors`` and ``Vocab`` have."""

    def __init__(self, vectors: torch.Tensor | None) -> None:
        self.itos = list(WORDS)
        self.stoi = {word: i for i, word in enumerate(WORDS)}
        self.vectors = vectors
        self.dim = 3


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_torchtext_vectors_are_known_by_their_members(dtype: torch.dtype) -> None:
    tensor = torch.from_numpy(VECTORS).to(dtype).requires_grad_()
    vectors, known = load_embedding(Torchtext(tensor)).vectors_of(["bank", "x"])
    assert known.tolist() == [True, False]
    assert vectors[0].tolist() == VECTORS[3].tolist()


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (None, "a vocabulary without vectors"),
        (torch.ones(2, 3), r"expected vectors of shape \(4, d\)"),
        (torch.ones(4), r"expected vectors of shape \(4, d\)"),
        (torch.full((4, 3), torch.nan), "NaN or infinity"),
        ("nonsense", "the vectors of this Torchtext"),
    ],
)
def test_torchtext_vectors_that_do_not_fit_are_refused(vectors: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_embedding(Torchtext(vectors))


@pytest.fixture
def downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """gensim's folder of downloads, without a network."""
    downloader = pytest.importorskip("gensim.downloader")

    def no_network(*_: Any, **__: Any) -> None:
        raise OSError("no network")

    monkeypatch.setattr(downloader, "BASE_DIR", str(tmp_path))
    monkeypatch.setattr(downloader, "urlopen", no_network)
    monkeypatch.setattr(downloader.urllib, "urlretrieve", no_network)
    return tmp_path


def test_gensim_downloads_are_read_without_running_their_module(downloads: Path) -> None:
    folder = downloads / "some-vectors-3"
    folder.mkdir()
    write(folder, "gz").rename(folder / "some-vectors-3.gz")
    (folder / "__init__.py").write_text("raise SystemExit('this ran')")
    source = load_embedding("gensim:some-vectors-3")
    assert source.name == "gensim:some-vectors-3"
    assert source.vectors_of(["port"])[0].tolist() == [VECTORS[1].tolist()]


def test_a_gensim_name_that_is_not_offered_lists_near_ones(downloads: Path) -> None:
    models = {
        name: {"parts": 1, "file_name": f"{name}.gz"}
        for name in ("glove-twitter-25", "word2vec-google-news-300")
    }
    listing = {"corpora": {"text8": {}}, "models": models}
    (downloads / "information.json").write_text(json.dumps(listing))
    with pytest.raises(DataError, match="near names: glove-twitter-25"):
        load_embedding("gensim:glove-twiter-25")
    with pytest.raises(DataError, match="no vectors 'text8'"):  # texts, not vectors
        load_embedding("gensim:text8")
    with pytest.raises(DataError, match="no network; looked for .* Fetch it where"):
        load_embedding("gensim:glove-twitter-25")


def test_without_a_network_and_a_list_a_gensim_name_says_what_to_do(
    downloads: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DataError, match="looked for .*glove-twitter-25.gz .* give the path"):
        load_embedding("gensim:glove-twitter-25")
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "a b"])
def test_a_gensim_name_is_no_path(downloads: Path, name: str) -> None:
    with pytest.raises(DataError, match="names no vectors"):
        load_embedding(f"gensim:{name}")


@pytest.mark.parametrize("source", ["gensim:glove-twitter-25", "vectors.bin.gz"])
def test_without_gensim_the_error_says_how_to_install_it(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("vectors.bin.gz").touch()
    monkeypatch.setitem(sys.modules, "gensim", None)
    with pytest.raises(ImportError, match=r"pip install '\.\[gensim\]'"):
        load_embedding(source)
