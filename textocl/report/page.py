"""Contents to one page of HTML that asks for nothing else and runs nothing but its own script."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

#: first bytes of every report, by which one is known
MARK = "<!doctype html>\n<!-- textocl report -->\n"


@dataclass(frozen=True)
class Layout:
    """What a kind of page is made of, beside what all have.

    Attributes
    ----------
    body : file of its sections
    sections : id and name of each that the head of the page links to
    styles, scripts : files, in the order they are joined
    policy : what it may show beside its own markup
    """

    body: str
    sections: tuple[tuple[str, str], ...]
    styles: tuple[str, ...]
    scripts: tuple[str, ...]
    policy: tuple[str, ...] = ()


TEXTS = Layout(
    "texts.html",
    (
        ("documents", "Documents"),
        ("normal", "What is normal"),
        ("scores", "Scores"),
        ("trust", "Trust"),
        ("model", "Model"),
    ),
    ("page.css",),
    (
        "common.js",
        "contexts.js",
        "scores.js",
        "summary.js",
        "explanations.js",
        "documents.js",
        "texts.js",
    ),
)
FINDINGS = Layout(
    "findings.html",
    (
        ("kinds", "Kinds"),
        ("documents", "The oddest"),
        ("map", "Map"),
        ("words", "Words"),
        ("trust", "Trust"),
        ("more", "More"),
    ),
    ("page.css", "findings.css"),
    (
        "common.js",
        "contexts.js",
        "scores.js",
        "summary.js",
        "explanations.js",
        "documents.js",
        "marks.js",
        "map.js",
        "findings.js",
    ),
)
IMAGES = Layout(
    "images.html",
    (("scores", "Scores"), ("images", "Images"), ("trust", "Trust"), ("model", "Model")),
    ("page.css", "images.css"),
    ("common.js", "scores.js", "summary.js", "images.js"),
    ("img-src data:",),
)

# in JSON these stand in strings only; HTML would read <, > and & as markup, JavaScript U+2028 and
# U+2029 as ends of lines
_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def page_of(contents: dict[str, Any], layout: Layout) -> str:
    """The page that shows what `textocl.report.texts.text_contents` or its like returns.

    Its content security policy names style and script by their hashes and forbids everything else:
    requests, other scripts, markup from strings.
    """
    style = "\n".join(_resource(name) for name in layout.styles)
    script = "\n".join(_resource(name) for name in layout.scripts)
    policy = "; ".join(
        [
            "default-src 'none'",
            f"style-src '{_hash_of(style)}'",
            f"script-src '{_hash_of(script)}'",
            *layout.policy,
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
        ]
    )
    parts = {
        "policy": policy,
        "title": html.escape(contents["title"]),
        "style": style,
        "script": script,
        "data": embedded_json(contents),
        "noun": contents["noun"],
        "links": "\n      ".join(f'<a href="#{id}">{name}</a>' for id, name in layout.sections),
        "trust": _resource("trust.html"),
        "model": _resource("model.html"),
        "list": _resource("list.html"),
        "contexts": _resource("contexts.html"),
    }
    parts["scores"] = _filled(_resource("scores.html"), parts)
    parts["sections"] = _filled(_resource(layout.body), parts)
    return _filled(_resource("page.html"), parts)


def _filled(template: str, parts: dict[str, str]) -> str:
    """The template with each ``{{name}}`` replaced, once: what comes in is not looked at again."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)


def embedded_json(value: Any) -> str:
    r"""JSON that can stand inside ``<script type="application/json">`` whatever texts it holds.

    Examples
    --------
    >>> embedded_json("</script>")
    '"\\u003c/script\\u003e"'
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.translate(_ESCAPES)


def _hash_of(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def _resource(name: str) -> str:
    return files("textocl.report").joinpath(name).read_text("utf-8")
