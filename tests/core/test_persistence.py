"""A model folder is complete or absent, and no damaged or hostile one loads."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save

import textocl
from textocl import CVDD, DataError, Detector, FormatError
from textocl.core.persistence import CONFIG, WEIGHTS


@pytest.fixture(scope="module")
def saved(detector: CVDD, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "model"
    detector.save(folder)
    return folder


@pytest.fixture
def model(saved: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(saved, tmp_path / "model"))


def edit_config(model: Path, **changes: Any) -> None:
    config = json.loads((model / CONFIG).read_text("utf-8"))
    (model / CONFIG).write_text(json.dumps({**config, **changes}), "utf-8")


def edit_weights(model: Path, **changes: Any) -> None:
    """Replace arrays and record the new hash, as an attacker would."""
    import hashlib

    arrays = {**load_file(model / WEIGHTS), **changes}
    content = save({k: np.ascontiguousarray(v) for k, v in arrays.items() if v is not None})
    (model / WEIGHTS).write_bytes(content)
    edit_config(model, weights_sha256=hashlib.sha256(content).hexdigest())


def test_a_model_is_two_files(saved: Path) -> None:
    assert sorted(path.name for path in saved.iterdir()) == [CONFIG, WEIGHTS]
    assert [path for path in saved.parent.iterdir() if path != saved] == []


def test_contexts_survive(saved: Path, detector: CVDD) -> None:
    loaded = textocl.load(saved)
    assert isinstance(loaded, CVDD)
    assert loaded.contexts_ == detector.contexts_
    assert loaded.vocabulary_.words == detector.vocabulary_.words
    assert loaded.n_documents_ == detector.n_documents_


def test_machine_parameters_are_not_saved(saved: Path) -> None:
    parameters = json.loads((saved / CONFIG).read_text("utf-8"))["parameters"]
    assert "device" not in parameters
    assert "verbose" not in parameters
    assert parameters["embedding"] == "wordllama"


def test_an_existing_model_is_replaced(model: Path, detector: CVDD) -> None:
    edit_config(model, threshold=0.123)
    detector.save(model)
    assert textocl.load(model).threshold_ == detector.threshold_
    assert [p.name for p in model.parent.iterdir()] == ["model"]


def test_a_folder_of_something_else_is_never_overwritten(detector: CVDD, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(FormatError, match="holds something else .* nothing was overwritten"):
        detector.save(tmp_path)
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(FormatError, match="nothing was overwritten"):
        detector.save(file)
    assert file.read_text() == "x"


def test_parents_are_made_and_a_relative_path_works(
    detector: CVDD, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    detector.save("a/b/model")
    assert textocl.load("a/b/model").threshold_ == detector.threshold_


@pytest.fixture(scope="module")
def other(saved: Path, tmp_path_factory: pytest.TempPathFactory) -> CVDD:
    """As the saved one, with another threshold and other weights."""
    model = Path(shutil.copytree(saved, tmp_path_factory.mktemp("other") / "model"))
    distances = load_file(model / WEIGHTS)["calibration_distances"]
    edit_weights(model, calibration_distances=distances[: len(distances) // 2])
    edit_config(model, threshold=0.123)
    return CVDD.load(model)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
@pytest.mark.parametrize("name", [WEIGHTS, CONFIG])
def test_a_save_that_fails_leaves_the_old_model_and_nothing_else(
    model: Path, other: CVDD, monkeypatch: pytest.MonkeyPatch, name: str, error: Any
) -> None:
    before = contents(model)
    replace = Path.replace

    def replace_but(self: Path, target: Path) -> Path:
        if name in Path(target).name:
            raise error
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", replace_but)
    with pytest.raises((KeyboardInterrupt, DataError)):
        other.save(model)
    with pytest.raises((KeyboardInterrupt, DataError)):
        other.save(model.parent / "new" / "folder")
    assert contents(model) == before
    assert [path.name for path in model.parent.iterdir()] == ["model"]


def test_a_save_that_is_cut_off_between_the_two_files_left_the_new_model(
    model: Path, detector: CVDD, other: CVDD, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def replace_but(self: Path, target: Path) -> Path:
        if Path(target).name == WEIGHTS:
            raise KeyboardInterrupt
        return replace(self, target)

    old = (model / WEIGHTS).read_bytes()
    monkeypatch.setattr(Path, "replace", replace_but)
    with pytest.raises(KeyboardInterrupt):
        other.save(model)
    monkeypatch.undo()
    assert (model / WEIGHTS).read_bytes() == old
    loaded = textocl.load(model)
    assert loaded.threshold_ == other.threshold_
    assert loaded.calibration_distances_.shape == other.calibration_distances_.shape
    detector.save(model)  # and what it left is cleared away
    assert sorted(contents(model)) == [CONFIG, WEIGHTS]
    assert textocl.load(model).threshold_ == detector.threshold_


def test_files_that_a_killed_save_left_do_not_forbid_the_next(
    model: Path, detector: CVDD, tmp_path: Path
) -> None:
    for folder in (model, tmp_path / "first"):
        folder.mkdir(exist_ok=True)
        (folder / f".{WEIGHTS}-{64 * 'a'}").write_bytes(b"half")
        (folder / f"..{WEIGHTS}-{19 * 'a'}-1234abcd").write_bytes(b"half")
        (folder / f".{CONFIG}-1234abcd").write_bytes(b"half")
        detector.save(folder)
        assert textocl.load(folder).threshold_ == detector.threshold_


def test_a_reader_of_a_model_that_is_replaced_sees_the_old_or_the_new(
    model: Path, detector: CVDD, other: CVDD
) -> None:
    done = threading.Event()

    def replace_it() -> None:
        try:
            for _ in range(15):
                other.save(model)
                detector.save(model)
        finally:
            done.set()

    writer = threading.Thread(target=replace_it)
    writer.start()
    seen = set()
    while not done.is_set():
        loaded = textocl.load(model)
        seen.add((loaded.threshold_, len(loaded.calibration_distances_)))
    writer.join()
    whole = {(d.threshold_, len(d.calibration_distances_)) for d in (detector, other)}
    assert seen <= whole
    assert sorted(contents(model)) == [CONFIG, WEIGHTS]


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EXDEV, errno.EACCES, errno.EROFS])
def test_a_model_is_saved_into_a_folder_that_cannot_be_moved_or_written_beside(
    detector: CVDD, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A volume, or the one writable folder of a container."""
    folder = tmp_path / "volume"
    folder.mkdir()
    (folder / "lost+found").mkdir()  # of a disk's own
    number_of_files = folder.stat().st_ino
    call = os.rename, os.replace, os.mkdir

    def only_inside(function: Any) -> Any:
        def checked(path: Any, *args: Any, **kwargs: Any) -> Any:
            if folder not in Path(path).parents:
                raise OSError(number, os.strerror(number))
            return function(path, *args, **kwargs)

        return checked

    for name, function in zip(("rename", "replace", "mkdir"), call, strict=True):
        monkeypatch.setattr(os, name, only_inside(function))
    detector.save(folder)
    detector.save(folder)
    assert textocl.load(folder).threshold_ == detector.threshold_
    assert folder.stat().st_ino == number_of_files
    assert sorted(p.name for p in folder.iterdir()) == [CONFIG, "lost+found", WEIGHTS]


