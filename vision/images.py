"""Reader of images and features, in whatever form they are given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError, MissingExtraError
from textocl.core.validation import check_features, is_features
from textocl.vision.pixels import in_unit_range, warn_of_bytes_in_16_bits

if TYPE_CHECKING:
    from torch import Tensor

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
_NAMED = 3  # unreadable files named in a message
_EXPECTED = (
    "give an array (n, h, w) or (n, h, w, c), a tensor (n, c, h, w), features (n, d), "
    "a list of paths, or a folder"
)


def read_samples(X: Any) -> Tensor:
    """Return what `read_arrays` does as a tensor."""
    import torch  # an exported file is run without it

    return torch.from_numpy(read_arrays(X))


def read_image(path: str | PathLike[str]) -> Tensor:
    """The image of a file, ``(c, h, w)`` in [0, 1], as `read_arrays` has it."""
    return read_samples([path])[0]


def read_mask(path: str | PathLike[str]) -> NDArray[np.bool_]:
    """Where the image of a file is other than black, ``(h, w)``."""
    (pixels,) = _read_files([Path(path)])
    return (pixels != 0).reshape(*pixels.shape[:2], -1).any(axis=2)


def read_arrays(X: Any) -> NDArray[np.float32]:
    """Return ``X`` as float32: images ``(n, c, h, w)`` in [0, 1], or features ``(n, d)``.

    Parameters
    ----------
    X : array (n, h, w, c) or (n, h, w), tensor (n, c, h, w), features (n, d), a folder, or a list
        A list holds paths of images, or arrays (h, w) or (h, w, c), all of one size. A folder's
        images are read in the order of their paths, each turned as its EXIF orientation says.
        Values are those of `textocl.vision.pixels.in_unit_range`.

    Raises
    ------
    DataError
        Nothing of the above, mixed sizes, unreadable files, values out of range.
    """
    if isinstance(X, (str, PathLike)):
        X = image_paths(X)
    if hasattr(X, "detach"):
        X = X.detach().cpu()
        X = X.float() if X.is_floating_point() else X  # numpy has no bfloat16
    if is_features(X):
        features: NDArray[np.float32] = np.array(check_features(X))
        return features
    if hasattr(X, "detach"):
        return _from_tensor(X)
    if isinstance(X, np.ndarray) and X.dtype != object:
        warn_of_bytes_in_16_bits(X)
        return _from_array(X)
    frame = hasattr(X, "columns")  # of paths: its names would be taken for them
    if frame or isinstance(X, (bytes, bytearray, dict)) or not isinstance(X, Iterable):
        raise DataError(f"expected images or features, got {type(X).__name__}; {_EXPECTED}.")
    return _from_list(list(X))


def check_shape(samples: NDArray[Any] | Tensor, expected: tuple[int, ...]) -> None:
    """Refuse samples that are not of the shape ``(c, h, w)`` or ``(d,)`` that is expected."""
    shape = tuple(samples.shape[1:])
    if shape != expected:
        raise DataError(f"expected {_described(expected)}, as in fit, got {_described(shape)}.")


def _described(shape: tuple[int, ...]) -> str:
    if len(shape) == 1:
        return f"{shape[0]} features"
    return f"images of {shape[1]} x {shape[2]} pixels with {shape[0]} channels"


def image_paths(folder: str | PathLike[str]) -> list[Path]:
    """Paths of all images in a folder and below, sorted.

    Raises
    ------
    DataError
        No such folder, or no image in it.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"{str(root)!r} is no folder; for single images give a list of paths.")
    paths = sorted(p for p in root.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not paths:
        raise DataError(f"{str(root)!r} holds no image ({', '.join(SUFFIXES)}).")
    return paths


def _from_tensor(X: Tensor) -> NDArray[np.float32]:
    if X.ndim != 4:
        raise DataError(f"expected a tensor (n, c, h, w), got shape {tuple(X.shape)}.")
    return _from_array(X.permute(0, 2, 3, 1).numpy())


def _from_array(X: NDArray[Any]) -> NDArray[np.float32]:
    return _channels_first(in_unit_range(_with_channel_axis(X)))


def _with_channel_axis(X: NDArray[Any]) -> NDArray[Any]:
    """Images ``(n, h, w, c)``; c is 1 for ``(n, h, w)``."""
    if X.ndim == 3:
        X = X[..., None]
    if X.ndim != 4 or X.shape[3] not in (1, 3) or 0 in X.shape[1:]:
        raise DataError(
            "expected images (n, h, w) or (n, h, w, c) with 1 or 3 channels, got shape "
            f"{X.shape}; {_EXPECTED}."
        )
    return X


def _channels_first(X: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(X.transpose(0, 3, 1, 2))


def _from_list(items: Sequence[Any]) -> NDArray[np.float32]:
    if not items:
        return np.empty(0, np.float32)
    if all(isinstance(item, (str, PathLike)) for item in items):
        images = _read_files([Path(item) for item in items])
    else:
        images = [_checked_item(item, i) for i, item in enumerate(items)]
    first = images[0].shape
    for i, image in enumerate(images):
        if image.shape == first:
            continue
        name = f" ({items[i]})" if isinstance(items[i], (str, PathLike)) else ""
        shapes = f"image 0 is {first}, image {i}{name} is {image.shape}"
        if image.shape[:2] == first[:2]:
            raise DataError(
                f"images must have as many channels each: {shapes}; convert them first, for "
                "example with PIL's Image.convert('RGB')."
            )
        raise DataError(f"images must have one size: {shapes}; resize them first.")
    if len({image.dtype for image in images}) == 1:
        return _from_array(np.stack(images))
    return np.concatenate([_from_array(image[None]) for image in images])


def _checked_item(item: Any, number: int) -> NDArray[Any]:
    if not isinstance(item, np.ndarray) or item.ndim not in (2, 3):
        raise DataError(
            "expected every item to be a path, or every one an array (h, w) or (h, w, c); "
            f"item {number} is {type(item).__name__}; {_EXPECTED}."
        )
    return item


def _read_files(paths: Sequence[Path]) -> list[NDArray[Any]]:
    try:
        from PIL import Image
    except ImportError:
        raise MissingExtraError("Pillow", "vision", "reading image files") from None
    images, failed = [], []
    for path in paths:
        try:
            with Image.open(path) as image:
                image.load()
                images.append(_pixels(_upright(image)))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            failed.append(f"{path} ({str(error) or type(error).__name__})")
    if failed:
        more = "" if len(failed) <= _NAMED else f" and {len(failed) - _NAMED} more"
        raise DataError(
            f"{len(failed)} of {len(paths)} images cannot be read: "
            f"{'; '.join(failed[:_NAMED])}{more}."
        )
    return images


def _upright(image: Any) -> Any:
    """A loaded image turned as EXIF says, which is how people see it."""
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # EXIF that is damaged in whatever way: viewers show the pixels as stored
        return image


def _pixels(image: Any) -> NDArray[Any]:
    """Pixels ``(h, w)`` or ``(h, w, 3)``; palettes and transparency become RGB."""
    if image.mode in ("1", "L", "RGB"):
        return np.asarray(image)
    if image.mode.startswith("I;16"):
        return np.asarray(image, np.uint16)
    if image.mode == "I":  # 16 bits in 32, as PNG has it
        pixels = np.asarray(image)
        if pixels.min() < 0 or pixels.max() > np.iinfo(np.uint16).max:
            raise ValueError(f"values from {pixels.min()} to {pixels.max()}, not 0 to 65535")
        return pixels.astype(np.uint16)
    if image.mode == "F":
        return np.asarray(image, np.float32)
    return np.asarray(image.convert("L" if image.mode == "LA" else "RGB"))
