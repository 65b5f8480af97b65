"""A page of a report in the browser, as its reader has it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("selenium")

from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select


class Page:
    """A report in the browser: what its reader sees and does."""

    def __init__(self, browser: Any, file: Path) -> None:
        self.browser, self.url = browser, file.as_uri()
        for log in ("browser", "performance"):
            browser.get_log(log)
        browser.get(self.url)

    def one(self, selector: str) -> Any:
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[Any]:
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def run(self, script: str, *arguments: Any) -> Any:
        return self.browser.execute_script(script, *arguments)

    def choose(self, identifier: str, value: str) -> None:
        Select(self.one(f"#{identifier}")).select_by_value(value)

    def type(self, identifier: str, text: str) -> None:
        field = self.one(f"#{identifier}")
        field.clear()
        field.send_keys(text)

    @property
    def shown(self) -> list[int]:
        """Numbers of the documents on this page of the list."""
        return self.run(
            "return [...document.querySelectorAll('#list > li')].map(l => Number(l.dataset.document))"
        )

    @property
    def count(self) -> int:
        return int(self.one("#count").text.split()[0].replace(",", ""))

    def check_quiet(self) -> None:
        """No console message, and no request but the page itself."""
        assert self.browser.get_log("browser") == []
        messages = [
            json.loads(e["message"])["message"] for e in self.browser.get_log("performance")
        ]
        asked = {
            message["params"]["request"]["url"].partition("#")[0]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        }
        assert {url for url in asked if not url.startswith("data:image/")} == {self.url}
