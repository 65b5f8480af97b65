"""A page about images: what it holds, what it refuses, and how it behaves in a browser."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import run
from pages import Page
from PIL import Image
from selenium.webdriver.common.keys import Keys

from textocl import CVDD
from textocl.core.exceptions import DataError
from textocl.core.metrics import evaluate
from textocl.report import ImageReportLimits, write_image_report
from textocl.report.images import image_contents
from textocl.vision import DeepSVDD
from textocl.vision.overlays import _COLOURS, overlay

HOSTILE = '<img src=x onerror="window.hacked=1"></script>'


def dots(n: int, seed: int, *, size: int = 16) -> np.ndarray:
    """Grey images with a bright dot in the middle."""
    images = np.random.default_rng(seed).integers(80, 99, (n, size, size), np.uint8)
    images[:, size // 2 - 2 : size // 2 + 2, size // 2 - 2 : size // 2 + 2] += 120
    return images


@pytest.fixture(scope="module")
def fitted() -> DeepSVDD:
    return DeepSVDD(n_epochs=3, n_pretraining_epochs=0, random_state=1).fit(dots(100, 0))


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    odd = dots(20, 2)
    odd[:, :6, :6] = 255
    return np.concatenate([dots(60, 1), odd])


IS_ODD = np.repeat([False, True], [60, 20])


@pytest.fixture(scope="module")
def page_file(fitted: DeepSVDD, images: np.ndarray, tmp_path_factory: Any) -> Path:
    file = tmp_path_factory.mktemp("report") / "images.html"
    names = [HOSTILE, *(f"{i}.png" for i in range(1, 80))]
    write_image_report(fitted, images, file, names=names, is_anomaly=IS_ODD, title=HOSTILE)
    return file


@pytest.fixture
def page(browser: Any, page_file: Path) -> Iterator[Page]:
    opened = Page(browser, page_file)
    yield opened
    opened.check_quiet()


def decoded(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


def test_scores_and_pictures_are_the_detectors(fitted: DeepSVDD, images: np.ndarray) -> None:
    contents = image_contents(fitted, images, title="t")
    scores = fitted.anomaly_score(images)
    assert contents["scores"] == pytest.approx(scores, abs=1e-6)
    assert contents["images"]["number"] == list(range(80))
    assert contents["images"]["name"][4] == "image 5"
    heat = fitted.explain(images[3:4])[0]
    own = np.repeat(images[3][:, :, None], 3, axis=2)
    assert np.array_equal(decoded(contents["images"]["picture"][3]), own)
    laid_over = overlay(images[3], heat, *fitted.heatmap_range_)
    shown = decoded(contents["images"]["overlay"][3]).astype(int)
    assert np.abs(shown - laid_over.astype(int)).max() <= 1


def test_images_of_any_size_and_channels_are_brought_to_the_model_s_form(
    fitted: DeepSVDD, tmp_path: Path
) -> None:
    large = np.kron(dots(1, 5)[0], np.ones((30, 30), np.uint8))
    paths = [tmp_path / "grey.png", tmp_path / "colour.jpg"]
    Image.fromarray(large).save(paths[0])
    Image.fromarray(np.repeat(large[:240, :, None], 3, axis=2)).save(paths[1])
    contents = image_contents(fitted, paths, title="t", limits=ImageReportLimits(pixels=96))
    assert [decoded(uri).shape for uri in contents["images"]["picture"]] == [
        (96, 96, 3), (48, 96, 3),
    ]  # fmt: skip
    assert contents["images"]["picture"][0].startswith("data:image/jpeg")
    assert contents["images"]["name"] == [str(path) for path in paths]


def test_limits_bound_what_is_listed(fitted: DeepSVDD, images: np.ndarray, tmp_path: Path) -> None:
    seen: list[int] = []
    written = write_image_report(
        fitted, images, tmp_path / "r.html", limits=ImageReportLimits(8, 16), advance=seen.append
    )
    assert (written.n_documents, written.n_listed) == (80, 8)
    assert sum(seen) == 80
    assert written.n_bytes == (tmp_path / "r.html").stat().st_size < 80_000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": []}, "no image"),
        ({"images": "one.png"}, "a sequence of paths"),
        ({"images": np.zeros((3, 4), np.float32)}, "expected images"),
        ({"images": [Path("absent.png")]}, "absent.png"),
        ({"names": ["a"]}, "a name for each of 80"),
        ({"is_anomaly": [True]}, "each of 80 images"),
        ({"limits": ImageReportLimits(images=0)}, "images"),
        ({"limits": ImageReportLimits(pixels=0)}, "pixels"),
        ({"path": "report.txt"}, ".html"),
    ],
)
def test_what_cannot_be_shown_is_refused(
    change: dict[str, Any], message: str, fitted: DeepSVDD, images: np.ndarray, tmp_path: Path
) -> None:
    given = {"images": images, "path": "report.html", **change}
    path = tmp_path / given.pop("path")
    with pytest.raises(DataError, match=re.escape(message)):
        write_image_report(fitted, path=path, **given)
    assert list(tmp_path.iterdir()) == []


def test_detectors_of_texts_and_features_are_refused(detector: CVDD, tmp_path: Path) -> None:
    on_features = DeepSVDD(n_epochs=1, n_pretraining_epochs=0).fit(np.random.rand(50, 4))
    for other in (detector, on_features):
        with pytest.raises(DataError, match="about images"):
            write_image_report(other, dots(2, 0), tmp_path / "r.html")  # type: ignore[arg-type]


def test_the_legend_has_the_colours_of_the_heatmaps() -> None:
    style = Path(textocl_report("images.css")).read_text("utf-8")
    (gradient,) = re.findall(r"linear-gradient\(90deg, (.*)\);", style)
    assert re.findall(r"rgb\((\d+) (\d+) (\d+)\)", gradient) == [
        tuple(map(str, colour)) for colour in _COLOURS.tolist()
    ]


def textocl_report(name: str) -> str:
    from textocl import report

    return str(Path(report.__file__).with_name(name))


def test_images_are_listed_sorted_and_filtered(
    page: Page, fitted: DeepSVDD, images: np.ndarray
) -> None:
    scores = fitted.anomaly_score(images)
    names = [HOSTILE, *(f"{i}.png" for i in range(1, 80))]

    def shown() -> list[str]:
        return [e.get_attribute("alt") for e in page.all("#list img")]

    assert page.one("#title").text == HOSTILE
    assert shown() == [names[i] for i in np.argsort(-scores, kind="stable")[:60]]
    page.one("#next").send_keys(Keys.ENTER)
    assert len(shown()) == 20
    page.choose("sort", "order")
    assert shown() == names[:60]
    page.choose("label", "1")
    assert shown() == names[60:]
    page.choose("show", "flagged")
    flagged = scores > fitted.threshold_
    assert shown() == [names[i] for i in np.flatnonzero(flagged & IS_ODD)]
    assert len(page.all("#list .flagged")) == int((flagged & IS_ODD).sum())
    assert page.run("return window.hacked") is None
    assert page.one("#auc").text == f"AUC {evaluate(scores, IS_ODD).auc:.3f}"


def test_heatmaps_can_be_switched_off_for_one_and_for_all(page: Page) -> None:
    page.choose("sort", "order")
    pictures = "return [...document.querySelectorAll('#list img')].map(i => i.src)"
    assert page.run(pictures) == page.run("return data.images.overlay.slice(0, 60)")
    page.all("#list button")[1].send_keys(Keys.ENTER)
    assert page.run(pictures)[1] == page.run("return data.images.picture[1]")
    assert page.run(pictures)[0] == page.run("return data.images.overlay[0]")
    page.one("#heat").send_keys(Keys.ENTER)
    assert page.run(pictures) == page.run("return data.images.picture.slice(0, 60)")
    widths = page.run(
        "return [...document.querySelectorAll('#list img')].slice(0, 4).map(i => i.naturalWidth)"
    )
    assert widths == [16] * 4


def test_the_threshold_moves_what_is_flagged(page: Page) -> None:
    before = len(page.all("#list .flagged"))
    page.run("setThreshold(-1)")
    assert len(page.all("#list .flagged")) == 60 > before
    assert "80 of 80 images" in page.one("#lead").text


def test_the_command_writes_a_page(fitted: DeepSVDD, images: np.ndarray, tmp_path: Path) -> None:
    fitted.save(tmp_path / "model")
    for kind, part in (("normal", images[:10]), ("anomalous", images[-5:])):
        (tmp_path / "set" / kind).mkdir(parents=True)
        for i, image in enumerate(part):
            Image.fromarray(image).save(tmp_path / "set" / kind / f"{i}.png")
    out = tmp_path / "report.html"
    done = run("vision", "report", tmp_path / "model", tmp_path / "set", "--out", out)
    assert "15 images, 15 with heatmaps" in done.stderr
    assert '"evaluation":{"auc"' in out.read_text("utf-8")
    arguments = ["--out", out, "--json", "--max-images", 3]
    plain = json.loads(
        run("vision", "report", tmp_path / "model", tmp_path / "set" / "normal", *arguments).stdout
    )
    assert (plain["n_images"], plain["n_listed"]) == (10, 3)
    refused = run(
        "vision",
        "report",
        tmp_path / "model",
        tmp_path / "set",
        "--out",
        tmp_path / "x.txt",
        code=3,
    )
    assert ".html" in refused.stderr
