"""``mizaru check CONFIG``: what is wrong with a configuration, by file, line and key."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.text import Text

from mizaru.errors import ModelError, SettingsError
from mizaru.settings import line_of, load_document, refuse_unknown_tables

if TYPE_CHECKING:
    from mizaru.edge.settings import EdgeSettings


class _Table(NamedTuple):
    """How one table of a configuration is checked.

    Attributes:
        load: raises `SettingsError` where types and bounds are not kept.
        complaints: what makes it unusable: (key, message and remedy).
        warnings: what is unwise.
        summary: one line about a table that is fine.
    """

    load: Callable[[Path], Any]
    complaints: Callable[[Any], Iterator[tuple[str, str]]]
    warnings: Callable[[Any], Iterator[tuple[str, str]]]
    summary: Callable[[Any], str]


def check(
    config: Annotated[
        Path,
        typer.Argument(help="TOML file with an [edge] or a [cloud] table.", show_default=False),
    ],
) -> None:
    """Check a configuration without starting anything.

    Prints what is fine, or file:line: key: what is wrong and the remedy, and then ends with
    status 78. Warnings do not change the status.

    Example: mizaru check examples/edge.toml
    """
    document, text = load_document(config)
    refuse_unknown_tables(document, file=config, text=text)
    tables = _tables(config, os.environ)
    if not document:
        raise SettingsError("neither an [edge] nor a [cloud] table", file=config)
    errors: list[SettingsError] = []
    out, err = (
        Console(stderr=stderr, highlight=False, markup=False, soft_wrap=True)
        for stderr in (False, True)
    )
    for name in (name for name in tables if name in document):
        table = tables[name]
        try:
            settings = table.load(config)
        except SettingsError as error:
            errors.append(error)
            continue
        complaints = [_error(config, text, *c) for c in table.complaints(settings)]
        errors += complaints
        for key, message in table.warnings(settings):
            err.print(Text("warning:", "yellow"), str(_error(config, text, key, message)))
        if not complaints:
            out.print(Text(f"{name}:", "green"), table.summary(settings))
    # All but the last are printed here; the last one ends the program as any error does.
    for known in errors[:-1]:
        typer.echo(f"mizaru: {known}", err=True)
    if errors:
        raise errors[-1]


def _tables(config: Path, environment: Mapping[str, str]) -> dict[str, _Table]:
    from mizaru.edge import settings as edge

    folder = config.parent.absolute()
    tables = {
        "edge": _Table(
            edge.load_edge_settings,
            lambda settings: _edge_complaints(settings, environment, folder),
            lambda settings: edge.warnings(settings, environment),
            lambda settings: (
                f"fine, {_count(len(settings.camera), 'camera')}"
                f" ({', '.join(camera.id for camera in settings.camera)}) → {settings.link.url}"
            ),
        )
    }
    from mizaru.cloud import settings as cloud

    tables["cloud"] = _Table(
        cloud.load_cloud_settings,
        cloud.complaints,
        lambda settings: iter(()),
        lambda settings: (
            f"fine, {_count(len(settings.camera), 'camera')} listed,"
            f" {_count(sum(len(camera.zone) for camera in settings.camera), 'zone')},"
            f" dashboard on {settings.listen}, edges on {settings.edge_listen}"
        ),
    )
    return tables


def _edge_complaints(
    settings: EdgeSettings, environment: Mapping[str, str], folder: Path
) -> Iterator[tuple[str, str]]:
    from mizaru.edge.darkroom import check_weights
    from mizaru.edge.settings import absent_files

    yield from absent_files(settings, environment, folder)
    for index, camera in enumerate(settings.camera):
        if camera.embedding.enabled:
            try:
                check_weights()
            except ModelError as error:
                yield f"edge.camera[{index}].embedding.enabled", str(error)


def _error(file: Path, text: str, key: str, message: str) -> SettingsError:
    return SettingsError(message, file=file, line=line_of(text, key), key=key)


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
