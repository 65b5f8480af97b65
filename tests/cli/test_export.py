"""``textocl export``: one file, and its proof."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from commands import run

import textocl


def test_export_writes_a_file_and_proves_it(model: Path, folder: Path, tmp_path: Path) -> None:
    from textocl.export import OnnxDetector

    file = tmp_path / "ships.onnx"
    done = run("export", model, "--out", file, "--verify", folder / "mixed.jsonl")
    assert "On 60 documents scores differ by at most" in done.stderr
    assert "and no label differs." in " ".join(done.stderr.split())
    report = (tmp_path / "ships.verification.md").read_text("utf-8")
    assert report.startswith("# ships.onnx against its model\n\n| measure | value |")
    texts = [json.loads(line)["text"] for line in (folder / "mixed.jsonl").open()]
    np.testing.assert_allclose(
        OnnxDetector(file).anomaly_score(texts),
        textocl.load(model).anomaly_score(texts),
        rtol=1e-5, atol=1e-5,
    )  # fmt: skip
    small = tmp_path / "small.onnx"
    facts = json.loads(run("export", model, "--out", small, "--dtype", "int8", "--json").stdout)
    assert facts == {"out": str(small), "bytes": small.stat().st_size, "verification": None}
    assert facts["bytes"] < file.stat().st_size
    assert run("export", model, "--out", small, "--quiet").stderr == ""
    done = run(
        "export", model, "--out", small, "--max-words", 500,
        "--verify", folder / "mixed.jsonl", "--label-field", "label", "--normal", "ships",
    )  # fmt: skip
    assert "of the model" in done.stderr
    assert "| words with vectors | 500 of" in small.with_suffix(".verification.md").read_text()
    refused = run("export", model, "--out", small, "--words", code=3)
    assert "fit a CVDD" in " ".join(refused.stderr.split())


def test_a_model_of_images_is_exported_and_compared_with_a_folder(tmp_path: Path) -> None:
    from PIL import Image

    from textocl.export import OnnxDetector
    from textocl.vision import DeepSVDD

    images = np.random.default_rng(0).integers(0, 256, (120, 8, 8), np.uint8)
    DeepSVDD(n_epochs=0, n_pretraining_epochs=0).fit(images).save(tmp_path / "model")
    for i, image in enumerate(images[:6]):
        path = tmp_path / "images" / ("normal" if i < 4 else "anomalous") / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    file = tmp_path / "new.onnx"
    command = ["export", tmp_path / "model", "--out", file, "--verify", tmp_path / "images"]
    said = " ".join(run(*command).stderr.split())
    assert "On 6 samples scores differ by at most" in said
    assert "of the model" in said  # its AUC
    assert "| samples | 6 |" in (tmp_path / "new.verification.md").read_text("utf-8")
    assert OnnxDetector(file).anomaly_score(tmp_path / "images").shape == (6,)
    file.unlink()
    refused = run(*command, "--label-field", "label", code=3)
    assert "leave --label-field out" in refused.stderr
    assert not file.exists()


def test_what_came_with_a_language_model_goes_with_a_refused_file(
    tiny_bert: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import textocl.export.verification
    from textocl.cli import main

    texts = [json.loads(line)["text"] for line in (folder / "mixed.jsonl").open()]
    textocl.KDE(embedding=str(tiny_bert)).fit(texts).save(tmp_path / "model")
    (tmp_path / "own.json").write_text("{}")
    out = tmp_path / "a.onnx"
    done = run("export", tmp_path / "model", "--out", out, "--verify", folder / "mixed.jsonl")
    assert "and no label differs." in " ".join(done.stderr.split())
    for name in ("a.onnx", "config.json", "tokenizer.json"):
        (tmp_path / name).unlink()
    monkeypatch.setattr(textocl.export.verification, "_WITH_A_LANGUAGE_MODEL", -1.0)
    monkeypatch.setitem(textocl.export.verification.LARGEST_DIFFERENCE, "float32", -1.0)
    command = ["export", tmp_path / "model", "--out", out, "--verify", folder / "mixed.jsonl"]
    monkeypatch.setattr(sys, "argv", ["textocl", *map(str, command)])
    with pytest.raises(SystemExit):
        main()
    assert sorted(path.name for path in tmp_path.glob("*.*")) == ["a.verification.md", "own.json"]


def test_a_refused_file_takes_nothing_with_it_that_was_not_written_for_it(
    tiny_bert: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import textocl.export
    from textocl.cli import main

    texts = [json.loads(line)["text"] for line in (folder / "mixed.jsonl").open()]
    detector = textocl.KDE(embedding=str(tiny_bert)).fit(texts)
    detector.save(tmp_path / "model")
    out = tmp_path / "files"
    textocl.export.to_onnx(detector, out / "before.onnx")
    (out / "config.json").unlink()  # tokenizer.json stays, of an earlier export

    def refuse(*_: object, **__: object) -> None:
        (out / "other.json").write_text("{}")  # of another program, meanwhile
        raise textocl.export.VerificationError("different")

    monkeypatch.setattr(textocl.export, "verify", refuse, raising=False)
    command = ["export", tmp_path / "model", "--out", out / "a.onnx", "--verify"]
    monkeypatch.setattr(sys, "argv", ["textocl", *map(str, [*command, folder / "mixed.jsonl"])])
    with pytest.raises(SystemExit):
        main()
    assert sorted(f.name for f in out.iterdir()) == ["before.onnx", "other.json", "tokenizer.json"]


def test_a_file_that_fails_its_proof_is_not_written(
    model: Path,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import textocl.export.verification
    from textocl.cli import main

    monkeypatch.setitem(textocl.export.verification.LARGEST_DIFFERENCE, "float32", -1.0)
    command = ["export", model, "--out", tmp_path / "a.onnx", "--verify", folder / "mixed.jsonl"]
    monkeypatch.setattr(sys, "argv", ["textocl", *map(str, command)])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 3
    assert f"{tmp_path / 'a.onnx'} does not agree" in capsys.readouterr().err.replace("\n", "")
    assert list(tmp_path.iterdir()) == []
