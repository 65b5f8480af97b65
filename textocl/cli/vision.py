"""``textocl vision``: the commands for images."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from textocl.cli.application import app, err_console, out_console, print_json, watched
from textocl.cli.exporting import export
from textocl.cli.inputs import warn_of_bad
from textocl.cli.options import FalseAlarmRate, Json, Model, NewRate, Quiet, Seed
from textocl.cli.showing import facts_of, print_facts

if TYPE_CHECKING:
    from textocl.corpora import BadRecords
    from textocl.detector import Assessment
    from textocl.vision.deep import DeepDetector

_AT_ONCE = 256

vision = typer.Typer(
    no_args_is_help=True, help="Learn what normal images look like; find the others, and where."
)
app.add_typer(vision, name="vision")

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
        help="Learn on features of a pretrained network: efficientnet-lite0, vgg11-bn:FILE, "
        "transformer:NAME."
    ),
]
BackboneSize = Annotated[
    int | None, typer.Option(help="Pixels that the shorter side is scaled to for the backbone.")
]
Synthetic = Annotated[
    str | None,
    typer.Option(help="deep-sad, hsc, fcdd: make anomalies of the images: confetti, patches."),
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


def _bad(skip_bad: bool) -> BadRecords | None:
    from textocl.corpora import BadRecords

    return BadRecords() if skip_bad else None


def _given(**parameters: Any) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value is not None}


@vision.command()
def fit(
    images: Images,
    out: Annotated[Path, typer.Option(help="Folder to write the model to.")],
    model: Annotated[str, typer.Option(help="deep-svdd, deep-sad, hsc or fcdd.")] = "deep-svdd",
    anomalies: Anomalies = None,
    size: Size = None,
    network: Network = None,
    backbone: Backbone = None,
    backbone_size: BackboneSize = None,
    synthetic: Synthetic = None,
    preprocessing: Preprocessing = None,
    epochs: Epochs = None,
    pretraining_epochs: PretrainingEpochs = None,
    false_alarm_rate: FalseAlarmRate = 0.05,
    seed: Seed = 0,
    skip_bad: SkipBad = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Learn what is normal from images, and write the model.

    A folder with normal/, anomalous/ and masks/, or train/good/ as MVTec-AD has it, says itself
    what its images are.
    """
    from textocl.cli.images import (
        ImageReader,
        image_files,
        labelled,
        read_labelled,
        size_of,
        with_anomalies,
    )
    from textocl.persistence import check_target
    from textocl.progress import counting_bar
    from textocl.vision.models import make_detector

    resize_to = size_of(size)
    check_target(out)  # before minutes of work, not after
    given = _given(
        network=network,
        backbone=backbone,
        backbone_size=backbone_size,
        synthetic=synthetic,
        preprocessing=preprocessing,
        n_epochs=epochs,
        n_pretraining_epochs=pretraining_epochs,
    )
    detector: Any = make_detector(
        model,
        false_alarm_rate=false_alarm_rate,
        random_state=seed,
        verbose=watched(quiet),
        **given,
    )
    bad = _bad(skip_bad)
    folder = with_anomalies(labelled(images), image_files(anomalies or []))
    with counting_bar("reading", watched(quiet), "images") as advance:
        data = read_labelled(folder, ImageReader(resize_to, bad=bad, advance=advance))
    warn_of_bad(bad, "image")
    places = [data.masks] if model == "fcdd" and data.masks is not None else []
    detector.fit(data.X, data.labels, *places)
    detector.save(out)
    if as_json:
        print_json({"model": str(out), **facts_of(detector)})
    elif not quiet:
        n_known = int((data.labels < 0).sum())
        known = f" and {n_known:,} anomalies" if n_known else ""
        if n_known and not detector._LEARNS_FROM_ANOMALIES:
            known = f" ({n_known:,} anomalies were left out; deep-sad learns from them)"
        out_console.print(
            f"Learned from {len(data.X) - n_known:,} images{known}; threshold "
            f"{detector.threshold_:.4f} at a false-alarm rate of {false_alarm_rate:g}.\n"
            f"Model written to {escape(str(out))}.",
            highlight=False,
            soft_wrap=True,
        )


