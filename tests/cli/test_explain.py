"""``textocl contexts``, ``explain`` and ``info``: what a model is and what it says of a text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import run


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
