"""The page as a reader meets it, driven in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import Page

from textocl import CVDD, Detector
from textocl.core.characters import visible
from textocl.core.metrics import evaluate
from textocl.core.thresholds import calibration_borders
from textocl.report import ReportLimits, write_report

pytest.importorskip("selenium")

from selenium.webdriver import ActionChains
from selenium.webdriver.common.keys import Keys

MARKUP = [
    "<script>window.hacked = 1</script> ship",
    "</script><script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'> port",
    '"><svg onload=window.hacked=1> tanker',
    "<!--<script> ship </script>-->",
    "&lt;b&gt; &amp; \" ' ` ${window.hacked = 1} {{data}} {{script}}",
    "javascript:window.hacked=1 <a href='javascript:window.hacked=1'>ship</a>",
    "<iframe src='https://example.com/'></iframe> <link rel=stylesheet href=//example.com>",
    "\u2028 line \u2029 separators \\u003cscript\\u003e",
    "bell \x07 escape \x1b[31m red \x00 nul \x7f delete ship",
    "\u202eyaw gnorw eht\u202c \u2066isolate\u2069 port",
    "שלום ship עולם, مرحبا بالعالم port",
    "😀 tanker 👩‍👩‍👧 port 🏴‍☠️ ship",
    "__proto__ constructor toString ship",
    "lone \ud800 surrogate \udc00 ship",
    "@import url(https://example.com/x.css); </style><style>*{display:none}</style>",
    "   \n\n\t ship \n  port ",
]
HOSTILE = [f"{MARKUP[i % len(MARKUP)]} n{i}" for i in range(200)]


@pytest.fixture(scope="module")
def labelled_file(
    detector: CVDD, mixed: list[str], is_anomaly: np.ndarray, tmp_path_factory: Any
) -> Path:
    file = tmp_path_factory.mktemp("report") / "labelled.html"
    write_report(detector, mixed, file, is_anomaly=is_anomaly, title="Ships <b>")
    return file


@pytest.fixture
def labelled(browser: Any, labelled_file: Path) -> Iterator[Page]:
    page = Page(browser, labelled_file)
    yield page
    page.check_quiet()


@pytest.fixture
def scores(detector: CVDD, mixed: list[str]) -> np.ndarray:
    return detector.anomaly_score(mixed)


def test_hostile_text_is_shown_literally_and_nothing_runs(
    browser: Any, detector: CVDD, tmp_path: Path
) -> None:
    file = tmp_path / "hostile.html"
    write_report(
        detector, HOSTILE, file, title=MARKUP[1], ids=HOSTILE, labels=[h[:20] for h in MARKUP] * 11 + MARKUP[:13]
    )  # fmt: skip
    page = Page(browser, file)
    page.choose("sort", "order")
    texts: list[str] = []
    coloured: set[str] = set()
    for _ in range(4):
        page.run("document.querySelectorAll('.row').forEach(row => row.click())")
        texts += page.run(
            "return [...document.querySelectorAll('.opened > .text')].map(t => t.textContent)"
        )
        coloured |= set(
            page.run(
                "return [...document.querySelectorAll('.opened .text span')].map(s => s.textContent)"
            )
        )
        page.run("document.getElementById('next').click()")
    assert texts == [visible(text) for text in HOSTILE]
    assert {"ship", "tanker", "script"} <= coloured
    assert {word.lower() for word in coloured} <= {
        word for explanation in detector.explain(HOSTILE) for word in explanation.words
    }
    assert page.run("return document.getElementById('title').textContent") == MARKUP[1]
    assert page.run("return window.hacked") is None
    counts = "return document.querySelectorAll(arguments[0]).length"
    assert page.run(counts, "img, iframe, link, object, embed, base, form:not(#tools)") == 0
    assert page.run(counts, "script") == 2
    assert page.run(counts, "svg") == 1
    page.check_quiet()


def test_coloured_words_stand_where_the_explanation_says(
    labelled: Page, detector: CVDD, mixed: list[str]
) -> None:
    labelled.choose("sort", "order")
    labelled.run("document.querySelector('.row').click()")
    explanation = detector.explain(mixed[:1])[0]
    coloured = labelled.run(
        "return [...document.querySelectorAll('.opened .text span')].map(s => [s.textContent, s.className])"
    )
    assert coloured
    evidence = dict(zip(explanation.words, explanation.evidence, strict=True))
    for word, look in coloured:
        assert look.startswith("anomalous" if evidence[word.lower()] > 0 else "normal")
    assert labelled.one(".opened .text").text == mixed[0]


def test_attention_can_be_chosen_by_context(labelled: Page, detector: CVDD) -> None:
    labelled.run("document.querySelector('.row').click()")
    buttons = labelled.all(".segments button")
    assert len(buttons) == 1 + len(detector.contexts_)
    buttons[1].send_keys(Keys.ENTER)
    looks = {s.get_attribute("class")[:9] for s in labelled.all(".opened .text span")}
    assert looks == {"attention"}
    assert labelled.all(".segments button")[1].get_attribute("aria-pressed") == "true"
    assert labelled.run("return document.activeElement.dataset.view") == "1"


def test_sorting_puts_documents_in_order(
    labelled: Page, scores: np.ndarray, mixed: list[str], detector: CVDD
) -> None:
    expected = {
        "highest": -scores,
        "lowest": scores,
        "nearest": np.abs(scores.astype(np.float64) - np.float32(detector.threshold_)),
        "order": np.arange(80),
        "longest": [-len(text) for text in mixed],
    }
    for name, keys in expected.items():
        labelled.choose("sort", name)
        assert labelled.shown == np.argsort(keys, kind="stable")[:50].tolist()


def test_filters_leave_what_they_should(
    labelled: Page, scores: np.ndarray, mixed: list[str], detector: CVDD, is_anomaly: np.ndarray
) -> None:
    assert labelled.count == 80
    labelled.type("search", "Guitar ban")
    assert labelled.count == sum("guitar" in text and "ban" in text for text in mixed)
    labelled.one("#tools button[type=reset]").click()
    assert labelled.count == 80
    flagged = scores > np.float32(detector.threshold_)
    for value, expected in {
        "flagged": flagged,
        "passed": ~flagged,
        "alarms": flagged & ~is_anomaly,
        "missed": ~flagged & is_anomaly,
    }.items():
        labelled.choose("show", value)
        assert labelled.count == expected.sum()
    labelled.choose("show", "all")
    labelled.choose("label", "1")
    assert labelled.count == 40
    assert all(i < 40 for i in labelled.shown)
    labelled.choose("label", "")
    nearest = detector.assess(mixed).nearest_context
    labelled.choose("context", "1")
    assert labelled.count == (nearest == 1).sum()
    labelled.choose("context", "")
    low, high = np.sort(scores)[[19, 60]].astype(float)
    labelled.type("from", f"{low:.6f}")
    labelled.type("to", f"{high:.6f}")
    within = (scores >= round(low, 6)) & (scores <= round(high, 6))
    assert labelled.count == within.sum()


def test_the_threshold_moves_every_count(
    labelled: Page, scores: np.ndarray, detector: CVDD, is_anomaly: np.ndarray
) -> None:
    def check(threshold: float) -> None:
        flagged = scores > np.float32(threshold)
        assert f"{flagged.sum()} of 80 documents flagged" in labelled.one("#readout").text
        matrix = [labelled.one(f"#{n}").text for n in ("found", "missed", "alarms", "passed")]
        assert list(map(int, matrix)) == [
            (flagged & is_anomaly).sum(), (~flagged & is_anomaly).sum(),
            (flagged & ~is_anomaly).sum(), (~flagged & ~is_anomaly).sum(),
        ]  # fmt: skip
        calibration = calibration_borders(detector.calibration_scores_)
        rate = (1 + (calibration > np.float32(threshold)).sum()) / (1 + len(calibration))
        assert f"{100 * rate:.1f} %" in labelled.one("#readout").text
        assert labelled.all("#figures dd")[1].text == str(flagged.sum())

    check(detector.threshold_)
    slider = labelled.one("#threshold")
    for key, presses in ((Keys.ARROW_LEFT, 30), (Keys.HOME, 1), (Keys.END, 1)):
        slider.send_keys(key * presses)
        check(float(labelled.run("return threshold")))
    labelled.one("#reset").click()
    check(detector.threshold_)
    ActionChains(labelled.browser).move_to_element(labelled.one("#histogram")).click().perform()
    moved = float(labelled.run("return threshold"))
    assert moved != pytest.approx(detector.threshold_, abs=1e-6)
    check(moved)


def test_measures_by_the_labels_are_shown(
    labelled: Page, scores: np.ndarray, is_anomaly: np.ndarray
) -> None:
    measured = evaluate(scores, is_anomaly)
    assert labelled.one("#auc").text == f"AUC {measured.auc:.3f}"
    assert labelled.one("#ap").text.endswith(f"{measured.average_precision:.3f}")
    points = labelled.run("return rocPoints()")
    alarms = np.array([0, *(p["alarm"] for p in points)])
    recalls = np.array([0, *(p["recall"] for p in points)])
    area = float((np.diff(alarms) * (recalls[1:] + recalls[:-1]) / 2).sum())
    assert area == pytest.approx(measured.auc)
    assert (points[-1]["alarm"], points[-1]["recall"]) == (1, 1)


def test_words_are_ordered_by_relevance(labelled: Page, detector: CVDD) -> None:
    words = detector.contexts_[0].words
    for key, weight in ((Keys.HOME, 0.0), (Keys.END, 1.0)):
        labelled.one("#relevance").send_keys(key)
        shown = [w.text for w in labelled.all("#contexts article:first-child .word")]
        expected = sorted(
            words,
            key=lambda w: -((1 - weight) * np.log2(w.count) + weight * round(w.distinctiveness, 3)),
        )
        assert shown == [word.word for word in expected[:10]]
    labelled.all("#contexts .link")[0].click()
    assert labelled.one("#context").get_attribute("value") == "0"


def test_the_keyboard_reaches_and_opens_documents(labelled: Page) -> None:
    first, second = labelled.all(".row")[:2]
    first.send_keys(Keys.ARROW_DOWN)
    active = labelled.browser.switch_to.active_element
    assert active == second
    active.send_keys(Keys.ENTER)
    active = labelled.browser.switch_to.active_element
    assert active.get_attribute("aria-expanded") == "true"
    assert len(labelled.all(".opened")) == 1
    active.send_keys(Keys.ENTER)
    assert labelled.all(".opened") == []
    labelled.one("#next").send_keys(Keys.ENTER)
    assert len(labelled.shown) == 30
    assert "page 2 of 2" in labelled.one("#place").text


def test_a_page_without_labels_contexts_or_all_explanations(
    browser: Any, ships: list[str], mixed: list[str], tmp_path: Path
) -> None:
    from textocl import KDE

    file = tmp_path / "plain.html"
    long = "government " * 50 + "secret"
    write_report(KDE().fit(ships), [*mixed, long, ""], file, limits=ReportLimits(60, 5, 200))
    page = Page(browser, file)
    assert not page.one("#curves").is_displayed()
    assert not page.one("#contexts").is_displayed()
    assert not page.one("#label").is_displayed()
    notes = page.one("#notes").text
    assert "5 of 60 listed documents are explained" in notes
    assert "60 of 82 documents are listed" in notes
    assert "22 more are not listed" in page.one("#count").text
    assert "1 document without a single known word is not judged" in notes
    assert "1 could not be judged." in page.one("#lead").text
    assert "not judged\n1" in page.one("#figures").text.lower()
    page.choose("sort", "order")
    page.choose("show", "unjudged")
    shown = [row.text for row in page.all(".row")]
    assert len(shown) == 1
    assert "not judged" in shown[0]
    page.choose("show", "flagged")
    assert page.all(".row")
    assert all("not judged" not in row.text for row in page.all(".row"))
    page.choose("show", "all")
    page.choose("sort", "longest")
    page.run("document.querySelector('.row').click()")
    assert "the first 200 of 556 characters" in page.one(".opened").text.lower()
    page.choose("sort", "lowest")
    page.run("document.querySelector('.row').click()")
    assert page.all(".opened")
    page.check_quiet()


def test_unexpected_words_are_marked_and_listed(
    browser: Any, ships: list[str], mixed: list[str], tmp_path: Path
) -> None:
    detector = Detector(n_contexts=1).fit(ships)
    text = "ship tanker harbour guitar cargo 😀 <b>penguin</b> port"
    file = tmp_path / "unexpected.html"
    write_report(detector, [text, *mixed], file)
    page = Page(browser, file)
    page.choose("sort", "order")
    page.run("document.querySelector('.row').click()")
    expected = [word for word, _ in detector.explain([text])[0].unexpected_words()]
    assert f"Unexpected here: {', '.join(expected)}" in page.one(".opened").text
    (button,) = [b for b in page.all(".segments button") if b.text == "Unexpected words"]
    button.send_keys(Keys.ENTER)
    marked = page.all(".opened .text .unexpected")
    assert {word.text for word in marked} == set(expected) == {"guitar", "penguin"}
    assert "nats" in marked[0].get_attribute("title")
    assert "one word in twenty" in page.one(".opened .scale").text
    page.check_quiet()


def test_a_phone_needs_no_sideways_scrolling(browser: Any, labelled_file: Path) -> None:
    size = {"width": 360, "height": 780, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        page = Page(browser, labelled_file)
        page.run("document.querySelectorAll('.row').forEach((row, i) => i < 3 && row.click())")
        assert page.run("return document.documentElement.scrollWidth") <= 360
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
