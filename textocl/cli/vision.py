"""``textocl vision``: the commands for images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from textocl.cli.application import (
    EXIT_INTERRUPTED,
    CommandGroup,
    app,
    err_console,
    out_console,
    print_json,
    stop,
    watched,
)
from textocl.cli.export import export
from textocl.cli.info import facts_of, print_facts
from textocl.cli.inputs import refuse_overwriting, warn_of_bad
from textocl.cli.options import FalseAlarmRate, Json, Model, NewRate, Quiet, Seed
from textocl.cli.vision_options import (
    Anomalies,
    Images,
    Size,
    SkipBad,
    option_of,
    with_settings,
)

if TYPE_CHECKING:
    from textocl.core.assessment import Assessment
    from textocl.io.corpora import BadRecords
    from textocl.vision.detector import SampleDetector

_AT_ONCE = 256

vision = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    help="Learn what normal images look like; find the others, and where.",
)
app.add_typer(vision, name="vision")


def bad_images(skip_bad: bool) -> BadRecords | None:
    """Where unreadable images are counted, or None to refuse them."""
    from textocl.io.corpora import BadRecords

    return BadRecords() if skip_bad else None


@vision.command()
@with_settings
def fit(
    images: Images,
    out: Annotated[Path, typer.Option(help="Folder to write the model to.")],
    model: Annotated[
        str,
        typer.Option(
            help="knn, gaussian, ocsvm … on a frozen network's features; deep-svdd, deep-sad, hsc, "
            "fcdd train one; a wrong name lists all."
        ),
    ] = "knn",
    anomalies: Anomalies = None,
    size: Size = None,
    *,
    settings: dict[str, Any],
    false_alarm_rate: FalseAlarmRate = 0.05,
    seed: Seed = 0,
    skip_bad: SkipBad = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Learn what is normal from images, and write the model.

    A folder with normal/, anomalous/ and masks/, or train/good/ as MVTec-AD has it, says itself
    what its images are. Training that is cut off goes on where it was when the command is given
    again; until it ends, its state is in OUT.checkpoint.
    """
    from textocl.cli.images import (
        ImageReader,
        image_files,
        labelled,
        read_labelled,
        size_of,
        with_anomalies,
    )
    from textocl.core.factory import make_image_detector
    from textocl.core.persistence import check_target
    from textocl.training.progress import counting_bar
    from textocl.vision.form import ImageForm

    resize_to = size_of(size)
    check_target(out)  # before minutes of work, not after
    taken = set(make_image_detector(model).get_params())
    for parameter in settings:
        if parameter not in taken:
            raise typer.BadParameter(f"model {model!r} takes no {option_of(parameter)}.")
    checkpoint = out.with_name(f"{out.name}.checkpoint")
    detector: Any = make_image_detector(
        model,
        false_alarm_rate=false_alarm_rate,
        random_state=seed,
        verbose=watched(quiet),
        **settings,
        **({"checkpoint": checkpoint} if "checkpoint" in taken else {}),
    )
    bad = bad_images(skip_bad)
    folder = with_anomalies(labelled(images), image_files(anomalies or []))
    with counting_bar("reading", watched(quiet), "images") as advance:
        data = read_labelled(folder, ImageReader(ImageForm(resize_to), bad, advance))
    warn_of_bad(bad, "image")
    places = [data.masks] if detector.learns_from_masks and data.masks is not None else []
    try:
        detector.fit(data.X, data.labels, *places)
    except KeyboardInterrupt:
        if not checkpoint.is_dir():
            raise
        stop(f"interrupted; the same command goes on from {checkpoint}.", EXIT_INTERRUPTED)
    detector.save(out)
    if as_json:
        print_json({"model": str(out), **facts_of(detector, out)})
    elif not quiet:
        n_known = int((data.labels < 0).sum())
        known = f" and {n_known:,} anomalies" if n_known and detector.learns_from_anomalies else ""
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
    from textocl.io.results import Counts, Part, ResultRows, ResultWriter
    from textocl.training.progress import counting_bar

    rows = ResultRows.for_path(out)
    detector, reader, bad = _opened(model, false_alarm_rate, skip_bad)
    files = image_files(images)
    refuse_overwriting(out, *files)
    with ResultWriter(out) as results, counting_bar("scoring", watched(quiet), "images") as advance:
        reader.advance = advance
        for start in range(0, len(files), _AT_ONCE):
            read = reader.read(files[start : start + _AT_ONCE])
            if read:
                assessment = detector.assess(torch.stack([image for _, image in read]))
                records = _records([path for path, _ in read], assessment)
                counts = Counts(len(records), int((assessment.label == -1).sum()))
                results.write(Part(rows.encoded(records), counts))
                rows = rows.after_record(records[0])
    n_images, n_anomalous, _ = results.counts
    warn_of_bad(bad, "image")
    _note_changes(reader.n_changed, detector, quiet)
    if as_json and out != "-":
        print_json({"images": n_images, "anomalous": n_anomalous, "out": out})
    elif not quiet:
        err_console.print(
            f"{n_images:,} images scored, {n_anomalous:,} anomalous "
            f"(threshold {detector.threshold_:.4f}).",
        )


