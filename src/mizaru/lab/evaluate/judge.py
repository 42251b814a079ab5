"""One clip against the truth: hits, misses, false alarms, delays, decisions.

An alarm is an incident about the task's event, at the time it opened. It is a hit if it opened
from `EARLY_S` before an event's onset until `LATE_S` after its end, anywhere in the clip where
nobody marked the time; each event takes at most one alarm and each alarm at most one event.
Every other alarm is false, a second one about the same event too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from mizaru.cloud.incident import Incident
from mizaru.cloud.recognize.finding import Measured, Observation
from mizaru.lab.data.manifest import Clip
from mizaru.lab.evaluate.task import Task
from mizaru.lab.evaluate.truth import Span
from mizaru.lab.evaluate.watch import Tick, Watched
from mizaru.vocabulary import Behavior

EARLY_S: Final = 1.0
"""People mark onsets late by up to this, so that an alarm may be this early."""
LATE_S: Final = 10.0
"""An alarm this long after the end of its event is of no use to anybody any more."""
REPLAY_BEFORE_S: Final = 4.0
REPLAY_AFTER_S: Final = 6.0
REPLAY_MOST_S: Final = 20.0
"""What a replay shows around what it is about."""
NEAR_COUNT: Final = 1
"""A count is right if it is off by at most this many people."""
TOGETHER: Final = 0.1
"""One number for a whole clip is held against how many were seen together for this share of it:
people come and go, and for a moment somebody may be seen twice."""


@dataclass(frozen=True, slots=True, eq=False)
class Footage:
    """A stretch of one camera's stream that is judged as one.

    Attributes:
        name: path of the clip, with ``#sequence`` where a file holds several.
        clip: its manifest row.
        label: what the manifest or the sequence says of it.
        identity, group, camera: as in the manifest, or as the sequence says.
        duration_s: its length.
        frames_in, frames_dropped: frames it has, and of these came too late or failed.
        observations: in time order; ``t_ms`` counts from its beginning.
    """

    name: str
    clip: Clip
    label: str
    identity: str
    group: str
    camera: str
    duration_s: float
    frames_in: int
    frames_dropped: int
    observations: tuple[Observation, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """What crossed the wall around a miss or a false alarm.

    Attributes:
        kind: ``missed`` or ``false alarm``.
        name: of the footage.
        label: what the manifest says of it.
        observations: to draw, in time order.
        event: when the event was, or None.
        alarms: (seconds, behaviour) of all alarms of the clip.
        subject_ids: who the alarm is about.
        reason: why the alarm was given; "" for a miss.
        measures: of the alarm.
        confidence: of the alarm, or the highest that a miss had, [0, 1].
        dismissed: (seconds, why) of what the recognizer took back at the second look.
    """

    kind: str
    name: str
    label: str
    observations: tuple[Observation, ...]
    event: Span | None
    alarms: tuple[tuple[float, Behavior], ...]
    subject_ids: tuple[int, ...] = ()
    reason: str = ""
    measures: tuple[Measured, ...] = ()
    confidence: float = 0.0
    dismissed: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What became of one piece of footage.

    Attributes:
        path: its name.
        identity, group, camera, label: as in the manifest.
        duration_s, frames_in, frames_dropped: see `Footage`; 0 where it could not be read.
        truth, decision: words (event or ``none``, behaviours) or numbers of people.
        score: confidence that the event happens, [0, 1]; None for tasks without.
        events, hits, false_alarms: how many.
        event_free_s: time in which every alarm is false.
        delays_s: from marked onsets to the alarm's opening; one per hit of a marked event.
        off: mean absolute error of a count, people.
        near: share of the counts that are off by at most `NEAR_COUNT`.
        votes: behaviour → how much it was said, the sum of its confidences; for ``action``.
        replays: of its misses and false alarms, if they were asked for.
        error: one line that says why it could not be judged, or None.
    """

    path: str
    identity: str
    group: str
    camera: str
    label: str
    duration_s: float = 0.0
    frames_in: int = 0
    frames_dropped: int = 0
    truth: str | float | None = None
    decision: str | float | None = None
    score: float | None = None
    events: int = 0
    hits: int = 0
    false_alarms: int = 0
    event_free_s: float = 0.0
    delays_s: tuple[float, ...] = ()
    off: float | None = None
    near: float | None = None
    votes: Mapping[str, float] = field(default_factory=dict)
    replays: tuple[Replay, ...] = ()
    error: str | None = None

    @property
    def misses(self) -> int:
        """Events without an alarm."""
        return self.events - self.hits


