"""A file with a language model agrees with its detector, on documents of any length and kind."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from textocl import CVDD, KDE, KNN, DataError, Detector, FormatError
from textocl.core.exceptions import MissingExtraError
from textocl.export import OnnxDetector, to_onnx, verify

pytestmark = pytest.mark.filterwarnings("ignore::textocl.core.exceptions.TextoclWarning")

# the model's window holds 24 tokens; the last are cut into many
HARD = [
    "", " ", "12 !?", "the", "ship\ud800port", "ünï ＳＨＩＰ é ﬁ 中文", "[SEP] ship [CLS] [PAD]", "\0\t\n",
    "a" * 500, "ship " * 22, "ship " * 23, "shipyard's port, " * 40, "ship " * 9000,
]  # fmt: skip
DETECTORS: dict[str, tuple[type, dict[str, Any], list[str]]] = {
    "mean": (KDE, {}, ["input_ids", "attention_mask"]),
    "lead": (KDE, {"pooling": "lead"}, ["input_ids", "attention_mask"]),
    "max": (KNN, {"pooling": "max"}, ["input_ids", "attention_mask"]),
    "cvdd": (CVDD, {"n_contexts": 2}, ["input_ids", "attention_mask", "word_ids"]),
    "auto": (Detector, {"n_contexts": 2}, ["input_ids", "attention_mask", "text"]),
}


def assert_equal(detector: Any, file: Path, X: list[str], bound: float = 2e-5) -> None:
    own, theirs = detector.assess(X), OnnxDetector(file).assess(X)
    np.testing.assert_allclose(theirs["score"], own.score, rtol=bound, atol=bound)
    np.testing.assert_array_equal(theirs["n_known_words"], own.n_known_words)


@pytest.fixture(scope="module")
def density(tiny_bert: Path, ships: list[str]) -> KDE:
    return KDE(embedding=str(tiny_bert)).fit(ships)


@pytest.fixture(scope="module")
def exported(density: KDE, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return to_onnx(density, tmp_path_factory.mktemp("onnx") / "model.onnx")


@pytest.mark.parametrize("name", DETECTORS)
def test_a_file_scores_as_its_detector_does(
    name: str, tiny_bert: Path, ships: list[str], mixed: list[str], tmp_path: Path
) -> None:
    kind, settings_, inputs = DETECTORS[name]
    detector = kind(embedding=str(tiny_bert), **settings_).fit(ships)
    file = to_onnx(detector, tmp_path / "model.onnx")
    onnx.checker.check_model(onnx.load(file))
    assert [value.name for value in onnx.load(file).graph.input] == inputs
    # vectors are rounded to float16; a rounding the other way shows where scores are fused
    assert_equal(detector, file, mixed + HARD, 2e-4 if name == "auto" else 2e-5)
    assert len(OnnxDetector(file).anomaly_score([])) == 0
    facts = OnnxDetector(file).metadata
    assert all(f"'{value}'" in facts["expected_input"] for value in inputs)
    assert facts["language_model"]["content_words"] == ("english" if name == "cvdd" else None)


def test_a_score_does_not_depend_on_its_batch(mixed: list[str], exported: Path) -> None:
    texts = mixed[:8] + HARD
    detector = OnnxDetector(exported)
    alone = np.concatenate([detector.anomaly_score([text]) for text in texts])
    np.testing.assert_allclose(detector.anomaly_score(texts), alone, atol=2e-5)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    texts=st.lists(
        st.lists(st.one_of(st.sampled_from(["ship", "yard ", "[SEP]", "é"]), st.text(max_size=6)))
        .map("".join),
        max_size=12,
    )
)  # fmt: skip
def test_any_unicode_is_cut_and_scored_alike(
    texts: list[str], density: KDE, exported: Path
) -> None:
    assert_equal(density, exported, texts)


def test_the_files_beside_are_a_model_folder(exported: Path, mixed: list[str]) -> None:
    """What somebody does who has transformers and onnxruntime, and no textocl."""
    import onnxruntime
    import tokenizers

    tokenizer = tokenizers.Tokenizer.from_file(str(exported.with_name("tokenizer.json")))
    tokenizer.enable_padding()
    encodings = tokenizer.encode_batch(mixed)
    inputs = {
        "input_ids": np.array([e.ids for e in encodings]),
        "attention_mask": np.array([e.attention_mask for e in encodings]),
    }
    session = onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"])
    (scores,) = session.run(["score"], inputs)
    np.testing.assert_allclose(OnnxDetector(exported).anomaly_score(mixed), scores, atol=2e-5)
    assert json.loads(exported.with_name("config.json").read_text())["model_type"] == "bert"


def test_inputs_can_be_bound_to_a_device(exported: Path, mixed: list[str]) -> None:
    detector = OnnxDetector(exported)
    scores = detector.anomaly_score(mixed)
    detector._binds = True  # as on a GPU
    np.testing.assert_array_equal(detector.anomaly_score(mixed), scores)


def test_scoring_loads_neither_torch_nor_transformers(exported: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from textocl.export import OnnxDetector\n"
        f"OnnxDetector({str(exported)!r}).predict(['a ship'])\n"
        "print([m for m in ('torch', 'transformers', 'onnx', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("dtype", "bound"), [("float16", 2e-3), ("int8", 5e-2)])
def test_narrow_numbers_keep_the_scores(
    dtype: str, bound: float, density: KDE, mixed: list[str], tmp_path: Path
) -> None:
    file = to_onnx(density, tmp_path / "small.onnx", dtype=dtype)
    found = verify(density, file, mixed, largest_difference=bound)
    assert found.largest_difference > 0
    assert found.rank_agreement > 0.95


def test_another_models_files_are_not_overwritten(density: KDE, tmp_path: Path) -> None:
    other = tmp_path / "tokenizer.json"
    other.write_text("{}")
    with pytest.raises(DataError, match="of another model; export into a folder of its own"):
        to_onnx(density, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == [other]
    assert other.read_text() == "{}"


def test_the_tokenizer_beside_must_be_the_one_written_with_it(
    exported: Path, tmp_path: Path
) -> None:
    file = Path(shutil.copy(exported, tmp_path))
    with pytest.raises(FormatError, match=r"needs tokenizer\.json beside it"):
        OnnxDetector(file)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(FormatError, match="not the one that was written with model.onnx"):
        OnnxDetector(file)


def test_what_no_graph_can_do_is_refused(
    tiny_bert: Path, ships: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weighed = KDE(embedding=str(tiny_bert), pooling="tfidf").fit(ships)
    with pytest.raises(DataError, match="fit with pooling='mean' or 'lead' to export"):
        to_onnx(weighed, tmp_path / "model.onnx")
    with pytest.raises(DataError, match="export without raw_text"):
        to_onnx(
            CVDD(embedding=str(tiny_bert), n_epochs=1).fit(ships),
            tmp_path / "model.onnx",
            raw_text=True,
        )
    monkeypatch.setattr("textocl.export.traced.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="onnxscript"):
        to_onnx(KDE(embedding=str(tiny_bert)).fit(ships), tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_strings_can_be_cut_inside_the_file(
    density: KDE, mixed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime_extensions")
    file = to_onnx(density, tmp_path / "model.onnx", raw_text=True)
    assert [value.name for value in onnx.load(file).graph.input] == ["text"]
    assert_equal(density, file, [*mixed, "", "Ünïcode, " * 30, "the ship's port. " * 40])
    assert len(OnnxDetector(file).anomaly_score([])) == 0
    assert list(tmp_path.iterdir()) == [file]
    monkeypatch.setitem(sys.modules, "onnxruntime_extensions", None)
    with pytest.raises(MissingExtraError, match="onnx-text"):
        OnnxDetector(file)
