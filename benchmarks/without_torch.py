"""What scoring with an exported file takes where torch is not installed: megabytes and seconds.

python benchmarks/without_torch.py

Builds what the Dockerfile builds, in a folder, and starts its command.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from protocol import environment, read_corpus, write_result

from textocl import CVDD, Detector
from textocl.export import to_onnx

ROOT = Path(__file__).parents[1]
ROUNDS = 11
BASE = 125  # MB of python:3.12-slim
SOURCES = (
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "requirements-score.txt",
    "textocl",
    "export",
    "vision",
)
_FLOORS = {
    "Python alone": "pass",
    "and numpy": "import numpy",
    "and ONNX Runtime": "import numpy, onnxruntime",
    "and a session on the file of Detector, one text scored": """
import sys, numpy, onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.log_severity_level = 3
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
session.run(["score"], {"text": numpy.array(["Ships wait in the harbor."], object)})
""",
}


def build(folder: Path) -> tuple[float, float]:
    """Run the steps of the Dockerfile's first stage; returns MB as installed and as trimmed."""
    source = folder / "source"
    source.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=ignored)
        else:
            shutil.copy(ROOT / name, source)
    steps = re.findall(r"^RUN ((?:.*\\\n)*.*)", (ROOT / "Dockerfile").read_text("utf-8"), re.M)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    sizes = []
    for step in steps:
        command = step.replace("/venv", str(folder / "venv"))
        variables = {**clean(), "PATH": path, "PIP_QUIET": "1"}
        subprocess.run(command, shell=True, cwd=source, check=True, env=variables)
        files = (f.lstat().st_size for f in (folder / "venv").rglob("*") if f.is_file())
        sizes.append(sum(files) / 1e6)
    installed, trimmed = sizes
    return installed, trimmed


def clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def seconds(command: list[str]) -> tuple[float, float]:
    """Seconds from the start of a process to its first line, and to its end."""
    start = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=clean()
    ) as process:
        process.stdout.readline()
        first = time.perf_counter() - start
        process.stdout.read()
    if process.returncode:
        sys.exit(f"{command} failed.")
    return first, time.perf_counter() - start


def middle(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} | {min(values):.2f}–{max(values):.2f}"


def main() -> None:
    texts = [d.text for d in read_corpus("20ng") if (d.split, d.label) == ("train", "comp")]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        installed, trimmed = build(folder)
        (folder / "new.txt").write_text("Ships wait in the harbor.\n", "utf-8")
        scoring = folder / "venv" / "bin" / "textocl"
        python = folder / "venv" / "bin" / "python"
        rows, floors = [], []
        detectors = {"Detector": Detector(), "CVDD": CVDD()}
        for kind, detector in detectors.items():
            file = to_onnx(detector.fit(texts), folder / f"{kind}.onnx")
            command = [scoring, "score", file, folder / "new.txt", "--out", "-", "--quiet"]
            firsts, ends = zip(
                *(seconds(list(map(str, command))) for _ in range(ROUNDS)), strict=True
            )
            size = file.stat().st_size / 1e6
            rows.append(f"| {kind}, {size:.0f} MB | {middle(firsts)} | {middle(ends)} |")
        for kind, program in _FLOORS.items():
            command = [python, "-c", program, folder / "Detector.onnx"]
            ends = [seconds(list(map(str, command)))[1] for _ in range(ROUNDS)]
            floors.append(f"| {kind} | {middle(ends)} |")
    write_result(
        "without_torch",
        f"""# Scoring without torch

`python benchmarks/without_torch.py`; runs the steps of `Dockerfile` in a folder and starts
`textocl score FILE.onnx` there on one text, {ROUNDS} times; detectors fitted on the
{len(texts):,} training documents of "comp" of 20 Newsgroups. The files were read before and are in
the system's cache. Targets: 0.5 s from the start of the process to the first score; an image of
250 MB. {environment("onnxruntime")}

| | to the first score, median, s | range | to the end of the process, s | range |
| --- | --- | --- | --- | --- |
{chr(10).join(rows)}

What no command can go below, as processes of their own:

| | median, s | range |
| --- | --- | --- |
{chr(10).join(floors)}

| | MB |
| --- | --- |
| installed by `requirements-score.txt` and textocl, as pip leaves it | {installed:.0f} |
| the same after the second step of `Dockerfile` | {trimmed:.0f} |
| `python:3.12-slim`, not measured here | about {BASE} |
| the image, the sum of the last two | about {trimmed + BASE:.0f} |

The wheels are those of this machine's Python; those of 3.12 differ by less than 5 MB.
""",
    )


if __name__ == "__main__":
    main()
