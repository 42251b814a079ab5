"""``mizaru train``: make the weights of the recognizer and of the encoder."""

from __future__ import annotations

import datetime
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from mizaru.errors import DataError
from mizaru.settings import environment

if TYPE_CHECKING:
    from mizaru.lab.encoder.run import Result as EncoderResult
    from mizaru.lab.encoder.trainer import Pace as EncoderPace
    from mizaru.lab.train.pace import Pace
    from mizaru.lab.train.run import Result

INTERRUPTED: Final = 130
_NEEDED: Final = ("torch", "onnx", "onnxscript", "onnxruntime", "mujoco")

app = typer.Typer(
    help="Make the weights of recognizer and encoder, from simulated people and data that may be "
    "learnt from.",
    no_args_is_help=True,
)


@app.callback()
def _group() -> None:
    pass


@app.command()
def recognizer(
    recipe: Annotated[
        Path | None,
        typer.Option(
            help="What the weights are made of (TOML). "
            "[dim][default: the recipe of the weights that ship][/dim]",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="Folder for recognizer.onnx, recognizer.json and recognizer.md.",
        ),
    ] = Path("weights"),
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="MANIFEST",
            help="Manifest of the files to learn from, besides the sim. "
            "[dim][default: ../shared/data/MANIFEST.csv][/dim]",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume/--fresh",
            help="Go on where an interrupted run stopped, or forget it. Windows that were made "
            "are kept either way.",
        ),
    ] = True,
    device: Annotated[
        str | None,
        typer.Option(
            help="Where to learn: cpu or cuda. [dim][default: cuda where there is one][/dim]",
            show_default=False,
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(
            help="Where motions, windows and checkpoints are kept. "
            "[dim][default: MIZARU_TRAINING, or ~/.cache/mizaru/training][/dim]",
            show_default=False,
        ),
    ] = None,
    recordings: Annotated[
        Path | None,
        typer.Option(
            help="Where recordings of videos are kept. "
            "[dim][default: MIZARU_RECORDINGS, or ~/.cache/mizaru/recordings][/dim]",
            show_default=False,
        ),
    ] = None,
    models: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the perception models, for videos. "
            "[dim][default: MIZARU_MODELS, or ~/.cache/mizaru/models][/dim]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Train the recognizer, and write its weights with all that is known of them.

    Scenes of the sim are played, motion capture is looked at through drawn cameras, and what
    would have crossed the wall is cut into windows; then the network learns from them. People
    and scenes that are held out calibrate it and choose its operating points. Ctrl-C loses at
    most a minute: the same command goes on.

    A recipe with purpose = "ship" takes only data whose licence lets us ship what it taught.

    Examples:

      mizaru train recognizer --out src/mizaru/cloud/recognize/weights

      mizaru train recognizer --recipe my.toml --fresh --device cuda
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise DataError(f"training needs {', '.join(missing)}: pip install 'mizaru[lab,train]'")
    import torch

    from mizaru.edge.models import models_folder
    from mizaru.lab.evaluate.run import recordings_folder
    from mizaru.lab.train.corpus import Places
    from mizaru.lab.train.modelcard import write_model_card
    from mizaru.lab.train.recipe import SHIPPED, load_recipe
    from mizaru.lab.train.run import train_recognizer

    chosen = load_recipe(SHIPPED if recipe is None else recipe)
    console = Console(stderr=True, highlight=False)
    surroundings = environment()
    folder = Path(surroundings.get("MIZARU_TRAINING") or Path.home() / ".cache/mizaru/training")
    places = Places(
        cache=folder if cache is None else cache,
        manifest=Path("../shared/data/MANIFEST.csv") if data is None else data,
        recordings=recordings_folder(recordings, surroundings),
        models=models_folder(models, surroundings),
    )
    command = "mizaru train recognizer"
    if recipe is not None:
        command += f" --recipe {shlex.quote(recipe.name)}"
    try:
        with _bars(console) as bars:
            result = train_recognizer(
                chosen,
                places=places,
                out=out,
                command=command,
                version=f"{chosen.title}-{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
                device=device or ("cuda" if torch.cuda.is_available() else "cpu"),
                fresh=not resume,
                on_gather=bars.gather,
                on_learn=bars.learn,
                on_trace=bars.trace,
            )
    except KeyboardInterrupt:
        console.print("stopped; the same command goes on from here")
        sys.exit(INTERRUPTED)
    write_model_card(result, chosen, out / "recognizer.md")
    _show(result, Console(highlight=False))
    console.print(f"{out}: recognizer.onnx, recognizer.json and recognizer.md written")


@app.command()
def encoder(
    recipe: Annotated[
        Path | None,
        typer.Option(
            help="What the weights are made of (TOML). "
            "[dim][default: the recipe of the weights that ship][/dim]",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="Folder for encoder-small.onnx, encoder-base.onnx and encoder.json.",
        ),
    ] = Path("weights"),
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="MANIFEST",
            help="Manifest of the measured motions to learn from, besides the sim. "
            "[dim][default: ../shared/data/MANIFEST.csv][/dim]",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume/--fresh",
            help="Go on where an interrupted run stopped, or forget it. Frames that were made "
            "are kept either way.",
        ),
    ] = True,
    cache: Annotated[
        Path | None,
        typer.Option(
            help="Where frames and checkpoints are kept. "
            "[dim][default: encoder/ in MIZARU_TRAINING, or in ~/.cache/mizaru/training][/dim]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Train the encoder of the vision embedding z, and write its weights with a card.

    Scenes of the sim are played by people of three pools that share nobody, measured motions of
    real people are put into empty rooms, and all are drawn as the darkroom draws them: mannequins
    over the plate. The encoder learns to keep behaviour, relation,
    place and count, and to forget who it is, against readers of identity that begin anew each
    epoch. Figures are of people and scenes it never saw. Ctrl-C loses at most an epoch.

    Examples:

      mizaru train encoder --out src/mizaru/edge/darkroom/encode/weights

      mizaru train encoder --recipe my.toml --fresh
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise DataError(f"training needs {', '.join(missing)}: pip install 'mizaru[lab,train]'")
    from mizaru.lab.encoder.recipe import SHIPPED, load_recipe
    from mizaru.lab.encoder.run import digest_of, train_encoder

    chosen = load_recipe(SHIPPED if recipe is None else recipe)
    console = Console(stderr=True, highlight=False)
    folder = Path(environment().get("MIZARU_TRAINING") or Path.home() / ".cache/mizaru/training")
    today = datetime.datetime.now(datetime.UTC)
    command = "mizaru train encoder"
    if recipe is not None:
        command += f" --recipe {shlex.quote(recipe.name)}"
    try:
        with _bars(console) as bars:
            result = train_encoder(
                chosen,
                cache=folder / "encoder" if cache is None else cache,
                out=out,
                command=command,
                version=f"{chosen.title}-{today:%Y-%m-%d}-{digest_of(chosen)[:6]}",
                fresh=not resume,
                manifest=Path("../shared/data/MANIFEST.csv") if data is None else data,
                processes=os.cpu_count() or 1,
                on_gather=bars.frames,
                on_learn=bars.learn,
            )
    except KeyboardInterrupt:
        console.print("stopped; the same command goes on from here")
        sys.exit(INTERRUPTED)
    _show_encoder(result, Console(highlight=False))
    console.print(f"{out}: {', '.join(t.file for t in result.card.tiers.values())}, encoder.json")


class _Bars:
    """A bar per source, one for learning and a count of what was watched; lines where the output
    is no terminal."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lines = not progress.console.is_terminal
        self._tasks: dict[str, TaskID] = {}

    def gather(self, source: str, done: int, total: int) -> None:
        self._show(f"windows of {source}", done, total)
        if self._lines and done == total:
            self._progress.console.print(f"windows of {source}: {total} pieces")

    def frames(self, cast: str, done: int, total: int) -> None:
        self._show(f"scenes to {cast}", done, total)
        if self._lines and done == total:
            self._progress.console.print(f"scenes to {cast}: {total}")

    def learn(self, pace: Pace | EncoderPace) -> None:
        note = f"epoch {pace.epoch + 1} of {pace.epochs}, loss {pace.loss:.3f}"
        done = pace.epoch * pace.steps + pace.step
        self._show("learning", done, pace.epochs * pace.steps, note)
        if self._lines and pace.step == pace.steps:
            self._progress.console.print(note)

    def trace(self, done: int) -> None:
        self._show("watching daily life", done, None)

    def _show(self, name: str, done: int, total: int | None, note: str = "") -> None:
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, note="")
        self._progress.update(self._tasks[name], completed=done, total=total, note=note)


@contextmanager
def _bars(console: Console) -> Iterator[_Bars]:
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        yield _Bars(progress)


def _show(result: Result, console: Console) -> None:
    table = Table(title=f"held-out people and scenes: {result.scores.windows} windows")
    table.add_column("figure")
    table.add_column("value [95 %]", justify="right")
    scores = result.scores
    for name, figure in (
        ("actions, mean F1", scores.action_f1),
        ("fall, AUC", scores.fall_auc),
        ("fall, recall at 1 false window in 1000", scores.fall_recall),
        ("aggression, AUC", scores.aggression_auc),
    ):
        table.add_row(name, str(figure))
    for risk, outcome in result.outcomes.items():
        threshold = result.card.operating_points[risk].threshold
        table.add_row(
            f"{risk} at {threshold:.2f}",
            f"{outcome.found} of {outcome.events} found, {outcome.false} false alarms "
            f"in {outcome.hours:.1f} h",
        )
    table.add_row("a window on one core", f"{result.cost_ms:.2f} ms")
    console.print(table)


def _show_encoder(result: EncoderResult, console: Console) -> None:
    table = Table(title=f"people and scenes never seen: {result.judged} frames")
    table.add_column("figure")
    table.add_column("value [95 %]", justify="right")
    for name, figure in result.figures.items():
        table.add_row(name.replace("_", " "), figure)
    for name, tier in result.card.tiers.items():
        table.add_row(f"{name}: a frame on one thread", f"{tier.ms:.2f} ms")
    console.print(table)
