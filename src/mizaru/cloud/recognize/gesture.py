"""Waving for help, checked by plain geometry: a wrist above the shoulders that swings."""

from __future__ import annotations

from dataclasses import dataclass

from mizaru.cloud.recognize.judging import Judging
from mizaru.cloud.recognize.subject import Subject


@dataclass(frozen=True, slots=True)
class Swing:
    """What the busier hand did lately.

    Attributes:
        up_share: share of the poses with the wrist above the shoulders, [0, 1].
        width: between the outermost places of the wrist, seen from the torso, body heights.
        turns: how often it turned round.
        seconds: over how long.
    """

    up_share: float
    width: float
    turns: int
    seconds: float

    @property
    def rate(self) -> float:
        """To and fro, per second."""
        return self.turns / 2.0 / self.seconds if self.seconds > 0.0 else 0.0


def swing(subject: Subject, seconds: float) -> Swing:
    """The busier wrist over the last `seconds`."""
    samples = list(subject.since(subject.last.t_ms - round(seconds * 1000)))
    spans_s = (samples[0].t_ms - samples[-1].t_ms) / 1000.0
    best = Swing(0.0, 0.0, 0, spans_s)
    if subject.size <= 0.0:
        return best
    for side in (0, 1):
        places = []
        up = 0
        for sample in reversed(samples):
            body = sample.body
            wrist = body.wrists[side]
            if wrist is None or body.shoulders is None:
                continue
            up += wrist[1] < body.shoulders[1]
            places.append((wrist[0] - body.shoulders[0]) / subject.size)
        if len(places) >= 3:
            width = max(places) - min(places)
            found = Swing(up / len(samples), width, _turns(places, width / 3.0), spans_s)
            best = max(best, found, key=lambda s: (s.up_share > 0.5, s.width))
    return best


def waves(found: Swing, judging: Judging) -> bool:
    """Whether that is what waving looks like."""
    return (
        found.up_share >= judging.wave_up_share
        and found.width >= judging.wave_swing
        and found.turns >= judging.wave_turns
    )


def _turns(places: list[float], least: float) -> int:
    """How often a path turns round by more than `least`."""
    turns, direction = 0, 0
    anchor = places[0]
    for place in places[1:]:
        step = place - anchor
        if direction == 0:
            if abs(step) > least:
                direction, anchor = (1 if step > 0 else -1), place
        elif step * direction > 0:
            anchor = place
        elif abs(step) > least:
            turns, direction, anchor = turns + 1, -direction, place
    return turns
