"""``mizaru evaluate MANIFEST``: recall, false alarms and delays on labelled footage."""

from __future__ import annotations

import errno
import json as jsonlib
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from mizaru.edge.settings import Pace
from mizaru.errors import DataError, StorageFullError
from mizaru.settings import environment

if TYPE_CHECKING:
    from mizaru.lab.data.manifest import Clip
    from mizaru.lab.data.recording import Recorder
    from mizaru.lab.evaluate.judge import Judged
    from mizaru.lab.evaluate.report import Report
    from mizaru.lab.evaluate.run import Judge, LoadSequences
    from mizaru.lab.evaluate.task import Task

INTERRUPTED: Final = 130
KNOWN_COST: Final = 0.02
"""What is known takes about this share of the time it took to develop."""
SHOWN: Final = 12
"""So many misses and false alarms are listed on the terminal; the page has them all."""


def evaluate(
    manifest: Annotated[
        Path,
        typer.Argument(
            help="A CSV file with the columns path, kind, task, label; and, where known, "
            "label_raw, identity, group, camera, split, licence, fps.",
            show_default=False,
        ),
    ],
    task: Annotated[
        str,
        typer.Option(
            metavar="[fall|fight|action|count|smoke]",
            help="What to judge.",
            show_default=False,
        ),
    ],
    root: Annotated[
        Path | None,
        typer.Option(help="Folder that paths are relative to. [dim]Default: the manifest's.[/dim]"),
    ] = None,
    pace: Annotated[
        Pace,
        typer.Option(
            help="[bold]live[/bold]: the camera's clock, late frames are dropped; use an idle "
            "machine. [bold]fast[/bold]: every frame, which flatters."
        ),
    ] = Pace.LIVE,
    split: Annotated[
        str | None, typer.Option(help="Only rows of this split, such as eval.", show_default=False)
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=PATTERN",
            help="Only rows like this, such as [bold]camera=cam1[/bold]; may be repeated.",
            show_default=False,
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            metavar="[video|skeleton|all]",
            help="Only files of this kind. [dim]Default: videos, or skeletons without them.[/dim]",
            show_default=False,
        ),
    ] = None,
    negatives: Annotated[
        str,
        typer.Option(
            metavar="[task|all]",
            help="[bold]all[/bold]: videos of other tasks count as footage without the event.",
        ),
    ] = "task",
    json: Annotated[
        str | None,
        typer.Option(help="Write the figures here, or - for standard output.", show_default=False),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            help="Write a page to read: pictures, and a replay of every miss and false alarm.",
            show_default=False,
        ),
    ] = None,
    recordings: Annotated[
        Path | None,
        typer.Option(
            help="Where recordings of videos are kept. "
            "[dim]Default: MIZARU_RECORDINGS, or ~/.cache/mizaru/recordings.[/dim]",
            show_default=False,
        ),
    ] = None,
    models: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the perception models. "
            "[dim]Default: MIZARU_MODELS, or ~/.cache/mizaru/models.[/dim]",
            show_default=False,
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Weights as [bold]mizaru train recognizer[/bold] wrote them, or "
            "[bold]rules[/bold]. [dim]Default: what this release ships.[/dim]",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap and of skeletons.")] = 0,
) -> None:
    """Judge the recognizer on the labelled footage of MANIFEST.

    Every clip takes the way of a camera: perception, retargeting, recognizer, incidents. The
    figures are about incidents, since these ring. Videos are developed once and remembered;
    Ctrl-C loses at most the clip in hand. A broken clip is named, and the others are judged.

    Tables labels/*_intervals.csv (path, class, t0_s, t1_s) and labels/*_counts.csv (path, t_s,
    count) beside the manifest say when events happen; without them no delay can be told.

    Examples:

      mizaru evaluate MANIFEST.csv --task fall --split eval --html fall.html

      mizaru evaluate MANIFEST.csv --root data --task fight --json - | jq .auc
    """
    from mizaru.lab.evaluate.report import as_json
    from mizaru.log import configure_log

    configure_log(environment().get("MIZARU_LOG", "warning"), sys.stderr)
    for target in (json, html):
        if (
            target is not None
            and str(target) != "-"
            and not Path(target).absolute().parent.is_dir()
        ):
            raise DataError(f"{target}: cannot be written: its folder does not exist; make it")
    console = Console(stderr=True, highlight=False)
    chosen = _task(task)
    pick = _choice("--kind", kind, ("video", "skeleton", "all"))
    everything = _choice("--negatives", negatives, ("task", "all")) == "all"
    if everything and chosen.event is None:
        raise DataError(f"--negatives all: task {chosen} has no event; leave it out")
    report = _evaluate(
        manifest,
        root,
        chosen,
        pace,
        split=split,
        where=[_condition(text) for text in where or []],
        kind=pick,
        all_negatives=everything,
        folders=(models, recordings),
        weights=weights,
        seed=seed,
        replays=html is not None,
        console=console,
    )
    if json is not None:
        text = jsonlib.dumps(as_json(report), indent=1, ensure_ascii=False) + "\n"
        if json == "-":
            sys.stdout.write(text)
        else:
            _write(Path(json), text)
    if html is not None:
        from mizaru.lab.evaluate.page import page

        _write(html, page(report))
        console.print(f"{html}: written", markup=False)
    if json != "-":
        _show(report, Console(highlight=False))
    _complain(report)


