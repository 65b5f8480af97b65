"""What a user passes in, as one array: images ``(n, c, h, w)`` or features ``(n, d)``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError, MissingExtraError
from textocl.core.validation import check_features, is_features

if TYPE_CHECKING:
    from torch import Tensor

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
_LARGEST = 3.0e38  # larger floats are infinite in float32
_NAMED = 3  # unreadable files named in a message


def read_samples(X: Any) -> Tensor:
    """Return what `read_arrays` does as a tensor."""
    import torch  # an exported file is run without it

    return torch.from_numpy(read_arrays(X))


def read_arrays(X: Any) -> NDArray[np.float32]:
    """Return ``X`` as float32 ``(n, c, h, w)`` or ``(n, d)``, integers scaled to [0, 1].

    Parameters
    ----------
    X : array (n, h, w, c) or (n, h, w), tensor (n, c, h, w), features (n, d), a folder, or a list
        A list holds paths of images, or arrays (h, w) or (h, w, c), all of one size. A folder's
        images are read in the order of their paths.

    Raises
    ------
    DataError
        Nothing of the above, mixed sizes, unreadable files, NaN or infinity.
    """
    if isinstance(X, (str, PathLike)):
        X = image_paths(X)
    if hasattr(X, "detach"):
        return _from_tensor(X.detach().cpu())
    if isinstance(X, np.ndarray) and X.dtype != object:
        return np.array(check_features(X)) if is_features(X) else _from_array(X)
    if isinstance(X, (bytes, bytearray, dict)) or not isinstance(X, Iterable):
        raise DataError(f"expected images or features, got {type(X).__name__}; {_EXPECTED}.")
    return _from_list(list(X))


_EXPECTED = (
    "give an array (n, h, w) or (n, h, w, c), a tensor (n, c, h, w), features (n, d), "
    "a list of paths, or a folder"
)


def check_masks(masks: Any, labels: NDArray[np.int64], samples: Tensor) -> Tensor:
    """Masks as float32 ``(n, h, w)`` of 0 and 1; 1 everywhere for an anomaly with an empty one.

    Raises
    ------
    DataError
        They do not match the images, or mark a normal image.
    """
    import torch

    given = np.asarray(masks)
    expected = (len(samples), *samples.shape[2:])
    if samples.ndim != 4 or given.shape != expected or given.dtype.kind not in "biuf":
        raise DataError(
            f"expected masks {expected}, one for each image and of its size, got an array of "
            f"{given.dtype} with shape {given.shape}."
        )
    places = (given != 0).astype(np.float32)
    marked = places.any(axis=(1, 2))
    wrong = np.flatnonzero(marked & (labels >= 0))
    if len(wrong):
        raise DataError(
            f"{len(wrong)} masks mark a place in an image that is not labelled anomalous (-1), "
            f"the first is mask {wrong[0]}."
        )
    places[~marked & (labels < 0)] = 1
    return torch.from_numpy(places)


def check_shape(samples: NDArray[Any] | Tensor, expected: tuple[int, ...]) -> None:
    """Refuse samples that are not of the shape ``(c, h, w)`` or ``(d,)`` that is expected."""
    found = tuple(samples.shape[1:])
    if found != expected:
        raise DataError(f"expected {_described(expected)}, as in fit, got {_described(found)}.")


def _described(shape: tuple[int, ...]) -> str:
    if len(shape) == 1:
        return f"{shape[0]} features"
    return f"images of {shape[1]} x {shape[2]} pixels with {shape[0]} channels"


def resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Image ``(c, h, w)`` at another size, without aliasing."""
    from torch.nn import functional

    if tuple(image.shape[1:]) == size:
        return image
    return functional.interpolate(image[None], size, mode="bilinear", antialias=True)[0]


