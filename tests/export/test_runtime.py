"""The runtime refuses what is no exported file, with one clear error."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from textocl import CVDD, DataError, FormatError
from textocl.export import OnnxDetector, to_onnx


@pytest.fixture(scope="module")
def content(detector: CVDD, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return to_onnx(detector, tmp_path_factory.mktemp("onnx") / "model.onnx").read_bytes()


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no ONNX file at"):
        OnnxDetector(tmp_path / "model.onnx")


@pytest.mark.parametrize("kept", [0, 10, 1000, -1000])
def test_a_damaged_file(kept: int, content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(content[:kept])
    with pytest.raises(FormatError, match="model.onnx"):
        OnnxDetector(file)


def _changed(content: bytes, name: str, value: str | None) -> bytes:
    model = onnx.load_from_string(content)
    properties = {entry.key: entry.value for entry in model.metadata_props}
    del properties[name]
    if value is not None:
        properties[name] = value
    onnx.helper.set_model_props(model, properties)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("format", None, "none that textocl exported"),
        ("threshold", None, "metadata are damaged"),
        ("threshold", "high", "metadata are damaged"),
        ("contexts", "{", "metadata are damaged"),
        ("input", "images", "metadata are damaged: no such input"),
        ("format_version", "99", "written by a newer textocl"),
    ],
)
def test_a_foreign_file(
    name: str, value: str | None, message: str, content: bytes, tmp_path: Path
) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(_changed(content, name, value))
    with pytest.raises(FormatError, match=message):
        OnnxDetector(file)


def test_what_is_no_text_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(content)
    detector = OnnxDetector(file, n_threads=1)
    for wrong in ("one text", [1, 2], [None]):
        with pytest.raises(DataError):
            detector.anomaly_score(wrong)
