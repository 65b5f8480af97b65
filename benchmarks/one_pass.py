"""Documents a second that `Detector` and CVDD score and assess on one core, beside version 0.1.0.

Documents are runs of 100 words from IMDB reviews; the models learned from 2,000 reviews. Both
versions load the same two models, and run in turn, each in a process of its own::

    OMP_NUM_THREADS=1 python benchmarks/one_pass.py PATH_OF_A_CHECKOUT_OF_0.1.0
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

N_TRAINING, N_DOCUMENTS, ROUNDS = 2_000, 4_096, 3
MODELS = ("Detector", "CVDD")


def measure(folder: Path) -> None:
    """Print as JSON what this process, of whichever version, needs for each model."""
    import torch

    import textocl

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    texts = json.loads((folder / "texts.json").read_text())
    measured = {}
    for name in MODELS:
        detector = textocl.load(folder / name)
        detector.assess(texts[:600])
        seconds = {}
        for method in ("anomaly_score", "assess"):
            start = time.process_time()  # not what other processes take
            result = getattr(detector, method)(texts)
            seconds[method] = time.process_time() - start
            if method == "anomaly_score":
                digest = hashlib.sha256(result.tobytes()).hexdigest()
        measured[name] = {**seconds, "digest": digest}
    print(json.dumps(measured))


def prepare(folder: Path) -> None:
    """Fit the two models, and write the documents to score."""
    from protocol import read_corpus

    from textocl import CVDD, Detector

    warnings.simplefilter("ignore")
    corpus = read_corpus("imdb")
    training = [d.text for d in corpus if d.split == "train"][::12][:N_TRAINING]
    words = " ".join(d.text for d in corpus if d.split == "test").split()
    texts = [" ".join(words[i * 100 : (i + 1) * 100]) for i in range(N_DOCUMENTS)]
    (folder / "texts.json").write_text(json.dumps(texts))
    for detector in (Detector(), CVDD()):
        detector.fit(training).save(folder / type(detector).__name__)


def main(other: Path) -> None:
    from protocol import environment, write_result

    versions = {"0.1.0": other.resolve(), "this": Path(__file__).resolve().parents[1]}
    runs: dict[str, list[dict[str, dict[str, float]]]] = {name: [] for name in versions}
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        for _ in range(ROUNDS):  # in turn, so that a change of the machine's speed meets both
            for name, checkout in versions.items():
                done = subprocess.run(
                    [sys.executable, __file__, "--measure", folder],
                    env={**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"},
                    cwd=folder,
                    check=True,
                    capture_output=True,
                    text=True,
                )
                runs[name].append(json.loads(done.stdout.splitlines()[-1]))
    lines = [
        "# One pass over a text",
        "",
        f"{N_DOCUMENTS:,} documents of 100 words, one core, median of {ROUNDS} runs in turn; models of",
        f"{N_TRAINING:,} IMDB reviews. Seconds are those of the process itself.",
        "",
        "| model | version | documents scored a second | `assess` / `anomaly_score` | scores |",
        "| --- | --- | ---: | ---: | --- |",
    ]
    for model in MODELS:
        digests = {run[model]["digest"] for version in runs.values() for run in version}
        for name, measured in runs.items():
            scored = statistics.median(run[model]["anomaly_score"] for run in measured)
            ratio = statistics.median(
                run[model]["assess"] / run[model]["anomaly_score"] for run in measured
            )
            same = "equal to the bit" if len(digests) == 1 else "differ"
            lines.append(
                f"| {model} | {name} | {N_DOCUMENTS / scored:,.0f} | {ratio:.2f} | {same} |"
            )
    write_result("one_pass", "\n".join([*lines, "", environment(), ""]))


if __name__ == "__main__":
    if sys.argv[1] == "--measure":
        measure(Path(sys.argv[2]))
    else:
        main(Path(sys.argv[1]))
