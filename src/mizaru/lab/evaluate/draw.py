"""Figures of a report as SVG, with the page's colours; no library, no network."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

import numpy as np

from mizaru.lab.evaluate.statistic import Estimate, roc

WIDTH: Final = 480
_MOST_ODDS: Final = 7.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 14, 34


class _Plot:
    """Axes from (x0, y0) to (x1, y1) in data, and the elements drawn so far."""

    def __init__(
        self, x: tuple[float, float], y: tuple[float, float], height: int, title: str
    ) -> None:
        self._x, self._y, self._height, self._title = x, y, height, title
        self._parts: list[str] = []

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the data lies in the picture."""
        (x0, x1), (y0, y1) = self._x, self._y
        across = (x - x0) / (x1 - x0) * (WIDTH - _LEFT - _RIGHT)
        up = (y - y0) / (y1 - y0) * (self._height - _TOP - _BOTTOM)
        return _LEFT + across, self._height - _BOTTOM - up

    def add(self, element: str) -> None:
        self._parts.append(element)

    def line(self, points: Sequence[tuple[float, float]], css: str) -> None:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (self.at(*point) for point in points))
        self.add(f'<polyline points="{path}" class="{css}" />')

    def bar(self, x: tuple[float, float], y: tuple[float, float], css: str, note: str) -> None:
        (left, low), (right, high) = self.at(x[0], y[0]), self.at(x[1], y[1])
        self.add(
            f'<rect x="{left:.1f}" y="{high:.1f}" width="{max(0.0, right - left):.1f}" '
            f'height="{max(0.0, low - high):.1f}" rx="2" class="{css}">'
            f"<title>{escape(note)}</title></rect>"
        )

    def text(self, x: float, y: float, words: str, anchor: str = "middle", css: str = "") -> None:
        """Words at a place in the picture."""
        self.add(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{css}">'
            f"{escape(words)}</text>"
        )

    def axes(
        self, x: str, y: str, x_ticks: Sequence[float], y_ticks: Sequence[float], form: str = "g"
    ) -> None:
        (x0, x1), (y0, y1) = self._x, self._y
        for tick in y_ticks:
            self.line([(x0, tick), (x1, tick)], "axis")
            left, middle = self.at(x0, tick)
            self.text(left - 7, middle + 4, f"{tick:{form}}", "end", "dim")
        for tick in x_ticks:
            middle, bottom = self.at(tick, y0)
            self.text(middle, bottom + 15, f"{tick:{form}}", css="dim")
        right, bottom = self.at(x1, y0)
        self.text(right, bottom + 30, x, "end", "dim")
        left, top = self.at(x0, y1)
        self.text(left, top - 4, y, "start", "dim")

    def svg(self) -> str:
        return (
            f'<svg viewBox="0 0 {WIDTH} {self._height}" role="img" '
            f'aria-label="{escape(self._title)}">{"".join(self._parts)}</svg>'
        )


def scores(values: Sequence[tuple[float, bool]]) -> str:
    """Histogram of the clips' confidence, with the event upwards and without it downwards.

    The axis is in log odds, so that what is nearly certain either way can be told apart.
    """
    bins = 24
    at = [min(max(_odds(score), -_MOST_ODDS), _MOST_ODDS) for score, _ in values]
    ends = (-_MOST_ODDS, _MOST_ODDS)
    with_event = np.histogram([x for x, (_, y) in zip(at, values, strict=True) if y], bins, ends)[0]
    without = np.histogram([x for x, (_, y) in zip(at, values, strict=True) if not y], bins, ends)[
        0
    ]
    top = float(max(with_event.max(initial=1), without.max(initial=1), 1))
    plot = _Plot(ends, (-top, top), 240, "how confident the recognizer was, clip by clip")
    for level in (-top, 0.0, top):
        plot.line([(ends[0], level), (ends[1], level)], "axis")
        left, middle = plot.at(ends[0], level)
        plot.text(left - 7, middle + 4, f"{abs(level):g}", "end", "dim")
    edges = np.linspace(*ends, bins + 1)
    for i in range(bins):
        sides = (float(edges[i]) + 0.04, float(edges[i + 1]) - 0.04)
        if with_event[i]:
            plot.bar(sides, (0, float(with_event[i])), "good", f"{with_event[i]} with the event")
        if without[i]:
            plot.bar(sides, (-float(without[i]), 0), "bad soft", f"{without[i]} without")
    plot.line([(0, -top), (0, top)], "dash")
    for tick in (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999):
        x, bottom = plot.at(_odds(tick), -top)
        plot.text(x, bottom + 15, f"{tick:g}", css="dim")
    right, bottom = plot.at(ends[1], -top)
    plot.text(right, bottom + 30, "highest confidence in the clip", "end", "dim")
    return plot.svg()


