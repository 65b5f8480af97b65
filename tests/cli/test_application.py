"""The command as a whole: its help, its messages and exit codes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from commands import run

import textocl


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
        (["fit", "empty.txt", "--out", "m"], 3, "expected normal documents, got none"),
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
    before = {path.name for path in folder.iterdir()}
    done = run(*arguments, code=code, cwd=folder)
    assert " ".join(message.split()) in " ".join(done.stderr.replace("│", " ").split())
    assert {path.name for path in folder.iterdir()} == before


def test_the_module_runs_as_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "textocl", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("textocl ")


def test_help_and_version() -> None:
    assert run("--version").stdout.strip() == f"textocl {textocl.__version__}"
    assert "Exit codes" in run("--help").stdout
    for command in ("fit", "score", "evaluate", "contexts", "explain", "info", "demo", "benchmark"):
        assert "Usage" in run(command, "--help").stdout


def test_flags_have_no_value_and_completion_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    for command in ([], ["score"], ["vision"], ["vision", "score"]):
        assert "bool" not in run(*command, "--help").stdout
    shown = run("--help").stdout
    assert "--install-completion" in shown
    assert "_TEXTOCL_COMPLETE=complete_bash" in run("--show-completion", "bash").stdout


@pytest.mark.parametrize("command", [["fit"], ["find"], ["vision", "fit"]])
def test_help_shows_defaults_that_a_detector_chooses(command: list[str]) -> None:
    shown = " ".join(run(*command, "--help").stdout.replace("│", " ").split())
    expected = {"fit": "[default: (the model's)]", "find": "[default: (0.1)]"}
    assert expected[command[-1]] in shown
