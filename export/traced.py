"""A torch module as an ONNX model."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from textocl.core.exceptions import DataError, MissingExtraError
from textocl.export.graph import OPSETS

if TYPE_CHECKING:
    from torch import Tensor, nn

_STORED_FROM = 1024  # numbers; smaller weights stay float32


def traced(
    module: nn.Module,
    examples: dict[str, Tensor],
    outputs: Sequence[str],
    sizes: dict[int, Any],
    what: str,
) -> onnx.ModelProto:
    """Export ``module``, in evaluation mode and on the CPU.

    Parameters
    ----------
    examples : inputs by their names; sizes of 0 or 1 would be taken for constants
    outputs : their names, none that of an operator
    sizes : axis of every input to its `torch.export.Dim`; the others are constant
    what : what a message calls the module

    Raises
    ------
    DataError
        The module does what ONNX cannot express.
    MissingExtraError
        onnxscript is not installed.
    """
    if find_spec("onnxscript") is None:
        raise MissingExtraError("onnxscript", "onnx", f"exporting {what}")
    import torch

    try:
        with quietly():
            program = torch.onnx.export(
                module,
                tuple(examples.values()),
                input_names=list(examples),
                output_names=list(outputs),
                dynamic_shapes=[sizes] * len(examples),
                opset_version=OPSETS[""],
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except Exception as error:  # torch.onnx's own classes are private
        reason = str(error).strip().split("\n")[0][:300]
        raise DataError(f"{what} cannot be exported: {type(error).__name__}: {reason}") from error
    assert program is not None
    return program.model_proto


def store_as_float16(model: onnx.ModelProto) -> None:
    """Store large weights as float16; they are computed with as float32."""
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


@contextmanager
def quietly() -> Iterator[None]:
    """Keep to ourselves what exporters tell their developers."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
