"""Contents to one page of HTML that asks for nothing else and runs nothing but its own script."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from importlib.resources import files
from typing import Any

#: first bytes of every report, by which one is known
MARK = "<!doctype html>\n<!-- textocl report -->\n"

_SCRIPTS = ("common.js", "themes.js", "scores.js", "explaining.js", "documents.js", "page.js")
# in JSON these stand in strings only; HTML would read <, > and & as markup, JavaScript U+2028 and
# U+2029 as ends of lines
_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def page_of(contents: dict[str, Any]) -> str:
    """The page that shows ``contents``, what `textocl.report.contents.contents_of` returns.

    Its content security policy names style and script by their hashes and forbids everything else:
    requests, other scripts, markup from strings.
    """
    style = _resource("page.css")
    script = "\n".join(_resource(name) for name in _SCRIPTS)
    policy = "; ".join(
        [
            "default-src 'none'",
            f"style-src '{_hash_of(style)}'",
            f"script-src '{_hash_of(script)}'",
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
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], _resource("page.html"))


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
