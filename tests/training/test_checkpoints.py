"""A training that was cut off goes on to the very result of one go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from textocl.core.exceptions import DataError, TextoclWarning
from textocl.training import checkpoints
from textocl.training.checkpoints import Checkpoint, Checkpoints, fingerprint
from textocl.training.loop import ParameterGroup, Schedule, train

SCHEDULE = Schedule(6, 0.1, drop_after=0.5, batch_size=4)
X = torch.randn(10, 3, generator=torch.Generator().manual_seed(1))


@pytest.fixture(autouse=True)
def every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "_LEAST_SECONDS", 0.0)


def trained(
    checkpoint: Callable[[nn.Module], Checkpoint] | None = None, fails_in: int | None = None
) -> tuple[dict[str, Tensor], list[float], Tensor]:
    """Weights, losses and the generator's last state."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    generator = torch.Generator().manual_seed(0)

    def loss_of(indices: Tensor, epoch: int) -> Tensor:
        if epoch == fails_in:
            raise KeyboardInterrupt
        noise = torch.randn(len(indices), 3, generator=generator)
        return network(X[indices] + 0.1 * noise).square().mean()

    history = train(
        [ParameterGroup(network.parameters())],
        len(X),
        loss_of,
        SCHEDULE,
        generator,
        checkpoint=None if checkpoint is None else checkpoint(network),
    )
    return network.state_dict(), history, generator.get_state()


def assert_equal(
    found: tuple[dict[str, Tensor], list[float], Tensor],
    expected: tuple[dict[str, Tensor], list[float], Tensor],
) -> None:
    assert found[0].keys() == expected[0].keys()
    assert all(torch.equal(found[0][name], expected[0][name]) for name in found[0])
    assert found[1] == expected[1]
    assert torch.equal(found[2], expected[2])


@pytest.mark.parametrize("fails_in", [0, 1, 4, 5])
def test_a_training_cut_off_twice_ends_as_one_that_was_not(fails_in: int, tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path / "kept", "run")
    for epoch in (fails_in, min(fails_in + 1, 5)):
        with pytest.raises(KeyboardInterrupt):
            trained(lambda network: kept.of("stage", network), fails_in=epoch)
    assert_equal(trained(lambda network: kept.of("stage", network)), trained())
    assert [path.name for path in kept.folder.iterdir()] == ["stage.safetensors"]


def test_a_finished_training_is_taken_as_it_is(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path, "run")
    first = trained(lambda network: kept.of("stage", network))
    assert_equal(trained(lambda network: kept.of("stage", network), fails_in=0), first)


def test_a_checkpoint_of_another_run_is_replaced(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        trained(lambda network: Checkpoints(tmp_path, "one").of("stage", network), fails_in=3)
    with pytest.warns(TextoclWarning, match="of other samples or parameters; training starts anew"):
        found = trained(lambda network: Checkpoints(tmp_path, "two").of("stage", network))
    assert_equal(found, trained())
    assert_equal(
        trained(lambda network: Checkpoints(tmp_path, "two").of("stage", network), 0), found
    )


@pytest.mark.parametrize("kept_bytes", [0, 40, 900])
def test_a_damaged_checkpoint_is_replaced(kept_bytes: int, tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path, "run")
    with pytest.raises(KeyboardInterrupt):
        trained(lambda network: kept.of("stage", network), fails_in=3)
    file = tmp_path / "stage.safetensors"
    file.write_bytes(file.read_bytes()[:kept_bytes])
    with pytest.warns(TextoclWarning, match="is damaged; training starts anew"):
        assert_equal(trained(lambda network: kept.of("stage", network)), trained())


def test_a_checkpoint_of_another_network_is_damaged(tmp_path: Path) -> None:
    network = nn.Linear(2, 2)
    optimizer = torch.optim.Adam(network.parameters())
    Checkpoint(tmp_path / "file", network, "run").write(optimizer, torch.Generator(), [], last=True)
    other = nn.Linear(3, 2)
    generator = torch.Generator().manual_seed(3)
    before = generator.get_state()
    with pytest.warns(TextoclWarning, match="is damaged"):
        history = Checkpoint(tmp_path / "file", other, "run").restore(
            torch.optim.Adam(other.parameters()), generator
        )
    assert history == []
    assert torch.equal(generator.get_state(), before)


def test_only_files_of_the_run_are_removed(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path / "kept", "run")
    trained(lambda network: kept.of("stage", network))
    (kept.folder / "notes.txt").write_text("mine")
    kept.remove()
    assert [path.name for path in kept.folder.iterdir()] == ["notes.txt"]
    (kept.folder / "notes.txt").unlink()
    kept.remove()
    assert not kept.folder.exists()
    kept.remove()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot write to .*stage.safetensors"):
        trained(lambda network: Checkpoints(tmp_path / "file", "run").of("stage", network))


def test_writes_are_not_more_frequent_than_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "_LEAST_SECONDS", 1e6)
    with pytest.raises(KeyboardInterrupt):
        trained(lambda network: Checkpoints(tmp_path, "run").of("stage", network), fails_in=5)
    # the first epoch is kept, the next four come too soon
    assert_equal(
        trained(lambda network: Checkpoints(tmp_path, "run").of("stage", network)), trained()
    )


def test_fingerprints_tell_values_shapes_and_facts_apart() -> None:
    a = torch.arange(6.0)
    prints = {
        fingerprint({"x": 1}, [a]),
        fingerprint({"x": 2}, [a]),
        fingerprint({"x": 1}, [a.view(2, 3)]),
        fingerprint({"x": 1}, [a + 1]),
        fingerprint({"x": 1}, [a, None]),
        fingerprint({"x": 1}, [a.int()]),
    }
    assert len(prints) == 6
    assert fingerprint({"x": 1}, [a]) == fingerprint({"x": 1}, [a.clone()])
