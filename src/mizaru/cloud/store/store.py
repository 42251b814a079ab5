"""What the cloud keeps: segments as they came, plates, incidents with their history and what
operators said of them.

One writer (the thread that ingests) and any number of readers. `Store.commit` stores a whole
batch in one transaction that is on the disk when it returns, so whatever is acknowledged
afterwards survives a kill -9 and a power cut (SQLite WAL, synchronous=FULL). PostgreSQL is
reached through the same tables by another URL once a fleet needs it; what is SQLite's own
stands in `mizaru.cloud.store.database` and `mizaru.cloud.tables`.

Wraps `sqlalchemy.exc.DBAPIError`: no room → `StorageFullError`, everything else → `StoreError`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
import sqlalchemy as sa

from mizaru.cloud import tables
from mizaru.cloud.incident import Incident, Judgement, Verdict
from mizaru.cloud.recognize import Feedback
from mizaru.cloud.store.kept import Batch, StoredCamera, StoredIncident
from mizaru.cloud.store.ledger import LedgerBooks
from mizaru.cloud.store.rows import (
    camera_row,
    cursor_row,
    feedback_row,
    follow_plates,
    gap_row,
    incident_decoder,
    incident_row,
    judgement_of,
    plate_row,
    segment_row,
    stored_camera,
    stored_incident,
)
from mizaru.vocabulary import Behavior
from mizaru.wire.messages import GENESIS, Cursor, Plate

PURGE_STEP: Final = 2000
"""Segments deleted at once, so that ingest never waits long."""
MAX_WINDOW: Final = 120
"""Segments read at once to show a moment: a minute of a camera."""


class Store(LedgerBooks):
    """An open database, see `Database`."""

    def __init__(self, file: Path) -> None:
        super().__init__(file)
        try:
            self._plate_of = {c.id: c.plate or b"" for c in self.cameras().values()}
        except BaseException:
            self.close()
            raise

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
                    db.execute(tables.UPSERT_PLATE, plate_row(plate, new.received_ms))
            plates = dict(self._plate_of)
            if batch.segments:
                for digest, seen_ms in follow_plates(batch.segments, plates).items():
                    db.execute(
                        sa.update(tables.plates)
                        .where(tables.plates.c.digest == digest)
                        .values(seen_ms=seen_ms)
                    )
                db.execute(sa.insert(tables.segments), [segment_row(new) for new in batch.segments])
                last = {(n.segment.camera, n.segment.stream): n for n in batch.segments}
                db.execute(tables.UPSERT_CURSOR, [cursor_row(new) for new in last.values()])
                newest = {n.segment.camera: n.segment for n in batch.segments}
                db.execute(
                    tables.UPSERT_CAMERA, [camera_row(segment) for segment in newest.values()]
                )
                self._enter(db, batch.segments)
            if batch.gaps:
                db.execute(sa.insert(tables.gaps), [gap_row(gap) for gap in batch.gaps])
            for change in batch.changes:
                row = incident_row(change)
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
                db.execute(tables.UPSERT_FEEDBACK, feedback_row(incident_id, judgement))
        return replace(stored_incident(*found), judgement=judgement)

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
        """Delete the oldest segments received before a wall clock time, gaps and the ledger's
        tracks likewise, and plates that nothing refers to; incidents and the ledger's sums stay.

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
                self._forget_tracks(db, before_ms)
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
        return {row["id"]: stored_camera(row) for row in rows}

    def camera(self, camera: str) -> StoredCamera | None:
        """One camera, or None if it never sent anything."""
        with self._reading() as db:
            row = (
                db.execute(tables.CAMERAS.where(tables.cameras.c.id == camera))
                .mappings()
                .one_or_none()
            )
        return stored_camera(row) if row else None

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
        return tuple(incident_decoder.decode(body) for body in bodies)

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
        return tuple(stored_incident(*row) for row in rows)

    def incident(self, incident_id: str) -> StoredIncident | None:
        """One incident as it stands."""
        query = tables.INCIDENTS.where(tables.incidents.c.id == incident_id)
        with self._reading() as db:
            row = db.execute(query).one_or_none()
        return stored_incident(*row) if row else None

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
        return tuple(stored_incident(*row) for row in rows)

    def judgements(self, incident_ids: Collection[str]) -> dict[str, Judgement]:
        """What was said of incidents, by id; those of which nothing was said are left out."""
        query = sa.select(tables.feedback).where(tables.feedback.c.incident.in_(incident_ids))
        with self._reading() as db:
            return {incident: judgement_of(*said) for incident, *said in db.execute(query)}

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
