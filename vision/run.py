"""One run of training: where its random numbers come from, and where its state is kept."""

from __future__ import annotations

from os import PathLike
from typing import Any, NamedTuple

import torch
from torch import nn

from textocl._version import __version__
from textocl.training.checkpoints import Checkpoint, Checkpoints, fingerprint
from textocl.vision.training_set import TrainingSet


class Run(NamedTuple):
    """What the trainings of one fit share.

    Attributes
    ----------
    generator : of random numbers
    checkpoints : where the state of training is kept, or None
    """

    generator: torch.Generator
    checkpoints: Checkpoints | None

    @classmethod
    def started(
        cls, seed: int, folder: str | PathLike[str] | None, made_from: list[Any], X: TrainingSet
    ) -> Run:
        """A run on samples ``X``, whose result depends on ``made_from``, as JSON has it, too."""
        generator = torch.Generator().manual_seed(seed)
        if folder is None:
            return cls(generator, None)
        digest = fingerprint([*made_from, __version__], [X.samples, X.labels, X.masks])
        return cls(generator, Checkpoints(folder, digest))

    def checkpoint(self, stage: str, module: nn.Module) -> Checkpoint | None:
        """Where the training called ``stage``, of ``module``, is kept."""
        return None if self.checkpoints is None else self.checkpoints.of(stage, module)

    def end(self) -> None:
        """Remove what was kept."""
        if self.checkpoints is not None:
            self.checkpoints.remove()
