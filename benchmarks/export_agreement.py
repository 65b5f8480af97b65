"""Exported files against their detectors, on the whole test splits of Reuters and 20 Newsgroups.

python benchmarks/export_agreement.py            # static vectors: every detector, some minutes
python benchmarks/export_agreement.py --minilm   # a language model: one class each, some hours
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from protocol import THESIS_GLOVE_R3, environment, one_vs_rest, read_corpus, write_result

from textocl import CVDD, Detector, OneClassDetector, WordLikelihood
from textocl.export import to_onnx, verify
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
    found = {dtype: [] for dtype in dtypes}
    documents = read_corpus(corpus)
    with tempfile.TemporaryDirectory() as folder:
        for label in labels:
            training, test, is_anomaly = one_vs_rest(documents, label)
            own = {} if embedding == "wordllama" else {"embedding": embedding}
            detector = kind(**own).fit(training)
            for dtype in dtypes:
                file = to_onnx(detector, Path(folder) / "model.onnx", dtype=dtype)
                report = verify(
                    detector, file, test, is_anomaly=is_anomaly, largest_difference=np.inf
                )
                found[dtype].append((report, file.stat().st_size))
    rows = []
    for dtype, reports in found.items():
        n = sum(r.n_documents for r, _ in reports)
        rows.append(
            f"| {corpus} | {kind.__name__} | {dtype} | {len(reports)} | {n:,} "
            f"| {max(r.largest_difference for r, _ in reports):.1e} "
            f"| {min(r.rank_agreement for r, _ in reports):.7f} "
            f"| {sum(r.flipped_labels for r, _ in reports):,} "
            f"| {100 * max(abs(r.auc - r.onnx_auc) for r, _ in reports):.4f} "
            f"| {np.mean([size for _, size in reports]) / 1e6:.1f} |"
        )
    return "\n".join(rows)


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minilm", action="store_true", help="a language model instead")
    minilm = parser.parse_args().minilm
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    rows = minilm_rows() if minilm else static_rows()
    write_result(
        "export_agreement_minilm" if minilm else "export_agreement",
        f"""# Exported files against their detectors{", with a language model" if minilm else ""}

`python benchmarks/export_agreement.py{" --minilm" if minilm else ""}`; {"minilm" if minilm else "wordllama"}, defaults, seed 0; every document of the test
split for each class fitted. The largest difference of scores is relative where a score is above 1;
it, the change of AUC (in points) and the rank agreement (Spearman) are the worst of all classes.
Targets: float32 1e-5 and no flipped label; float16 1e-3 and 0.1 points; int8 0.5 points.
{environment("onnx", "onnxruntime")}

| corpus | detector | dtype | classes | documents | largest difference | rank agreement | flipped labels | AUC changes by | MB |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
{chr(10).join(rows)}
""",
    )


if __name__ == "__main__":
    main()
