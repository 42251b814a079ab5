"""Blows, pushes and bullying: what one does to another, told from both."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.cloud.recognize.body import Body, Point
from mizaru.cloud.recognize.card import MAX_LOGIT, logit, sigmoid
from mizaru.cloud.recognize.finding import Measured, Risk
from mizaru.cloud.recognize.judging import Judging
from mizaru.cloud.recognize.outputs import ACTIONS, AGGRESSION
from mizaru.cloud.recognize.subject import Subject
from mizaru.proxy.body import STATURE
from mizaru.vocabulary import Behavior

Array = npt.NDArray[np.float32]

BLOWS: Final = (Behavior.STRIKE, Behavior.PUSH)
_WORTH_A_LOOK: Final = -2.0
"""Log odds below which nobody asks what the hands did."""
_STRIKE, _PUSH = (ACTIONS.index(behavior) for behavior in BLOWS)


class Temper:
    """What the network says of one subject's aggression, averaged.

    Attributes:
        odds: mean log odds of `AGGRESSION`.
        strike, push: mean probabilities of these actions.
    """

    def __init__(self, judging: Judging) -> None:
        self._judging = judging
        self._heard: deque[tuple[int, float, float, float]] = deque()
        self.odds = -MAX_LOGIT
        self.strike = self.push = 0.0

    def hear(self, t_ms: int, odds: Array) -> None:
        """Take calibrated log odds of all outputs."""
        heard = self._heard
        strike, push = sigmoid(float(odds[_STRIKE])), sigmoid(float(odds[_PUSH]))
        heard.append((t_ms, float(odds[AGGRESSION]), strike, push))
        while heard[0][0] < t_ms - self._judging.act_mean_s * 1000:
            heard.popleft()
        n = len(heard)
        self.odds = sum(h[1] for h in heard) / n
        self.strike, self.push = sum(h[2] for h in heard) / n, sum(h[3] for h in heard) / n
        if n < 2:
            self.odds = min(self.odds, 0.0)  # one look is none


@dataclass(frozen=True, slots=True)
class Hands:
    """What one's hands did towards another lately.

    Attributes:
        peak: greatest speed of a wrist, seen from the other's torso, m/s of the canonical body.
        nearest: least distance of a wrist to the other's head or torso, body heights.
        blows: how often a hand was fast and near.
        seconds: over how long.
        closed: how far it approached the other, and …
        met: … how far the other approached it, body heights.
    """

    peak: float
    nearest: float
    blows: int
    seconds: float
    closed: float
    met: float


def hands(me: Subject, other: Subject, seconds: float, judging: Judging) -> Hands:
    """Over the last `seconds`, as far as both were seen at once."""
    since_ms = me.last.t_ms - round(seconds * 1000)
    # One each per moment: who was told apart from somebody has that one's pose, too.
    ours = {sample.t_ms: sample.body for sample in reversed(list(me.since(since_ms)))}
    theirs = {sample.t_ms: sample.body for sample in reversed(list(other.since(since_ms)))}
    pairs = [(body, theirs[t_ms]) for t_ms, body in ours.items() if t_ms in theirs]
    peak, nearest, blows, blow_ms = 0.0, math.inf, 0, -math.inf
    last: tuple[Body, Body] | None = None
    for mine, theirs_now in pairs:
        for side in (0, 1):
            wrist = mine.wrists[side]
            if wrist is None:
                continue
            gap = _gap(wrist, theirs_now) / me.size
            nearest = min(nearest, gap)
            before = last[0].wrists[side] if last else None
            if last is None or before is None:
                continue
            moved = math.dist(
                _seen_from(wrist, theirs_now.center), _seen_from(before, last[1].center)
            )
            speed = moved / me.size * STATURE / (mine.t_ms - last[0].t_ms) * 1000.0
            peak = max(peak, speed)
            if (
                speed >= judging.act_fast
                and gap <= 2.0 * judging.act_close
                and mine.t_ms - blow_ms >= judging.act_gap_s * 1000
            ):
                blows, blow_ms = blows + 1, mine.t_ms
        last = mine, theirs_now
    spans_s = (pairs[-1][0].t_ms - pairs[0][0].t_ms) / 1000.0 if pairs else 0.0
    closed, met = _approach(pairs, me.size) if pairs else (0.0, 0.0)
    return Hands(peak, nearest, blows, spans_s, closed, met)


@dataclass(frozen=True, slots=True, eq=False)
class Contact:
    """One subject's aggression now.

    Attributes:
        me: who.
        other: towards whom; None where nobody is within reach.
        scores: `BLOWS` → log odds.
        leads: whether it does rather than suffers.
    """

    me: Subject
    other: Subject | None
    scores: Mapping[Behavior, float]
    leads: bool


def contact(me: Subject, tempers: Mapping[Subject, Temper], judging: Judging) -> Contact:
    """How aggressive a subject is, from its own and its neighbour's windows and its hands.

    Args:
        tempers: of everybody in the picture.
    """
    mine = tempers[me]
    other = _neighbour(me, tempers, judging)
    odds, leads = mine.odds, True
    if other is None:
        odds -= judging.act_alone
    else:
        theirs = tempers[other]
        odds = max(odds, (odds + theirs.odds) / 2.0)
        leads = mine.strike + mine.push >= 0.5 * (theirs.strike + theirs.push)
        if odds > _WORTH_A_LOOK:
            made = hands(me, other, judging.act_lately_s, judging)
            if made.peak >= judging.act_fast and made.nearest <= judging.act_close:
                odds += judging.act_fast_weight
            elif made.peak < judging.act_slow and made.nearest < math.inf and made.seconds > 0.5:
                odds -= judging.act_slow_weight
    share = min(0.99, max(0.01, (mine.strike + 0.01) / (mine.strike + mine.push + 0.02)))
    scores = {
        Behavior.STRIKE: _cut(odds + min(0.0, math.log(2.0 * share))),
        Behavior.PUSH: _cut(odds + min(0.0, math.log(2.0 * (1.0 - share)))),
    }
    return Contact(me, other, scores, leads)


def blow_risk(
    found: Contact, behavior: Behavior, confidence: float, started_ms: int, judging: Judging
) -> Risk:
    """A blow or push with its measures."""
    ids = {found.me.subject_id} | ({found.other.subject_id} if found.other else set())
    what = "strikes" if behavior is Behavior.STRIKE else "pushes"
    if found.other is None:
        return Risk(
            behavior=behavior,
            confidence=confidence,
            subject_ids=tuple(sorted(ids)),
            zone="",
            measures=(Measured("people", len(ids), "people"),),
            reason=f"Subject {found.me.subject_id} {what}; whom, is not seen.",
            started_ms=started_ms,
        )
    made = hands(found.me, found.other, judging.act_window_s, judging)
    rate = made.blows / made.seconds if made.seconds > 0.0 else 0.0
    who = "came up to" if made.closed >= made.met else "was approached by"
    return Risk(
        behavior=behavior,
        confidence=confidence,
        subject_ids=tuple(sorted(ids)),
        zone="",
        measures=(
            Measured("hand_speed", made.peak, "m/s"),
            Measured("blows", made.blows, "blows"),
            Measured("rate", rate, "blows/s"),
            Measured("approached", made.closed, "body heights"),
            Measured("was_approached", made.met, "body heights"),
        ),
        reason=(
            f"Subject {found.me.subject_id} {what} subject {found.other.subject_id}: hands at up "
            f"to {made.peak:.1f} m/s against the other, {made.blows} fast and near in "
            f"{made.seconds:.0f} s; it {who} the other."
        ),
        started_ms=started_ms,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Act:
    """One told blow or push."""

    t_ms: int
    aggressor: Subject
    victim: Subject
    confidence: float


class BullyWatch:
    """The same against the same again and again, or several against one."""

    def __init__(self, judging: Judging) -> None:
        self._judging = judging
        self._acts: deque[Act] = deque()

    def act(self, act: Act) -> None:
        """Take a told blow or push; those of one fit count once."""
        gap_ms = self._judging.bully_gap_s * 1000
        for known in reversed(self._acts):
            if known.aggressor is act.aggressor and known.victim is act.victim:
                if act.t_ms - known.t_ms < gap_ms:
                    return
                break
        self._acts.append(act)

    def observe(self, t_ms: int) -> Iterator[Risk]:
        """Who is bullied now."""
        acts, judging = self._acts, self._judging
        while acts and acts[0].t_ms < t_ms - judging.bully_s * 1000:
            acts.popleft()
        for victim in dict.fromkeys(act.victim for act in acts):
            against = [act for act in acts if act.victim is victim]
            aggressors = list(dict.fromkeys(act.aggressor for act in against))
            back = sum(act.aggressor is victim for act in acts)
            if len(against) < judging.bully_acts or back > judging.bully_back * len(against):
                continue
            yield _bully_risk(victim, aggressors, against, back, t_ms)


def _bully_risk(
    victim: Subject, aggressors: list[Subject], acts: list[Act], back: int, t_ms: int
) -> Risk:
    clearest = sorted((act.confidence for act in acts), reverse=True)[:2]
    odds = sum(logit(min(max(c, 0.01), 0.99)) for c in clearest) / len(clearest)
    seconds = (t_ms - acts[0].t_ms) / 1000.0
    ids = {victim.subject_id, *(aggressor.subject_id for aggressor in aggressors)}
    named = " and ".join(str(aggressor.subject_id) for aggressor in aggressors)
    return Risk(
        behavior=Behavior.BULLY,
        confidence=sigmoid(odds),
        subject_ids=tuple(sorted(ids)),
        zone="",
        measures=(
            Measured("acts", len(acts), "acts"),
            Measured("acts_back", back, "acts"),
            Measured("aggressors", len(aggressors), "people"),
            Measured("over", seconds, "s"),
        ),
        reason=(
            f"{len(acts)} blows or pushes by subject {named} against subject "
            f"{victim.subject_id} within {seconds:.0f} s, {back} back."
        ),
        started_ms=acts[0].t_ms,
    )


def _neighbour(me: Subject, tempers: Mapping[Subject, Temper], judging: Judging) -> Subject | None:
    """The nearest within reach that looks about as far away."""

    def apart(other: Subject) -> float:
        return math.dist(me.last.body.center, other.last.body.center)

    near = [
        other
        for other in tempers
        if other is not me
        and other.size > 0.0
        and 0.5 <= other.size / me.size <= 2.0
        and apart(other) <= judging.act_reach * max(me.size, other.size)
    ]
    return min(near, key=apart, default=None)


def _seen_from(point: Point, origin: Point) -> Point:
    return point[0] - origin[0], point[1] - origin[1]


def _gap(wrist: Point, body: Body) -> float:
    targets = [p for p in (body.head, body.shoulders, body.center) if p]
    return min(math.dist(wrist, target) for target in targets)


def _approach(pairs: list[tuple[Body, Body]], size: float) -> tuple[float, float]:
    """How far each came towards where the other was at first, body heights."""
    (me0, other0), (me1, other1) = pairs[0], pairs[-1]
    before = math.dist(me0.center, other0.center)
    closed = before - math.dist(me1.center, other0.center)
    met = before - math.dist(other1.center, me0.center)
    return closed / size, met / size


def _cut(odds: float) -> float:
    return min(MAX_LOGIT, max(-MAX_LOGIT, odds))
