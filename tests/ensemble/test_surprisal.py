"""The words that do not belong, against a naive loop and by what a reader would say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from texts import sentences

import textocl
from textocl import Detector
from textocl.core.exceptions import DataError, FormatError
from textocl.core.persistence import ModelFiles
from textocl.ensemble.surprisal import Surprisal
from textocl.text.documents import PackedDocuments
from textocl.text.spaces import Embedded


def documents(seed: int, n: int, u: int = 30, d: int = 8) -> Embedded:
    rng = np.random.default_rng(seed)
    rows = [np.sort(rng.choice(u, rng.integers(1, 9), replace=False)) for _ in range(n)]
    flat = np.concatenate(rows).astype(np.int32)
    packed = PackedDocuments(
        flat,
        rng.integers(1, 4, len(flat)).astype(np.float32),
        np.cumsum([0, *map(len, rows)]).astype(np.int64),
    )
    table = np.random.default_rng(0).normal(size=(u, d)).astype(np.float16)
    return Embedded(packed, table, [f"w{i}" for i in range(u)])


def unit(vector: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vector)
    return vector / length if length > 1e-9 else vector


def naive(references: Embedded, asked: Embedded) -> list[float]:
    """The formula of `Surprisal`, word by word."""
    table = references.table.astype(np.float64)
    bags = [
        dict(zip(p.rows_of(i).tolist(), p.counts[p.offsets[i] : p.offsets[i + 1]].tolist(), strict=True))
        for p in [references.packed]
        for i in range(len(p))
    ]  # fmt: skip
    m = len(bags)

    def part(word: int, count: float) -> np.ndarray:
        holding = sum(word in bag for bag in bags)
        return np.log1p(count) * (np.log((m + 1) / (holding + 1)) + 0.1) * unit(table[word])

    sums = [unit(np.sum([part(w, n) for w, n in bag.items()], axis=0)) for bag in bags]
    center = np.mean(sums, axis=0)
    points = [unit(z - center) for z in sums]
    values = []
    p = asked.packed
    for i in range(len(p)):
        counts = p.counts[p.offsets[i] : p.offsets[i + 1]].tolist()
        bag = dict(zip(p.rows_of(i).tolist(), counts, strict=True))
        for word, count in bag.items():
            others = [part(w, n) for w, n in bag.items() if w != word]
            z = unit(unit(np.sum(others, axis=0) if others else np.zeros(table.shape[1])) - center)
            likeness = np.array([np.exp((z @ point - 1) / 0.1) for point in points])
            holding = likeness[[word in b for b in bags]].sum()
            unseen = 8 * likeness.sum() / m
            cosines = sorted(unit(table[word]) @ unit(table[w]) for w in bag if w != word)
            alike = np.mean(sorted([*cosines, 0.0])[-3:])  # the word's own place is 0
            share = (holding + unseen) / (likeness.sum() + unseen)
            values.append(-np.log(share) - np.log(count) - alike)
    return values


def test_it_is_the_formula_word_by_word() -> None:
    references, asked = documents(1, 12), documents(2, 6)
    found = Surprisal.learn(references, 100, 0)
    assert found is not None
    assert found.of(asked) == pytest.approx(
        naive(references, asked), abs=2e-2
    )  # points are float16
    assert np.corrcoef(found.of(asked), naive(references, asked))[0, 1] > 0.9999


def test_a_long_document_is_judged_in_parts_to_the_same_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found, asked = Surprisal.learn(documents(1, 12), 100, 0), documents(2, 6)
    assert found is not None
    whole = found.of(asked)
    monkeypatch.setattr("textocl.ensemble.surprisal._WORDS_AT_ONCE", 3)
    assert found.of(asked) == pytest.approx(whole, abs=1e-5)


def test_of_a_reference_it_is_what_the_others_say() -> None:
    everything = documents(3, 9)
    found = Surprisal.learn(everything, 100, 0)
    assert found is not None
    p = everything.packed
    rows, counts = p.rows_of(0), p.counts[: p.offsets[1]]
    own = found._of(rows, counts, everything.table)
    assert (found._of(rows, counts, everything.table, without=0) > own).all()


def test_one_word_in_twenty_is_above_the_level() -> None:
    detector = Detector(n_contexts=1).fit(sentences("ships", 300))
    above = [
        value > e.usual_surprisal
        for e in detector.explain(sentences("ships", 300, seed=8))
        for value in e.surprisal
    ]
    assert 0.02 < np.mean(above) < 0.1


def test_no_more_references_are_kept_than_asked_for() -> None:
    found = Surprisal.learn(documents(1, 50), 20, 0)
    assert found is not None
    assert found.n_references == len(found.points) == 20
    assert Surprisal.learn(documents(1, 1), 20, 0) is None
    assert Surprisal.learn(documents(1, 50), 1, 0) is None


def test_words_of_another_topic_are_unexpected_and_saved_models_say_the_same(
    ships: list[str], tmp_path: Path
) -> None:
    detector = Detector(n_contexts=1).fit(ships)
    text = "ship tanker harbour guitar cargo port penguin"
    (explanation,) = detector.explain([text])
    assert {word for word, _ in explanation.unexpected_words(2)} == {"guitar", "penguin"}
    assert len(explanation.surprisal) == len(explanation.words)
    assert explanation.to_dict()["words"][3]["surprisal"] == explanation.surprisal[3]
    detector.save(tmp_path / "model")
    (loaded,) = textocl.load(tmp_path / "model").explain([text])
    assert loaded.surprisal.tolist() == explanation.surprisal.tolist()
    assert loaded.usual_surprisal == explanation.usual_surprisal


@pytest.mark.filterwarnings("ignore:.*most frequent words have no vector")
def test_a_word_that_no_vector_knows_is_as_unexpected_as_any_unseen_one(ships: list[str]) -> None:
    vectors = {word: [float(i), 1.0] for i, word in enumerate(["ship", "tanker", "port", "cargo"])}
    detector = Detector(embedding=vectors, n_contexts=1).fit(ships)
    (explanation,) = detector.explain(["ship harbour"])
    assert explanation.words == ["ship", "harbour"]
    # references are the documents with one of the four words that are not suspected
    known = [text for text in ships if set(text.split()) & vectors.keys()]
    n = len(known) - np.isin([ships.index(text) for text in known], detector.suspected_).sum()
    assert 70 < n < 102
    assert explanation.surprisal[1] == pytest.approx(np.log((n + 8) / 8))


@pytest.mark.parametrize("n_references", [0, 1])
def test_without_references_there_is_none(ships: list[str], n_references: int) -> None:
    detector = Detector(n_contexts=1, n_references=n_references).fit(ships)
    (explanation,) = detector.explain(["ship guitar"])
    assert explanation.surprisal is None
    assert explanation.unexpected_words() == []
    assert "surprisal" not in explanation.to_dict()["words"][0]


def test_an_interrupted_fit_leaves_the_detector_as_it_was(
    ships: list[str], mixed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = Detector(n_contexts=1).fit(ships)
    before, explained = detector.anomaly_score(mixed), detector.explain(mixed[:1])[0].to_dict()

    def interrupted(*given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Surprisal, "learn", interrupted)
    with pytest.raises(KeyboardInterrupt):
        detector.fit(sentences("music", 60))
    assert detector.anomaly_score(mixed).tobytes() == before.tobytes()
    assert detector.explain(mixed[:1])[0].to_dict() == explained


def test_a_negative_number_of_references_is_refused(ships: list[str]) -> None:
    with pytest.raises(DataError, match="n_references"):
        Detector(n_references=-1).fit(ships)


def test_a_model_from_before_there_was_surprisal_loads(ships: list[str], tmp_path: Path) -> None:
    Detector(n_contexts=1).fit(ships).save(tmp_path / "model")
    file = tmp_path / "model" / "config.json"
    config = json.loads(file.read_text("utf-8"))
    del config["surprisal"], config["parameters"]["n_references"]
    file.write_text(json.dumps(config), "utf-8")
    assert textocl.load(tmp_path / "model").explain(["ship guitar"])[0].surprisal is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rows", np.array([99] * 40, np.int32)),
        ("rows", np.array([-1] * 40, np.int32)),
        ("offsets", np.zeros(13, np.int64)),
        ("points", np.full((12, 8), np.nan, np.float16)),
        ("points", np.zeros((12, 7), np.float16)),
        ("center", np.zeros(9, np.float32)),
        ("level", "high"),
    ],
)
def test_damaged_references_are_refused(name: str, value: object) -> None:
    found = Surprisal.learn(documents(1, 12), 100, 0)
    assert found is not None
    files = found.to_files()
    damaged: ModelFiles
    if name == "level":
        damaged = ModelFiles({"level": value}, files.arrays)
    else:
        damaged = ModelFiles(files.facts, {**files.arrays, name: np.asarray(value)})
    with pytest.raises((FormatError, DataError)):
        Surprisal.from_files(damaged, 30)
    assert Surprisal.from_files(files, 30).level == found.level
