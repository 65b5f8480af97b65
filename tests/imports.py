"""Every import between the files of textocl, read from their text; nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

#: from the ground up: a room may import only from rooms before it, and from itself
FLOORS = (
    "_version", "registry", "core", "training", "text", "embeddings", "explain", "cvdd", "shallow", "form",
    "ensemble", "pile", "vision", "export", "io", "evaluation", "report", "plot", "cli", "__main__", "__init__",
)  # fmt: skip


def modules_of(package: Path) -> dict[str, Path]:
    """Files by their dotted names, links followed; a folder's ``__init__.py`` has the folder's."""
    found = {}
    for path in sorted(package.glob("**/*.py")) + [
        path
        for link in sorted(package.iterdir())
        if link.is_symlink()
        for path in link.glob("**/*.py")
    ]:
        parts = (package.name, *path.relative_to(package).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported_by(name: str, source: str, known: Iterable[str]) -> set[str]:
    """The modules among ``known`` that ``source``, the text of module ``name``, imports anywhere.

    Under ``TYPE_CHECKING`` and in functions too; ``import_module("a.b")`` and ``__import__`` as
    well where their argument is written out.
    """
    known, found = set(known), set()

    def add(target: str) -> None:
        while target and target not in known:
            target = target.rpartition(".")[0]
        if target and target != name:
            found.add(target)

    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                add(alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:  # relative to the folder
                parts = name.split(".")
                base = ".".join([*parts[: len(parts) - node.level], *filter(None, [base])])
            for alias in node.names:
                add(f"{base}.{alias.name}")
        elif isinstance(node, ast.Call) and node.args and _called(node) in _IMPORTERS:
            argument = node.args[0]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                add(argument.value)
    return found


_IMPORTERS = ("import_module", "__import__")


def _called(node: ast.Call) -> str:
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def imports_by_name(source: str) -> bool:
    """Whether a file imports modules whose names are not written at the call."""
    return any(
        isinstance(node, ast.Call)
        and _called(node) in _IMPORTERS
        and not (node.args and isinstance(node.args[0], ast.Constant))
        for node in ast.walk(ast.parse(source))
    )


def arrows(package: Path) -> dict[str, set[str]]:
    modules = modules_of(package)
    return {
        name: imported_by(name, path.read_text("utf-8"), modules) for name, path in modules.items()
    }


def room_of(module: str) -> str:
    """The folder or file right below the package that a module is in."""
    return [*module.split("."), "__init__"][1]


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Names that import each other in a loop, in its order; empty where there is none."""
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str]:
        if name in path:
            return path[path.index(name) :]
        if name in done:
            return []
        for target in sorted(graph.get(name, ())):
            loop = visit(target, [*path, name])
            if loop:
                return loop
        done.add(name)
        return []

    for name in sorted(graph):
        loop = visit(name, [])
        if loop:
            return loop
    return []


def upward(graph: dict[str, set[str]]) -> list[str]:
    """Imports that run from a room to one above it."""
    floor = {room: level for level, room in enumerate(FLOORS)}
    return [
        f"{name} imports {target}"
        for name, targets in graph.items()
        for target in sorted(targets)
        if floor[room_of(target)] > floor[room_of(name)]
    ]