def unreadable(clip: Clip, error: str) -> Judged:
    """The entry of a clip that could not be judged."""
    return Judged(clip.path, clip.identity, clip.group, clip.camera, clip.label, error=error)


def judge_events(
    footage: Footage, watched: Watched, task: Task, spans: Sequence[Span], *, replays: bool
) -> Judged:
    """For tasks with an event.

    Args:
        spans: when it happens; at most one at an unknown time.
        replays: whether to keep what misses and false alarms look like.
    """
    event = task.event
    assert event is not None
    alarms = [incident for incident in watched.incidents if incident.behavior in event.behaviors]
    hits, false = match(spans, alarms)
    shown: list[Replay] = []
    if replays:
        times = tuple((alarm.opened_ms / 1000, alarm.behavior) for alarm in alarms)
        peak = watched.peak(event.behaviors)
        dismissed = tuple(
            (t_ms / 1000, risk.reason)
            for t_ms, risk in watched.dismissed
            if risk.behavior in event.behaviors
        )
        for span in spans:
            if span not in hits:
                shown.append(_missed(footage, span, times, peak, dismissed))
        shown += [_false(footage, alarm, spans, times) for alarm in false]
    return replace(
        _blank(footage),
        truth=str(task) if spans else "none",
        decision=str(task) if alarms else "none",
        score=watched.peak(event.behaviors),
        events=len(spans),
        hits=len(hits),
        false_alarms=len(false),
        event_free_s=event_free_s(spans, footage.duration_s),
        delays_s=tuple(
            alarm.opened_ms / 1000 - span.onset_s
            for span, alarm in hits.items()
            if span.onset_s is not None
        ),
        replays=tuple(shown),
    )


def match(
    spans: Sequence[Span], alarms: Sequence[Incident]
) -> tuple[dict[Span, Incident], list[Incident]]:
    """(event → its alarm, false alarms): each event in turn takes the first alarm it may."""
    free = sorted(alarms, key=lambda alarm: alarm.opened_ms)
    hits: dict[Span, Incident] = {}
    for span in sorted(spans, key=lambda span: span.onset_s or 0.0):
        for alarm in free:
            if _may_be(span, alarm.opened_ms / 1000):
                hits[span] = alarm
                free.remove(alarm)
                break
    return hits, free


def event_free_s(spans: Sequence[Span], duration_s: float) -> float:
    """Seconds of a clip in which nothing happens; 0.0 where nobody knows when something does."""
    free, position = 0.0, 0.0
    for span in sorted(spans, key=lambda span: span.onset_s or 0.0):
        if span.onset_s is None or span.end_s is None:
            return 0.0
        free += max(0.0, min(duration_s, span.onset_s - EARLY_S) - position)
        position = max(position, span.end_s)
    return free + max(0.0, duration_s - position)


def judge_action(footage: Footage, watched: Watched, truth: str, span: Span) -> Judged:
    """What was said while the labelled behaviour went on; `decide` makes a decision of it.

    Args:
        truth: the labelled behaviour.
        span: when; unmarked: all the time.
    """
    votes: dict[str, float] = {}
    begin, end = span.onset_s or 0.0, span.end_s if span.end_s is not None else math.inf
    for tick in watched.ticks:
        if begin <= tick.t_ms / 1000 <= end:
            for _, behavior, confidence in tick.said:
                votes[str(behavior)] = votes.get(str(behavior), 0.0) + confidence
    return replace(_blank(footage), truth=truth, votes=votes)


