"""The command line, run as a user runs it: in its own process, on files."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import TEXTOCL, run
from texts import sentences

import textocl
from textocl import CVDD, Detector
from textocl.core.factory import make_detector
from textocl.core.metrics import evaluate
from textocl.registry import TEXT_MODELS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    (folder / "ships.txt").write_text("\n".join(sentences("ships", 120)) + "\n")
    records = [
        {"id": f"{topic}{i}", "text": text, "label": topic}
        for topic in ("ships", "music")
        for i, text in enumerate(sentences(topic, 30, seed=2))
    ]
    (folder / "mixed.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    return folder


@pytest.fixture(scope="module")
def model(folder: Path) -> Path:
    out = run("fit", folder / "ships.txt", "--out", folder / "model", "--seed", 1)
    assert "Learned from 120 documents" in out.stdout
    assert "top words" in out.stdout
    return folder / "model"


@pytest.fixture(scope="module")
def exported(model: Path, folder: Path) -> Path:
    from textocl.export import to_onnx

    return to_onnx(textocl.load(model), folder.parent / f"{folder.name}.onnx")


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve batches of documents: more than two workers hold."""
    file = tmp_path_factory.mktemp("many") / "many.jsonl"
    texts = sentences("ships", 12_000)
    texts[4000] = "é"  # no known word
    records = [{"id": i, "text": text, "label": "sea"} for i, text in enumerate(texts)]
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    return file


def test_fit_writes_a_model_with_the_parameters_given(model: Path, folder: Path) -> None:
    assert textocl.load(model).get_params()["random_state"] == 1
    done = run(
        "fit", folder / "mixed.jsonl", "--out", folder / "second", "--model", "cvdd",
        "--contexts", 2, "--epochs", 4, "--false-alarm-rate", 0.1, "--label-field", "label", "--normal", "music",
        "--embedding", "wordllama", "--json",
    )  # fmt: skip
    facts = json.loads(done.stdout)
    assert facts["documents"] + facts["calibration_documents"] == 30
    assert facts["contexts"] == 2
    assert facts["parameters"]["n_epochs"] == 4
    # what was not given is as the class has it
    expected = CVDD(n_contexts=2, n_epochs=4, false_alarm_rate=0.1).get_params()
    assert facts["parameters"].items() <= expected.items()


def test_fit_without_a_model_name_fits_the_detector_to_start_with(model: Path) -> None:
    fitted = textocl.load(model)
    assert isinstance(fitted, Detector)
    assert fitted.get_params() == Detector(random_state=1).get_params()


@pytest.mark.parametrize(
    ("name", "arguments", "parameters"),
    [
        ("kde", ["--pooling", "tfidf"], {"pooling": "tfidf"}),
        ("words", ["--false-alarm-rate", 0.2], {"false_alarm_rate": 0.2}),
        ("cvdd", ["--aggregation", "min", "--typical", 1], {"aggregation": "min", "n_typical": 1}),
        ("hypersphere", ["--epochs", 3, "--anomalies", "music.txt"], {"n_epochs": 3}),
    ],
)
def test_every_model_fits_scores_and_explains(
    folder: Path, tmp_path: Path, name: str, arguments: list[Any], parameters: dict[str, Any]
) -> None:
    (folder / "music.txt").write_text("\n".join(sentences("music", 20, seed=3)))
    model = tmp_path / "model"
    done = run(
        "fit", "ships.txt", "--out", model, "--model", name, *arguments, cwd=folder
    )  # fmt: skip
    assert "Learned from 120 documents" in done.stdout
    fitted = textocl.load(model)
    assert fitted.get_params().items() >= parameters.items()
    assert isinstance(fitted, type(make_detector(name)))
    texts = sentences("ships", 30, seed=2) + sentences("music", 30, seed=2)
    measured = evaluate(fitted.anomaly_score(texts), np.repeat([False, True], 30))
    assert measured.auc > 0.95
    assert "guitar" in run("explain", model, "The band on the ship played guitar").stdout
    if name != "cvdd":
        assert "has no contexts" in run("contexts", model, code=3).stderr


def test_known_anomalies_raise_the_scores_of_their_topic(folder: Path, tmp_path: Path) -> None:
    (folder / "music.txt").write_text("\n".join(sentences("music", 20, seed=3)))
    ranks = []
    for more in ([], ["--anomalies", folder / "music.txt"]):
        run("fit", folder / "ships.txt", "--out", tmp_path / "m", "--model", "kde", *more)
        detector = textocl.load(tmp_path / "m")
        excess = detector.anomaly_score(sentences("music", 20, seed=4)) - detector.threshold_
        ranks.append(excess.mean())
    assert ranks[1] > ranks[0]


