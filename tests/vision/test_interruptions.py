"""A fit that was cut off goes on from its checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from digits import Digits

from textocl.core.exceptions import TextoclWarning
from textocl.training import checkpoints
from textocl.vision import FCDD, DeepSAD, DeepSVDD

SHORT: dict[str, Any] = {
    "network": "lenet-8-4-fc32", "n_epochs": 4, "n_pretraining_epochs": 3, "batch_size": 32,
}  # fmt: skip
DETECTORS: dict[str, Any] = {
    "one-class": DeepSVDD(**SHORT),
    "soft-boundary": DeepSVDD(objective="soft-boundary", **SHORT),
    "no pretraining": DeepSAD(**{**SHORT, "n_pretraining_epochs": 0}),
    "fcdd": FCDD(network="fcn-fashion-mnist", n_epochs=4, batch_size=32),
}


def interrupted_after(n_writes: int, detector: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The detector, which stops once so many epochs are on disk."""
    written = []
    write = checkpoints.Checkpoint.write

    def count(self: Any, *args: Any, **keywords: Any) -> None:
        write(self, *args, **keywords)
        written.append(self.path.name)
        if len(written) == n_writes:
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoints, "_LEAST_SECONDS", 0.0)
    monkeypatch.setattr(checkpoints.Checkpoint, "write", count)
    return detector


@pytest.mark.parametrize("kind", DETECTORS)
@pytest.mark.parametrize("n_writes", [1, 3, 4])
def test_an_interrupted_fit_goes_on_to_the_same_scores(
    kind: str, n_writes: int, digits: Digits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector, folder = DETECTORS[kind], tmp_path / "kept"
    given = (digits.train,) if isinstance(detector, DeepSVDD) else digits.labelled()
    expected = type(detector)(**detector.get_params()).fit(*given).anomaly_score(digits.test)
    with monkeypatch.context() as patch:
        cut = type(detector)(**{**detector.get_params(), "checkpoint": folder})
        with pytest.raises(KeyboardInterrupt):
            interrupted_after(n_writes, cut, patch).fit(*given)
    assert not hasattr(cut, "threshold_")
    assert folder.is_dir()
    scores = cut.fit(*given).anomaly_score(digits.test)
    assert scores.tobytes() == expected.tobytes()
    assert not folder.exists()


def test_other_samples_start_anew(
    digits: Digits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = DeepSVDD(**SHORT, checkpoint=tmp_path / "kept")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupted_after(2, cut, patch).fit(digits.train)
    with pytest.warns(TextoclWarning, match="other samples or parameters"):
        cut.fit(digits.train[:-1])
    expected = DeepSVDD(**SHORT).fit(digits.train[:-1])
    assert cut.anomaly_score(digits.test).tobytes() == expected.anomaly_score(digits.test).tobytes()


def test_where_a_checkpoint_was_kept_is_not_part_of_the_model(
    digits: Digits, tmp_path: Path
) -> None:
    detector = DeepSVDD(**{**SHORT, "n_epochs": 1}, checkpoint=tmp_path / "kept").fit(digits.train)
    detector.save(tmp_path / "model")
    assert "kept" not in (tmp_path / "model" / "config.json").read_text("utf-8")
