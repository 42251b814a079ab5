"""A fall, from the network's evidence and a second look: what came before, and what after.

The score of a moment is one number of log odds:

    evidence   the network's, averaged; it is remembered while somebody lies, fades where they
               sit or kneel, and fades fast once they are up
  + witness    how clearly the kinematic rule saw a fall, too
  - look       what the second look has not seen yet; gone sooner after a fast descent onto the
               floor where somebody lies still
  - upright    who sits or stands upright ever since
  - unsettled  a head that does not stay down
  - back up    who stands again

so that one threshold, chosen on training data, decides between all of it.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from mizaru.cloud.recognize.body import Point
from mizaru.cloud.recognize.card import MAX_LOGIT, sigmoid
from mizaru.cloud.recognize.fall import Descent, FloorWatch, fall_risk, long_lie_risk, peak_speed
from mizaru.cloud.recognize.finding import Measured, Risk
from mizaru.cloud.recognize.judging import Judging
from mizaru.cloud.recognize.subject import Sample, Subject
from mizaru.cloud.recognize.thresholds import Thresholds
from mizaru.vocabulary import Behavior


@dataclass(slots=True)
class _Episode:
    """Somebody may have fallen.

    Attributes:
        began_ms: when the evidence became noteworthy.
        descent: how they came down, as far as it was seen.
        half_y: where the head was half of the way down, image heights; None where unknown.
        strongest: the most that spoke for it, log odds.
        was_over: whether that was enough but for the second look.
        was_told, was_dismissed: what was said of it.
    """

    began_ms: int
    descent: Descent | None = None
    half_y: float | None = None
    strongest: float = -math.inf
    was_over: bool = False
    was_told: bool = False
    was_dismissed: bool = False


class FallWatch:
    """Of one subject.

    Attributes:
        floor: the kinematic rule, which also knows long lies.
        score: log odds of a fall now, from -`MAX_LOGIT` to `MAX_LOGIT`.
    """

    def __init__(self, limits: Thresholds, judging: Judging) -> None:
        self._limits, self._judging = limits, judging
        self.floor = FloorWatch(limits)
        self.score = -MAX_LOGIT
        self._heard: deque[tuple[int, float]] = deque()
        self._evidence = judging.fall_least
        self._t_ms = 0
        self._episode: _Episode | None = None
        self._still_at: Point | None = None
        self._still_since_ms = 0
        self._is_up = False

    def hear(self, t_ms: int, odds: float) -> None:
        """Take the network's calibrated log odds of a fall."""
        self._heard.append((t_ms, odds))
        while self._heard[0][0] < t_ms - self._judging.fall_mean_s * 1000:
            self._heard.popleft()

    def observe(self, subject: Subject, *, at_rest: bool, lies: bool) -> None:
        """Take the subject's newest pose, after `hear`.

        Args:
            at_rest: it is on a bed or sofa.
            lies: the network has it lie, whatever the pose shows: who lies along the line of
                sight does not look like it.
        """
        self.floor.observe(subject, at_rest=at_rest)
        self._rest(subject)
        self._is_up = self._stands(subject)
        self._remember(subject, lies=lies)
        if at_rest:
            self._evidence, self._episode = self._judging.fall_least, None
            self.score = -MAX_LOGIT
            return
        witness = self._witness(subject)
        believed = self._evidence + witness
        if self._episode is None and believed > self._judging.fall_candidate:
            self._episode = _Episode(subject.last.t_ms)
        elif self._episode and believed <= self._judging.fall_candidate - 1.0:
            self._episode = None
        score = believed - self._judging.look_weight
        if self._episode:
            self._follow(self._episode, subject)
            self._mark_half(self._episode, subject)
            self._episode.strongest = max(self._episode.strongest, believed)
            score = believed + self._second_look(self._episode, subject)
        self.score = min(MAX_LOGIT, max(-MAX_LOGIT, score))

    def risk(self, subject: Subject, confidence: float) -> Risk | None:
        """The fall, with its measures; None once it has been told for long enough."""
        episode = self._episode
        now_ms = subject.last.t_ms
        if episode is None or now_ms - self._impact_ms(episode) > self._limits.fall_report_s * 1000:
            return None
        episode.was_told = True
        sure = f"the network and the posture since make it {confidence:.2f} sure"
        sure += ", and the kinematic rule agrees." if self.floor.fell else "."
        still_s = self._still_s(episode, subject)
        return Risk(
            behavior=Behavior.FALL,
            confidence=confidence,
            subject_ids=self._ids(episode, subject),
            zone="",
            measures=self._measures(episode, subject),
            reason=f"{_way_down(episode)}; down for {self._down_s(episode, subject):.1f} s, "
            f"still for {still_s:.1f} s; {sure}",
            started_ms=self._onset_ms(episode),
        )

    def long_lie(self, subject: Subject, seconds: float) -> Risk | None:
        """Down for too long: by the rule, or since a fall that was told."""
        lies = long_lie_risk(subject, self.floor, seconds)
        episode = self._episode
        if lies or episode is None or not episode.was_told or self._is_up:
            return lies
        down_s = self._down_s(episode, subject)
        if down_s < seconds:
            return None
        return Risk(
            behavior=Behavior.LONG_LIE,
            confidence=sigmoid(max(0.0, self._evidence)),
            subject_ids=self._ids(episode, subject),
            zone="",
            measures=(
                Measured("lying", down_s, "s"),
                Measured("immobility", self._still_s(episode, subject), "s"),
            ),
            reason=f"Down after a fall for {down_s:.0f} s, and not up again.",
            started_ms=self._impact_ms(episode),
        )

    def dismissed(self, subject: Subject, threshold: float) -> Risk | None:
        """What would have been a fall if nobody had got up again; said once.

        Args:
            threshold: log odds at which a fall is told.
        """
        episode = self._episode
        if episode is None or episode.was_told or episode.was_dismissed:
            return None
        episode.was_over = episode.was_over or episode.strongest >= threshold
        if not (episode.was_over and self._is_up):
            return None
        episode.was_dismissed = True
        after_s = (subject.last.t_ms - self._impact_ms(episode)) / 1000.0
        return Risk(
            behavior=Behavior.FALL,
            confidence=0.0,
            subject_ids=self._ids(episode, subject),
            zone="",
            measures=self._measures(episode, subject),
            reason=f"{_way_down(episode)}; up again {max(after_s, 0.0):.1f} s later: no alarm.",
            started_ms=self._onset_ms(episode),
        )

    # -- evidence --------------------------------------------------------------------------------

    def _remember(self, subject: Subject, *, lies: bool) -> None:
        judging, t_ms = self._judging, subject.last.t_ms
        after_s = (t_ms - self._t_ms) / 1000.0 if self._t_ms else 0.0
        self._t_ms = t_ms
        if self._is_up:
            fades = judging.fall_fades_up
        elif lies or subject.share(Behavior.LIE, t_ms - 800) >= 0.5:
            fades = 0.0
        else:
            fades = judging.fall_fades
        evidence = self._evidence - fades * after_s
        recent = [odds for heard_ms, odds in self._heard if heard_ms >= t_ms - 1000]
        if len(recent) >= 2:
            evidence = max(evidence, sum(recent) / len(recent))
        self._evidence = min(judging.fall_most, max(judging.fall_least, evidence))

    def _witness(self, subject: Subject) -> float:
        """The kinematic rule, from 0 where it sees nothing or only just a fall."""
        seen = fall_risk(subject, self.floor, self._limits)
        return 0.0 if seen is None else self._judging.fall_witness * (2.0 * seen.confidence - 1.0)

    def _stands(self, subject: Subject) -> bool:
        """Whether it has been standing or walking for a moment, with the head back up."""
        judging, t_ms = self._judging, subject.last.t_ms
        since_ms = t_ms - round(judging.rise_s * 1000)
        recent = list(subject.since(since_ms))
        if len(recent) < 3 or recent[-1].t_ms > since_ms + judging.rise_s * 500:
            return False
        up = sum(s.posture is Behavior.STAND and s.height > 0.7 for s in recent)
        return up >= judging.rise_share * len(recent)

    # -- the second look -------------------------------------------------------------------------

    def _follow(self, episode: _Episode, subject: Subject) -> None:
        """Learn how it came down; the rule's own account is better than a mere drop."""
        if self.floor.fell:
            episode.descent = self.floor.fell
            return
        known = episode.descent
        if known and subject.last.t_ms - known.impact_ms > 1000:
            return
        found = _drop(subject, episode.began_ms, self._limits)
        if found and found.drop >= self._judging.drop and (not known or found.drop > known.drop):
            episode.descent = found

    def _mark_half(self, episode: _Episode, subject: Subject) -> None:
        """Remember it as long as the impact is in sight."""
        descent = episode.descent
        if descent is None:
            return
        since = (s for s in subject.samples if s.t_ms >= descent.impact_ms)
        first = next(since, None)
        if first and first.t_ms <= descent.impact_ms + 200 and first.body.upper is not None:
            episode.half_y = first.body.upper - 0.5 * descent.drop * subject.size

    def _second_look(self, episode: _Episode, subject: Subject) -> float:
        judging = self._judging
        if self._is_up:
            return -judging.look_back_up
        down_s = self._down_s(episode, subject)
        since = [s for s in subject.samples if s.t_ms >= self._impact_ms(episode)]
        lying = upright = 0.0
        if since:
            lying = sum(s.posture is Behavior.LIE for s in since) / len(since)
            upright = sum(_is_upright(s) for s in since) / len(since)
        fast = episode.descent is not None and episode.descent.peak_speed >= judging.severe_speed
        severe = fast and lying >= judging.severe_lying
        severe = severe and self._still_s(episode, subject) >= 0.5 * judging.look_severe_s
        needed_s = judging.look_severe_s if severe else judging.look_s
        unseen = 1.0 - min(1.0, max(0.0, down_s) / needed_s)
        return (
            -judging.look_weight * unseen
            - judging.look_upright * upright
            - judging.look_unsettled * _unsettled(episode.half_y, since)
        )

    def _rest(self, subject: Subject) -> None:
        """Notice when it last moved."""
        body = subject.last.body
        reach = self._judging.still * subject.size
        if self._still_at is None or math.dist(self._still_at, body.center) > reach:
            self._still_at, self._still_since_ms = body.center, body.t_ms

    # -- accounts --------------------------------------------------------------------------------

    def _impact_ms(self, episode: _Episode) -> int:
        return episode.descent.impact_ms if episode.descent else episode.began_ms

    def _onset_ms(self, episode: _Episode) -> int:
        return episode.descent.onset_ms if episode.descent else episode.began_ms

    def _down_s(self, episode: _Episode, subject: Subject) -> float:
        return (subject.last.t_ms - self._impact_ms(episode)) / 1000.0

    def _still_s(self, episode: _Episode, subject: Subject) -> float:
        since_ms = max(self._still_since_ms, self._impact_ms(episode))
        return max(0.0, (subject.last.t_ms - since_ms) / 1000.0)

    def _ids(self, episode: _Episode, subject: Subject) -> tuple[int, ...]:
        then = episode.descent.subject_ids if episode.descent else ()
        return tuple(sorted({*then, *subject.ids_since(self._onset_ms(episode))}))

    def _measures(self, episode: _Episode, subject: Subject) -> tuple[Measured, ...]:
        descent = episode.descent
        measured: tuple[Measured, ...] = ()
        if descent:
            measured = (
                Measured("descent_speed", descent.peak_speed, "body heights/s"),
                Measured("drop", descent.drop, "body heights"),
                Measured("time_to_floor", descent.time_to_floor_s, "s"),
            )
        return (
            *measured,
            Measured("on_floor", max(0.0, self._down_s(episode, subject)), "s"),
            Measured("immobility", self._still_s(episode, subject), "s"),
        )


