"""What a text's characters say: which are unusual, and how rare they are on the mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from textocl.core.characters import visible
from textocl.explain.explanation import FormEvidence
from textocl.form.character_model import CharacterModel
from textocl.form.character_windows import Windows

_MOST_RUNS = 10
_NAMED, _SHOWN = 3, 20  # runs, and characters of each, that are written out
_UNUSUAL = 0.95  # share of normal documents whose characters are less rare


def character_evidence(
    model: CharacterModel,
    text: str,
    windows: Windows,
    score: float,
    threshold: float,
    calibration_scores: NDArray[np.float32],
) -> FormEvidence:
    """Say of one text what its ``windows`` tell; ``calibration_scores`` ascend."""
    runs = unusual_runs(model, text, windows)
    named = list(dict.fromkeys(_quoted(text[start:end]) for start, end in runs))[:_NAMED]
    what = f"unusual characters: {', '.join(named)}" if named else "characters"
    below = np.searchsorted(calibration_scores, np.float32(score)) / len(calibration_scores)
    others = "all" if below == 1 else f"{int(100 * below)} % of"
    return FormEvidence(
        name="characters",
        said=f"{what} (rarer than in {others} normal documents)",
        contribution=score,
        evidence=score - threshold,
        spans=tuple(runs),
        is_unusual=bool(below >= _UNUSUAL),
    )


def unusual_runs(model: CharacterModel, text: str, windows: Windows) -> list[tuple[int, int]]:
    """Start and end of up to 10 runs of unusual characters, the most surprising first.

    Unusual is a character whose windows no normal text has; and one, not white space, in windows of
    a mean surprisal that one in a hundred characters of normal texts exceeds. What stands in a
    window with it belongs to its run, up to white space.
    """
    means = windows.means(model.surprisals(windows), model.cutter.order)
    is_space = np.array([character.isspace() for character in text])
    is_new = windows.means(model.are_new(windows), model.cutter.order) == 1
    is_unusual = ((means > model.usual) & ~is_space) | is_new
    for _ in range(model.cutter.order - 1):
        is_unusual[:-1] |= is_unusual[1:] & ~is_space[:-1]
    for _ in range(model.cutter.order - 1):
        is_unusual[1:] |= is_unusual[:-1] & ~is_space[1:]
    starts, ends = np.diff(is_unusual, prepend=False, append=False).nonzero()[0].reshape(-1, 2).T
    above = np.append(0.0, np.cumsum(means - model.median))
    most = np.argsort(above[starts] - above[ends], kind="stable")[:_MOST_RUNS]
    return list(zip(starts[most].tolist(), ends[most].tolist(), strict=True))


def _quoted(run: str) -> str:
    shown = visible(run[:_SHOWN]).replace("\n", r"\n").replace("\t", r"\t")
    return f'"{shown}{"…" if len(run) > _SHOWN else ""}"'
