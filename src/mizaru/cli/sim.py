"""``mizaru sim``: render sample videos with exact ground truth, or keep the motion alone."""

from __future__ import annotations

import re
import signal
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from mizaru.errors import SimError

app = typer.Typer(
    help="Render a simulated world: videos of people who do not exist, with exact ground truth.",
    no_args_is_help=True,
)


@app.command()
def render(
    scenario: Annotated[
        Path,
        typer.Argument(help="A scenario file (TOML); see [bold]mizaru sim list[/bold]."),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Video to write, .mp4 or .mkv.", show_default=False)
    ],
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Another take: other falls, same people.", show_default=False),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(min=1, max=60, help="Frames per second.", show_default=False),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(help="Width x height such as 640x360.", show_default=False),
    ] = None,
    camera: Annotated[
        str | None,
        typer.Option(help="Name of one of the scenario's cameras.", show_default=False),
    ] = None,
    masks: Annotated[
        bool, typer.Option("--masks", help="Also write instance masks (.masks.npz).")
    ] = False,
    taint: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Paint people with the high-entropy pattern of this seed, for leak tests.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Render SCENARIO to a video, with its ground truth beside it (.truth.jsonl).

    One line of truth per frame: who is in view, what they do, joints in the world, COCO
    keypoints with visibility, boxes and contacts. Nothing is written unless all of it is.

    Example: mizaru sim render examples/scenarios/restroom.toml --out restroom.mp4
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from mizaru.lab.sim import Appearance, load_scenario
    from mizaru.lab.sim import render as play
    from mizaru.lab.sim.video import truth_file, write_video

    size_wh = None if size is None else _size(size)
    plan = load_scenario(scenario)
    rate = fps or plan.fps
    frames = play(
        plan, camera=camera, seed=seed, fps=rate, size_wh=size_wh, appearance=Appearance(taint)
    )
    console = Console(stderr=True, highlight=False)
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    # Ending politely lets the half-written files be removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with progress:
        task = progress.add_task("rendering", total=max(1, round(plan.duration * rate)))
        for truth in write_video(frames, out, fps=rate, masks=masks):
            doing = ", ".join(sorted({str(s.behavior) for s in truth.subjects if s.in_view}))
            progress.update(task, advance=1, description=doing or "nobody")
    console.print(f"{out}: {plan.title}\n{truth_file(out)}: ground truth", markup=False)


@app.command()
def motion(
    scenario: Annotated[
        Path,
        typer.Argument(help="A scenario file (TOML); see [bold]mizaru sim list[/bold]."),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="File to write, .npz.", show_default=False)
    ],
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Another take: other falls, same people.", show_default=False),
    ] = None,
    fps: Annotated[float, typer.Option(min=1, max=120, help="Frames per second.")] = 30.0,
) -> None:
    """Play SCENARIO without pictures: joints in metres, behaviours and events, as NumPy arrays.

    Much faster than rendering, and it needs no OpenGL. The file holds joints (T, P, 17, 3),
    behaviors (T, P), fps, people, and as JSON events (falls with their impact, blows, pushes)
    and rest (outlines of beds and sofas).

    Example: mizaru sim motion examples/scenarios/restroom.toml --out restroom.npz
    """
    from rich.console import Console

    from mizaru.lab.sim import load_scenario, perform
    from mizaru.lab.sim.motion import write_motion

    plan = load_scenario(scenario)
    if seed is not None:
        plan = msgspec.structs.replace(plan, seed=seed)
    console = Console(stderr=True, highlight=False)
    with console.status("playing"):
        done = perform(plan, fps=fps)
    write_motion(done, out)
    console.print(
        f"{out}: {done.seconds:.0f} s of {len(done.people)} people, {len(done.events)} events",
        markup=False,
    )


@app.command("list")
def list_scenarios(
    folder: Annotated[Path, typer.Argument(help="Folder with scenario files.")] = Path(
        "examples/scenarios"
    ),
) -> None:
    """List the scenarios of a folder: file, length, people, what happens."""
    from rich.console import Console
    from rich.table import Table

    from mizaru.lab.sim import load_scenario

    files = sorted(folder.glob("*.toml"))
    if not files:
        raise SimError(f"{folder}: no scenario files (*.toml) here; name another folder")
    table = Table(box=None, pad_edge=False)
    for column in ("file", "length", "people", "cameras", "what"):
        table.add_column(column)
    for file in files:
        plan = load_scenario(file)
        cameras = ", ".join(camera.name for camera in plan.camera)
        table.add_row(str(file), f"{plan.duration:g} s", str(len(plan.person)), cameras, plan.title)
    console = Console()
    if not console.is_terminal:
        console.width = 200  # one line per scenario for programs that read this
    console.print(table)


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)[x×](\d+)", text)
    width, height = (int(match[1]), int(match[2])) if match else (0, 0)
    if not (64 <= width <= 1920 and 64 <= height <= 1080) or width % 2 or height % 2:
        raise SimError(
            f"--size {text}: give width x height, even, from 64x64 to 1920x1080, such as 640x360"
        )
    return width, height
