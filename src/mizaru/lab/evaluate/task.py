"""What can be asked of a recognizer, and which rows of a manifest ask it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from mizaru.vocabulary import Behavior


class Task(enum.StrEnum):
    """A question with its own figures."""

    FALL = "fall"
    FIGHT = "fight"
    ACTION = "action"
    COUNT = "count"
    SMOKE = "smoke"

    @property
    def rows(self) -> frozenset[str]:
        """Words of a manifest's column ``task`` that belong to it."""
        return _ROWS[self]

    @property
    def event(self) -> Event | None:
        """What an incident is expected of; None for tasks without incidents."""
        return _EVENTS.get(self)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens in some clips and not in others.

    Attributes:
        article, noun, plural: for sentences.
        labels: words of a manifest that say that it happens.
        behaviors: incidents of these are alarms about it.
    """

    article: str
    noun: str
    plural: str
    labels: frozenset[str]
    behaviors: frozenset[Behavior]


_ROWS: Final = MappingProxyType(
    {
        Task.FALL: frozenset({"fall"}),
        Task.FIGHT: frozenset({"fight"}),
        Task.ACTION: frozenset({"action"}),
        Task.COUNT: frozenset({"count", "counting"}),
        Task.SMOKE: frozenset({"smoke", "smoking"}),
    }
)

_EVENTS: Final = MappingProxyType(
    {
        Task.FALL: Event("a ", "fall", "falls", frozenset({"fall"}), frozenset({Behavior.FALL})),
        Task.FIGHT: Event(
            "a ",
            "fight",
            "fights",
            frozenset({"fight", "aggressive", "strike", "push", "bully", "punch", "kick"}),
            frozenset({Behavior.STRIKE, Behavior.PUSH, Behavior.BULLY}),
        ),
        Task.SMOKE: Event(
            "",
            "smoking",
            "clips of smoking",
            frozenset({"smoking", "smoke"}),
            frozenset({Behavior.SMOKE}),
        ),
    }
)

_WORDS: Final = MappingProxyType(
    {
        "walking": Behavior.WALK,
        "running": Behavior.WALK,
        "standing": Behavior.STAND,
        "sitting": Behavior.SIT,
        "lying": Behavior.LIE,
        "pickup": Behavior.BEND,
        "bending": Behavior.BEND,
        "squatting": Behavior.SQUAT,
        "drinking": Behavior.DRINK,
        "smoking": Behavior.SMOKE,
        "washing": Behavior.WASH_HANDS,
        "wave": Behavior.WAVE_FOR_HELP,
        "punch": Behavior.STRIKE,
        "kick": Behavior.STRIKE,
        "aggressive": Behavior.STRIKE,
    }
)


def behavior_of(label: str) -> Behavior | None:
    """The behaviour that a manifest's word means; None where the vocabulary has none for it."""
    try:
        behavior = Behavior(label)
    except ValueError:
        return _WORDS.get(label)
    return None if behavior is Behavior.UNKNOWN else behavior
