"""Pages of the site that lie outside docs/: file formats, measured results, examples."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[1]
OUTSIDE = ["FORMAT.md", "benchmarks/results/**/*.md", "examples/**/*.py", "examples/**/*.js"]


def on_files(files: Any, config: Any) -> Any:
    """Add them where they lie in the repository."""
    for pattern in OUTSIDE:
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            if "node_modules" not in name:
                files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Pages of docs/ lie one folder higher in the site than in the repository."""
    if "/" in page.file.src_uri or page.file.src_uri == "FORMAT.md":
        return markdown
    return re.sub(r"\]\(\.\./", "](", markdown)
