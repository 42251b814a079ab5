"""The command line: every verb a stranger needs, each explaining itself with ``--help``."""

from __future__ import annotations

import importlib
import sys
from typing import Final

import typer

from mizaru import __version__
from mizaru.errors import MizaruError

app = typer.Typer(
    name="mizaru",
    help="Recognise dangerous behaviour where a camera must never see anybody.\n\n"
    "Start with [bold]mizaru run SOURCE[/bold]: a video file, rtsp://… or a USB camera's number. "
    "For a real installation write a configuration, try it with [bold]mizaru check[/bold], "
    "and start [bold]mizaru cloud[/bold] and [bold]mizaru edge[/bold].",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

# Verb → module of this package; a module gives a function of that name or a Typer named `app`.
_COMMANDS: Final = ("run", "edge", "cloud", "check", "schema", "evaluate", "ledger")
_GROUPS: Final = ("models", "wire", "sim", "train", "audit")


def _version(show: bool) -> None:
    if show:
        typer.echo(f"mizaru {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and stop."
    ),
) -> None:
    pass


for _name in _COMMANDS:
    app.command(_name)(getattr(importlib.import_module(f"mizaru.cli.{_name}"), _name))
for _name in _GROUPS:
    app.add_typer(importlib.import_module(f"mizaru.cli.{_name}").app, name=_name)


def main() -> None:
    """Entry point: a `MizaruError` becomes one line on stderr and its own exit code."""
    try:
        app()
    except MizaruError as error:
        typer.echo(f"mizaru: {error}", err=True)
        sys.exit(error.exit_code)
