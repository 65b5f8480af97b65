"""What a text's characters say: which are unusual, and how surprising they are on the mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from textocl.core.characters import visible
from textocl.explain.explanation import FormEvidence
from textocl.form.character_model import CharacterModel

_MOST_RUNS = 10
_NAMED, _SHOWN = 3, 20  # runs, and characters of each, that are written out


def character_evidence(
    model: CharacterModel, text: str, cells: NDArray[np.int32], score: float, threshold: float
) -> FormEvidence:
    """Say of a text what `CharacterModel.trigrams` ``cells`` ``(n + 1,)`` tell."""
    runs = unusual_runs(model, cells[:-1])
    named = list(dict.fromkeys(_quoted(text[start:end]) for start, end in runs))[:_NAMED]
    mean = float(model.table[cells].sum(dtype=np.float64)) / len(text)
    what = f"unusual characters: {', '.join(named)}" if named else "characters"
    return FormEvidence(
        name="characters",
        said=(f"{what} ({mean:.1f} nats a character, normal {model.low:.1f} to {model.high:.1f})"),
        contribution=score,
        evidence=score - threshold,
        spans=tuple(runs),
    )


def unusual_runs(model: CharacterModel, cells: NDArray[np.int32]) -> list[tuple[int, int]]:
    """Start and end of up to 10 runs of unusual characters, the most surprising first.

    Unusual is what one in a hundred characters of normal texts exceeds, and what follows two
    characters that no normal text has side by side.

    Parameters
    ----------
    cells : (n,), trigrams of the characters
    """
    surprisals = model.table[cells].astype(np.float64)
    is_new = model.totals[cells // model.alphabet.n_classes] == 0
    is_unusual = (surprisals > model.usual) | is_new
    starts, ends = np.diff(is_unusual, prepend=False, append=False).nonzero()[0].reshape(-1, 2).T
    above = np.append(0.0, np.cumsum(surprisals - model.median))
    order = np.argsort(above[starts] - above[ends], kind="stable")[:_MOST_RUNS]
    return list(zip(starts[order].tolist(), ends[order].tolist(), strict=True))


def _quoted(run: str) -> str:
    shown = visible(run[:_SHOWN]).replace("\n", r"\n").replace("\t", r"\t")
    return f'"{shown}{"…" if len(run) > _SHOWN else ""}"'
