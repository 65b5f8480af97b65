"""``textocl demo``: articles in a pile of speeches, found without being told of any."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.padding import Padding

from textocl.cli.application import app, out_console, print_json
from textocl.cli.options import Json, Seed

_N_ARTICLES = 30
_SHOWN = 5


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder to write the model to.")] = Path("demo-model"),
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Find articles on sport in a pile of speeches, untold, and say why."""
    import numpy as np

    from textocl.cli.views import (
        ANOMALOUS,
        NORMAL,
        coloured_document,
        evaluation_line,
        findings_view,
    )
    from textocl.core.metrics import evaluate
    from textocl.core.persistence import check_target
    from textocl.evaluation.demo_corpus import read_demo_corpus
    from textocl.pile import find

    check_target(out)
    corpus = read_demo_corpus()
    pile = corpus["speeches"] + corpus["sport"][:_N_ARTICLES]
    order = np.random.default_rng(seed).permutation(len(pile))
    texts = [pile[i] for i in order]
    is_article = order >= len(corpus["speeches"])
    start = time.perf_counter()
    findings = find(texts, top=_N_ARTICLES, random_state=seed)
    seconds = time.perf_counter() - start
    findings.detector.save(out)
    judged = ~np.isnan(findings.scores)
    evaluation = evaluate(findings.scores[judged], is_article[judged])
    n_right = int(is_article[findings.oddest(_N_ARTICLES)].sum())
    if as_json:
        facts = {"model": str(out), "seconds": seconds, "right_of_top": n_right}
        print_json({**facts, "top": _N_ARTICLES, **evaluation.to_dict()})
        return

    _say(
        f"[bold]1. Find[/] what does not belong among {len(texts):,} documents; nothing was told, "
        f"{seconds:.1f} s.\n"
    )
    out_console.print(findings_view(findings, [str(i + 1) for i in range(len(texts))], _SHOWN))
    _say(
        f"\n[bold]2. Was it right?[/] {_N_ARTICLES} of the documents are articles on sport, the "
        f"others speeches in the House of Commons.\n   {n_right} of the {_N_ARTICLES} oddest are "
        f"articles. {evaluation_line(evaluation)}"
    )
    _say(
        f"\n[bold]3. See why[/]: [{ANOMALOUS}]orange[/] words speak for an anomaly, "
        f"[{NORMAL}]blue[/] ones for normal.\n"
    )
    for explanation in findings.explain(findings.oddest(2)):
        out_console.print(Padding(coloured_document(explanation, 400), (0, 0, 1, 3)))
    _say(
        f"The model is in {escape(str(out))}. Try it on a text of your own:\n"
        f'   textocl explain {escape(str(out))} "The guitarist played two encores."'
    )


def _say(text: str) -> None:
    out_console.print(text, highlight=False, soft_wrap=True)
