"""The benchmark: what it records, what it shows, and what an interruption costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from texts import sentences

from textocl import DataError
from textocl.core.metrics import evaluate
from textocl.evaluation.benchmark import ORACLE_NUS, Cell, Record, run_benchmark, tables
from textocl.evaluation.runs import MARKDOWN_FILE
from textocl.evaluation.tables import JSON_FILE
from textocl.registry import DETECTORS, FEATURES, TEXT_MODELS, WORDS, Entry, Model

VECTORS = "vectors.npz"


class Spy:
    """A detector that remembers what it was given, and scores by the length of a text."""

    fits: list[tuple[list[str], list[int], int]] = []  # noqa: RUF012

    def __init__(self, embedding: Any = None, random_state: int = 0) -> None:
        self.seed = random_state
        self.nu = 0.1

    def get_params(self) -> dict[str, Any]:
        return {"embedding": None, "random_state": self.seed}

    def set_params(self, nu: float) -> Spy:
        self.nu = nu
        return self

    def fit(self, texts: list[str], y: np.ndarray) -> Spy:
        Spy.fits.append((texts, y.tolist(), self.seed))
        return self

    def anomaly_score(self, texts: list[str]) -> np.ndarray:
        # with nu = 0.5 music looks worst, else length decides
        return np.array([len(t) + 1000 * (self.nu == 0.5 and "song" in t) for t in texts])


class ThirdIsInterrupted(Spy):
    def fit(self, texts: list[str], y: np.ndarray) -> Spy:
        if len(Spy.fits) == 2:
            raise KeyboardInterrupt
        return super().fit(texts, y)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus") / "topics"
    for split, n, seed in (("train", 60, 5), ("test", 12, 6)):
        for topic in ("ships", "music", "food"):
            (folder / split / topic).mkdir(parents=True)
            for i, text in enumerate(sentences(topic, n, seed=seed)):
                (folder / split / topic / f"{i:03}.txt").write_text(text)
    return folder


@pytest.fixture
def spied(monkeypatch: pytest.MonkeyPatch) -> type[Spy]:
    Spy.fits.clear()
    monkeypatch.setitem(DETECTORS, "Spy", Entry("Spy", __name__, (FEATURES,), WORDS, ""))
    monkeypatch.setitem(TEXT_MODELS, "spy", Model("Spy"))
    monkeypatch.setitem(TEXT_MODELS, "ocsvm", Model("Spy"))
    return Spy


def record(label: str = "ships", seed: int = 0, auc: float = 0.5, **changes: Any) -> Record:
    cell = {"embedding": "e", "contamination": 0.0, "model": "m", "label": label, "seed": seed}
    values: dict[str, Any] = {
        **cell, "auc": auc, "average_precision": 0.5, "fpr_at_95_recall": 0.5, "fit_seconds": 1.0,
        "scoring_seconds": 1.0, "peak_memory_mb": 10.0, "n_train": 9, "n_test": 9, "n_hidden": 0,
        "n_labelled": 0, "oracle_auc": None, "oracle": None, "warnings": [],
    }  # fmt: skip
    return Record.from_dict({**values, **changes})


def test_cvdd_finds_the_topics(folder: Path, tmp_path: Path) -> None:
    records = run_benchmark(
        folder, classes=["ships", "music"], n_seeds=1, oracles=True, out=tmp_path
    )
    assert [r.cell for r in records] == [
        Cell("wordllama", 0.0, "cvdd", "ships", 0), Cell("wordllama", 0.0, "cvdd", "music", 0),
    ]  # fmt: skip
    for result in records:
        assert result.auc > 0.9
        assert result.oracle_auc is not None
        assert result.oracle_auc >= result.auc - 0.1
        assert result.oracle in ("context 0", "context 1", "context 2")
        assert (result.n_train, result.n_test, result.n_hidden, result.n_labelled) == (60, 36, 0, 0)
        assert result.fit_seconds > 0
        assert result.scoring_seconds > 0
        assert result.peak_memory_mb is None or result.peak_memory_mb > 50
    text = (tmp_path / MARKDOWN_FILE).read_text("utf-8")
    assert "| oracle: best context or ν by test AUC |" in text
    assert "which no user has" in text
    assert "textocl 0" in text
    assert "thesis:" not in text  # it has no figures of this corpus


def test_detectors_get_what_the_protocol_says(folder: Path, spied: type[Spy]) -> None:
    records = run_benchmark(
        folder, models=["spy"], classes=["food"], n_seeds=2,
        contamination=[0, 0.25], n_labelled_anomalies=4,
    )  # fmt: skip
    food = {p.read_text() for p in (folder / "train" / "food").iterdir()}
    trained = {p.read_text() for p in folder.glob("train/*/*.txt")}
    assert len(spied.fits) == len(records) == 4
    for result, (texts, y, seed) in zip(records, spied.fits, strict=True):
        n_hidden = {0: 0, 0.25: 20}[result.cell.contamination]
        assert seed == result.cell.seed
        assert y == [0] * (60 + n_hidden) + [-1] * 4
        assert sum(text not in food for text in texts[:-4]) == n_hidden
        assert not food & {*texts[-4:]}
        assert {*texts} <= trained
        assert (result.n_train, result.n_hidden, result.n_labelled) == (len(y), n_hidden, 4)


def test_measures_are_those_of_the_scores(folder: Path, spied: type[Spy]) -> None:
    (result,) = run_benchmark(folder, models=["spy"], classes=["food"], n_seeds=1)
    test = [(p.parent.name, p.read_text()) for p in folder.glob("test/*/*.txt")]
    expected = evaluate([len(t) for _, t in test], [label != "food" for label, _ in test])
    assert result.auc == pytest.approx(expected.auc)
    assert result.average_precision == pytest.approx(expected.average_precision)
    assert result.fpr_at_95_recall == pytest.approx(expected.fpr_at_95_recall)
    assert result.oracle_auc is None  # nobody asked


def test_the_oracle_of_a_support_vector_machine_is_the_best_nu(
    folder: Path, spied: type[Spy]
) -> None:
    (result,) = run_benchmark(folder, models=["ocsvm"], classes=["food"], n_seeds=1, oracles=True)
    assert len(spied.fits) == 1 + len(ORACLE_NUS)
    assert result.oracle == "nu 0.5"
    assert result.oracle_auc is not None
    assert result.oracle_auc > result.auc


def test_a_benchmark_is_continued(folder: Path, spied: type[Spy], tmp_path: Path) -> None:
    options: dict[str, Any] = {"models": ["spy"], "out": tmp_path}
    first = run_benchmark(folder, classes=["food"], n_seeds=1, **options)
    before = (tmp_path / JSON_FILE).read_bytes()
    assert run_benchmark(folder, classes=["food"], n_seeds=1, **options) == first
    assert len(spied.fits) == 1
    assert (tmp_path / JSON_FILE).read_bytes() == before
    more = run_benchmark(folder, classes=["music", "food"], n_seeds=2, **options)
    assert len(spied.fits) == 4
    assert first[0] in more
    # both files keep everything; what comes back is what was asked for
    last = run_benchmark(folder, classes=["music"], n_seeds=1, **options)
    assert [r.cell.label for r in last] == ["music"]
    assert len(json.loads((tmp_path / JSON_FILE).read_text())["records"]) == 4
    assert "| spy | wordllama |" in (tmp_path / MARKDOWN_FILE).read_text("utf-8")
    assert sorted(p.name for p in tmp_path.iterdir()) == [JSON_FILE, MARKDOWN_FILE]


def test_an_interruption_costs_the_cell_in_progress_only(
    folder: Path, spied: type[Spy], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setitem(
            DETECTORS,
            "ThirdIsInterrupted",
            Entry("ThirdIsInterrupted", __name__, (FEATURES,), WORDS, ""),
        )
        patch.setitem(TEXT_MODELS, "spy", Model("ThirdIsInterrupted"))
        run_benchmark(folder, models=["spy"], n_seeds=1, out=tmp_path)
    assert len(json.loads((tmp_path / JSON_FILE).read_text())["records"]) == 2
    assert len(run_benchmark(folder, models=["spy"], n_seeds=1, out=tmp_path)) == 3
    assert len(spied.fits) == 3


def test_other_settings_are_not_mixed_in(folder: Path, spied: type[Spy], tmp_path: Path) -> None:
    run_benchmark(folder, models=["spy"], classes=["food"], n_seeds=1, out=tmp_path)
    with pytest.raises(DataError, match="other settings .labelled_anomalies 0 instead of 3"):
        run_benchmark(folder, models=["spy"], n_labelled_anomalies=3, out=tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: "null",
        lambda text: "[" * 100_000,
        lambda text: text.replace('"oracles": false', '"oracles": true'),
        lambda text: text.replace('"auc"', '"ACU"'),
        lambda text: text.replace('"seed": 0', '"seed": []'),
        lambda text: text.replace('"n_train": 60', '"n_train": "60"'),
    ],
)
def test_damaged_results_are_refused_and_left_alone(
    folder: Path, spied: type[Spy], tmp_path: Path, damage: Any
) -> None:
    run_benchmark(folder, models=["spy"], classes=["food"], n_seeds=1, out=tmp_path)
    path = tmp_path / JSON_FILE
    damaged = damage(path.read_text())
    assert damaged != path.read_text()
    path.write_text(damaged)
    with pytest.raises(DataError, match="is damaged or no benchmark of textocl .*move it away"):
        run_benchmark(folder, models=["spy"], classes=["food"], n_seeds=1, out=tmp_path)
    assert path.read_text() == damaged


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"models": ["cvd"]}, "model must be one of 'auto', .*'cvdd', .*; got str 'cvd'"),
        ({"classes": ["boats"]}, "class must be one of 'food', 'music', 'ships'"),
        ({"contamination": [1.0]}, "contamination must be in"),
        ({"contamination": [0.9]}, "540 hidden"),
        ({"n_seeds": 0}, "n_seeds must be an integer of at least 1"),
        ({"n_labelled_anomalies": -1}, "n_labelled_anomalies must be an integer"),
        ({"embeddings": ["nowhere.npz"]}, "nowhere.npz"),
    ],
)
def test_wrong_arguments_are_named_before_the_work(
    folder: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        run_benchmark(folder, **options)


def test_warnings_of_a_fit_are_recorded_not_shown(
    folder: Path, tmp_path: Path, spied: type[Spy]
) -> None:
    words = np.array(["ship", "port", "tanker", "cargo", "vessel", "ferry"])
    np.savez(tmp_path / VECTORS, words=words, vectors=np.eye(6, dtype=np.float32))
    (result,) = run_benchmark(
        folder, embeddings=[str(tmp_path / VECTORS)], classes=["ships"], n_seeds=1, out=tmp_path / "out"
    )  # fmt: skip
    assert any("no known word" in message for message in result.warnings)
    assert "## Warnings" in (tmp_path / "out" / MARKDOWN_FILE).read_text("utf-8")


def test_an_embedding_is_loaded_once(
    folder: Path, spied: type[Spy], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []
    monkeypatch.setattr("textocl.text.embeddings.load_embedding", lambda name: loaded.append(name))
    run_benchmark(folder, models=["spy"], embeddings=["a", "b"], n_seeds=2)
    assert loaded == ["a", "b"]


# --- tables ---


def test_means_and_deviations_worked_by_hand() -> None:
    text = tables(
        [record("a", 0, 0.80), record("a", 1, 0.90), record("b", 0, 0.60), record("b", 1, 0.60)]
    )
    # of seeds: 70 and 75, mean 72.5, deviation √(2 · 2.5²) = 3.54; of class a: √(2 · 5²) = 7.07
    assert "| m | e | 72.5 ± 3.5 | 85.0 ± 7.1 | 60.0 ± 0.0 |" in text
    assert "oracle" not in text


def test_the_mean_is_over_seeds_that_have_all_classes() -> None:
    text = tables([record("a", 0, 0.8), record("a", 1, 0.9), record("b", 0, 0.6)])
    assert "| m | e | 70.0 | 85.0 ± 7.1 | 60.0 |" in text
    text = tables([record("a"), record("b"), record("a", model="unfinished", auc=0.7)])
    assert "| unfinished | e | – | 70.0 | – |" in text


def test_the_figures_of_the_thesis_stand_beside_with_their_oracles_named() -> None:
    text = tables([record("ship"), record("earn")], "reuters")
    assert "| model | embedding | mean | earn | ship |" in text
    assert "| thesis: CVDD, r = 3 | GloVe 300 d | 95.8 | 94.0 | 97.6 |" in text
    assert "| thesis: OC-SVM, mean (oracle: best ν) | GloVe 300 d | 91.2 | 91.1 | 91.2 |" in text
    assert "| thesis: CVDD, c* (oracle: best context) | fastText 300 d |" in text


@pytest.mark.parametrize("change", [{"contamination": 0.1}, {"n_labelled": 5}])
def test_the_thesis_is_not_set_beside_another_task(change: dict[str, Any]) -> None:
    assert "thesis" not in tables([record("ship", **change)], "reuters")


def test_names_cannot_break_a_table() -> None:
    assert "| model | embedding | mean | a\\|b c |\n" in tables([record("a|b\nc")])


def test_records_survive_json() -> None:
    given = record(warnings=["w"], oracle="nu 0.1", oracle_auc=0.7)
    assert Record.from_dict(json.loads(json.dumps(given.to_dict()))) == given
