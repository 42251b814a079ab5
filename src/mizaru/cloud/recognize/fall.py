"""Fall and long lie: down fast from upright, and still on the floor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from mizaru.cloud.recognize.finding import Measured, Risk
from mizaru.cloud.recognize.subject import Sample, Subject
from mizaru.cloud.recognize.thresholds import Thresholds
from mizaru.vocabulary import Behavior


@dataclass(frozen=True, slots=True)
class Descent:
    """How somebody came to the floor.

    Attributes:
        subject_ids: under which the subject was seen then.
        onset_ms: when the subject was last upright.
        impact_ms: first pose on the floor.
        hidden_s: how long nothing was seen of the subject in between, seconds.
        drop: way of head and shoulders downwards, body heights.
        peak_speed: of head and shoulders downwards, body heights/s.
    """

    subject_ids: tuple[int, ...]
    onset_ms: int
    impact_ms: int
    hidden_s: float
    drop: float
    peak_speed: float

    @property
    def time_to_floor_s(self) -> float:
        """From upright to the floor, seconds."""
        return (self.impact_ms - self.onset_ms) / 1000.0


class FloorWatch:
    """Follows one subject to the floor and up again.

    Attributes:
        on_floor: whether the subject lies, confirmed.
        lies_since_ms: camera clock since when, on a bed or sofa the newest pose's; None while it
            does not lie.
        fell: how it came down, if that was a fall; None otherwise.
    """

    def __init__(self, limits: Thresholds) -> None:
        self._limits = limits
        self.on_floor = False
        self.lies_since_ms: int | None = None
        self.fell: Descent | None = None

    def observe(self, subject: Subject, *, at_rest: bool) -> None:
        """Take the subject's newest pose; `at_rest`: it is on a bed or sofa."""
        limits, t_ms = self._limits, subject.last.t_ms
        if not self.on_floor:
            since = t_ms - round(limits.floor_s * 1000)
            recent = list(subject.since(since))
            long_enough = recent[-1].t_ms <= since + round(limits.floor_s * 500)
            if (
                subject.last.posture is Behavior.LIE
                and len(recent) >= 3
                and long_enough
                and subject.share(Behavior.LIE, since) >= limits.floor_share
            ):
                self.on_floor = True
                descent = _descent(subject, limits)
                self.lies_since_ms = descent.impact_ms if descent else recent[-1].t_ms
                self.fell = descent if descent and not at_rest else None
        elif subject.share(Behavior.LIE, t_ms - round(limits.rise_s * 1000)) < (
            1.0 - limits.floor_share
        ):
            self.on_floor = False
            self.lies_since_ms = self.fell = None
        if at_rest:
            self.fell = None
            # A long lie is one outside of beds: whoever appears beside one for a moment has not
            # lain there for as long as in it.
            self.lies_since_ms = t_ms if self.on_floor else None


