"""Frames come back with their scores, and nothing of theirs is lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas
import pytest

from textocl import CVDD, KDE, DataError, FormatError
from textocl.export import SCORE_SCHEMA, score_frame, score_frames, to_onnx

COLUMNS = [field.split()[0] for field in SCORE_SCHEMA.split(", ")]


@pytest.fixture(scope="module")
def model(detector: CVDD, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return to_onnx(detector, tmp_path_factory.mktemp("frames") / "model.onnx")


def test_scores_are_added_to_what_there_was(detector: CVDD, mixed: list[str], model: Path) -> None:
    frame = pandas.DataFrame({"text": mixed, "n": range(80)}, index=range(100, 180))
    scored = score_frame(frame, model)
    assert list(scored.columns) == ["text", "n", *COLUMNS]
    pandas.testing.assert_frame_equal(scored[["text", "n"]], frame)
    own = detector.assess(mixed)
    np.testing.assert_allclose(scored["score"], own.score, atol=1e-6)
    np.testing.assert_array_equal(scored["label"], own.label)
    np.testing.assert_array_equal(scored["nearest_context"], own.nearest_context)


@pytest.mark.filterwarnings("ignore::textocl.core.exceptions.TextoclWarning")
def test_what_is_not_judged_is_missing_in_a_frame(detector: CVDD, model: Path) -> None:
    texts = ["the ship", "", "guitar", "12 34"]
    scored = score_frame(pandas.DataFrame({"text": texts}), model)
    assert scored["label"].tolist() == [1, 0, -1, 0]
    assert scored["status"].tolist() == ["normal", "not judged", "anomalous", "not judged"]
    assert scored["score"].isna().tolist() == [False, True, False, True]
    own = detector.assess(texts).to_frame()
    assert list(own.columns) == COLUMNS
    pandas.testing.assert_frame_equal(scored[COLUMNS], own, check_dtype=False, atol=0.02)


def test_frames_of_a_partition_have_one_schema(mixed: list[str], model: Path) -> None:
    frame = pandas.DataFrame({"body": mixed})
    whole = score_frame(frame, model, text_column="body")
    parts = list(score_frames([frame[:0], frame[:30], frame[30:]], model, text_column="body"))
    assert (parts[0].dtypes == whole.dtypes).all()
    assert [len(part) for part in parts] == [0, 30, 50]
    np.testing.assert_allclose(pandas.concat(parts)["score"], whole["score"], atol=1e-6)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pandas.DataFrame({"body": ["a"]}), "expected one column 'text', got none"),
        (pandas.DataFrame({"text": ["a", None]}, index=[3, 9]), "the first at index 9"),
        (pandas.DataFrame({"text": ["a"], "score": [1]}), "has a column 'score' already"),
        (pandas.DataFrame({"text": [1, 2]}), "document 0 is int 1"),
        (["a"], "expected a pandas DataFrame, got list"),
    ],
)
def test_wrong_frames_are_refused(frame: pandas.DataFrame, message: str, model: Path) -> None:
    with pytest.raises(DataError, match=message):
        score_frame(frame, model)


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    frame = pandas.DataFrame({"text": ["a ship"]})
    with pytest.raises(FormatError, match="no ONNX file"):
        score_frame(frame, tmp_path / "model.onnx")
    features = KDE().fit(np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32))
    with pytest.raises(DataError, match="takes features"):
        score_frame(frame, to_onnx(features, tmp_path / "features.onnx"))


def test_a_file_that_changed_is_read_again(
    ships: list[str], mixed: list[str], tmp_path: Path
) -> None:
    frame = pandas.DataFrame({"text": mixed})
    for detector in (KDE().fit(ships), KDE(bandwidth=0.9).fit(ships[:60])):
        file = to_onnx(detector, tmp_path / "model.onnx")
        scored = score_frame(frame, file)
        np.testing.assert_allclose(scored["score"], detector.anomaly_score(mixed), atol=1e-5)
