"""Where tensors live, and how exactly they are computed there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from textocl.core.exceptions import DataError

# OpenMP's threads do not survive a fork, and a child that gives them work waits for ever: a fork
# after a fit or a score (multiprocessing, gunicorn --preload) computes on its one thread.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


def choose_device(device: Any) -> torch.device:
    """Return a torch device; ``"auto"`` is CUDA where there is one.

    Raises
    ------
    DataError
        Not a device's name, or one that this machine lacks.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, TypeError, AssertionError) as error:
        raise DataError(
            f"device must be 'auto', 'cpu' or 'cuda', and present here; got {device!r}: "
            f"{str(error).splitlines()[0]}"
        ) from None
    return chosen


@contextmanager
def exactly() -> Iterator[None]:
    """Convolve on CUDA in float32, by algorithms that add in the same order each time.

    torch's default is TF32, of 10 bits, and whichever algorithm is fastest. So a fit repeats, and a
    model scores on a GPU as it does on a CPU and as an ONNX file, but for rounding. Also a
    decorator.
    """
    if not torch.cuda.is_available():
        yield
        return
    cudnn = torch.backends.cudnn
    # torch 2.9 gave the precision another place, and refuses a mixture of both
    new = getattr(cudnn, "conv", None)
    settings: list[tuple[Any, str, Any]] = [
        (new, "fp32_precision", "ieee")
        if hasattr(new, "fp32_precision")
        else (cudnn, "allow_tf32", False),
        (cudnn, "deterministic", True),
        (cudnn, "benchmark", False),
    ]
    before = [getattr(place, name) for place, name, _ in settings]
    try:
        for place, name, value in settings:
            setattr(place, name, value)
        yield
    finally:
        for (place, name, _), value in zip(settings, before, strict=True):
            setattr(place, name, value)
