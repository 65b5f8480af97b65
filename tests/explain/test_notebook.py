"""What notebooks show: all of it, coloured by sign, and nothing that a text could smuggle in."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from texts import sentences

from textocl import CVDD, ContextSummary, Detector
from textocl.explain.contexts import Contexts, TopWord, TypicalDocument
from textocl.explain.explanation import FormEvidence


class _Reader(HTMLParser):
    """Text and tags of a page; refuses tags that do not match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.tags, self.marked, self.open = "", set(), [], []
        self.odd: list[tuple[str | None, int]] = []  # what is said of each, and where it begins
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert {name for name, _ in attrs} <= {"style", "title"}
        if "underline" in (dict(attrs).get("style") or ""):
            self.odd.append((dict(attrs)["title"], len(self.text)))
        if tag != "br":
            self.open.append(tag)
        style = dict(attrs).get("style") or ""
        if "border-bottom" in style:
            self.marked.append(["orange" if "230,120,0" in style else "blue", ""])

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.open and self.open[-1] == "span" and self.marked and not self.marked[-1][1]:
            self.marked[-1][1] = data


def test_words_are_coloured_by_the_sign_of_their_evidence(detector: CVDD) -> None:
    (explanation,) = detector.explain(["The ship, the tanker, and a guitar at the port"])
    page = _Reader(explanation._repr_html_())
    assert explanation.text in page.text
    evidence = dict(zip(explanation.words, explanation.evidence, strict=True))
    marked = [(colour, word) for colour, word in page.marked if word in evidence]
    assert {colour for colour, _ in marked} == {"orange", "blue"}
    assert all((colour == "orange") == (evidence[word] > 0) for colour, word in marked)
    assert f"score {explanation.score:.3f}" in page.text


def test_a_text_cannot_act_on_the_page(detector: CVDD) -> None:
    text = '<script>alert(1)</script> port & "guitar" \u202egnp\u202c \x1b[31m <b>ship\''
    (explanation,) = detector.explain([text])
    html = explanation._repr_html_()
    page = _Reader(html)
    assert page.tags <= {"div", "span", "b", "table", "thead", "tbody", "tr", "th", "td"}
    assert "<script>alert(1)</script>" in page.text
    assert not any(c in html for c in "\u202e\u202c\x1b")
    assert page.text.count("\ufffd") == 3


def test_what_is_odd_by_form_is_underlined_and_said(detector: CVDD) -> None:
    text = '<b>SHIP</b> and "port" of the tanker 0800'
    (explanation,) = detector.explain([text])
    form = FormEvidence("tags", '2 tags "<b>" \u202e', 1.0, 9.0, ((0, 3), (7, 11)))
    html = replace(explanation, form=(form, replace(form, is_unusual=False)))._repr_html_()
    page = _Reader(html)
    assert text in page.text
    assert 'Odd by form: 2 tags "<b>" \ufffd' in page.text
    assert "underlined is odd by form" in page.text
    begin = page.text.index(text)
    places = [(said, at - begin) for said, at in page.odd if at < begin + len(text)]
    assert places == [('2 tags "<b>" \ufffd', 0), ('2 tags "<b>" \ufffd', 7)]
    plain = _Reader(explanation._repr_html_())
    assert plain.odd == []
    assert "form" not in plain.text
    # a word that form cuts stays coloured as a whole
    across = replace(explanation, form=(replace(form, spans=((5, 9),)),))
    words = [word for _, word in _Reader(across._repr_html_()).marked]
    assert [w for w in words if w in ("SHIP", "SH", "IP")] in (["SH", "IP"], [])


def test_a_document_without_words_and_a_very_long_one_are_shown(detector: CVDD) -> None:
    unknown, long = detector.explain(["12 34 <i>", "ship port guitar " * 3000])
    shown = _Reader(unknown._repr_html_()).text
    assert shown.startswith("not judged, no known word")
    assert "score" not in shown
    assert " …" in _Reader(long._repr_html_()).text
    assert len(long.text) > 50_000 > len(_Reader(long._repr_html_()).text)


def test_contexts_show_words_and_typical_documents(detector: CVDD) -> None:
    assert isinstance(detector.contexts_, Contexts)
    page = _Reader(detector.contexts_._repr_html_())
    for context in detector.contexts_:
        assert context.words[0].word in page.text
        assert context.typical[0].excerpt in page.text
        assert context.typical[0].excerpt in _Reader(context._repr_html_()).text
    evil = ContextSummary(
        0, 1.0, [TopWord("<img>", 1, 0.0)], [TypicalDocument(0, 0.1, "\u202e<b>")]
    )
    page = _Reader(Contexts([evil])._repr_html_())
    assert "img" not in page.tags
    assert "<img>" in page.text
    assert "\ufffd<b>" in page.text


def test_contexts_of_a_loaded_detector_show_too(detector: CVDD, tmp_path) -> None:
    import textocl

    detector.save(tmp_path / "model")
    loaded = textocl.load(tmp_path / "model")
    assert loaded.contexts_._repr_html_() == detector.contexts_._repr_html_()


@pytest.mark.parametrize("kind", ["cvdd", "detector", "kde", "likelihood"])
def test_every_explanation_is_json(kind: str, detector: CVDD) -> None:
    import textocl

    ships = sentences("ships", 60)
    fitted = {
        "cvdd": lambda: detector,
        "detector": lambda: Detector(n_contexts=2).fit(ships),
        "kde": lambda: textocl.KDE().fit(ships),
        "likelihood": lambda: textocl.WordLikelihood().fit(ships),
    }[kind]()
    for explanation in fitted.explain(["A ship and a guitar.", "12 34", "", "\ud800 port"]):
        plain = json.loads(json.dumps(explanation.to_dict(), allow_nan=False))
        assert plain["label"] == explanation.label
        assert [word["word"] for word in plain["words"]] == explanation.words
        assert (plain["score"] is None) == (plain["p_value"] is None) == (plain["label"] == 0)
        assert plain["status"] == explanation.status
        assert _Reader(explanation._repr_html_()).text.startswith(explanation.status)


def test_equal_evidence_of_nothing_colours_nothing(detector: CVDD) -> None:
    (explanation,) = detector.explain(["port guitar"])
    flat = replace(explanation, evidence=np.zeros(2))
    assert [word for _, word in _Reader(flat._repr_html_()).marked] == ["orange", "blue"]  # legend
