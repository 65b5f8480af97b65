"""A language model as an ONNX model of its own."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from textocl.embeddings.transformer import TransformerVectors
from textocl.exceptions import DataError, MissingExtraError
from textocl.export.graph import OPSETS

_STORED_FROM = 1024  # numbers; smaller weights stay float32


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
    if find_spec("onnxscript") is None:
        raise MissingExtraError("onnxscript", "onnx", "exporting a language model")
    model = _exported(source)
    if dtype == "float16":
        _store_as_float16(model)
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
        with _quietly():
            program = torch.onnx.export(
                Encoder(source._model.cpu()).eval(),
                (ids, mask),
                input_names=["input_ids", "attention_mask"],
                output_names=["vectors"],
                dynamic_shapes={"input_ids": sizes, "attention_mask": sizes},
                opset_version=OPSETS[""],
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except Exception as error:  # torch.onnx's own classes are private
        reason = str(error).strip().split("\n")[0][:300]
        raise DataError(
            f"the language model {source.name!r} cannot be exported: {type(error).__name__}: "
            f"{reason}"
        ) from error
    finally:
        source._model.to(device)
    assert program is not None
    return program.model_proto


def _store_as_float16(model: onnx.ModelProto) -> None:
    casts = []
    for weight in model.graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < _STORED_FROM:
            continue
        limits = np.finfo(np.float16)
        small = np.clip(values, limits.min, limits.max).astype(np.float16)
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(small, f"{name}.float16"))
        casts.append(helper.make_node("Cast", [weight.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _quantized(model: onnx.ModelProto) -> onnx.ModelProto:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder, _quietly():
        whole, small = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, whole)
        quantize_dynamic(whole, small, per_channel=True, weight_type=QuantType.QInt8)
        return onnx.load(small)


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep to ourselves what exporters tell their developers."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
