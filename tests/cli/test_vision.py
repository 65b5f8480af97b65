"""``textocl vision`` as a user runs it, on image files."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from PIL import Image
from typer.testing import CliRunner

import textocl
from textocl.cli.commands import app
from textocl.export import OnnxDetector
from textocl.report.images import image_contents
from textocl.training import checkpoints
from textocl.training.checkpoints import Checkpoint
from textocl.vision import FCDD, read_folder
from textocl.vision.overlays import overlay

SOURCE = np.random.default_rng(0)
SHORT = ("--epochs", 1, "--quiet")


def run(*arguments: object, code: int = 0) -> Result:
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["vision", *map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == code, done.output
    return done


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def grey(size: int = 12) -> np.ndarray:
    return np.clip(SOURCE.normal(128, 12, (size, size)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grey noise; anomalies have a white spot and a mask of it."""
    root = tmp_path_factory.mktemp("images")
    for i in range(40):
        save(root / "set" / "normal" / f"{i:02}.png", grey())
    for i in range(12):
        pixels, mask = grey(), np.zeros((12, 12), np.uint8)
        spot = (slice(i % 8, i % 8 + 4), slice(5, 9))
        pixels[spot], mask[spot] = 250, 255
        save(root / "set" / "anomalous" / f"{i:02}.png", pixels)
        save(root / "set" / "masks" / f"{i:02}.png", mask)
    save(root / "new" / "small.png", grey())
    save(root / "new" / "sub" / "large.png", np.stack([grey(24)] * 3, axis=2))
    return root


@pytest.fixture(scope="module")
def model(folder: Path) -> Path:
    out = folder / "model"
    done = run(
        "fit", folder / "set", "--out", out, "--model", "fcdd", "--epochs", 25,
        "--preprocessing", "standardize", "--seed", 1,
    )  # fmt: skip
    assert "Learned from 40 images and 12 anomalies; threshold" in done.stdout
    return out


def test_fit_learns_from_the_labels_and_masks_of_a_folder(folder: Path, model: Path) -> None:
    data = read_folder(folder / "set")
    same = FCDD(n_epochs=25, preprocessing="standardize", random_state=1)
    same.fit(data.paths, data.labels, data.read_masks())
    loaded = textocl.load(model)
    assert loaded.get_params() == same.get_params()
    assert loaded.anomaly_score(data.paths).tobytes() == same.anomaly_score(data.paths).tobytes()


@pytest.mark.parametrize(
    ("name", "arguments", "parameters"),
    [
        ("deep-svdd", ["--pretraining-epochs", 2], {"n_pretraining_epochs": 2}),
        ("deep-sad", ["--pretraining-epochs", 0], {"n_pretraining_epochs": 0}),
        ("hsc", ["--network", "lenet-4-fc4"], {"network": "lenet-4-fc4"}),
        ("fcdd", ["--false-alarm-rate", 0.2], {"false_alarm_rate": 0.2}),
    ],
)
def test_every_model_fits_with_known_anomalies(
    folder: Path, tmp_path: Path, name: str, arguments: list[Any], parameters: dict[str, Any]
) -> None:
    normal, known = folder / "set" / "normal", folder / "set" / "anomalous"
    done = run(
        "fit", normal, "--out", tmp_path / "m", "--model", name, "--anomalies", known,
        *arguments, "--epochs", 1, "--json",
    )  # fmt: skip
    facts = json.loads(done.stdout)
    assert facts["samples"] + facts["calibration_samples"] == 40
    assert facts["model"] == str(tmp_path / "m")
    fitted = textocl.load(tmp_path / "m")
    assert type(fitted).__name__ == facts["detector"]
    assert fitted.get_params().items() >= {"n_epochs": 1, **parameters}.items()


def test_anomalies_that_a_model_leaves_out_are_counted(folder: Path, tmp_path: Path) -> None:
    done = run(
        "fit", folder / "set", "--out", tmp_path / "m", "--model", "deep-svdd", "--epochs", 1,
        "--pretraining-epochs", 0,
    )  # fmt: skip
    assert "Learned from 40 images; threshold" in done.stdout
    assert "warning: 12 images labelled -1 were left out: DeepSVDD does not" in done.stderr