def _odds(score: float) -> float:
    if not 0.0 < score < 1.0:
        return _MOST_ODDS if score >= 1.0 else -_MOST_ODDS
    return math.log(score / (1.0 - score))


def curves(values: Sequence[tuple[float, bool]]) -> str:
    """The ROC curve of the clips."""
    false, true = roc([s for s, _ in values], [y for _, y in values])
    plot = _Plot((0, 1), (0, 1), 300, "ROC curve over clips")
    ticks = (0, 0.25, 0.5, 0.75, 1)
    plot.axes("share of other clips alarmed", "share of events found", ticks, ticks)
    plot.line([(0, 0), (1, 1)], "dash")
    plot.line(list(zip(false.tolist(), true.tolist(), strict=True)), "line")
    return plot.svg()


def delays(values: Sequence[float], p50: float, p95: float) -> str:
    """Histogram of delays, seconds, with two marks."""
    end = max(4.0, float(np.ceil(max(values) + 0.5)))
    begin = min(0.0, float(np.floor(min(values))))
    bins = round((end - begin) * 4) if end - begin <= 15 else 40
    counts, edges = np.histogram(values, bins, (begin, end))
    top = float(max(counts.max(), 1))
    plot = _Plot((begin, end), (0, top), 220, "delay from the marked beginning to the alarm")
    step = max(1, round((end - begin) / 8))
    ticks = np.arange(np.ceil(begin), end + 1e-6, step).tolist()
    plot.axes("seconds from the beginning to the alarm", "events", ticks, (0, top))
    for count, x0, x1 in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if count:
            gap = (x1 - x0) * 0.06
            note = f"{x0:.2f} – {x1:.2f} s: {count}"
            plot.bar((x0 + gap, x1 - gap), (0, count), "accent soft", note)
    for value, name in ((p50, "p50"), (p95, "p95")):
        plot.line([(value, 0), (value, top)], "dash")
        x, y = plot.at(value, top)
        anchor = "end" if name == "p50" and p95 - p50 < (end - begin) / 6 else "start"
        plot.text(x + (-4 if anchor == "end" else 4), y + 11, f"{name} {value:.1f} s", anchor)
    return plot.svg()


