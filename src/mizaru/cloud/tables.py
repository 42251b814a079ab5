"""The tables of the cloud's database, and the statements that put rows into them.

Times ending in ``_ms`` are milliseconds since 1970; camera clocks unless the comment says more.
A change of anything here is a new `SCHEMA_VERSION` and one more step in `UPGRADES`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

SCHEMA_VERSION: Final = 3
UPGRADES: Final = {
    1: (
        "CREATE TABLE feedback (incident VARCHAR(64) NOT NULL, verdict VARCHAR(16) NOT NULL, "
        "note VARCHAR(200) NOT NULL, given_ms BIGINT NOT NULL, confidence FLOAT NOT NULL, "
        "counts BOOLEAN NOT NULL, PRIMARY KEY (incident))",
    ),
    2: (
        "CREATE TABLE ledger_cameras (camera VARCHAR(32) NOT NULL, first_ms BIGINT NOT NULL, "
        "last_ms BIGINT NOT NULL, frames BIGINT NOT NULL, wire_bits BIGINT NOT NULL, "
        "pose_bits BIGINT NOT NULL, z_bits BIGINT NOT NULL, plate_bits BIGINT NOT NULL, "
        "plates BIGINT NOT NULL, z_frames BIGINT NOT NULL, spent BIGINT NOT NULL, "
        "failed BIGINT NOT NULL, PRIMARY KEY (camera))",
        "CREATE TABLE ledger_tracks (seq INTEGER NOT NULL, camera VARCHAR(32) NOT NULL, "
        "subject BIGINT NOT NULL, first_ms BIGINT NOT NULL, last_ms BIGINT NOT NULL, "
        "received_ms BIGINT NOT NULL, frames BIGINT NOT NULL, pose_bits BIGINT NOT NULL, "
        "z_frames BIGINT NOT NULL, z_bits BIGINT NOT NULL, spent BIGINT NOT NULL, "
        "failed BIGINT NOT NULL, channel BLOB, scale INTEGER, PRIMARY KEY (seq), "
        "UNIQUE (camera, subject))",
    ),
}
"""Statements that make version n + 1 out of n; written out, since the tables below change."""

metadata = sa.MetaData()

schema = sa.Table("mizaru_schema", metadata, sa.Column("version", sa.Integer, primary_key=True))
cameras = sa.Table(
    "cameras",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("width", sa.Integer),
    sa.Column("height", sa.Integer),
    sa.Column("plate", sa.LargeBinary(8)),
    sa.Column("through_ms", sa.BigInteger, comment="camera clock of the last representation"),
    sa.Column("status", sa.LargeBinary, comment="last wire.Status, MessagePack"),
)
cursors = sa.Table(
    "cursors",
    metadata,
    sa.Column("camera", sa.String(32), primary_key=True),
    sa.Column("stream", sa.LargeBinary(8), primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.LargeBinary(16), nullable=False),
)
segments = sa.Table(
    "segments",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("camera", sa.String(32), nullable=False),
    sa.Column("stream", sa.LargeBinary(8), nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.LargeBinary(16), nullable=False),
    sa.Column("t_ms", sa.BigInteger, nullable=False, comment="of its first representation"),
    sa.Column("received_ms", sa.BigInteger, nullable=False, comment="cloud's wall clock"),
    sa.Column("encoded", sa.LargeBinary, nullable=False, comment="bytes as they crossed the wire"),
    sa.UniqueConstraint("camera", "stream", "number"),
    sa.Index("segments_by_camera", "camera", "seq"),
)
plates = sa.Table(
    "plates",
    metadata,
    sa.Column("digest", sa.LargeBinary(8), primary_key=True),
    sa.Column("image", sa.LargeBinary, nullable=False, comment="WebP"),
    sa.Column("known_percent", sa.Integer, nullable=False),
    sa.Column(
        "seen_ms",
        sa.BigInteger,
        nullable=False,
        comment="last came, or stopped being a current one",
    ),
)
incidents = sa.Table(
    "incidents",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, comment="order of opening"),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("camera", sa.String(32), nullable=False, index=True),
    sa.Column("behavior", sa.String(32), nullable=False),
    sa.Column("severity", sa.String(16), nullable=False),
    sa.Column("started_ms", sa.BigInteger, nullable=False),
    sa.Column("last_ms", sa.BigInteger, nullable=False),
    sa.Column("ended_ms", sa.BigInteger, index=True, comment="null while open"),
    sa.Column("change", sa.String(16), nullable=False, comment="the last one"),
    sa.Column("body", sa.LargeBinary, nullable=False, comment="incident.Incident, JSON"),
)
changes = sa.Table(
    "incident_changes",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("incident", sa.String(64), nullable=False, index=True),
    sa.Column("change", sa.String(16), nullable=False),
    sa.Column("t_ms", sa.BigInteger, nullable=False, comment="camera clock"),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
feedback = sa.Table(
    "feedback",
    metadata,
    sa.Column("incident", sa.String(64), primary_key=True),
    sa.Column("verdict", sa.String(16), nullable=False),
    sa.Column("note", sa.String(200), nullable=False),
    sa.Column("given_ms", sa.BigInteger, nullable=False, comment="cloud's wall clock"),
    sa.Column("confidence", sa.Float, nullable=False, comment="the incident's, when judged"),
    sa.Column("counts", sa.Boolean, nullable=False, comment="for the camera's thresholds"),
)
gaps = sa.Table(
    "gaps",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("camera", sa.String(32), nullable=False),
    sa.Column("stream", sa.LargeBinary(8), nullable=False),
    sa.Column("first", sa.BigInteger, nullable=False),
    sa.Column("last", sa.BigInteger, nullable=False),
    sa.Column("received_ms", sa.BigInteger, nullable=False),
)
ledger_cameras = sa.Table(
    "ledger_cameras",
    metadata,
    sa.Column("camera", sa.String(32), primary_key=True),
    sa.Column("first_ms", sa.BigInteger, nullable=False),
    sa.Column("last_ms", sa.BigInteger, nullable=False),
    sa.Column("frames", sa.BigInteger, nullable=False, comment="representations"),
    sa.Column("wire_bits", sa.BigInteger, nullable=False, comment="of all segments, whole"),
    sa.Column("pose_bits", sa.BigInteger, nullable=False),
    sa.Column("z_bits", sa.BigInteger, nullable=False),
    sa.Column("plate_bits", sa.BigInteger, nullable=False),
    sa.Column("plates", sa.BigInteger, nullable=False),
    sa.Column("z_frames", sa.BigInteger, nullable=False, comment="with a z"),
    sa.Column("spent", sa.BigInteger, nullable=False, comment="without: a budget was spent"),
    sa.Column("failed", sa.BigInteger, nullable=False, comment="without: the encoder failed"),
)
ledger_tracks = sa.Table(
    "ledger_tracks",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, comment="order of appearance"),
    sa.Column("camera", sa.String(32), nullable=False),
    sa.Column("subject", sa.BigInteger, nullable=False, comment="ephemeral id"),
    sa.Column("first_ms", sa.BigInteger, nullable=False),
    sa.Column("last_ms", sa.BigInteger, nullable=False),
    sa.Column("received_ms", sa.BigInteger, nullable=False, comment="cloud's wall clock, last"),
    sa.Column("frames", sa.BigInteger, nullable=False, comment="representations with its pose"),
    sa.Column("pose_bits", sa.BigInteger, nullable=False),
    sa.Column("z_frames", sa.BigInteger, nullable=False, comment="with a z"),
    sa.Column("z_bits", sa.BigInteger, nullable=False, comment="of these, whole"),
    sa.Column("spent", sa.BigInteger, nullable=False, comment="as in ledger_cameras"),
    sa.Column("failed", sa.BigInteger, nullable=False, comment="as in ledger_cameras"),
    sa.Column("channel", sa.LargeBinary, comment="wire.ChannelRecord, MessagePack; null: no z"),
    sa.Column("scale", sa.Integer, comment="of its z, see wire.Embedding; null: none yet"),
    sa.UniqueConstraint("camera", "subject"),
)

CAMERAS: Final = sa.select(cameras, plates.c.known_percent).outerjoin(
    plates, plates.c.digest == cameras.c.plate
)
INCIDENTS: Final = sa.select(
    incidents.c.body, incidents.c.change, *(c for c in feedback.c if c is not feedback.c.incident)
).outerjoin(feedback, feedback.c.incident == incidents.c.id)


def _upsert(table: sa.Table, key: Sequence[str], columns: Sequence[str]) -> Any:
    statement = insert(table)
    return statement.on_conflict_do_update(
        index_elements=list(key), set_={name: statement.excluded[name] for name in columns}
    )


UPSERT_PLATE: Final = _upsert(plates, ["digest"], ["seen_ms"])
UPSERT_CURSOR: Final = _upsert(cursors, ["camera", "stream"], ["number", "digest"])
UPSERT_CAMERA: Final = _upsert(cameras, ["id"], ["width", "height", "plate", "through_ms"])
UPSERT_STATUS: Final = _upsert(cameras, ["id"], ["status"])
UPSERT_INCIDENT: Final = _upsert(
    incidents,
    ["id"],
    ["behavior", "severity", "started_ms", "last_ms", "ended_ms", "change", "body"],
)
UPSERT_FEEDBACK: Final = _upsert(
    feedback, ["incident"], ["verdict", "note", "given_ms", "confidence", "counts"]
)


def _book(table: sa.Table, key: Sequence[str], sums: Sequence[str], latest: Sequence[str]) -> Any:
    """Add to what stands there; of ``latest`` the last that is not null."""
    statement = insert(table)
    new, old = statement.excluded, table.c
    return statement.on_conflict_do_update(
        index_elements=list(key),
        set_={
            "first_ms": sa.func.min(old.first_ms, new.first_ms),
            "last_ms": sa.func.max(old.last_ms, new.last_ms),
            **{name: old[name] + new[name] for name in sums},
            **{name: sa.func.coalesce(new[name], old[name]) for name in latest},
        },
    )


_SUMS: Final = ("frames", "pose_bits", "z_bits", "z_frames", "spent", "failed")
BOOK_CAMERA: Final = _book(
    ledger_cameras, ["camera"], [*_SUMS, "wire_bits", "plate_bits", "plates"], []
)
BOOK_TRACK: Final = _book(
    ledger_tracks, ["camera", "subject"], _SUMS, ["received_ms", "channel", "scale"]
)
