"""A hypersphere learned on points: Deep SAD and HSC with a small network, on any embedding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from textocl.core.validation import check_choice, check_integer, check_number
from textocl.shallow.metric import Arrays
from textocl.shallow.pooled import PooledDetector
from textocl.training.devices import choose_device
from textocl.training.loop import ParameterGroup, Schedule, train
from textocl.training.objectives import OBJECTIVES, off_zero, pseudo_huber, semi_supervised_losses

LEAKY_SLOPE = 0.1  # of the leaky ReLU


@dataclass(kw_only=True, eq=False, repr=False)
class Hypersphere(PooledDetector):
    """Maps points so that normal ones lie near a centre, and known anomalies far from it.

    Use it where some anomalies are known: a few labelled ones (Deep SAD), or many documents of a
    general corpus as Outlier Exposure (HSC), given to ``fit`` with ``y`` = -1. Without any it is
    Deep SVDD on embeddings, and `textocl.KDE` ranks better. Beside the parameters of
    `textocl.shallow.pooled.PooledDetector`:

    Parameters
    ----------
    objective : "deep-sad" or "hsc", default "hsc"
    eta : float > 0, default 1.0
        Weight η of labelled points.
    hidden_size, output_size : int ≥ 1, default 128 and 32
    n_epochs : int ≥ 0, default 50
    learning_rate : float > 0, default 0.001
        Of Adam; a tenth of it in the last third of the epochs.
    batch_size : int ≥ 1, default 128
        Normal points in a batch; as many anomalies join it, or all there are.
    weight_decay : float ≥ 0, default 1e-6

    Notes
    -----
    ``φ(x) = W2 leaky(W1 x)`` without biases (Prop. 2: with them a constant solves the problem);
    centre c is the mean of the normal points' first outputs (§2.2). Deep SAD scores ``‖φ(x) − c‖²``
    (eq. 2.13), HSC ``√(‖φ(x) − c‖² + 1) − 1`` (eqs. 2.19, 2.20).

    References
    ----------
    L. Ruff et al.: Deep Semi-Supervised Anomaly Detection. ICLR 2020.
    L. Ruff et al.: Rethinking Assumptions in Deep Anomaly Detection. 2020.

    Examples
    --------
    >>> import numpy as np
    >>> source = np.random.default_rng(0)
    >>> normal, anomalous = source.normal(2, 1, (200, 4)), source.normal(-2, 1, (20, 4))
    >>> X, y = np.concatenate([normal, anomalous]), np.repeat([1, -1], [200, 20])
    >>> detector = Hypersphere(n_epochs=10).fit(X, y)
    >>> detector.predict(np.array([[2, 2, 2, 2], [-2, -2, -2, -2]]))
    array([ 1, -1])
    """

    _ARRAYS: ClassVar[dict[str, tuple[type, str]]] = {
        "W1": (np.float32, "d h"),
        "W2": (np.float32, "h o"),
        "center": (np.float32, "o"),
        "is_hsc": (np.uint8, "1"),
    }

    objective: str = "hsc"
    eta: float = 1.0
    hidden_size: int = 128
    output_size: int = 32
    n_epochs: int = 50
    learning_rate: float = 0.001
    batch_size: int = 128
    weight_decay: float = 1e-6

    @property
    def learns_from_anomalies(self) -> bool:
        return True

    def _check_own(self) -> None:
        check_choice("objective", self.objective, OBJECTIVES)
        check_number("eta", self.eta, 0, low_open=True)
        check_integer("hidden_size", self.hidden_size, 1)
        check_integer("output_size", self.output_size, 1)
        check_integer("n_epochs", self.n_epochs, 0)
        check_number("learning_rate", self.learning_rate, 0, low_open=True)
        check_integer("batch_size", self.batch_size, 1)
        check_number("weight_decay", self.weight_decay, 0)

    def _learn_points(self, points: NDArray[np.float32], labels: NDArray[np.int64]) -> Arrays:
        device = choose_device(self.device)
        generator = torch.Generator().manual_seed(self.random_state)
        X = torch.from_numpy(np.ascontiguousarray(points)).to(device)
        y = torch.from_numpy(labels).to(device)
        network = _Network(X.shape[1], self.hidden_size, self.output_size, generator).to(device)
        normal = torch.from_numpy(np.flatnonzero(labels >= 0))
        anomalies = torch.from_numpy(np.flatnonzero(labels < 0))
        with torch.no_grad():
            center = off_zero(network(X[normal.to(device)]).mean(dim=0))

        def loss_of(indices: Tensor, epoch: int) -> Tensor:
            drawn = torch.randperm(len(anomalies), generator=generator)[: len(indices)]
            chosen = torch.cat([normal[indices], anomalies[drawn]]).to(device)
            distances = _distances(network(X[chosen]), center, self.objective)
            return semi_supervised_losses(distances, y[chosen], self.objective, self.eta).mean()

        schedule = Schedule(
            self.n_epochs,
            self.learning_rate,
            drop_after=2 / 3,
            batch_size=self.batch_size,
            weight_decay=self.weight_decay,
            max_gradient_norm=1.0,
        )
        groups = [ParameterGroup(list(network.parameters()))]
        train(groups, len(normal), loss_of, schedule, generator, progress=self.verbose)
        return {
            "W1": network.W1.detach().cpu().numpy(),
            "W2": network.W2.detach().cpu().numpy(),
            "center": center.cpu().numpy(),
            "is_hsc": np.array([self.objective == "hsc"], np.uint8),
        }

    def _score_points(self, learned: Arrays, points: NDArray[np.float32]) -> NDArray[Any]:
        # float64: no finite point overflows
        W1, W2, center = (torch.from_numpy(learned[k]).double() for k in ("W1", "W2", "center"))
        outputs = _outputs(torch.from_numpy(points).double(), W1, W2)
        objective = "hsc" if learned["is_hsc"][0] else "deep-sad"
        return np.asarray(_distances(outputs, center, objective).numpy())


class _Network(nn.Module):
    """Two layers without biases, W1 ``(d, h)`` and W2 ``(h, o)``, Xavier-normal at first."""

    def __init__(self, d: int, h: int, o: int, generator: torch.Generator) -> None:
        super().__init__()
        self.W1 = nn.Parameter(nn.init.xavier_normal_(torch.empty(d, h), generator=generator))
        self.W2 = nn.Parameter(nn.init.xavier_normal_(torch.empty(h, o), generator=generator))

    def forward(self, X: Tensor) -> Tensor:
        return _outputs(X, self.W1, self.W2)


def _outputs(X: Tensor, W1: Tensor, W2: Tensor) -> Tensor:
    return functional.leaky_relu(X @ W1, LEAKY_SLOPE) @ W2


def _distances(outputs: Tensor, center: Tensor, objective: str) -> Tensor:
    if objective == "hsc":
        return pseudo_huber(outputs - center)
    return (outputs - center).square().sum(dim=1)
