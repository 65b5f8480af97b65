"""What a `Detector` costs as its training documents grow: CPU time, model size, speed of scoring.

Documents are two runs of 20 words each, from random places of IMDB's reviews: no two are copies.
Every size runs in a process of its own. Of more than 50,000 documents 20,000 are learned at once,
the others by updates. A quarter of an hour for the largest.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from protocol import environment, read_corpus, write_result

import textocl

_WORDS, _SCORED = 20, 10_000


def documents(split: str, n: int) -> list[str]:
    words = " ".join(d.text for d in read_corpus("imdb") if d.split == split).split()
    starts = np.random.default_rng(0).integers(0, len(words) - _WORDS, (n, 2)).tolist()
    return [
        " ".join(words[first : first + _WORDS] + words[second : second + _WORDS])
        for first, second in starts
    ]


def measured(n: int) -> dict[str, float]:
    """Of one size."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    training, new = documents("train", n), documents("test", _SCORED)
    textocl.Detector(n_contexts=2).fit(training[:60])  # what is loaded once
    start = time.process_time()
    detector = textocl.Detector().fit(training)
    fit = time.process_time() - start
    peak = _peak_mb()
    start = time.process_time()
    detector.anomaly_score(new)
    score = time.process_time() - start
    with tempfile.TemporaryDirectory() as folder:
        detector.save(Path(folder, "model"))
        size = sum(file.stat().st_size for file in Path(folder, "model").iterdir())
    density = detector.members_["density"].detector.state_.learned
    points = sum(density[name].nbytes for name in ("training_points", "known_anomalies"))
    return {
        "fit": fit,
        "rate": _SCORED / score,
        "peak": peak,
        "model": size / 2**20,
        "density": points / 2**20,
    }


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--sizes", nargs="*", type=int, default=[2_000, 16_000, 50_000, 100_000, 1_000_000]
    )
    parser.add_argument("--one", type=int, help="measure this size only, and print it as JSON")
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measured(arguments.one)))
        return
    rows = []
    for n in arguments.sizes:
        command = [sys.executable, __file__, "--one", str(n)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        cells = [f"{n:,}", f"{found['fit']:.1f}", f"{1000 * found['fit'] / n:.2f}"]
        cells += [f"{found['rate']:,.0f}"]
        cells += [f"{found[name]:,.0f}" for name in ("peak", "model", "density")]
        rows.append(f"| {' | '.join(cells)} |")
        print(rows[-1], flush=True)
    write_result(
        "growth",
        f"""# Growth

{__doc__}
`python benchmarks/growth.py`; one core; peak MB is of the whole process, documents and torch
included. Scored are {_SCORED:,} new documents.
{environment()}

| training documents | fit, CPU s | ms a document | scored a CPU second | peak MB | model MB | of it the density's points |
| --- | --- | --- | --- | --- | --- | --- |
"""
        + "\n".join(rows)
        + "\n",
    )


if __name__ == "__main__":
    main()
