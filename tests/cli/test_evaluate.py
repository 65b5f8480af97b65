"""``textocl evaluate``: measures on labelled documents."""

from __future__ import annotations

import json
from pathlib import Path

from commands import run


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


def test_labels_are_spelled_as_json_spells_them(model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"text": "ship", "ok": true}\n{"text": "guitar", "ok": false}\n{"text": "", "ok": false}\n'
    )
    done = run(
        "evaluate", model, tmp_path / "a.jsonl", "--label-field", "ok", "--normal", "true", "--json"
    )
    assert json.loads(done.stdout)["n_normal"] == 1
    assert json.loads(done.stdout)["not_judged"] == 1
    assert "1 of 3 documents have no known word" in done.stderr
