"""The one training loop of all torch models: schedule, seeds, progress."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from textocl.core.exceptions import TextoclError
from textocl.training.checkpoints import Checkpoint
from textocl.training.progress import epochs_bar


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    The learning rate falls to a tenth after ``drop_after`` of the epochs (thesis §3.2.2: 40 epochs
    at 0.01, then 60 at 0.001, is ``Schedule(100, 0.01, drop_after=0.4)``).
    """

    n_epochs: int
    learning_rate: float
    drop_after: float = 1.0
    batch_size: int = 64
    weight_decay: float = 0.0
    max_gradient_norm: float = float("inf")
    even_batches: bool = False  # no last batch of one sample, which batch norm cannot take

    def learning_rate_at(self, epoch: int) -> float:
        """Learning rate of an epoch, counted from 0."""
        full = math.ceil(self.drop_after * self.n_epochs - 0.5)
        if self.drop_after > 0:
            full = max(full, 1)  # a single epoch is not spent at a tenth of the rate
        return self.learning_rate * (1.0 if epoch < full else 0.1)

    def batches(self, order: Tensor) -> tuple[Tensor, ...]:
        """Cut ``order`` ``(n,)`` into batches; even ones hold about ``batch_size`` each."""
        if self.even_batches:
            return order.tensor_split(max(1, round(len(order) / self.batch_size)))
        return order.split(self.batch_size)


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that learn at a multiple of the schedule's learning rate."""

    parameters: Iterable[nn.Parameter]
    rate: float = 1.0


def train(
    groups: list[ParameterGroup],
    n_samples: int,
    loss_of: Callable[[Tensor, int], Tensor],
    schedule: Schedule,
    generator: torch.Generator,
    *,
    progress: bool = False,
    checkpoint: Checkpoint | None = None,
) -> list[float]:
    """Minimise a loss with Adam over shuffled batches; every sample counts in every epoch.

    Parameters
    ----------
    groups : what to train
    n_samples : number of training samples
    loss_of : ``(indices (b,), epoch) -> loss ()`` of one batch
    generator : source of the shuffling
    progress : whether to draw a bar
    checkpoint : where to go on from, and what to keep; the result is the same as of one go

    Returns
    -------
    Mean loss of each epoch.

    Raises
    ------
    TextoclError
        The loss became NaN or infinite.
    """
    optimizer = torch.optim.Adam(
        [{"params": list(group.parameters), "rate": group.rate} for group in groups],
        lr=schedule.learning_rate,
        weight_decay=schedule.weight_decay,
    )
    trained = [p for group in optimizer.param_groups for p in group["params"]]
    history = [] if checkpoint is None else checkpoint.restore(optimizer, generator)
    with epochs_bar(schedule.n_epochs, progress) as advance:
        for loss_before in history:
            advance(loss_before)
        for epoch in range(len(history), schedule.n_epochs):
            for group in optimizer.param_groups:
                group["lr"] = schedule.learning_rate_at(epoch) * group["rate"]
            order = torch.randperm(n_samples, generator=generator)
            total: Tensor | float = 0.0
            for indices in schedule.batches(order):
                loss = loss_of(indices, epoch)
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(trained, schedule.max_gradient_norm)
                optimizer.step()
                total = total + loss.detach().double() * len(indices)  # a GPU need not wait
            history.append(float(total) / n_samples)
            if not torch.isfinite(torch.tensor(history[-1])):
                raise TextoclError(
                    f"training diverged: the loss of epoch {epoch + 1} is {history[-1]}; "
                    "lower learning_rate."
                )
            if checkpoint is not None:
                is_last = epoch == schedule.n_epochs - 1
                checkpoint.write(optimizer, generator, history, last=is_last)
            advance(history[-1])
    return history
