"""The form of images that a detector takes, and the one way to bring others to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class ImageForm:
    """Size and channels of images.

    Attributes
    ----------
    size : (h, w), or None for that of each image
    n_channels : 1 or 3, or None for those of each image
    """

    size: tuple[int, int] | None = None
    n_channels: int | None = None

    @classmethod
    def of(cls, sample_shape: tuple[int, ...]) -> ImageForm:
        """The form of images ``(c, h, w)``, as a detector's ``sample_shape_`` has them."""
        n_channels, h, w = sample_shape
        return cls((h, w), n_channels)

    def changes(self, image: Tensor) -> bool:
        """Whether an image ``(c, h, w)`` has another size, or colours that the form lacks."""
        size, n_channels = image.shape[1:], len(image)
        return tuple(size) != (self.size or tuple(size)) or n_channels > (
            self.n_channels or n_channels
        )

    def bring(self, image: Tensor) -> Tensor:
        """An image ``(c, h, w)`` in this form; grey becomes RGB with equal channels."""
        image = image if self.size is None else resized(image, self.size)
        return image if self.n_channels is None else with_channels(image, self.n_channels)


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
