"""The page about a pile says what the findings say, answer first, and keeps what readers mark."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import Page
from texts import sentences

from textocl import DataError, Detector
from textocl.core.characters import visible
from textocl.explain.form_evidence import form_places
from textocl.io.tables import read_corpus
from textocl.pile import Findings, find
from textocl.report import ReportLimits, write_findings_report
from textocl.report.findings import answer_of, findings_contents
from textocl.report.map import principal_axes

HOSTILE = '</script><img src=x onerror="window.hacked=1"> {{data}} \u202e'
TEXTS = [*sentences("ships", 60, seed=3), *sentences("music", 4, seed=3)]
TEXTS += [TEXTS[62], HOSTILE + " guitar melody chorus", "", TEXTS[62]]
IDS = [f"document {i}" for i in range(67)] + [HOSTILE]
COLUMNS = {
    HOSTILE: [HOSTILE[: 5 + i % 9] for i in range(68)],
    "rating": [i % 5 or None for i in range(68)],
}


@pytest.fixture(scope="module")
def findings() -> Findings:
    return find(TEXTS, top=5, n_contexts=2)


@pytest.fixture(scope="module")
def contents(findings: Findings) -> dict[str, Any]:
    return findings_contents(findings, title="A title", ids=IDS, columns=COLUMNS)


def test_scores_are_those_out_of_sample(findings: Findings, contents: dict[str, Any]) -> None:
    shown = np.array([np.nan if s is None else s for s in contents["scores"]], np.float32)
    assert np.array_equal(shown, findings.scores[findings.copy_of], equal_nan=True)
    assert contents["judged"] == [0 if i == 66 else 1 for i in range(68)]
    in_sample = findings.detector.anomaly_score(TEXTS[:66])
    assert not np.allclose(shown[:66], in_sample)
    documents = contents["documents"]
    assert documents["rank"] == findings.ranks[documents["number"]].tolist()
    assert documents["p_value"][0] == pytest.approx(findings.p_values[0], rel=0.01)
    assert documents["flagged"] == (findings.labels[documents["number"]] == -1).tolist()
    above = [s is not None and s > contents["threshold"] for s in contents["scores"]]
    assert above == (findings.labels == -1).tolist()


def test_the_answer_names_the_rule_and_the_estimated_share(findings: Findings) -> None:
    share = f"about {findings.detector.contamination_} do not belong."
    n = len(findings.flagged)
    for rule, words in {
        "top": f"{n} of 68 documents do not seem to belong here, chosen as the 5 with the highest",
        "fdr": "by a false discovery rate of 1e-30; by the scores of all, ",
    }.items():
        judged = findings if rule == "top" else findings.rethreshold(fdr=1e-30)
        assert words in answer_of(judged)
        assert share in answer_of(judged)
    assert answer_of(judged).startswith("None of 68 documents stands out")


def test_copies_are_folded_and_documents_not_judged_come_last(
    findings: Findings, contents: dict[str, Any]
) -> None:
    documents = contents["documents"]
    assert sorted(documents["number"]) == [*range(64), 65, 66]
    place = documents["number"].index(62)
    assert documents["copies"][place] == [
        "document 64",
        '</script><img src=x onerror="window.hacked=1"> {{data}} \ufffd',
    ]
    assert sum(map(len, documents["copies"])) == contents["findings"]["n_copies"] == 2
    assert contents["findings"]["n_unjudged"] == 1
    assert documents["explanation"][documents["number"].index(66)] is None


def test_reasons_are_the_words_that_speak_for_an_anomaly(
    findings: Findings, contents: dict[str, Any]
) -> None:
    oddest = findings.oddest(5)
    documents = contents["documents"]
    for number, explanation in zip(oddest, findings.explain(oddest), strict=True):
        place = documents["number"].index(number)
        words = [word for word, _ in explanation.anomalous_words(6)]
        assert documents["reasons"][place] == words
        assert words


def test_kinds_and_columns_are_given_beside_each_document(
    findings: Findings, contents: dict[str, Any]
) -> None:
    documents = contents["documents"]
    assert [kind["n"] for kind in contents["findings"]["kinds"]] == [
        len(kind.documents) for kind in findings.kinds
    ]
    for number, label in zip(documents["number"], documents["label"], strict=True):
        assert (label >= 0) == (findings.labels[number] == -1)
        assert label < 0 or number in findings.kinds[label].documents
    name, values = documents["columns"][1]
    assert name == "rating"
    assert values == [str(i % 5 or "") for i in documents["number"]]


def test_words_that_decide_are_counted_in_both_groups(contents: dict[str, Any]) -> None:
    contrast = contents["findings"]["contrast"]
    assert (contrast["n_flagged"], contrast["n_others"]) == (5, 60)
    for word, in_flagged, in_others in contrast["flagged"]:
        holding = [i for i in range(66) if i != 64 and word in TEXTS[i].lower().split()]
        assert in_flagged + in_others == len(holding)
        assert in_flagged / 5 > in_others / 60
    assert contrast["flagged"]
    assert contrast["others"]


def test_a_map_shows_all_judged_documents_once(
    findings: Findings, contents: dict[str, Any]
) -> None:
    drawn = contents["findings"]["map"]
    assert sorted(drawn["number"]) == [*range(64), 65]
    assert drawn["excerpt"] == [None] * 65
    assert min(drawn["x"] + drawn["y"]) >= 0
    assert max(drawn["x"]) - min(drawn["x"]) == 1000
    few = findings_contents(find(TEXTS[:19], top=1, n_contexts=1), title="t")
    assert few["findings"]["map"] is None


def test_axes_keep_as_much_variance_as_any_two_can() -> None:
    points = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32) * [5, 1, 3, 1, 1, 1]
    places, share = principal_axes(points)
    values = np.sort(np.linalg.eigvalsh(np.cov(points.T, bias=True)))[::-1]
    assert np.allclose(np.sort(places.var(axis=0))[::-1], values[:2], rtol=1e-5)
    assert share == pytest.approx(values[:2].sum() / values.sum())
    assert np.allclose(principal_axes(np.ones((3, 4), np.float32))[0], 0)


def test_limits_keep_the_oddest(findings: Findings) -> None:
    seen: list[int] = []
    limited = findings_contents(
        findings, title="t", limits=ReportLimits(8, 4, 20), advance=seen.append
    )
    documents = limited["documents"]
    assert len(documents["text"]) == 8
    assert set(findings.oddest(6).tolist()) <= set(documents["number"])
    assert max(map(len, documents["text"])) == 20
    assert sum(e is not None for e in documents["explanation"]) == sum(seen) == 4
    assert sum(e is not None for e in limited["findings"]["map"]["excerpt"]) == 65 - 8


@pytest.mark.parametrize(
    ("options", "message"),
    [({"ids": ["a"]}, "an id for each of 68"), ({"columns": {"a": [1]}}, "68 values in the column 'a'"),
     ({"limits": ReportLimits(documents=0)}, "number of documents")],
)  # fmt: skip
def test_what_does_not_fit_is_told(findings: Findings, options: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        findings_contents(findings, title="t", **options)


# --- in a browser ---


@pytest.fixture(scope="module")
def page_file(findings: Findings, tmp_path_factory: Any) -> Path:
    file = tmp_path_factory.mktemp("report") / "findings.html"
    write_findings_report(findings, file, ids=IDS, columns=COLUMNS, title=HOSTILE)
    return file


@pytest.fixture
def page(browser: Any, page_file: Path) -> Iterator[Page]:
    opened = Page(browser, page_file)
    opened.run("localStorage.clear()")
    yield Page(browser, page_file)
    assert browser.get_log("browser") == []


def test_the_answer_is_first_and_the_rest_is_folded(page: Page, findings: Findings) -> None:
    assert page.one("#lead").text == answer_of(findings)
    assert "of these 7" in page.one("#comment").text or "7 may well" in page.one("#comment").text
    places = [page.one(f"#{name}").location["y"] for name in ("kinds", "documents", "map", "more")]
    assert places == sorted(places)
    assert not any(
        page.one(f"#{name}").is_displayed() for name in ("contexts", "histogram", "card")
    )
    oddest = [page.run("return listed.number[arguments[0]]", i) for i in page.shown]
    assert oddest == findings.oddest(10).tolist()


def test_hostile_texts_ids_and_columns_are_shown_literally(page: Page) -> None:
    place = TEXTS.index(HOSTILE + " guitar melody chorus")
    page.run("openDocument(placeOf.get(arguments[0]))", place)
    assert page.one(".opened > .text").text == TEXTS[place].replace("\u202e", "\ufffd")
    assert HOSTILE[:30] in page.one(".opened .columns").text
    assert page.run("return document.getElementById('title').textContent")[:9] == "</script>"
    assert page.run("return window.hacked") is None
    assert page.all("img, iframe, form:not(#tools)") == []


def test_a_kind_shows_only_its_documents(page: Page, findings: Findings) -> None:
    page.one("#kind-list button").click()
    shown = [page.run("return listed.number[arguments[0]]", i) for i in page.shown]
    own = [i for i in findings.kinds[0].documents if findings.copy_of[i] == i]
    assert sorted(shown) == sorted(own)
    assert page.one("#kind-list button").get_attribute("aria-pressed") == "true"


def test_the_map_tells_of_documents_by_keyboard(page: Page, findings: Findings) -> None:
    from selenium.webdriver.common.keys import Keys

    page.one("#chart").send_keys(Keys.ARROW_RIGHT)
    oddest = int(findings.oddest(1)[0])
    assert TEXTS[oddest][:20].replace("\u202e", "\ufffd") in page.one("#tip").text
    page.one("#chart").send_keys(Keys.ENTER)
    assert len(page.all(".opened")) == 1
    assert page.run("return listed.number[arguments[0]]", page.shown[0]) == oddest


def test_marks_stay_and_are_counted_and_taken_back(
    page: Page, browser: Any, page_file: Path
) -> None:
    from selenium.webdriver.common.keys import Keys

    rows = page.all(".marks")
    for row, label in zip(rows, (1, -1, 0, -1), strict=False):
        row.find_element("css selector", f'[data-mark="{label}"]').send_keys(Keys.ENTER)
    assert page.one("#marks").text == "4 marks: 1 belongs, 2 does not belong, 1 unsure"
    again = Page(browser, page_file)
    pressed = again.all('.marks [aria-pressed="true"]')
    assert [button.text for button in pressed] == [
        "Belongs",
        "Does not belong",
        "Unsure",
        "Does not belong",
    ]
    pressed[0].send_keys(Keys.SPACE)
    assert again.one("#marks").text.startswith("3 marks: 0 belongs")


def test_marks_are_downloaded_as_files_that_textocl_reads(
    page: Page, browser: Any, findings: Findings, tmp_path: Path
) -> None:
    from textocl.cli.find import known_labels

    browser.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    expected = []
    for number, label in ((62, -1), (65, 1), (3, 0)):
        page.run("openDocument(placeOf.get(arguments[0]))", number)
        page.run(
            "document.activeElement.parentElement.querySelector(`[data-mark='${arguments[0]}']`).click()",
            label,
        )
    for number in findings.oddest(70):
        label = {62: -1, 65: 1, 3: 0}.get(int(number))
        ids = [IDS[number], *([IDS[64], IDS[67]] if number == 62 else [])]
        expected += [
            (name.replace("\u202e", "\ufffd"), TEXTS[number].replace("\u202e", "\ufffd"), label)
            for name in ids
            if label is not None
        ]
    assert len(expected) == 5
    for kind in ("csv", "jsonl"):
        page.one(f"#{kind}").click()
        file = tmp_path / f"marks.{kind}"
        for _ in range(100):
            if file.exists():
                break
            time.sleep(0.05)
        corpus = read_corpus(file)
        assert (
            list(zip(corpus.ids, corpus.texts, known_labels(corpus, "label"), strict=True))
            == expected
        )
    page.one("#with-text").click()
    assert page.run("return marksCsv(false)").splitlines()[0] == "id,label"
    assert json.loads(page.run("return marksJsonl(false)").splitlines()[0]).keys() == {
        "id",
        "label",
    }


def test_a_phone_needs_no_sideways_scrolling(browser: Any, page_file: Path) -> None:
    size = {"width": 360, "height": 780, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        page = Page(browser, page_file)
        page.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        page.run("document.querySelectorAll('.row').forEach((row, i) => i < 3 && row.click())")
        assert page.run("return document.documentElement.scrollWidth") <= 360
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_nothing_flagged_leaves_the_oddest(
    browser: Any, findings: Findings, tmp_path: Path
) -> None:
    file = tmp_path / "none.html"
    write_findings_report(findings.rethreshold(fdr=1e-30), file)
    page = Page(browser, file)
    assert page.one("#lead").text.startswith("None of 68")
    assert not page.one("#kinds").is_displayed()
    assert not page.one("#words").is_displayed()
    assert len(page.shown) == 10
    page.check_quiet()


LOUD = "<b>PORT</b> NOW!!! CALL 0800 1234567 \u202e £££ "


@pytest.fixture(scope="module")
def loud() -> Findings:
    return find([*TEXTS[:60], LOUD + sentences("ships", 1, seed=9)[0]], top=1)


def test_what_is_odd_by_form_is_among_the_contents(loud: Findings) -> None:
    contents = findings_contents(loud, title="t")
    documents = contents["documents"]
    (explanation,) = loud.explain([60])
    place = documents["number"].index(60)
    said = [visible(said) for said in explanation.form_reasons()]
    assert documents["form"][place] == said != []
    assert contents["findings"]["kinds"] == [{"name": loud.kinds[0].name, "n": 1}]
    assert loud.kinds[0].name.startswith("odd by form: ")
    normal = [form for i, form in enumerate(documents["form"]) if i != place]
    assert sum(map(bool, normal)) < 20


def test_form_is_said_and_underlined_and_hostile_text_stays_literal(
    browser: Any, loud: Findings, tmp_path: Path
) -> None:
    file = tmp_path / "loud.html"
    write_findings_report(loud, file)
    page = Page(browser, file)
    assert page.one("#kind-list button").text.split("\n")[-1].startswith("odd by form: ")
    (explanation,) = loud.explain([60])
    line = page.one(".form-reasons").get_attribute("textContent").replace("\u00a0", " ")
    assert line == "odd by form: " + "; ".join(map(visible, explanation.form_reasons()))
    page.run("openDocument(placeOf.get(60))")
    assert page.one(".opened > .text").get_attribute("textContent") == visible(explanation.text)
    underlined = page.run(
        "return [...document.querySelectorAll('.opened .text .odd-form')].map(s => [s.textContent, s.title])"
    )
    form = explanation.unusual_form()
    expected: list[tuple[str, str]] = [
        (visible(explanation.text[start:stop]), visible(form[k].said))
        for start, stop, k in form_places(form, len(explanation.text))
    ]
    assert expected
    assert "".join(text for text, _ in underlined) == "".join(text for text, _ in expected)
    assert {title for _, title in underlined} == {said for _, said in expected}
    assert len(page.all(".scale .odd-form")) == 1
    page.run("document.querySelector('.opened .views [data-view=\"1\"]').click()")
    assert page.all(".odd-form") == []
    page.check_quiet()


def test_a_detector_without_contexts_can_be_reported(tmp_path: Path) -> None:
    plain = find(TEXTS, top=2, detector=Detector(support_weight=0))
    contents = findings_contents(plain, title="t")
    assert contents["contexts"] == []
    assert any(contents["documents"]["reasons"])
