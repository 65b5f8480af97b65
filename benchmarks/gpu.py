"""What a GPU changes: fits and encoding on the CPU and on CUDA, and whether they agree.

python benchmarks/gpu.py            # CVDD, Detector, Deep SVDD, FCDD; needs CUDA
python benchmarks/gpu.py --model FOLDER   # a language model too
The loader's epochs are `vision_speed.py --device cuda`, exported files `export_speed.py --cuda`.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import torch
from protocol import DATA, environment, one_vs_rest, read_corpus, write_result

from textocl import CVDD, Detector
from textocl.core.detector import OneClassDetector
from textocl.core.metrics import rank_correlation
from textocl.evaluation import evaluate
from textocl.text.embeddings.transformer import TransformerVectors
from textocl.vision import FCDD, DeepSVDD

N_ENCODED = 2000  # texts on the GPU; a tenth of them on the CPU


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    torch.cuda.synchronize()
    start = time.perf_counter()
    result = work()
    torch.cuda.synchronize()
    return time.perf_counter() - start, result


def fit_row(
    title: str,
    make: Callable[[str], OneClassDetector],
    training: Any,
    test: Any,
    is_anomaly: np.ndarray,
    devices: tuple[str, ...] = ("cpu", "cuda"),
) -> str:
    """Seconds of the second fit and the AUC on each device; how near the scores rank."""
    seconds, scores = {}, {}
    for device in devices:
        make(device).fit(training[:200])  # imports and first calls
        seconds[device], detector = timed(lambda device=device: make(device).fit(training))
        scores[device] = detector.anomaly_score(test)
    aucs = {device: evaluate(values, is_anomaly).auc for device, values in scores.items()}
    agreement = rank_correlation(*scores.values())
    row = (
        f"| {title} | {len(training):,} | {seconds['cpu']:.1f} | {seconds['cuda']:.1f} "
        f"| {seconds['cpu'] / seconds['cuda']:.1f} | {100 * aucs['cpu']:.2f} "
        f"| {100 * aucs['cuda']:.2f} | {agreement:.5f} |"
    )
    print(row, flush=True)
    return row


def encoding_lines(model: str, texts: list[str]) -> str:
    vectors, speeds = {}, {}
    for device, n in (("cpu", N_ENCODED // 10), ("cuda", N_ENCODED)):
        encoder = TransformerVectors(model, device=device, cache_folder=Path(mkdtemp()))
        encoder.encode(texts[-8:])
        seconds, encoded = timed(lambda encoder=encoder, n=n: encoder.encode(texts[:n]))
        vectors[device], speeds[device] = encoded.vectors.astype(np.float32), n / seconds
    difference = np.abs(vectors["cpu"] - vectors["cuda"][: len(vectors["cpu"])]).max()
    return (
        f"{Path(model).name} encodes {speeds['cuda']:,.0f} documents of Reuters a second on the GPU, "
        f"{speeds['cpu']:,.0f} on the CPU; the largest difference of an entry of the vectors, "
        f"kept as float16, is {difference:.1e} (largest entry {np.abs(vectors['cpu']).max():.1f})."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="encode with this language model too, a name or a folder")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("no CUDA device here.")
    warnings.simplefilter("ignore")
    corpus = read_corpus("reuters")
    texts = one_vs_rest(corpus, "earn")
    mnist = np.load(DATA.parent / "vision" / "mnist.npz")
    digits = (mnist["x_train"][mnist["y_train"] == 0], mnist["x_test"], mnist["y_test"] != 0)
    rows = [
        fit_row("CVDD, Reuters", lambda device: CVDD(device=device), *texts),
        fit_row("Detector, Reuters", lambda device: Detector(device=device), *texts),
        fit_row("Deep SVDD, MNIST, 10 + 10 epochs", lambda device: DeepSVDD(n_epochs=10, n_pretraining_epochs=10, device=device), *digits),
        fit_row("FCDD, MNIST, 5 epochs", lambda device: FCDD(n_epochs=5, synthetic="confetti", device=device), *digits),
    ]  # fmt: skip
    encoding = ""
    if arguments.model:
        encoding = (
            encoding_lines(arguments.model, [d.text for d in corpus if d.split == "train"]) + "\n"
        )
    write_result(
        "gpu",
        f"""# The GPU against the CPU

`python benchmarks/gpu.py{" --model FOLDER" if arguments.model else ""}`; seed 0, seconds of a fit on each device in one run.
{environment().rstrip(".")}; {torch.cuda.get_device_name()}.
Rank: Spearman's correlation of the two detectors' scores of the test split. Sums run in another
order on a GPU, so the trained weights differ.

| fit | samples | CPU, s | GPU, s | ratio | AUC, CPU | AUC, GPU | rank |
| --- | --- | --- | --- | --- | --- | --- | --- |
{chr(10).join(rows)}

{encoding}""",
    )


if __name__ == "__main__":
    main()
