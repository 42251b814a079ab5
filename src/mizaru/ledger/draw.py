"""The ledger over time as one SVG: nats above, p_max below; no library, no network."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import Final

from mizaru.ledger.account import AMONG, Channel, Figures, Reading, figures
from mizaru.wire.messages import GRID_MS

WIDTH: Final = 800
_HEIGHT: Final = 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 236, 30, 44
_POINTS: Final = 80
_STYLE: Final = """
svg.ledger{font:13px system-ui,sans-serif;color:#1c2024;background:#fff}
.ledger text{fill:currentColor}.ledger .dim{fill:#60646c;font-size:12px}
.ledger .head{font-weight:600}.ledger .grid{stroke:#e0e1e6}
.ledger polyline{fill:none;stroke-width:2}.ledger .mark{stroke-width:1;stroke-dasharray:2 4}
.ledger .any{stroke:#c2410c}.ledger .static{stroke:#0369a1}.ledger .stop{stroke:#60646c}
.ledger .thin{stroke-dasharray:7 4}
@media (prefers-color-scheme:dark){svg.ledger{color:#edeef0;background:#18191b}
.ledger .dim{fill:#b0b4ba}.ledger .grid{stroke:#363a3f}.ledger .any{stroke:#fb923c}
.ledger .static{stroke:#38bdf8}.ledger .stop{stroke:#b0b4ba}}
"""

Point = tuple[float, float]


def curves(
    channel: Channel,
    budget: float,
    frames: int,
    *,
    eigenvalues: Sequence[float] = (),
    visits: int = 1,
    among: Sequence[int] = AMONG,
    every_s: float = GRID_MS / 1000,
) -> str:
    """What one track adds up to, against time (logarithmic); flat where z has stopped.

    Args:
        channel: its parameters.
        budget: nats per track, > 0.
        frames: T ≥ 1 that are looked at; the axis goes on beyond where z stops.
        eigenvalues: of the calibration set, or none (then no dashed lines).
        visits: V ≥ 1.
        among: N of each p_max.
        every_s: seconds between two z.

    Returns:
        A whole SVG document.
    """
    last = channel.frames_within(budget)
    end = max(frames, min(4 * last, 100 * frames), 10)
    times = sorted({round(end ** (i / (_POINTS - 1))) for i in range(_POINTS)} | {max(1, last)})

    def over(reading: Reading, value: Callable[[Figures], float]) -> list[Point]:
        return [
            (
                number * every_s,
                value(
                    figures(
                        channel,
                        reading,
                        min(number, last),
                        eigenvalues=eigenvalues,
                        visits=visits,
                        among=among,
                    )
                )
                if last
                else 0.0,
            )
            for number in times
        ]

    everything, same = over(Reading.ANY, lambda f: f.nats), over(Reading.STATIC, lambda f: f.nats)
    reach = (every_s, end * every_s)
    top = 10 ** math.ceil(math.log10(max(everything[-1][1], budget * visits, 10.0)))
    nats = _Panel(reach, (0.1, top), 0, True, "nats that one track can have said at most")
    nats.line(everything, "any", "any input")
    nats.line(same, "static", "what stays the same")
    if eigenvalues:
        nats.line(over(Reading.ANY, lambda f: f.calibrated or 0.0), "any thin", "… calibrated")
        nats.line(
            over(Reading.STATIC, lambda f: f.calibrated or 0.0), "static thin", "… calibrated"
        )
    nats.across(budget * visits, "stop", f"budget {budget * visits:,g}")
    for number in among:
        nats.across(math.log(number), "stop", f"ln {number:,}: names one of {number:,}")
    panels = [nats]
    for calibrated in (False, True)[: 2 if eigenvalues else 1]:
        words = "p_max: nobody names one of N more often" + ", calibrated" * calibrated
        naming = _Panel(reach, (0.0, 1.0), len(panels), False, words)
        for place, number in enumerate(among):
            for reading, name in ((Reading.ANY, "any"), (Reading.STATIC, "static")):
                points = over(reading, lambda f, at=(calibrated, place): _naming(f, *at))  # type: ignore[misc]
                css = f"{name} thin" if place else name
                naming.line(points, css, f"N = {number:,}, {reading}")
            naming.across(1 / number, "stop", f"guessing, N = {number:,}")
        panels.append(naming)
    for panel in panels:
        panel.upright(max(1, last) * every_s, f"z stops: {last * every_s:,.4g} s")
    height = len(panels) * _HEIGHT
    title = (
        f"Ledger: D {channel.width}, C {channel.clip:g}, σ {channel.sigma:g},"
        f" sticky {channel.sticky:g}, visits {visits}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="ledger" viewBox="0 0 {WIDTH} {height}"'
        f' role="img" aria-label="{escape(title)}"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style>{''.join(panel.svg() for panel in panels)}</svg>\n"
    )


def _naming(figures_: Figures, calibrated: bool, place: int) -> float:
    return (figures_.top_1_calibrated if calibrated else figures_.top_1)[place][1]


class _Panel:
    """One diagram over seconds (logarithmic), under the one before.

    Args:
        x, y: from … to, in data.
        number: how many diagrams stand above.
        logarithmic: whether y is, too.
        title: above it.
    """

    def __init__(self, x: Point, y: Point, number: int, logarithmic: bool, title: str) -> None:
        self._x, self._y, self._log = x, y, logarithmic
        self._up = number * _HEIGHT
        self._names: list[tuple[float, str, str]] = []
        self._parts = [self._text(_LEFT, self._up + 16, title, "start", "head")]
        for tick in _decades(*y) if logarithmic else (0.0, 0.25, 0.5, 0.75, 1.0):
            self._parts.append(self._path([(x[0], tick), (x[1], tick)], "grid"))
            left, middle = self._at((x[0], tick))
            self._parts.append(self._text(left - 8, middle + 4, f"{tick:g}", "end", "dim"))
        for tick in _decades(*x):
            middle, bottom = self._at((tick, y[0]))
            self._parts.append(self._text(middle, bottom + 17, f"{tick:g}", "middle", "dim"))
        right, bottom = self._at((x[1], y[0]))
        self._parts.append(self._text(right, bottom + 34, "seconds with z", "end", "dim"))

    def line(self, points: Sequence[Point], css: str, name: str) -> None:
        """A curve, named at its end."""
        self._parts.append(self._path(points, css))
        self._names.append((self._at(points[-1])[1], name, ""))

    def across(self, level: float, css: str, name: str) -> None:
        """A level, named at its end."""
        ends = [(self._x[0], level), (self._x[1], level)]
        self._parts.append(self._path(ends, f"{css} mark"))
        self._names.append((self._at(ends[1])[1], name, "dim"))

    def upright(self, x: float, name: str) -> None:
        """A moment, named at its top."""
        ends = [(x, self._y[0]), (x, self._y[1])]
        self._parts.append(self._path(ends, "stop"))
        across, top = self._at(ends[1])
        anchor = "start" if across < (_LEFT + WIDTH - _RIGHT) / 2 else "end"
        aside = 5 if anchor == "start" else -5
        self._parts.append(self._text(across + aside, top + 12, name, anchor, "dim"))

    def svg(self) -> str:
        """Everything, names pushed apart so that each can be read."""
        lowest = self._up + _TOP - 14.0
        for level, name, css in sorted(self._names):
            lowest = max(level + 4, lowest + 14)
            self._parts.append(self._text(WIDTH - _RIGHT + 8, lowest, name, "start", css))
        return "".join(self._parts)

    def _at(self, point: Point) -> Point:
        (x0, x1), (y0, y1) = self._x, self._y
        x = math.log(point[0] / x0) / math.log(x1 / x0)
        value = min(max(point[1], y0), y1)
        y = math.log(value / y0) / math.log(y1 / y0) if self._log else (value - y0) / (y1 - y0)
        return (
            _LEFT + x * (WIDTH - _LEFT - _RIGHT),
            self._up + _HEIGHT - _BOTTOM - y * (_HEIGHT - _TOP - _BOTTOM),
        )

    def _path(self, points: Sequence[Point], css: str) -> str:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(self._at, points))
        return f'<polyline points="{path}" class="{css.strip()}"/>'

    def _text(self, x: float, y: float, words: str, anchor: str, css: str) -> str:
        kind = f' class="{css}"' if css else ""
        return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}>{escape(words)}</text>'


def _decades(low: float, high: float) -> list[float]:
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    return [10.0**power for power in range(first, last + 1)]
