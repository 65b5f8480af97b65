"""``textocl demo``: a pile of headlines with a few strangers, found without being told of any."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.padding import Padding

from textocl.cli.application import app, out_console, print_json
from textocl.cli.options import Json, Seed

_N_PILE, _N_STRANGERS = 1_500, 45
_SHOWN = 5


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder to write the model to.")] = Path("demo-model"),
    topic: Annotated[
        str, typer.Option(help="Headlines that most of the pile is of: health or news.")
    ] = "health",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Run the main job on headlines: find the few of another topic in a pile, and say why."""
    import numpy as np

    from textocl.cli.views import (
        ANOMALOUS,
        NORMAL,
        coloured_document,
        evaluation_line,
        findings_view,
        judgement,
    )
    from textocl.core.metrics import evaluate
    from textocl.core.persistence import check_target
    from textocl.core.validation import check_choice
    from textocl.evaluation.headlines import read_headlines
    from textocl.pile import find

    check_target(out)
    headlines = read_headlines()
    check_choice("topic", topic, sorted(headlines))
    usual = headlines.pop(topic)[:_N_PILE]
    ((other, strangers),) = headlines.items()
    pile = usual + strangers[:_N_STRANGERS]
    order = np.random.default_rng(seed).permutation(len(pile))
    texts = [pile[i] for i in order]
    is_strange = order >= len(usual)
    start = time.perf_counter()
    findings = find(texts, random_state=seed)
    seconds = time.perf_counter() - start
    findings.detector.save(out)
    judged = ~np.isnan(findings.scores)
    evaluation = evaluate(findings.scores[judged], is_strange[judged])
    n_right = int(is_strange[findings.oddest(_N_STRANGERS)].sum())
    if as_json:
        facts = {"model": str(out), "seconds": seconds, "right_of_top": n_right}
        print_json({**facts, "top": _N_STRANGERS, **evaluation.to_dict()})
        return

    _say(
        f"[bold]1. Find[/] what does not belong among {len(texts):,} headlines; nothing was told, "
        f"{seconds:.1f} s.\n"
    )
    out_console.print(findings_view(findings, [str(i + 1) for i in range(len(texts))], _SHOWN))
    _say(
        f"\n[bold]2. Was it right?[/] {_N_STRANGERS} of the headlines are {other}, the others "
        f"{topic}.\n   {n_right} of the {_N_STRANGERS} oddest are {other}. "
        f"{evaluation_line(evaluation)}"
    )
    _say(
        f"\n[bold]3. See why[/]: [{ANOMALOUS}]orange[/] words speak for an anomaly, "
        f"[{NORMAL}]blue[/] ones for normal."
    )
    for explanation in findings.explain(findings.oddest(3)):
        out_console.print("   ", judgement(explanation), sep="")
        out_console.print(Padding(coloured_document(explanation, 400), (0, 0, 1, 6)))
    _say(
        f"The model is in {escape(str(out))}. Try it on a text of your own:\n"
        f'   textocl explain {escape(str(out))} "The guitarist played two encores."'
    )


def _say(text: str) -> None:
    out_console.print(text, highlight=False, soft_wrap=True)