def bars(rows: Sequence[tuple[str, Estimate | None, str]]) -> str:
    """Shares with their intervals, one bar a row: (name, share, what it comes from)."""
    pitch, left, right = 30, 132, 108
    height = 26 + pitch * len(rows)
    span = WIDTH - left - right
    parts = []
    for tick in (0.0, 0.5, 1.0):
        x = left + tick * span
        parts.append(f'<line x1="{x}" x2="{x}" y1="4" y2="{height - 20}" class="axis" />')
        parts.append(
            f'<text x="{x}" y="{height - 5}" text-anchor="middle" class="dim">{tick:.0%}</text>'
        )
    for i, (name, share, source) in enumerate(rows):
        y = 8 + i * pitch
        short = name if len(name) <= 19 else f"{name[:18]}…"
        parts.append(
            f'<text x="{left - 8}" y="{y + 13}" text-anchor="end">{escape(short)}'
            f"<title>{escape(name)}</title></text>"
        )
        parts.append(
            f'<rect x="{left}" y="{y}" width="{span}" height="18" rx="4" class="sunken" />'
        )
        if share is not None:
            parts.append(
                f'<rect x="{left}" y="{y}" width="{share.value * span:.1f}" height="18" rx="4" '
                'class="good soft" />'
            )
            if share.low is not None and share.high is not None:
                x0, x1 = left + share.low * span, left + share.high * span
                parts.append(
                    f'<path d="M{x0:.1f} {y + 9}H{x1:.1f}M{x0:.1f} {y + 5}v8M{x1:.1f} {y + 5}v8" '
                    'class="whisker" />'
                )
        parts.append(
            f'<text x="{WIDTH - right + 10}" y="{y + 13}" class="dim">{escape(source)}</text>'
        )
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="share by group">'
        f"{''.join(parts)}</svg>"
    )


def confusion(cells: Mapping[tuple[str, str], int]) -> str:
    """Truth down, decision across; a cell is the darker the larger its share of its row."""
    truths = sorted({truth for truth, _ in cells})
    decisions = sorted(set(truths) | {decision for _, decision in cells})
    left, top = 118, 92
    size = min(74.0, (WIDTH - left - 52) / max(1, len(decisions)))
    height = top + size * len(truths) + 10
    parts = [f'<text x="{left - 10}" y="{top - 8}" text-anchor="end" class="dim">truth ↓</text>']
    parts.append(f'<text x="{left}" y="12" class="dim">decision →</text>')
    for j, decision in enumerate(decisions):
        x, y = left + (j + 0.5) * size, top - 10.0
        parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" transform="rotate(-40 {x:.1f} {y:.1f})">'
            f"{escape(decision)}</text>"
        )
    for i, truth in enumerate(truths):
        total = sum(cells.get((truth, decision), 0) for decision in decisions)
        y = top + i * size
        parts.append(
            f'<text x="{left - 10}" y="{y + size / 2 + 4:.1f}" text-anchor="end">'
            f"{escape(truth)}</text>"
        )
        for j, decision in enumerate(decisions):
            n = cells.get((truth, decision), 0)
            share = n / total if total else 0.0
            css = "good" if truth == decision else "bad"
            x = left + j * size
            side = f'width="{size - 3:.1f}" height="{size - 3:.1f}"'
            box = f'x="{x + 1.5:.1f}" y="{y + 1.5:.1f}" {side}'
            parts.append(f'<rect {box} rx="5" class="sunken" />')
            parts.append(
                f'<rect {box} rx="5" class="{css}" fill-opacity="{0.8 * share:.2f}">'
                f"<title>{escape(truth)} → {escape(decision)}: {n} ({share:.0%})</title></rect>"
            )
            if n:
                parts.append(
                    f'<text x="{x + size / 2:.1f}" y="{y + size / 2 + 4:.1f}" '
                    f'text-anchor="middle">{n}</text>'
                )
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="confusion matrix">'
        f"{''.join(parts)}</svg>"
    )


def counts(pairs: Sequence[tuple[float, float, str]]) -> str:
    """People counted by hand against people found: (truth, decision, clip)."""
    top = max(1.0, *(max(truth, said) for truth, said, _ in pairs))
    end = float(np.ceil(top))
    plot = _Plot((0, end), (0, end), 300, "people counted by hand and found")
    ticks = np.arange(0, end + 1e-6, max(1, round(end / 8))).tolist()
    plot.axes("people counted by hand", "people found", ticks, ticks)
    plot.line([(0, 0), (end, end)], "dash")
    for truth, said, name in pairs:
        x, y = plot.at(truth, said)
        plot.add(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" class="accent soft">'
            f"<title>{escape(name)}: {truth:g}, found {said:g}</title></circle>"
        )
    return plot.svg()
