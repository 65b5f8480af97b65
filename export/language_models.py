"""A language model as an ONNX model of its own."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import onnx

from textocl.export.traced import quietly, store_as_float16, traced
from textocl.text.embeddings.transformer import TransformerVectors


def encoder_model(source: TransformerVectors, dtype: str) -> onnx.ModelProto:
    """Export the encoder of ``source``.

    Inputs ``input_ids`` and ``attention_mask``, ``(w, L)`` int64; output ``(w, L, d)`` float32.

    Parameters
    ----------
    dtype : "float32"; "float16", weights are stored so and computed with as float32; or "int8",
        matrices have 8 bits and a scale for each column, and so have, at each run, what they
        are multiplied with

    Raises
    ------
    DataError
        The model uses what ONNX cannot express.
    MissingExtraError
        onnxscript is not installed.
    """
    model = _exported(source)
    if dtype == "float16":
        store_as_float16(model)
    return _quantized(model) if dtype == "int8" else model


def _exported(source: TransformerVectors) -> onnx.ModelProto:
    import torch

    class Encoder(torch.nn.Module):
        def __init__(self, model: Any) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return self.model(input_ids, attention_mask=attention_mask).last_hidden_state

    # sizes of 0 or 1 would be taken for constants
    ids = torch.zeros(2, min(6, source._window), dtype=torch.int64)
    mask = torch.ones_like(ids)
    mask[1, 4:] = 0
    sizes = {0: torch.export.Dim("w"), 1: torch.export.Dim("L", max=source._window)}
    device = source._model.device
    try:
        return traced(
            Encoder(source._model.cpu()).eval(),
            {"input_ids": ids, "attention_mask": mask},
            ["vectors"],
            sizes,
            f"the language model {source.name!r}",
        )
    finally:
        source._model.to(device)


def _quantized(model: onnx.ModelProto) -> onnx.ModelProto:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder, quietly():
        whole, small = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, whole)
        quantize_dynamic(whole, small, per_channel=True, weight_type=QuantType.QInt8)
        return onnx.load(small)
