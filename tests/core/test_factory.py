"""Every name makes the detector it says; what a model does not take is refused."""

from __future__ import annotations

import pytest

from textocl import CVDD, DataError
from textocl.core.factory import make_detector
from textocl.registry import TEXT_MODELS


@pytest.mark.parametrize("name", TEXT_MODELS)
def test_every_name_makes_a_detector_with_what_is_given(name: str) -> None:
    parameters = make_detector(name, embedding="minilm", random_state=7).get_params()
    assert parameters["random_state"] == 7
    assert parameters.get("embedding", "minilm") == "minilm"


def test_variants_differ_as_their_names_say() -> None:
    assert make_detector("cvdd-5").get_params()["n_contexts"] == 5
    thesis = make_detector("cvdd-thesis")
    assert isinstance(thesis, CVDD)
    assert thesis.get_params() == CVDD.thesis().get_params()
    for name, pooling in (("ocsvm", "mean"), ("ocsvm-tfidf", "tfidf"), ("ocsvm-max", "max")):
        made = make_detector(name).get_params()
        assert (made["pooling"], made["nu"], made["kernel"]) == (pooling, 0.1, "linear")
        assert made["standardize"] is False


def test_wrong_names_and_parameters_are_refused() -> None:
    with pytest.raises(DataError, match="model must be one of 'auto', .*'cvdd'"):
        make_detector("svm")
    with pytest.raises(DataError, match="model 'kde' has no parameter 'n_contexts'"):
        make_detector("kde", n_contexts=3)
