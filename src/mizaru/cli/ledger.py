"""``mizaru ledger``: what the embedding z can tell of somebody at most, and what bounds nothing."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Callable, Iterator
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from mizaru.errors import SettingsError, StorageFullError
from mizaru.ledger import draw
from mizaru.ledger.account import (
    AMONG,
    BUDGET,
    DELTA,
    FAR,
    Channel,
    Figures,
    Reading,
    embedding_bits,
    figures,
)
from mizaru.ledger.calibration import SHIPPED, Calibration, read_card
from mizaru.wire import budget as wire_budget
from mizaru.wire.messages import GRID_MS

_DEFAULT: Final = Channel()


def ledger(
    width: Annotated[
        int, typer.Option("--width", "-d", metavar="D", help="Numbers in z, 1 … 32.")
    ] = _DEFAULT.width,
    clip: Annotated[
        float | None,
        typer.Option(
            "--clip",
            "-c",
            metavar="C",
            help="Largest length of μ; unless given, the card's, else 1.",
            show_default=False,
        ),
    ] = None,
    sigma: Annotated[
        float,
        typer.Option("--sigma", "-s", help="Noise of one track: .2 for utility, .35 to be strict."),
    ] = _DEFAULT.sigma,
    sticky: Annotated[
        float, typer.Option(help="Share of σ² that is drawn once per track, 0 … below 1.")
    ] = _DEFAULT.sticky,
    frames: Annotated[
        int, typer.Option("--frames", "-t", metavar="T", help="Frames of one track.")
    ] = 25,
    visits: Annotated[
        int,
        typer.Option(metavar="V", help="Tracks that an attacker knows to be of one person."),
    ] = 1,
    budget: Annotated[float, typer.Option(help="Nats per track, after which z stops.")] = BUDGET,
    among: Annotated[
        list[int] | None,
        typer.Option(
            "--among",
            "-n",
            metavar="N",
            help="Name one of how many; can be given again. Unless given: 40 and 1000.",
            show_default=False,
        ),
    ] = None,
    every_ms: Annotated[
        int, typer.Option(min=GRID_MS, metavar="MS", help="Time between two z.")
    ] = GRID_MS,
    card: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Card of the encoder, for the calibrated lines; unless given, the shipped one. "
            "With a cloud's file: one more to know weights by.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|URL",
            help="Read the books of a cloud instead: its SQLite file, or http://HOST:PORT.",
            show_default=False,
        ),
    ] = None,
    tracks: Annotated[
        int, typer.Option(min=1, max=200, help="With --data: so many tracks, the last first.")
    ] = 20,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT.svg|OUT.html",
            help="Draw nats and p_max against time, and where z stops.",
            show_default=False,
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Print the privacy ledger of the embedding z: what it can tell of one track at most.

    Three columns, each with its condition. One frame alone: noise σ, any input. T frames, any
    input: always true, and the one that the budget is charged by; sticky noise does not help
    there. T frames, what stays the same: true only where who somebody is adds a constant to μ
    and changes nothing else about it; then sticky noise sets a floor.

    These are worst cases, and loose: at useful noise they allow nearly everything, while attacks
    do little better than guessing (mizaru audit). Neither replaces the other: an attack shows
    what one attacker got, a bound what none can exceed. Poses and plates get no noise and no
    bound: only their bits stand here, and attacks in the audit.

    Examples:

    mizaru ledger

    mizaru ledger --sigma 0.2 --frames 250 --plot ledger.svg

    mizaru ledger --sigma 2 --visits 5 --among 12 --json

    mizaru ledger --data mizaru-cloud.sqlite --tracks 50
    """
    if data is not None:
        if plot is not None:
            raise SettingsError(
                "--plot draws a channel's curves; give its settings instead of --data"
            )
        _show_books(data, tracks, card, json)
        return
    if card is None and SHIPPED.exists():
        card = SHIPPED
    known = None if card is None else read_card(card)
    try:
        if clip is None:
            clip = _DEFAULT.clip if known is None else known.clip
        channel = Channel(width=width, clip=clip, sigma=sigma, sticky=sticky)
        numbers = tuple(among or AMONG)
        calibration = Calibration() if known is None else known.calibration(channel)
        book = _Book(channel, budget, frames, visits, numbers, calibration, every_ms / 1000)
    except ValueError as error:
        raise SettingsError(f"{error}; see mizaru ledger --help") from None
    if plot is not None:
        _draw(book, plot)
    if json:
        typer.echo(jsonlib.dumps(book.document(), indent=2, ensure_ascii=False))
        return
    console = Console(highlight=False)
    for table in book.tables():
        console.print(table)
        console.print()
    for note in book.notes():
        console.print(note)
    if plot is not None:
        console.print(f"[dim]{plot}: drawn[/]")


