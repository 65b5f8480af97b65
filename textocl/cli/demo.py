"""The main job on real, labelled news, from documents to reasons."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from textocl.cli.rendering import coloured_document, contexts_table, evaluation_line, judgement
from textocl.core.metrics import evaluate
from textocl.core.persistence import check_target
from textocl.core.validation import check_choice
from textocl.ensemble.detector import Detector
from textocl.evaluation.reuters import read_reuters_r8

_SHOWN = 3


def run_demo(out: Path, topic: str, seed: int, console: Console, *, as_json: bool) -> None:
    """Fit on one Reuters topic, rank the test news of all topics, show why, write the model."""
    check_target(out)
    training, test = read_reuters_r8("train"), read_reuters_r8("test")
    check_choice("topic", topic, sorted({news.topic for news in training}))
    normal = [news.text for news in training if news.topic == topic]
    start = time.perf_counter()
    detector = Detector(random_state=seed).fit(normal)
    seconds = time.perf_counter() - start
    detector.save(out)
    texts = [news.text for news in test]
    scores = detector.anomaly_score(texts)
    is_anomaly = np.array([news.topic != topic for news in test])
    evaluation = evaluate(scores, is_anomaly)
    if as_json:
        print(json.dumps({"model": str(out), "fit_seconds": seconds, **evaluation.to_dict()}))
        return

    def say(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True)

    say(
        f"[bold]1. Learn what is normal[/]: {len(normal):,} Reuters news on {topic!r}, "
        f"no labels, {seconds:.1f} s."
    )
    console.print(contexts_table(detector.contexts_))
    topics = Counter(news.topic for news in test)
    say(
        f"\n[bold]2. Score a mixed set[/]: {len(test):,} other news, of which {topics[topic]} on "
        f"{topic!r}.\n   {evaluation_line(evaluation)}"
    )
    flagged = scores > detector.threshold_
    say(
        f"   At the threshold {detector.threshold_:.3f} (false-alarm rate "
        f"{detector.false_alarm_rate:g}): {flagged[is_anomaly].mean():.1%} of the off-topic news "
        f"found, {flagged[~is_anomaly].mean():.1%} false alarms."
    )
    say(
        "\n[bold]3. See why[/]: the most off-topic news. [red]Red[/] words speak for an anomaly, "
        "[green]green[/] ones for normal."
    )
    order = np.argsort(-scores, kind="stable")
    nearest_miss = [i for i in order[::-1] if is_anomaly[i]][:1]
    for title, chosen in (
        ("", order[:_SHOWN]),
        (f"…and the off-topic news nearest to {topic!r}:", np.array(nearest_miss)),
    ):
        if title:
            say(f"\n{title}")
        for i, explanation in zip(
            chosen, detector.explain([texts[i] for i in chosen]), strict=True
        ):
            console.print(f"\n   \\[{test[i].topic}] ", judgement(explanation), sep="", end="")
            console.print("\n", Padding(coloured_document(explanation, 400), (0, 3)), sep="")
    say(
        f"\nThe model is in {escape(str(out))}. Try it:\n"
        f'   textocl explain {escape(str(out))} "The guitarist played two encores."'
    )
