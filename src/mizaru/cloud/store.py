"""What the cloud keeps: segments as they came, plates, incidents with their history and what
operators said of them.

One writer (the thread that ingests) and any number of readers. `Store.commit` stores a whole
batch in one transaction that is on the disk when it returns, so whatever is acknowledged
afterwards survives a kill -9 and a power cut (SQLite WAL, synchronous=FULL). PostgreSQL is
reached through the same tables by another URL once a fleet needs it; what is SQLite's own
stands in `_prepare`, `_begin` and `mizaru.cloud.tables`.

Wraps `sqlalchemy.exc.DBAPIError`: no room → `StorageFullError`, everything else → `StoreError`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from mizaru.cloud import tables
from mizaru.cloud.incident import ChangeKind, Incident, IncidentChange, Judgement, Verdict
from mizaru.cloud.recognize import Feedback
from mizaru.errors import StorageFullError, StoreError
from mizaru.vocabulary import Behavior
from mizaru.wire.messages import GENESIS, Cursor, Plate, Segment, Status, plate_digest

PURGE_STEP: Final = 2000
"""Segments deleted at once, so that ingest never waits long."""
MAX_WINDOW: Final = 120
"""Segments read at once to show a moment: a minute of a camera."""


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


_incident_decoder = msgspec.json.Decoder(Incident)
_status_decoder = msgspec.msgpack.Decoder(Status)


class Store:
    """An open database.

    Args:
        file: SQLite file; made if absent.

    A database of an older version is brought up to this one, whole or not at all.

    Raises:
        StoreError: not a database, not ours, or of a newer version.
        StorageFullError: there is no room to make one.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)
        except OSError as error:
            raise StoreError(f"{file}: cannot be opened: {error.strerror}") from None
        self._engine = sa.create_engine(f"sqlite:///{file}")
        sa.event.listen(self._engine, "connect", _prepare)
        sa.event.listen(self._engine, "begin", _begin)
        try:
            self._adopt()
            self._plate_of = {c.id: c.plate or b"" for c in self.cameras().values()}
        except BaseException:
            self._engine.dispose()
            raise

    def close(self) -> None:
        """Close the database; nothing can be read or written afterwards."""
        self._engine.dispose()

    # -- writing, from one thread -------------------------------------------------------------

    def commit(self, batch: Batch) -> None:
        """Store a batch whole; it is on the disk on return.

        Raises:
            StorageFullError: nothing of the batch was stored.
            StoreError: nothing of the batch was stored, and trying again will not help.
        """
        with self._transaction() as db:
            for new in batch.segments:
                if (plate := new.segment.plate) is not None:
                    db.execute(tables.UPSERT_PLATE, _plate_row(plate, new.received_ms))
            plates = dict(self._plate_of)
            if batch.segments:
                for digest, seen_ms in _follow_plates(batch.segments, plates).items():
                    db.execute(
                        sa.update(tables.plates)
                        .where(tables.plates.c.digest == digest)
                        .values(seen_ms=seen_ms)
                    )
                db.execute(
                    sa.insert(tables.segments), [_segment_row(new) for new in batch.segments]
                )
                last = {(n.segment.camera, n.segment.stream): n for n in batch.segments}
                db.execute(tables.UPSERT_CURSOR, [_cursor_row(new) for new in last.values()])
                newest = {n.segment.camera: n.segment for n in batch.segments}
                db.execute(
                    tables.UPSERT_CAMERA, [_camera_row(segment) for segment in newest.values()]
                )
            if batch.gaps:
                db.execute(sa.insert(tables.gaps), [_row(gap) for gap in batch.gaps])
            for change in batch.changes:
                row = _incident_row(change)
                db.execute(tables.UPSERT_INCIDENT, row)
                db.execute(
                    sa.insert(tables.changes),
                    {
                        "incident": change.incident.id,
                        "change": change.kind.value,
                        "t_ms": change.t_ms,
                        "body": row["body"],
                    },
                )
            if batch.statuses:
                latest = {status.camera: status for status in batch.statuses}
                rows = [
                    {"id": camera, "status": msgspec.msgpack.encode(status)}
                    for camera, status in latest.items()
                ]
                db.execute(tables.UPSERT_STATUS, rows)
        self._plate_of = plates

    def judge(self, incident_id: str, judgement: Judgement | None) -> StoredIncident:
        """Store what an operator said of an incident, or with None take it back; it is on the
        disk on return. Returns the incident as it stands.

        Raises:
            KeyError: there is no incident of this id.
            StorageFullError, StoreError: nothing was stored.
        """
        with self._transaction() as db:
            found = db.execute(
                tables.INCIDENTS.where(tables.incidents.c.id == incident_id)
            ).one_or_none()
            if found is None:
                raise KeyError(incident_id)
            if judgement is None:
                db.execute(
                    sa.delete(tables.feedback).where(tables.feedback.c.incident == incident_id)
                )
            else:
                db.execute(tables.UPSERT_FEEDBACK, _feedback_row(incident_id, judgement))
        return replace(_stored_incident(*found), judgement=judgement)

    def discount(self, camera: str) -> None:
        """Let nothing that was said of a camera's incidents so far count for its thresholds;
        what was said stays."""
        ids = sa.select(tables.incidents.c.id).where(tables.incidents.c.camera == camera)
        with self._transaction() as db:
            db.execute(
                sa.update(tables.feedback)
                .where(tables.feedback.c.incident.in_(ids))
                .values(counts=False)
            )

    def purge(self, before_ms: int) -> int:
        """Delete the oldest segments received before a wall clock time, gaps likewise, and
        plates that nothing refers to; incidents stay.

        Returns how many segments went; if `PURGE_STEP`, there may be more.
        """
        with self._transaction() as db:
            oldest = db.execute(
                sa.select(tables.segments.c.seq, tables.segments.c.received_ms)
                .order_by(tables.segments.c.seq)
                .limit(PURGE_STEP)
            ).all()
            old = [seq for seq, received_ms in oldest if received_ms < before_ms]
            if old:
                # Numbers grow with arrival, so the old ones are the first ones.
                db.execute(sa.delete(tables.segments).where(tables.segments.c.seq <= max(old)))
            if len(old) < PURGE_STEP:
                db.execute(sa.delete(tables.gaps).where(tables.gaps.c.received_ms < before_ms))
                current = sa.select(tables.cameras.c.plate).where(
                    tables.cameras.c.plate.is_not(None)
                )
                # Segments that refer to a plate arrived before it was last seen as current.
                db.execute(
                    sa.delete(tables.plates).where(
                        tables.plates.c.seen_ms < before_ms, tables.plates.c.digest.not_in(current)
                    )
                )
        return len(old)

    # -- reading, from any thread --------------------------------------------------------------

    def cursor(self, camera: str, stream: bytes) -> Cursor:
        """The last stored segment of a stream; number 0 where there is none."""
        with self._reading() as db:
            row = db.execute(
                sa.select(tables.cursors.c.number, tables.cursors.c.digest).where(
                    tables.cursors.c.camera == camera, tables.cursors.c.stream == stream
                )
            ).one_or_none()
        return Cursor(camera, stream, *row) if row else Cursor(camera, stream, 0, GENESIS)

    def cameras(self) -> dict[str, StoredCamera]:
        """Every camera that ever sent something, by id."""
        with self._reading() as db:
            rows = db.execute(tables.CAMERAS.order_by(tables.cameras.c.id)).mappings().all()
        return {row["id"]: _stored_camera(row) for row in rows}

    def camera(self, camera: str) -> StoredCamera | None:
        """One camera, or None if it never sent anything."""
        with self._reading() as db:
            row = (
                db.execute(tables.CAMERAS.where(tables.cameras.c.id == camera))
                .mappings()
                .one_or_none()
            )
        return _stored_camera(row) if row else None

    def replay(self, camera: str, from_ms: int) -> Iterator[bytes]:
        """Encoded segments of a camera that begin at or after a camera clock time, in the order
        of arrival, back to where that clock was set back."""
        query = (
            sa.select(tables.segments.c.t_ms, tables.segments.c.encoded)
            .where(tables.segments.c.camera == camera)
            .order_by(tables.segments.c.seq.desc())
        )
        found: list[bytes] = []
        with self._reading() as db:
            newer: int | None = None
            for t_ms, encoded in db.execute(query.execution_options(yield_per=256)):
                if t_ms < from_ms or (newer is not None and t_ms >= newer):
                    break
                found.append(encoded)
                newer = t_ms
        return reversed(found)

    def window(self, camera: str, from_ms: int, to_ms: int) -> list[bytes]:
        """Encoded segments of a camera that begin within a span of its clock, in order.

        Found by halving, since the clock grows with arrival; where it was set back, perhaps
        none or another time's. At most `MAX_WINDOW`.
        """
        rows = tables.segments.c
        of_camera = sa.select(rows.seq, rows.t_ms).where(rows.camera == camera)
        with self._reading() as db:
            low, high = db.execute(
                sa.select(sa.func.min(rows.seq), sa.func.max(rows.seq)).where(rows.camera == camera)
            ).one()
            if low is None:
                return []
            while low < high:
                middle = (low + high) // 2
                seq, t_ms = db.execute(
                    of_camera.where(rows.seq >= middle).order_by(rows.seq).limit(1)
                ).one()
                low, high = (low, middle) if t_ms >= from_ms else (seq + 1, high)
            found = db.execute(
                sa.select(rows.t_ms, rows.encoded)
                .where(rows.camera == camera, rows.seq >= low)
                .order_by(rows.seq)
                .limit(MAX_WINDOW)
            )
            return [encoded for t_ms, encoded in found if from_ms <= t_ms <= to_ms]

    def known_incidents(self, camera: str, since_ms: int) -> tuple[Incident, ...]:
        """Incidents of a camera that are open, or had evidence at or after a camera clock."""
        query = sa.select(tables.incidents.c.body).where(
            tables.incidents.c.camera == camera,
            tables.incidents.c.ended_ms.is_(None) | (tables.incidents.c.last_ms >= since_ms),
        )
        with self._reading() as db:
            bodies = db.scalars(query.order_by(tables.incidents.c.seq)).all()
        return tuple(_incident_decoder.decode(body) for body in bodies)

    def incidents(
        self,
        *,
        camera: str | None = None,
        is_open: bool | None = None,
        before: str | None = None,
        limit: int,
    ) -> tuple[StoredIncident, ...]:
        """Incidents, the last opened first.

        Args:
            camera: only of this camera.
            is_open: only open, or only closed ones.
            before: only those that opened before the incident of this id.
            limit: at most so many.

        Raises:
            KeyError: there is no incident of the id ``before``.
        """
        query = tables.INCIDENTS
        if camera is not None:
            query = query.where(tables.incidents.c.camera == camera)
        if is_open is not None:
            ended = tables.incidents.c.ended_ms
            query = query.where(ended.is_(None) if is_open else ended.is_not(None))
        with self._reading() as db:
            if before is not None:
                seq = db.scalar(
                    sa.select(tables.incidents.c.seq).where(tables.incidents.c.id == before)
                )
                if seq is None:
                    raise KeyError(before)
                query = query.where(tables.incidents.c.seq < seq)
            rows = db.execute(query.order_by(tables.incidents.c.seq.desc()).limit(limit)).all()
        return tuple(_stored_incident(*row) for row in rows)

    def incident(self, incident_id: str) -> StoredIncident | None:
        """One incident as it stands."""
        query = tables.INCIDENTS.where(tables.incidents.c.id == incident_id)
        with self._reading() as db:
            row = db.execute(query).one_or_none()
        return _stored_incident(*row) if row else None

    def history(self, incident_id: str) -> tuple[StoredIncident, ...]:
        """Everything that happened to an incident, in order, each with what is said of it now."""
        said = [c for c in tables.feedback.c if c is not tables.feedback.c.incident]
        query = (
            sa.select(tables.changes.c.body, tables.changes.c.change, *said)
            .outerjoin(tables.feedback, tables.feedback.c.incident == tables.changes.c.incident)
            .where(tables.changes.c.incident == incident_id)
        )
        with self._reading() as db:
            rows = db.execute(query.order_by(tables.changes.c.seq)).all()
        return tuple(_stored_incident(*row) for row in rows)

    def judgements(self, incident_ids: Collection[str]) -> dict[str, Judgement]:
        """What was said of incidents, by id; those of which nothing was said are left out."""
        query = sa.select(tables.feedback).where(tables.feedback.c.incident.in_(incident_ids))
        with self._reading() as db:
            return {incident: _judgement(*said) for incident, *said in db.execute(query)}

    def feedback(self, camera: str) -> tuple[Feedback, ...]:
        """All that was said of a camera's incidents and counts for its thresholds, in the order
        in which the incidents opened."""
        query = (
            sa.select(
                tables.incidents.c.behavior, tables.feedback.c.confidence, tables.feedback.c.verdict
            )
            .join(tables.feedback, tables.feedback.c.incident == tables.incidents.c.id)
            .where(tables.incidents.c.camera == camera, tables.feedback.c.counts)
        )
        with self._reading() as db:
            rows = db.execute(query.order_by(tables.incidents.c.seq)).all()
        return tuple(
            Feedback(Behavior(behavior), confidence, Verdict(verdict))
            for behavior, confidence, verdict in rows
        )

    def plate(self, digest: bytes) -> Plate | None:
        """A plate by its digest."""
        query = sa.select(tables.plates.c.image, tables.plates.c.known_percent)
        with self._reading() as db:
            row = db.execute(query.where(tables.plates.c.digest == digest)).one_or_none()
        return Plate(*row) if row else None

    # -- inside ----------------------------------------------------------------------------------

    def _adopt(self) -> None:
        """Make the tables, or make sure that they are ours and of this version."""
        with self._transaction() as db:
            names = set(sa.inspect(db).get_table_names())
            if not names:
                tables.metadata.create_all(db)
                db.execute(sa.insert(tables.schema), {"version": tables.SCHEMA_VERSION})
            elif tables.schema.name not in names:
                raise StoreError(
                    f"{self._file}: is not Mizaru's database; set cloud.store.path to another file"
                )
            else:
                version = db.scalar(sa.select(tables.schema.c.version))
                if version not in (tables.SCHEMA_VERSION, *tables.UPGRADES):
                    raise StoreError(
                        f"{self._file}: is of version {version}, this program knows up to "
                        f"{tables.SCHEMA_VERSION}; run a newer one, move it away, or set "
                        "cloud.store.path to another file"
                    )
                for step in range(version, tables.SCHEMA_VERSION):
                    for statement in tables.UPGRADES[step]:
                        db.exec_driver_sql(statement)
                    db.execute(sa.update(tables.schema).values(version=step + 1))
        # Only now, because it changes the file; readers then never wait for the writer.
        with self._explained(), closing(self._engine.raw_connection()) as raw:
            raw.execute("PRAGMA journal_mode = WAL")

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        with self._explained(), self._engine.begin() as db:
            yield db

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with self._explained(), self._engine.connect() as db:
            yield db

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.DBAPIError as error:
            raise self._explain(error.orig or error) from None
        except sqlite3.Error as error:
            raise self._explain(error) from None

    def _explain(self, error: BaseException) -> StorageFullError | StoreError:
        code = getattr(error, "sqlite_errorcode", None)
        if code == sqlite3.SQLITE_FULL or code in _NO_ROOM:
            return StorageFullError(f"{self._file}: no room left on the disk; make some")
        if code == sqlite3.SQLITE_NOTADB:
            return StoreError(
                f"{self._file}: is not a database; set cloud.store.path to another file"
            )
        return StoreError(f"{self._file}: {error}")


