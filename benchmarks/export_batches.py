"""What a document costs an exported `Detector` in plain ONNX Runtime, by how many are given at once.

Documents are Reuters' test split, in its order, by a detector fitted on *acq*; one thread, rounds in
turn. Two minutes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
from protocol import environment, read_corpus, write_result

import textocl
from textocl.export import to_onnx

_BATCHES, _ROUNDS, _SCORED = (1, 8, 64, 500, 2_000), 5, 2_000


def documents_per_second(session: onnxruntime.InferenceSession, texts: np.ndarray, n: int) -> float:
    """By CPU time, with ``n`` at once."""
    texts = texts[: 400 if n == 1 else len(texts)]
    start = time.process_time()
    for first in range(0, len(texts), n):
        session.run(["score"], {"text": texts[first : first + n]})
    return len(texts) / (time.process_time() - start)


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    warnings.simplefilter("ignore", textocl.TextoclWarning)
    documents = read_corpus("reuters")
    training = [d.text for d in documents if d.split == "train" and d.label == "acq"]
    texts = np.array([d.text for d in documents if d.split == "test"][:_SCORED], object)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        file = to_onnx(textocl.Detector().fit(training), Path(folder, "model.onnx"))
        session = onnxruntime.InferenceSession(file, options)
    rates = [[documents_per_second(session, texts, n) for n in _BATCHES] for _ in range(_ROUNDS)]
    lines = [
        "# Batches of an exported file\n",
        __doc__ or "",
        f"Characters each: {np.mean([len(text) for text in texts]):.0f}. "
        "Target: not less at 2,000 than at 64.\n",
        f"{environment('onnxruntime')}\n",
        "| at once | documents per CPU second, median | range |",
        "| --- | --- | --- |",
    ]
    for n, of_batch in zip(_BATCHES, np.transpose(rates), strict=True):
        low, high = of_batch.min(), of_batch.max()
        lines.append(f"| {n:,} | {np.median(of_batch):,.0f} | {low:,.0f}–{high:,.0f} |")
    ratio = np.array(rates)[:, _BATCHES.index(2_000)] / np.array(rates)[:, _BATCHES.index(64)]
    lines.append(f"\n2,000 at once against 64, round by round: {np.median(ratio):.2f} ×.")
    write_result("export_batches", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
