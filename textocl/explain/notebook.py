"""Explanations and contexts as notebooks show them: small HTML, styled inline, light or dark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, Protocol

from textocl.core.assessment import STATUS
from textocl.core.characters import visible
from textocl.explain.form_evidence import FormEvidence, form_places, pieces_of

# orange and blue are apart for every kind of colour vision; seen through, so the page's own text
# colour stays readable on a light and on a dark page
_ANOMALOUS, _NORMAL = "230,120,0", "40,120,220"
_STRONGEST = 0.55  # opacity of the word that decides most
_FAINTEST = 0.1  # share of the strongest evidence below which a word stays plain
_SHOWN = 20_000  # characters of a document
_CELL = "padding:2px 12px 2px 0;text-align:left;vertical-align:top"
_QUIET = "opacity:0.75;font-size:90%"
# a line that no word has, in the text's own colour
_ODD_FORM = "text-decoration:underline wavy 1px;text-underline-offset:4px"
_FORM_REASONS = 5


class Explained(Protocol):
    """What is shown of an `Explanation`; read-only, so that a frozen one fits."""

    @property
    def text(self) -> str: ...
    @property
    def score(self) -> float: ...
    @property
    def threshold(self) -> float: ...
    @property
    def p_value(self) -> float: ...
    @property
    def label(self) -> int: ...
    @property
    def words(self) -> list[str]: ...
    @property
    def evidence(self) -> Any: ...
    @property
    def spans(self) -> Any: ...
    @property
    def shares(self) -> Any: ...
    @property
    def nearest_context(self) -> int | None: ...
    @property
    def form(self) -> tuple[FormEvidence, ...]: ...

    def form_reasons(self, n: int) -> list[str]: ...
    def unusual_form(self) -> list[FormEvidence]: ...
    def anomalous_words(self, n: int) -> list[tuple[str, float]]: ...
    def normal_words(self, n: int) -> list[tuple[str, float]]: ...
    def unexpected_words(self, n: int) -> list[tuple[str, float]]: ...


def text_html(text: str) -> str:
    """Return a text from anywhere as HTML that only shows it."""
    return escape(visible(text), quote=True)


def explanation_html(explanation: Explained, n_words: int = 8) -> str:
    """Judgement, coloured text, legend, and the words that decided."""
    judgement = f"<b>{STATUS[explanation.label]}</b>"
    if not explanation.label:
        judgement += ", no known word"
    else:
        judgement += (
            f" score {explanation.score:.3f} (threshold {explanation.threshold:.3f}), "
            f"p = {explanation.p_value:.2g}"
        )
    if explanation.nearest_context is not None:
        judgement += f", nearest context {explanation.nearest_context}"
    parts = [
        f"<div>{judgement}</div>",
        '<div style="white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.7;margin:6px 0">'
        f"{_coloured(explanation)}</div>",
    ]
    form = explanation.form_reasons(_FORM_REASONS)
    if explanation.words or form:
        parts.append(_legend(explanation))
    if form:
        parts.append(f"<div><b>Odd by form:</b> {text_html('; '.join(form))}</div>")
    if explanation.words:
        parts.append(_deciding_words(explanation, n_words))
    unexpected = explanation.unexpected_words(2 * n_words)
    if unexpected:
        words = text_html(", ".join(word for word, _ in unexpected))
        parts.append(f"<div><b>Unexpected here:</b> {words}</div>")
    return f'<div style="max-width:60em">{"".join(parts)}</div>'


def contexts_html(shown: Sequence[Any], n_words: int = 10) -> str:
    """One row a `ShownContext`: share, top words, most distinctive words, typical documents."""
    rows = []
    for row in shown:
        context = row.summary
        distinctive = sorted(context.words, key=lambda word: -word.distinctiveness)
        top = (
            f'{text_html(word.word)} <span style="{_QUIET}">{word.count}</span>'
            for word in context.words[:n_words]
        )
        cells = [
            row.name,
            text_html(row.share_text),
            ", ".join(top),
            text_html(", ".join(word.word for word in distinctive[:n_words])),
            "<br>".join(text_html(document.excerpt) for document in context.typical),
        ]
        rows.append(_row(cells))
    names = ["context", "share", "top words", "most distinctive of them", "typical documents"]
    return _table(names, rows) + (
        f'<div style="{_QUIET}">Numbers: in how many of the context\'s nearest documents the word '
        "is among the most attended.</div>"
        + "".join(f'<div style="{_QUIET}">{note}</div>' for row in shown for note in row.notes)
    )


def sums_up(explanation: Explained) -> str:
    """What evidence adds up to; of words alone, or where form has its part, of both."""
    if not explanation.form or float(explanation.shares.sum()) >= 1 - 1e-6:
        return "Evidence adds up to score − threshold."
    of_words = float(explanation.evidence.sum())
    of_form = sum(one.evidence for one in explanation.form)
    return (
        f"Evidence of all words, {of_words:+.4f}, and of the form, {of_form:+.4f}, adds up to "
        "score − threshold."
    )


def _coloured(explanation: Explained) -> str:
    evidence = dict(zip(explanation.words, explanation.evidence.tolist(), strict=True))
    strongest = max((abs(value) for value in evidence.values()), default=0.0)
    text, form = explanation.text, explanation.unusual_form()
    end = min(len(text), _SHOWN)
    spans = [
        span
        for span in explanation.spans
        if span.end <= end and strongest and abs(evidence[span.word]) >= _FAINTEST * strongest
    ]
    parts = []
    for start, stop, word, k in pieces_of(end, spans, form_places(form, end)):
        piece = text_html(text[start:stop])
        if word is not None:
            value = evidence[word]
            piece = _mark(text[start:stop], value, abs(value) / strongest)
        parts.append(piece if k is None else _odd(piece, form[k].said))
    return "".join(parts) + (" …" if end < len(text) else "")


def _odd(piece: str, said: str) -> str:
    """HTML of a piece of text whose form is odd."""
    return f'<span title="{text_html(said)}" style="{_ODD_FORM}">{piece}</span>'


def _mark(word: str, evidence: float, strength: float) -> str:
    colour, line = (_ANOMALOUS, "solid") if evidence > 0 else (_NORMAL, "dotted")
    return (
        f'<span title="{evidence:+.4f}" style="color:inherit;border-radius:3px;'
        f"padding:1px 0;background:rgba({colour},{_STRONGEST * strength:.2f});"
        f'border-bottom:2px {line} rgb({colour})">{text_html(word)}</span>'
    )


def _legend(explanation: Explained) -> str:
    places = form_places(explanation.unusual_form(), min(len(explanation.text), _SHOWN))
    odd = f" {_odd('underlined', 'form')} is odd by form." if places else ""
    return (
        f'<div style="{_QUIET};margin:6px 0">{_mark("orange", 1, 1)} speaks for an anomaly, '
        f"{_mark('blue', -1, 1)} for normal; the stronger, the more.{odd} "
        f"{sums_up(explanation)}</div>"
    )


def _deciding_words(explanation: Explained, n_words: int) -> str:
    sides = [explanation.anomalous_words(n_words), explanation.normal_words(n_words)]
    rows = []
    for i in range(max(map(len, sides))):
        cells = []
        for side in sides:
            word, value = side[i] if i < len(side) else ("", None)
            cells += [text_html(word), "" if value is None else f"{value:+.4f}"]
        rows.append(_row(cells))
    names = ["speaks for an anomaly", "evidence", "speaks for normal", "evidence"]
    return _table(names, rows)


def _row(cells: Iterable[str], tag: str = "td") -> str:
    filled = "".join(f'<{tag} style="{_CELL}">{cell}</{tag}>' for cell in cells)
    return f'<tr style="background:none">{filled}</tr>'


def _table(names: Sequence[str], rows: Sequence[str]) -> str:
    return (
        '<table style="border-collapse:collapse;color:inherit">'
        f"<thead>{_row(names, 'th')}</thead><tbody>{''.join(rows)}</tbody></table>"
    )
