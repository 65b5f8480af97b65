"""Small corpora and fitted detectors that several tests share. Nothing here needs a network."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from textocl import CVDD

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


@pytest.fixture(autouse=True)
def _same_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def ships() -> list[str]:
    return sentences("ships", 120)


@pytest.fixture(scope="session")
def mixed() -> list[str]:
    return sentences("ships", 40, seed=1) + sentences("music", 40, seed=1)


@pytest.fixture(scope="session")
def is_anomaly() -> np.ndarray:
    return np.repeat([False, True], 40)


@pytest.fixture(scope="session")
def detector(ships: list[str]) -> CVDD:
    """A fitted detector; tests must not change it."""
    return CVDD(n_general_words=20_000).fit(ships)
