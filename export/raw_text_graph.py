"""From strings to the tokens of a language model, inside the graph, by onnxruntime-extensions."""

from __future__ import annotations

import json

import numpy as np

from textocl.core.exceptions import DataError
from textocl.export.graph import Graph
from textocl.text.embeddings.transformer import TransformerVectors


def tokens_of(graph: Graph, text: str, source: TransformerVectors) -> tuple[str, str]:
    """Cut ``text`` ``(n,)``: input_ids and attention_mask, ``(n, T)``.

    The tokenizer of onnxruntime-extensions cuts text of ASCII and Latin-1 as that of ``source``
    does, and some other alphabets otherwise: `textocl.export.verify` counts what that changes.

    Raises
    ------
    DataError
        Another tokenizer than BERT's.
    """
    g = graph
    facts = json.loads(source._tokenizer.to_str())
    model, normalizer = facts["model"], facts["normalizer"] or {}
    if model["type"] != "WordPiece" or normalizer.get("type") != "BertNormalizer":
        raise DataError(
            f"{source.name!r} does not cut texts as BERT does; export it without raw_text."
        )
    tokens = sorted(model["vocab"], key=model["vocab"].__getitem__)
    lower = bool(normalizer["lowercase"])
    strips = normalizer.get("strip_accents")
    settings = {
        "vocab_file": "\n".join(tokens).encode("utf-8"),
        "do_lower_case": int(lower),
        "strip_accents": int(lower if strips is None else strips),
        "do_basic_tokenize": 1,
        "suffix_indicator": model["continuing_subword_prefix"],
        "unk_token": model["unk_token"],
    }

    def cut_one(inner: Graph, run: str, before: str) -> tuple[str, str]:
        one = inner.op("Gather", text, inner.reshape(run, 1))
        ids, _, _ = inner.ops(
            "BertTokenizer", one, n_outputs=3, domain="ai.onnx.contrib", **settings
        )
        ids = inner.reshape(ids, -1)
        size = inner.op("Squeeze", inner.op("Shape", ids))
        return inner.op("Concat", before, ids, axis=0), size

    n = g.op("Squeeze", g.op("Shape", text))
    every, sizes = g.loop(n, g.constant(np.zeros(0, np.int64)), "int64", ["all"], cut_one)
    width = g.op("ReduceMax", sizes, keepdims=0)
    place = g.reshape(g.op("Range", g.constant(0), width, g.constant(1)), 1, -1)  # (1, T)
    first = g.op("Sub", g.op("CumSum", sizes, g.constant(0)), sizes)
    there = g.op("Less", place, g.reshape(sizes, -1, 1))  # (n, T)
    index = g.op("Where", there, g.op("Add", place, g.reshape(first, -1, 1)), g.constant(0))
    ids = g.op("Where", there, g.op("Gather", every, index), g.constant(0))
    return ids, g.cast(there, "int64")
