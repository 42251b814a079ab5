"""What goes into the store and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass

from mizaru.cloud.incident import ChangeKind, Incident, IncidentChange, Judgement
from mizaru.wire.messages import Segment, Status


@dataclass(frozen=True, slots=True)
class NewSegment:
    """A segment to store.

    Attributes:
        digest: `mizaru.wire.messages.chain_digest` of ``encoded``.
        received_ms: the cloud's wall clock.
    """

    segment: Segment
    encoded: bytes
    digest: bytes
    received_ms: int


@dataclass(frozen=True, slots=True)
class Gap:
    """Segments that will never come."""

    camera: str
    stream: bytes
    first: int
    last: int
    received_ms: int


@dataclass(frozen=True, slots=True)
class Batch:
    """What is stored together or not at all; within each tuple in the order of arrival."""

    segments: tuple[NewSegment, ...] = ()
    gaps: tuple[Gap, ...] = ()
    changes: tuple[IncidentChange, ...] = ()
    statuses: tuple[Status, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.segments or self.gaps or self.changes or self.statuses)


@dataclass(frozen=True, slots=True)
class StoredCamera:
    """What is known of a camera.

    Attributes:
        plate: digest of the current plate, or None.
        through_ms: camera clock of the last stored representation, or None.
    """

    id: str
    width: int | None
    height: int | None
    plate: bytes | None
    known_percent: int | None
    through_ms: int | None
    status: Status | None


@dataclass(frozen=True, slots=True)
class StoredIncident:
    """An incident as it stands, the last thing that happened to it, and what was said of it."""

    incident: Incident
    change: ChangeKind
    judgement: Judgement | None = None
