"""``textocl demo``: fit on labelled headlines, score a mixed set, show why."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.padding import Padding

from textocl.cli.application import app, out_console, print_json
from textocl.cli.options import Json, Seed

if TYPE_CHECKING:
    from textocl.ensemble.detector import Detector

_N_TRAINING, _N_TEST = 1500, 500  # headlines to learn from, and to score of each topic
_SHOWN = 3


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder to write the model to.")] = Path("demo-model"),
    topic: Annotated[
        str, typer.Option(help="Headlines to call normal: health or news.")
    ] = "health",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Run the main job on headlines: fit on those about health, score a mixed set, say why."""
    import numpy as np

    from textocl.cli.views import ANOMALOUS, NORMAL, contexts_table, evaluation_line
    from textocl.core.metrics import evaluate
    from textocl.core.persistence import check_target
    from textocl.core.validation import check_choice
    from textocl.ensemble.detector import Detector
    from textocl.evaluation.headlines import read_headlines

    check_target(out)
    headlines = read_headlines()
    check_choice("topic", topic, sorted(headlines))
    normal = headlines.pop(topic)
    ((other, anomalous),) = headlines.items()
    texts = normal[_N_TRAINING : _N_TRAINING + _N_TEST] + anomalous[:_N_TEST]
    is_anomaly = np.repeat([False, True], [len(texts) - len(anomalous[:_N_TEST]), _N_TEST])
    start = time.perf_counter()
    detector = Detector(random_state=seed).fit(normal[:_N_TRAINING])
    seconds = time.perf_counter() - start
    detector.save(out)
    scores = detector.anomaly_score(texts)
    evaluation = evaluate(scores, is_anomaly)
    if as_json:
        print_json({"model": str(out), "fit_seconds": seconds, **evaluation.to_dict()})
        return

    _say(
        f"[bold]1. Learn what is normal[/]: {_N_TRAINING:,} headlines, {topic}; no labels, "
        f"{seconds:.1f} s."
    )
    out_console.print(contexts_table(detector.contexts_))
    _say(
        f"\n[bold]2. Score a mixed set[/]: {len(texts):,} other headlines, half of them {other}.\n"
        f"   {evaluation_line(evaluation)}"
    )
    flagged = scores > detector.threshold_
    _say(
        f"   At the threshold {detector.threshold_:.3f} (false-alarm rate "
        f"{detector.false_alarm_rate:g}): {flagged[is_anomaly].mean():.1%} of {other} found, "
        f"{flagged[~is_anomaly].mean():.1%} false alarms."
    )
    _say(
        f"\n[bold]3. See why[/]: [{ANOMALOUS}]orange[/] words speak for an anomaly, "
        f"[{NORMAL}]blue[/] ones for normal."
    )
    order = np.argsort(-scores, kind="stable")
    _show(f"The {_SHOWN} most anomalous:", detector, [texts[i] for i in order[:_SHOWN]])
    misses = [texts[i] for i in order[::-1] if is_anomaly[i]]
    _show(f"The {other} most like {topic}:", detector, misses[:_SHOWN])
    _say(
        f"\nThe model is in {escape(str(out))}. Try it:\n"
        f'   textocl explain {escape(str(out))} "The guitarist played two encores."'
    )


def _say(text: str) -> None:
    out_console.print(text, highlight=False, soft_wrap=True)


def _show(title: str, detector: Detector, texts: Sequence[str]) -> None:
    from textocl.cli.views import coloured_document, judgement

    _say(f"\n{title}")
    for explanation in detector.explain(texts):
        out_console.print("   ", judgement(explanation), sep="")
        out_console.print(Padding(coloured_document(explanation, 400), (0, 0, 1, 6)))
