"""What a detector makes of images, and where: one page with heatmaps."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from textocl.core.characters import visible
from textocl.core.exceptions import DataError, MissingExtraError
from textocl.core.validation import check_integer, check_is_anomaly
from textocl.report.contents import highest_and_spread, shared_contents
from textocl.report.page import IMAGES
from textocl.report.writer import WrittenReport, check_report_target, write_page
from textocl.vision.detector import SampleDetector
from textocl.vision.form import ImageForm, resized
from textocl.vision.images import read_image, read_samples
from textocl.vision.overlays import overlay

_AT_ONCE = 32  # images scored
_SMALL = 64  # pixels of a side up to which a picture is kept exactly
_QUALITY = 85  # of JPEG


@dataclass(frozen=True)
class ImageReportLimits:
    """What bounds the size of a page: images listed, and pixels of the longer side of each."""

    images: int = 200
    pixels: int = 192

    def check(self) -> None:
        """Raise DataError if one is not positive."""
        check_integer("images", self.images, 1)
        check_integer("pixels", self.pixels, 1)


def write_image_report(
    detector: SampleDetector,
    images: Sequence[Any] | NDArray[Any] | Tensor,
    path: str | PathLike[str],
    *,
    names: Sequence[str] | None = None,
    is_anomaly: ArrayLike | None = None,
    title: str | None = None,
    limits: ImageReportLimits = ImageReportLimits(),
    advance: Callable[[int], None] = lambda n: None,
) -> WrittenReport:
    """Write what ``detector`` makes of ``images`` as one HTML file that works offline.

    The scores with a threshold to drag, and each listed image with its heatmap, on one scale for
    all. An existing report there is replaced at once or not at all.

    Parameters
    ----------
    detector : fitted, on images
    images : n paths, or an array or tensor of images, as `fit` takes them
        Those of another size or with other channels are brought to the detector's form.
    path : of an ``.html`` file
    names : what the images are called; None is their paths or numbers
    is_anomaly : (n,) bool or None
        Which are known to be anomalous: adds ROC and precision-recall curves and the confusion
        matrix.
    title : of the page
    limits : what bounds its size; about 2 MB for 200 images of 192 pixels
    advance : called with a number of images each time as many are scored

    Returns
    -------
    WrittenReport

    Raises
    ------
    NotFittedError
    DataError
        No image, one that cannot be read, a detector of texts or features, lengths that differ, or
        a path that cannot be written to or holds something else than a report.
    MissingExtraError
        Pillow is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from textocl.vision import DeepSVDD
    >>> grey = np.full((40, 16, 16), 90, np.uint8)
    >>> images = grey + np.random.default_rng(0).integers(0, 9, grey.shape, np.uint8)
    >>> detector = DeepSVDD(n_epochs=1, n_pretraining_epochs=0, false_alarm_rate=0.2).fit(images)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_image_report(detector, images[:3], f"{folder}/report.html").n_listed
    3
    """
    target = Path(path)
    check_report_target(target)
    contents = image_contents(
        detector,
        images,
        title=title or "Which images belong here, and which do not",
        names=names,
        is_anomaly=is_anomaly,
        limits=limits,
        advance=advance,
    )
    n_listed = len(contents["images"]["name"])
    return write_page(target, contents, IMAGES, n_listed, n_listed)


def image_contents(
    detector: SampleDetector,
    images: Sequence[Any] | NDArray[Any] | Tensor,
    *,
    title: str,
    names: Sequence[str] | None = None,
    is_anomaly: ArrayLike | None = None,
    limits: ImageReportLimits = ImageReportLimits(),
    advance: Callable[[int], None] = lambda n: None,
) -> dict[str, Any]:
    """Everything the page shows, as plain values; parameters as in `write_image_report`."""
    if not isinstance(detector, SampleDetector) or len(detector.sample_shape_) != 3:
        raise DataError(
            f"this report is about images; a {type(detector).__name__} was fitted on others."
        )
    limits.check()
    default_names, read = _readable(images)
    n = len(default_names)
    if not n:
        raise DataError("there is no image to report on.")
    if names is not None and len(names) != n:
        raise DataError(f"expected a name for each of {n:,} images, got {len(names):,}.")
    truth = None if is_anomaly is None else check_is_anomaly(is_anomaly, n, "images")
    scores = np.concatenate(list(_scores(detector, n, read, advance)))
    listed = highest_and_spread(scores, limits.images)
    pictures = [_pictures(detector, read(i), limits.pixels) for i in listed]
    listed_names = [(default_names if names is None else names)[i] for i in listed]
    return {
        **shared_contents(detector, title, "image", scores, truth),
        "judged": [1] * len(scores),
        "images": {
            "number": listed.tolist(),
            "name": [visible(str(name)) for name in listed_names],
            "picture": [picture for picture, _ in pictures],
            "overlay": [laid_over for _, laid_over in pictures],
        },
    }


def _readable(images: Any) -> tuple[list[str], Callable[[int], Tensor]]:
    """A name for each image, and what reads one by its number: ``(c, h, w)`` in [0, 1]."""
    if isinstance(images, (str, PathLike)):
        raise DataError("expected a sequence of paths or an array of images, got one path.")
    paths = list(images)
    if all(isinstance(path, (str, PathLike)) for path in paths):
        return [str(path) for path in paths], lambda i: read_image(paths[i])
    samples = read_samples(images)
    if samples.ndim != 4:
        raise DataError(f"expected images, got an array of shape {tuple(samples.shape)}.")
    return [f"image {number}" for number in range(1, len(samples) + 1)], samples.__getitem__


def _scores(
    detector: SampleDetector,
    n: int,
    read: Callable[[int], Tensor],
    advance: Callable[[int], None],
) -> Iterator[NDArray[np.float32]]:
    form = ImageForm.of(detector.sample_shape_)
    for start in range(0, n, _AT_ONCE):
        part = [form.bring(read(i)) for i in range(start, min(start + _AT_ONCE, n))]
        yield detector.anomaly_score(torch.stack(part))
        advance(len(part))


def _pictures(detector: SampleDetector, image: Tensor, pixels: int) -> tuple[str, str]:
    """An image ``(c, h, w)``, and its heatmap over it, as data that a page can hold."""
    h, w = image.shape[1:]
    scale = min(1.0, pixels / max(h, w))
    size = (max(1, round(h * scale)), max(1, round(w * scale)))
    small = resized(image, size).expand(3, -1, -1).permute(1, 2, 0).clamp(0, 1).numpy()
    sample = ImageForm.of(detector.sample_shape_).bring(image)
    heatmap = torch.from_numpy(detector.explain(sample[None]))
    laid_over = overlay(small, resized(heatmap, size)[0].numpy(), *detector.heatmap_range_)
    return _encoded(np.rint(255 * small).astype(np.uint8)), _encoded(laid_over)


def _encoded(pixels: NDArray[np.uint8]) -> str:
    """A data URI of ``(h, w, 3)``: exact for small pictures, else JPEG."""
    try:
        from PIL import Image
    except ImportError:
        raise MissingExtraError("Pillow", "vision", "a report on images") from None
    kind, options = ("PNG", {}) if max(pixels.shape) <= _SMALL else ("JPEG", {"quality": _QUALITY})
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"