# What SQLite says instead of SQLITE_FULL when its log or its index of it cannot grow.
_NO_ROOM: Final = frozenset(
    {sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_FSYNC}
)


def _prepare(connection: Any, _record: object) -> None:
    # Python's driver would begin transactions by itself, but not before DDL or SELECT.
    connection.isolation_level = None
    for pragma in ("synchronous = FULL", "busy_timeout = 5000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _follow_plates(segments: Sequence[NewSegment], current: dict[str, bytes]) -> dict[bytes, int]:
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


def _segment_row(new: NewSegment) -> dict[str, Any]:
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


def _cursor_row(new: NewSegment) -> dict[str, Any]:
    segment = new.segment
    return {
        "camera": segment.camera,
        "stream": segment.stream,
        "number": segment.number,
        "digest": new.digest,
    }


def _camera_row(segment: Segment) -> dict[str, Any]:
    last = segment.representations[-1]
    return {
        "id": segment.camera,
        "width": segment.width,
        "height": segment.height,
        "plate": last.plate or None,
        "through_ms": last.t_ms,
    }


def _plate_row(plate: Plate, received_ms: int) -> dict[str, Any]:
    return {
        "digest": plate_digest(plate.image),
        "image": plate.image,
        "known_percent": plate.known_percent,
        "seen_ms": received_ms,
    }


def _incident_row(change: IncidentChange) -> dict[str, Any]:
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


def _feedback_row(incident_id: str, judgement: Judgement) -> dict[str, Any]:
    return {
        "incident": incident_id,
        "verdict": judgement.verdict.value,
        "note": judgement.note,
        "given_ms": judgement.given_ms,
        "confidence": judgement.confidence,
        "counts": judgement.counts,
    }


def _row(gap: Gap) -> dict[str, Any]:
    return {name: getattr(gap, name) for name in ("camera", "stream", "first", "last")} | {
        "received_ms": gap.received_ms
    }


def _stored_camera(row: Any) -> StoredCamera:
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


def _stored_incident(body: bytes, change: str, verdict: str | None, *said: Any) -> StoredIncident:
    judgement = None if verdict is None else _judgement(verdict, *said)
    return StoredIncident(_incident_decoder.decode(body), ChangeKind(change), judgement)


def _judgement(
    verdict: str, note: str, given_ms: int, confidence: float, counts: bool
) -> Judgement:
    return Judgement(Verdict(verdict), note, given_ms, confidence, counts)