@vision.command()
def score(
    model: Model,
    images: Images,
    out: Annotated[str, typer.Option(help="Where to: a .jsonl or .csv file, or - .")],
    false_alarm_rate: NewRate = None,
    skip_bad: SkipBad = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Score images of any number: path, score, p_value and label of each."""
    import torch

    from textocl.cli.images import image_files
    from textocl.progress import counting_bar
    from textocl.results import Counts, Part, ResultRows, ResultWriter

    rows = ResultRows.for_path(out)
    detector, reader, bad = _opened(model, false_alarm_rate, skip_bad)
    files = image_files(images)
    with ResultWriter(out) as results, counting_bar("scoring", watched(quiet), "images") as advance:
        reader.advance = advance
        for start in range(0, len(files), _AT_ONCE):
            read = reader.read(files[start : start + _AT_ONCE])
            if read:
                found = detector.assess(torch.stack([image for _, image in read]))
                records = _records([path for path, _ in read], found)
                is_first = results.counts.n_documents == 0
                lines = _table(records, is_first) if rows.table else _lines(records, rows.ascii)
                counts = Counts(len(records), int((found.label == -1).sum()))
                results.write(Part(lines, counts))
    n_images, n_anomalous, _ = results.counts
    warn_of_bad(bad, "image")
    _note_changes(reader.n_changed, detector, quiet)
    if as_json and out != "-":
        print_json({"images": n_images, "anomalous": n_anomalous, "out": out})
    elif not quiet:
        err_console.print(
            f"{n_images:,} images scored, {n_anomalous:,} anomalous "
            f"(threshold {detector.threshold_:.4f}).",
            highlight=False,
        )


def _opened(
    model: Path, false_alarm_rate: float | None, skip_bad: bool
) -> tuple[DeepDetector, Any, BadRecords | None]:
    """A model, what reads images in its shape, and where unreadable ones are counted."""
    from textocl.cli.images import ImageReader, load_image_detector

    detector = load_image_detector(model)
    if false_alarm_rate is not None:
        detector.recalibrate(false_alarm_rate=false_alarm_rate)
    n_channels, *size = detector._model.sample_shape
    bad = _bad(skip_bad)
    return detector, ImageReader((size[0], size[1]), n_channels, bad), bad


def _note_changes(n_changed: int, detector: DeepDetector, quiet: bool) -> None:
    if n_changed and not quiet:
        n_channels, h, w = detector._model.sample_shape
        kind = "in grey" if n_channels == 1 else "in colour"
        err_console.print(
            f"{n_changed:,} image{'s'[: n_changed != 1]} brought to the model's form, "
            f"{h} x {w} pixels {kind}.",
            highlight=False,
            soft_wrap=True,
        )


def _records(paths: list[Path], found: Assessment) -> list[dict[str, Any]]:
    results = zip(
        paths, found.score.tolist(), found.p_value.tolist(), found.label.tolist(), strict=True
    )
    return [
        {"path": str(path), "score": score, "p_value": p_value, "label": label}
        for path, score, p_value, label in results
    ]


def _lines(records: Iterable[dict[str, Any]], escaped: bool) -> bytes:
    text = "".join(json.dumps(record, ensure_ascii=escaped) + "\n" for record in records)
    return text.encode("utf-8", "backslashreplace")


def _table(records: list[dict[str, Any]], is_first: bool) -> bytes:
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, list(records[0]))
    if is_first:
        table.writeheader()
    table.writerows(records)
    return text.getvalue().encode("utf-8", "backslashreplace")


@vision.command()
def explain(
    model: Model,
    images: Images,
    out: Annotated[Path, typer.Option(help="Folder to write a .png for each image to.")],
    false_alarm_rate: NewRate = None,
    skip_bad: SkipBad = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Show where images are anomalous: heatmaps laid over them, all on one scale."""
    import torch

    from textocl.cli.images import ImageReader, image_files, overlay_paths, resized
    from textocl.progress import counting_bar
    from textocl.vision.overlays import save_overlays

    detector, reader, bad = _opened(model, false_alarm_rate, skip_bad)
    files = image_files(images)
    targets = overlay_paths(files, out)
    low, high = detector.heatmap_range_
    records = []
    with counting_bar("explaining", watched(quiet), "images") as advance:
        originals = ImageReader(bad=bad, advance=advance)
        for path, target in zip(files, targets, strict=True):
            for _, image in originals.read([path]):  # one, or none that is unreadable
                sample = reader.shaped(image)[None]
                heatmap = torch.from_numpy(detector.explain(sample))
                whole = resized(heatmap, (image.shape[1], image.shape[2]))
                pixels = image.expand(3, -1, -1).permute(1, 2, 0)
                save_overlays([target], [pixels.numpy()], whole.numpy(), low, high)
                (record,) = _records([path], detector.assess(sample))
                records.append({**record, "overlay": str(target)})
    warn_of_bad(bad, "image")
    _note_changes(reader.n_changed, detector, quiet)
    if as_json:
        print_json(records)
    elif not quiet:
        out_console.print(_overlays_table(records))


def _overlays_table(records: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    from textocl.rendering import visible

    table = Table(box=None, header_style="bold")
    table.add_column("image", overflow="fold")
    for name in ("score", "p", "judged"):
        table.add_column(name, justify="right")
    table.add_column("overlay", overflow="fold")
    for record in records:
        judged = "[red]anomalous[/]" if record["label"] == -1 else "[green]normal[/]"
        table.add_row(
            escape(visible(record["path"])),
            f"{record['score']:.4f}",
            f"{record['p_value']:.2g}",
            judged,
            escape(visible(record["overlay"])),
        )
    return table


@vision.command()
def info(model: Model, as_json: Json = False) -> None:
    """Show what a model is: its parameters, size of images, threshold."""
    from textocl.cli.images import load_image_detector

    detector = load_image_detector(model)
    print_facts({**facts_of(detector), "sample_shape": list(detector._model.sample_shape)}, as_json)


# texts or images: the model knows
vision.command("export")(export)


@vision.command()
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
        typer.Option(help="Repeatable, deep-svdd if not given: deep-sad, hsc, fcdd."),
    ] = None,
    anomalies: Anomalies = None,
    labelled_anomalies: Annotated[
        int,
        typer.Option(help="Anomalies of anomalous/ to learn from, drawn by the seed.", min=0),
    ] = 0,
    seeds: Annotated[int, typer.Option(help="Number of seeds, from 0.", min=1)] = 1,
    size: Size = None,
    network: Network = None,
    backbone: Backbone = None,
    backbone_size: BackboneSize = None,
    synthetic: Synthetic = None,
    preprocessing: Preprocessing = None,
    epochs: Epochs = None,
    pretraining_epochs: PretrainingEpochs = None,
    skip_bad: SkipBad = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Measure models on labelled images: AUC, and of heatmaps pixel AUC and AUPRO.

    Without train/ and test/ a quarter of the normal images, drawn by the seed, is for the test.
    """
    import numpy as np

    from textocl.cli.images import ImageReader, image_files, read_labelled, size_of, with_anomalies
    from textocl.progress import counting_bar
    from textocl.validation import check_choice
    from textocl.vision.benchmarking import measure, split_by_seed, table
    from textocl.vision.folders import read_folder
    from textocl.vision.models import MODELS

    models = list(dict.fromkeys(model or ["deep-svdd"]))
    for name in models:
        check_choice("model", name, list(MODELS))
    resize_to, bad = size_of(size), _bad(skip_bad)
    known = image_files(anomalies or [])
    training_folder = with_anomalies(read_folder(folder), known)
    with counting_bar("reading", watched(quiet), "images") as advance:
        data = read_labelled(training_folder, ImageReader(resize_to, bad=bad, advance=advance))
    test = None
    if not (folder / "normal").is_dir():
        if labelled_anomalies:
            raise typer.BadParameter(
                "--labelled-anomalies draws from anomalous/, which this folder has not."
            )
        n_channels, h, w = data.X.shape[1:]
        test = read_labelled(read_folder(folder, "test"), ImageReader((h, w), n_channels, bad))
    warn_of_bad(bad, "image")
    may_test = np.array([path not in known for path in data.paths])
    records = []
    for name in models:
        given = _given(
            network=network,
            backbone=backbone,
            backbone_size=backbone_size,
            preprocessing=preprocessing,
            n_epochs=epochs,
            verbose=watched(quiet),
        )
        if name in ("deep-svdd", "deep-sad"):
            given |= _given(n_pretraining_epochs=pretraining_epochs)
        if name != "deep-svdd":
            given |= _given(synthetic=synthetic)
        for seed in range(seeds):
            training, tested = data, test
            if tested is None:
                chosen, held_out = split_by_seed(data.labels, may_test, labelled_anomalies, seed)
                training, tested = data.part(chosen), data.part(held_out)
            records.append(measure(name, seed, training, tested, **given))
    if as_json:
        print_json([record.to_dict() for record in records])
    elif not quiet:
        typer.echo(table(records))