def _way_down(episode: _Episode) -> str:
    descent = episode.descent
    if descent is None:
        return "Fell; the way down was not seen well enough to measure"
    hidden = f", unseen for {descent.hidden_s:.1f} s" if descent.hidden_s else ""
    return (
        f"Down by {descent.drop:.1f} body heights in {descent.time_to_floor_s:.1f} s{hidden}, "
        f"at up to {descent.peak_speed:.1f} body heights/s"
    )


def _is_upright(sample: Sample) -> bool:
    """Sits or stands with the torso upright, not sunk into itself, or bends over standing legs."""
    tilt = sample.body.tilt
    return sample.posture is Behavior.BEND or (
        sample.posture in (Behavior.STAND, Behavior.SIT)
        and tilt is not None
        and tilt < 30.0
        and sample.height > 0.5
    )


def _unsettled(half_y: float | None, since: list[Sample]) -> float:
    """Share of the poses since the impact, as far as remembered, whose head is back above half of
    its way down."""
    heads = [y for sample in since if (y := sample.body.upper) is not None]
    if half_y is None or len(heads) < 2:
        return 0.0
    return sum(y < half_y for y in heads) / len(heads)


def _drop(subject: Subject, began_ms: int, limits: Thresholds) -> Descent | None:
    """The longest way that head and shoulders came down within `Thresholds.settle_s`, from that
    long before `began_ms` on."""
    since_ms = began_ms - limits.settle_s * 1000
    track = [
        (s, y) for s in subject.samples if s.t_ms >= since_ms and (y := s.body.upper) is not None
    ]
    if len(track) < 3 or subject.size <= 0.0:
        return None
    best = (0.0, 0, 0)
    for low in range(1, len(track)):
        for top in range(low - 1, -1, -1):
            if track[low][0].t_ms - track[top][0].t_ms > limits.settle_s * 1000:
                break
            best = max(best, (track[low][1] - track[top][1], top, low))
    way, top, low = best
    if way <= 0.0:
        return None
    top_y = track[top][1]
    onset = max(i for i in range(top, low) if track[i][1] <= top_y + 0.1 * way)
    impact = next(i for i in range(onset, low + 1) if track[i][1] >= top_y + 0.9 * way)
    onset_ms, impact_ms = track[onset][0].t_ms, track[impact][0].t_ms
    return Descent(
        subject_ids=subject.ids_since(onset_ms),
        onset_ms=onset_ms,
        impact_ms=impact_ms,
        hidden_s=0.0,
        drop=way / subject.size,
        peak_speed=peak_speed(track[onset : impact + 1], subject.size, limits),
    )
