"""Graphs that run a few texts at a time give what they give for each alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from texts import sentences

from textocl import CVDD, CharacterLikelihood, WordLikelihood
from textocl.core.detector import OneClassDetector
from textocl.export import to_onnx
from textocl.export.graph import Graph, Output


def session(model: onnx.ModelProto | Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    content = model if isinstance(model, Path) else model.SerializeToString()
    return onnxruntime.InferenceSession(content, options)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 7, 9])
def test_a_batch_is_padded_to_its_own_longest_text(n: int) -> None:
    graph = Graph()
    text = graph.input("text", "string", ["n"])
    table = graph.op("Sqrt", graph.constant([4.0, 9.0]))  # hangs on nothing
    cut = graph.op(
        "Tokenizer", text, domain="com.microsoft", mark=0, mincharnum=1, pad_value="end",
        separators=[""],
    )  # fmt: skip
    width = graph.op("Shape", cut, start=1, end=2)
    widths = graph.op("Expand", width, graph.op("Shape", text))
    size = graph.op("Concat", graph.op("Shape", text), graph.constant([2]), axis=0)
    rows = graph.op("Expand", table, size)
    outputs = {
        "width": Output(widths, "int64", ["n"]),
        "table": Output(rows, "float32", ["n", 2]),
    }
    model = graph.in_batches(outputs, 3).model("widths", {})
    onnx.checker.check_model(model)
    assert [node.op_type for node in model.graph.node].count("Sqrt") == 1  # not in the loop
    lengths = [5, 1, 2, 1, 1, 1, 8, 1, 1][:n]
    texts = np.array(["x" * length for length in lengths], object)
    found = session(model).run(None, {"text": texts})
    expected = [5, 5, 5, 1, 1, 1, 8, 8, 8][:n]
    assert found[0].tolist() == expected
    np.testing.assert_array_equal(found[1], np.tile([[2.0, 3.0]], (n, 1)))


@pytest.fixture(scope="module", params=["cvdd", "words", "characters"])
def exported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[OneClassDetector, Path]:
    detector = {
        "cvdd": CVDD(n_general_words=200, n_epochs=2),
        "words": WordLikelihood(n_general_words=200),
        "characters": CharacterLikelihood(),
    }[request.param].fit(sentences("ships", 120))
    return detector, to_onnx(detector, tmp_path_factory.mktemp("files") / "model.onnx")


@pytest.mark.filterwarnings("ignore::textocl.TextoclWarning")
@pytest.mark.parametrize("n", [0, 1, 31, 32, 33, 100])
def test_any_number_of_texts_is_scored_as_each_alone(
    exported: tuple[OneClassDetector, Path], n: int
) -> None:
    detector, file = exported
    texts = [*sentences("music", 60, seed=4), "", "sea " * 300, *sentences("ships", 38, seed=5)][:n]
    run = session(file)
    together = run.run(None, {"text": np.array(texts, object)})
    assert all(len(output) == n for output in together)
    if n:
        np.testing.assert_allclose(together[0], detector.anomaly_score(texts), rtol=1e-5, atol=1e-5)
        alone = [run.run(None, {"text": np.array([text], object)}) for text in texts]
        for k, output in enumerate(together):
            np.testing.assert_allclose(
                output, np.concatenate([one[k] for one in alone]), rtol=1e-5, atol=1e-6
            )