def _show_books(data: str, tracks: int, card: Path | None, json: bool) -> None:
    from mizaru.cli.ledger_data import notes, read_books, tables

    books = read_books(data, tracks, card)
    if json:
        typer.echo(books.model_dump_json(indent=2))
        return
    console = Console(highlight=False)
    for table in tables(books):
        console.print(table)
        console.print()
    for note in notes(books):
        console.print(note)
    if books.next is not None:
        console.print(f"[dim]There are more tracks than these {len(books.tracks)}: --tracks.[/]")


class _Book:
    """All that is printed for one channel.

    Raises:
        ValueError: a bad argument.
    """

    def __init__(
        self,
        channel: Channel,
        budget: float,
        frames: int,
        visits: int,
        among: tuple[int, ...],
        calibration: Calibration,
        every_s: float,
    ) -> None:
        self.channel, self.budget, self.frames = channel, budget, frames
        self.visits, self.among, self.calibration = visits, among, calibration
        self.every_s = every_s
        self.last = channel.frames_within(budget)
        self._columns = {reading: self._at(reading, frames) for reading in Reading}

    def _at(self, reading: Reading, frames: int) -> Figures:
        return figures(
            self.channel,
            reading,
            frames,
            eigenvalues=self.calibration.eigenvalues,
            visits=self.visits,
            among=self.among,
        )

    def curves(self) -> str:
        """The drawing."""
        return draw.curves(
            self.channel,
            self.budget,
            self.frames,
            eigenvalues=self.calibration.eigenvalues,
            visits=self.visits,
            among=self.among,
            every_s=self.every_s,
        )

    def tables(self) -> Iterator[Table]:
        """Lines, sums over time, bits."""
        yield self._lines()
        yield self._sums()
        yield self._floor()
        yield self._bits()

    def _lines(self) -> Table:
        c = self.channel
        table = Table(
            title=f"z of D = {c.width}, C = {c.clip:g}, σ = {c.sigma:g}, {c.sticky:.0%} sticky:"
            " what one track can tell at most",
            title_justify="left",
        )
        table.add_column("line")
        over = f"{self.frames} frames"
        if self.visits > 1:
            over += f", {self.visits} visits"
        for reading in Reading:
            heading = reading if reading is Reading.FRAME else f"{over}:\n{reading}"
            table.add_column(heading, justify="right")
        lines: list[tuple[str, Callable[[Figures], str]]] = [
            ("capacity, nats", lambda f: _number(f.nats)),
            ("calibrated, nats", lambda f: "–" if f.calibrated is None else _number(f.calibrated)),
            ("zCDP ρ", lambda f: _number(f.rho)),
            (f"… as ε at δ = {DELTA:g}", lambda f: _number(f.epsilon)),
            ("GDP m", lambda f: _number(f.m)),
            (f"… as TAR at FAR {FAR:.1%}", lambda f: _share(f.tar)),
        ]
        for place, number in enumerate(self.among):
            lines += [
                (f"p_max, N = {number:,}", lambda f, at=place: _place(f.top_1, at)),  # type: ignore[misc]
                ("… calibrated", lambda f, at=place: _place(f.top_1_calibrated, at)),  # type: ignore[misc]
            ]
        for name, say in lines:
            table.add_row(name, *(say(self._columns[reading]) for reading in Reading))
        return table

    def _sums(self) -> Table:
        title = f"One track, any input, budget {self.budget:,g} nats"
        table = _numbers(title, "frames", "seconds", "nats", "of the budget")
        for count, anything, _ in self._over_time():
            nats = anything.nats / self.visits
            seconds = _seconds(count * self.every_s)
            table.add_row(f"{count:,}", seconds, _number(nats), f"{nats / self.budget:.1%}")
        table.add_section()
        table.add_row(f"{self.last:,}", _seconds(self.last * self.every_s), "z stops")
        return table

    def _floor(self) -> Table:
        names = [f"p_max {number:,}" for number in self.among]
        headings = ["frames", "nats", *names]
        if self.calibration.eigenvalues:
            headings += ["calibrated", *names]
        table = _numbers("What stays the same", *headings)
        for count, _, same in self._over_time():
            row = [f"{count:,}", _number(same.nats), *(_share(p) for _, p in same.top_1)]
            if same.calibrated is not None:
                row += [_number(same.calibrated), *(_share(p) for _, p in same.top_1_calibrated)]
            table.add_row(*row)
        return table

    def _over_time(self) -> Iterator[tuple[int, Figures, Figures]]:
        counts = {1, 5, 25, 125, 600, self.frames, self.last}
        for count in sorted(counts):
            if 1 <= count <= self.last:
                yield count, self._at(Reading.ANY, count), self._at(Reading.STATIC, count)

    def _bits(self) -> Table:
        table = Table(title="Bits on the wire, worst case of one camera", title_justify="left")
        for heading in ("part", "bits each", "bits/s", "bounded by"):
            table.add_column(heading, justify="right" if "bits" in heading else "left")
        for name, bits, per_s, bound in self._wire():
            table.add_row(name, f"{bits:,}", f"{per_s:,.0f}", bound)
        return table

    def _wire(self) -> Iterator[tuple[str, int, float, str]]:
        z = embedding_bits(self.channel)
        yield f"z, {self.channel.width} B and its step", z, z / self.every_s, "the lines above"
        for row in wire_budget.rows():
            if row.what in ("pose", "plate"):
                bits = 8 * row.bytes_each
                words = "pose: 47 B, head 3 B, id" if row.what == "pose" else row.what
                yield words, bits, bits * row.per_second, "nothing: see mizaru audit"

    def notes(self) -> Iterator[str]:
        """What must be read with the tables."""
        if self.calibration.eigenvalues:
            yield f"Calibrated: for frames like those of {self.calibration.named}."
        else:
            yield "Calibrated: no card of an encoder with this width and clip; give --card."
        chances = " and ".join(f"{_share(1 / number)} of {number:,}" for number in self.among)
        yield f"p_max: nobody names one of N more often; guessing gives {chances}."
        yield (
            "What stays the same: true only where who somebody is adds a constant to μ and changes "
            "nothing else. Nothing but an attack tests that. A new visit draws new noise."
        )
        yield (
            "Worst cases, and loose: a large ε here and an attack near chance in mizaru audit are "
            "both true, and neither replaces the other. In proxy mode z is made of the released "
            "plate and poses alone, so it adds nothing to what these say (data processing)."
        )

    def document(self) -> dict[str, object]:
        """The same for machines."""
        return {
            "channel": asdict(self.channel),
            "budget_nats": self.budget,
            "visits": self.visits,
            "calibration_set": self.calibration.named,
            "lines": [asdict(column) for column in self._columns.values()],
            "over_time": [
                {
                    "frames": count,
                    "seconds": count * self.every_s,
                    "any_input": asdict(anything),
                    "static": asdict(same),
                }
                for count, anything, same in self._over_time()
            ],
            "stops_after_frames": self.last,
            "wire": [
                {"part": name, "bits_each": bits, "bits_per_s": per_s, "bounded_by": bound}
                for name, bits, per_s, bound in self._wire()
            ],
        }


