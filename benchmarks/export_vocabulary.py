"""What an exported file loses when it keeps fewer words (`to_onnx(max_words=)`)."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from protocol import THESIS_GLOVE_R3, environment, one_vs_rest, read_corpus, write_result

from textocl import Detector
from textocl.export import to_onnx, verify

SIZES = (None, 30_000, 20_000, 10_000, 5_000)


def rows_of(corpus: str) -> list[str]:
    documents = read_corpus(corpus)
    reports_of = {size: [] for size in SIZES}
    with tempfile.TemporaryDirectory() as folder:
        for label in THESIS_GLOVE_R3[corpus]:
            training, test, is_anomaly = one_vs_rest(documents, label)
            detector = Detector().fit(training)
            for size in SIZES:
                file = to_onnx(detector, Path(folder) / "model.onnx", max_words=size)
                report = verify(detector, file, test, is_anomaly=is_anomaly)
                reports_of[size].append((report, file.stat().st_size))
    rows = []
    for size, reports in reports_of.items():
        changes = [100 * (r.onnx_auc - r.auc) for r, _ in reports]
        rows.append(
            f"| {corpus} | {'all' if size is None else f'{size:,}'} "
            f"| {np.mean([n for _, n in reports]) / 1e6:.1f} "
            f"| {100 * np.mean([r.onnx_auc for r, _ in reports]):.2f} "
            f"| {np.mean(changes):+.2f} | {min(changes):+.2f} "
            f"| {np.mean([r.flipped_labels / r.n_documents for r, _ in reports]):.2%} "
            f"| {min(r.rank_agreement for r, _ in reports):.4f} |"
        )
    return rows


def main() -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    rows = [row for corpus in ("reuters", "20ng") for row in rows_of(corpus)]
    write_result(
        "export_vocabulary",
        f"""# Exported files with fewer words

`python benchmarks/export_vocabulary.py`; `Detector`, wordllama, defaults, seed 0, float32; every class
of the test split against the rest, means over classes but for the worst change and rank agreement.
{environment("onnx", "onnxruntime")}

| corpus | words for each member | MB | AUC in % | change | worst | labels flipped | worst rank agreement |
| --- | --- | --- | --- | --- | --- | --- | --- |
{chr(10).join(rows)}
""",
    )


if __name__ == "__main__":
    main()
