"""What the thesis measured: its Table 3.4."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import NamedTuple


class Published(NamedTuple):
    """A column of thesis Table 3.4; ``oracle`` says what was chosen by test AUC, if anything."""

    model: str
    embedding: str
    oracle: str


_TABLE = json.loads(files("textocl.evaluation").joinpath("table_3_4.json").read_bytes())

#: vectors of 300 dimensions; OC-SVM with the best of ν ∈ {0.05, 0.1, 0.2, 0.5} of each class
PUBLISHED = [Published(*column) for column in _TABLE["columns"]]
#: thesis Table 3.4, AUC in %: corpus -> class -> one entry for each of `PUBLISHED`
TABLE_3_4: dict[str, dict[str, list[float]]] = _TABLE["auc"]
