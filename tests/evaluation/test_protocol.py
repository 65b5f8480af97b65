"""What the one-vs-rest protocol promises of its corpora and of what a detector is given."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textocl import DataError
from textocl.evaluation.labelled_corpora import (
    Labelled,
    classes_of,
    fingerprint_of,
    read_corpus,
)
from textocl.evaluation.protocol import draw_task, one_vs_rest
from textocl.evaluation.published import PUBLISHED, TABLE_3_4

CORPUS = [
    Labelled(split, label, f"{label} {split} {i}")
    for split, n in (("train", 60), ("test", 20))
    for label in ("ships", "music", "food")
    for i in range(n)
]


def write_corpus(folder: Path, name: str, records: list[dict[str, Any]]) -> None:
    with gzip.open(folder / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)


def write_classes(folder: Path, n: int) -> None:
    for label in ("ships", "music"):
        (folder / label).mkdir(parents=True)
        for i in range(n):
            (folder / label / f"{i:03}.txt").write_text(f"{label} {i}")


# --- tasks ---


def test_only_the_normal_class_is_trained_on_and_all_classes_are_tested() -> None:
    training, test, is_anomaly = one_vs_rest(CORPUS, "music")
    assert training == [f"music train {i}" for i in range(60)]
    assert test == [document.text for document in CORPUS if document.split == "test"]
    assert [not text.startswith("music") for text in test] == is_anomaly.tolist()
    task = draw_task(CORPUS, "music")
    assert (task.training, task.test) == (training, test)
    assert task.labels.tolist() == [0] * 60
    assert task.n_hidden == 0


@given(st.sampled_from([0, 0.05, 0.1, 0.15, 0.5]), st.integers(0, 30), st.integers(0, 99))
def test_hidden_anomalies_make_up_their_share(share: float, n_labelled: int, seed: int) -> None:
    task = draw_task(CORPUS, "ships", contamination=share, n_labelled=n_labelled, seed=seed)
    unlabelled = [t for t, y in zip(task.training, task.labels, strict=True) if y == 0]
    labelled = [t for t, y in zip(task.training, task.labels, strict=True) if y == -1]
    hidden = [text for text in unlabelled if not text.startswith("ships")]
    assert len(hidden) == task.n_hidden
    # no other whole number of documents comes nearer in odds to one against the other
    assert abs(len(hidden) - 60 * share / (1 - share)) <= 0.5
    assert sum(text.startswith("ships train") for text in unlabelled) == 60
    assert len(labelled) == n_labelled
    assert not any(text.startswith("ships") for text in labelled)
    assert len({*task.training}) == len(task.training)  # nothing twice, hidden and labelled apart
    assert all(" train " in text for text in task.training)


def test_draws_follow_the_seed_and_grow_with_the_share() -> None:
    def hidden(share: float, seed: int) -> set[str]:
        task = draw_task(CORPUS, "ships", contamination=share, n_labelled=5, seed=seed)
        return {text for text in task.training[:-5] if not text.startswith("ships")}

    assert hidden(0.1, 0) == hidden(0.1, 0) != hidden(0.1, 1)
    assert hidden(0.1, 0) < hidden(0.3, 0)


def test_the_place_of_hidden_anomalies_does_not_give_them_away() -> None:
    task = draw_task(CORPUS, "ships", contamination=0.3)
    places = [i for i, text in enumerate(task.training) if not text.startswith("ships")]
    assert places[0] < 60
    assert np.ptp(places) > len(places)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label": "trains"}, "class 'trains' needs training documents"),
        ({"label": "ships", "contamination": 1.0}, r"contamination must be in \[0, 1\)"),
        ({"label": "ships", "contamination": 0.9}, "540 hidden and 0 labelled .* have 120"),
        ({"label": "ships", "n_labelled": 121}, "121 labelled anomalies are wanted"),
        ({"label": "ships", "n_labelled": -1}, "n_labelled must be an integer"),
    ],
)
def test_what_cannot_be_drawn_is_said(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        draw_task(CORPUS, **options)


# --- corpora of the thesis ---


def test_reuters_keeps_documents_with_one_topic_of_the_seven(tmp_path: Path) -> None:
    write_corpus(
        tmp_path,
        "reuters",
        [
            {"split": "train", "labels90": ["ship"], "text": "a"},
            {"split": "train", "labels90": ["ship", "crude"], "text": "b"},
            {"split": "test", "labels90": ["cocoa"], "text": "c"},
            {"split": "test", "labels90": [], "text": "d"},
            {"split": "test", "labels90": ["earn"], "text": "e"},
        ],
    )
    documents = read_corpus("reuters", tmp_path)
    assert documents == [Labelled("train", "ship", "a"), Labelled("test", "earn", "e")]
    assert classes_of("reuters", documents) == ["earn", "ship"]  # as in the thesis


def test_newsgroups_are_grouped_stripped_and_dropped_if_empty(tmp_path: Path) -> None:
    head = "From: a@b.c\nSubject: sailing\n\n"
    write_corpus(
        tmp_path,
        "20ng",
        [
            {"split": "train", "label": "rec.autos", "text": head + "> quoted\nthe car stops"},
            {"split": "train", "label": "rec.autos", "text": head + "> only quoted"},
            {"split": "test", "label": "alt.atheism", "text": head + "no gods"},
            {"split": "test", "label": "talk.religion.misc", "text": head + "some gods"},
        ],
    )
    documents = read_corpus("20ng", tmp_path)
    assert [(d.label, d.text.strip()) for d in documents] == [
        ("rec", "the car stops"), ("rel", "no gods"), ("rel", "some gods"),
    ]  # fmt: skip


def test_imdb_is_read_as_it_is(tmp_path: Path) -> None:
    write_corpus(tmp_path, "imdb", [{"split": "test", "label": "pos", "text": "good"}])
    assert read_corpus("imdb", tmp_path) == [Labelled("test", "pos", "good")]


def test_a_missing_corpus_says_where_it_was_looked_for_and_whence_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"20ng.jsonl.gz in elsewhere \(--data\).*qwone.com"):
        read_corpus("20ng", "elsewhere")
    monkeypatch.setenv("TEXTOCL_DATA", "corpora")
    with pytest.raises(DataError, match=r"reuters.jsonl.gz in corpora.text \(\$TEXTOCL_DATA/text"):
        read_corpus("reuters")
    monkeypatch.delenv("TEXTOCL_DATA")
    with pytest.raises(DataError, match=r"in data \(the default; set --data or \$TEXTOCL_DATA\)"):
        read_corpus("imdb")
    with pytest.raises(DataError, match="no corpus 'nonsense': expected reuters, 20ng, imdb, or"):
        read_corpus("nonsense")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"split": "train", "text": "a"}, "has no field 'label'"),
        ({"split": "dev", "label": "pos", "text": "a"}, "expected split train or test, got 'dev'"),
        ({"split": "train", "label": "pos"}, "cannot tell which column holds the texts"),
    ],
)
def test_a_corpus_of_another_form_is_refused(
    tmp_path: Path, record: dict[str, Any], message: str
) -> None:
    write_corpus(tmp_path, "imdb", [record])
    with pytest.raises(DataError, match=message):
        read_corpus("imdb", tmp_path)


def test_every_class_of_the_thesis_has_a_figure_in_every_column() -> None:
    assert len(PUBLISHED) == len(set(PUBLISHED)) == 14
    assert [len(classes) for classes in TABLE_3_4.values()] == [7, 6]
    for classes in TABLE_3_4.values():
        assert all(len(f) == 14 and min(f) > 50 and max(f) < 100 for f in classes.values())
    r3 = PUBLISHED.index(("CVDD, r = 3", "GloVe", ""))
    assert np.mean([f[r3] for f in TABLE_3_4["reuters"].values()]) == pytest.approx(92.07, abs=0.01)
    assert TABLE_3_4["20ng"]["rel"][-1] == 89.3


# --- folders ---


def test_a_folder_with_splits(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", 3)
    write_classes(tmp_path / "test", 2)
    (tmp_path / "train" / ".hidden").mkdir()
    documents = read_corpus(tmp_path)
    assert classes_of("", documents) == ["music", "ships"]
    assert [d for d in documents if d.label == "ships"] == [
        *(Labelled("train", "ships", f"ships {i}") for i in range(3)),
        *(Labelled("test", "ships", f"ships {i}") for i in range(2)),
    ]


def test_a_folder_without_splits_is_split_the_same_way_every_time(tmp_path: Path) -> None:
    write_classes(tmp_path, 20)
    documents = read_corpus(tmp_path)
    assert documents == read_corpus(tmp_path)
    for label in ("music", "ships"):
        splits = [document.split for document in documents if document.label == label]
        assert splits.count("train") == 14
        assert splits.count("test") == 6
        assert splits != sorted(splits, reverse=True)  # drawn, not cut off


def test_a_folder_with_json_lines(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text(
        '{"text": "a", "label": "x"}\n{"text": "b", "label": 1}\n'
    )
    with pytest.raises(DataError, match="has no test.jsonl"):
        read_corpus(tmp_path)
    write_corpus(tmp_path, "test", [{"text": "c", "label": "x"}])
    assert read_corpus(tmp_path) == [
        Labelled("train", "x", "a"), Labelled("train", "1", "b"), Labelled("test", "x", "c"),
    ]  # fmt: skip


def test_a_folder_of_another_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no sub-folder for each class: expected train/<class>"):
        read_corpus(tmp_path)
    write_classes(tmp_path / "train", 1)
    with pytest.raises(DataError, match="has no test: expected"):
        read_corpus(tmp_path)


def test_the_fingerprint_tells_preparations_apart() -> None:
    assert fingerprint_of(CORPUS) == fingerprint_of(list(CORPUS))
    assert fingerprint_of(CORPUS) != fingerprint_of(CORPUS[1:])
    moved = [CORPUS[0]._replace(split="test"), *CORPUS[1:]]
    assert fingerprint_of(CORPUS) != fingerprint_of(moved)
