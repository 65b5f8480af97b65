"""Static models of word pieces in model2vec's format; damaged folders are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from textocl import DataError, load_embedding
from textocl.text.embeddings import WordVectors

PIECES = ["[PAD]", "[UNK]", "ship", "port", "##s", "tank", "##er"]
VECTORS = np.random.default_rng(0).normal(size=(len(PIECES), 4)).astype(np.float32)


def write_model(folder: Path, **tensors: np.ndarray) -> Path:
    """Write the files that ``model2vec.StaticModel.save_pretrained`` writes."""
    folder.mkdir(exist_ok=True)
    tokenizer = Tokenizer(
        models.WordPiece({piece: i for i, piece in enumerate(PIECES)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.enable_truncation(1)
    tokenizer.save(str(folder / "tokenizer.json"))
    save_file({"embeddings": VECTORS, **tensors}, folder / "model.safetensors")
    config = {"max_length": 512, "normalize": True, "model_type": "model2vec"}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def load(source: Any) -> WordVectors:
    vectors = load_embedding(source)
    assert isinstance(vectors, WordVectors)
    return vectors


@pytest.mark.parametrize("prefix", ["", "model2vec:"])
def test_a_word_is_the_mean_of_its_pieces(tmp_path: Path, prefix: str) -> None:
    source = load(f"{prefix}{write_model(tmp_path / 'model')}")
    assert source.dimension == 4
    vectors, known = source.vectors_of(["ships", "tankers", "port"])
    assert known.all()
    assert vectors.dtype == np.float32
    assert np.allclose(vectors[0], VECTORS[[2, 4]].mean(axis=0))
    assert np.allclose(vectors[1], VECTORS[[5, 6, 4]].mean(axis=0))
    assert np.allclose(vectors[2], VECTORS[3])


def test_the_name_leads_back_to_the_model(tmp_path: Path) -> None:
    for source in (write_model(tmp_path / "model"), f"model2vec:{tmp_path / 'model'}"):
        assert load(load(source).name).vectors_of(["ship"])[1].all()


def test_words_without_a_known_piece_are_unknown(tmp_path: Path) -> None:
    source = load(write_model(tmp_path))
    vectors, known = source.vectors_of(["zebra", "", "ship", "zebra ports"])
    assert known.tolist() == [False, False, True, True]
    assert not vectors[:2].any()
    assert np.allclose(vectors[3], VECTORS[[3, 4]].mean(axis=0))  # the known part alone
    assert source.vectors_of([])[0].shape == (0, 4)


def test_pieces_that_share_vectors_have_their_own_weights(tmp_path: Path) -> None:
    shared = np.array([0, 0, 1, 1, 2, 2, 2], np.int32)
    weights = np.linspace(0.5, 2.0, len(PIECES), dtype=np.float32)
    folder = write_model(tmp_path, embeddings=VECTORS[:3], mapping=shared, weights=weights)
    vectors, _ = load(folder).vectors_of(["ships"])
    expected = (VECTORS[1] * weights[2] + VECTORS[2] * weights[4]) / 2
    assert np.allclose(vectors[0], expected)


def test_int8_vectors_are_read_as_numbers(tmp_path: Path) -> None:
    folder = write_model(tmp_path, embeddings=np.full((len(PIECES), 2), -127, np.int8))
    assert load(folder).vectors_of(["tanker"])[0].tolist() == [[-127, -127]]


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"embeddings": VECTORS[:3]}, r"expected vectors of shape \(7, d\)"),
        ({"embeddings": VECTORS[0]}, r"expected vectors of shape \(7, d\)"),
        ({"embeddings": VECTORS * np.float32("nan")}, "NaN or infinity"),
        ({"mapping": np.full(7, 99, np.int32)}, "not readable"),
        ({"mapping": np.full(7, -1, np.int32)}, "row numbers"),
        ({"mapping": np.full(7, 0.5, np.float32)}, "row numbers"),
        ({"weights": np.ones(3, np.float32)}, r"expected 'weights' of shape \(7,\)"),
        ({"weights": np.ones(1, np.float32)}, r"expected 'weights' of shape \(7,\)"),
        ({"embeddings": np.array(1.0, np.float32)}, r"expected vectors of shape \(7, d\)"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(
    tmp_path: Path, tensors: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        load_embedding(write_model(tmp_path, **tensors))


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("content", [b"", b"\xff\x00", b"{}", b"[]", b"12345678{"])
def test_damaged_files_are_refused(tmp_path: Path, file: str, content: bytes) -> None:
    (write_model(tmp_path) / file).write_bytes(content)
    with pytest.raises(DataError, match=file):
        load_embedding(tmp_path)


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named(tmp_path: Path, file: str) -> None:
    (write_model(tmp_path) / file).unlink()
    with pytest.raises(DataError, match=f"no {file} in"):
        load_embedding(tmp_path)


def test_without_its_tensor_the_file_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path)
    save_file({"weights": VECTORS}, tmp_path / "model.safetensors")
    with pytest.raises(DataError, match="no tensor named 'embeddings'"):
        load_embedding(tmp_path)


@pytest.mark.parametrize("name", ["nobody/no-such-model", "no name at all!", ""])
def test_a_name_that_cannot_be_found_says_what_to_do(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hub = pytest.importorskip("huggingface_hub")
    asked = []

    def no_network(repository: str, *, local_files_only: bool, **_: Any) -> str:
        asked.append((repository, local_files_only))
        raise ConnectionError("no network")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(hub, "snapshot_download", no_network)
    with pytest.raises(DataError, match="Give the folder of a model"):
        load_embedding(f"model2vec:{name}")
    assert asked == [(name, True), (name, False)]  # the cache comes first


def test_a_model_in_the_local_cache_needs_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = pytest.importorskip("huggingface_hub")
    folder = write_model(tmp_path)

    def cached(repository: str, *, local_files_only: bool, **_: Any) -> str:
        assert local_files_only
        return str(folder)

    monkeypatch.setattr(hub, "snapshot_download", cached)
    source = load("model2vec:somebody/some-model")
    assert source.name == "model2vec:somebody/some-model"
    assert source.vectors_of(["ship"])[1].all()