def _evaluate(
    manifest: Path,
    root: Path | None,
    task: Task,
    pace: Pace,
    *,
    split: str | None,
    where: Sequence[tuple[str, str]],
    kind: str | None,
    all_negatives: bool,
    folders: tuple[Path | None, Path | None],
    weights: str | None,
    seed: int,
    replays: bool,
    console: Console,
) -> Report:
    from mizaru.edge.models import models_folder
    from mizaru.lab.data.recording import Recorder
    from mizaru.lab.evaluate.judge import decide
    from mizaru.lab.evaluate.report import Setup, cluster_of, report, sha256_of, versions
    from mizaru.lab.evaluate.run import Judge, recognizer_of, recordings_folder
    from mizaru.lab.evaluate.truth import read_marks, select

    models, recordings = folders
    store = models_folder(models, environment())
    selection = select(
        manifest, root, task, split=split, where=where, kind=kind, all_negatives=all_negatives
    )
    base = manifest.parent if root is None else root
    if not any(clip.file.exists() for clip in selection.clips):
        raise DataError(
            f"{base}: none of the {len(selection.clips)} files is here, such as "
            f"{selection.clips[0].path}; is --root right?"
        )
    recorder = Recorder(store, recordings_folder(recordings, environment()))
    recognizer, info = recognizer_of(weights)
    sequences = _sequences(recorder, pace, base, seed)
    judge = Judge(
        task,
        pace,
        recorder,
        read_marks([base / "labels", manifest.parent / "labels"]),
        sequences,
        recognizer,
        replays=replays,
    )
    clips = _judge_all(judge, selection.clips, recorder, pace, console)
    if str(task) == "action":
        clips = decide(clips)
    judged = [clip for clip in clips if clip.error is None]
    return report(
        Setup(
            task=task,
            pace=pace,
            seed=seed,
            split=split,
            manifest=(manifest.name, sha256_of(manifest)),
            recognizer=info.version,
            weights=info.sha256,
            perception=tuple(
                (file.name, sha256_of(file)) for file in sorted(store.glob("*.tflite"))
            ),
            versions=versions(),
            machine=f"{platform.machine()}, {os.cpu_count()} cores",
            cluster=cluster_of(judged),
            left_out=selection.left_out,
        ),
        clips,
    )


