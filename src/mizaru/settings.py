"""Read a TOML file into checked settings; every complaint names file, line, key and remedy.

`tomllib` reads, `msgspec` checks types, bounds and unknown keys; what is ours is only the
way back from a key to its line, which no TOML library on PyPI offers.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from mizaru.errors import SettingsError

T = TypeVar("T")

TABLES: Final = ("edge", "cloud")
"""What a configuration may hold; each program reads its own."""

_PART = r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'"""
_KEY = rf"(?:{_PART})(?:\s*\.\s*(?:{_PART}))*"
_PATH = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_UNKNOWN = re.compile(r"unknown field `(?P<key>[^`]*)`")
_MISSING = re.compile(r"missing required field `(?P<key>[^`]*)`")
_TOML_PLACE = re.compile(r" \(at (?:line (?P<line>\d+), column \d+|end of document)\)$")
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
"""``${NAME}`` in a setting."""


def load_document(file: Path) -> tuple[dict[str, Any], str]:
    """Parse a TOML file; returns the document and its text. Raises `SettingsError`."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsError("no such file", file=file) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"cannot be read: {error}", file=file) from None
    try:
        return tomllib.loads(text), text
    except tomllib.TOMLDecodeError as error:
        place = _TOML_PLACE.search(str(error))
        line = int(place["line"]) if place and place["line"] else text.count("\n") + 1
        message = _TOML_PLACE.sub("", str(error))
        raise SettingsError(f"not valid TOML: {message}", file=file, line=line) from None


def refuse_unknown_tables(document: Mapping[str, Any], *, file: Path, text: str) -> None:
    """A configuration holds `TABLES` and nothing else. Raises `SettingsError`."""
    for name in document:
        if name not in TABLES:
            known = " and ".join(f"[{table}]" for table in TABLES)
            message = f"unknown table or key; known are {known}"
            raise SettingsError(message, file=file, line=line_of(text, name), key=name)


def convert(document: Mapping[str, Any], kind: type[T], *, file: Path, text: str, root: str) -> T:
    """Check one table of a document against a settings type.

    Args:
        document: the table's content.
        kind: a `msgspec.Struct` with ``forbid_unknown_fields``.
        file, text: where it came from, for complaints.
        root: the table's name in the file, e.g. ``"edge"``.

    Raises:
        SettingsError: naming file, line and key.
    """
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise _explain(str(error), kind, file=file, text=text, root=root) from None


def expand(value: str, environment: Mapping[str, str], *, key: str) -> str:
    """Replace ``${NAME}`` by environment variables (secrets stay out of files)."""

    def replace(match: re.Match[str]) -> str:
        name = match[1]
        if name not in environment:
            raise SettingsError(f"environment variable {name} is not set; export it", key=key)
        return environment[name]

    return VARIABLE.sub(replace, value)


def line_of(text: str, key: str) -> int | None:
    """1-based line of a dotted key such as ``edge.camera[1].source`` in TOML text.

    Falls back to the line of the nearest enclosing table that is written down.
    """
    wanted = re.findall(r"[^.\[\]]+|\[\d+\]", key)
    best: tuple[int, int] | None = None
    table: list[str] = []
    seen: dict[str, int] = {}
    inside: str | None = None  # the quotes of the multi-line string that this line is in
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        was_inside, inside = inside, _open_quotes(line, inside)
        if was_inside:
            continue
        header = re.match(rf"^\[(\[)?\s*({_KEY})\s*\]\]?\s*(?:#.*)?$", line)
        if header:
            names = _parts(header[2])
            table = []
            for depth, name in enumerate(names):
                table.append(name)
                path = "/".join(table)
                if header[1] and depth == len(names) - 1:
                    seen[path] = seen.get(path, -1) + 1
                if path in seen:
                    table.append(f"[{seen[path]}]")
            path_here = list(table)
        else:
            assignment = re.match(rf"^({_KEY})\s*=", line)
            if not assignment:
                continue
            path_here = table + _parts(assignment[1])
        # A longer path also says where its table begins: [edge.link] for ``edge``.
        depth = min(len(path_here), len(wanted))
        if path_here[:depth] == wanted[:depth] and (best is None or depth > best[0]):
            best = (depth, number)
    return best[1] if best else None


def _parts(key: str) -> list[str]:
    """``a."b".c`` → a, b, c."""
    return [part.strip("\"'") for part in re.findall(_PART, key)]


def _open_quotes(line: str, inside: str | None) -> str | None:
    """The quotes of a multi-line string that is open at the end of a line."""
    for quotes in re.findall(r"\"{3}|'{3}", line):
        if inside is None:
            inside = quotes
        elif inside == quotes:
            inside = None
    return inside


def _explain(message: str, kind: type[Any], *, file: Path, text: str, root: str) -> SettingsError:
    path = _PATH.search(message)
    key = root + (path["path"] if path else "")
    message = _PATH.sub("", message)
    if unknown := _UNKNOWN.search(message):
        name = unknown["key"]
        known = _fields_at(kind, path["path"] if path else "")
        near = difflib.get_close_matches(name, known, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(sorted(known))}"
        message, key = f"unknown key; {remedy}", f"{key}.{name}"
    elif missing := _MISSING.search(message):
        message = f"required key is missing; add {missing['key']} = …"
        key = f"{key}.{missing['key']}"
    return SettingsError(message, file=file, line=line_of(text, key), key=key)


def _fields_at(kind: type[Any], path: str) -> list[str]:
    """Names of the keys allowed at a msgspec path such as ``.camera[0].zone[1]``."""
    current = _plain(msgspec.inspect.type_info(kind))
    for step in re.findall(r"\.([^.\[\]]+)|(\[)", path):
        if step[0]:
            current = next(f.type for f in current.fields if f.encode_name == step[0])
        else:
            current = current.item_type
        current = _plain(current)
    return [field.encode_name for field in current.fields]


def _plain(kind: Any) -> Any:
    """A type without what surrounds it: ``X | None`` → X."""
    while isinstance(kind, msgspec.inspect.UnionType | msgspec.inspect.Metadata):
        if isinstance(kind, msgspec.inspect.Metadata):
            kind = kind.type
        else:
            kind = next(t for t in kind.types if not isinstance(t, msgspec.inspect.NoneType))
    return kind


def environment() -> Mapping[str, str]:
    """The process's environment; the one place that reads it, so that tests need not."""
    return os.environ
