"""Draw the pictures of README.md and docs/: parts of reports, photographed in a browser.

    python docs/make_pictures.py

needs the extra dev, chromium and chromedriver; fetches the demo's corpus the first time.
"""

from __future__ import annotations

import base64
import io
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from selenium import webdriver

from textocl import Detector, find
from textocl.evaluation.demo_corpus import read_demo_corpus
from textocl.report import write_findings_report, write_image_report, write_report
from textocl.vision import PatchKNN

FOLDER = Path(__file__).parent / "images"
WIDTH, SCALE = 980, 1.5
GAP, MARGIN = 18, 24  # pixels between parts, and around all


def text_reports(found: Path, labelled: Path) -> None:
    """Write what was found in the demo's pile, and what its model says of labelled documents."""
    corpus = read_demo_corpus()
    speeches, sport = corpus["speeches"], corpus["sport"]
    findings = find(speeches + sport[:30], top=30)
    write_findings_report(findings, found, title="Speeches, and what slipped in")
    detector = Detector(n_contexts=3).fit(speeches[:500])
    is_anomaly = np.arange(len(speeches) - 500 + len(sport)) >= len(speeches) - 500
    write_report(detector, speeches[500:] + sport, labelled, is_anomaly=is_anomaly)


def cloth(n: int, seed: int) -> np.ndarray:
    """Return pictures of a made-up woven cloth, ``(n, 96, 96)`` uint8."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:96, :96]
    shift = random.uniform(0, 8, (2, n, 1, 1))
    weave = np.sin((x + shift[0]) * 0.8) * np.sin((y + shift[1]) * 0.8)
    grey = 130 + 45 * weave + random.normal(0, 8, (n, 96, 96))
    return grey.clip(0, 255).astype(np.uint8)


def cloth_report(path: Path) -> None:
    """Write the report of a detector that learned cloth without defects."""
    images, random = cloth(20, 1), np.random.default_rng(2)
    for image in images[14:]:  # a hole, and a pulled thread
        row, column = random.integers(20, 70, 2)
        image[row : row + 14, column : column + 12] = 40
        image[row + 20 : row + 23, max(0, column - 24) : column + 40] = 225
    detector = PatchKNN(n_patches=2000, random_state=0).fit(cloth(50, 0))
    is_anomaly = np.arange(20) >= 14
    write_image_report(detector, images, path, is_anomaly=is_anomaly, title="Cloth with defects")


def browser() -> Any:
    """Headless Chromium that draws light pages sharply."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    size = f"--window-size={WIDTH},1400"
    for argument in ("--headless=new", "--no-sandbox", "--hide-scrollbars", size):
        options.add_argument(argument)
    started = webdriver.Chrome(
        options=options, service=webdriver.ChromeService(shutil.which("chromedriver"))
    )
    light = {"features": [{"name": "prefers-color-scheme", "value": "light"}]}
    started.execute_cdp_cmd("Emulation.setEmulatedMedia", light)
    metrics = {"width": WIDTH, "height": 1400, "deviceScaleFactor": SCALE, "mobile": False}
    started.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    return started


def picture_of(page: Any, selector: str) -> Image.Image:
    """Return an element as it lies on the page, wherever that is scrolled to."""
    clip = page.execute_script(
        "const box = document.querySelector(arguments[0]).getBoundingClientRect();"
        "return {x: box.x + scrollX, y: box.y + scrollY, width: box.width, height: box.height}",
        selector,
    )
    settings = {"clip": {**clip, "scale": 1}, "captureBeyondViewport": True}
    shot = page.execute_cdp_cmd("Page.captureScreenshot", settings)
    return Image.open(io.BytesIO(base64.b64decode(shot["data"]))).convert("RGB")


def photograph(page: Any, name: str, *selectors: str, shrink: float = 1.0) -> None:
    """Put the elements below each other on one picture, in few colours."""
    parts = []
    for selector in selectors:
        parts.append(picture_of(page, selector))
    width = max(part.width for part in parts) + 2 * MARGIN
    height = sum(part.height + GAP for part in parts) - GAP + 2 * MARGIN
    background = page.execute_script("return getComputedStyle(document.body).backgroundColor")
    picture = Image.new("RGB", (width, height), background)
    top = MARGIN
    for part in parts:
        picture.paste(part, (MARGIN, top))
        top += part.height + GAP
    picture = picture.resize((round(width / shrink), round(height / shrink)))
    file = FOLDER / f"{name}.png"
    picture.quantize(64, dither=Image.Dither.NONE).save(file, optimize=True)
    print(f"{file}: {picture.size}, {file.stat().st_size / 1000:.0f} KB")


def main() -> None:
    """Write the reports and photograph them."""
    FOLDER.mkdir(exist_ok=True)
    page = browser()
    with tempfile.TemporaryDirectory() as folder:
        found, labelled, images = (
            Path(folder) / f"{name}.html" for name in ("found", "labelled", "images")
        )
        text_reports(found, labelled)
        page.get(found.as_uri())
        page.execute_script(
            "document.querySelector('header').style.background = 'transparent';"
            "document.querySelector('#marked').remove();"
            "[...document.querySelectorAll('#list > li')].slice(4).forEach(li => li.remove());"
            "document.querySelector('#list .row').click(); document.activeElement.blur()"
        )
        photograph(page, "report", "#title", "#lead", "#kind-list", "#list")
        photograph(page, "document", "#list li:has(.opened)")
        page.get(labelled.as_uri())
        photograph(page, "contexts", "#normal > div")
        photograph(page, "labels", "#curves")
        cloth_report(images)
        page.get(images.as_uri())
        page.execute_script(
            "[...document.querySelectorAll('#list > li')].slice(10).forEach(li => li.remove())"
        )
        photograph(page, "heatmaps", ".scale", "#list", shrink=1.5)
    page.quit()


if __name__ == "__main__":
    main()
