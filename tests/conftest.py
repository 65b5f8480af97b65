"""Small corpora and fitted detectors that several tests share. Nothing here needs a network."""

from __future__ import annotations

import os

# before numpy and torch load: the matrices here are small, and threads of several processes at once
# (the tests of the command line) would fight for the cores
os.environ.setdefault("OMP_NUM_THREADS", "1")
# what is promised to the bit is promised of the CPU; test_devices.py tests what a GPU promises
if "TEXTOCL_TEST_CUDA" not in os.environ:
    os.environ["CUDA_VISIBLE_DEVICES"] = ""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from texts import sentences
from tiny_bert import build_model

from textocl import CVDD


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the cache of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEXTOCL_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


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


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a language model with random weights; 16 entries a vector."""
    pytest.importorskip("transformers")
    return build_model(tmp_path_factory.mktemp("models") / "tiny")
