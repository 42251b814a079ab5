"""Figures of the audit as SVG, with the colours of the evaluation's page; no library."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Final

from mizaru.lab.audit.report import is_share, plain
from mizaru.lab.audit.results import Record
from mizaru.lab.audit.run import RANDOM

WIDTH: Final = 560
_LEFT, _RIGHT, _PITCH = 150, 66, 27
_COLOURS: Final = (
    "#1f62b0", "#b3201b", "#0b6b62", "#a85d00", "#7a3fa0", "#4c6a1f", "#a03a6a", "#5a6672",
    "#9a9f00", "#008a99",
)  # fmt: skip


def ladder(rows: Sequence[Record], ours: str) -> str:
    """One bar a representation with its interval; chance is the broken line.

    Args:
        rows: of one question.
        ours: representation that the page is about; drawn strong.
    """
    ends = [x for row in rows for x in (row.low, row.high, row.chance) if x is not None]
    share = all(is_share(row) for row in rows)
    low, high = (0.0, 1.0) if share else (min(ends, default=0.0), max(ends, default=1.0))
    if not share:
        pad = 0.08 * max(high - low, 1e-6)
        low, high = low - pad, high + pad
    span, height = WIDTH - _LEFT - _RIGHT, 24 + _PITCH * len(rows)

    def at(value: float) -> float:
        return _LEFT + span * (min(max(value, low), high) - low) / max(high - low, 1e-9)

    parts = []
    for k in range(5):
        value = low + (high - low) * k / 4
        parts.append(_upright(at(value), height, "axis"))
        parts.append(_text(at(value), height - 4, plain(rows[0], value), "middle", "dim"))
    for i, row in enumerate(rows):
        y = 6 + i * _PITCH
        strong = "" if row.representation == ours else " soft"
        parts.append(_text(_LEFT - 8, y + 13, row.representation.replace("_", " "), "end"))
        if row.void or row.value is None:
            parts.append(_text(_LEFT + 6, y + 13, "void" if row.void else "–", "start", "dim"))
            continue
        css = (
            "quiet"
            if row.representation == RANDOM
            else "accent"
            if row.representation == ours
            else "bad"
        )
        begin = at(0.0 if share else row.chance or low)
        x0, x1 = sorted((begin, at(row.value)))
        parts.append(
            f'<rect x="{x0:.1f}" y="{y}" width="{max(1.0, x1 - x0):.1f}" height="17" rx="3" '
            f'class="{css}{strong}"><title>{escape(_note(row))}</title></rect>'
        )
        if row.low is not None and row.high is not None:
            a, b, middle = at(row.low), at(row.high), y + 8.5
            parts.append(
                f'<path d="M{a:.1f} {middle}H{b:.1f}M{a:.1f} {middle - 4}v8'
                f'M{b:.1f} {middle - 4}v8" class="whisker" />'
            )
        parts.append(_text(WIDTH - _RIGHT + 8, y + 13, plain(row, row.value), "start", "dim"))
    chance = rows[0].chance
    if chance is not None:
        parts.append(_upright(at(chance), height, "dash"))
    return _svg(height, "leak by representation", parts)


def growth(rows: Sequence[Record]) -> str:
    """How a leak grows with the number of frames: one line a representation, T on a log axis."""
    drawn = [row for row in rows if len(row.curve) > 1 and not row.void]
    if not drawn:
        return ""
    most = max(x for row in drawn for x, _ in row.curve)
    height, right = 300, 150
    top = max((y or 0.0) for row in drawn for _, y in row.curve)
    top = 1.0 if top > 0.5 else max(0.1, math.ceil(top * 10) / 10)

    def at(x: float, y: float) -> tuple[float, float]:
        across = math.log(x) / max(math.log(most), 1e-9)
        return 46 + across * (WIDTH - 46 - right), height - 34 - y / top * (height - 54)

    parts = []
    for k in range(5):
        y = top * k / 4
        (x0, y0), (x1, _) = at(1, y), at(most, y)
        parts.append(
            f'<line x1="{x0:.1f}" x2="{x1:.1f}" y1="{y0:.1f}" y2="{y0:.1f}" class="axis" />'
        )
        parts.append(_text(x0 - 6, y0 + 4, f"{100 * y:.0f} %", "end", "dim"))
    for x, _ in drawn[0].curve:
        parts.append(_text(at(x, 0)[0], height - 16, f"{x:g}", "middle", "dim"))
    parts.append(_text(at(most, 0)[0], height - 2, "frames that the attacker fuses", "end", "dim"))
    chance = drawn[0].chance or 0.0
    (x0, y0), (x1, _) = at(1, chance), at(most, chance)
    parts.append(f'<line x1="{x0:.1f}" x2="{x1:.1f}" y1="{y0:.1f}" y2="{y0:.1f}" class="dash" />')
    labels = []
    for k, row in enumerate(drawn):
        colour = _COLOURS[k % len(_COLOURS)]
        points = [at(x, y or 0.0) for x, y in row.curve]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.2" />'
        )
        labels.append((points[-1][1], row.representation.replace("_", " "), colour))
    # Names beside the ends of the lines, never one over the other.
    last = -1e9
    for y, name, colour in sorted(labels):
        last = max(y, last + 14)
        parts.append(
            f'<text x="{WIDTH - right + 8}" y="{last + 4:.1f}" style="fill:{colour}">'
            f"{escape(name)}</text>"
        )
    return _svg(max(height, int(last) + 14), "leak over frames", parts)


def tradeoff(points: Sequence[tuple[str, float, float]], x: str, y: str, ours: str) -> str:
    """Leak to the right, use upwards, one dot a representation: (name, leak, use), both in [0, 1].

    Where one wants to be is the upper left corner.
    """
    height, left, right = 340, 52, 30

    def at(a: float, b: float) -> tuple[float, float]:
        return left + a * (WIDTH - left - right), height - 44 - b * (height - 64)

    parts = []
    for k in range(5):
        (x0, y0), (x1, _) = at(0, k / 4), at(1, k / 4)
        parts.append(
            f'<line x1="{x0:.1f}" x2="{x1:.1f}" y1="{y0:.1f}" y2="{y0:.1f}" class="axis" />'
        )
        parts.append(_text(x0 - 6, y0 + 4, f"{25 * k} %", "end", "dim"))
        parts.append(_text(at(k / 4, 0)[0], height - 26, f"{25 * k} %", "middle", "dim"))
    parts.append(_text(at(1, 0)[0], height - 8, f"{x} →", "end", "dim"))
    parts.append(_text(left, 12, f"↑ {y}", "start", "dim"))
    taken: list[tuple[float, float]] = []
    for name, a, b in sorted(points, key=lambda point: -point[2]):
        cx, cy = at(a, b)
        css = "accent" if name == ours else "quiet" if name == RANDOM else "bad soft"
        parts.append(f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="6" class="{css}" />')
        anchor, dx = ("end", -10) if a > 0.75 else ("start", 10)
        ty = cy + 4
        while any(abs(ty - oy) < 13 and abs(cx - ox) < 170 for ox, oy in taken):
            ty += 13
        taken.append((cx, ty))
        parts.append(_text(cx + dx, ty, name.replace("_", " "), anchor))
    return _svg(height, f"{x} against {y}", parts)


def _upright(x: float, height: int, css: str) -> str:
    return f'<line x1="{x:.1f}" x2="{x:.1f}" y1="2" y2="{height - 18}" class="{css}" />'


def _note(row: Record) -> str:
    return (
        f"{row.representation}: {plain(row, row.value)} ({plain(row, row.low)} – "
        f"{plain(row, row.high)}), chance {plain(row, row.chance)}, by {row.family}"
    )


def _text(x: float, y: float, words: str, anchor: str, css: str = "") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{css}">{escape(words)}</text>'
    )


def _svg(height: int, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )
