"""Speed of an exported file from raw strings, its cold start, and CUDA where there is one.

python benchmarks/export_speed.py            # one CPU core
python benchmarks/export_speed.py --minilm   # a language model, one CPU core
python benchmarks/export_speed.py --cuda     # CUDA against the CPU (needs onnxruntime-gpu)
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import wordfreq
from protocol import environment, write_result

from textocl import CVDD, KDE, Detector, OneClassDetector
from textocl.export import OnnxDetector, to_onnx
from textocl.export import runtime as onnx_runtime
from textocl.export import tokens as onnx_tokens
from textocl.export.words_graph import DTYPES

N_DOCUMENTS, N_WORDS, ROUNDS = 8_192, 100, 5
N_ENCODED, N_ENCODED_GPU = 128, 1_024  # documents for a language model
BATCHES = (32, 256, 2_048)  # documents
TOKEN_BATCHES = (2_048, 16_384, 65_536)
_COLD = """
import sys, time
start = time.perf_counter()
from textocl.export import OnnxDetector
OnnxDetector(sys.argv[1], n_threads=1).anomaly_score(["Ships wait in the harbor."])
print(time.perf_counter() - start)
"""


def documents(n: int) -> list[str]:
    """Runs of English words, drawn by Zipf's law."""
    known = wordfreq.top_n_list("en", 60_000)
    words = [word for word in known if word.isascii() and word.isalpha() and len(word) > 2]
    shares = 1 / np.arange(1, len(words) + 1)
    rng = np.random.default_rng(0)
    drawn = rng.choice(words, (n, N_WORDS), p=shares / shares.sum())
    return [" ".join(row) for row in drawn]


def per_cpu_second(work: Callable[[], Any], n: int) -> float:
    start = time.process_time()
    work()
    return n / (time.process_time() - start)


def middle(values: list[float], form: str = ",.0f") -> str:
    return f"{statistics.median(values):{form}} | {min(values):{form}}–{max(values):{form}}"


def measured(
    name: str,
    detector: OneClassDetector,
    texts: list[str],
    folder: Path,
    dtype: str = "float32",
) -> str:
    """Rows of one detector: its own path and its file, in turn."""
    file = to_onnx(detector, folder / "model.onnx", dtype=dtype)
    exported = OnnxDetector(file, n_threads=1)
    library_speeds, file_speeds = [], []
    for _ in range(ROUNDS):
        library_speeds.append(per_cpu_second(lambda: detector.anomaly_score(texts), len(texts)))
        file_speeds.append(per_cpu_second(lambda: exported.anomaly_score(texts), len(texts)))
    ratios = [b / a for a, b in zip(library_speeds, file_speeds, strict=True)]
    return "\n".join(
        [
            f"| {name}: the exported file, documents per CPU second | {middle(file_speeds)} |",
            f"| {name}: the library's own path | {middle(library_speeds)} |",
            f"| {name}: ratio, round by round | {middle(ratios, '.2f')} |",
        ]
    )


def cold_start(file: Path) -> list[float]:
    """Seconds from the import to the first score, in fresh processes."""
    command = [sys.executable, "-c", _COLD, str(file)]
    return [
        float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        for _ in range(ROUNDS)
    ]


def on_cpu(folder: Path) -> None:
    texts = documents(N_DOCUMENTS)
    cvdd = CVDD(n_epochs=0).fit(texts[:500])
    rows = [measured("CVDD, r = 3, d = 256", cvdd, texts, folder)]
    rows.append(measured("Detector", Detector().fit(texts[:1000]), texts[:2048], folder))
    starts = []
    for name, n_general in (("CVDD, default", None), ("CVDD, 250,000 words", 250_000)):
        settings = {} if n_general is None else {"n_general_words": n_general}
        model = CVDD(n_epochs=0, **settings).fit(texts[:500])
        file = to_onnx(model, folder / "cold.onnx")
        size = file.stat().st_size / 1e6
        starts.append(f"| {name}, {size:.0f} MB | {middle(cold_start(file), '.2f')} |")
    write_result(
        "export_speed",
        f"""# Speed of an exported file

`python benchmarks/export_speed.py`; {N_DOCUMENTS:,} documents of {N_WORDS} English words drawn by
Zipf's law, raw strings in, scores out; one core, {ROUNDS} rounds in turn; wordllama, float32.
Targets: 15,000 documents per CPU second, not slower than the library, cold start below 1 s.
{environment("onnxruntime")}

| | median | range |
| --- | --- | --- |
{chr(10).join(rows)}

From the import to the first score, in a fresh process:

| model | median, s | range |
| --- | --- | --- |
{chr(10).join(starts)}
""",
    )


