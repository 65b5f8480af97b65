"""Options that the commands for images share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from inspect import Parameter, Signature, signature
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
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Pass over images that cannot be read, and count them.")
]
#: parameters of a detector that options set: their type, and the help
SETTINGS: dict[str, tuple[type, str]] = {
    "network": (
        str, "mnist, cifar-10, lenet-8-4-fc32 …; a wrong name lists all [default: auto]"
    ),
    "backbone": (
        str,
        "Learn on features of a pretrained network: efficientnet-lite0 (what knn and its kin take "
        "if you give none), vgg11-bn:FILE, transformer:NAME.",
    ),
    "backbone_size": (int, "Pixels that the shorter side is scaled to for the backbone."),
    "backbone_contrast": (
        bool, "Even out brightness and contrast for the backbone, where light varies."
    ),
    "synthetic": (
        str, "deep-sad, hsc, fcdd: make anomalies of the images: confetti, patches or mixed."
    ),
    "preprocessing": (
        str, "contrast, standardize (try it on textures) or none [default: contrast]"
    ),
    "n_epochs": (int, "Passes over the images [default: the model's]"),
    "n_pretraining_epochs": (
        int, "deep-svdd, deep-sad: passes of the autoencoder [default: the model's]"
    ),
}  # fmt: skip


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each of `SETTINGS`, in the place of its argument ``settings``.

    It gets there those that were asked for, by the names of a detector's parameters.
    """

    @wraps(command)
    def with_options(**arguments: Any) -> None:
        options = {name: arguments.pop(name) for name in SETTINGS}
        settings = {name: v for name, v in options.items() if v is not None and v is not False}
        command(**arguments, settings=settings)

    parameters: list[Parameter] = []
    for parameter in signature(command, eval_str=True).parameters.values():
        parameters += _options() if parameter.name == "settings" else [parameter]
    with_options.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    return with_options


def _options() -> Iterator[Parameter]:
    for name, (kind, text) in SETTINGS.items():
        told, _, default = text.partition(" [default: ")
        shown = default.removesuffix("]") or False
        option = Annotated[
            kind | None,  # type: ignore[valid-type]
            typer.Option(option_of(name), help=told, show_default=shown),
        ]
        yield Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=option)


def option_of(parameter: str) -> str:
    """The option that sets a parameter."""
    return "--" + parameter.removeprefix("n_").replace("_", "-")
