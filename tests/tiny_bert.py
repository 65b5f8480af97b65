"""A language model small enough to build for a test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

WINDOW = 24
LONG = " ".join(f"ship number {i} left the harbour, unloaded;" for i in range(30))
TEXTS = ["A ship left.", "", "Über shipyards?", LONG, "port", "  \n\t "]


def build_model(folder: Path, seed: int = 0, **settings: Any) -> Path:
    """Write a BERT with random weights and a tokenizer that knows every ASCII letter."""
    import tokenizers
    import transformers

    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,;?!'"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "ship", "port", "the", "##yard"]
    vocabulary = [*words, *letters, *(f"##{letter}" for letter in letters)]
    tokenizer = tokenizers.BertWordPieceTokenizer(
        {token: i for i, token in enumerate(vocabulary)}, lowercase=True
    )
    tokenizer.enable_truncation(8)  # as published models have it: must not cut texts off
    tokenizer.enable_padding(length=8)
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "BertTokenizerFast", "model_max_length": WINDOW})
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = transformers.BertConfig(
            vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
            intermediate_size=32, max_position_embeddings=32, initializer_range=0.5, **settings,
        )  # fmt: skip
        transformers.BertModel(config).save_pretrained(folder)
    return folder
