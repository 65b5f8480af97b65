"""Contexts that were merged are shown as one, wherever contexts are shown."""

from __future__ import annotations

from rich.console import Console

from textocl.cli.views import contexts_table, typical_documents
from textocl.explain.contexts import (
    Contexts,
    ContextSummary,
    TopWord,
    TypicalDocument,
    shown_contexts,
)


def context(k: int, share: float, word: str, merged_into: int | None = None) -> ContextSummary:
    typical = [TypicalDocument(k, 0.1, f"a text on {word}")]
    return ContextSummary(k, share, [TopWord(word, 3, 1.0)], typical, merged_into)


CONTEXTS = Contexts(
    [
        context(0, 0.3, "wheat"),
        context(1, 0.4, "oil"),
        context(2, 0.0, "ghost", 0),
        context(3, 0.296, "crude", 1),
        context(4, 0.004, "rare"),
    ]
)
NOTES = [
    "No document is nearest to context 2; shown as one with context 0.",
    "Contexts 3 and 1 are alike; shown as one.",
]


def printed(*renderables: object) -> str:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(*renderables)
    return capture.get()


def test_merged_contexts_add_their_numbers_and_shares_to_one() -> None:
    shown = shown_contexts(CONTEXTS)
    assert [row.name for row in shown] == ["0, 2", "1, 3", "4"]
    assert [row.share_text for row in shown] == ["30%", "70%", "< 1%"]
    assert [note for row in shown for note in row.notes] == NOTES
    assert shown[1].summary.words == CONTEXTS[1].words


def test_a_context_that_is_shown_alone_stands_for_itself() -> None:
    (row,) = shown_contexts([CONTEXTS[3]])
    assert (row.name, row.summary, row.notes) == ("3", CONTEXTS[3], [])
    assert "crude" in CONTEXTS[3]._repr_html_()


def test_tables_have_one_row_for_those_alike_and_say_so() -> None:
    for shown in (
        printed(contexts_table(CONTEXTS), typical_documents(CONTEXTS)),
        CONTEXTS._repr_html_().replace("&lt;", "<"),
    ):
        assert all(text in shown for text in ("0, 2", "1, 3", "70%", "< 1%", "text on oil", *NOTES))
        assert not any(text in shown for text in ("ghost", "crude", " 0%", ">0%"))


def test_what_was_saved_before_is_shown_as_it_was() -> None:
    values = [one.to_dict() for one in CONTEXTS]
    assert [ContextSummary.from_dict(v) for v in values] == CONTEXTS
    for v in values:
        del v["merged_into"]
    old = [ContextSummary.from_dict(v) for v in values]
    assert [row.numbers for row in shown_contexts(old)] == [[0], [1], [2], [3], [4]]
