"""Operating points: how sure the recognizer must be before it says so.

Chosen on data that is neither learnt from nor reported, for a stated number of false alarms
per camera-day. What counts is what operators see: an alarm that goes on or comes back within
`MERGE_S` is one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.cloud.recognize.card import LEARNED_RISKS
from mizaru.cloud.recognize.learned import Moment
from mizaru.lab.sequence import Sequence
from mizaru.vocabulary import Behavior

Vector = npt.NDArray[np.float64]

_TOLD_S: Final = 4
"""A risk may be told this long after it ended; of a fall, after its impact."""
_MEANS: Final = {
    Behavior.FALL: {Behavior.FALL},
    # Which of the two a blow is, is no false alarm.
    Behavior.STRIKE: {Behavior.STRIKE, Behavior.PUSH, Behavior.BULLY},
    Behavior.PUSH: {Behavior.STRIKE, Behavior.PUSH, Behavior.BULLY},
    Behavior.SMOKE: {Behavior.SMOKE},
    Behavior.WAVE_FOR_HELP: {Behavior.WAVE_FOR_HELP},
}
_EVENTS: Final = 10**9
"""More milliseconds than a sequence has."""
MERGE_S: Final = 60.0
LEAST: Final = 0.5
MOST: Final = 0.99
"""Thresholds stay between these: below, an alarm would contradict the word probability; above,
calibration says nothing any more."""
_TAIL: Final = 4
"""A tail is drawn out from this many peaks on; fewer say nothing of its shape."""
HYSTERESIS: Final = 0.6
"""An alarm goes on down to this share of its threshold."""


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """A score over one person's time in one sequence.

    Attributes:
        t_ms: shape (N,), growing.
        score: shape (N,), [0, 1].
        truth: shape (N,): 1 it happens, 0 it does not, -1 nobody said.
        event: shape (N,): which event it is where it happens. An event goes on under other ids,
            in other traces.
        since_ms: shape (N,): when that began, or, of a fall, its impact; 0 elsewhere.
    """

    t_ms: npt.NDArray[np.int64]
    score: Vector
    truth: npt.NDArray[np.integer]
    event: npt.NDArray[np.int64]
    since_ms: npt.NDArray[np.int64]


def traces_of(
    sequence: Sequence, moments: Iterable[Moment], number: int = 0
) -> dict[Behavior, list[Trace]]:
    """What the recognizer said of each id in a sequence, beside what is true.

    A risk happens from its label's start until `_TOLD_S` after its end, since it is told with a
    delay. Nothing is false once it has happened to anybody in the sequence: what goes on, or
    comes of it, is no alarm of its own.
    """
    said: dict[int, list[Moment]] = {}
    for moment in moments:
        said.setdefault(moment.subject_id, []).append(moment)
    out: dict[Behavior, list[Trace]] = {risk: [] for risk in LEARNED_RISKS}
    for risk in LEARNED_RISKS:
        labels = [label for label in sequence.labels if label.behavior in _MEANS[risk]]
        first = min((label.start_ms for label in labels), default=None)
        for subject_id, mine in said.items():
            t_ms = np.array([moment.t_ms for moment in mine], np.int64)
            truth = np.zeros(len(mine), int)
            event = np.zeros(len(mine), np.int64)
            since = np.zeros(len(mine), np.int64)
            if first is not None:
                truth[t_ms >= first] = -1
            for label in labels:
                if label.subject_id in (None, subject_id):
                    until = (label.impact_ms or label.end_ms) + _TOLD_S * 1000
                    now = (t_ms >= label.start_ms) & (t_ms < until)
                    truth[now] = 1
                    event[now] = number * _EVENTS + label.start_ms
                    since[now] = label.start_ms if label.impact_ms is None else label.impact_ms
            score = np.array([moment.scores[risk] for moment in mine])
            out[risk].append(Trace(t_ms, score, truth, event, since))
    return out


def false_peaks(traces: Iterable[Trace]) -> Vector:
    """The height of every possible false alarm, the highest first.

    Scores while it happens, or while nobody said, are no false alarms; those within `MERGE_S`
    of a higher one belong to it.
    """
    peaks: list[float] = []
    for trace in traces:
        false = trace.truth == 0
        t, score = trace.t_ms[false], trace.score[false]
        taken = np.zeros(len(t), bool)
        for k in np.argsort(-score, kind="stable"):
            if not taken[k]:
                peaks.append(float(score[k]))
                taken |= np.abs(t - t[k]) < MERGE_S * 1000
    return np.sort(np.array(peaks))[::-1]


def choose(traces: Iterable[Trace], *, hours: float, per_camera_day: float) -> float:
    """The least threshold that keeps the budget, in [`LEAST`, `MOST`].

    The highest peak of a third of a day is reached about three times in a day. So where the
    budget allows less than one alarm in `hours`, the tail is drawn out: log odds of peaks above
    `LEAST` fall off exponentially, with the mean of theirs (the maximum of its likelihood), down
    to as many as the budget allows; never below the highest peak.

    Args:
        hours: of camera time that the traces come from.
    """
    budget = per_camera_day * hours / 24.0
    allowed = int(budget)
    peaks = false_peaks(traces)
    above = float(np.nextafter(peaks[allowed], 1.0)) if len(peaks) > allowed else LEAST
    high = peaks[peaks > LEAST]
    if not allowed and len(high) >= _TAIL:
        excess = np.log(high / (1.0 - np.minimum(high, 1.0 - 1e-9))) - _log_odds(LEAST)
        tail = _log_odds(LEAST) + float(excess.mean()) * math.log(len(high) / budget)
        above = max(above, 1.0 / (1.0 + math.exp(-tail)))
    return min(max(above, LEAST), MOST)


def _log_odds(probability: float) -> float:
    return math.log(probability / (1.0 - probability))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a threshold does.

    Attributes:
        found, events: events in which somebody's score reaches it, and all.
        false: false alarms.
        hours: of camera time.
        delays_s: of each event that was found, from when it began, a fall's impact; negative
            where it was told on the way down.
    """

    found: int
    events: int
    false: int
    hours: float
    delays_s: tuple[float, ...] = ()

    @property
    def recall(self) -> float:
        """Share of events that were found; NaN without any."""
        return self.found / self.events if self.events else float("nan")

    def delay_s(self, share: float) -> float:
        """What this share of the events that were found was told within; NaN without any."""
        return float(np.quantile(self.delays_s, share)) if self.delays_s else float("nan")

    @property
    def per_camera_day(self) -> float:
        """False alarms in 24 h; NaN without any time."""
        return 24.0 * self.false / self.hours if self.hours else float("nan")

    @property
    def at_most_per_camera_day(self) -> float:
        """Upper end of the 95 % interval of a Poisson rate, for what was seen."""
        from scipy.stats import chi2

        if not self.hours:
            return float("nan")
        return float(24.0 * chi2.ppf(0.975, 2 * (self.false + 1)) / 2 / self.hours)


def outcome(traces: Iterable[Trace], threshold: float, *, hours: float) -> Outcome:
    """Judge a threshold."""
    traces = list(traces)
    events: set[int] = set()
    found: dict[int, float] = {}
    for trace in traces:
        happens = trace.truth == 1
        events.update(trace.event[happens].tolist())
        told = happens & (trace.score >= threshold)
        after_s = (trace.t_ms - trace.since_ms)[told] / 1000.0
        for event, delay_s in zip(trace.event[told].tolist(), after_s.tolist(), strict=True):
            found[event] = min(delay_s, found.get(event, delay_s))
    false = int((false_peaks(traces) >= threshold).sum())
    return Outcome(len(found), len(events), false, hours, tuple(found.values()))
