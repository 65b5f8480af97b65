"""Checkpoints: a training that was interrupted continues where it was."""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from textocl.core.exceptions import TextoclWarning
from textocl.core.files import write_whole

_LEAST_SECONDS = 5.0  # between two writes


class Checkpoints:
    """A folder with a `Checkpoint` for each training of one run.

    Parameters
    ----------
    folder : made when first written to
    run : `fingerprint` of all that the run depends on
    """

    def __init__(self, folder: str | PathLike[str], run: str) -> None:
        self.folder, self._run = Path(folder), run
        self._kept: list[Checkpoint] = []

    def of(self, stage: str, module: nn.Module) -> Checkpoint:
        """Checkpoint of the training called ``stage``, of ``module``."""
        checkpoint = Checkpoint(self.folder / f"{stage}.safetensors", module, self._run)
        self._kept.append(checkpoint)
        return checkpoint

    def remove(self) -> None:
        """Delete the files of this run, and the folder if nothing else is in it."""
        for checkpoint in self._kept:
            checkpoint.path.unlink(missing_ok=True)
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()


class Checkpoint:
    """One safetensors file: weights, the optimizer's state, the generator's, and the losses so far.

    Parameters
    ----------
    path : where to keep it
    module : what is trained, with its statistics of batch norm
    run : `fingerprint` of all that the training depends on
    """

    def __init__(self, path: Path, module: nn.Module, run: str) -> None:
        self.path, self._module, self._run = path, module, run
        self._written = float("-inf")

    def restore(self, optimizer: torch.optim.Optimizer, generator: torch.Generator) -> list[float]:
        """Take over what is on disk; return the loss of each epoch done, none if there is nothing.

        A file that is damaged or belongs to another run changes nothing, and a warning says so.
        """
        from safetensors import SafetensorError, safe_open

        if not self.path.exists():
            return []
        try:
            with safe_open(self.path, "pt") as file:
                facts = file.metadata() or {}
                names = list(file.keys()) if facts.get("run") == self._run else []
                tensors = {name: file.get_tensor(name) for name in names}
            if not tensors:
                return self._start_anew("is of other samples or parameters")
            history = [float(loss) for loss in json.loads(facts["history"])]
            weights, state = self._judged(tensors)
            generator.set_state(tensors["generator"])
        except (SafetensorError, OSError, KeyError, ValueError, RuntimeError):
            return self._start_anew("is damaged")
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": state, "param_groups": groups})
        self._module.load_state_dict(weights)
        return history

    def _start_anew(self, reason: str) -> list[float]:
        warnings.warn(
            f"the checkpoint {self.path} {reason}; training starts anew and replaces it.",
            TextoclWarning,
            stacklevel=2,
        )
        return []

    def _judged(
        self, tensors: dict[str, Tensor]
    ) -> tuple[dict[str, Tensor], dict[int, dict[str, Tensor]]]:
        """Weights, and the optimizer's state by parameter; ValueError if they do not fit."""
        expected = self._module.state_dict()
        weights = _part(tensors, "module.")
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _part(tensors, "optimizer.").items():
            number, _, entry = name.partition(".")
            state.setdefault(int(number), {})[entry] = tensor
        if {k: v.shape for k, v in weights.items()} != {k: v.shape for k, v in expected.items()}:
            raise ValueError("the weights are of another network")
        if len(state) != len(list(self._module.parameters())):
            raise ValueError("the optimizer is of another network")
        return weights, state

    def write(
        self,
        optimizer: torch.optim.Optimizer,
        generator: torch.Generator,
        history: list[float],
        *,
        last: bool = False,
    ) -> None:
        """Keep the state after an epoch; not so soon after the one before, unless it is the last.

        Raises
        ------
        DataError
            It cannot be written.
        """
        from safetensors.torch import save

        if time.monotonic() - self._written < _LEAST_SECONDS and not last:
            return
        tensors = {f"module.{k}": v for k, v in self._module.state_dict().items()}
        for number, entries in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{name}": value for name, value in entries.items()}
        tensors["generator"] = generator.get_state()
        facts = {"run": self._run, "history": json.dumps(history)}
        copies = {
            name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
            for name, tensor in tensors.items()
        }
        write_whole(self.path, save(copies, facts), make_folder=True)
        self._written = time.monotonic()


def fingerprint(facts: Any, tensors: Iterable[Tensor | None]) -> str:
    """SHA-256 of what JSON can hold, and of tensors with their shapes."""
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode())
    for tensor in tensors:
        if tensor is None:
            digest.update(b"none")
        else:
            digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