def test_a_model_is_saved_into_the_working_directory(
    detector: CVDD, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    detector.save(".")
    assert Path.cwd() == tmp_path
    assert textocl.load(".").threshold_ == detector.threshold_


AS_NOBODY = """
import os, sys, textocl
from textocl.core.exceptions import TextoclError
from textocl.core.persistence import check_target
detector = textocl.load(sys.argv[1])
os.setgid(65534), os.setuid(65534)
for folder in sys.argv[2:]:
    for write in (check_target, detector.save):
        try:
            write(__import__("pathlib").Path(folder))
        except TextoclError as error:
            print(type(error).__name__, str(error).partition(" to ")[0])
        else:
            print("done")
"""


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can")
def test_a_folder_is_written_by_whom_it_is_open_to_and_others_are_told_at_once(
    saved: Path,
) -> None:
    with tempfile.TemporaryDirectory() as base:
        root = Path(base)
        root.chmod(0o755)
        for name, mode in (("model", 0o777), ("closed", 0o755), ("hidden", 0o700)):
            (root / name).mkdir()
            (root / name).chmod(mode)
        shutil.copytree(saved, root / "saved")
        folders = ["model", "closed", "hidden", "beside", "hidden/below"]
        done = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, root / "saved", *(root / name for name in folders)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        refused = ["DataError cannot write a model"] * 2
        assert done.stdout.splitlines() == ["done"] * 2 + refused * 4
        assert sorted(path.name for path in (root / "model").iterdir()) == [CONFIG, WEIGHTS]


def test_a_file_of_the_users_in_a_model_folder_is_never_deleted(
    model: Path, detector: CVDD
) -> None:
    (model / "scores.csv").write_text("mine")
    with pytest.raises(FormatError, match="nothing was overwritten"):
        detector.save(model)
    assert (model / "scores.csv").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_a_clear_error(detector: CVDD, tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(DataError, match="cannot write a model to"):
        detector.save(tmp_path / "model")


def test_a_place_below_a_file_is_a_clear_error(detector: CVDD, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="cannot write a model to"):
        detector.save(tmp_path / "file" / "model")


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no model at"):
        textocl.load(tmp_path / "absent")
    with pytest.raises(FormatError, match="no model at"):
        textocl.load(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"format": "other"}', b"\xff\xfe", b"[" * 100_000]
)
def test_a_config_that_is_none(model: Path, content: bytes) -> None:
    (model / CONFIG).write_bytes(content)
    with pytest.raises(FormatError, match=CONFIG):
        textocl.load(model)


@pytest.mark.parametrize("length", [0, 4, 100, -1])
def test_truncated_weights(model: Path, length: int) -> None:
    content = (model / WEIGHTS).read_bytes()
    (model / WEIGHTS).write_bytes(content[:length])
    with pytest.raises(FormatError, match="is damaged or belongs to another"):
        textocl.load(model)


def test_missing_weights(model: Path) -> None:
    (model / WEIGHTS).unlink()
    with pytest.raises(FormatError, match="cannot be read"):
        textocl.load(model)


def test_one_flipped_bit_is_noticed(model: Path) -> None:
    content = bytearray((model / WEIGHTS).read_bytes())
    content[len(content) // 2] ^= 1
    (model / WEIGHTS).write_bytes(content)
    with pytest.raises(FormatError, match="SHA-256"):
        textocl.load(model)


def test_a_newer_format_says_upgrade(model: Path) -> None:
    edit_config(model, format_version=99)
    with pytest.raises(FormatError, match="format version 99.*Upgrade"):
        textocl.load(model)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_version": "1"}, "format_version"),
        ({"format_version": True}, "format_version"),
        ({"class": "os.system"}, "unknown detector 'os.system'"),
        ({"class": ["CVDD"]}, "unknown detector"),
        ({"parameters": None}, "'parameters' is missing"),
        ({"parameters": {"evil": 1}}, "evil"),
        ({"parameters": {"n_contexts": -3}}, "n_contexts"),
        ({"parameters": {"n_contexts": 7, "tokenization": "english"}}, "shape"),
        ({"parameters": {"tokenization": "x"}}, "tokenization"),
        ({"threshold": None}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
        ({"contexts": [{}]}, "config.json"),
        ({"threshold": 55}, "threshold"),
        ({"n_documents": -4}, "n_documents"),
        (
            {
                "contexts": [
                    {
                        "context": 0,
                        "share": 1,
                        "words": [],
                        "typical": [{"document": 1, "distance": 0, "excerpt": 5}],
                    }
                ]
            },
            "expected text",
        ),
        ({"contexts": []}, "consistent"),
        ({"contexts": "abc"}, "contexts"),
    ],
)
def test_configs_that_do_not_fit(model: Path, changes: dict[str, Any], message: str) -> None:
    edit_config(model, **changes)
    with pytest.raises(FormatError, match=message):
        textocl.load(model)


@pytest.mark.parametrize(
    "changes",
    [
        {"vectors": None},
        {"vectors": np.zeros((3, 4), np.float16)},
        {"context_vectors": np.full((3, 256), np.nan, np.float32)},
        {"context_vectors": np.zeros((3, 256), np.float64)},
        {"calibration_distances": np.zeros((0, 3), np.float32)},
        {"words": np.frombuffer(b"\xff\xfe", np.uint8)},
        {"attention_logits": np.zeros(5, np.float32)},
    ],
)
def test_weights_that_do_not_fit(model: Path, changes: dict[str, Any]) -> None:
    edit_weights(model, **changes)
    with pytest.raises(FormatError):
        textocl.load(model)


def test_loading_as_a_class_checks_it(saved: Path) -> None:
    assert CVDD.load(saved).n_documents_ > 0

    class Other(CVDD):
        pass

    with pytest.raises(DataError, match="holds a CVDD, not a Other"):
        Other.load(saved)


def test_a_model_on_vectors_in_memory_scores_but_says_it_cannot_refit(
    ships: list[str], tmp_path: Path
) -> None:
    words = sorted(set(" ".join(ships).split()))
    vectors = {w: np.random.default_rng(i).normal(size=8) for i, w in enumerate(words)}
    detector = CVDD(embedding=vectors, n_general_words=0).fit(ships)
    detector.save(tmp_path / "model")
    loaded = textocl.load(tmp_path / "model")
    assert (loaded.anomaly_score(ships) == detector.anomaly_score(ships)).all()
    with pytest.raises(DataError, match="fitted on vectors in memory"):
        loaded.fit(ships)


@pytest.fixture(scope="module")
def saved_detector(ships: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "detector"
    Detector(n_contexts=2, language=None).fit(ships).save(folder)
    return folder


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"density.training_points": None}, "lacks the array 'training_points'"),
        ({"density.settings": np.full(3, np.nan)}, "'settings' holds NaN"),
        ({"density.training_points": np.zeros((3, 4), np.float32)}, "should be float32 of shape"),
        ({"density.calibration_scores": np.empty(0, np.float32)}, "no calibration scores"),
        ({"contexts.vectors": np.zeros((2, 256), np.float32)}, "should be float16"),
        ({"contexts.words": np.frombuffer(b"ship\nship", np.uint8)}, "shape|twice"),
        ({"contexts.context_vectors": None}, "lacks the array 'context_vectors'"),
        ({"calibration_scores": None}, "lacks the array 'calibration_scores'"),
        ({"calibration_scores": np.empty(0, np.float32)}, "no calibration scores"),
    ],
)
def test_the_arrays_of_a_detector_within_a_detector_are_judged_as_its_own(
    saved_detector: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    model = Path(shutil.copytree(saved_detector, tmp_path / "model"))
    edit_weights(model)
    textocl.load(model)
    edit_weights(model, **changes)
    with pytest.raises(FormatError, match=message):
        textocl.load(model)


def test_a_detector_within_a_detector_cannot_name_any_class_nor_nest_further(
    saved_detector: Path, tmp_path: Path
) -> None:
    model = Path(shutil.copytree(saved_detector, tmp_path / "model"))
    whole = json.loads((model / CONFIG).read_text("utf-8"))
    for name in ("Detector", "OCSVM", "os.system", "", None, ["KDE"], {"KDE": 1}):
        members = json.loads(json.dumps(whole["members"]))
        members["density"]["class"] = name
        edit_config(model, members=members)
        with pytest.raises(FormatError, match="a part of it is no"):
            textocl.load(model)
    endless = {"class": "Detector", "parameters": {}, "facts": {"members": whole["members"]}}
    edit_config(model, members={**whole["members"], "words": endless})
    with pytest.raises(FormatError, match="a part of it is no"):
        textocl.load(model)


def test_an_exported_file_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"")
    with pytest.raises(FormatError, match=r"folder with config\.json\. This is an exported file"):
        textocl.load(tmp_path / "m.onnx")