def with_channels(image: Tensor, n_channels: int) -> Tensor:
    """Grey as RGB, or the luminance of RGB."""
    if len(image) == n_channels:
        return image
    if n_channels == 3:
        return image.expand(3, -1, -1)
    weights = image.new_tensor([0.299, 0.587, 0.114])
    return (image * weights[:, None, None]).sum(dim=0, keepdim=True)


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
    if X.ndim == 2:
        return np.array(check_features(X.numpy()))
    if X.ndim != 4:
        raise DataError(f"expected a tensor (n, c, h, w), got shape {tuple(X.shape)}.")
    return _from_array(X.permute(0, 2, 3, 1).numpy())


def _from_array(X: NDArray[Any]) -> NDArray[np.float32]:
    if X.ndim == 3:
        X = X[..., None]
    if X.ndim != 4 or X.shape[3] not in (1, 3) or 0 in X.shape[1:]:
        raise DataError(
            "expected images (n, h, w) or (n, h, w, c) with 1 or 3 channels, got shape "
            f"{X.shape}; {_EXPECTED}."
        )
    return np.ascontiguousarray(_as_float(X).transpose(0, 3, 1, 2))


def _as_float(X: NDArray[Any]) -> NDArray[np.float32]:
    kind = X.dtype.kind
    if kind == "b":
        return X.astype(np.float32)
    if kind in "iu":
        return X.astype(np.float32) / np.float32(np.iinfo(X.dtype).max)
    if kind != "f":
        raise DataError(f"expected images of numbers, got dtype {X.dtype}.")
    # NaN fails the comparison too
    bad = ~(np.abs(X) <= _LARGEST).all(axis=tuple(range(1, X.ndim)))
    if bad.any():
        raise DataError(f"image {int(np.argmax(bad))} holds NaN or infinity.")
    return X.astype(np.float32)


def _from_list(items: Sequence[Any]) -> NDArray[np.float32]:
    if not items:
        return np.empty(0, np.float32)
    if all(isinstance(item, (str, PathLike)) for item in items):
        images = _read_files([Path(item) for item in items])
    else:
        images = []
        for i, item in enumerate(items):
            if not isinstance(item, np.ndarray) or item.ndim not in (2, 3):
                raise DataError(
                    "expected every item to be a path, or every one an array (h, w) or (h, w, c); "
                    f"item {i} is {type(item).__name__}; {_EXPECTED}."
                )
            images.append(item)
    first = images[0].shape
    for i, image in enumerate(images):
        if image.shape != first:
            raise DataError(
                f"images must have one size: image 0 is {first}, image {i} ({items[i]!s:.80}) is "
                f"{image.shape}; resize them first."
            )
    return _from_array(np.stack([_as_float(image[None])[0] for image in images]))


def _read_files(paths: Sequence[Path]) -> list[NDArray[Any]]:
    try:
        from PIL import Image
    except ImportError:
        raise MissingExtraError("Pillow", "vision", "reading image files") from None
    images, failed = [], []
    for path in paths:
        try:
            with Image.open(path) as image:
                images.append(_pixels(image))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            failed.append(f"{path} ({str(error) or type(error).__name__})")
    if failed:
        more = "" if len(failed) <= _NAMED else f" and {len(failed) - _NAMED} more"
        raise DataError(
            f"{len(failed)} of {len(paths)} images cannot be read: "
            f"{'; '.join(failed[:_NAMED])}{more}."
        )
    return images


def _pixels(image: Any) -> NDArray[Any]:
    """Pixels ``(h, w)`` or ``(h, w, 3)``; palettes and transparency become RGB."""
    if image.mode in ("1", "L", "RGB"):
        return np.asarray(image)
    if image.mode.startswith("I;16"):
        return np.asarray(image, np.uint16)
    if image.mode == "I":  # 16 bits in 32, as PNG has it
        return np.clip(np.asarray(image), 0, 65535).astype(np.uint16)
    if image.mode == "F":
        return np.asarray(image, np.float32)
    return np.asarray(image.convert("L" if image.mode == "LA" else "RGB"))
