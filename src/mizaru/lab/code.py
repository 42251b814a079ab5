"""Which code made something: digests for caches that must not outlive it."""

from __future__ import annotations

import ast
import hashlib
import inspect
from collections.abc import Iterator
from functools import cache
from importlib.util import resolve_name
from pathlib import Path
from types import ModuleType
from typing import Any, Final

_ROOT: Final = Path(__file__).parents[2]
_OURS: Final = Path(__file__).parents[1].name


def digest_of_code(*things: type[Any] | ModuleType) -> str:
    """Of everything that what they do depends on, as far as it is ours.

    That is the files that define them, all modules of this package that those import, directly or
    through others, and the cards of weights beside any of these, which name their networks by
    checksum.

    Returns:
        SHA-256, 64 hexadecimal digits.
    """
    found: set[Path] = set()
    waiting = [Path(inspect.getfile(thing)) for thing in things]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting.extend(_imports(file))
    found |= {card for file in found for card in file.parent.glob("weights/*.json")}
    digests = {hashlib.sha256(file.read_bytes()).hexdigest() for file in found}
    return hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()


@cache
def _imports(file: Path) -> tuple[Path, ...]:
    """Our modules that a file names in imports, found without importing any."""
    package = ".".join(file.relative_to(_ROOT).parts[:-1]) if file.is_relative_to(_ROOT) else ""
    named = set(_named(ast.parse(file.read_bytes()), package))
    ours = (_file(name) for name in named if name.split(".")[0] == _OURS)
    return tuple(sorted(each for each in ours if each.exists()))


def _named(tree: ast.AST, package: str) -> Iterator[str]:
    """Whatever might be a module; ``from a import b`` may mean the module a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (package or not node.level):
            base = resolve_name("." * node.level + (node.module or ""), package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _file(name: str) -> Path:
    place = _ROOT.joinpath(*name.split("."))
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
