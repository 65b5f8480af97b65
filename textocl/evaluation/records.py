"""What a benchmark measures, one record for each fit."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Cell:
    """One fit and what it is tested on; ``label`` is the class that is normal."""

    embedding: str
    contamination: float
    model: str
    label: str
    seed: int


@dataclass(frozen=True)
class Record:
    """A cell with its result; measures are fractions.

    Attributes
    ----------
    fit_seconds, scoring_seconds : float, without the loading of the embedding
    peak_memory_mb : float or None
        Highest resident memory of the process, embedding and corpus included; None where the
        system does not tell.
    n_train, n_test, n_hidden, n_labelled : int
        Documents given to learn from, in all; test documents; anomalies among the former, not
        labelled and labelled.
    oracle_auc : float or None
        Best AUC over what ``oracle`` names, chosen by test labels: no user has it.
    oracle : str or None
    warnings : list of str
    """

    cell: Cell
    auc: float
    average_precision: float
    fpr_at_95_recall: float
    fit_seconds: float
    scoring_seconds: float
    peak_memory_mb: float | None
    n_train: int
    n_test: int
    n_hidden: int
    n_labelled: int
    oracle_auc: float | None
    oracle: str | None
    warnings: list[str]

    def to_dict(self) -> dict[str, Any]:
        values = asdict(self)
        return {**values.pop("cell"), **values}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Record:
        """Inverse of `to_dict`; KeyError, TypeError or ValueError where something is wrong."""
        measures = dict(values)
        cell = Cell(**{field.name: measures.pop(field.name) for field in fields(Cell)})
        record = cls(cell=cell, **measures)
        rates = (record.auc, record.average_precision, record.fpr_at_95_recall)
        if not all(isinstance(rate, float) and 0 <= rate <= 1 for rate in rates):
            raise ValueError(f"measures outside [0, 1] in {cell}")
        for name in ("fit_seconds", "scoring_seconds", "n_train", "n_test"):
            if not isinstance(getattr(record, name), (int, float)):
                raise TypeError(f"{name} is no number in {cell}")
        hash(cell)  # no lists
        return record
