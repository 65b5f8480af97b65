"""Short made-up texts on three topics, for tests."""

from __future__ import annotations

import random

from textocl import Explanation

TOPICS = {
    "ships": "ship port tanker cargo vessel ferry harbour crew shipping sea dock freight sailors",
    "music": "guitar band concert album singer piano drums melody chorus song orchestra violin",
    "food": "recipe oven flour butter sugar bake salt garlic onion soup dish cook flavour",
}
FILLER = "today people large small new good many first came went made found around"


def sentences(topic: str, n: int, seed: int = 0) -> list[str]:
    """Make ``n`` short texts on a topic, mixed with words that belong to none."""
    source = random.Random(f"{topic}-{seed}")
    words, filler = TOPICS[topic].split(), FILLER.split()
    return [
        " ".join(source.choices(words, k=source.randint(4, 9)) + source.choices(filler, k=4))
        for _ in range(n)
    ]


def added_up(explanation: Explanation) -> tuple[float, float, float]:
    """Contributions, evidence and shares of all words, and of the form, of a `Detector`."""
    form = explanation.form
    return (
        float(explanation.contributions.sum() + sum(one.contribution for one in form)),
        float(explanation.evidence.sum() + sum(one.evidence for one in form)),
        float(explanation.shares.sum() + sum(one.share for one in form)),
    )
