"""The fused score is the mean it states, and its members survive saving or are refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file
from sklearn.base import clone
from texts import added_up, sentences

import textocl
from textocl import (
    CVDD,
    KDE,
    CharacterLikelihood,
    DataError,
    Detector,
    FormatError,
    SurfaceProfile,
    TextoclWarning,
    WordLikelihood,
)
from textocl.core.metrics import evaluate
from textocl.core.persistence import CONFIG, WEIGHTS


@pytest.fixture(scope="module")
def fitted(ships: list[str]) -> Detector:
    """Tests must not change it."""
    return Detector(n_contexts=3).fit(ships)


@pytest.fixture(scope="module")
def saved(fitted: Detector, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "model"
    fitted.save(folder)
    return folder


def test_members_are_those_it_names(fitted: Detector) -> None:
    kinds = {name: type(member.detector) for name, member in fitted.members_.items()}
    assert kinds == {
        "density": KDE,
        "contexts": CVDD,
        "words": WordLikelihood,
        "surface": SurfaceProfile,
        "characters": CharacterLikelihood,
    }
    assert len(fitted.contexts_) == 3


def test_without_form_the_score_is_the_weighted_mean_of_the_members_scores(
    ships: list[str], mixed: list[str]
) -> None:
    detector = Detector(form_weight=0).fit(ships)
    members = detector.member_scores(mixed)
    weights = {name: member.weight for name, member in detector.members_.items()}
    expected = []
    for i in range(len(mixed)):
        known = {name: s[i] for name, s in members.items() if not np.isnan(s[i])}
        total = sum(weights[name] for name in known)
        expected.append(sum(weights[name] * s for name, s in known.items()) / total)
    assert detector.anomaly_score(mixed).tolist() == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_members_scores_count_standard_deviations_from_their_own_median(
    fitted: Detector, mixed: list[str]
) -> None:
    found = fitted.member_scores(mixed)
    for name, member in fitted.members_.items():
        alone = member.detector.anomaly_score(mixed).astype(np.float64)
        expected = (alone - member.location) / member.scale
        assert np.allclose(found[name], expected, rtol=1e-5, atol=1e-5)
    # new normal documents lie where the held-out ones did
    for scores in fitted.member_scores(sentences("ships", 300, seed=9)).values():
        assert abs(np.median(scores)) < 0.7
        assert 0.5 < scores.std() < 2


@pytest.mark.filterwarnings("ignore:.*most frequent words have no vector")
def test_a_member_that_knows_no_word_is_left_out() -> None:
    ships = sentences("ships", 60)
    # the vectors know two words; the word likelihood knows all
    vectors = {"ship": [1.0, 0.0], "port": [0.0, 1.0], "sea": [1.0, 1.0]}
    texts = [text + " ship port sea"[: 4 + 6 * (i % 3)] for i, text in enumerate(ships)]
    detector = Detector(embedding=vectors, n_contexts=1, form_weight=0).fit(texts)
    members = detector.member_scores(["tanker cargo", "ship tanker"])
    assert np.isnan(members["density"]).tolist() == [True, False]
    assert np.isnan(members["contexts"]).tolist() == [True, False]
    assert not np.isnan(members["words"]).any()
    score = detector.anomaly_score(["tanker cargo"])[0]
    assert score == pytest.approx(members["words"][0])
    (explanation,) = detector.explain(["tanker cargo"])
    assert explanation.contributions.sum() == pytest.approx(score, abs=1e-4)
    assert explanation.nearest_context is None


@pytest.mark.parametrize("rate", [0.05, 0.2])
def test_the_false_alarm_rate_holds_for_new_documents(rate: float) -> None:
    alarms = [
        (detector.predict(sentences("ships", 500, seed=50 + seed)) == -1).mean()
        for seed in range(3)
        for detector in [
            Detector(false_alarm_rate=rate, language=None, random_state=seed).fit(
                sentences("ships", 500, seed=seed)
            )
        ]
    ]
    assert np.mean(alarms) == pytest.approx(rate, abs=0.5 * rate)


def test_contributions_add_up_and_attention_is_that_of_the_contexts(
    fitted: Detector, mixed: list[str]
) -> None:
    scores = fitted.anomaly_score(mixed)
    distances = fitted.context_distances(mixed)
    for i, explanation in enumerate(fitted.explain(mixed)):
        assert explanation.score == scores[i]
        excess = scores[i] - fitted.threshold_
        expected = [scores[i], excess, 1]
        assert added_up(explanation) == pytest.approx(expected, rel=1e-4, abs=1e-4)
        assert explanation.attention.sum(axis=0) == pytest.approx([1, 1, 1], abs=1e-5)
        assert explanation.context_distances == pytest.approx(distances[i])
        assert explanation.nearest_context == distances[i].argmin()


def test_a_word_of_the_other_topic_speaks_for_an_anomaly(fitted: Detector) -> None:
    (explanation,) = fitted.explain(["ship tanker harbour guitar cargo port"])
    assert explanation.anomalous_words(1)[0][0] == "guitar"


def test_unknown_documents_get_the_worst_score(fitted: Detector, mixed: list[str]) -> None:
    worst = np.finfo(np.float32).max
    with pytest.warns(TextoclWarning, match="2 of 3 documents have no known word") as caught:
        scores = fitted.anomaly_score(["", " \n", mixed[0]])
    assert len(caught) == 1
    assert scores[:2].tolist() == [worst, worst]
    assert scores[2] < 100
    assert all(np.isnan(s).all() for s in fitted.member_scores(["", " \n"]).values())


def test_a_document_without_a_known_word_is_judged_by_its_form(fitted: Detector) -> None:
    (score,), (assessed,) = fitted.anomaly_score(["12 %%"]), fitted.assess(["12 %%"]).label
    assert fitted.threshold_ < score < 1e6
    assert assessed == -1
    (explanation,) = fitted.explain(["12 %%"])
    assert (explanation.words, explanation.label) == ([], -1)
    assert added_up(explanation)[0] == pytest.approx(score, rel=1e-4)
    form = {name: s[0] for name, s in fitted.member_scores(["12 %%"]).items() if not np.isnan(s[0])}
    assert set(form) == {"surface", "characters"}


def test_words_without_a_vector_are_told_once(ships: list[str]) -> None:
    with pytest.warns(TextoclWarning, match="most frequent words have no vector") as caught:
        Detector(embedding={"ship": [1.0, 0.0], "port": [0.0, 1.0]}, n_contexts=1).fit(ships)
    assert len(caught) == 1


def test_labelled_anomalies_raise_the_scores_of_their_topic(ships: list[str]) -> None:
    music, new = sentences("music", 30), sentences("music", 60, seed=4)
    labels = [0] * len(ships) + [-1] * len(music)
    detector = Detector(support_weight=0)
    without = clone(detector).fit(ships)
    with_them = clone(detector).fit(ships + music, labels)
    gains = [d.anomaly_score(new).mean() - d.threshold_ for d in (with_them, without)]
    assert gains[0] > 1.05 * gains[1] > 0
    # another topic, of which nothing was said, still ranks above what is normal
    normal, food = sentences("ships", 60, seed=4), sentences("food", 60, seed=4)
    scores = with_them.anomaly_score(normal + food)
    assert evaluate(scores, np.repeat([False, True], 60)).auc > 0.95


def test_without_support_it_ranks_as_the_density_alone(ships: list[str], mixed: list[str]) -> None:
    detector = Detector(support_weight=0, form_weight=0, contamination=0).fit(ships)
    assert list(detector.members_) == ["density"]
    alone = KDE(calibration="cross").fit(ships).anomaly_score(mixed)
    order = np.argsort(alone, kind="stable")
    assert (np.diff(detector.anomaly_score(mixed)[order]) >= 0).all()
    for use in (lambda: detector.contexts_, lambda: detector.context_distances(mixed)):
        with pytest.raises(DataError, match="support_weight=0, without CVDD"):
            use()
    assert (detector.assess(mixed).nearest_context == -1).all()


def test_without_a_language_there_is_no_word_likelihood(ships: list[str]) -> None:
    members = Detector(language=None, form_weight=0).fit(ships).members_
    assert list(members) == ["density", "contexts"]


def test_with_a_language_model_a_density_of_words_joins(
    tiny_bert: Path, ships: list[str], mixed: list[str], tmp_path: Path
) -> None:
    detector = Detector(embedding=str(tiny_bert)).fit(ships)
    detector.save(tmp_path / "model")
    loaded = textocl.load(tmp_path / "model")
    assert isinstance(loaded, Detector)
    embeddings = {
        name: member.detector.get_params().get("embedding")
        for name, member in loaded.members_.items()
    }
    assert embeddings == {
        "density": str(tiny_bert),
        "word_density": "wordllama",
        "contexts": "wordllama",
        "words": None,
        "surface": None,
        "characters": None,
    }
    density = loaded.members_["density"].detector
    assert density.get_params()["pooling"] == "lead"
    scores = detector.anomaly_score(mixed)
    assert loaded.anomaly_score(mixed).tobytes() == scores.tobytes()
    for explanation, score in zip(detector.explain(mixed[:5]), scores, strict=False):
        assert added_up(explanation)[0] == pytest.approx(score, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_contexts": 0}, "n_contexts must be"),
        ({"support_weight": -0.1}, "support_weight must be"),
        ({"form_weight": -0.1}, "form_weight must be"),
        ({"false_alarm_rate": 1}, "false_alarm_rate must be"),
        ({"calibration": "training"}, "calibration must be one of 'cross'"),
        ({"random_state": -1}, "random_state"),
        ({"embedding": 7}, "embedding must be a name"),
        ({"tokenization": "bpe"}, "tokenization must be one of"),
        ({"language": "xx"}, "no word frequencies for language 'xx'"),
    ],
)
def test_wrong_parameters_are_named(
    ships: list[str], parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        Detector(**parameters).fit(ships)


def test_too_few_documents_are_refused() -> None:
    with pytest.raises(DataError, match="at least 8 different normal documents, got 7"):
        Detector(n_contexts=2).fit(sentences("ships", 7))
    with pytest.raises(DataError, match="expected normal documents, got none"):
        Detector().fit([])


def test_suspected_anomalies_are_kept_from_every_member(ships: list[str]) -> None:
    hidden = sentences("music", 12)
    plain, wary = (Detector(contamination=c, language="en").fit(ships + hidden) for c in (0, 0.1))
    new = sentences("music", 60, seed=4)
    for name, scores in wary.member_scores(new).items():
        if name not in ("surface", "characters"):  # these leave out what is odd by form only
            assert np.median(scores) > np.median(plain.member_scores(new)[name])
    assert len(wary.suspected_) == round(1.5 * 0.1 * 132)
    assert np.isin(np.arange(120, 132), wary.suspected_).mean() > 0.8
    assert plain.suspected_.shape == (0,)
    assert "guitar" not in {w.word for c in wary.contexts_ for w in c.words}


def test_of_many_documents_landmarks_tell_which_are_suspected(
    ships: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pile = ships + sentences("music", 12)
    monkeypatch.setattr(KDE, "n_landmarks", 40)  # members have their own
    detector = Detector(contamination=0.1, language="en", form_weight=0).fit(pile)
    assert np.isin(np.arange(120, 132), detector.suspected_).mean() > 0.8


def test_hidden_anomalies_do_not_raise_the_threshold(ships: list[str]) -> None:
    hidden = sentences("music", 13)
    plain, wary = (Detector(contamination=c, language="en").fit(ships + hidden) for c in (0, 0.1))
    new = sentences("music", 60, seed=4)
    assert (wary.predict(new) == -1).mean() > 0.9 > (plain.predict(new) == -1).mean()
    assert (wary.predict(sentences("ships", 200, seed=5)) == -1).mean() < 0.2


def test_labelled_anomalies_are_never_suspected(ships: list[str]) -> None:
    known = sentences("music", 10)
    detector = Detector(contamination=0.1).fit(known + ships, [-1] * 10 + [0] * len(ships))
    assert detector.suspected_.min() >= 10
    assert len(detector.suspected_) == round(1.5 * 0.1 * len(ships))


def test_contamination_that_leaves_too_few_is_refused() -> None:
    with pytest.raises(DataError, match="leaves out, got 4"):
        Detector(contamination=0.4).fit(sentences("ships", 10))


def test_wordless_documents_are_set_aside_with_one_warning(ships: list[str]) -> None:
    with pytest.warns(TextoclWarning, match="40 of 160 documents have no known word") as caught:
        detector = Detector(language=None, form_weight=0).fit([*ships, *map(str, range(40))])
    assert len(caught) == 1
    assert detector.calibration_scores_.max() < 100


# --- saving ---


def test_a_loaded_detector_has_equal_members(
    fitted: Detector, saved: Path, mixed: list[str]
) -> None:
    loaded = textocl.load(saved)
    assert isinstance(loaded, Detector)
    assert loaded.anomaly_score(mixed).tobytes() == fitted.anomaly_score(mixed).tobytes()
    for name, scores in fitted.member_scores(mixed).items():
        assert loaded.member_scores(mixed)[name].tobytes() == scores.tobytes()
    assert loaded.contexts_ == fitted.contexts_
    one, other = loaded.explain(mixed[:3]), fitted.explain(mixed[:3])
    assert [e.to_dict() for e in one] == [e.to_dict() for e in other]
    assert sorted(path.name for path in saved.iterdir()) == [CONFIG, WEIGHTS]
    assert {name.partition(".")[0] for name in load_file(saved / WEIGHTS)} == {
        "calibration_scores", "held_out", "memory", "surprisal", *fitted.members_,
    }  # fmt: skip


def without_density(members: dict[str, Any]) -> None:
    del members["density"]


def with_itself(members: dict[str, Any]) -> None:
    members["words"]["class"] = "Detector"


def of_another_kind(members: dict[str, Any]) -> None:
    members["word_density"] = members.pop("words")


HOSTILE: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "no density": (without_density, "no density"),
    "a detector in a detector": (with_itself, "no CVDD or CharacterLikelihood or Discriminant"),
    "a member under the name of another": (of_another_kind, "lacks the array"),
    "a class of somebody": (
        lambda m: m["density"].update({"class": "os.system"}),
        "no CVDD or CharacterLikelihood",
    ),
    "no class": (lambda m: m["density"].pop("class"), "no CVDD or CharacterLikelihood"),
    "a class that is a list": (
        lambda m: m["density"].update({"class": ["KDE"]}),
        "no CVDD or CharacterLikelihood",
    ),
    "no dictionary": (lambda m: m.update(density=7), "no CVDD or CharacterLikelihood"),
    "no parameters": (lambda m: m["density"].update(parameters=None), "lacks 'parameters'"),
    "no facts": (lambda m: m["contexts"].update(facts=[]), "lacks 'parameters' or 'facts'"),
    "unknown parameter": (lambda m: m["density"]["parameters"].update(evil=1), "evil"),
    "wrong parameter": (lambda m: m["density"]["parameters"].update(bandwidth=-1), "bandwidth"),
    "weight of 0": (lambda m: m["density"].update(weight=0), "weight must be"),
    "weight as text": (lambda m: m["density"].update(weight="1"), "weight must be"),
    "negative scale": (lambda m: m["words"].update(scale=-1.0), "scale must be"),
    "no location": (lambda m: m["words"].pop("location"), "location must be"),
    "NaN": (lambda m: m["words"].update(location=float("nan")), "location must be"),
    "facts of another": (lambda m: m["contexts"]["facts"].update(contexts=[]), "consistent"),
    "a size too large": (lambda m: m["density"]["facts"].update(n_features=99), "shape|size"),
}


@pytest.mark.parametrize("attack", HOSTILE)
def test_hostile_members_are_refused(saved: Path, tmp_path: Path, attack: str) -> None:
    model = Path(shutil.copytree(saved, tmp_path / "model"))
    config = json.loads((model / CONFIG).read_text("utf-8"))
    change, message = HOSTILE[attack]
    change(config["members"])
    (model / CONFIG).write_text(json.dumps(config), "utf-8")
    with pytest.raises(FormatError, match=message):
        textocl.load(model)


@pytest.mark.parametrize("members", [None, [], "density", {}, {"density": None}])
def test_members_that_are_none_are_refused(saved: Path, tmp_path: Path, members: Any) -> None:
    model = Path(shutil.copytree(saved, tmp_path / "model"))
    config = json.loads((model / CONFIG).read_text("utf-8"))
    (model / CONFIG).write_text(json.dumps({**config, "members": members}), "utf-8")
    with pytest.raises(FormatError):
        textocl.load(model)
