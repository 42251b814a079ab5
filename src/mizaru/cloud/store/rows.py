"""Rows of the database, and what they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from mizaru.cloud.incident import ChangeKind, Incident, IncidentChange, Judgement, Verdict
from mizaru.cloud.store.kept import Gap, NewSegment, StoredCamera, StoredIncident
from mizaru.wire.messages import Plate, Segment, Status, plate_digest

incident_decoder = msgspec.json.Decoder(Incident)
_status_decoder = msgspec.msgpack.Decoder(Status)


def follow_plates(segments: Sequence[NewSegment], current: dict[str, bytes]) -> dict[bytes, int]:
    """When plates that segments stopped referring to were last seen; updates ``current``,
    each camera's plate."""
    left: dict[bytes, int] = {}
    for new in segments:
        for representation in new.segment.representations:
            before = current.get(new.segment.camera, b"")
            if before and before != representation.plate:
                left[before] = new.received_ms
            current[new.segment.camera] = representation.plate
    return left


def segment_row(new: NewSegment) -> dict[str, Any]:
    segment = new.segment
    return {
        "camera": segment.camera,
        "stream": segment.stream,
        "number": segment.number,
        "digest": new.digest,
        "t_ms": segment.representations[0].t_ms,
        "received_ms": new.received_ms,
        "encoded": new.encoded,
    }


def cursor_row(new: NewSegment) -> dict[str, Any]:
    segment = new.segment
    return {
        "camera": segment.camera,
        "stream": segment.stream,
        "number": segment.number,
        "digest": new.digest,
    }


def camera_row(segment: Segment) -> dict[str, Any]:
    last = segment.representations[-1]
    return {
        "id": segment.camera,
        "width": segment.width,
        "height": segment.height,
        "plate": last.plate or None,
        "through_ms": last.t_ms,
    }


def plate_row(plate: Plate, received_ms: int) -> dict[str, Any]:
    return {
        "digest": plate_digest(plate.image),
        "image": plate.image,
        "known_percent": plate.known_percent,
        "seen_ms": received_ms,
    }


def incident_row(change: IncidentChange) -> dict[str, Any]:
    incident = change.incident
    return {
        "id": incident.id,
        "camera": incident.camera_id,
        "behavior": incident.behavior.value,
        "severity": incident.severity.value,
        "started_ms": incident.started_ms,
        "last_ms": incident.last_ms,
        "ended_ms": incident.ended_ms,
        "change": change.kind.value,
        "body": msgspec.json.encode(incident),
    }


def feedback_row(incident_id: str, judgement: Judgement) -> dict[str, Any]:
    return {
        "incident": incident_id,
        "verdict": judgement.verdict.value,
        "note": judgement.note,
        "given_ms": judgement.given_ms,
        "confidence": judgement.confidence,
        "counts": judgement.counts,
    }


def gap_row(gap: Gap) -> dict[str, Any]:
    return {name: getattr(gap, name) for name in ("camera", "stream", "first", "last")} | {
        "received_ms": gap.received_ms
    }


def stored_camera(row: Any) -> StoredCamera:
    status = row["status"]
    return StoredCamera(
        id=row["id"],
        width=row["width"],
        height=row["height"],
        plate=row["plate"],
        known_percent=row["known_percent"],
        through_ms=row["through_ms"],
        status=None if status is None else _status_decoder.decode(status),
    )


def stored_incident(body: bytes, change: str, verdict: str | None, *said: Any) -> StoredIncident:
    judgement = None if verdict is None else judgement_of(verdict, *said)
    return StoredIncident(incident_decoder.decode(body), ChangeKind(change), judgement)


def judgement_of(
    verdict: str, note: str, given_ms: int, confidence: float, counts: bool
) -> Judgement:
    return Judgement(Verdict(verdict), note, given_ms, confidence, counts)
