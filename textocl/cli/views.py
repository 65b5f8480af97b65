"""What the command line shows: contexts, coloured documents, measures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from textocl.core.characters import visible as visible
from textocl.explain.contexts import shown_contexts
from textocl.explain.form_evidence import form_places
from textocl.explain.notebook import sums_up

if TYPE_CHECKING:
    from textocl.core.metrics import Evaluation
    from textocl.ensemble.context_choice import ContextChoice
    from textocl.explain.contexts import ContextSummary
    from textocl.explain.explanation import Explanation
    from textocl.pile import Findings

# apart for every kind of colour vision, as in notebooks
ANOMALOUS, NORMAL = "dark_orange", "dodger_blue1"
_EXCERPT = 120  # characters of a document in a list
_FORM_REASONS = 5  # of one document


def contexts_table(contexts: Sequence[ContextSummary], n_words: int = 10) -> RenderableType:
    """One row a context: its share, top words, and most distinctive words; alike ones share one."""
    table = Table(title="Contexts", title_justify="left", expand=False)
    table.add_column("#", justify="right")
    table.add_column("share", justify="right")
    table.add_column("top words (in how many of its nearest documents)")
    table.add_column("most distinctive of them")
    rows = shown_contexts(contexts)
    for row in rows:
        context = row.summary
        distinctive = sorted(context.words, key=lambda word: -word.distinctiveness)
        table.add_row(
            row.name,
            row.share_text,
            Text(visible(", ".join(f"{w.word} {w.count}" for w in context.words[:n_words]))),
            Text(visible(", ".join(w.word for w in distinctive[:n_words]))),
        )
    return Group(table, *(Text(note) for row in rows for note in row.notes))


def typical_documents(contexts: Sequence[ContextSummary]) -> RenderableType:
    """The beginnings of each context's most typical documents."""
    lines: list[RenderableType] = []
    for row in shown_contexts(contexts):
        lines.append(Text(f"\nTypical of context {row.name}", style="bold"))
        for document in row.summary.typical:
            distance = (f"  {document.distance:.3f}  ", "dim")
            lines.append(Text.assemble(distance, visible(document.excerpt)))
    return Group(*lines)


def choice_view(choice: ContextChoice, texts: Sequence[str]) -> RenderableType:
    """Threshold and flagged documents before and after, and which enter or leave the top."""
    table = Table(box=None, padding=(0, 2))
    table.add_column("")
    table.add_column("threshold", justify="right")
    table.add_column("flagged", justify="right")
    for name, judged in (("before", choice.before), ("after", choice.after)):
        table.add_row(name, f"{judged.threshold:.4f}", f"{judged.n_flagged:,} of {len(texts):,}")
    correlation = choice.rank_correlation
    shown = "none, all scores are equal" if correlation is None else f"{correlation:.3f}"
    parts: list[RenderableType] = [Text(f"\nRank correlation {shown}"), table]
    n_top = len(choice.after.top)
    for name, style, numbers in (
        ("enter", ANOMALOUS, choice.entered),
        ("leave", NORMAL, choice.left),
    ):
        if numbers:
            parts.append(Text(f"\n{len(numbers)} {name} the top {n_top}", style=style))
        for i in numbers:
            excerpt = visible(" ".join(texts[i][:_EXCERPT].split()))
            parts.append(Text.assemble((f"  {i + 1}  ", "dim"), excerpt))
    if not choice.entered and not choice.left:
        parts.append(Text(f"\nThe top {n_top} are the same documents."))
    return Group(*parts)


def coloured_document(explanation: Explanation, max_characters: int | None = None) -> Text:
    """The text with words that speak for an anomaly in orange and for normal in blue.

    The stronger a word's evidence among this document's words, the stronger its colour. What is
    odd by form is underlined.
    """
    evidence = dict(zip(explanation.words, explanation.evidence.tolist(), strict=True))
    strongest = max((abs(value) for value in evidence.values()), default=0.0)
    end = len(explanation.text)
    end = end if max_characters is None else min(end, max_characters)
    text = Text(visible(explanation.text[:end]))
    for span in explanation.spans:
        if span.end > end or not strongest:
            break
        strength = abs(evidence[span.word]) / strongest
        if strength < 0.1:
            continue
        colour = ANOMALOUS if evidence[span.word] > 0 else NORMAL
        style = f"bold {colour} reverse" if strength > 0.6 else colour
        text.stylize(style if strength > 0.25 else f"dim {colour}", span.start, span.end)
    for start, stop, _ in form_places(explanation.unusual_form(), end):
        text.stylize("underline", start, stop)
    if end < len(explanation.text):
        text.append(" …")
    return text


