"""The main job on real, labelled headlines, from documents to reasons."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from textocl.cli.views import (
    ANOMALOUS,
    NORMAL,
    coloured_document,
    contexts_table,
    evaluation_line,
    judgement,
)
from textocl.core.metrics import evaluate
from textocl.core.persistence import check_target
from textocl.core.validation import check_choice
from textocl.ensemble.detector import Detector
from textocl.evaluation.headlines import read_headlines
from textocl.explain.explanation import Explanation

_N_TRAINING, _N_TEST = 1500, 500  # headlines to learn from, and to score of each topic
_SHOWN = 3


def run_demo(out: Path, topic: str, seed: int, console: Console, *, as_json: bool) -> None:
    """Fit on the headlines of one topic, rank a mixed set, show why, write the model."""
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
        print(json.dumps({"model": str(out), "fit_seconds": seconds, **evaluation.to_dict()}))
        return

    def say(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True)

    say(
        f"[bold]1. Learn what is normal[/]: {_N_TRAINING:,} headlines, {topic}; no labels, "
        f"{seconds:.1f} s."
    )
    console.print(contexts_table(detector.contexts_))
    say(
        f"\n[bold]2. Score a mixed set[/]: {len(texts):,} other headlines, half of them {other}.\n"
        f"   {evaluation_line(evaluation)}"
    )
    flagged = scores > detector.threshold_
    say(
        f"   At the threshold {detector.threshold_:.3f} (false-alarm rate "
        f"{detector.false_alarm_rate:g}): {flagged[is_anomaly].mean():.1%} of {other} found, "
        f"{flagged[~is_anomaly].mean():.1%} false alarms."
    )
    say(
        f"\n[bold]3. See why[/]: [{ANOMALOUS}]orange[/] words speak for an anomaly, "
        f"[{NORMAL}]blue[/] ones for normal."
    )
    order = np.argsort(-scores, kind="stable")
    _show(console, f"The {_SHOWN} most anomalous:", detector, texts, order[:_SHOWN])
    misses = [i for i in order[::-1] if is_anomaly[i]]
    _show(console, f"The {other} most like {topic}:", detector, texts, misses[:_SHOWN])
    say(
        f"\nThe model is in {escape(str(out))}. Try it:\n"
        f'   textocl explain {escape(str(out))} "The guitarist played two encores."'
    )


def _show(
    console: Console, title: str, detector: Detector, texts: Sequence[str], chosen: ArrayLike
) -> None:
    console.print(f"\n{title}", highlight=False)
    explanations: list[Explanation] = detector.explain([texts[i] for i in np.asarray(chosen)])
    for explanation in explanations:
        console.print("   ", judgement(explanation), sep="")
        console.print(Padding(coloured_document(explanation, 400), (0, 0, 1, 6)))
