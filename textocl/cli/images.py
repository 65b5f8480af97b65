"""What the commands for images read: models, paths, pixels of one size, labels, masks."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from textocl.core.exceptions import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from textocl.io.corpora import BadRecords
    from textocl.vision.benchmark import LabelledImages
    from textocl.vision.detector import SampleDetector
    from textocl.vision.folders import ImageFolder
    from textocl.vision.form import ImageForm

_NAMED = 3  # unreadable files named in a message


def load_image_detector(model: Path, false_alarm_rate: float | None = None) -> SampleDetector:
    """Load the folder of a model, to judge by this rate; refuse one of texts or features."""
    from textocl.core.persistence import load
    from textocl.io.assessor import is_exported
    from textocl.vision.detector import SampleDetector

    if is_exported(model):
        raise DataError(
            f"{model} is an exported file, which textocl.export.OnnxDetector scores in Python; "
            "'textocl info' shows what it is. This command needs the folder of the model."
        )
    detector = load(model)
    name = type(detector).__name__
    if not isinstance(detector, SampleDetector):
        raise DataError(f"{model} holds a {name}, which scores texts; give it to 'textocl score'.")
    if len(detector.sample_shape_) != 3:
        raise DataError(
            f"{model} holds a {name} fitted on features; this command is for images. In Python: "
            "textocl.load."
        )
    if false_alarm_rate is not None:
        detector.recalibrate(false_alarm_rate=false_alarm_rate)
    return detector


def size_of(text: str | None) -> tuple[int, int] | None:
    """Height and width of ``64x48`` or ``64``."""
    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(
        p.isdecimal() and p.isascii() and 0 < int(p) < 2**14 for p in parts
    ):
        raise typer.BadParameter(f"--size takes HEIGHTxWIDTH in pixels, like 64x48; got {text!r}.")
    return int(parts[0]), int(parts[-1])


def image_files(images: Sequence[Path]) -> list[Path]:
    """Images of files and folders, each once; a labelled folder's masks are none.

    Raises
    ------
    DataError
        No such file or folder, or a folder without an image.
    """
    from textocl.vision.folders import is_labelled_folder, read_folder
    from textocl.vision.images import image_paths

    files: list[Path] = []
    for path in images:
        if is_labelled_folder(path):
            files += read_folder(path).paths
        elif path.is_dir():
            files += image_paths(path)
        elif path.exists():
            files.append(path)
        else:
            raise DataError(f"no such file or folder: {str(path)!r}.")
    return list(dict.fromkeys(files))


def overlay_paths(files: Sequence[Path], out: Path) -> list[Path]:
    """Where to write the overlay of each image: under ``out`` as under the folder that holds all.

    Raises
    ------
    DataError
        An overlay would replace one of the images.
    """
    if not files:
        return []
    absolute = [path.absolute() for path in files]
    common = os.path.commonpath([path.parent for path in absolute])
    inside = [path.relative_to(common) for path in absolute]
    names = [path.with_suffix(".png") for path in inside]
    if len(set(names)) < len(names):  # a.jpg beside a.bmp
        names = [path.with_name(f"{path.name}.png") for path in inside]
    targets = [out / name for name in names]
    images = {path.resolve() for path in files}
    for target in targets:
        if target.resolve() in images:
            raise DataError(f"{target} is one of the images; choose another --out.")
    return targets


class ImageReader:
    """Reads image files, each brought to one form.

    Parameters
    ----------
    form : of the images read; None leaves them as they are
    bad : where unreadable images are counted; None refuses them
    advance : called with 1 for each image

    Attributes
    ----------
    n_changed : int, images that were resized or lost their colours
    """

    def __init__(
        self,
        form: ImageForm | None = None,
        bad: BadRecords | None = None,
        advance: Callable[[int], None] = lambda n: None,
    ) -> None:
        self._form, self._bad = form, bad
        self.advance = advance
        self.n_changed = 0

    def read(self, paths: Sequence[Path]) -> list[tuple[Path, Tensor]]:
        """Images ``(c, h, w)`` in [0, 1] with their paths.

        Raises
        ------
        DataError
            Some cannot be read; the message names and counts them.
        """
        from textocl.vision.images import read_image

        read, failed = [], []
        for path in paths:
            self.advance(1)
            try:
                image = read_image(path)
            except DataError as error:
                # of one image, whose path the message may hold already
                reason = str(error).partition(": ")[2].removesuffix(".")
                failed.append(reason or f"{path} ({str(error).removesuffix('.')})")
                continue
            read.append((path, self.bring(image)))
        if failed and self._bad is None:
            more = "" if len(failed) <= _NAMED else f" and {len(failed) - _NAMED} more"
            raise DataError(
                f"{len(failed):,} of {len(paths):,} images cannot be read: "
                f"{'; '.join(failed[:_NAMED])}{more}; --skip-bad passes over them."
            )
        for reason in failed:
            assert self._bad is not None
            self._bad.add(reason)
        return read

    def bring(self, image: Tensor) -> Tensor:
        """An image ``(c, h, w)`` in the form asked for."""
        if self._form is None:
            return image
        self.n_changed += self._form.changes(image)
        return self._form.bring(image)


def stacked(read: Sequence[tuple[Path, Tensor]], n_channels: int) -> Tensor:
    """Images of one size as ``(n, c, h, w)``.

    Raises
    ------
    DataError
        There is none, or they have several sizes.
    """
    import torch

    from textocl.vision.form import with_channels

    if not read:
        raise DataError("no image could be read.")
    first, (h, w) = read[0][0], read[0][1].shape[1:]
    for path, image in read:
        if image.shape[1:] != (h, w):
            raise DataError(
                f"images must have one size: {first} is {h} x {w} pixels, {path} "
                f"{image.shape[1]} x {image.shape[2]}; give one, such as --size {h}x{w}."
            )
    return torch.stack([with_channels(image, n_channels) for _, image in read])


def labelled(images: Sequence[Path]) -> ImageFolder:
    """Images with what a labelled folder says of them, or unlabelled ones."""
    import numpy as np

    from textocl.vision.folders import ImageFolder, is_labelled_folder, read_folder

    if len(images) == 1 and is_labelled_folder(images[0]):
        return read_folder(images[0])
    files = image_files(images)
    return ImageFolder(files, np.zeros(len(files), np.int64), [None] * len(files))


def with_anomalies(folder: ImageFolder, known: Sequence[Path]) -> ImageFolder:
    """Images and further known anomalies, which may be among them already."""
    import numpy as np

    from textocl.vision.folders import ImageFolder

    label_of = dict(zip(folder.paths, folder.labels.tolist(), strict=True)) | dict.fromkeys(
        known, -1
    )
    mask_of = dict(zip(folder.paths, folder.masks, strict=True))
    masks = [mask_of.get(path) for path in label_of]
    return ImageFolder(list(label_of), np.array(list(label_of.values()), np.int64), masks)


def read_labelled(folder: ImageFolder, reader: ImageReader) -> LabelledImages:
    """Read images with their masks, at one size; they are grey if all normal ones are."""
    import numpy as np

    from textocl.vision.benchmark import LabelledImages

    read = reader.read(folder.paths)
    facts = dict(zip(folder.paths, zip(folder.labels, folder.masks, strict=True), strict=True))
    labels = np.array([facts[path][0] for path, _ in read], np.int64)
    normal = [len(image) for (_, image), y in zip(read, labels, strict=True) if y >= 0]
    paths, X = [path for path, _ in read], stacked(read, max(normal, default=1))
    if not any(folder.masks):
        return LabelledImages(paths, X, labels, None)
    masks = np.zeros((len(X), *X.shape[2:]), np.bool_)
    for i, path in enumerate(paths):
        if (mask := facts[path][1]) is not None:
            masks[i] = _read_mask(mask, path, (X.shape[2], X.shape[3]))
    return LabelledImages(paths, X, labels, masks)


def _read_mask(mask: Path, image: Path, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Mask ``(h, w)``; a pixel is marked if any part of it was, so that no defect vanishes."""
    import torch
    from torch.nn import functional

    from textocl.vision.images import read_image, read_mask

    marked, shape = read_mask(mask), tuple(read_image(image).shape[1:])
    if marked.shape != shape:
        raise DataError(
            f"{mask} is {marked.shape}, but {image} is {shape}; masks must match their images."
        )
    places = torch.from_numpy(marked)[None].float()
    pooled: NDArray[np.bool_] = functional.adaptive_max_pool2d(places, size)[0].numpy() > 0
    return pooled
