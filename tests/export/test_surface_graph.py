"""A file counts characters, words and addresses as `SurfaceProfile` does, in any script."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from texts import sentences

from textocl import DataError, SurfaceProfile
from textocl.export import OnnxDetector, to_onnx, verify
from textocl.export.character_kinds import Characters
from textocl.export.graph import Graph
from textocl.export.surface_graph import _counted
from textocl.form import kinds as k
from textocl.form.surface_measures import NAMES, measured

PIECES = [
    "http://", "www.", "/", "@", "#", "<", "$", "€", " ", "\n", "a", "B", "é", "ж", "中", "5", "0123456", "½", ".",
    ":", "!", "(", "-", "😀", "\u0301", "\u200b", "\ufffd", "\ufe0f", "the cat sat ", "aaa", "\x00", "\x01", "\x1c",
    "\xa0", "\u2028", "\u3000", "İ", "\U0010ffff",
]  # fmt: skip
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.lists(st.sampled_from(PIECES), max_size=40).map("".join),
)
LONG = [
    "", "x", "a" * 100_000, " ".join(map(str, range(20_000))), "漢字かな混じり。" * 2000, "😀👍🏽" * 500, " \n" * 3000,
    "a b c " * 5000,
]  # fmt: skip


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> onnxruntime.InferenceSession:
    """A graph of all that measures are quotients of."""
    graph = Graph()
    characters = Characters(graph, graph.input("text", "string", ["n"]))
    parts, _ = _counted(graph, characters, "ascii")
    for i, name in enumerate(NAMES):
        graph.output(f"out{i}", characters.documents(parts[name]), "int64", ["n"])
    return onnxruntime.InferenceSession(graph.model("counts", {}).SerializeToString())


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts=st.lists(TEXTS, max_size=8))
def test_every_measure_is_counted_alike(
    texts: list[str], counter: onnxruntime.InferenceSession
) -> None:
    found = counter.run(None, {"text": np.array(texts, object)})
    expected = measured(texts, "ascii").parts.T
    for name, ours, theirs in zip(NAMES, expected, found, strict=True):
        assert theirs.tolist() == ours.tolist(), name


@pytest.mark.parametrize("kind", sorted(set(range(k.N_KINDS)) - {k.SURROGATE}))
def test_every_code_point_has_its_kind(kind: int) -> None:
    graph = Graph()
    characters = Characters(graph, graph.input("text", "string", ["n"]))
    graph.output("kinds", characters.kind(), "int64", ["m", "l"])
    session = onnxruntime.InferenceSession(graph.model("kinds", {}).SerializeToString())
    source = np.random.default_rng(kind)
    points = np.flatnonzero(k.kinds_of_points() == kind)
    if not len(points):
        return
    chosen = source.choice(points, min(3000, len(points)), replace=False)
    text = "".join(map(chr, chosen))
    assert (session.run(None, {"text": np.array([text], object)})[0][0] == kind).all()


@pytest.fixture(scope="module")
def fitted() -> SurfaceProfile:
    texts = [f"{text}, no. {i % 9}." for i, text in enumerate(sentences("ships", 120))]
    return SurfaceProfile().fit(texts)


@pytest.fixture(scope="module")
def file(fitted: SurfaceProfile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return to_onnx(fitted, tmp_path_factory.mktemp("onnx") / "model.onnx")


@pytest.mark.filterwarnings("ignore::textocl.core.exceptions.TextoclWarning")
def test_long_and_odd_texts_score_alike(fitted: SurfaceProfile, file: Path) -> None:
    texts = [*LONG, "ship\ud800port \udfff", *map("".join, pairwise(PIECES))]
    own, theirs = fitted.assess(texts), OnnxDetector(file).assess(texts)
    np.testing.assert_allclose(theirs["score"], own.score, rtol=1e-5)
    np.testing.assert_array_equal(theirs["label"], own.label)
    np.testing.assert_array_equal(theirs["n_known_words"], own.n_known_words)
    assert verify(fitted, file, texts).largest_difference < 1e-6


@pytest.mark.filterwarnings("ignore::textocl.core.exceptions.TextoclWarning")
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts=st.lists(st.one_of(TEXTS, st.text(st.characters(), max_size=30)), max_size=40))
def test_any_texts_score_alike(texts: list[str], fitted: SurfaceProfile, file: Path) -> None:
    found = OnnxDetector(file).anomaly_score(texts)
    np.testing.assert_allclose(found, fitted.anomaly_score(texts), rtol=1e-5)


def test_another_main_script_is_exported(tmp_path: Path) -> None:
    texts = [f"{'корабль вошёл в порт номер'[: 8 + i % 15]} {i}" for i in range(60)]
    detector = SurfaceProfile().fit(texts)
    path = to_onnx(detector, tmp_path / "model.onnx")
    new = ["корабль", "ship", "船", "порт port"]
    np.testing.assert_allclose(
        OnnxDetector(path).anomaly_score(new), detector.anomaly_score(new), rtol=1e-5
    )


def test_the_file_is_small_and_needs_onnxruntime_alone(file: Path) -> None:
    assert file.stat().st_size < 200_000
    domains = {opset.domain for opset in onnx.load(file).opset_import}
    assert domains <= {"", "ai.onnx.ml", "com.microsoft"}


def test_words_are_refused(fitted: SurfaceProfile, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not of this SurfaceProfile"):
        to_onnx(fitted, tmp_path / "model.onnx", words=True)
