"""Folders of images whose subfolders say what is normal."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError
from textocl.vision.images import image_paths, read_image, read_mask


@dataclass(frozen=True)
class ImageFolder:
    """Images of a folder, in the order of ``paths``.

    Attributes
    ----------
    paths : list of n paths
    labels : (n,) int64, 0 unlabelled or -1 anomaly
    masks : list of n paths, or None where an image has no mask
    """

    paths: list[Path]
    labels: NDArray[np.int64]
    masks: list[Path | None]

    def read_masks(self) -> NDArray[np.bool_]:
        """Masks ``(n, h, w)``; empty where there is none.

        Raises
        ------
        DataError
            A mask cannot be read, or has another size than the first image.
        """
        size = tuple(read_image(self.paths[0]).shape[1:])
        masks = np.zeros((len(self.paths), *size), np.bool_)
        known = [(i, path) for i, path in enumerate(self.masks) if path is not None]
        for i, path in known:
            mask = read_mask(path)
            if mask.shape != size:
                raise DataError(
                    f"{path} is {mask.shape}, but images are {size}; masks must match them."
                )
            masks[i] = mask
        return masks


def is_labelled_folder(folder: str | PathLike[str]) -> bool:
    """Tell whether `read_folder` knows its layout."""
    return any((Path(folder) / name).is_dir() for name in ("normal", "train/good"))


def read_folder(folder: str | PathLike[str], split: str = "train") -> ImageFolder:
    """Find images and what they are by one of two layouts.

    ``normal/``, ``anomalous/`` and ``masks/``, where a mask has the name of its image; or that of
    MVTec-AD: ``train/good/``, ``test/good/``, ``test/<defect>/`` and ``ground_truth/<defect>/``
    with the names of the images followed by ``_mask``.

    Parameters
    ----------
    folder : str or path
    split : "train" or "test", default "train"
        Which part of MVTec-AD's layout; the other layout has one part.

    Raises
    ------
    DataError
        Neither layout, no normal image, or a mask without an image.
    """
    root = Path(folder)
    if (root / "normal").is_dir():
        normal, anomalous = image_paths(root / "normal"), _images(root / "anomalous")
        masks = {path.stem: path for path in _images(root / "masks")}
        return _labelled(normal, anomalous, [masks.pop(p.stem, None) for p in anomalous], masks)
    if split not in ("train", "test"):
        raise DataError(f"split must be 'train' or 'test', got {split!r}.")
    part = root / split
    if (part / "good").is_dir():
        normal = image_paths(part / "good")
        anomalous = [path for path in image_paths(part) if path.parent.name != "good"]
        truth = root / "ground_truth"
        names = {str(path.relative_to(truth).with_suffix("")): path for path in _images(truth)}
        masks_of_anomalies = [
            names.pop(f"{path.relative_to(part).with_suffix('')}_mask", None) for path in anomalous
        ]
        return _labelled(normal, anomalous, masks_of_anomalies, names if split == "test" else {})
    raise DataError(
        f"{str(root)!r} has neither a folder 'normal' nor '{split}/good'; for images without "
        "labels give the folder itself to fit."
    )


def _images(folder: Path) -> list[Path]:
    return image_paths(folder) if folder.is_dir() else []


def _labelled(
    normal: list[Path],
    anomalous: list[Path],
    masks: list[Path | None],
    left_over: dict[str, Path],
) -> ImageFolder:
    if left_over:
        raise DataError(
            f"{len(left_over)} masks have no image, the first is {next(iter(left_over.values()))}."
        )
    labels = np.repeat([0, -1], [len(normal), len(anomalous)]).astype(np.int64)
    return ImageFolder([*normal, *anomalous], labels, [*[None] * len(normal), *masks])
