"""The examples of production score as the detector does: a file, Node.js, HTTP, Ray, Spark."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textocl import CVDD
from textocl.export import to_onnx

EXAMPLES = Path(__file__).parents[2] / "examples"
NODE = EXAMPLES / "node"


@pytest.fixture(scope="module")
def folder(detector: CVDD, mixed: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("production")
    to_onnx(detector, folder / "model.onnx")
    lines = [json.dumps({"id": f"d{i}", "text": text}) for i, text in enumerate(mixed)]
    (folder / "texts.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "texts.txt").write_text("\n".join(mixed) + "\n")
    return folder


def run(*command: object, cwd: Path) -> str:
    done = subprocess.run(
        [*map(str, command)],
        cwd=cwd, capture_output=True, text=True,
        env={**os.environ, "PYSPARK_PYTHON": sys.executable},  # else the first python3 of PATH
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_large_file(detector: CVDD, mixed: list[str], folder: Path) -> None:
    script = EXAMPLES / "score_large_file.py"
    out = run(sys.executable, script, "model.onnx", "texts.jsonl", "scored.jsonl", cwd=folder)
    assert out.startswith("80 documents scored, ")
    rows = [json.loads(line) for line in (folder / "scored.jsonl").open()]
    assert [row["id"] for row in rows] == [f"d{i}" for i in range(len(mixed))]
    scores = [row["score"] for row in rows]
    np.testing.assert_allclose(scores, detector.anomaly_score(mixed), atol=1e-5)


def test_node(detector: CVDD, mixed: list[str], folder: Path) -> None:
    if shutil.which("node") is None or not (NODE / "node_modules" / "onnxruntime-node").exists():
        pytest.skip("needs Node.js and `npm install --ignore-scripts` in examples/node")
    out = run("node", NODE / "score.js", "model.onnx", "texts.txt", cwd=folder)
    rows = [json.loads(line) for line in out.splitlines()]
    scores = [row["score"] for row in rows]
    np.testing.assert_allclose(scores, detector.anomaly_score(mixed), atol=1e-5)
    assert [row["label"] for row in rows] == detector.predict(mixed).tolist()
    assert run("node", NODE / "score.js", "model.onnx", "/dev/null", cwd=folder) == ""


def test_http(
    detector: CVDD, mixed: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("fastapi")
    from fastapi.testclient import TestClient

    monkeypatch.syspath_prepend(str(EXAMPLES / "serve"))
    import app as served

    with pytest.raises(RuntimeError, match="set TEXTOCL_MODEL"), TestClient(served.app):
        pass
    monkeypatch.setenv("TEXTOCL_MODEL", str(folder / "model.onnx"))
    with TestClient(served.app) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/metadata").json()["detector"] == "CVDD"
        rows = client.post("/score", json={"texts": mixed}).json()
        scores = [row["score"] for row in rows]
        np.testing.assert_allclose(scores, detector.anomaly_score(mixed), atol=1e-5)
        assert client.post("/score", json={"texts": []}).json() == []
        (unjudged,) = client.post("/score", json={"texts": [""]}).json()
        assert unjudged == {
            "score": None, "p_value": None, "label": 0, "status": "not judged", "n_known_words": 0
        }  # fmt: skip
        wrong: list[Any] = [{"texts": "ship"}, {"texts": [1]}, {"texts": ["a"] * 1001}, {}]
        for body in wrong:
            assert client.post("/score", json=body).status_code == 422
        assert client.post("/score", content=b" " * 10_000_001).status_code == 413


@pytest.mark.parametrize("engine", ["ray", "spark"])
def test_engines(engine: str, detector: CVDD, mixed: list[str], folder: Path) -> None:
    package = {"ray": "ray", "spark": "pyspark"}[engine]
    if find_spec(package) is None or (engine == "spark" and shutil.which("java") is None):
        pytest.skip(f"needs pip install '.[{engine}]'; `make test-scale` runs it")
    import pandas

    script = EXAMPLES / f"score_on_{engine}.py"
    run(sys.executable, script, folder / "model.onnx", folder / "texts.jsonl", engine, cwd=folder)
    scored = pandas.read_parquet(folder / engine).set_index("id")
    assert len(scored) == len(mixed)
    own = detector.anomaly_score(mixed)
    for i, text in enumerate(mixed):
        assert scored.loc[f"d{i}", "text"] == text
        assert scored.loc[f"d{i}", "score"] == pytest.approx(own[i], abs=1e-5)
