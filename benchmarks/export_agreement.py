"""Exported files against their detectors, on the whole test splits of Reuters and 20 Newsgroups.

python benchmarks/export_agreement.py            # static vectors: every detector, some minutes
python benchmarks/export_agreement.py --minilm   # a language model: one class each, some hours
python benchmarks/export_agreement.py --cuda     # files on CUDA: one class of Reuters, and of MNIST
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from protocol import DATA, THESIS_GLOVE_R3, environment, one_vs_rest, read_corpus, write_result

from textocl import CVDD, Detector, OneClassDetector, WordLikelihood
from textocl.export import Verification, to_onnx, verify
from textocl.export.words_graph import DTYPES
from textocl.shallow import (
    KDE,
    KNN,
    LOF,
    MVE,
    OCSVM,
    PCA,
    SVDD,
    Gaussian,
    IsolationForest,
    KernelPCA,
)
from textocl.vision import FCDD, HSC, DeepSVDD

_EVERY_CLASS = (CVDD, Detector)
_FIRST_CLASS = (
    KDE, KNN, LOF, OCSVM, SVDD, Gaussian, MVE, PCA, KernelPCA, IsolationForest, WordLikelihood,
)  # fmt: skip


def rows_of(
    kind: type[OneClassDetector],
    corpus: str,
    labels: list[str],
    dtypes: list[str],
    embedding: str = "wordllama",
) -> str:
    """Fit on each label, export with each dtype, and say the worst of each measure."""
    reports_of = {dtype: [] for dtype in dtypes}
    documents = read_corpus(corpus)
    with tempfile.TemporaryDirectory() as folder:
        for label in labels:
            training, test, is_anomaly = one_vs_rest(documents, label)
            settings = {} if embedding == "wordllama" else {"embedding": embedding}
            detector = kind(**settings).fit(training)
            for dtype in dtypes:
                file = to_onnx(detector, Path(folder) / "model.onnx", dtype=dtype)
                report = verify(
                    detector, file, test, is_anomaly=is_anomaly, largest_difference=np.inf
                )
                reports_of[dtype].append((report, file.stat().st_size))
    return "\n".join(row(corpus, kind, dtype, reports) for dtype, reports in reports_of.items())


def row(
    corpus: str,
    kind: type[OneClassDetector],
    dtype: str,
    reports: list[tuple[Verification, int]],
) -> str:
    n = sum(r.n_documents for r, _ in reports)
    return (
        f"| {corpus} | {kind.__name__} | {dtype} | {len(reports)} | {n:,} "
        f"| {max(r.largest_difference for r, _ in reports):.1e} "
        f"| {min(r.rank_agreement for r, _ in reports):.7f} "
        f"| {sum(r.flipped_labels for r, _ in reports):,} "
        f"| {100 * max(abs(r.auc - r.onnx_auc) for r, _ in reports):.4f} "
        f"| {np.mean([size for _, size in reports]) / 1e6:.1f} |"
    )


def static_rows() -> list[str]:
    rows = []
    for corpus in ("reuters", "20ng"):
        labels = list(THESIS_GLOVE_R3[corpus])
        rows += [rows_of(kind, corpus, labels, list(DTYPES)) for kind in _EVERY_CLASS]
        rows += [rows_of(kind, corpus, labels[-1:], ["float32"]) for kind in _FIRST_CLASS]
    return rows


def minilm_rows() -> list[str]:
    rows = []
    for corpus, kind, dtypes in (
        ("reuters", Detector, list(DTYPES)),
        ("reuters", CVDD, ["float32"]),
        ("20ng", Detector, ["float32"]),
    ):
        labels = list(THESIS_GLOVE_R3[corpus])[-1:]
        rows.append(rows_of(kind, corpus, labels, dtypes, "minilm"))
        print(rows[-1], flush=True)
    return rows


def cuda_rows() -> list[str]:
    """Files on CUDA against their detectors; those of images score on the CPU."""
    kinds = (*_EVERY_CLASS, *_FIRST_CLASS)
    label = list(THESIS_GLOVE_R3["reuters"])[-1]
    return [rows_of(kind, "reuters", [label], list(DTYPES)) for kind in kinds] + image_rows()


def image_rows() -> list[str]:
    mnist = np.load(DATA.parent / "vision" / "mnist.npz")
    training = mnist["x_train"][mnist["y_train"] == 0][:1000]
    test, is_anomaly = mnist["x_test"][:2000], mnist["y_test"][:2000] != 0
    short: dict[str, Any] = {"n_epochs": 3, "device": "cpu"}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for detector in (
            DeepSVDD(n_pretraining_epochs=3, **short),
            HSC(synthetic="confetti", **short),
            FCDD(synthetic="confetti", **short),
        ):
            file = to_onnx(detector.fit(training), Path(folder) / "model.onnx")
            report = verify(detector, file, test, is_anomaly=is_anomaly, largest_difference=np.inf)
            rows.append(row("mnist", type(detector), "float32", [(report, file.stat().st_size)]))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--minilm", action="store_true", help="a language model instead")
    only.add_argument("--cuda", action="store_true", help="files on CUDA (needs onnxruntime-gpu)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    minilm = arguments.minilm
    if arguments.cuda:
        write_cuda(cuda_rows())
        return
    rows = minilm_rows() if minilm else static_rows()
    write_result(
        "export_agreement_minilm" if minilm else "export_agreement",
        f"""# Exported files against their detectors{", with a language model" if minilm else ""}

`python benchmarks/export_agreement.py{" --minilm" if minilm else ""}`; {"minilm" if minilm else "wordllama"}, defaults, seed 0; every document of the test
split for each class fitted. The largest difference of scores is relative where a score is above 1;
it, the change of AUC (in points) and the rank agreement (Spearman) are the worst of all classes.
Targets: float32 1e-5 and no flipped label; float16 1e-3 and 0.1 points; int8 0.5 points.
{environment("onnx", "onnxruntime")}

{table(rows)}
""",
    )


def write_cuda(rows: list[str]) -> None:
    name = subprocess.run(
        ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    write_result(
        "export_agreement_cuda",
        f"""# Exported files on CUDA against their detectors

`python benchmarks/export_agreement.py --cuda`; {name}. Texts: wordllama, defaults, seed 0, the test
split of Reuters for its last class; detectors fitted on CUDA. Images: 1,000 zeros of MNIST, three epochs,
2,000 test images; detectors fitted and scoring on the CPU.
Measures are those of export_agreement.md.
{environment("onnx", "onnxruntime-gpu")}

{table(rows)}
""",
    )


def table(rows: list[str]) -> str:
    return "\n".join([
        "| corpus | detector | dtype | classes | samples | largest difference | rank agreement | "
        "flipped labels | AUC changes by | MB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        *rows,
    ])  # fmt: skip


if __name__ == "__main__":
    main()
