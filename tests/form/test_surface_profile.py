"""The score is the formula it states, is not bent by few texts, and says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf
from texts import sentences

import textocl
from textocl import DataError, FormatError, SurfaceProfile, TextoclWarning
from textocl.core.metrics import evaluate
from textocl.core.training_scores import fold_numbers
from textocl.form.surface_measures import MEASURES, N_SHARES, NAMES, measured
from textocl.form.surface_profile import PRIOR_SIZES, WORST_SURFACE_SCORE
from textocl.text.copies import copy_groups

ODD = [
    "WIN £500 NOW!!! CALL 0800 123 4567 OR WWW.WIN.COM", "12:03:44 ERROR 0x7f3a 500 500 500", "корабль вошёл в порт",
    "😀😀😀😀 port 😀😀", "<p>the <b>ship</b> left port</p>", "a port a port a port a port a port", "s h i p p o r t",
    "ship" * 60, "the\u200bship\u200bleft\u200bport",
]  # fmt: skip


@pytest.fixture(scope="module")
def notes() -> list[str]:
    """Sentences of varied length, with a full stop, some capitals and some digits."""
    source = np.random.default_rng(0)
    texts = [text for seed in range(3) for text in sentences("ships", 100, seed)]
    notes = [
        f"{' '.join(text.split()[: source.integers(3, 14)]).capitalize()} "
        f"{source.integers(1, 30) if source.random() < 0.3 else 'today'}."
        for text in texts
    ]
    return [notes[i] for i in np.unique(copy_groups(notes))]


@pytest.fixture(scope="module")
def fitted(notes: list[str]) -> SurfaceProfile:
    return SurfaceProfile().fit(notes)


def test_scores_are_those_of_the_formula(notes: list[str]) -> None:
    detector = SurfaceProfile(calibration="training").fit(notes)
    usual = np.zeros(len(NAMES))
    least = [0.05] * N_SHARES + [0.2, 0.2, 0.5, 0.5] + [0.25] * 7

    def transformed(texts: list[str]) -> np.ndarray:
        parts, totals = measured(texts, "ascii")
        columns = []
        for j, measure in enumerate(MEASURES):
            size = PRIOR_SIZES[measure.of]
            drawn = (parts[:, j] + size * usual[j]) / (totals[:, j] + size)
            columns.append(np.sqrt(drawn) if measure.is_share else np.log(1 + drawn))
        return np.array(columns).T

    def scored(texts: list[str], near: list[str]) -> list[float]:
        nonlocal usual
        usual = np.median(detector.measures(near), axis=0)
        low, center, high = np.quantile(transformed(near), [0.25, 0.5, 0.75], axis=0)
        spread = np.maximum((high - low) / 1.349, least)
        z = np.clip((transformed(near) - center) / spread, -6, 6)
        covariance = LedoitWolf(assume_centered=True).fit(z).covariance_.copy()
        for j in range(len(covariance)):
            covariance[j, j] = max(covariance[j, j], 1)
        z = (transformed(texts) - center) / spread
        return [np.sqrt(row @ np.linalg.solve(covariance, row) / len(row)) for row in z]

    near = notes
    for _ in range(2):
        scores = np.array(scored(notes, near))
        near = [notes[i] for i in np.flatnonzero(scores <= np.quantile(scores, 0.85))]
    expected = scored(ODD, near)
    assert detector.anomaly_score(ODD).tolist() == pytest.approx(expected, rel=1e-6)


def test_texts_of_another_form_are_found(fitted: SurfaceProfile, notes: list[str]) -> None:
    assert (fitted.predict(ODD) == -1).all()
    assert (fitted.training_labels_ == -1).mean() < 0.06


def test_one_text_in_ten_that_is_odd_does_not_hide_itself(notes: list[str]) -> None:
    hidden = [f"{text} {i} {notes[i].upper()}" for i, text in enumerate(ODD * 3)]
    detector = SurfaceProfile().fit(notes + hidden)
    is_anomaly = np.repeat([False, True], [len(notes), len(hidden)])
    assert evaluate(detector.training_scores_, is_anomaly).auc > 0.98
    clean = SurfaceProfile().fit(notes).anomaly_score(hidden)
    assert evaluate(np.concatenate([detector.anomaly_score(notes), clean]), is_anomaly).auc > 0.98


def test_what_was_never_seen_is_odd_but_not_without_bound(fitted: SurfaceProfile) -> None:
    text = "The ship left port and came to the dock today."
    plain, link = fitted.anomaly_score([text, f"{text[:-1]} at www.port.org."])
    assert plain < fitted.threshold_ < link < 20 * plain


def test_scores_are_the_same_to_the_bit_in_any_batch(fitted: SurfaceProfile) -> None:
    texts = [*ODD, "a", " b", "\n.\n\n", "ship " * 300] * 60
    whole = fitted.anomaly_score(texts)
    alone = np.concatenate([fitted.anomaly_score([text]) for text in texts])
    assert whole.tobytes() == alone.tobytes()


def test_training_scores_are_by_texts_of_other_folds(notes: list[str]) -> None:
    texts = [*notes[:30], "1 2 3 4 5 6 7 8 9 10 11 12 13 14"]
    detector = SurfaceProfile().fit(texts)
    folds = fold_numbers(31, 0)
    others = [text for text, fold in zip(texts, folds, strict=True) if fold != folds[-1]]
    alone = SurfaceProfile(calibration="training").fit(others)
    assert detector.training_scores_[-1] == pytest.approx(alone.anomaly_score(texts[-1:])[0])
    assert np.sort(detector.training_scores_).tolist() == detector.calibration_scores_.tolist()


def test_measures_are_a_table(fitted: SurfaceProfile) -> None:
    table = fitted.measures(["Ship 12", ""])
    assert table.shape == (2, len(fitted.measure_names))
    assert table.dtype == np.float64
    values = dict(zip(fitted.measure_names, table[0].tolist(), strict=True))
    assert values["length"] == 7
    assert values["digits"] == pytest.approx(2 / 6)
    assert [m.is_share for m in MEASURES] == [True] * N_SHARES + [False] * (len(NAMES) - N_SHARES)


@pytest.mark.parametrize("text", [*ODD, "Ship.", "x", "\ud800", "5" * 3000])
def test_an_explanation_adds_up_and_shows_where(fitted: SurfaceProfile, text: str) -> None:
    (explanation,) = fitted.explain([text])
    assert explanation.score == fitted.anomaly_score([text])[0]
    assert explanation.contributions.sum() == pytest.approx(explanation.score, abs=1e-5)
    excess = explanation.score - fitted.threshold_
    assert explanation.evidence.sum() == pytest.approx(excess, abs=1e-5)
    assert explanation.words == list(NAMES)
    for i, evidence in enumerate(explanation.form):
        assert evidence.name == NAMES[i]
        assert evidence.contribution == explanation.contributions[i]
        assert evidence.evidence == explanation.evidence[i]
        assert explanation.counts[i] == len(evidence.spans)
    assert sum(one.share for one in explanation.form) == pytest.approx(1)
    end = 0
    places = {(e.name, *span) for e in explanation.form for span in e.spans}
    for span in explanation.spans:
        assert end <= span.start < span.end <= len(text)
        assert (span.word, span.start, span.end) in places
        end = span.end
    assert explanation._repr_html_()


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        (ODD[1], "digits in words", "digits in words 83 % (normal none)"),
        (ODD[0], "capitals", "capitals 100 %"),
        (ODD[2], "foreign letters", "foreign letters 100 % (normal none)"),
        (ODD[3], "emoji", "emoji 60 % (normal none)"),
        (ODD[4], "tags", "4 tags (normal none)"),
        (ODD[5], "repeated phrases", "repeated phrases 75 % (normal none)"),
        (ODD[7], "longest word", "240 characters in the longest word"),
        (ODD[8], "invisible characters", "invisible characters 17 % (normal none)"),
    ],
)
def test_an_explanation_names_what_is_odd(
    fitted: SurfaceProfile, text: str, name: str, said: str
) -> None:
    (explanation,) = fitted.explain([text])
    assert name in explanation.reasons(3)
    assert explanation.form[NAMES.index(name)].said.startswith(said)


def test_unusual_is_what_few_normal_documents_have(
    fitted: SurfaceProfile, notes: list[str]
) -> None:
    for explanation, values in zip(fitted.explain(ODD), fitted.measures(ODD), strict=True):
        for i, evidence in enumerate(explanation.form):
            below, above = values[i] < fitted.state_.low[i], values[i] > fitted.state_.high[i]
            assert evidence.is_unusual == (below or above)
            assert not (below and evidence.spans)  # that something is rare is not at a place
    unusual = [[one.is_unusual for one in e.form] for e in fitted.explain(notes)]
    assert (
        0 < np.mean(unusual, axis=0).max() <= 0.15 + 0.85 * 0.04 + 1e-9
    )  # not near, or beyond 2 to 98 % of those


def test_white_space_alone_is_not_judged(notes: list[str]) -> None:
    with pytest.warns(TextoclWarning, match=f"1 of {len(notes) + 1} documents have no known word"):
        detector = SurfaceProfile().fit([*notes, "", " \n"])
    assert np.isnan(detector.training_scores_[-2:]).all()
    with pytest.warns(TextoclWarning, match="1 of 2 documents"):
        scores = detector.anomaly_score(["\t", "."])
    assert scores[0] == np.float32(WORST_SURFACE_SCORE)
    assert scores[1] < 100
    with pytest.warns(TextoclWarning):
        assert detector.assess(["ab c", "\t"]).n_known_words.tolist() == [4, 0]


@pytest.mark.parametrize("calibration", ["split", "training", "cross"])
def test_few_documents_are_enough_or_refused(calibration: str, notes: list[str]) -> None:
    detector = SurfaceProfile(calibration=calibration, false_alarm_rate=0.4)
    assert np.isfinite(detector.fit(notes[:8]).anomaly_score(ODD)).all()
    with pytest.raises(DataError, match="expected at least 3 documents with visible characters"):
        detector.fit([notes[0], notes[1], " "])


def test_known_anomalies_are_left_out(notes: list[str]) -> None:
    labels = [1] * len(notes) + [-1] * len(ODD)
    with pytest.warns(TextoclWarning, match="9 documents labelled -1 were left out"):
        detector = SurfaceProfile().fit(notes + ODD, labels)
    expected = SurfaceProfile().fit(notes).anomaly_score(ODD)
    assert detector.anomaly_score(ODD).tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("script", "normal", "odd"),
    [
        ("cyrillic", "Корабль вошёл в порт номер", "Ship in port number"),
        ("east asian", "船が港に入りました番号", "ship in port number"),
    ],
)
def test_another_script_can_be_the_normal_one(script: str, normal: str, odd: str) -> None:
    texts = [normal[: 8 + i % 15] + f" {i}" for i in range(60)]
    detector = SurfaceProfile().fit(texts)
    assert detector.state_.script == script
    assert "foreign letters" in detector.explain([odd])[0].reasons(3)


def test_a_loaded_detector_is_the_same_and_a_damaged_one_refused(
    fitted: SurfaceProfile, tmp_path: Path
) -> None:
    fitted.save(tmp_path / "model")
    loaded = textocl.load(tmp_path / "model")
    assert loaded.anomaly_score(ODD).tobytes() == fitted.anomaly_score(ODD).tobytes()
    assert loaded.explain(ODD[:1])[0].form == fitted.explain(ODD[:1])[0].form
    wrong: list[tuple[str, Any, str]] = [
        ("spread", np.zeros(len(NAMES)), "a spread is not positive"),
        ("usual", -np.ones(len(NAMES)), "a usual measure is negative"),
        ("center", np.full(len(NAMES), np.nan), "NaN or infinity"),
        ("whitening", np.ones((2, 2)), "should be float64 of shape"),
        ("low", np.ones(3), "should be float64 of shape"),
    ]
    for name, array, message in wrong:
        damaged = fitted._to_files()
        damaged.arrays[name] = array
        with pytest.raises(FormatError, match=message):
            SurfaceProfile()._from_files(damaged)
    for script, message in (("klingon", "unknown script"), (7, "wrong type"), (None, "wrong type")):
        damaged = fitted._to_files()
        damaged.facts["script"] = script
        with pytest.raises(FormatError, match=message):
            SurfaceProfile()._from_files(damaged)
    huge = fitted._to_files()
    huge.arrays["whitening"] = np.full((len(NAMES), len(NAMES)), 1e300)
    hostile = SurfaceProfile()
    hostile._from_files(huge)
    with np.errstate(over="ignore", invalid="ignore"):
        assert np.isfinite(hostile.anomaly_score(ODD)).all()
