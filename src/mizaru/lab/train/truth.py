"""What is true of a subject at a moment, as far as a sequence's labels say.

Three answers per window, in the terms of `mizaru.cloud.recognize.outputs`; `UNSAID` wherever
the labels leave it open, so that nothing is learnt from a guess.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from mizaru.cloud.recognize.outputs import ACTIONS, FALL_FOR_S, FALL_FROM_S
from mizaru.lab.sequence import Label
from mizaru.vocabulary import Behavior

UNSAID: Final = -1
"""Nobody said."""

_ACTION: Final = {behavior: index for index, behavior in enumerate(ACTIONS)} | {
    Behavior.LONG_LIE: ACTIONS.index(Behavior.LIE)
}
_BLOWS: Final = frozenset({Behavior.STRIKE, Behavior.PUSH})
_DOWN: Final = frozenset({Behavior.LIE, Behavior.LONG_LIE, Behavior.UNKNOWN})
_FALL_FROM_MS: Final = round(FALL_FROM_S * 1000)
_FALL_FOR_MS: Final = round(FALL_FOR_S * 1000)
_FALL_FADES_MS: Final = 400
"""After a fall's windows: the window still holds some of it, so that neither answer is right."""
_SOMEWHERE_MS: Final = 6000
"""A fall that is said to last longer than this, without its impact, happens somewhere in it."""
_BLOW_FROM_MS: Final = 100
_BLOW_FOR_MS: Final = 300
_BLOW_LEADS_MS: Final = 300
_BLOW_FADES_MS: Final = 1500
"""A blow is told from this long after its start until this long after its end; shortly before
and for a while after it neither answer is right."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Of one window.

    Attributes:
        action: index into `ACTIONS`, or `UNSAID`.
        fall, aggression: 1, 0 or `UNSAID`.
    """

    action: int
    fall: int
    aggression: int


class Truths:
    """The labels of one sequence, asked subject by subject and moment by moment."""

    def __init__(self, labels: Iterable[Label]) -> None:
        self._of_all: list[Label] = []
        self._of: dict[int, list[Label]] = {}
        self._to: dict[int, list[Label]] = {}
        for label in sorted(labels, key=lambda label: label.start_ms):
            if label.subject_id is None:
                self._of_all.append(label)
            else:
                self._of.setdefault(label.subject_id, []).append(label)
            if label.other_id is not None:
                self._to.setdefault(label.other_id, []).append(label)

    def at(self, t_ms: int, subject_id: int) -> Truth:
        """What is true of a subject at a moment of the camera's clock."""
        mine = [*self._of_all, *self._of.get(subject_id, ())]
        done = [*mine, *self._to.get(subject_id, ())]
        now = [label for label in mine if label.start_ms <= t_ms < label.end_ms]
        known = bool(now)
        doing = [label.behavior for label in now if label.behavior in _ACTION]
        action = _ACTION[doing[-1]] if doing else UNSAID
        down = not doing or doing[-1] in _DOWN
        fall = _most(
            _fall(label, t_ms, down=down) for label in mine if label.behavior is Behavior.FALL
        )
        aggression = _most(_blow(label, t_ms) for label in done)
        nothing = 0 if known else UNSAID
        return Truth(
            action,
            nothing if fall is None else fall,
            nothing if aggression is None else aggression,
        )


def _most(answers: Iterable[int | None]) -> int | None:
    """1 before `UNSAID` before nothing."""
    said = [answer for answer in answers if answer is not None]
    return max(said, default=None)


def _fall(label: Label, t_ms: int, *, down: bool) -> int | None:
    start, end = label.start_ms, label.end_ms
    if label.impact_ms is None and end - start > _SOMEWHERE_MS:
        return UNSAID if start <= t_ms < end + _FALL_FOR_MS else None
    last = (end if label.impact_ms is None else label.impact_ms) + _FALL_FOR_MS
    if start + _FALL_FROM_MS <= t_ms <= last:
        return 1 if t_ms < end or down else UNSAID
    return UNSAID if start <= t_ms <= last + _FALL_FADES_MS else None


def _blow(label: Label, t_ms: int) -> int | None:
    start, end = label.start_ms, label.end_ms
    if label.behavior in _BLOWS:
        if start + _BLOW_FROM_MS <= t_ms < end + _BLOW_FOR_MS:
            return 1
        return UNSAID if start - _BLOW_LEADS_MS <= t_ms < end + _BLOW_FADES_MS else None
    if label.behavior is Behavior.BULLY:
        # Between the blows of a quarrel neither answer is right.
        return UNSAID if start <= t_ms < end + _BLOW_FADES_MS else None
    return None