def test_an_option_that_the_model_has_not_is_refused(folder: Path, tmp_path: Path) -> None:
    done = run("fit", folder / "ships.txt", "--out", tmp_path / "m", "--epochs", 3, code=3)
    assert "model 'auto' has no parameter 'n_epochs'" in done.stderr
    done = run("fit", folder / "ships.txt", "--out", tmp_path / "m", "--model", "svm", code=3)
    assert all(repr(known) in done.stderr for known in TEXT_MODELS)
    assert not (tmp_path / "m").exists()


def test_score_keeps_fields_and_adds_results(model: Path, folder: Path, tmp_path: Path) -> None:
    run("score", model, folder / "mixed.jsonl", "--out", tmp_path / "out.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    given = [json.loads(line) for line in (folder / "mixed.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == [record["id"] for record in given]
    assert [row["input_label"] for row in rows] == [record["label"] for record in given]
    expected = textocl.load(model).anomaly_score([record["text"] for record in given])
    assert [row["score"] for row in rows] == pytest.approx(expected.tolist(), abs=1e-6)
    assert {row["label"] for row in rows} == {1, -1}
    run("score", model, folder / "mixed.jsonl", "--out", tmp_path / "out.csv", "--quiet")
    with (tmp_path / "out.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [float(row["score"]) for row in table] == [row["score"] for row in rows]


def test_score_reads_standard_input_and_writes_standard_output(model: Path) -> None:
    done = run("score", model, "-", "--out", "-", input="the ship\n\nthe guitar\n")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["text"] for row in rows] == ["the ship", "", "the guitar"]
    assert rows[1]["score"] == np.finfo(np.float32).max  # the worst there is
    assert rows[1]["n_known_words"] == 0
    assert "1 of 3 documents have no known word" in done.stderr


def test_an_exported_file_scores_and_evaluates(
    model: Path, exported: Path, folder: Path, tmp_path: Path
) -> None:
    tables = []
    for name, by in (("own", model), ("exported", exported)):
        run("score", by, folder / "mixed.jsonl", "--out", tmp_path / f"{name}.jsonl")
        tables.append([json.loads(line) for line in (tmp_path / f"{name}.jsonl").open()])
    for own, other in zip(*tables, strict=True):
        assert list(own) == list(other)
        for name, value in own.items():
            assert other[name] == (
                value if isinstance(value, str) else pytest.approx(value, rel=1e-5, abs=1e-5)
            )
    arguments = (folder / "mixed.jsonl", "--label-field", "label", "--normal", "ships", "--json")
    measured = [json.loads(run("evaluate", by, *arguments).stdout) for by in (model, exported)]
    at_threshold = [measures.pop("at_threshold") for measures in measured]
    assert measured[1] == pytest.approx(measured[0])
    assert at_threshold[1] == at_threshold[0]
    refused = run("evaluate", exported, *arguments, "--false-alarm-rate", 0.3, code=3)
    assert "has one threshold, for a false-alarm rate of 0.05" in refused.stderr
    assert "no model at" in run("info", exported, code=4).stderr


@pytest.mark.parametrize(("ending", "largest"), [("jsonl", 3), ("csv", 2)])
def test_workers_write_what_one_process_writes(
    exported: Path, many: Path, tmp_path: Path, ending: str, largest: int
) -> None:
    files = [tmp_path / f"{n}.{ending}" for n in range(1, largest + 1)]
    said = {
        run("score", exported, many, "--out", file, "--workers", n).stderr
        for n, file in enumerate(files, 1)
    }
    assert len(said) == 1
    assert len({file.read_bytes() for file in files}) == 1
    assert sorted(tmp_path.iterdir()) == files


def test_workers_write_to_standard_output_in_order(exported: Path, many: Path) -> None:
    one, two = (run("score", exported, many, "--out", "-", "--workers", n).stdout for n in (1, 2))
    assert len(one.splitlines()) == 12_000
    assert one == two


def test_a_bad_document_keeps_what_is_done_before_it(
    exported: Path, many: Path, tmp_path: Path
) -> None:
    lines = many.read_text().splitlines(keepends=True)
    docs, out = tmp_path / "docs.jsonl", tmp_path / "out.csv"
    docs.write_text("".join([*lines[:8500], '{"text": "ship", "extra": 1}\n', *lines[8500:]]))
    arguments = ("score", exported, docs, "--out", out, "--workers", 2)
    refused = run(*arguments, code=3)
    assert "document 8501 has a field 'extra' that the first document lacks" in refused.stderr
    assert "warning: 8,192 scored documents are kept in" in refused.stderr
    docs.write_text("".join(lines))
    assert "going on after 8,192 documents" in run(*arguments).stderr
    assert len(out.read_text().splitlines()) == 12_001


def test_quiet_is_quiet(model: Path, folder: Path, tmp_path: Path) -> None:
    done = run("score", model, folder / "mixed.jsonl", "--out", tmp_path / "o.jsonl", "--quiet")
    assert done.stdout == done.stderr == ""


def test_evaluate_gives_fractions_under_the_agreed_keys(model: Path, folder: Path) -> None:
    arguments = ("evaluate", model, folder / "mixed.jsonl", "--label-field", "label")
    measures = json.loads(run(*arguments, "--normal", "ships", "--json").stdout)
    assert measures["auc"] > 0.95
    assert 0 <= measures["fpr_at_95_recall"] <= 1
    assert 0.9 < measures["average_precision"] <= 1
    assert "AUC" in run(*arguments, "--normal", "ships").stdout
    errors = run(*arguments, "--normal", "sports", code=3).stderr
    assert "no document has the label 'sports'" in errors
    assert "'ships' (30), 'music' (30)" in errors
    stricter = json.loads(
        run(*arguments, "--normal", "ships", "--json", "--false-alarm-rate", 0.3).stdout
    )
    assert stricter["auc"] == measures["auc"]
    assert stricter["at_threshold"]["recall"] >= measures["at_threshold"]["recall"]


def test_contexts_explain_and_info(model: Path) -> None:
    assert "Typical of context 0" in run("contexts", model).stdout
    contexts = json.loads(run("contexts", model, "--json").stdout)
    assert sum(context["share"] for context in contexts) == pytest.approx(1)
    shown = run("explain", model, "The band on the ship [bold]played[/bold] guitar").stdout
    assert "guitar" in shown
    assert "[bold]played[/bold]" in shown
    (explanation,) = json.loads(run("explain", model, "ship and band", "--json").stdout)
    total = sum(word["contribution"] for word in explanation["words"])
    assert total == pytest.approx(explanation["score"], abs=1e-5, rel=1e-5)
    assert json.loads(run("explain", model, "-", "--json", input="port").stdout)
    assert "threshold" in run("info", model).stdout
    facts = json.loads(run("info", model, "--json").stdout)
    assert facts["detector"] == "Detector"
    assert facts["calibration_documents"] == 24
    assert facts["parameters"]["random_state"] == 1
    assert facts["members"] == {
        "density": "KDE, weight 1",
        "contexts": "CVDD, weight 0.25",
        "words": "WordLikelihood, weight 0.25",
    }


def test_control_characters_never_reach_the_terminal(model: Path) -> None:
    shown = run("explain", model, "ship \x1b[31mred\x07 \u202e reversed").stdout
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "\u202e" not in shown


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["fit", "absent.txt", "--out", "m"], 3, "no such file or folder: 'absent.txt'"),
        (["fit", "ships.txt"], 2, "Missing option '--out'"),
        (["fit", "ships.txt", "--out", "m", "--contexts", "0"], 3, "n_contexts must be"),
        (["fit", "ships.txt", "--out", "m", "--contexts", "x"], 2, "--contexts"),
        (["fit", "ships.txt", "--out", "m", "--false-alarm-rate", "2"], 3, "in (0, 1)"),
        (["fit", "ships.txt", "--out", "m", "--embedding", "no.bin"], 3, "no word vectors at"),
        (["fit", "ships.txt", "--out", "m", "--normal", "x"], 2, "needs --label-field"),
        (["fit", "ships.txt", "--out", "m", "--seed", "5000000000"], 3, "at most 4294967295"),
        (["fit", "ships.txt", "--out", "m", "--language", ""], 3, "no word frequencies"),
        (["fit", "mixed.jsonl", "--out", "m", "--label-field", "label", "--normal", "x"], 3,
         "no document has the label 'x' (--normal); there are 'ships' (30), 'music' (30)"),
        (["fit", "ships.txt", "--out", "."], 4, "holds something else than a textocl model"),
        (["fit", "mixed.jsonl", "--out", "m", "--text-field", "body"], 3, "no field 'body'"),
        (["fit", "mixed.jsonl", "--out", "m", "--label-field", "z", "--normal", "x"], 3, "'z'"),
        (["fit", "empty.txt", "--out", "m"], 3, "empty corpus"),
        (["fit", "broken.jsonl", "--out", "m"], 3, "broken.jsonl, line 1: not JSON"),
        (["score", "absent", "ships.txt", "--out", "o.csv"], 4, "no model at 'absent'"),
        (["score", "ships.txt", "ships.txt", "--out", "o.csv"], 4, "no model at"),
        (["score", "model", "ships.txt", "--out", "o.xlsx"], 3, ".jsonl or .csv"),
        (["score", "model", "ships.txt", "--out", "no/o.csv"], 3, "cannot write to"),
        (["score", "absent.onnx", "ships.txt", "--out", "o.csv"], 4, "no ONNX file at 'absent.onnx'"),
        (["score", "model", "ships.txt", "--out", "o.csv", "--workers", "0"], 2, "--workers"),
        (["score", "model", "broken.jsonl", "--out", "o.csv", "--workers", "2"], 3, "not JSON"),
        (["score", "model", "ships.txt", "--out", "no/o.csv", "--workers", "2"], 3, "cannot write"),
        (["score", "model", "ships.docx", "--out", "o.csv"], 3, "no such file"),
        (["score", "model", "broken.jsonl", "--out", "o.csv"], 3, "line 1: not JSON"),
        (["evaluate", "model", "mixed.jsonl", "--normal", "x"], 2, "--label-field"),
        (["explain", "model"], 2, "Missing argument"),
        (["export", "absent", "--out", "m.onnx"], 4, "no model at 'absent'"),
        (["export", "model", "--out", "m.onnx", "--verify", "no.txt"], 3, "no such file"),
        (["export", "model", "--out", "m.onnx", "--dtype", "float8"], 2, "float8"),
        (["demo", "--out", "."], 4, "holds something else than a textocl model"),
        (["nonsense"], 2, "No such command"),
    ],
)  # fmt: skip
def test_mistakes_give_one_clear_message_and_an_exit_code(
    model: Path, folder: Path, arguments: list[str], code: int, message: str
) -> None:
    (folder / "empty.txt").write_text("")
    (folder / "broken.jsonl").write_text("{\n")
    before = {path.name for path in folder.iterdir()}
    done = run(*arguments, code=code, cwd=folder)
    assert " ".join(message.split()) in " ".join(done.stderr.replace("│", " ").split())
    assert {path.name for path in folder.iterdir()} == before


