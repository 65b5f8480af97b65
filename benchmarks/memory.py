"""Peak memory of a fit on IMDB's 25,000 reviews, and of scoring a 1 GB file.

Each step runs in its own process; the operating system's own account of it is reported.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from protocol import environment, read_corpus, write_result

from textocl import CVDD

GIGABYTE = 1_000_000_000


def measured(*arguments: str) -> tuple[float, float]:
    """Peak resident memory in MB and seconds of one run of the command."""
    program = (
        "import resource, sys; sys.argv = ['textocl', *sys.argv[1:]]\n"
        "from textocl.cli import main\n"
        "try: main()\n"
        "finally: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], stderr=subprocess.PIPE, text=True, check=True
    )
    return int(done.stderr.strip().splitlines()[-1]) / 1024, time.perf_counter() - start


def main() -> None:
    corpus = read_corpus("imdb")
    with tempfile.TemporaryDirectory() as folder:
        training, model = Path(folder, "imdb.jsonl"), str(Path(folder, "model"))
        with training.open("w", encoding="utf-8") as file:
            file.writelines(
                json.dumps({"text": d.text}) + "\n" for d in corpus if d.split == "train"
            )
        fit_mb, fit_s = measured(
            "fit", str(training), "--out", model, "--contexts", "10", "--quiet"
        )
        lines = [json.dumps({"text": d.text}) + "\n" for d in corpus if d.split == "test"]
        big, n = Path(folder, "big.jsonl"), 0
        with big.open("w", encoding="utf-8") as file:
            size = 0
            while size < GIGABYTE:
                for line in lines:
                    size += file.write(line)
                    n += 1
        small = Path(folder, "small.jsonl")
        small.write_text("".join(lines[:2000]), encoding="utf-8")
        out = str(Path(folder, "scores.jsonl"))
        small_mb, _ = measured("score", model, str(small), "--out", out, "--quiet")
        big_mb, big_s = measured("score", model, str(big), "--out", out, "--quiet")
        with Path(out).open("rb") as file:
            n_scored = sum(1 for _ in file)
        assert n_scored == n, "every document is scored"
        detector = CVDD.load(model)
        vectors_mb = detector.state_.scoring.vectors.numel() * 4 / 2**20
        contexts = "\n".join(
            f"| {c.context} | {c.share:.0%} | {', '.join(w.word for w in c.words[:12])} |"
            for c in detector.contexts_
        )
    write_result(
        "memory",
        f"""# Peak memory

`python benchmarks/memory.py`; peak resident memory of the whole process (Python, torch and all), as
the operating system counts it. Seed 0, r = 10.
{environment()}

| run | peak MB | seconds | target |
| --- | --- | --- | --- |
| `textocl fit` on IMDB's 25,000 training reviews | {fit_mb:,.0f} | {fit_s:.0f} | 2,000 |
| `textocl score` of a {GIGABYTE / 1e9:.0f} GB file, {n:,} reviews | {big_mb:,.0f} | {big_s:.0f} | |
| … above the vectors ({len(detector.vocabulary_):,} × 256 float32, {vectors_mb:,.0f} MB) | {big_mb - vectors_mb:,.0f} | | 500 |
| `textocl score` of 2,000 reviews, for comparison | {small_mb:,.0f} | | |

## What it found in the reviews

| context | share | top words |
| --- | --- | --- |
{contexts}
""",
    )


if __name__ == "__main__":
    main()
