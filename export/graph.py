"""A small builder of ONNX graphs: operators read as function calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnx.compose
from onnx import TensorProto, helper, numpy_helper

#: what every runtime since 2024 reads, GPU builds included
IR_VERSION = 10
OPSETS = {"": 18, "ai.onnx.ml": 3, "com.microsoft": 1, "ai.onnx.contrib": 1}
_TYPES = {
    "bool": TensorProto.BOOL,
    "string": TensorProto.STRING,
    "float16": TensorProto.FLOAT16,
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
}


class Output(NamedTuple):
    """A value of a graph, with its type and shape as a file states them."""

    value: str
    kind: str
    shape: Sequence[int | str]


def _infos(values: Iterable[Output]) -> list[onnx.ValueInfoProto]:
    return [
        helper.make_tensor_value_info(value.value, _TYPES[value.kind], list(value.shape))
        for value in values
    ]


class Graph:
    """Nodes and constants, added one after the other.

    A value is a string, its name in the graph.

    Examples
    --------
    >>> graph = Graph()
    >>> x = graph.input("x", "float32", ["n", 2])
    >>> graph.output("y", graph.op("Add", x, graph.constant([1.0, 2.0])), "float32", ["n", 2])
    >>> graph.model("adds", {}).graph.node[0].op_type
    'Add'
    """

    def __init__(self, numbers: Iterator[int] | None = None) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._numbers = count() if numbers is None else numbers
        self._domains = {"", "ai.onnx.ml", "com.microsoft"}

    def input(self, name: str, kind: str, shape: Sequence[int | str]) -> str:
        self._inputs.append(helper.make_tensor_value_info(name, _TYPES[kind], list(shape)))
        return name

    @property
    def inputs(self) -> list[str]:
        return [value.name for value in self._inputs]

    def output(self, name: str, value: str, kind: str, shape: Sequence[int | str]) -> None:
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, _TYPES[kind], list(shape)))

    def constant(self, value: Any, dtype: type | None = None) -> str:
        """A constant; floats become float32, integers int64, unless ``dtype`` says otherwise."""
        array = np.asarray(value)
        if dtype is not None:
            array = array.astype(dtype)
        elif array.dtype == np.float64:
            array = array.astype(np.float32)
        elif np.issubdtype(array.dtype, np.integer):
            array = array.astype(np.int64)
        array = np.ascontiguousarray(array).reshape(array.shape)
        if array.dtype == object:
            name = self._new("strings")
            values = [text.encode("utf-8") for text in array.ravel()]
            self._constants.append(
                helper.make_tensor(name, TensorProto.STRING, array.shape, values)
            )
            return name
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            self._known[key] = self._new("constant")
            self._constants.append(numpy_helper.from_array(array, self._known[key]))
        return self._known[key]

    def op(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add an operator with one output, and return that."""
        return self.ops(kind, *inputs, n_outputs=1, domain=domain, **attributes)[0]

    def ops(
        self, kind: str, *inputs: str, n_outputs: int, domain: str = "", **attributes: Any
    ) -> list[str]:
        """Add an operator with several outputs."""
        outputs = [self._new(kind) for _ in range(n_outputs)]
        node = helper.make_node(kind, list(inputs), outputs, domain=domain, **attributes)
        self._nodes.append(node)
        self._domains.add(domain)
        return outputs

    def loop(
        self,
        n: str,
        start: str,
        kind: str,
        shape: Sequence[int | str],
        body: Callable[[Graph, str, str], tuple[str, str]],
    ) -> tuple[str, str]:
        """Run ``body`` for 0, 1, … up to ``n`` times.

        Parameters
        ----------
        n : scalar int64
        start : what the first run is given, of that ``kind`` and ``shape``
        body : of a graph, the number of the run, and what was handed on
            Returns what it hands on, and a scalar int64.

        Returns
        -------
        What the last run handed on, and the scalars of all runs, ``(n,)``.
        """
        inner = Graph(self._numbers)
        run, goes_on, state = (self._new(name) for name in ("run", "goes_on", "state"))
        handed_on, scalar = body(inner, run, state)
        result = inner.op("Identity", goes_on)
        takes = [Output(run, "int64", []), Output(goes_on, "bool", []), Output(state, kind, shape)]
        gives = [
            Output(result, "bool", []),
            Output(handed_on, kind, shape),
            Output(scalar, "int64", []),
        ]
        inputs, outputs = _infos(takes), _infos(gives)
        # constants outside: one run after the other uses the same
        self._constants.extend(inner._constants)
        graph = helper.make_graph(inner._nodes, self._new("body"), inputs, outputs)
        self._domains |= inner._domains
        true = self.constant(True, np.bool_)
        last, scalars = self.ops("Loop", n, true, start, n_outputs=2, body=graph)
        return last, scalars

    def in_batches(self, values: Mapping[str, Output], size: int) -> Graph:
        """A graph with these outputs that runs this one, of texts, for ``size`` of them at once.

        What this graph pads to the longest text of a run is then as long as the longest of a few.

        Parameters
        ----------
        values : what to give out, by name, one row a text
        """
        whole, (texts,) = Graph(self._numbers), self._inputs
        whole._inputs, whole._constants, whole._known = self._inputs, self._constants, self._known
        whole._domains = self._domains
        inside = self._without_constants(whole)
        n = whole.op("Shape", texts.name)
        size_of = whole.op("Max", whole.op("Min", n, whole.constant([size])), whole.constant([1]))
        last = whole.op("Sub", whole.op("Add", n, size_of), whole.constant([1]))
        n_runs = whole.op("Max", whole.op("Div", last, size_of), whole.constant([1]))
        n_missing = whole.op("Sub", whole.op("Mul", n_runs, size_of), n)
        empty = whole.op("Expand", whole.constant(np.array([""], object)), n_missing)
        padded = whole.op("Concat", texts.name, empty, axis=0)

        inner = Graph(self._numbers)
        run, goes_on = (inner._new(name) for name in ("run", "goes_on"))
        start = inner.op("Mul", inner.op("Unsqueeze", run, whole.constant([0])), size_of)
        batch = inner.op("Slice", padded, start, inner.op("Add", start, size_of))
        for node in inside:
            node.input[:] = [batch if name == texts.name else name for name in node.input]
        inner._nodes.extend(inside)
        given = [Output(inner.op("Identity", goes_on), "bool", [])]
        given += [v._replace(value=inner.op("Identity", v.value)) for v in values.values()]
        taken = [Output(run, "int64", []), Output(goes_on, "bool", [])]
        body = helper.make_graph(inner._nodes, self._new("body"), _infos(taken), _infos(given))
        true, n_loops = whole.constant(True, np.bool_), whole.op("Squeeze", n_runs)
        outputs = whole.ops("Loop", n_loops, true, n_outputs=len(values), body=body)
        for (name, value), output in zip(values.items(), outputs, strict=True):
            rows = whole.reshape(output, -1, *(int(length) for length in value.shape[1:]))
            rows = whole.op("Slice", rows, whole.constant([0]), n)
            whole.output(name, rows, value.kind, value.shape)
        return whole

    def _without_constants(self, whole: Graph) -> list[onnx.NodeProto]:
        """Nodes that hang on an input; the others, which are computed once, go to ``whole``."""
        known, inside = {constant.name for constant in self._constants}, []
        for node in self._nodes:
            has_body = any(attribute.HasField("g") for attribute in node.attribute)
            if node.input and not has_body and known.issuperset(filter(None, node.input)):
                whole._nodes.append(node)
                known.update(node.output)
            else:
                inside.append(node)
        return inside

    def splice(self, model: onnx.ModelProto, inputs: Sequence[str]) -> list[str]:
        """Add all of another model, fed with ``inputs`` in its order; returns its outputs."""
        prefix = f"{self._new(model.graph.name or 'model')}/"
        part = onnx.compose.add_prefix(model, prefix).graph
        names = dict(zip((value.name for value in part.input), inputs, strict=True))
        for node in part.node:
            node.input[:] = [names.get(name, name) for name in node.input]
        self._nodes.extend(part.node)
        self._constants.extend(part.initializer)
        return [value.name for value in part.output]

    def model(self, name: str, metadata: dict[str, str]) -> onnx.ModelProto:
        """Return the whole as a checked model."""
        graph = helper.make_graph(
            self._nodes, name, self._inputs, self._outputs, initializer=self._constants
        )
        opsets = [helper.make_opsetid(domain, OPSETS[domain]) for domain in sorted(self._domains)]
        model = helper.make_model(
            graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="textocl"
        )
        helper.set_model_props(model, metadata)
        return model

    def _new(self, kind: str) -> str:
        return f"{kind}_{next(self._numbers)}"

    # --- what reads better by a name ---

    def cast(self, value: str, kind: str) -> str:
        return self.op("Cast", value, to=_TYPES[kind])

    def reshape(self, value: str, *shape: int) -> str:
        return self.op("Reshape", value, self.constant(list(shape)))

    def sum(self, value: str, axis: int, *, keep: bool = False) -> str:
        return self.op("ReduceSum", value, self.constant([axis]), keepdims=int(keep))

    def mean(self, value: str, axis: int) -> str:
        return self.op("ReduceMean", value, self.constant([axis]), keepdims=0)

    def scaled(self, value: str, factor: float, kind: type = np.float32) -> str:
        return self.op("Mul", value, self.constant(factor, kind))

    def shifted(self, value: str, summand: float, kind: type = np.float32) -> str:
        return self.op("Add", value, self.constant(summand, kind))
