"""The recognizer that ships: a network's answers, a second look, and rules about place and time.

Per observation and subject: roster and window (`sight`), every `Judging.run_ms` one run of the
network for everybody in the picture, then everyday behaviour, falls, blows, gestures and the
rhythm of the hands. Zones, crowds and long lies are the rules' (`scene`, `fall`), since they are
about place and time; who was told to have fallen and does not get up lies, too. Nothing is said
of what may be furniture (`presence`).

Every learned risk has one score in [0, 1] at every moment, see `trace`; the card says from
which score on it is told.
"""

from __future__ import annotations

import copy
import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from mizaru.cloud.recognize.adaptation import DEFAULT_SENSITIVITY, Sensitivity
from mizaru.cloud.recognize.body import Body
from mizaru.cloud.recognize.card import (
    LEARNED_RISKS,
    MAX_LOGIT,
    Calibrator,
    Card,
    OperatingPoint,
    logit,
    sigmoid,
)
from mizaru.cloud.recognize.contact import (
    BLOWS,
    Act,
    BullyWatch,
    Contact,
    Temper,
    blow_risk,
    contact,
)
from mizaru.cloud.recognize.everyday import Everyday
from mizaru.cloud.recognize.falling import FallWatch
from mizaru.cloud.recognize.finding import (
    Finding,
    Measured,
    Observation,
    Risk,
    SubjectFinding,
)
from mizaru.cloud.recognize.gesture import swing, waves
from mizaru.cloud.recognize.judging import JUDGING, Judging
from mizaru.cloud.recognize.network import Model, Network
from mizaru.cloud.recognize.outputs import ACTIONS, FALL
from mizaru.cloud.recognize.presence import Presence
from mizaru.cloud.recognize.rhythm import Rhythm
from mizaru.cloud.recognize.scene import CrowdWatch, ZoneWatch, rests_on
from mizaru.cloud.recognize.sight import Seen, Sight
from mizaru.cloud.recognize.subject import Subject
from mizaru.cloud.recognize.thresholds import DEFAULT, Thresholds
from mizaru.cloud.recognize.zones import Zone
from mizaru.cloud.settings import CloudCameraSettings, ZoneKind
from mizaru.vocabulary import Behavior

Array = npt.NDArray[np.float32]

_WORTH_A_LOOK = -3.0
"""Log odds below which nobody asks how the hands swing."""
_SMOKE, _WAVE = ACTIONS.index(Behavior.SMOKE), ACTIONS.index(Behavior.WAVE_FOR_HELP)


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """What is known of one subject at one moment, before any threshold.

    Attributes:
        t_ms: camera clock.
        subject_id: id on the wire.
        outputs: calibrated probabilities of all outputs, shape (OUTPUTS,), of the last run of
            the network; None before its first.
        scores: `LEARNED_RISKS` → score in [0, 1], 0.0 for what may be furniture.
    """

    t_ms: int
    subject_id: int
    outputs: Array | None
    scores: Mapping[Behavior, float]


@dataclass(frozen=True, slots=True)
class _Bar:
    """An operating point in log odds."""

    threshold: float
    low: float

    @staticmethod
    def of(point: OperatingPoint) -> _Bar:
        return _Bar(logit(point.threshold), logit(point.low))


@dataclass(slots=True)
class _Spell:
    """A risk that is being told."""

    since_ms: int