def test_a_backbone_and_made_anomalies_need_normal_images_only(
    folder: Path, tmp_path: Path
) -> None:
    run(
        "fit", folder / "set" / "normal", "--out", tmp_path / "m", "--model", "fcdd", *SHORT,
        "--backbone", "efficientnet-lite0:2", "--backbone-size", 32, "--synthetic", "confetti",
    )  # fmt: skip
    detector = textocl.load(tmp_path / "m")
    assert detector.synthetic == "confetti"
    assert detector.state_.model.input_shape == (24, 8, 8)
    run("export", tmp_path / "m", "--out", tmp_path / "m.onnx", "--verify", folder / "set")


def test_features_of_a_frozen_network_are_the_default(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "m"
    done = run("fit", folder / "set", "--out", out, "--backbone", "efficientnet-lite0:6")
    assert "Learned from 40 images; threshold" in done.stdout
    facts = json.loads(run("info", out, "--json").stdout)
    assert (facts["detector"], facts["samples"]) == ("FeatureDetector", 21)
    scores = tmp_path / "scores.jsonl"
    run("score", out, folder / "set", "--out", scores, "--quiet")
    assert [json.loads(line)["label"] for line in scores.read_text().splitlines()][40:] == [-1] * 12
    run("explain", out, folder / "new", "--out", tmp_path / "seen", "--quiet")
    assert (tmp_path / "seen" / "small.png").exists()
    run("export", out, "--out", tmp_path / "m.onnx", "--verify", folder / "set")


def test_the_same_command_goes_on_where_it_was_interrupted(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(name: str, code: int = 0) -> Result:
        return run(
            "fit", folder / "set", "--out", tmp_path / name, "--model", "hsc", "--epochs", 4,
            code=code,
        )  # fmt: skip

    write, epochs = Checkpoint.write, []

    def interrupted(self: Any, *args: Any, **keywords: Any) -> None:
        write(self, *args, **keywords)
        epochs.append(len(args[2]))
        if len(epochs) == 2:
            raise KeyboardInterrupt

    fit("whole")
    monkeypatch.setattr(checkpoints, "_LEAST_SECONDS", 0.0)
    monkeypatch.setattr(Checkpoint, "write", interrupted)
    done = fit("cut", code=130)
    assert "the same command goes on from" in " ".join(done.stderr.split())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.checkpoint", "whole"]
    fit("cut")
    assert epochs == [1, 2, 3, 4]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut", "whole"]
    whole, cut = ((tmp_path / name / "weights.safetensors") for name in ("whole", "cut"))
    assert whole.read_bytes() == cut.read_bytes()


def test_size_resizes_what_is_learned_from(folder: Path, tmp_path: Path) -> None:
    normal, other = folder / "set" / "normal", folder / "new" / "sub" / "large.png"
    arguments = (
        "fit", normal, other, "--out", tmp_path / "m", "--model", "deep-svdd",
        "--pretraining-epochs", 0, *SHORT,
    )  # fmt: skip
    assert "give one, such as --size 12x12" in run(*arguments, code=3).stderr
    assert run(*arguments, "--size", "8x6", "--network", "lenet-4-fc4").output == ""
    facts = json.loads(run("info", tmp_path / "m", "--json").stdout)
    assert facts["sample_shape"] == [3, 8, 6]  # one of them has colours
    assert facts["samples"] + facts["calibration_samples"] == 41
    assert "sample_shape" in run("info", tmp_path / "m").stdout


def test_score_writes_a_line_for_each_image(folder: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    done = run("score", model, folder / "set", "--out", out)
    paths = read_folder(folder / "set").paths
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["path"] for row in rows] == [str(path) for path in paths]
    found = textocl.load(model).assess(paths)
    assert [row["score"] for row in rows] == pytest.approx(found.score.tolist(), rel=1e-5)
    assert [row["label"] for row in rows] == found.label.tolist()
    assert [row["p_value"] for row in rows] == pytest.approx(found.p_value.tolist())
    assert set(found.label[40:]) == {-1}
    n = int((found.label == -1).sum())
    assert f"52 images scored, {n} anomalous (threshold " in done.stderr
    summary = json.loads(
        run("score", model, folder / "set", "--out", tmp_path / "o.csv", "--json").stdout
    )
    assert summary == {"images": 52, "anomalous": n, "out": str(tmp_path / "o.csv")}
    with (tmp_path / "o.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [{**row, "score": float(row["score"])}["score"] for row in table] == [
        r["score"] for r in rows
    ]
    assert list(table[0]) == ["path", "score", "p_value", "label"]
    more = run("score", model, folder / "set", "--out", "-", "--false-alarm-rate", 0.5, "--quiet")
    judged = [json.loads(line)["label"] for line in more.stdout.splitlines()]
    assert judged.count(-1) > n
    assert sorted(path.name for path in tmp_path.iterdir()) == ["o.csv", "out.jsonl"]


def test_images_of_another_size_are_brought_to_the_models(folder: Path, model: Path) -> None:
    done = run("score", model, folder / "new", "--out", "-")
    assert len(done.stdout.splitlines()) == 2
    assert "1 image brought to the model's form, 12 x 12 pixels in grey." in done.stderr


def test_batches_make_one_table(
    folder: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("score", model, folder / "set", "--out", tmp_path / "one.csv", "--quiet")
    monkeypatch.setattr("textocl.cli.vision._AT_ONCE", 7)
    run("score", model, folder / "set", "--out", tmp_path / "many.csv", "--quiet")
    one, many = ((tmp_path / name).read_text().splitlines() for name in ("one.csv", "many.csv"))
    assert [line.split(",")[0] for line in many] == [line.split(",")[0] for line in one]


def test_explain_writes_overlays_of_the_images_own_size(
    folder: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "seen"
    monkeypatch.setattr("textocl.cli.application.out_console._width", 500)  # paths on one line
    done = run("explain", model, folder / "new", "--out", out)
    assert str(out / "sub" / "large.png") in done.stdout
    assert sorted(p.name for p in out.rglob("*.*")) == ["large.png", "small.png"]
    detector: Any = textocl.load(model)
    pixels = np.asarray(Image.open(folder / "new" / "small.png"))
    expected = overlay(pixels, detector.explain(pixels[None])[0], *detector.heatmap_range_)
    assert (np.asarray(Image.open(out / "small.png")) == expected).all()
    assert Image.open(out / "sub" / "large.png").size == (24, 24)
    spotted = run("explain", model, folder / "set" / "anomalous" / "03.png", "--out", out, "--json")
    (record,) = json.loads(spotted.stdout)
    assert record["label"] == -1
    assert record["overlay"] == str(out / "03.png")
    shown = np.asarray(Image.open(out / "03.png")).astype(int)
    assert (np.ptp(shown[3:7, 5:9], axis=2) > 20).all()  # the spot is white in the image


def test_a_photo_stored_on_its_side_is_scored_shown_and_exported_upright(
    folder: Path, model: Path, tmp_path: Path
) -> None:
    pixels = np.linspace(90, 170, 12 * 18).reshape(12, 18).astype(np.uint8)  # dark above
    save(tmp_path / "in" / "a.png", pixels)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = Image.fromarray(pixels).transpose(Image.Transpose.ROTATE_90)
    turned.save(tmp_path / "in" / "b.png", exif=exif)
    run("score", model, tmp_path / "in", "--out", tmp_path / "scores.jsonl", "--quiet")
    upright, stored = map(json.loads, (tmp_path / "scores.jsonl").read_text().splitlines())
    assert upright["score"] == stored["score"]
    run("explain", model, tmp_path / "in", "--out", tmp_path / "seen", "--quiet")
    shown = [np.asarray(Image.open(tmp_path / "seen" / name)) for name in ("a.png", "b.png")]
    assert shown[0].shape == (12, 18, 3)
    assert np.array_equal(*shown)
    paths = sorted((tmp_path / "in").iterdir())
    contents = image_contents(textocl.load(model), paths, title="Photos")
    for name in ("picture", "overlay"):
        assert len(set(contents["images"][name])) == 1
    square = tmp_path / "square"
    save(square / "a.png", pixels[:, :12])
    Image.fromarray(pixels[:, :12]).transpose(Image.Transpose.ROTATE_90).save(
        square / "b.png", exif=exif
    )
    run("export", model, "--out", tmp_path / "m.onnx", "--verify", square, "--quiet")
    scores = OnnxDetector(tmp_path / "m.onnx").anomaly_score(square)
    assert scores[0] == pytest.approx(scores[1], rel=1e-6)  # a row of a batch may round otherwise


def test_overlays_never_replace_the_images(folder: Path, model: Path) -> None:
    before = (folder / "new" / "small.png").read_bytes()
    done = run("explain", model, folder / "new", "--out", folder / "new", code=3)
    assert "is one of the images; choose another --out" in " ".join(done.stderr.split())
    assert (folder / "new" / "small.png").read_bytes() == before


def test_unreadable_images_are_named_or_passed_over(
    folder: Path, model: Path, tmp_path: Path
) -> None:
    save(tmp_path / "in" / "a.png", grey())
    (tmp_path / "in" / "b.png").write_bytes(b"no image")
    for command in ("score", "explain"):
        arguments = (command, model, tmp_path / "in", "--out", tmp_path / "o.jsonl")
        refused = run(*arguments, code=3)
        assert "b.png (cannot identify image file" in refused.stderr
        done = run(*arguments, "--skip-bad")
        assert "1 image could not be read and passed over" in done.stderr
        target = tmp_path / "o.jsonl"
        if command == "score":
            assert len(target.read_text().splitlines()) == 1
            target.unlink()
    assert [path.name for path in target.iterdir()] == ["a.png"]
    nothing = run(
        "score", model, tmp_path / "in" / "b.png", "--out", tmp_path / "n.csv", "--skip-bad"
    )
    assert "0 images scored" in nothing.stderr
    assert (tmp_path / "n.csv").read_text() == ""


def test_benchmark_measures_images_and_pixels(folder: Path) -> None:
    arguments = (
        "benchmark",
        folder / "set",
        "--labelled-anomalies",
        4,
        "--epochs",
        20,
        "--preprocessing",
        "standardize",
    )
    done = run(*arguments, "--model", "fcdd", "--seeds", 2, "--json")
    records = json.loads(done.stdout)
    assert [record["seed"] for record in records] == [0, 1]
    for record in records:
        assert (record["n_train"], record["n_known_anomalies"]) == (30, 4)
        assert (record["n_normal"], record["n_anomalous"]) == (10, 8)
        assert record["auc"] > 0.9
        assert record["pixel_auc"] > 0.8
        assert 0.3 < record["aupro"] <= 1
    shown = run(*arguments, "--model", "deep-svdd", "--pretraining-epochs", 0).stdout.splitlines()
    assert shown[0] == "| model | AUC | average precision | pixel AUC | AUPRO | fit, seconds |"
    assert shown[2].startswith("| deep-svdd | ")
    assert "give anomalies" in run("benchmark", folder / "set", "--model", "hsc", code=3).stderr
    known = ("--anomalies", folder / "set" / "anomalous" / "00.png")
    assert "hsc" in run("benchmark", folder / "set", "--model", "hsc", *known, "--epochs", 1).stdout


def test_benchmark_takes_the_parts_that_a_folder_has(folder: Path, tmp_path: Path) -> None:
    for i in range(20):
        save(tmp_path / "train" / "good" / f"{i}.png", grey())
    for i in range(5):
        save(tmp_path / "test" / "good" / f"{i}.png", grey(16))  # resized
        save(tmp_path / "test" / "hole" / f"{i}.png", grey(16))
        mask = np.zeros((16, 16), np.uint8)
        mask[4:8, 4:8] = 255
        save(tmp_path / "ground_truth" / "hole" / f"{i}_mask.png", mask)
    arguments = ("benchmark", tmp_path, "--model", "hsc", "--epochs", 1)
    (record,) = json.loads(
        run(*arguments, "--anomalies", folder / "new" / "small.png", "--json").stdout
    )
    assert (record["n_train"], record["n_known_anomalies"]) == (20, 1)
    assert (record["n_normal"], record["n_anomalous"]) == (5, 5)
    assert record["pixel_auc"] is not None
    assert "--labelled-anomalies" in run(*arguments, "--labelled-anomalies", 1, code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["fit", "absent", "--out", "m"], 3, "no such file or folder: 'absent'"),
        (["fit", "set"], 2, "Missing option '--out'"),
        (["fit", "set", "--out", "set"], 4, "holds something else than a textocl model"),
        (["fit", "set", "--out", "m", "--model", "svm"], 3, "model must be one of 'deep-svdd'"),
        (["fit", "set", "--out", "m", "--model", "hsc", "--pretraining-epochs", "1"], 2,
         "model 'hsc' takes no --pretraining-epochs"),
        (["fit", "set", "--out", "m", "--epochs", "1"], 2, "model 'knn' takes no --epochs"),
        (["fit", "set", "--out", "m", "--backbone", "resnet"], 3, "backbone must be"),
        (["fit", "set/normal", "--out", "m", "--model", "hsc"], 3, "give anomalies"),
        (["fit", "set", "--out", "m", "--size", "big"], 2, "--size takes HEIGHTxWIDTH"),
        (["fit", "set", "--out", "m", "--model", "hsc", "--epochs", "-1"], 3, "n_epochs must be"),
        (["fit", "set", "--out", "m", "--model", "hsc", "--network", "resnet"], 3, "network must be"),
        (["fit", "set/normal/00.png", "--out", "m"], 3, "1 normal or unlabelled images are too few"),
        (["fit", "set/normal/00.png", "--out", "m", "--model", "deep-svdd"], 3,
         "are too few; give more"),
        (["score", "absent", "set", "--out", "o.csv"], 4, "no model at 'absent'"),
        (["score", "model", "set", "--out", "o.txt"], 3, ".jsonl or .csv"),
        (["score", "model", "set", "--out", "no/o.csv"], 3, "cannot write to"),
        (["score", "model", "model", "--out", "o.csv"], 3, "holds no image"),
        (["explain", "model", "new", "--out", "new/small.png"], 3, "cannot write to"),
        (["benchmark", "new"], 3, "neither a folder 'normal' nor 'train/good'"),
        (["benchmark", "set", "--model", "svm"], 3, "model must be one of"),
        (["benchmark", "set", "--epochs", "1"], 2, "none of the models takes --epochs"),
        (["benchmark", "set", "--labelled-anomalies", "12"], 3, "too few to test on"),
    ],
)  # fmt: skip
def test_mistakes_give_one_clear_message_and_an_exit_code(
    folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch,
    arguments: list[str], code: int, message: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(folder)
    before = sorted(folder.rglob("*"))
    done = run(*arguments, code=code)
    assert message in " ".join(done.stderr.replace("│", " ").split())
    assert sorted(folder.rglob("*")) == before


def test_commands_for_texts_send_images_here(model: Path) -> None:
    done = CliRunner().invoke(app, ["info", str(model)])
    assert done.exit_code == 3
    assert "which scores images; give it to 'textocl vision'" in " ".join(done.stderr.split())


def test_the_command_runs_and_helps() -> None:
    command = [sys.executable, "-m", "textocl", "vision"]
    done = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True)
    listed = ["fit", "score", "explain", "info", "export", "benchmark"]
    places = [done.stdout.index(f"│ {name} ") for name in listed]
    assert places == sorted(places)
    for name in listed:
        assert "Usage" in run(name, "--help").stdout