def _draw(book: _Book, out: Path) -> None:
    svg = book.curves()
    if out.suffix == ".html":
        svg = (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>Mizaru: ledger</title>'
            '<meta name="viewport" content="width=device-width"><style>body{margin:2rem auto;'
            "max-width:60rem;font:16px/1.5 system-ui,sans-serif;color-scheme:light dark}</style>"
            f"<h1>What z can tell of one track</h1>{svg}"
            + "".join(f"<p>{escape(note)}</p>" for note in book.notes())
            + "</html>\n"
        )
    elif out.suffix != ".svg":
        raise SettingsError(f"--plot {out}: name a file that ends in .svg or .html")
    try:
        out.write_text(svg, encoding="utf-8")
    except OSError as error:
        raise StorageFullError(
            f"{out}: cannot be written ({error.strerror or error}); name another file"
        ) from None


def _numbers(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _place(shares: tuple[tuple[int, float], ...], place: int) -> str:
    return _share(shares[place][1]) if shares else "–"


def _seconds(value: float) -> str:
    return f"{value:,.1f}"


def _share(value: float) -> str:
    """Percent, never rounded up to a certainty nor down to nothing."""
    if 0.9999 < value < 1:
        return "> 99.99 %"
    return f"{value:.2%}" if value < 0.1 else f"{value:.1%}"
