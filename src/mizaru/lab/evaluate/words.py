"""A report in plain words: the same sentences on the terminal and on the page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mizaru.lab.evaluate.report import Report, delays
from mizaru.lab.evaluate.statistic import Estimate
from mizaru.lab.evaluate.task import Task

NAMES: Final = {
    "event_recall": "event recall",
    "precision": "precision",
    "false_alarms": "false alarms",
    "hours_without_event": "hours without event",
    "false_alarms_per_hour": "false alarms per hour",
    "false_alarms_per_camera_day": "false alarms per camera-day",
    "delay_p50_s": "delay p50",
    "delay_p95_s": "delay p95",
    "macro_f1": "macro-F1",
    "auc": "AUC",
    "accuracy": "accuracy",
    "mae": "mean absolute error",
}
"""Figure → how it is called."""

NO_INTERVAL: Final = "too few groups"

_UNITS: Final = {"delay_p50_s": " s", "delay_p95_s": " s", "mae": " people"}
_SHARES: Final = {"event_recall", "precision", "accuracy"}


def lines(report: Report) -> Iterator[tuple[str, str, str, str]]:
    """(name, value, interval, what it comes from) of every figure that applies."""
    for key, name in NAMES.items():
        value = getattr(report.figures, key)
        if value is None:
            continue
        if isinstance(value, Estimate):
            shown, between = number(key, value.value), interval(key, value)
        else:
            shown, between = str(value) if isinstance(value, int) else hours(value), ""
        yield name, shown, between, _source(report, key)


def summary(report: Report) -> Iterator[str]:
    """A few sentences for somebody who has never seen a figure of this kind."""
    setup, figures = report.setup, report.figures
    clips, total = report.judged, sum(clip.duration_s for clip in report.judged)
    people = {clip.identity for clip in clips} - {""}
    others = " and of others whom nobody named" if any(not c.identity for c in clips) else ""
    who = f" of {count(len(people), 'person', 'people')}{others}" if people else ""
    yield (
        f"{count(len(clips), 'clip', 'clips')}{who}, {span(total)} in all, "
        f"{'was' if len(clips) == 1 else 'were'} shown to the recognizer {_pace(report)}."
    )
    event = setup.task.event
    if event is not None:
        yield from _about_events(report)
    elif setup.task is Task.ACTION and figures.accuracy and figures.macro_f1:
        yield (
            f"It named {number('accuracy', figures.accuracy.value)} of them as the label does "
            f"({interval('accuracy', figures.accuracy)}); every behaviour counting the same, its "
            f"F1 is {number('macro_f1', figures.macro_f1.value)}."
        )
    elif setup.task is Task.COUNT and figures.mae and figures.accuracy:
        yield (
            f"Its counts were off by {number('mae', figures.mae.value)} on average, and by at "
            f"most one person {number('accuracy', figures.accuracy.value)} of the time."
        )
    if report.broken:
        yield (
            f"{count(len(report.broken), 'clip', 'clips')} could not be judged and "
            f"{'is' if len(report.broken) == 1 else 'are'} not in these figures."
        )


def _about_events(report: Report) -> Iterator[str]:
    figures, event = report.figures, report.setup.task.event
    assert event is not None
    events, hits = sum(c.events for c in report.judged), sum(c.hits for c in report.judged)
    if figures.event_recall:
        recall = figures.event_recall
        yield (
            f"Of {count(events, event.noun, event.plural)} it raised an alarm for {hits} and "
            f"missed {events - hits}. In many more clips like these it would catch between "
            f"{share(recall.low)} and {share(recall.high)}."
        )
    else:
        yield (
            f"None of the clips shows {event.article}{event.noun}, so nothing is said about "
            "what it misses."
        )
    false, free = figures.false_alarms or 0, (figures.hours_without_event or 0.0) * 3600
    if free > 0 and figures.false_alarms_per_camera_day:
        day = figures.false_alarms_per_camera_day
        inside = sum(c.false_alarms for c in report.judged if c.event_free_s <= 0)
        beside = f" ({inside} of them in clips where nobody marked when it happens)"
        yield (
            f"In {span(free)} without {event.article}{event.noun} it gave "
            f"{count(false, 'false alarm', 'false alarms')}{beside if inside else ''}. From this "
            f"much footage, the true rate may be anything between {plain(day.low)} and "
            f"{plain(day.high)} per camera and day."
        )
    elif false:
        yield f"It gave {count(false, 'false alarm', 'false alarms')}."
    known = delays(report.judged)
    if known and figures.delay_p50_s and figures.delay_p95_s:
        yield (
            f"From the marked beginning to the alarm it took {figures.delay_p50_s.value:.1f} s in "
            f"the middle case and {figures.delay_p95_s.value:.1f} s in the slowest of twenty "
            f"({count(len(known), 'event', 'events')} with marked times)."
        )
    elif hits:
        yield "No event that was alarmed has a marked beginning, so no delay can be told."


def _source(report: Report, key: str) -> str:
    clips = report.judged
    events, hits = sum(c.events for c in clips), sum(c.hits for c in clips)
    false = sum(c.false_alarms for c in clips)
    event = report.setup.task.event
    match key:
        case "event_recall" if event:
            return f"{hits} of {count(events, event.noun, event.plural)}"
        case "precision":
            return f"{hits} of {count(hits + false, 'alarm', 'alarms')}"
        case "false_alarms":
            return "about no event"
        case "hours_without_event":
            return span((report.figures.hours_without_event or 0.0) * 3600)
        case "delay_p50_s" | "delay_p95_s":
            return f"{count(len(delays(clips)), 'event', 'events')} with marked times"
        case "auc":
            positive = sum(clip.events > 0 for clip in clips)
            return f"{positive} clips with, {len(clips) - positive} without"
        case "accuracy" if report.setup.task is Task.COUNT:
            return "counts off by at most one"
        case "accuracy":
            right = sum(clip.truth == clip.decision for clip in clips)
            return f"{right} of {count(len(clips), 'clip', 'clips')}"
        case _:
            return ""


def number(key: str, value: float) -> str:
    """A figure with its unit."""
    if key in _SHARES:
        return share(value)
    if key in ("macro_f1", "auc"):
        return f"{value:.3f}"
    return f"{plain(value)}{_UNITS.get(key, '')}"


def interval(key: str, estimate: Estimate) -> str:
    """``low – high``, or why there is none."""
    if estimate.low is None or estimate.high is None:
        return NO_INTERVAL
    return f"{number(key, estimate.low)} – {number(key, estimate.high)}"


def share(value: float | None) -> str:
    """A proportion as a percentage."""
    return "?" if value is None else f"{100 * value:.1f} %"


def plain(value: float | None) -> str:
    """A number with as many digits as it deserves."""
    if value is None:
        return "?"
    digits = 0 if value == 0 or abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f}"


def hours(value: float) -> str:
    """Hours as a number."""
    return f"{value:.4f}" if value < 1 else f"{value:.2f}"


def span(seconds: float) -> str:
    """A length of time for people."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def count(number: int, one: str, many: str) -> str:
    """``1 clip``, ``2 clips``."""
    return f"{number} {one if number == 1 else many}"


def _pace(report: Report) -> str:
    frames = sum(clip.frames_in for clip in report.judged)
    dropped = sum(clip.frames_dropped for clip in report.judged)
    if report.setup.pace == "live":
        late = f", where {share(dropped / frames)} of the frames came too late" if dropped else ""
        return f"at the camera's pace{late}"
    return "frame by frame, which no camera waits for"
