"""Rules about the scene: crowds, and where people are or stay."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from mizaru.cloud.recognize.finding import Measured, Risk
from mizaru.cloud.recognize.subject import Subject
from mizaru.cloud.recognize.thresholds import Thresholds
from mizaru.cloud.recognize.zones import Zone
from mizaru.cloud.settings import RuleSettings, ZoneKind
from mizaru.vocabulary import Behavior

_EDGE: Final = 0.999
"""Just within the picture, where no polygon's edge is."""


class CrowdWatch:
    """`RuleSettings.crowd_people` or more for `RuleSettings.crowd_s`.

    The confidence of a crowd is the share of the observations since it began in which enough
    people were seen.
    """

    def __init__(self, rules: RuleSettings, limits: Thresholds) -> None:
        self._rules, self._limits = rules, limits
        self._since_ms: int | None = None
        self._last_ms = 0
        self._counts: deque[tuple[int, int]] = deque()

    def observe(self, t_ms: int, people: int) -> Risk | None:
        """Take the next count."""
        rules = self._rules
        self._counts.append((t_ms, people))
        while self._counts[0][0] < t_ms - rules.crowd_s * 1000:
            self._counts.popleft()
        if people >= rules.crowd_people:
            if self._since_ms is None:
                self._since_ms = t_ms
            self._last_ms = t_ms
        elif t_ms - self._last_ms > self._limits.crowd_gap_s * 1000:
            self._since_ms = None
        if self._since_ms is None or t_ms - self._since_ms < rules.crowd_s * 1000:
            return None
        seconds = (t_ms - self._since_ms) / 1000.0
        most = max(count for _, count in self._counts)
        enough = sum(count >= rules.crowd_people for _, count in self._counts)
        return Risk(
            behavior=Behavior.CROWD,
            confidence=enough / len(self._counts),
            subject_ids=(),
            zone="",
            measures=(Measured("people", most, "people"), Measured("crowded", seconds, "s")),
            reason=(
                f"{most} people for {seconds:.0f} s; {rules.crowd_people} or more for "
                f"{rules.crowd_s:g} s are a crowd here."
            ),
            started_ms=self._since_ms,
        )


@dataclass(slots=True)
class _Stay:
    since_ms: int
    last_ms: int


class ZoneWatch:
    """How long each subject has been in one zone, by the point where it touches the floor.

    The confidence of an intrusion or of loitering is the mean keypoint confidence, from 0.5
    (guessed) to 1.0 (all seen): that somebody stands there is as sure as the pose is.
    """

    def __init__(self, zone: Zone, rules: RuleSettings, limits: Thresholds) -> None:
        self.zone = zone
        self._limits = limits
        self._stays: dict[Subject, _Stay] = {}
        if zone.kind is ZoneKind.LOITER:
            self._behavior, default = Behavior.LOITER, rules.loiter_s
        else:
            self._behavior, default = Behavior.INTRUDE, limits.intrude_s
        self._seconds = default if zone.seconds is None else zone.seconds

    def observe(
        self, t_ms: int, subjects: tuple[Subject, ...], aspect: float, *, counts: bool
    ) -> list[Risk]:
        """Take the next places; `counts`: whether the zone's hours hold."""
        if not counts:
            self._stays.clear()
            return []
        patience_ms = self._limits.zone_gap_s * 1000
        risks = []
        for subject in subjects:
            x, y = subject.last.body.ground
            if not self.zone.contains((x / aspect, y)):
                continue
            stay = self._stays.setdefault(subject, _Stay(t_ms, t_ms))
            if t_ms - stay.last_ms > patience_ms:
                stay.since_ms = t_ms
            stay.last_ms = t_ms
            if t_ms - stay.since_ms >= self._seconds * 1000:
                risks.append(self._risk(subject, stay, t_ms))
        self._stays = {
            subject: stay
            for subject, stay in self._stays.items()
            if t_ms - stay.last_ms <= self._limits.forget_s * 1000
        }
        return risks

    def _risk(self, subject: Subject, stay: _Stay, t_ms: int) -> Risk:
        seconds = (t_ms - stay.since_ms) / 1000.0
        verb = "stays" if self._behavior is Behavior.LOITER else "is"
        return Risk(
            behavior=self._behavior,
            confidence=0.5 + 0.5 * subject.last.body.quality,
            subject_ids=(subject.subject_id,),
            zone=self.zone.name,
            measures=(Measured("in_zone", seconds, "s"),),
            reason=(
                f'Somebody {verb} in "{self.zone.name}" for {seconds:.0f} s; '
                f"{self._seconds:g} s are allowed."
            ),
            started_ms=stay.since_ms,
        )


def rests_on(subject: Subject, zones: list[Zone], aspect: float) -> bool:
    """Whether a subject is on a bed or sofa: its hips, or the middle of its torso.

    A zone that reaches the picture's edge goes on beyond it: of who lies half outside, the
    middle is there.
    """
    body = subject.last.body
    points = [body.center, body.hips or body.center]
    return any(zone.contains((_unit(x / aspect), _unit(y))) for zone in zones for x, y in points)


def _unit(value: float) -> float:
    return min(_EDGE, max(1.0 - _EDGE, value))