def _judge_all(
    judge: Judge, clips: Sequence[Clip], recorder: Recorder, pace: Pace, console: Console
) -> list[Judged]:
    """Judge the clips one by one; what takes time is to develop a video for the first time."""
    progress = Progress(
        TextColumn("{task.fields[position]}"),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    done: list[Judged] = []
    finished = 0
    try:
        with progress:
            bar = progress.add_task("looking for recordings", total=None, position="")
            costs = [] if progress.disable else [_cost(clip, recorder, pace) for clip in clips]
            progress.update(bar, total=sum(costs))
            for clip in clips:
                position = f"{finished + 1} of {len(clips)}"
                progress.update(bar, description=clip.path, position=position)
                done += judge.judge(clip)
                finished += 1
                progress.update(bar, completed=sum(costs[:finished]))
    except KeyboardInterrupt:
        console.print(
            f"stopped after {finished} of {len(clips)} clips; what was developed is kept in "
            f"{recorder.cache}, and the same command goes on from there",
            markup=False,
        )
        raise typer.Exit(INTERRUPTED) from None
    return done


def _cost(clip: Clip, recorder: Recorder, pace: Pace) -> float:
    """How long a clip takes, in bytes of video to develop."""
    try:
        size = clip.file.stat().st_size
        known = clip.kind != "video" or recorder.known(clip.file, pace) is not None
    except (OSError, DataError):
        return 0.0  # it will be named when its turn comes
    return size * (KNOWN_COST if known else 1.0)


def _sequences(recorder: Recorder, pace: Pace, root: Path, seed: int) -> LoadSequences:
    def load_sequences(clip: Clip) -> Iterator[Any]:
        from mizaru.lab.data.load import load

        yield from load(clip, recorder=recorder, pace=pace, root=root)

    return load_sequences


def _show(report: Report, console: Console) -> None:
    """The figures as a table, then who and what was hard, then what to look at."""
    from mizaru.lab.evaluate.words import count, lines, share, span, summary

    if not console.is_terminal:
        console.width = 120
    for sentence in summary(report):
        console.print(sentence, markup=False)
    console.print()
    table = Table(box=None, pad_edge=False)
    table.add_column("figure", no_wrap=True)
    table.add_column("value", justify="right", style="bold", no_wrap=True)
    table.add_column("95 % interval", justify="right", no_wrap=True)
    table.add_column("from", style="dim")
    for cells in lines(report):
        table.add_row(*cells)
    console.print(table)
    event = report.setup.task.event
    for column, name in (("identity", "person"), ("camera", "camera"), ("label", "label")):
        rows = report.breakdowns[column]
        if len(rows) < 2 or len(rows) > 20:
            continue
        part = Table(box=None, pad_edge=False, title=f"by {name}", title_justify="left")
        part.add_column(name)
        part.add_column("clips", justify="right")
        part.add_column("footage", justify="right")
        for heading in (
            (event.plural, "alarmed", "recall", "false alarms") if event else ("accuracy",)
        ):
            part.add_column(heading, justify="right")
        for row in rows:
            figures = row.figures
            shown = [row.name or "unknown", str(row.clips), span(row.hours * 3600)]
            if event:
                recall = figures.event_recall
                shown += [
                    str(row.events),
                    str(row.hits),
                    share(recall.value) if recall else "",
                    str(figures.false_alarms),
                ]
            else:
                shown.append(share(figures.accuracy.value) if figures.accuracy else "")
            part.add_row(*shown)
        console.print()
        console.print(part)
    wrong = [clip for clip in report.judged if clip.misses or clip.false_alarms]
    if wrong:
        console.print()
        console.print("to look at", style="italic")
    for clip in wrong[:SHOWN]:
        what = [count(clip.misses, "miss", "misses")] if clip.misses else []
        if clip.false_alarms:
            what.append(count(clip.false_alarms, "false alarm", "false alarms"))
        console.print(f"  {clip.path}: {', '.join(what)}", markup=False)
    if len(wrong) > SHOWN:
        console.print(f"  … and {len(wrong) - SHOWN} more; --html shows all of them", markup=False)
    for why, number in report.setup.left_out:
        console.print(f"left out: {count(number, 'row', 'rows')}: {why}; see --kind", style="dim")


def _complain(report: Report) -> None:
    """Broken clips make the program fail once everything has been said."""
    broken = report.broken
    if not broken:
        return
    for clip in broken[1:]:
        typer.echo(f"mizaru: {clip.error}", err=True)
    raise DataError(
        f"{broken[0].error} ({len(broken)} of {len(report.clips)} clips could not be judged; "
        "the figures are those of the others)"
    )


def _task(text: str) -> Task:
    from mizaru.lab.evaluate.task import Task

    try:
        return Task(text)
    except ValueError:
        raise DataError(f"--task {text}: no such task; choose {', '.join(Task)}") from None


def _choice(option: str, text: str | None, choices: tuple[str, ...]) -> str | None:
    if text is not None and text not in choices:
        raise DataError(f"{option} {text}: choose {', '.join(choices)}")
    return text


def _condition(text: str) -> tuple[str, str]:
    column, equals, pattern = text.partition("=")
    if not equals:
        raise DataError(f"--where {text}: write COLUMN=PATTERN, such as camera=cam1")
    return column, pattern


def _write(file: Path, text: str) -> None:
    """Whole or not at all."""
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(file)
    except OSError as error:
        kind = StorageFullError if error.errno in (errno.ENOSPC, errno.EDQUOT) else DataError
        raise kind(f"{file}: cannot be written: {error.strerror or error}") from None
    finally:
        part.unlink(missing_ok=True)
