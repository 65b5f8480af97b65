"""What the commands for images read: paths, sizes, channels, masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from PIL import Image

import textocl
from textocl.cli.images import (
    ImageReader,
    image_files,
    labelled,
    load_image_detector,
    overlay_paths,
    read_labelled,
    size_of,
    with_anomalies,
)
from textocl.core.exceptions import DataError, FormatError
from textocl.io.corpora import BadRecords
from textocl.vision import DeepSVDD
from textocl.vision.form import ImageForm
from textocl.vision.images import read_samples

SOURCE = np.random.default_rng(0)


def save(path: Path, shape: tuple[int, ...] = (6, 8)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(SOURCE.integers(0, 256, shape, np.uint8)).save(path)
    return path


def test_sizes_are_heights_and_widths() -> None:
    assert size_of(None) is None
    assert size_of("64x48") == (64, 48)
    assert size_of("32") == (32, 32)
    for wrong in ("", "x", "0", "3x", "-3x3", "3x3x3", "a", "1.5", "99999", "²"):
        with pytest.raises(typer.BadParameter, match="HEIGHTxWIDTH"):
            size_of(wrong)


def test_files_and_folders_give_each_image_once(tmp_path: Path) -> None:
    a, b = save(tmp_path / "some" / "a.png"), save(tmp_path / "some" / "deep" / "b.png")
    assert image_files([b, tmp_path / "some"]) == [b, a]
    n, x = (
        save(tmp_path / "set" / "normal" / "n.png"),
        save(tmp_path / "set" / "anomalous" / "x.png"),
    )
    save(tmp_path / "set" / "masks" / "x.png")
    assert image_files([tmp_path / "set"]) == [n, x]
    with pytest.raises(DataError, match="no such file or folder: 'absent'"):
        image_files([Path("absent")])


def test_a_reader_counts_what_it_changes(tmp_path: Path) -> None:
    paths = [
        save(tmp_path / "a.png"),
        save(tmp_path / "b.png", (6, 8, 3)),
        save(tmp_path / "c.png", (9, 8)),
    ]
    reader = ImageReader(ImageForm((6, 8), 3))
    images = [image for _, image in reader.read(paths)]
    assert [tuple(image.shape) for image in images] == [(3, 6, 8)] * 3
    assert reader.n_changed == 1  # grey is colour too
    reader = ImageReader(ImageForm((6, 8), 1))
    reader.read(paths)
    assert reader.n_changed == 2


def test_unreadable_images_are_named_and_counted_or_passed_over(tmp_path: Path) -> None:
    good, bad = save(tmp_path / "a.png"), tmp_path / "b.png"
    bad.write_bytes(b"no image")
    Image.fromarray(np.full((6, 8), np.nan, np.float32)).save(tmp_path / "c.tiff")
    paths = [bad, good, tmp_path / "c.tiff", tmp_path / "absent.png"]
    with pytest.raises(DataError, match="3 of 4 images cannot be read") as caught:
        ImageReader().read(paths)
    for part in (
        f"{bad} (cannot identify",
        "c.tiff (image 0 holds NaN",
        "absent.png (",
        "--skip-bad",
    ):
        assert part in str(caught.value)
    counted = BadRecords()
    ((path, image),) = ImageReader(bad=counted).read(paths)
    assert path == good
    assert torch.equal(image, read_samples([good])[0])
    assert counted.count == 3


def test_one_size_is_asked_for(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    save(tmp_path / "b.png", (5, 5))
    folder = labelled([tmp_path])
    with pytest.raises(DataError, match=r"a.png is 6 x 8 pixels, .*b.png 5 x 5; .*--size 6x8"):
        read_labelled(folder, ImageReader())
    assert read_labelled(folder, ImageReader(ImageForm((4, 3)))).X.shape == (2, 1, 4, 3)


def test_labels_and_masks_of_a_folder_and_further_anomalies(tmp_path: Path) -> None:
    save(tmp_path / "set" / "normal" / "n.png", (12, 16))
    save(tmp_path / "set" / "anomalous" / "x.png", (12, 16))
    mask = np.zeros((12, 16), np.uint8)
    mask[7, 11] = 255
    (tmp_path / "set" / "masks").mkdir()
    Image.fromarray(mask).save(tmp_path / "set" / "masks" / "x.png")
    save(tmp_path / "other" / "o.png", (20, 20, 3))
    folder = with_anomalies(labelled([tmp_path / "set"]), [tmp_path / "other" / "o.png"])
    data = read_labelled(folder, ImageReader(ImageForm((6, 8))))
    assert data.labels.tolist() == [0, -1, -1]
    assert data.X.shape == (3, 1, 6, 8)  # normal images are grey
    assert data.masks is not None
    assert np.argwhere(data.masks).tolist() == [[1, 3, 5]]  # one pixel of 12 × 16 does not vanish
    again = with_anomalies(folder, folder.paths[:1])  # one of the normal ones
    assert again.paths == folder.paths
    assert again.labels.tolist() == [-1, -1, -1]
    assert again.masks == folder.masks
    part = data.part(np.array([2, 1]))
    assert [path.name for path in part.paths] == ["o.png", "x.png"]
    assert part.labels.tolist() == [-1, -1]
    assert part.masks is not None
    assert part.masks[1].any()
    save(tmp_path / "set" / "masks" / "x.png", (3, 3))
    with pytest.raises(DataError, match=r"x.png is \(3, 3\), but .*x.png is \(12, 16\)"):
        read_labelled(labelled([tmp_path / "set"]), ImageReader(ImageForm((6, 8))))


def test_overlays_lie_as_the_images_do(tmp_path: Path) -> None:
    a, b = tmp_path / "in" / "a.jpg", tmp_path / "in" / "deep" / "b.png"
    assert overlay_paths([a, b], Path("out")) == [Path("out/a.png"), Path("out/deep/b.png")]
    assert overlay_paths([b], Path("out")) == [Path("out/b.png")]
    assert overlay_paths([], Path("out")) == []
    twice = overlay_paths([a, a.with_suffix(".bmp")], Path("out"))
    assert twice == [Path("out/a.jpg.png"), Path("out/a.bmp.png")]
    with pytest.raises(DataError, match="b.png is one of the images; choose another --out"):
        overlay_paths([a, b], tmp_path / "in")


def test_models_of_texts_and_features_are_refused(tmp_path: Path) -> None:
    texts = [f"{words} {n}" for n in range(14) for words in ("a ship", "a port", "a sail")]
    textocl.WordLikelihood().fit(texts).save(tmp_path / "t")
    with pytest.raises(
        DataError, match="holds a WordLikelihood, which scores texts; .*textocl score"
    ):
        load_image_detector(tmp_path / "t")
    DeepSVDD(n_epochs=0, n_pretraining_epochs=0).fit(SOURCE.normal(size=(40, 3))).save(
        tmp_path / "f"
    )
    with pytest.raises(DataError, match="holds a DeepSVDD fitted on features"):
        load_image_detector(tmp_path / "f")
    with pytest.raises(FormatError, match="no model at"):
        load_image_detector(tmp_path / "absent")


def test_an_exported_file_says_what_it_is_and_what_to_give_instead(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"a\.onnx is an exported file.* needs the folder of the model"
    ):
        load_image_detector(tmp_path / "a.onnx")
