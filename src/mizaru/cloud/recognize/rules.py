"""The first recognizer: kinematic rules that explain themselves.

What it does not do: strike, bully, smoke, wave_for_help, wash_hands, drink and phone are left
to learned recognizers. It takes "down" in the picture for down in the room, so a camera that
looks straight down is outside its domain.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from mizaru.cloud.recognize.adaptation import DEFAULT_SENSITIVITY, Sensitivity
from mizaru.cloud.recognize.fall import FloorWatch, fall_risk, long_lie_risk
from mizaru.cloud.recognize.finding import Finding, Observation, Risk, SubjectFinding
from mizaru.cloud.recognize.scene import CrowdWatch, ZoneWatch, rests_on
from mizaru.cloud.recognize.subject import Roster, Subject, gait, speed
from mizaru.cloud.recognize.thresholds import DEFAULT, Thresholds
from mizaru.cloud.recognize.zones import Zone
from mizaru.cloud.settings import CloudCameraSettings, ZoneKind
from mizaru.vocabulary import Behavior
from mizaru.wire.codec import box_xyxy


class _Everyday:
    """What one subject does: the usual posture, how it changed, and whether it travels."""

    def __init__(self, limits: Thresholds) -> None:
        self._limits = limits
        self._posture = Behavior.UNKNOWN
        self._change: Behavior | None = None
        self._changed_ms = 0

    def observe(self, subject: Subject) -> tuple[Behavior, float]:
        """The behaviour, and the share of recent poses that agree times their quality."""
        limits, t_ms = self._limits, subject.last.t_ms
        usual, share = subject.usual(t_ms - round(limits.window_s * 1000))
        if usual is not self._posture:
            lasted = t_ms - self._changed_ms >= limits.window_s * 1000
            self._change = _TRANSITIONS.get((self._posture, usual)) if lasted else None
            self._changed_ms = t_ms
            self._posture = usual
        confidence = share * (0.5 + 0.5 * subject.last.body.quality)
        if usual is Behavior.UNKNOWN:
            if speed(subject, 1.0) > limits.walk_speed:
                return Behavior.WALK, 0.5 * confidence
            return Behavior.UNKNOWN, 0.0
        if self._change and t_ms - self._changed_ms <= limits.transition_s * 1000:
            return self._change, confidence
        if usual is Behavior.STAND:
            travel = speed(subject, 1.0)
            swings = gait(subject, 1.0) > limits.gait_speed and travel > limits.gait_travel
            if travel > limits.walk_speed or swings:
                return Behavior.WALK, confidence
        return usual, confidence


_TRANSITIONS: Final = {
    (Behavior.STAND, Behavior.SIT): Behavior.SIT_DOWN,
    (Behavior.SIT, Behavior.STAND): Behavior.STAND_UP,
    (Behavior.STAND, Behavior.LIE): Behavior.LIE_DOWN,
    (Behavior.SIT, Behavior.LIE): Behavior.LIE_DOWN,
    (Behavior.LIE, Behavior.SIT): Behavior.STAND_UP,
    (Behavior.LIE, Behavior.STAND): Behavior.STAND_UP,
}


class RuleRecognizer:
    """Streaming and causal; one per camera. See `mizaru.cloud.recognize.build_recognizer`."""

    def __init__(
        self,
        camera: CloudCameraSettings,
        *,
        local_time: Callable[[int], datetime],
        limits: Thresholds = DEFAULT,
        sensitivity: Sensitivity = DEFAULT_SENSITIVITY,
    ) -> None:
        self._sensitivity = sensitivity
        self._camera, self._local_time, self._limits = camera, local_time, limits
        zones = [Zone(settings) for settings in camera.zone]
        self._rest = [zone for zone in zones if zone.kind is ZoneKind.REST]
        self._watched = [zone for zone in zones if zone.kind is not ZoneKind.REST]
        self._begin()

    def _begin(self) -> None:
        rules, limits = self._camera.rules, self._limits
        self._now_ms = -1
        self._roster = Roster(limits)
        self._crowd = CrowdWatch(rules, limits)
        self._zones = [ZoneWatch(zone, rules, limits) for zone in self._watched]
        self._floor: dict[Subject, FloorWatch] = {}
        self._everyday: dict[Subject, _Everyday] = {}

    def adapt(self, sensitivity: Sensitivity) -> None:
        """Be as sensitive as this from the next representation on."""
        self._sensitivity = sensitivity

    def observe(self, observation: Observation) -> Finding:
        """Take the next representation and say what is going on now.

        A clock that goes back begins a new stream: nothing before it is remembered.
        """
        t_ms = observation.key.t_ms
        if t_ms < self._now_ms:
            self._begin()
        self._now_ms = t_ms
        subjects = self._roster.observe(observation)
        self._floor = {s: w for s, w in self._floor.items() if s in self._roster}
        self._everyday = {s: w for s, w in self._everyday.items() if s in self._roster}

        risks: list[Risk] = []
        said: dict[int, tuple[Behavior, float]] = {}
        now = self._local_time(t_ms) if self._zones or self._rest else None
        rest = [zone for zone in self._rest if now and zone.counts(now)]
        for subject in subjects:
            watch = self._floor.setdefault(subject, FloorWatch(self._limits))
            watch.observe(subject, at_rest=rests_on(subject, rest, observation.aspect))
            fall = fall_risk(subject, watch, self._limits)
            long_lie = None
            if not rests_on(subject, rest, observation.aspect):
                long_lie = long_lie_risk(subject, watch, self._camera.rules.long_lie_s)
            everyday = self._everyday.setdefault(subject, _Everyday(self._limits))
            said[subject.subject_id] = everyday.observe(subject)
            # A long lie after a fall is the more urgent of the two.
            for risk in (fall, long_lie):
                if risk and self._tells(risk):
                    risks.append(risk)
                    said[subject.subject_id] = risk.behavior, risk.confidence
        for zone_watch in self._zones:
            counts = now is not None and zone_watch.zone.counts(now)
            for risk in zone_watch.observe(t_ms, subjects, observation.aspect, counts=counts):
                if not self._tells(risk):
                    continue
                risks.append(risk)
                (subject_id,) = risk.subject_ids
                if not said[subject_id][0].is_risk:
                    said[subject_id] = risk.behavior, risk.confidence
        crowd = self._crowd.observe(t_ms, len(subjects))
        if crowd and self._tells(crowd):
            risks.append(crowd)
        return Finding(
            key=observation.key,
            subjects=tuple(
                SubjectFinding(pose.subject_id, box_xyxy(pose.keypoints), *said[pose.subject_id])
                for pose in observation.poses
                if pose.subject_id in said
            ),
            risks=tuple(risks),
        )

    def _tells(self, risk: Risk) -> bool:
        shift = self._sensitivity.shifts.get(risk.behavior)
        return shift is None or risk.confidence >= self._sensitivity.threshold(risk.behavior)
