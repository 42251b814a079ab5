"""The privacy ledger's books: what every camera sent, and what was said of every track.

Entries are counted from segments as they are stored, in the same transaction, so that each counts
once whatever is sent again or rebuilt. Only what can be added is kept: frames and bits. All bounds
follow from these and the channel when they are asked for (`mizaru.ledger`), so that they cannot
disagree. What an edge's spool dropped never left the edge and is not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

from mizaru.cloud import tables
from mizaru.cloud.store.database import Database
from mizaru.cloud.store.kept import NewSegment
from mizaru.ledger.account import Channel, Figures, Reading, figures
from mizaru.ledger.record import channel_of
from mizaru.wire.messages import ChannelRecord, Embedding, PoseRecord, Withheld

_encoder = msgspec.msgpack.Encoder()
_channel_decoder = msgspec.msgpack.Decoder(ChannelRecord)


@dataclass(frozen=True, slots=True)
class CameraAccount:
    """All that a camera ever sent.

    Attributes:
        first_ms, last_ms: its clock, of the first and the last representation.
        frames: representations.
        wire_bits: of whole segments; the rest are parts of it.
        pose_bits, z_bits, plate_bits: on the wire.
        plates: how many came.
        z_frames: representations with a z.
        spent, failed: without, because somebody's budget was spent, or the encoder failed.
    """

    camera: str
    first_ms: int
    last_ms: int
    frames: int
    wire_bits: int
    pose_bits: int
    z_bits: int
    plate_bits: int
    plates: int
    z_frames: int
    spent: int
    failed: int


@dataclass(frozen=True, slots=True)
class TrackAccount:
    """All that was said of one track.

    Attributes:
        number: grows in the order of appearance.
        subject: its ephemeral id.
        frames: representations with its pose.
        z_bits: of whole z: each is charged in full to everybody who is there.
        record, scale: the channel of its z; None where it sends none, or has not yet.
        others: as in `CameraAccount`, of representations with its pose.
    """

    number: int
    camera: str
    subject: int
    first_ms: int
    last_ms: int
    frames: int
    pose_bits: int
    z_frames: int
    z_bits: int
    spent: int
    failed: int
    record: ChannelRecord | None
    scale: int | None

    @property
    def channel(self) -> Channel | None:
        """The channel of its z."""
        return None if self.record is None else channel_of(self.record, self.scale)

    @property
    def nats(self) -> float:
        """Spent so far: what its z can say of any input."""
        channel = self.channel
        return 0.0 if channel is None else channel.nats(self.z_frames)

    @property
    def is_spent(self) -> bool:
        """Whether one more z would go over its budget."""
        if self.record is None or (channel := self.channel) is None:
            return False
        return channel.nats(self.z_frames + 1) > self.record.budget

    def figures(self, reading: Reading, eigenvalues: Sequence[float] = ()) -> Figures | None:
        """All lines of the ledger; None before the first z.

        Args:
            eigenvalues: of Cov clip_C(μ), for the calibrated line, or none.
        """
        if self.channel is None or not self.z_frames:
            return None
        return figures(self.channel, reading, self.z_frames, eigenvalues=eigenvalues)


class LedgerBooks(Database):
    """The part of the store that keeps the ledger."""

    def ledger_cameras(self) -> tuple[CameraAccount, ...]:
        """Every camera that ever sent a representation, by id."""
        with self._reading() as db:
            found = db.execute(
                sa.select(tables.ledger_cameras).order_by(tables.ledger_cameras.c.camera)
            ).mappings()
            return tuple(CameraAccount(**row) for row in found)

    def ledger_tracks(
        self, *, camera: str | None = None, before: int | None = None, limit: int
    ) -> tuple[TrackAccount, ...]:
        """Tracks, the last to appear first.

        Args:
            camera: only of this one.
            before: only those with a smaller `TrackAccount.number`.
            limit: at most so many.
        """
        rows = tables.ledger_tracks.c
        query = sa.select(tables.ledger_tracks)
        if camera is not None:
            query = query.where(rows.camera == camera)
        if before is not None:
            query = query.where(rows.seq < before)
        with self._reading() as db:
            found = db.execute(query.order_by(rows.seq.desc()).limit(limit)).mappings()
            return tuple(_track(row) for row in found)

    def _enter(self, db: sa.Connection, segments: Iterable[NewSegment]) -> None:
        """Count what is being stored."""
        by_camera: dict[str, dict[str, Any]] = {}
        by_track: dict[tuple[str, int], dict[str, Any]] = {}
        for new in segments:
            _count(new, by_camera, by_track)
        if by_camera:
            db.execute(tables.BOOK_CAMERA, list(by_camera.values()))
        if by_track:
            db.execute(tables.BOOK_TRACK, list(by_track.values()))

    def _forget_tracks(self, db: sa.Connection, before_ms: int) -> None:
        """Drop tracks that were last heard of before a wall clock time; sums of cameras stay."""
        old = tables.ledger_tracks.c.received_ms < before_ms
        db.execute(sa.delete(tables.ledger_tracks).where(old))


def _count(
    new: NewSegment,
    by_camera: dict[str, dict[str, Any]],
    by_track: dict[tuple[str, int], dict[str, Any]],
) -> None:
    segment, camera = new.segment, new.segment.camera
    first_ms = segment.representations[0].t_ms
    whole = by_camera.setdefault(
        camera, _empty(first_ms) | {"camera": camera, "wire_bits": 0, "plate_bits": 0, "plates": 0}
    )
    whole["wire_bits"] += 8 * len(new.encoded)
    if segment.plate is not None:
        whole["plate_bits"] += 8 * len(segment.plate.image)
        whole["plates"] += 1
    channel = None if segment.channel is None else _encoder.encode(segment.channel)
    for representation in segment.representations:
        z = representation.embedding
        pose_bits = [_bits(record) for record in representation.poses]
        said = {
            "z_frames": int(z is not None),
            "z_bits": 0 if z is None else _bits(z),
            "spent": int(representation.withheld is Withheld.SPENT),
            "failed": int(representation.withheld is Withheld.FAILED),
        }
        _add(whole, representation.t_ms, said | {"pose_bits": sum(pose_bits)})
        for record, size in zip(representation.poses, pose_bits, strict=True):
            track = by_track.setdefault(
                (camera, record.subject),
                _empty(representation.t_ms)
                | {"camera": camera, "subject": record.subject, "scale": None},
            )
            _add(track, representation.t_ms, said | {"pose_bits": size})
            track["received_ms"] = new.received_ms
            track["channel"] = channel
            track["scale"] = z.scale if z is not None else track["scale"]


def _bits(part: PoseRecord | Embedding) -> int:
    """On the wire, inside its segment."""
    return 8 * len(_encoder.encode(part))


def _empty(t_ms: int) -> dict[str, Any]:
    counted = ("frames", "pose_bits", "z_frames", "z_bits", "spent", "failed")
    return {"first_ms": t_ms, "last_ms": t_ms} | dict.fromkeys(counted, 0)


def _add(row: dict[str, Any], t_ms: int, said: dict[str, int]) -> None:
    row["frames"] += 1
    row["first_ms"], row["last_ms"] = min(row["first_ms"], t_ms), max(row["last_ms"], t_ms)
    for name, value in said.items():
        row[name] += value


def _track(row: Any) -> TrackAccount:
    values = dict(row)
    values.pop("received_ms")
    channel = values.pop("channel")
    return TrackAccount(
        number=values.pop("seq"),
        record=None if channel is None else _channel_decoder.decode(channel),
        **values,
    )
