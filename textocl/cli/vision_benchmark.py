"""``textocl vision benchmark``: models measured on labelled images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from textocl.cli.application import print_json, watched
from textocl.cli.inputs import warn_of_bad
from textocl.cli.options import Json, Quiet
from textocl.cli.vision import bad_images, vision
from textocl.cli.vision_options import (
    Anomalies,
    Size,
    SkipBad,
    option_of,
    with_settings,
)


@vision.command()
@with_settings
def benchmark(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Folder with normal/, anomalous/ and masks/, or train/good/, test/ and "
            "ground_truth/ as MVTec-AD has them."
        ),
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(help="Repeatable, knn if not given: gaussian, deep-svdd, hsc, fcdd …"),
    ] = None,
    anomalies: Anomalies = None,
    labelled_anomalies: Annotated[
        int,
        typer.Option(help="Anomalies of anomalous/ to learn from, drawn by the seed.", min=0),
    ] = 0,
    seeds: Annotated[int, typer.Option(help="Number of seeds, from 0.", min=1)] = 1,
    size: Size = None,
    *,
    settings: dict[str, Any],
    skip_bad: SkipBad = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Measure models on labelled images: AUC, and of heatmaps pixel AUC and AUPRO.

    Without train/ and test/ a quarter of the normal images, drawn by the seed, is for the test.
    """
    import numpy as np

    from textocl.cli.images import ImageReader, image_files, read_labelled, size_of, with_anomalies
    from textocl.core.factory import make_image_detector
    from textocl.core.validation import check_choice
    from textocl.registry import IMAGE_MODELS
    from textocl.training.progress import counting_bar
    from textocl.vision.benchmark import measure, split_by_seed, table
    from textocl.vision.folders import read_folder
    from textocl.vision.form import ImageForm

    models = list(dict.fromkeys(model or ["knn"]))
    for name in models:
        check_choice("model", name, list(IMAGE_MODELS))
    resize_to, bad = size_of(size), bad_images(skip_bad)
    known = image_files(anomalies or [])
    training_folder = with_anomalies(read_folder(folder), known)
    with counting_bar("reading", watched(quiet), "images") as advance:
        data = read_labelled(training_folder, ImageReader(ImageForm(resize_to), bad, advance))
    test = None
    if not (folder / "normal").is_dir():
        if labelled_anomalies:
            raise typer.BadParameter(
                "--labelled-anomalies draws from anomalous/, which this folder has not."
            )
        form = ImageForm.of(tuple(data.X.shape[1:]))
        test = read_labelled(read_folder(folder, "test"), ImageReader(form, bad))
    warn_of_bad(bad, "image")
    may_test = np.array([path not in known for path in data.paths])
    records = []
    taken = {name: set(make_image_detector(name).get_params()) for name in models}
    for parameter in settings:
        if not any(parameter in names for names in taken.values()):
            raise typer.BadParameter(f"none of the models takes {option_of(parameter)}.")
    for name in models:
        parameters = {parameter: v for parameter, v in settings.items() if parameter in taken[name]}
        if "synthetic" in settings and not make_image_detector(name).learns_from_anomalies:
            parameters.pop("synthetic", None)
        for seed in range(seeds):
            training, tested = data, test
            if tested is None:
                chosen, held_out = split_by_seed(data.labels, may_test, labelled_anomalies, seed)
                training, tested = data.part(chosen), data.part(held_out)
            records.append(
                measure(name, seed, training, tested, verbose=watched(quiet), **parameters)
            )
    if as_json:
        print_json([record.to_dict() for record in records])
    elif not quiet:
        typer.echo(table(records))
