"""Documents and models that the tests of several commands read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from texts import sentences

import textocl
from textocl import Detector
from textocl.export import to_onnx


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    (folder / "ships.txt").write_text("\n".join(sentences("ships", 120)) + "\n")
    records = [
        {"id": f"{topic}{i}", "text": text, "label": topic}
        for topic in ("ships", "music")
        for i, text in enumerate(sentences(topic, 30, seed=2))
    ]
    (folder / "mixed.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    (folder / "music.txt").write_text("\n".join(sentences("music", 20, seed=3)))
    (folder / "empty.txt").write_text("")
    (folder / "broken.jsonl").write_text("{\n")
    return folder


@pytest.fixture(scope="session")
def model(folder: Path) -> Path:
    """What ``textocl fit ships.txt --out model --seed 1`` writes."""
    Detector(random_state=1).fit(sentences("ships", 120)).save(folder / "model")
    return folder / "model"


@pytest.fixture(scope="session")
def exported(model: Path, folder: Path) -> Path:
    return to_onnx(textocl.load(model), folder.parent / f"{folder.name}.onnx")


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve batches of 128 documents: more than two workers hold."""
    file = tmp_path_factory.mktemp("many") / "many.jsonl"
    texts = sentences("ships", 12 * 128)
    texts[500] = " "  # nothing to judge
    records = [{"id": i, "text": text, "label": "sea"} for i, text in enumerate(texts)]
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    return file
