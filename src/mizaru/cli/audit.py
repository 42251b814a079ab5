"""``mizaru audit``: what an attacker still learns from what leaves, as numbers."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from mizaru.edge.models import models_folder
from mizaru.errors import DataError
from mizaru.settings import environment

if TYPE_CHECKING:
    from mizaru.lab.audit.results import Results

app = typer.Typer(
    help="Attack what leaves the darkroom, and print what was learnt beside chance and raw.",
    no_args_is_help=True,
)

INTERRUPTED = 130

_Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for results and page.")]


@app.command()
def run(
    out: _Out = Path("audit"),
    profile: Annotated[
        str,
        typer.Option(
            metavar="[quick|full]",
            help="[bold]quick[/bold]: ten minutes on two cores. [bold]full[/bold]: more and "
            "longer visits, more attackers; hours, and may be broken off at any time.",
        ),
    ] = "quick",
    data: Annotated[
        Path | None,
        typer.Option(
            help="Folder with MANIFEST.csv: real faces, passers-by and skeletons, too. "
            "[dim]Default: only the sim's people.[/dim]",
            show_default=False,
        ),
    ] = None,
    representation: Annotated[
        list[str] | None,
        typer.Option(help="Only this one and the controls; may be repeated.", show_default=False),
    ] = None,
    attack: Annotated[
        list[str] | None,
        typer.Option(help="Only this attack; may be repeated.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of attackers and noise.")] = 0,
    resume: Annotated[
        bool, typer.Option(help="Keep what was run before with the same everything.")
    ] = True,
    exact: Annotated[
        bool,
        typer.Option(
            "--exact",
            help="No pictures, only exact joints of few people: poses alone are attacked, in a "
            "minute. What continuous integration runs.",
        ),
    ] = False,
    people: Annotated[
        int | None,
        typer.Option(min=8, max=400, help="So many of the sim's people.", show_default=False),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="Processes at once. [dim]Default: one a core.[/dim]", show_default=False
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(
            help="Where visits are kept. "
            "[dim]Default: MIZARU_AUDIT, or ~/.cache/mizaru/audit.[/dim]",
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
) -> None:
    """Run every attack on every representation that it fits, then write the page.

    Each figure stands beside the same attack on raw pictures and beside chance. Where an attack
    fails on its positive control, too, the row is void and says so. Ctrl-C loses at most the
    pairs in hand; the same command goes on from there.

    Examples:

      mizaru audit run --out audit

      mizaru audit run --profile full --data data --out audit-full

      mizaru audit run --attack identity --representation omega --people 20 --out try

      mizaru audit run --exact --representation retargeted_skeleton --attack identity --out gate
    """
    import msgspec

    from mizaru.lab.audit import visits_sim
    from mizaru.lab.audit.contract import Profile
    from mizaru.lab.audit.run import Wish
    from mizaru.lab.audit.run import run as play
    from mizaru.lab.audit.visits import Source

    try:
        chosen = Profile(profile)
    except ValueError:
        raise DataError(f"--profile {profile}: choose {', '.join(Profile)}") from None
    wish = Wish(chosen, tuple(representation or ()), tuple(attack or ()), seed, resume)
    folder = cache or environment().get("MIZARU_AUDIT") or "~/.cache/mizaru/audit"
    source = Source(
        cache=Path(folder).expanduser(),
        models=models_folder(models, environment()),
        data=data,
        workers=workers or os.cpu_count() or 1,
        recipe=visits_sim.GATE if exact else None,
        pictures=not exact,
    )
    if people is not None:
        recipe = msgspec.structs.replace(source.wanted(chosen), people=people)
        source = replace(source, recipe=recipe)
    console = Console(stderr=True, highlight=False)
    # Ending politely lets half-written files be removed and other processes end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    progress = Progress(
        TextColumn("{task.description:<34}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    try:
        with progress:
            bars = {
                "visits": progress.add_task("people come by", total=None),
                "attacks": progress.add_task("attacks", total=None),
            }

            def tick(what: str, done: int, all_: int) -> None:
                bar = bars["visits" if what == "visits" else "attacks"]
                words = "people come by" if what == "visits" else what
                progress.update(bar, description=words, completed=done, total=all_)
                if not console.is_terminal and (what != "visits" or done == all_):
                    console.print(f"{words}: {done} of {all_}", markup=False)

            results = play(wish, source, out, tick)
    except KeyboardInterrupt:
        console.print(
            f"stopped; what was run is kept in {out}, and the same command goes on from there",
            markup=False,
        )
        raise typer.Exit(INTERRUPTED) from None
    page = _write_page(results, out)
    _show(results, Console(highlight=False))
    console.print(f"{page}: written", markup=False)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="Folder that [bold]audit run[/bold] wrote.")],
) -> None:
    """Write the page anew from the results of a run, and print the figures.

    Example: mizaru audit report audit
    """
    from mizaru.lab.audit.results import RESULTS, read_results

    results = read_results(folder / RESULTS)
    page = _write_page(results, folder)
    _show(results, Console(highlight=False))
    Console(stderr=True, highlight=False).print(f"{page}: written", markup=False)


@app.command()
def gate(
    folder: Annotated[Path, typer.Argument(help="Folder that [bold]audit run[/bold] wrote.")],
    baseline: Annotated[
        Path, typer.Option(help="Results to hold them against.", show_default=True)
    ] = Path("docs/audit/baseline-quick.json"),
    slack: Annotated[
        float, typer.Option(min=0, max=1, help="By so much a figure may exceed its interval.")
    ] = 0.02,
) -> None:
    """Fail where a leak grew beyond its interval, or a row is missing or void now.

    A leak grew if even the low end of its interval lies above the high end of the baseline's by
    more than the slack, a share of the way from chance to the largest value there is.

    Example: mizaru audit gate audit --baseline docs/audit/baseline-quick.json
    """
    from mizaru.lab.audit.gate import compare
    from mizaru.lab.audit.results import RESULTS, read_results

    now, then = read_results(folder / RESULTS), read_results(baseline)
    complaints = compare(now, then, slack)
    for line in complaints:
        typer.echo(f"mizaru: {line}", err=True)
    if complaints:
        raise DataError(f"{folder}: {len(complaints)} rows are worse than {baseline}")
    Console(stderr=True, highlight=False).print(
        f"{folder}: {len(then.rows)} rows, none worse than {baseline}", markup=False
    )


@app.command("list")
def list_all() -> None:
    """List representations and attacks, and which attack fits which representation."""
    from mizaru.lab.audit.registry import ATTACKS, REPRESENTATIONS, Means

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 160
    table = Table("representation", "medium", "control", "what a reader gets", box=None)
    for name, maker in REPRESENTATIONS.items():
        made = maker(Means(Path()))
        table.add_row(name, str(made.medium), "yes" if made.control else "", made.words)
    console.print(table)
    console.print()
    table = Table("attack", "on", "what the attacker wants", "source", box=None)
    for name, attack in ATTACKS.items():
        table.add_row(name, ", ".join(sorted(attack.media)), attack.words, attack.source)
    console.print(table)


def _write_page(results: Results, out: Path) -> Path:
    from mizaru.lab.audit.page import page
    from mizaru.lab.audit.results import PAIRS, SHOWCASE, read_pair, read_showcase
    from mizaru.lab.audit.visits_file import write

    pairs = [read_pair(file) for file in sorted((out / PAIRS).glob("*.json"))]
    examples = [example for pair in pairs if pair is not None for example in pair.examples]
    place = out / "audit.html"
    write(place, page(results, read_showcase(out / SHOWCASE), examples).encode())
    return place


def _show(results: Results, console: Console) -> None:
    """The sentences, then the rows that matter most."""
    from mizaru.lab.audit.report import headline, summary

    if not console.is_terminal:
        console.width = 140
    for sentence in summary(results):
        console.print(sentence, markup=False)
    console.print()
    table = Table(box=None, pad_edge=False)
    for heading in ("representation", "attack", "measure", "setting", "value", "95 %", "chance"):
        table.add_column(heading, no_wrap=heading != "setting")
    for cells in headline(results):
        table.add_row(*cells)
    console.print(table)