def minilm_on_cpu(folder: Path) -> None:
    os.environ["TEXTOCL_CACHE"] = str(folder / "nothing remembered")
    texts, training = np.split(
        np.array(documents(2 * N_ENCODED)), 2
    )  # what is fitted is remembered
    detector = KDE(embedding="minilm").fit(training.tolist())
    rows = [
        measured(f"KDE on minilm, {dtype}", detector, texts.tolist(), folder, dtype)
        for dtype in DTYPES
    ]
    write_result(
        "export_speed_minilm",
        f"""# Speed of an exported file with a language model

`python benchmarks/export_speed.py --minilm`; {N_ENCODED} documents of {N_WORDS} English words drawn by
Zipf's law, raw strings in, scores out; one core, {ROUNDS} rounds in turn.
{environment("onnxruntime")}

| | median | range |
| --- | --- | --- |
{chr(10).join(rows)}
""",
    )


def on_cuda(folder: Path) -> None:
    query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    device = subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()
    texts = documents(N_DOCUMENTS)
    cvdd = to_onnx(CVDD(n_epochs=0).fit(texts[:500]), folder / "cvdd.onnx")
    encoded = texts[:N_ENCODED_GPU]
    kde = to_onnx(KDE(embedding="minilm").fit(encoded[:N_ENCODED]), folder / "kde.onnx")
    rows = []
    for batch in BATCHES:
        onnx_runtime._DOCUMENTS_AT_ONCE = batch
        rows += on_both(f"CVDD, r = 3, d = 256; {batch:,} documents", cvdd, texts)
    for batch in TOKEN_BATCHES:
        onnx_tokens._TOKENS_AT_ONCE = onnx_tokens._TOKENS_AT_ONCE_GPU = batch
        rows += on_both(f"KDE on minilm; {batch:,} tokens", kde, encoded)
    write_result(
        "export_speed_cuda",
        f"""# Speed of an exported file on a GPU

`python benchmarks/export_speed.py --cuda`; documents of {N_WORDS} words, raw strings in; words and
tokens are cut on the CPU in both. {device}; {os.cpu_count()} cores, all of them for the CPU.
{environment("onnxruntime-gpu")}

| detector; at once | provider | documents a second | range |
| --- | --- | --- | --- |
{chr(10).join(rows)}
""",
    )


def on_both(name: str, file: Path, texts: list[str]) -> list[str]:
    """Rows of a file on the GPU and on the CPU."""
    rows = []
    for provider in ("CUDAExecutionProvider", "CPUExecutionProvider"):
        exported = OnnxDetector(file, providers=[provider])
        if exported.provider != provider:
            sys.exit(f"no CUDA here: {exported.provider} serves (pip install '.[onnx-gpu]').")
        exported.anomaly_score(texts)
        seconds = []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            exported.anomaly_score(texts)
            seconds.append(len(texts) / (time.perf_counter() - start))
        short = provider.removesuffix("ExecutionProvider")
        rows.append(f"| {name} | {short} | {middle(seconds)} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minilm", action="store_true", help="a language model")
    parser.add_argument("--cuda", action="store_true", help="CUDA against the CPU")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        measure = minilm_on_cpu if arguments.minilm else on_cpu
        (on_cuda if arguments.cuda else measure)(Path(folder))


if __name__ == "__main__":
    main()