def judgement(explanation: Explanation) -> Text:
    """One line: status, score, threshold, p-value, nearest context."""
    if not explanation.label:
        return Text.assemble((explanation.status, "bold"), ", no known word")
    text = Text(explanation.status, style=ANOMALOUS if explanation.label == -1 else NORMAL)
    text.append(
        f"  score {explanation.score:.3f} (threshold {explanation.threshold:.3f}), "
        f"p = {explanation.p_value:.2g}",
        style="default",
    )
    if explanation.nearest_context is not None:
        text.append(f", nearest context {explanation.nearest_context}", style="default")
    return text


def explanation_view(explanation: Explanation, n_words: int = 8) -> RenderableType:
    """Judgement, coloured text, what is odd by form, and the words that decided."""
    table = Table(show_header=True, header_style="bold", box=None, padding=(0, 2))
    table.add_column("speaks for an anomaly")
    table.add_column("evidence", justify="right")
    table.add_column("speaks for normal")
    table.add_column("evidence", justify="right")
    anomalous, normal = explanation.anomalous_words(n_words), explanation.normal_words(n_words)
    for i in range(max(len(anomalous), len(normal))):
        left = anomalous[i] if i < len(anomalous) else None
        right = normal[i] if i < len(normal) else None
        table.add_row(
            Text(left[0] if left else "", style=ANOMALOUS),
            f"{left[1]:+.4f}" if left else "",
            Text(right[0] if right else "", style=NORMAL),
            f"{right[1]:+.4f}" if right else "",
        )
    parts: list[RenderableType] = [
        judgement(explanation),
        Padding(coloured_document(explanation), (0, 2)),
    ]
    if form := explanation.form_reasons(_FORM_REASONS):
        parts.append(_form_line(form))
    if explanation.words:
        parts.append(table)
    if explanation.words or explanation.form:
        parts.append(Text(sums_up(explanation), style="dim"))
    unexpected = explanation.unexpected_words(2 * n_words)
    if unexpected:
        words = visible(", ".join(word for word, _ in unexpected))
        parts.append(Text.assemble(("unexpected here: ", "bold"), words))
    return Group(*parts)


def _form_line(form: Sequence[str]) -> Text:
    return Text.assemble(("odd by form: ", "bold"), visible("; ".join(form)))


def evaluation_line(evaluation: Evaluation) -> str:
    """One line with the measures, in percent."""
    return (
        f"AUC {100 * evaluation.auc:.1f} %, average precision "
        f"{100 * evaluation.average_precision:.1f} %, false alarms at 95 % recall "
        f"{100 * evaluation.fpr_at_95_recall:.1f} % "
        f"({evaluation.n_normal:,} normal, {evaluation.n_anomalous:,} anomalous)"
    )


def findings_view(findings: Findings, ids: Sequence[str], n: int) -> RenderableType:
    """How many are flagged, of what kinds, and the ``n`` oddest with what says so."""
    estimate = findings.detector.contamination_
    parts: list[RenderableType] = [
        Text(f"{findings.summary}.", style="bold"),
        Text(f"By their scores about {estimate} of the documents do not belong."),
    ]
    if not len(findings.flagged):
        parts.append(Text("None stands out enough to be sure of; --top N flags the first N."))
    else:
        table = Table(box=None, padding=(0, 2), show_header=False)
        table.add_column(justify="right")
        for kind in findings.kinds:
            table.add_row(f"{len(kind.documents):,}", Text(visible(kind.name), style=ANOMALOUS))
        parts += [Text("\nKinds of flagged documents", style="bold"), table]
    oddest = findings.oddest(n)
    if len(oddest):
        parts.append(Text("\nThe oddest", style="bold"))
    for i, explanation in zip(oddest, findings.explain(oddest), strict=True):
        words = ", ".join(explanation.reasons())
        parts.append(
            Text.assemble(
                f"{findings.ranks[i]:>3}. ",
                (visible(ids[i]), "bold"),
                (f"  p = {explanation.p_value:.2g}", "dim"),
                ("  flagged" if explanation.label == -1 else "  not flagged", "dim"),
                "  ",
                (visible(words), ANOMALOUS),
            )
        )
        if form := explanation.form_reasons():
            parts.append(Padding(_form_line(form), (0, 0, 0, 5)))
        excerpt = visible(" ".join(explanation.text[: 4 * _EXCERPT].split()))[:_EXCERPT]
        parts.append(Padding(Text(excerpt), (0, 0, 0, 5)))
    return Group(*parts)
