"""The training loop: schedule, every sample counted, divergence reported."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from textocl.core.exceptions import TextoclError
from textocl.training.loop import ParameterGroup, Schedule, train


def test_learning_rate_of_the_thesis_schedule() -> None:
    schedule = Schedule(100, 0.01, drop_after=0.4)
    assert [schedule.learning_rate_at(e) for e in (0, 39, 40, 99)] == [0.01, 0.01, 0.001, 0.001]
    assert Schedule(5, 0.1).learning_rate_at(4) == 0.1
    assert Schedule(2, 0.1, drop_after=0).learning_rate_at(0) == pytest.approx(0.01)


def test_a_single_epoch_is_not_spent_at_a_tenth_of_the_rate() -> None:
    assert Schedule(1, 0.1, drop_after=0.4).learning_rate_at(0) == 0.1


def test_every_sample_is_seen_once_an_epoch_also_in_the_last_batch() -> None:
    parameter = nn.Parameter(torch.zeros(1))
    seen: list[list[int]] = [[], []]

    def loss_of(indices: torch.Tensor, epoch: int) -> torch.Tensor:
        seen[epoch] += indices.tolist()
        return (parameter**2).sum()

    generator = torch.Generator().manual_seed(0)
    train([ParameterGroup([parameter])], 10, loss_of, Schedule(2, 0.1, batch_size=4), generator)
    assert sorted(seen[0]) == sorted(seen[1]) == list(range(10))
    assert seen[0] != seen[1]


def test_even_batches_leave_no_sample_alone() -> None:
    order = torch.arange(401)
    even = Schedule(1, 0.1, batch_size=200, even_batches=True).batches(order)
    assert [len(batch) for batch in even] == [201, 200]
    assert torch.equal(torch.cat(even), order)
    assert [len(b) for b in Schedule(1, 0.1, batch_size=200).batches(order)] == [200, 200, 1]
    few = Schedule(1, 0.1, batch_size=200, even_batches=True).batches(order[:3])
    assert [len(batch) for batch in few] == [3]


def test_groups_learn_at_their_own_rate() -> None:
    fast, slow = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    train(
        [ParameterGroup([fast]), ParameterGroup([slow], 0.1)],
        1,
        lambda indices, epoch: fast.sum() + slow.sum(),
        Schedule(1, 0.5),
        torch.Generator(),
    )
    assert fast.item() == pytest.approx(-0.5)
    assert slow.item() == pytest.approx(-0.05)


def test_a_diverging_loss_is_reported() -> None:
    parameter = nn.Parameter(torch.ones(1))
    with pytest.raises(TextoclError, match="diverged: the loss of epoch 1 is nan"):
        train(
            [ParameterGroup([parameter])],
            1,
            lambda indices, epoch: (parameter * float("nan")).sum(),
            Schedule(3, 0.1),
            torch.Generator(),
        )
