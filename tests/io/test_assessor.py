"""A folder and an exported file score alike; a file without torch."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from texts import sentences

from textocl import CVDD, KDE, Assessment, DataError, FormatError
from textocl.export import to_onnx
from textocl.io.assessor import fingerprint, load_assessor
from textocl.io.corpora import Document
from textocl.io.results import Counts, ResultRows
from textocl.vision import DeepSVDD


@pytest.fixture(scope="module")
def folder(detector: CVDD, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("assessing")
    detector.save(folder / "model")
    to_onnx(detector, folder / "model.onnx")
    return folder


def test_folder_and_file_say_the_same(detector: CVDD, mixed: list[str], folder: Path) -> None:
    texts = [*mixed, ""]
    own, exported = load_assessor(folder / "model"), load_assessor(folder / "model.onnx")
    assert own.threshold == exported.threshold == detector.threshold_
    first, second = own.assess(texts), exported.assess(texts)
    assert first.label[-1] == 0
    assert first.status.tolist() == second.status.tolist()
    for field in fields(Assessment):
        one, other = getattr(first, field.name), getattr(second, field.name)
        np.testing.assert_allclose(one, other, atol=1e-5, err_msg=field.name)


def test_what_is_not_judged_is_counted_and_not_anomalous(folder: Path) -> None:
    documents = [Document(i, text) for i, text in enumerate(["the ship", "", "guitar", "12"])]
    for name in ("model", "model.onnx"):
        part = load_assessor(folder / name).part(ResultRows(), documents)
        assert part.counts == Counts(n_documents=4, n_anomalous=1, n_not_judged=2)


def test_a_folder_takes_any_rate_and_a_file_its_own(detector: CVDD, folder: Path) -> None:
    assert load_assessor(folder / "model", 0.3).threshold < detector.threshold_
    own = detector.false_alarm_rate
    assert load_assessor(folder / "model.onnx", own).threshold == detector.threshold_
    with pytest.raises(DataError, match="has one threshold, for a false-alarm rate of 0.05"):
        load_assessor(folder / "model.onnx", 0.3)


def test_a_file_on_features_is_refused(tmp_path: Path) -> None:
    points = np.random.default_rng(0).normal(size=(60, 3))
    file = to_onnx(KDE().fit(points), tmp_path / "points.onnx")
    with pytest.raises(DataError, match=r"points\.onnx takes features"):
        load_assessor(file)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no ONNX file at"):
        load_assessor(tmp_path / "model.onnx")
    with pytest.raises(FormatError, match="no model at"):
        load_assessor(tmp_path / "model")


def test_fingerprints_tell_models_apart(folder: Path, ships: list[str], tmp_path: Path) -> None:
    KDE(language=None).fit(ships).save(tmp_path / "model")
    KDE(language=None).fit(ships).save(tmp_path / "same")
    found = [fingerprint(path) for path in (folder / "model", folder / "model.onnx")]
    found += [fingerprint(tmp_path / name) for name in ("model", "same")]
    assert len(set(found)) == 3
    assert found[2] == found[3]


def test_an_exported_file_is_scored_without_torch(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "docs.txt").write_text("\n".join(sentences("ships", 3)))
    program = (
        "import sys; from textocl.cli.commands import app\n"
        "try: app(sys.argv[1:])\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print([name for name in ('torch', 'sklearn', 'onnx') if name in sys.modules])"
    )
    command = ["score", folder / "model.onnx", "docs.txt", "--out", "out.jsonl"]
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, command)],
        capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 3


def test_a_model_of_images_is_refused(tmp_path: Path) -> None:
    images = np.random.default_rng(0).random((40, 8, 8))
    detector = DeepSVDD(n_epochs=0, n_pretraining_epochs=0).fit(images)
    detector.save(tmp_path / "deep")
    with pytest.raises(DataError, match="holds a DeepSVDD, which scores images"):
        load_assessor(tmp_path / "deep")
    with pytest.raises(
        DataError, match=r"deep\.onnx takes images; expected a file of a detector on"
    ):
        load_assessor(to_onnx(detector, tmp_path / "deep.onnx"))
