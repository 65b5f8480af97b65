"""How long a report of 5,000 documents takes to write, how large it is, and how fast its page is.

The page is driven in headless Chromium (Debian: chromium, chromium-driver): each time is from the
input to the end of the next frame, so with everything it draws. Detectors are fitted on the
recreation group of 20 Newsgroups; the documents are 5,000 test documents of all groups.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from protocol import environment, one_vs_rest, read_corpus, write_result

from textocl import CVDD, KDE, Detector, WordLikelihood
from textocl.report import write_report

N_DOCUMENTS, REPEATS = 5000, 7

# what a reader does: element, event, values in turn
ACTIONS = {
    "sort": ("sort", "change", ["lowest", "nearest", "longest", "order", "highest"]),
    "search for a word": ("search", "input", ["government", "hockey game", "e", "zebra", ""]),
    "show flagged or not": ("show", "change", ["flagged", "passed", "missed", "alarms", "all"]),
    "choose a context": ("context", "change", ["0", "1", ""]),
    "choose a label": ("label", "change", ["0", "1", ""]),
    "move the threshold": ("threshold", "input", ["0.3", "0.4", "0.45", "0.5"]),
}

MEASURE = """
const [id, event, value, done] = arguments, field = document.getElementById(id);
requestAnimationFrame(() => {
  const start = performance.now();
  field.value = value;
  field.dispatchEvent(new Event(event, { bubbles: true }));
  document.body.getBoundingClientRect();
  const drawn = performance.now() - start;
  requestAnimationFrame(() => setTimeout(() => done([drawn, performance.now() - start])));
});
"""


@contextmanager
def chromium() -> Iterator[Any]:
    from selenium import webdriver

    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if binary is None or driver is None:
        sys.exit("this benchmark needs chromium and chromedriver (Debian: chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield browser
    finally:
        browser.quit()


def used(browser: Any, file: Path) -> tuple[float, dict[str, np.ndarray]]:
    """Milliseconds to load the page, and of each action: until drawn, and until the next frame."""
    start = time.perf_counter()
    browser.get(file.as_uri())
    assert browser.execute_script("return document.documentElement.dataset.ready") == "true"
    loaded = 1000 * (time.perf_counter() - start)
    times = {}
    for name, (field, event, values) in ACTIONS.items():
        milliseconds = [
            browser.execute_async_script(MEASURE, field, event, value)
            for _ in range(REPEATS)
            for value in values
        ]
        times[name] = np.array(milliseconds)
        browser.execute_script("document.getElementById('tools').reset(); arrange()")
    return loaded, times


def main() -> None:
    training, texts, is_anomaly = one_vs_rest(read_corpus("20ng"), "rec")
    chosen = np.random.default_rng(0).permutation(len(texts))[:N_DOCUMENTS]
    texts, is_anomaly = [texts[i] for i in chosen], is_anomaly[chosen]
    labels = ["other" if anomalous else "rec" for anomalous in is_anomaly]
    written_rows, used_rows = [], []
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        version = browser.capabilities["browserVersion"]
        for detector in (CVDD(n_contexts=5), Detector(n_contexts=5), KDE(), WordLikelihood()):
            name, file = type(detector).__name__, Path(folder, "report.html")
            detector.fit(training)
            start = time.perf_counter()
            written = write_report(detector, texts, file, labels=labels, is_anomaly=is_anomaly)
            seconds = time.perf_counter() - start
            loaded, times = used(browser, file)
            written_rows.append(
                f"| {name} | {written.n_explained:,} | {seconds:.1f} "
                f"| {written.n_bytes / 1e6:.1f} | {loaded:.0f} |"
            )
            if name == "CVDD":
                used_rows = [
                    f"| {action} | {np.median(milliseconds[:, 0]):.0f} | {milliseconds[:, 0].max():.0f} "
                    f"| {np.median(milliseconds[:, 1]):.0f} | {milliseconds[:, 1].max():.0f} |"
                    for action, milliseconds in times.items()
                ]
    median_length = int(np.median([len(text) for text in texts]))
    write_result(
        "report",
        f"""# Reports

`python benchmarks/report.py`; {N_DOCUMENTS:,} test documents of 20 Newsgroups ({sum(map(len, texts)):,} characters,
median {median_length:,}), detectors fitted on its {len(training):,} training documents of the group "rec". Seed 0.
{environment()} Chromium {version}, headless, software drawing.

## Writing

Targets: under 30 s, under 10 MB.

| detector | explained | seconds | MB | page ready, ms |
| --- | --- | --- | --- | --- |
{chr(10).join(written_rows)}

## Using the page of CVDD

Milliseconds over {REPEATS} rounds of several values each. Target of sort and filter: under 200 ms.

| action | until drawn, median | worst | until the next frame's end, median | worst |
| --- | --- | --- | --- | --- |
{chr(10).join(used_rows)}
""",
    )


if __name__ == "__main__":
    main()
