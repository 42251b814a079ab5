"""What an incident is, and what may be told about one."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

from mizaru.cloud.recognize.finding import Measured
from mizaru.vocabulary import Behavior, Severity

BoxXyxy = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident as it stands. `msgspec` encodes and decodes it as it is.

    Attributes:
        id: what `new_id` gave.
        camera_id: the operator's name of the camera.
        behavior: a member of `mizaru.vocabulary.RISK`; may become a graver word for the same
            event, see `mizaru.cloud.incident.policy.Policy.kin`.
        severity: how soon a person should look; only ever rises.
        zone: name of the zone, or "" for none.
        started_ms: camera clock when the behaviour began, before the incident opened.
        opened_ms: camera clock when the incident opened.
        last_ms: camera clock of the last evidence.
        ended_ms: `last_ms` once closed, None while open.
        confidence: [0, 1], the highest that its evidence has had.
        subject_ids: everybody who took part, sorted; empty for the whole scene.
        measures, reason: of the last evidence.
        box_xyxy: around its subjects when they were last seen, normalised; None for the scene.
    """

    id: str
    camera_id: str
    behavior: Behavior
    severity: Severity
    zone: str
    started_ms: int
    opened_ms: int
    last_ms: int
    ended_ms: int | None
    confidence: float
    subject_ids: tuple[int, ...]
    measures: tuple[Measured, ...]
    reason: str
    box_xyxy: BoxXyxy | None = None

    def __post_init__(self) -> None:
        if not self.id:
            raise ValueError("an incident needs an id")
        if not self.behavior.is_risk:
            raise ValueError(f"only a risk opens an incident, got {self.behavior}")
        if not self.started_ms <= self.opened_ms <= self.last_ms:
            raise ValueError(
                "times must satisfy started ≤ opened ≤ last, got "
                f"{self.started_ms}, {self.opened_ms}, {self.last_ms}"
            )
        if self.ended_ms is not None and self.ended_ms != self.last_ms:
            raise ValueError(f"ends with its last evidence {self.last_ms}, got {self.ended_ms}")
        if not (math.isfinite(self.confidence) and 0.0 <= self.confidence <= 1.0):
            raise ValueError(f"confidence must lie in [0, 1], got {self.confidence}")
        if list(self.subject_ids) != sorted(set(self.subject_ids)):
            raise ValueError(f"subject ids must be sorted and different, got {self.subject_ids}")

    @property
    def is_open(self) -> bool:
        """Whether it goes on."""
        return self.ended_ms is None


class ChangeKind(enum.StrEnum):
    """What happened to an incident."""

    OPENED = "opened"
    UPDATED = "updated"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class IncidentChange:
    """One thing to store and to tell.

    Per incident id: `opened` once and first; `closed` after every opening or going on. An
    `updated` after a `closed` says that the same incident goes on (see `Policy.cooldown_s`).

    Attributes:
        kind: what happened.
        t_ms: camera clock of the observation that made it so.
        incident: as it stands now.
    """

    kind: ChangeKind
    t_ms: int
    incident: Incident

    def __post_init__(self) -> None:
        if self.incident.is_open == (self.kind is ChangeKind.CLOSED):
            state = "open" if self.incident.is_open else "closed"
            raise ValueError(f"a change {self.kind} cannot carry an incident that is {state}")
        if self.t_ms < self.incident.last_ms:
            raise ValueError(
                f"a change at {self.t_ms} cannot know evidence of {self.incident.last_ms}"
            )
