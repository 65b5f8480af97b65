"""``textocl contexts``, ``explain`` and ``info``: what a model is and what it says of a text."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from commands import run
from texts import sentences

import textocl


def test_contexts_explain_and_info(model: Path) -> None:
    assert "Typical of context 0" in run("contexts", model).stdout
    contexts = json.loads(run("contexts", model, "--json").stdout)
    assert sum(context["share"] for context in contexts) == pytest.approx(1)
    shown = run("explain", model, "The band on the ship [bold]played[/bold] guitar").stdout
    assert "guitar" in shown
    assert "[bold]played[/bold]" in shown
    (explanation,) = json.loads(run("explain", model, "ship and band", "--json").stdout)
    total = sum(one["contribution"] for one in explanation["words"] + explanation["form"])
    assert total == pytest.approx(explanation["score"], abs=1e-5, rel=1e-5)
    assert json.loads(run("explain", model, "-", "--json", input="port").stdout)
    assert "threshold" in run("info", model).stdout
    facts = json.loads(run("info", model, "--json").stdout)
    assert facts["detector"] == "Detector"
    assert facts["calibration_documents"] == 120
    assert facts["parameters"]["random_state"] == 1
    members = {name: said.split(",")[0] for name, said in facts["members"].items()}
    assert members == {
        "density": "KDE",
        "contexts": "CVDD",
        "words": "WordLikelihood",
        "surface": "SurfaceProfile",
        "characters": "CharacterLikelihood",
    }


def test_a_text_that_cannot_be_judged_has_no_score(model: Path) -> None:
    shown = run("explain", model, "  ").stdout
    assert shown.startswith("not judged, no known word\n")
    assert "score" not in shown
    (explanation,) = explained(model, "  ")
    assert (explanation["label"], explanation["status"]) == (0, "not judged")
    assert explanation["score"] is None
    assert explanation["p_value"] is None


def test_what_is_odd_by_form_is_told(model: Path) -> None:
    loud = "SHIP AND PORT [red]NOW[/red] 0800 1234567"
    shown = " ".join(run("explain", model, loud).stdout.split())
    (explanation,) = explained(model, loud)
    said = [one["said"] for one in explanation["form"] if one["name"] == "capitals"]
    assert "odd by form: " in shown
    assert said[0].startswith("capitals ")
    assert said[0] in shown
    assert "[red]NOW[/red]" in shown
    told = re.search(r"Evidence of all words, (\S+), and of the form, (\S+), adds up", shown)
    judged = re.search(r"score (\S+) \(threshold (\S+)\)", shown)
    assert told is not None
    assert judged is not None
    of_words, of_form = map(float, told.groups())
    score, threshold = map(float, judged.groups())
    assert of_words + of_form == pytest.approx(score - threshold, abs=2e-3)
    usual = sentences("ships", 1)[0]
    assert "odd by form" not in run("explain", model, usual).stdout


def test_control_characters_never_reach_the_terminal(model: Path) -> None:
    shown = run("explain", model, "ship \x1b[31mred\x07 \u202e reversed").stdout
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "\u202e" not in shown


def explained(*arguments: object, **options: Any) -> list[dict[str, Any]]:
    explanations: list[dict[str, Any]] = json.loads(
        run("explain", *arguments, "--json", **options).stdout
    )
    return explanations


def test_documents_of_files_are_explained(model: Path, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "reviews.CSV").write_text("id,body\na,the ship\nb,the guitar\n")
    (tmp_path / "ship").write_text("no documents: a text may be called like a file")
    (tmp_path / "music").mkdir()
    fields = ("reviews.CSV", "--text-field", "body")
    both = explained(model, *fields, cwd=tmp_path)
    assert [(e["id"], e["text"]) for e in both] == [("a", "the ship"), ("b", "the guitar")]
    assert explained(model, *fields, "--id", "b", cwd=tmp_path) == both[1:]
    mixed = explained(model, "the guitar", *fields, "--id", "", "--id", "a", cwd=tmp_path)
    assert [e["text"] for e in mixed] == ["the guitar", "the ship"]
    texts = explained(model, "ship", "music", "see reviews.CSV", cwd=tmp_path)
    assert [e["text"] for e in texts] == ["ship", "music", "see reviews.CSV"]
    assert all("id" not in e for e in texts)
    shown = run("explain", model, *fields, "--id", "b", cwd=tmp_path).stdout
    assert "document b" in shown
    assert "guitar" in shown
    refused = run("explain", model, *fields, "--id", "z", cwd=tmp_path, code=3)
    assert "no document has the id 'z' (--id)" in refused.stderr
    refused = run("explain", model, "review.csv", cwd=tmp_path, code=3)
    assert "no such file: 'review.csv'" in refused.stderr


def test_standard_input_is_one_text_or_documents_of_a_format(model: Path) -> None:
    assert [e["text"] for e in explained(model, "-", input="\ufeffship\nport")] == ["ship\nport"]
    lines = explained(model, "-", "--format", "txt", input="ship\nport")
    assert [(e["id"], e["text"]) for e in lines] == [(1, "ship"), (2, "port")]


def test_an_exported_file_says_what_it_is_and_what_to_give_instead(exported: Path) -> None:
    facts = json.loads(run("info", exported, "--json").stdout)
    assert facts["detector"] == "Detector"
    assert facts["input"] == "text"
    assert facts["bytes"] == exported.stat().st_size
    assert "threshold" in run("info", exported).stdout
    for command in (
        ["explain", exported, "ship"],
        ["contexts", exported],
        ["inspect", exported, "a"],
    ):
        refused = " ".join(run(*command, code=3).stderr.split())
        assert "is an exported file, which only scores" in refused
        assert "needs the folder of the model" in refused


def test_info_says_when_a_model_was_made_by_what_and_of_how_much(model: Path) -> None:
    facts = json.loads(run("info", model, "--json").stdout)
    detector = textocl.load(model)
    learned = [member.n_training_samples_ for _, member, _ in detector.weighted_members()]
    assert facts["documents"] == max(n for n in learned if n is not None)
    assert facts["documents"] == 120  # the surface learns from all, other members from less
    assert facts["textocl_version"] == textocl.__version__
    assert facts["format_version"] == 1
    assert facts["bytes"] == sum(file.stat().st_size for file in model.iterdir())
    written = datetime.fromisoformat(facts["written"])
    assert written.timestamp() == pytest.approx((model / "config.json").stat().st_mtime, abs=1)
