"""Labels and features in the forms that people have them in."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

from textocl.core.exceptions import DataError, TextoclWarning
from textocl.core.validation import (
    check_documents,
    check_features,
    check_is_anomaly,
    check_labels,
    is_features,
)

NUMBERS = np.array([[1.0, 0.0, 2.5], [0.0, -1.0, 3.0]])


@pytest.mark.parametrize(
    "y",
    [
        [True, False, True],
        np.array([True, False, True]),
        np.array([True, 0, -1], object),
        [np.bool_(False), 1, -1],
        pd.Series([True, False, True]),
        pd.array([True, False, True], dtype="boolean"),
    ],
    ids=str,
)
def test_booleans_are_no_labels(y: Any) -> None:
    if isinstance(y, list) and not isinstance(y[1], bool):
        y = np.array(y, object)  # numpy makes numbers of a mixed list
    with pytest.raises(DataError, match=r"got booleans.*np\.where\(is_anomaly, -1, 0\)"):
        check_labels(y, 3)


@pytest.mark.parametrize("y", [[1, 0, 0], np.array([0.0, 1.0, 0.0]), pd.Series([0, 1, 1])], ids=str)
def test_labels_of_0_and_1_only_get_a_warning_that_says_what_they_mean(y: Any) -> None:
    n_normal = int(np.sum(y))
    message = (
        f"{3 - n_normal} images were taken as unlabelled and {n_normal} as normal.*"
        r"np\.where\(y == 1, -1, 0\)"
    )
    with pytest.warns(TextoclWarning, match=message):
        assert check_labels(y, 3, "images").tolist() == list(y)


@pytest.mark.parametrize("y", [None, [0, 0, 0], [1, 1, 1], [1, 0, -1], [0, -1, 0], [1, -1, 1]])
def test_other_labels_get_no_warning(y: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert check_labels(y, 3).tolist() == (y or [0, 0, 0])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1, 0], r"one label for each of 3 texts, got shape \(2,\)"),
        (1, r"got shape \(\)"),
        ([[1], [1, 0], [1]], "rows of different lengths"),
        (["normal", "normal", "anomaly"], "got str 'normal'"),
        ([1, 2, -1], "got int 2"),
        ([1, np.nan, -1], "got float nan"),
        (pd.array([1, None, 0], dtype="Int64"), "got float nan|got NAType"),
    ],
)
def test_what_is_no_label_is_named(y: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        check_labels(y, 3, "texts")


@pytest.mark.parametrize(
    "kinds",
    [
        [True, False, True],
        (1, 0, 1),
        np.array([1.0, 0.0, 1.0]),
        pd.Series([True, False, True]),
        np.array([np.True_, 0, 1], object),
    ],
)
def test_anomalies_are_told_by_booleans_or_0_and_1(kinds: Any) -> None:
    told = check_is_anomaly(kinds, 3)
    assert told.dtype == bool
    assert told.tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        ([1, -1, 1], "got int -1; of labels give y == -1"),
        ([0, 2, 0], "got int 2"),
        (["yes", "", "no"], "got str 'yes'"),
        ([True, None, False], "got None"),
        ([0.0, np.nan, 1.0], "got float nan"),
        ([True, False], r"one entry of is_anomaly for each of 3 scores, got shape \(2,\)"),
    ],
)
def test_labels_and_else_do_not_tell_anomalies(kinds: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        check_is_anomaly(kinds, 3, "scores")


@pytest.mark.parametrize(
    "X",
    [
        NUMBERS,
        NUMBERS.astype(object),
        NUMBERS.tolist(),
        tuple(map(tuple, NUMBERS)),
        list(NUMBERS),
        torch.tensor(NUMBERS),
        torch.tensor(NUMBERS, dtype=torch.bfloat16, requires_grad=True),
        list(torch.tensor(NUMBERS)),
        pd.DataFrame(NUMBERS),
        pd.DataFrame(NUMBERS).convert_dtypes(),
        pd.Series(NUMBERS.tolist()),
        pd.Series(list(NUMBERS)),
        sparse.csr_matrix(NUMBERS),
        sparse.coo_array(NUMBERS),
    ],
    ids=lambda X: type(X).__name__,
)
def test_features_are_numbers_in_any_form(X: Any) -> None:
    assert is_features(X)
    features = check_features(X)
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features, NUMBERS)


@pytest.mark.parametrize(
    "X",
    [
        [],
        ["a text"],
        [["two", "words"]],
        (text for text in ["a text"]),
        np.array("a text"),
        np.array(["a text"]),
        np.array([["a text"]]),
        np.zeros(3),
        np.zeros((2, 3, 3)),
        np.zeros((2, 3, 3)).tolist(),
        list(np.zeros((2, 3, 3))),
        pd.DataFrame({"text": ["a text"], "length": [6]}),
        pd.Series(["a text"]),
        "a text",
        {"text": "a text"},
        None,
    ],
    ids=lambda X: type(X).__name__,
)
def test_texts_and_images_are_no_features(X: Any) -> None:
    assert not is_features(X)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([[1.0], [1.0, 2.0]], "inhomogeneous"),
        ([[1.0, "x"]], "could not convert"),
        ([[1.0, None]], "sample 0 hold NaN"),
        (pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}), "NaN|expected features"),
        (np.zeros((2, 0)), "d of at least 1"),
        (pd.DataFrame(index=[0, 1]), "d of at least 1"),
        (np.zeros(3), r"d of at least 1, got \(3,\)"),
        (["a text"], "of numbers, got list"),
        (sparse.csr_matrix((40_000, 50_000)), r"7\.5 GiB.*TruncatedSVD\(300\).*toarray"),
    ],
)
def test_what_is_wrong_with_features_is_named(X: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        check_features(X)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.array("a text"), r"an array \(0-d\) of one; give \[str\(X\)\]"),
        ("a text", r"single str; put it into a list: \[text\]"),
        (
            pd.DataFrame({"text": ["a text"], "length": [6]}),
            r"its column of texts.*X\['text'\].*columns of numbers",
        ),
        ([["two", "words"]], r"' '\.join\(words\)"),
        (np.zeros(3), r"document 0 is float.*features are an array \(n, d\)"),
        (pd.Series(["a text", None]), "leave missing documents out"),
    ],
)
def test_what_is_wrong_with_documents_is_named(X: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        check_documents(X)