class _Mean:
    """Mean of log odds over a while, or of the clearer half of them.

    Attributes:
        value: -`MAX_LOGIT` with fewer than `least` of them.
    """

    def __init__(self, seconds: float, *, least: int, clearer_half: bool = False) -> None:
        self._seconds, self._least, self._clearer_half = seconds, least, clearer_half
        self._heard: deque[tuple[int, float]] = deque()
        self.value = -MAX_LOGIT

    def hear(self, t_ms: int, odds: float) -> None:
        heard = self._heard
        heard.append((t_ms, odds))
        while heard[0][0] < t_ms - self._seconds * 1000:
            heard.popleft()
        values = [odds for _, odds in heard]
        if self._clearer_half:
            values = sorted(values, reverse=True)[: (len(values) + 1) // 2]
        enough = len(heard) >= self._least
        self.value = sum(values) / len(values) if enough else -MAX_LOGIT


class _Mind:
    """All that is thought of one subject."""

    def __init__(self, limits: Thresholds, judging: Judging) -> None:
        self.presence = Presence(judging)
        self.everyday = Everyday(judging)
        self.fall = FallWatch(limits, judging)
        self.rhythm = Rhythm(judging)
        self.temper = Temper(judging)
        self.wave = _Mean(judging.wave_mean_s, least=3)
        self.smoke = _Mean(judging.smoke_mean_s, least=10, clearer_half=True)
        self.odds: Array | None = None
        self.is_fresh = False
        self.contact: Contact | None = None
        self.scores: dict[Behavior, float] = dict.fromkeys(LEARNED_RISKS, -MAX_LOGIT)
        self.spells: dict[Behavior, _Spell] = {}

    def fork(self) -> _Mind:
        """The same thoughts of another subject; contacts are of the one they were made for."""
        self.contact = None
        return copy.deepcopy(self)

    def hear(self, t_ms: int, odds: Array) -> None:
        self.odds, self.is_fresh = odds, True
        self.everyday.hear(t_ms, odds, self.rhythm)
        self.fall.hear(t_ms, float(odds[FALL]))
        self.temper.hear(t_ms, odds)
        self.wave.hear(t_ms, float(odds[_WAVE]))
        self.smoke.hear(t_ms, float(odds[_SMOKE]))


class LearnedRecognizer:
    """Streaming and causal; one per camera. See `mizaru.cloud.recognize.build_recognizer`."""

    def __init__(
        self,
        camera: CloudCameraSettings,
        *,
        local_time: Callable[[int], datetime],
        model: Model,
        sensitivity: Sensitivity = DEFAULT_SENSITIVITY,
        limits: Thresholds = DEFAULT,
        judging: Judging = JUDGING,
    ) -> None:
        self._camera, self._local_time = camera, local_time
        self._limits, self._judging = limits, judging
        self._network, self._calibrate = model.network, Calibrator(model.card)
        self._bars = {b: _Bar.of(p) for b, p in model.card.operating_points.items()}
        self._sensitivity = sensitivity
        zones = [Zone(settings) for settings in camera.zone]
        self._rest_zones = [zone for zone in zones if zone.kind is ZoneKind.REST]
        self._watched = [zone for zone in zones if zone.kind is not ZoneKind.REST]
        self._begin()

    def _begin(self) -> None:
        rules, limits = self._camera.rules, self._limits
        self._now_ms = -1
        self._run = -1
        self._sight = Sight(limits)
        self._minds: dict[Subject, _Mind] = {}
        self._crowd = CrowdWatch(rules, limits)
        self._zones = [ZoneWatch(zone, rules, limits) for zone in self._watched]
        self._bullies = BullyWatch(self._judging)
        self._seen: tuple[Subject, ...] = ()

    @property
    def moments(self) -> tuple[Moment, ...]:
        """Of the last observation, one per subject."""
        return tuple(self._moment(self._now_ms, subject) for subject in self._seen)

    def adapt(self, sensitivity: Sensitivity) -> None:
        """Be as sensitive as this from the next representation on; nothing is forgotten."""
        self._sensitivity = sensitivity

    def observe(self, observation: Observation) -> Finding:
        """Take the next representation and say what is going on now.

        A clock that goes back begins a new stream: nothing before it is remembered.
        """
        t_ms = observation.key.t_ms
        if t_ms < self._now_ms:
            self._begin()
        self._now_ms = t_ms
        seen = self._sight.observe(observation)
        self._meet(seen)
        self._listen(t_ms, seen)

        now = self._local_time(t_ms) if self._zones or self._rest_zones else None
        rest = [zone for zone in self._rest_zones if now and zone.counts(now)]
        people = tuple(s.subject for s in seen if self._minds[s.subject].presence.is_person)
        resting = {s for s in people if rests_on(s, rest, observation.aspect)}
        contacts = self._judge(people, resting)

        risks: list[Risk] = []
        dismissed: list[Risk] = []
        said: dict[int, tuple[Behavior, float]] = {}
        for subject in people:
            mind = self._minds[subject]
            said[subject.subject_id] = mind.everyday.says()
            for risk in self._risks_of(subject, mind, contacts[subject]):
                risks.append(risk)
                said[subject.subject_id] = risk.behavior, risk.confidence
            if subject not in resting:
                lies = mind.fall.long_lie(subject, self._camera.rules.long_lie_s)
                if lies and self._tells(lies):
                    risks.append(lies)
                    said[subject.subject_id] = lies.behavior, lies.confidence
            gone = mind.fall.dismissed(subject, self._bars[Behavior.FALL].threshold)
            if gone:
                dismissed.append(gone)
        risks += [risk for risk in self._bullies.observe(t_ms) if self._tells(risk)]
        for watch in self._zones:
            counts = now is not None and watch.zone.counts(now)
            for risk in watch.observe(t_ms, people, observation.aspect, counts=counts):
                if self._tells(risk):
                    risks.append(risk)
                    (subject_id,) = risk.subject_ids
                    if not said[subject_id][0].is_risk:
                        said[subject_id] = risk.behavior, risk.confidence
        crowd = self._crowd.observe(t_ms, len(people))
        if crowd and self._tells(crowd):
            risks.append(crowd)

        self._seen = tuple(one.subject for one in seen)
        nothing = Behavior.UNKNOWN, 0.0
        boxes = {s.subject_id: _box(s.last.body, observation.aspect) for s in self._seen}
        return Finding(
            key=observation.key,
            subjects=tuple(
                SubjectFinding(
                    pose.subject_id,
                    boxes[pose.subject_id],
                    *said.get(pose.subject_id, nothing),
                )
                for pose in observation.poses
                if pose.subject_id in boxes
            ),
            risks=tuple(risks),
            dismissed=tuple(dismissed),
            evidence=self._evidence(people),
        )

    # -- what the network says -------------------------------------------------------------------

    def _meet(self, seen: tuple[Seen, ...]) -> None:
        """A mind for everybody: of whom it was told apart from, or a new one."""
        for one in seen:
            subject = one.subject
            mind = self._minds.get(subject)
            if mind is None:
                parent = self._minds.get(subject.parent) if subject.parent else None
                mind = parent.fork() if parent else _Mind(self._limits, self._judging)
                self._minds[subject] = mind
            mind.presence.observe(subject)
            mind.rhythm.observe(subject)
        self._minds = {s: mind for s, mind in self._minds.items() if s in self._sight}

    def _listen(self, t_ms: int, seen: tuple[Seen, ...]) -> None:
        """Run the network where it is time; at once for whom it has not looked at yet."""
        run = t_ms // self._judging.run_ms
        due = run != self._run
        asked = [
            (self._minds[one.subject], one.window)
            for one in seen
            if one.window is not None and (due or self._minds[one.subject].odds is None)
        ]
        if due:
            self._run = run
        if not asked:
            return
        windows = np.stack([window.features() for _, window in asked])
        for (mind, _), odds in zip(asked, self._calibrate(self._network(windows)), strict=True):
            mind.hear(t_ms, odds)

    # -- scores ----------------------------------------------------------------------------------

    def _judge(self, people: tuple[Subject, ...], resting: set[Subject]) -> dict[Subject, Contact]:
        """Every score of everybody."""
        tempers = {s: self._minds[s].temper for s in people if s.size > 0.0}
        contacts: dict[Subject, Contact] = {}
        for subject in people:
            mind = self._minds[subject]
            lies = mind.everyday.says()[0] is Behavior.LIE
            mind.fall.observe(subject, at_rest=subject in resting, lies=lies)
            found = mind.contact
            if found is None or mind.is_fresh:
                found = Contact(subject, None, dict.fromkeys(BLOWS, -MAX_LOGIT), True)
                if subject in tempers and mind.temper.odds > -MAX_LOGIT:
                    found = contact(subject, tempers, self._judging)
                mind.contact, mind.is_fresh = found, False
            contacts[subject] = found
            mind.scores = {
                Behavior.FALL: mind.fall.score,
                **found.scores,
                Behavior.SMOKE: self._smokes(mind),
                Behavior.WAVE_FOR_HELP: self._waves(subject, mind),
            }
        return contacts

    def _smokes(self, mind: _Mind) -> float:
        return _cut(mind.smoke.value + mind.rhythm.smoking())

    def _waves(self, subject: Subject, mind: _Mind) -> float:
        judging = self._judging
        likely = mind.wave.value
        if likely < _WORTH_A_LOOK:
            return _cut(likely - judging.wave_doubt)
        fits = waves(swing(subject, 1.5 * judging.wave_mean_s), judging)
        return _cut(likely if fits else likely - judging.wave_doubt)

    def _evidence(self, people: Iterable[Subject]) -> Mapping[Behavior, float]:
        """The highest confidence of every learned risk now, told or not."""
        top = dict.fromkeys(LEARNED_RISKS, 0.0)
        for subject in people:
            for behavior, score in self._minds[subject].scores.items():
                top[behavior] = max(top[behavior], self._confidence(behavior, score))
        return MappingProxyType(top)

    def _moment(self, t_ms: int, subject: Subject) -> Moment:
        mind = self._minds[subject]
        scores = dict.fromkeys(LEARNED_RISKS, 0.0)
        if mind.presence.is_person:
            scores = {behavior: sigmoid(score) for behavior, score in mind.scores.items()}
        outputs = None if mind.odds is None else _sigmoids(mind.odds)
        return Moment(t_ms, subject.subject_id, outputs, MappingProxyType(scores))

    # -- risks -----------------------------------------------------------------------------------

    def _risks_of(self, subject: Subject, mind: _Mind, found: Contact) -> list[Risk]:
        """What is told of one subject, the gravest last."""
        t_ms = subject.last.t_ms
        risks: list[Risk] = []
        for behavior in (Behavior.SMOKE, *BLOWS, Behavior.WAVE_FOR_HELP, Behavior.FALL):
            if behavior in BLOWS and not found.leads:
                mind.spells.pop(behavior, None)
                continue
            confidence = self._heard(behavior, mind, t_ms)
            if confidence is None:
                continue
            since_ms = mind.spells[behavior].since_ms
            risk: Risk | None
            match behavior:
                case Behavior.FALL:
                    risk = mind.fall.risk(subject, confidence)
                case Behavior.SMOKE:
                    risk = _smoke_risk(subject, mind.rhythm, confidence)
                case Behavior.WAVE_FOR_HELP:
                    risk = self._wave_risk(subject, confidence, since_ms)
                case _:
                    risk = blow_risk(found, behavior, confidence, since_ms, self._judging)
                    if found.other is not None:
                        self._bullies.act(Act(t_ms, subject, found.other, confidence))
            if risk:
                risks.append(risk)
        return risks

    def _heard(self, behavior: Behavior, mind: _Mind, t_ms: int) -> float | None:
        """The confidence of a risk that is told, with hysteresis; None where it is not."""
        bar, score = self._bars[behavior], mind.scores[behavior]
        shift = self._sensitivity.shifts.get(behavior, 0.0)
        known = mind.spells.get(behavior)
        if score < (bar.low if known else bar.threshold) + shift:
            mind.spells.pop(behavior, None)
            return None
        if known is None:
            mind.spells[behavior] = _Spell(t_ms)
        return self._confidence(behavior, score)

    def _confidence(self, behavior: Behavior, score: float) -> float:
        return sigmoid(score - self._bars[behavior].threshold)

    def _tells(self, risk: Risk) -> bool:
        """For risks without a score of their own."""
        if risk.behavior not in self._sensitivity.shifts:
            return True
        return risk.confidence >= self._sensitivity.threshold(risk.behavior)

    def _wave_risk(self, subject: Subject, confidence: float, started_ms: int) -> Risk:
        found = swing(subject, 1.5 * self._judging.wave_mean_s)
        return Risk(
            behavior=Behavior.WAVE_FOR_HELP,
            confidence=confidence,
            subject_ids=(subject.subject_id,),
            zone="",
            measures=(
                Measured("swing", found.width, "body heights"),
                Measured("rate", found.rate, "1/s"),
                Measured("raised", 100.0 * found.up_share, "%"),
            ),
            reason=(
                f"A hand above the shoulders swings by {found.width:.2f} body heights, "
                f"{found.rate:.1f} times a second."
            ),
            started_ms=started_ms,
        )


def _smoke_risk(subject: Subject, rhythm: Rhythm, confidence: float) -> Risk:
    return Risk(
        behavior=Behavior.SMOKE,
        confidence=confidence,
        subject_ids=(subject.subject_id,),
        zone="",
        measures=rhythm.measures(),
        reason=(
            f"A hand went to the mouth {rhythm.cycles} times in the last minute, every "
            f"{rhythm.period_s:.0f} s, for {rhythm.dwell_s:.1f} s each."
        ),
        started_ms=rhythm.started_ms,
    )


def trace(
    observations: Iterable[Observation],
    network: Network,
    card: Card,
    *,
    camera: CloudCameraSettings | None = None,
    judging: Judging = JUDGING,
) -> list[Moment]:
    """Every score of every subject at every moment of a stream: what operating points are
    chosen on. Temperature and calibration of the card count, its operating points do not.

    Args:
        observations: in time order, of one camera.
        camera: its zones; none if None.
    """
    recognizer = LearnedRecognizer(
        camera or CloudCameraSettings(id="camera-1"),
        local_time=lambda t_ms: datetime.fromtimestamp(t_ms / 1000, UTC),
        model=Model(network, card),
        judging=judging,
    )
    moments: list[Moment] = []
    for observation in observations:
        recognizer.observe(observation)
        moments += recognizer.moments
    return moments


def _box(body: Body, aspect: float) -> tuple[float, float, float, float]:
    """Around what is seen, normalised (u0, v0, u1, v1), inside [0, 1]."""
    u0, u1 = body.left / aspect, body.right / aspect
    return _unit(u0), _unit(body.top), _unit(u1), _unit(body.bottom)


def _unit(value: float) -> float:
    return min(1.0, max(0.0, value))


def _cut(odds: float) -> float:
    return min(MAX_LOGIT, max(-MAX_LOGIT, odds)) if math.isfinite(odds) else -MAX_LOGIT


def _sigmoids(odds: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-odds)), np.float32)
