"""An epoch of Deep SVDD on MNIST against a loader that prepares each image anew in Python.

The loaders are those of the methods' first implementations: an image at a time from an array, or
decoded from a PNG file, becomes a tensor, gets global contrast normalisation and is scaled, in every
epoch. Network, optimiser, batches, device and threads are the same; all take turns in one process.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from protocol import DATA, environment, write_result
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from textocl.training.devices import choose_device
from textocl.vision import DeepSVDD
from textocl.vision.networks import Encoder, initialise, layers_of
from textocl.vision.preprocessing import global_contrast

_BATCH = 200


class Images(Dataset[Tensor]):
    """Images ``(1, h, w)`` of grey pixels, each prepared when it is asked for."""

    def __init__(self, pixels: np.ndarray, *, as_png: bool) -> None:
        self.files = [png_of(image) for image in pixels] if as_png else None
        self.pixels = pixels
        self.low, self.high = -2.0, 10.0  # any; it is the time that counts

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> Tensor:
        if self.files is None:
            image = Image.fromarray(self.pixels[index])
        else:
            image = Image.open(io.BytesIO(self.files[index]))
        tensor = torch.from_numpy(np.array(image)).unsqueeze(0).float() / 255
        return (global_contrast(tensor.unsqueeze(0))[0] - self.low) / (self.high - self.low)


def png_of(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def by_loader(images: Images, network: str, n_epochs: int, device: torch.device) -> None:
    encoder = Encoder(layers_of(network, (1, 28, 28)), (1, 28, 28))
    encoder = encoder.to(device, memory_format=torch.contiguous_format)
    initialise(encoder, torch.Generator().manual_seed(0))
    optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3, weight_decay=1e-6)
    loader = DataLoader(images, batch_size=_BATCH, shuffle=True)
    center = torch.full((layers_of(network, (1, 28, 28)).n_outputs,), 0.1, device=device)
    for _ in range(n_epochs):
        for batch in loader:
            loss = (encoder(batch.to(device)) - center).square().sum(dim=1).mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
            optimizer.step()
            loss.item()


def by_textocl(pixels: np.ndarray, network: str, n_epochs: int, device: torch.device) -> None:
    DeepSVDD(
        network=network, n_epochs=n_epochs, n_pretraining_epochs=0, batch_size=_BATCH,
        calibration="training", device=str(device),
    ).fit(pixels)  # fmt: skip


def load_alone(images: Images, n_epochs: int) -> None:
    for _ in range(n_epochs):
        for _batch in DataLoader(images, batch_size=_BATCH, shuffle=True):
            pass


def timed(work: Callable[[int], None], n_epochs: int, clock: Callable[[], float]) -> float:
    started = clock()
    work(n_epochs)
    return clock() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--digit", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--networks", nargs="*", default=["mnist", "mnist-wide"])
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    device = choose_device(arguments.device)
    data = np.load(DATA.parent / "vision" / "mnist.npz")
    pixels = data["x_train"][data["y_train"] == arguments.digit]
    arrays, files = Images(pixels, as_png=False), Images(pixels, as_png=True)
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    lines = []
    for network in arguments.networks:
        works: list[Callable[[int], None]] = [
            lambda n, network=network: by_textocl(pixels, network, n, device),
            lambda n, network=network: by_loader(arrays, network, n, device),
            lambda n, network=network: by_loader(files, network, n, device),
            lambda n: load_alone(arrays, n),
            lambda n: load_alone(files, n),
        ]
        by_textocl(pixels[:1000], network, 1, device)  # imports and first calls
        seconds = np.empty((arguments.rounds, len(works), 2))  # an epoch; all of one epoch's fit
        for done in range(arguments.rounds):
            for i, work in enumerate(works):
                of_one, of_all = (timed(work, 1, clock), timed(work, 1 + arguments.epochs, clock))
                seconds[done, i] = (of_all - of_one) / arguments.epochs, of_one
            print(network, seconds[done].round(3).tolist(), flush=True)
        epochs = seconds[:, :, 0]
        rest = np.median(seconds[:, 0, 1] - epochs[:, 0])
        ratios = np.median(epochs[:, 1:3] / epochs[:, :1], axis=0)
        cells = " | ".join(f"{value:.2f}" for value in np.median(epochs, axis=0))
        lines.append(f"| {network} | {cells} | {ratios[0]:.1f} | {ratios[1]:.1f} | {rest:.1f} |")
    write_result(
        "vision_speed" + ("" if device.type == "cpu" else f"_{device.type}"),
        "\n".join([
            f"# Deep SVDD on MNIST's digit {arguments.digit}: seconds an epoch",
            "",
            f"{environment().rstrip('.')}; device {device.type}; {len(pixels)} images, batches of "
            f"{_BATCH}; what {arguments.epochs} more epochs take, processor time on a CPU, median of "
            f"{arguments.rounds} rounds. The loaders read an image at a time, from an array or a PNG "
            "file; “alone” is the loader without a network, “once” what textocl's fit does beside "
            "its epochs: preprocessing, the centre, threshold and range of heatmaps.",
            "",
            "| network | textocl | loader, arrays | loader, PNG | arrays alone | PNG alone | "
            "ratio, arrays | ratio, PNG | once |",
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
            *lines,
            "",
        ]),
    )  # fmt: skip


if __name__ == "__main__":
    main()