def decide(clips: Iterable[Judged]) -> list[Judged]:
    """Each clip's decision: the behaviour said most, by confidence, of those that occur as truth.

    Other words are not counted, as is usual for a benchmark with a closed set of classes;
    ``none`` where none of its own was said.
    """
    clips = list(clips)
    classes = {str(clip.truth) for clip in clips}

    def decision(clip: Judged) -> str:
        votes = {name: weight for name, weight in clip.votes.items() if name in classes}
        return max(sorted(votes), key=votes.__getitem__, default="none")

    return [clip if clip.error else replace(clip, decision=decision(clip)) for clip in clips]


def judge_count(
    footage: Footage,
    watched: Watched,
    seconds: Sequence[tuple[float, int]],
    range_: tuple[int, int] | None,
) -> Judged | None:
    """People against a count: from second to second, or those seen together for one number.

    Returns None where neither is known.
    """
    if seconds:
        said = [_people_at(watched.ticks, t_s) for t_s, _ in seconds]
        off = [abs(a - count) for a, (_, count) in zip(said, seconds, strict=True)]
        truth = sum(count for _, count in seconds) / len(seconds)
        decision = sum(said) / len(said)
    elif range_ is not None:
        least, most = range_
        whole = range(math.floor(footage.duration_s) + 1)
        together = sorted(_people_at(watched.ticks, float(second)) for second in whole)
        decision = together[math.floor(len(together) * (1.0 - TOGETHER))]
        off = [max(0.0, least - decision, decision - most)]
        truth = (least + most) / 2
    else:
        return None
    return replace(
        _blank(footage),
        truth=round(truth, 3),
        decision=round(decision, 3),
        off=sum(off) / len(off),
        near=sum(gap <= NEAR_COUNT for gap in off) / len(off),
    )


def _people_at(ticks: Sequence[Tick], t_s: float) -> float:
    """Median number of people in the second from `t_s`; before it if nothing was said in it."""
    within = sorted(tick.people for tick in ticks if t_s <= tick.t_ms / 1000 < t_s + 1.0)
    if not within:
        before = [tick.people for tick in ticks if tick.t_ms / 1000 < t_s]
        return float(before[-1]) if before else 0.0
    half = len(within) // 2
    return (within[half] + within[~half]) / 2


def _may_be(span: Span, t_s: float) -> bool:
    if span.onset_s is None or span.end_s is None:
        return True
    return span.onset_s - EARLY_S <= t_s <= span.end_s + LATE_S


def _missed(
    footage: Footage,
    span: Span,
    alarms: tuple[tuple[float, Behavior], ...],
    peak: float,
    dismissed: tuple[tuple[float, str], ...],
) -> Replay:
    begin = 0.0 if span.onset_s is None else span.onset_s - REPLAY_BEFORE_S
    end = footage.duration_s if span.end_s is None else span.end_s + REPLAY_AFTER_S
    return Replay(
        "missed",
        footage.name,
        footage.clip.label_raw or footage.label,
        cut(footage.observations, begin, min(end, begin + REPLAY_MOST_S)),
        span,
        alarms,
        confidence=peak,
        dismissed=dismissed,
    )


def _false(
    footage: Footage,
    alarm: Incident,
    spans: Sequence[Span],
    alarms: tuple[tuple[float, Behavior], ...],
) -> Replay:
    begin = max(
        alarm.started_ms / 1000 - REPLAY_BEFORE_S, alarm.opened_ms / 1000 - REPLAY_MOST_S / 2
    )
    end = min(alarm.opened_ms / 1000 + REPLAY_AFTER_S, begin + REPLAY_MOST_S)
    return Replay(
        "false alarm",
        footage.name,
        footage.clip.label_raw or footage.label,
        cut(footage.observations, begin, end),
        next((span for span in spans if span.onset_s is not None), None),
        alarms,
        alarm.subject_ids,
        alarm.reason,
        alarm.measures,
        alarm.confidence,
    )


def cut(
    observations: Iterable[Observation], begin_s: float, end_s: float
) -> tuple[Observation, ...]:
    """Those from `begin_s` to `end_s`."""
    return tuple(o for o in observations if begin_s <= o.key.t_ms / 1000 <= end_s)


def _blank(footage: Footage) -> Judged:
    return Judged(
        footage.name,
        footage.identity,
        footage.group,
        footage.camera,
        footage.label,
        footage.duration_s,
        footage.frames_in,
        footage.frames_dropped,
    )