def _descent(subject: Subject, limits: Thresholds) -> Descent | None:
    """The way down of a subject that lies now, if it was a fall.

    It begins about when the subject was last up, soon before it lay. Onset and impact are where
    head and shoulders have made 10 % and 90 % of the way; after the impact somebody may still
    kneel or roll for a moment before they lie.
    """
    size = subject.size
    track = [(s, y) for s in subject.samples if (y := s.body.upper) is not None]
    if not track or size <= 0.0:
        return None
    samples = [sample for sample, _ in track]
    lying = _lying_from(samples)
    last_up = next((i for i in range(lying - 1, -1, -1) if _is_up(samples[i], size, limits)), None)
    if last_up is None:
        return None
    hidden_s = max(b.t_ms - a.t_ms for a, b in pairwise(samples[last_up : lying + 1])) / 1000.0
    hidden_s = hidden_s if hidden_s > limits.hidden_s else 0.0
    allowed_s = min(hidden_s, limits.descent_gap_s)
    if samples[lying].t_ms - samples[last_up].t_ms > (limits.settle_s + allowed_s) * 1000:
        return None

    begin_ms = samples[last_up].t_ms - round(limits.up_s * 1000)
    end_ms = samples[last_up].t_ms + round((limits.descent_s + allowed_s) * 1000)
    way = [(s, y) for s, y in track if begin_ms <= s.t_ms <= end_ms]
    top_y = min(y for sample, y in way if sample.t_ms <= samples[last_up].t_ms)
    lows = sorted(y for sample, y in way if sample.t_ms > samples[last_up].t_ms)
    if not lows:
        return None
    low_y = lows[-2] if len(lows) > 2 else lows[-1]
    drop = (low_y - top_y) / size
    if drop < limits.descent_drop:
        return None
    impact = next(i for i, (_, y) in enumerate(way) if y >= low_y - 0.1 * (low_y - top_y))
    onset = max(
        (i for i in range(impact) if way[i][1] <= top_y + 0.1 * (low_y - top_y)), default=None
    )
    if onset is None:
        return None
    way = way[onset : impact + 1]
    seconds = (way[-1][0].t_ms - way[0][0].t_ms) / 1000.0
    onset_ms = way[0][0].t_ms
    before = [s for s in samples if onset_ms - limits.up_s * 1000 <= s.t_ms <= onset_ms]
    if 2 * sum(_is_up(sample, size, limits) for sample in before) < len(before):
        return None
    sat = 2 * sum(sample.posture is Behavior.SIT for sample in before) > len(before)
    least = limits.descent_speed_sitting if sat else limits.descent_speed
    peak = peak_speed(way, size, limits)
    # Over a gap only the mean speed is known, which says nothing about the peak.
    if seconds > limits.descent_s + allowed_s or (peak < least and not hidden_s):
        return None

    lying_size = sorted(sample.body.size for sample in samples[lying:])
    if lying_size[len(lying_size) // 2] < limits.descent_body * size:
        return None
    moved = math.dist(samples[last_up].body.center, samples[lying].body.center)
    if hidden_s and moved > limits.handover_reach * size:
        return None
    ids = subject.ids_since(onset_ms - round(limits.up_s * 1000))
    return Descent(ids, onset_ms, way[-1][0].t_ms, hidden_s, drop, peak)


def _is_up(sample: Sample, size: float, limits: Thresholds) -> bool:
    """Whether a pose is one that people fall from: standing or sitting upright."""
    tilt = sample.body.tilt
    return (
        sample.posture in (Behavior.STAND, Behavior.SIT, Behavior.UNKNOWN)
        and tilt is not None
        and tilt < limits.tilt_upright
        and sample.height > limits.height_upright
        and sample.body.torso > limits.torso_upright * size
        and sample.body.margin >= limits.lie_margin
    )


def _lying_from(samples: list[Sample]) -> int:
    """Index of the first pose of the lying that goes on now; single flips do not end it."""
    first = len(samples) - 1
    for i in range(len(samples) - 1, -1, -1):
        if samples[i].posture is Behavior.LIE:
            first = i
        elif first - i > 2:
            break
    return first


def peak_speed(way: list[tuple[Sample, float]], size: float, limits: Thresholds) -> float:
    """Fastest descent of head and shoulders over `speed_window_s`, body heights/s.

    Where poses are missing for longer than that, it is the speed over the gap.
    """
    best = 0.0
    start = 0
    for end in range(1, len(way)):
        while (
            start < end - 1 and way[end][0].t_ms - way[start][0].t_ms > limits.speed_window_s * 1000
        ):
            start += 1
        seconds = (way[end][0].t_ms - way[start][0].t_ms) / 1000.0
        if seconds >= limits.speed_window_s / 2.0:
            best = max(best, (way[end][1] - way[start][1]) / size / seconds)
    return best


def fall_risk(subject: Subject, watch: FloorWatch, limits: Thresholds) -> Risk | None:
    """The fall that brought a subject down, as long as it is down.

    Its confidence is the geometric mean of four marks, each 0.5 where the rule only just
    holds and 1.0 where it holds amply: peak speed (ample: 2 × threshold), drop (2 ×), share of
    poses on the floor since the impact (ample: all), and mean keypoint confidence. It says how
    clearly the rule holds; it is not yet a calibrated probability.
    """
    descent = watch.fell
    now_ms = subject.last.t_ms
    if descent is None or now_ms - descent.impact_ms > limits.fall_report_s * 1000:
        return None
    still_s = (now_ms - descent.impact_ms) / 1000.0
    marks = (
        _mark(descent.peak_speed, limits.descent_speed),
        _mark(descent.drop, limits.descent_drop),
        0.5 + 0.5 * subject.share(Behavior.LIE, descent.impact_ms),
        0.5 + 0.5 * subject.last.body.quality,
    )
    confidence = (marks[0] * marks[1] * marks[2] * marks[3]) ** 0.25
    hidden = f", unseen for {descent.hidden_s:.1f} s" if descent.hidden_s else ""
    return Risk(
        behavior=Behavior.FALL,
        confidence=confidence,
        subject_ids=tuple(sorted({*descent.subject_ids, *subject.ids_since(descent.onset_ms)})),
        zone="",
        measures=(
            Measured("descent_speed", descent.peak_speed, "body heights/s"),
            Measured("drop", descent.drop, "body heights"),
            Measured("time_to_floor", descent.time_to_floor_s, "s"),
            Measured("on_floor", still_s, "s"),
        ),
        reason=(
            f"From upright to the floor in {descent.time_to_floor_s:.1f} s{hidden}, "
            f"at up to {descent.peak_speed:.1f} body heights/s; "
            f"on the floor for {still_s:.0f} s."
        ),
        started_ms=descent.onset_ms,
    )


def long_lie_risk(subject: Subject, watch: FloorWatch, seconds: float) -> Risk | None:
    """Lying outside a rest zone for too long, however the subject came down.

    Its confidence is 0.5 plus half the share of lying poses in the history.
    """
    if watch.lies_since_ms is None:
        return None
    lies_s = (subject.last.t_ms - watch.lies_since_ms) / 1000.0
    if lies_s < seconds:
        return None
    how = "after a fall" if watch.fell else "outside a rest zone"
    return Risk(
        behavior=Behavior.LONG_LIE,
        confidence=0.5 + 0.5 * subject.share(Behavior.LIE, 0),
        subject_ids=subject.ids_since(watch.lies_since_ms),
        zone="",
        measures=(Measured("lying", lies_s, "s"),),
        reason=f"Lying {how} for {lies_s:.0f} s.",
        started_ms=watch.lies_since_ms,
    )


def _mark(value: float, threshold: float) -> float:
    return min(1.0, max(0.0, 0.5 * value / threshold))
