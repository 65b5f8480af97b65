"""Options that the commands for images share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

Images = Annotated[
    list[Path], typer.Argument(help="Image files, and folders of them (with all their subfolders).")
]
Anomalies = Annotated[
    list[Path] | None,
    typer.Option(
        help="Known anomalies, or images of any other kind (Outlier Exposure): a folder or file; "
        "repeatable. hsc and fcdd need some, or --synthetic."
    ),
]
Size = Annotated[
    str | None, typer.Option(help="Resize all images, to HEIGHTxWIDTH or to a square.")
]
Network = Annotated[
    str | None,
    typer.Option(help="mnist, cifar-10, lenet-8-4-fc32 …; a wrong name lists all [default: auto]"),
]
Backbone = Annotated[
    str | None,
    typer.Option(
        help="Learn on features of a pretrained network: efficientnet-lite0 (what knn and its kin "
        "take if you give none), vgg11-bn:FILE, transformer:NAME."
    ),
]
BackboneSize = Annotated[
    int | None, typer.Option(help="Pixels that the shorter side is scaled to for the backbone.")
]
BackboneContrast = Annotated[
    bool,
    typer.Option(
        "--backbone-contrast",
        help="Even out brightness and contrast for the backbone, where light varies.",
    ),
]
Synthetic = Annotated[
    str | None,
    typer.Option(
        help="deep-sad, hsc, fcdd: make anomalies of the images: confetti, patches or mixed."
    ),
]
Preprocessing = Annotated[
    str | None,
    typer.Option(help="contrast, standardize (try it on textures) or none [default: contrast]"),
]
Epochs = Annotated[int | None, typer.Option(help="Passes over the images [default: the model's]")]
PretrainingEpochs = Annotated[
    int | None,
    typer.Option(help="deep-svdd, deep-sad: passes of the autoencoder [default: the model's]"),
]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Pass over images that cannot be read, and count them.")
]


def asked_for(**parameters: Any) -> dict[str, Any]:
    """The parameters of a detector that were asked for; the others keep their defaults."""
    return {name: v for name, v in parameters.items() if v is not None and v is not False}


def option_of(parameter: str) -> str:
    """The option that sets a parameter."""
    return "--" + parameter.removeprefix("n_").replace("_", "-")