def _opened(
    model: Path, false_alarm_rate: float | None, skip_bad: bool
) -> tuple[SampleDetector, Any, BadRecords | None]:
    """A model, what reads images in its shape, and where unreadable ones are counted."""
    from textocl.cli.images import ImageReader, load_image_detector
    from textocl.vision.form import ImageForm

    detector = load_image_detector(model, false_alarm_rate)
    bad = bad_images(skip_bad)
    return detector, ImageReader(ImageForm.of(detector.sample_shape_), bad), bad


def _note_changes(n_changed: int, detector: SampleDetector, quiet: bool) -> None:
    if n_changed and not quiet:
        n_channels, h, w = detector.sample_shape_
        kind = "in grey" if n_channels == 1 else "in colour"
        err_console.print(
            f"{n_changed:,} image{'s'[: n_changed != 1]} brought to the model's form, "
            f"{h} x {w} pixels {kind}.",
        )


def _records(paths: list[Path], assessment: Assessment) -> list[dict[str, Any]]:
    columns = {name: getattr(assessment, name).tolist() for name in ("score", "p_value", "label")}
    rows = zip(*columns.values(), strict=True)
    return [
        {"path": str(path), **dict(zip(columns, values, strict=True))}
        for path, values in zip(paths, rows, strict=True)
    ]


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

    from textocl.cli.images import ImageReader, image_files, overlay_paths
    from textocl.training.progress import counting_bar
    from textocl.vision.form import resized
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
                sample = reader.bring(image)[None]
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
    from rich.text import Text

    from textocl.cli.views import ANOMALOUS, NORMAL, visible

    table = Table(box=None, header_style="bold")
    table.add_column("image", overflow="fold")
    for name in ("score", "p", "judged"):
        table.add_column(name, justify="right")
    table.add_column("overlay", overflow="fold")
    for record in records:
        judged = Text("anomalous", ANOMALOUS) if record["label"] == -1 else Text("normal", NORMAL)
        table.add_row(
            escape(visible(record["path"])),
            f"{record['score']:.4f}",
            f"{record['p_value']:.2g}",
            judged,
            escape(visible(record["overlay"])),
        )
    return table


@vision.command()
def report(
    model: Model,
    images: Images,
    out: Annotated[Path, typer.Option(help="The .html file to write.")],
    title: Annotated[str | None, typer.Option(help="Title of the page.")] = None,
    max_images: Annotated[
        int, typer.Option(help="Images to show with heatmaps; all count in figures.", min=1)
    ] = 200,
    pixels: Annotated[
        int, typer.Option(help="Longer side of each picture, in pixels.", min=1)
    ] = 192,
    false_alarm_rate: NewRate = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Write a page with the scores, a threshold to drag, and heatmaps over the images.

    A labelled folder (normal/ and anomalous/) adds ROC and the confusion matrix.
    """
    from textocl.cli.images import labelled, load_image_detector
    from textocl.report import ImageReportLimits, write_image_report
    from textocl.report.writer import check_report_target
    from textocl.training.progress import counting_bar

    check_report_target(out)  # before minutes of work, not after
    detector = load_image_detector(model, false_alarm_rate)
    folder = labelled(images)
    has_both = len(set((folder.labels < 0).tolist())) == 2
    with counting_bar("scoring", watched(quiet), "images") as advance:
        written = write_image_report(
            detector,
            folder.paths,
            out,
            is_anomaly=folder.labels < 0 if has_both else None,
            title=title,
            limits=ImageReportLimits(max_images, pixels),
            advance=advance,
        )
    if as_json:
        print_json(
            {"n_images": written.n_documents, "n_listed": written.n_listed,
             "n_bytes": written.n_bytes, "out": str(out)}
        )  # fmt: skip
    elif not quiet:
        err_console.print(
            f"{written.n_documents:,} images, {written.n_listed:,} with heatmaps: {out} "
            f"({written.n_bytes / 1e6:.1f} MB).",
        )


@vision.command()
def info(model: Model, as_json: Json = False) -> None:
    """Show what a model is: its parameters, size of images, threshold."""
    from textocl.cli.images import load_image_detector

    detector = load_image_detector(model)
    print_facts(
        {**facts_of(detector, model), "sample_shape": list(detector.sample_shape_)}, as_json
    )


# texts or images: the model knows
vision.command("export")(export)