def test_skip_bad_counts_and_reports(model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "ship"}\n{\n{"text": 1}\n{"text": "port"}\n')
    done = run("score", model, tmp_path / "a.jsonl", "--out", tmp_path / "o.jsonl", "--skip-bad")
    assert "2 records could not be read" in done.stderr
    assert "line 2: not JSON" in done.stderr
    assert len((tmp_path / "o.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_closed_pipe_is_no_error(exported: Path, folder: Path, workers: str) -> None:
    big = folder / "big.txt"
    big.write_text("the ship\n" * 20_000)
    reader = subprocess.Popen(
        [*TEXTOCL, "score", str(exported), str(big), "--out", "-", "--workers", workers],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert reader.stdout
    assert reader.stderr
    reader.stdout.readline()
    reader.stdout.close()
    errors = reader.stderr.read()
    reader.wait(timeout=60)
    assert "Traceback" not in errors


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_an_interrupted_fit_leaves_the_old_model(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "many.txt").write_text("\n".join(sentences("ships", 3000)))
    model = tmp_path / "model"
    run("fit", folder / "ships.txt", "--out", model, "--quiet")
    before = (model / "config.json").read_bytes()
    process = subprocess.Popen(
        [
            *TEXTOCL,
            "fit",
            str(tmp_path / "many.txt"),
            "--out",
            str(model),
            "--model",
            "cvdd",
            "--epochs",
            "100000",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a runner in the background may have told its children to ignore interrupts
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        time.sleep(6)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "interrupted" in errors
    assert "Traceback" not in errors
    assert (model / "config.json").read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["many.txt", "model"]


def test_the_module_runs_as_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "textocl", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("textocl ")


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


def test_labels_are_spelled_as_json_spells_them(model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"text": "ship", "ok": true}\n{"text": "guitar", "ok": false}\n{"text": "", "ok": false}\n'
    )
    done = run(
        "evaluate", model, tmp_path / "a.jsonl", "--label-field", "ok", "--normal", "true", "--json"
    )
    assert json.loads(done.stdout)["n_normal"] == 1
    assert json.loads(done.stdout)["without_known_word"] == 1
    assert "1 of 3 documents have no known word" in done.stderr


def test_help_and_version() -> None:
    assert run("--version").stdout.strip() == f"textocl {textocl.__version__}"
    assert "Exit codes" in run("--help").stdout
    for command in ("fit", "score", "evaluate", "contexts", "explain", "info", "demo", "benchmark"):
        assert "Usage" in run(command, "--help").stdout


def test_benchmark_writes_tables_and_continues(tmp_path: Path) -> None:
    for topic in ("ships", "music"):
        (tmp_path / "topics" / topic).mkdir(parents=True)
        for i, text in enumerate(sentences(topic, 100, seed=8)):
            (tmp_path / "topics" / topic / f"{i}.txt").write_text(text)
    arguments = ["benchmark", "topics", "--classes", "ships", "--contamination", "0,0.1"]
    done = run(*arguments, "--seeds", 1, cwd=tmp_path)
    assert "| cvdd | wordllama |" in done.stdout
    assert "10 % of the training documents hidden anomalies" in done.stdout
    assert "Written to benchmark-topics." in done.stderr
    first = json.loads((tmp_path / "benchmark-topics" / "benchmark.json").read_text())["records"]
    again = json.loads(run(*arguments, "--seeds", 1, "--json", cwd=tmp_path).stdout)
    assert again == {"out": "benchmark-topics", "records": first}  # not run again: same seconds
    assert run(*arguments, "--seeds", 1, "--quiet", cwd=tmp_path).stdout == ""


def test_benchmark_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    done = run("benchmark", "reuters", "--model", "cvd", code=3, cwd=tmp_path)
    assert all(repr(name) in done.stderr for name in TEXT_MODELS)
    done = run("benchmark", "reuters", "--data", "data", code=3, cwd=tmp_path)
    assert "looked for reuters.jsonl.gz in data (--data)" in done.stderr
    run("benchmark", "reuters", "--contamination", "some", code=2, cwd=tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data"]


def running(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""  # empty where only its end is kept
    except OSError:
        return False


def cut_off(
    model: Path, docs: Path, out: Path, how: signal.Signals
) -> subprocess.CompletedProcess[str]:
    """Give a run all but the last batch, wait for results, and end it."""
    process = subprocess.Popen(
        [*TEXTOCL, "score", model, "-", "--format", "jsonl", "--out", out, "--workers", "2"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdin
    journal = out.with_name(f"{out.name}.parts") / "journal.jsonl"
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    try:
        process.stdin.writelines(docs.open().readlines()[:11_500])
        process.stdin.flush()
        while not journal.exists() or not journal.read_text().endswith("\n"):
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        workers = children.read_text().split()
        assert len(workers) >= 2
        second = run("score", model, docs, "--out", out, "--workers", 2, code=3)
        assert f"another run is writing {out}" in second.stderr
        if how == signal.SIGKILL:
            process.kill()
        else:
            os.killpg(process.pid, how)
        _, errors = process.communicate(timeout=60)
        while any(map(running, workers)):
            time.sleep(0.01)
    finally:
        process.kill()
    return subprocess.CompletedProcess([], process.returncode, "", errors)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks at processes in /proc")
@pytest.mark.parametrize(("how", "workers"), [(signal.SIGKILL, 2), (signal.SIGINT, 1)])
def test_a_run_of_workers_that_is_cut_off_goes_on(
    exported: Path, many: Path, tmp_path: Path, how: signal.Signals, workers: int
) -> None:
    out, parts = tmp_path / "out.csv", tmp_path / "out.csv.parts"
    run("score", exported, many, "--out", tmp_path / "expected.csv")
    cut = cut_off(exported, many, out, how)
    assert "Traceback" not in cut.stderr
    n_kept = sum(
        json.loads(line)["counts"][0]
        for line in (parts / "journal.jsonl").open()
        if line[-1] == "\n"
    )
    assert n_kept in range(1024, 11_500, 1024)
    if how == signal.SIGINT:
        assert cut.returncode == 130
        assert f"{n_kept:,} scored documents are kept in {parts} for the next run" in cut.stderr
    assert not out.exists()
    arguments = ("score", exported, many, "--out", out, "--workers", workers)
    refused = run(*arguments, "--text-field", "label", code=3)
    assert "documents 1 to 1,024 are not those of the unfinished run in" in refused.stderr
    done = run(*arguments, "--json")
    assert f"going on after {n_kept:,} documents" in done.stderr
    summary = json.loads(done.stdout)
    assert summary == {
        "documents": 12_000, "anomalous": summary["anomalous"], "without_known_word": 1, "out": str(out)
    }  # fmt: skip
    assert "1 of 12,000 documents have no known word" in done.stderr
    assert out.read_bytes() == (tmp_path / "expected.csv").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["expected.csv", "out.csv"]
