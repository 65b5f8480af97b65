"""Figures show the numbers they were given, where they are told to, and touch nothing else."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest

from textocl import CVDD, DataError, Detector, plot
from textocl.core.exceptions import MissingExtraError
from textocl.core.metrics import evaluate

figure = pytest.importorskip("matplotlib.figure")

SCORES = np.r_[np.linspace(0.1, 0.5, 40), np.linspace(0.4, 0.9, 20)]
ANOMALOUS = np.repeat([False, True], [40, 20])


def drawn(ax: object) -> None:
    ax.figure.savefig(io.BytesIO(), format="png")  # type: ignore[attr-defined]


def test_all_scores_are_counted_and_the_threshold_is_drawn() -> None:
    ax = plot.scores(np.r_[SCORES, 3.4e38], 0.45, n_bins=10)
    assert sum(bar.get_height() for bar in ax.patches) == 61
    assert ax.lines[0].get_xdata()[0] == 0.45
    assert ax.get_xlim()[1] < 10
    drawn(ax)
    both = plot.scores(SCORES, 0.45, is_anomaly=ANOMALOUS, n_bins=10)
    assert sum(bar.get_height() for bar in both.patches) == 60
    drawn(plot.scores([0.5], 0.5))


def test_curves_name_the_measures_and_end_where_they_must() -> None:
    measures = evaluate(SCORES, ANOMALOUS)
    roc, precision = plot.roc(SCORES, ANOMALOUS), plot.precision_recall(SCORES, ANOMALOUS)
    x, y = roc.lines[1].get_data()
    assert np.trapezoid(y, x) == pytest.approx(measures.auc)
    assert f"{100 * measures.average_precision:.1f}" in precision.get_legend_handles_labels()[1][1]
    assert precision.lines[0].get_ydata()[0] == pytest.approx(1 / 3)
    drawn(roc)
    drawn(precision)


def test_bars_are_the_words_in_order(detector: CVDD) -> None:
    context = detector.contexts_[0]
    ax = plot.context_words(context, n_words=5)
    assert [bar.get_width() for bar in ax.patches][::-1] == [w.count for w in context.words[:5]]
    (explanation,) = detector.explain(["ship guitar port violin tanker $5"])
    ax = plot.word_evidence(explanation)
    widths = [bar.get_width() for bar in ax.patches]
    assert sorted(widths) == widths  # strongest anomalous on top
    assert sum(widths) == pytest.approx(explanation.evidence.sum(), abs=1e-6)
    drawn(ax)
    drawn(plot.word_evidence(detector.explain(["12 34"])[0]))


def test_unusual_form_has_bars_among_those_of_the_words(ships: list[str]) -> None:
    detector = Detector(n_contexts=2, support_weight=0).fit(ships)
    (explanation,) = detector.explain(["A TANKER LEFT PORT!!! CALL 0800 1234567 NOW"])
    ax = plot.word_evidence(explanation)
    bars = dict(zip([t.get_text() for t in ax.get_yticklabels()], ax.patches, strict=True))
    unusual = explanation.unusual_form()
    assert "form: capitals" in bars
    assert {n for n in bars if n.startswith("form: ")} == {f"form: {one.name}" for one in unusual}
    for one in unusual:
        assert bars[f"form: {one.name}"].get_width() == pytest.approx(one.evidence)
    widths = [bar.get_width() for bar in ax.patches]
    assert sorted(widths) == widths
    drawn(ax)
    few = plot.word_evidence(explanation, n_words=1).get_yticklabels()
    assert sum(t.get_text().startswith("form: ") for t in few) == 1


def test_a_heatmap_lies_over_its_image() -> None:
    image, heat = np.zeros((8, 8)), np.zeros((8, 8))
    heat[2, 2] = 5
    ax = plot.heatmap(image, heat, (1, 5))
    picture = ax.images[0].get_array()
    assert picture.any(axis=2).sum() == 1


def test_axes_given_are_drawn_into_and_pyplot_is_left_alone(detector: CVDD) -> None:
    left, right = figure.Figure().subplots(1, 2)
    assert plot.scores(SCORES, ax=left) is left
    assert plot.context_words(detector.contexts_[0], ax=right) is right
    plot.roc(SCORES, ANOMALOUS)
    assert "matplotlib.pyplot" not in sys.modules


def test_what_cannot_be_drawn_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="finite"):
        plot.scores([np.nan])
    with pytest.raises(DataError, match="for each of 2 scores"):
        plot.scores([1.0, 2.0], is_anomaly=[True])
    with pytest.raises(DataError, match="no normal"):
        plot.roc([1.0], [True])
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"'\.\[plot\]'"):
        plot.scores([1.0])
