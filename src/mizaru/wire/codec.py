"""Bytes ↔ messages, strictly: what is not exactly right raises `WireError`."""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from mizaru.errors import WireError
from mizaru.vocabulary import COCO17, HeadOrientation, Pose
from mizaru.wire.messages import (
    POSE_BYTES,
    FromCloud,
    FromEdge,
    Outgoing,
    PoseRecord,
    Segment,
)

U_MIN: Final = -0.25
U_MAX: Final = 1.25
"""Range of u and v on the wire: a limb may leave the picture by a quarter of it."""
COORDINATE_STEPS: Final = 2**10 - 1
CONFIDENCE_STEPS: Final = 2**2 - 1
HEAD_STEP_DEGREES: Final = 15

_M = TypeVar("_M")

_encoder = msgspec.msgpack.Encoder()
_outgoing: Final[msgspec.msgpack.Decoder[Outgoing]] = msgspec.msgpack.Decoder(Outgoing)
_from_edge: Final[msgspec.msgpack.Decoder[FromEdge]] = msgspec.msgpack.Decoder(FromEdge)
_from_cloud: Final[msgspec.msgpack.Decoder[FromCloud]] = msgspec.msgpack.Decoder(FromCloud)

# One row per field of a keypoint: how many bits, most significant first.
_BITS: Final = (10, 10, 2)
_PAD_BITS: Final = POSE_BYTES * 8 - len(COCO17.keypoints) * sum(_BITS)


def encode(message: FromEdge | FromCloud | Outgoing) -> bytes:
    """MessagePack bytes of any message. Equal messages give equal bytes."""
    return _encoder.encode(message)


def decode_outgoing(data: bytes | memoryview) -> Outgoing:
    """What a darkroom wrote to its pipe; raises `WireError` on anything else."""
    return _decode(_outgoing, data, "darkroom pipe")


def decode_from_edge(data: bytes | memoryview) -> FromEdge:
    """What an edge sent to the cloud; raises `WireError` on anything else."""
    return _decode(_from_edge, data, "message from edge")


def decode_from_cloud(data: bytes | memoryview) -> FromCloud:
    """What the cloud answered to an edge; raises `WireError` on anything else."""
    return _decode(_from_cloud, data, "message from cloud")


def _decode(decoder: msgspec.msgpack.Decoder[_M], data: bytes | memoryview, where: str) -> _M:
    try:
        message = decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WireError(f"{where}: {error}") from None
    # MessagePack can write one number in several lengths, and a decoder fills in defaults: room
    # to hide bytes in, and beyond the budget. Exactly one encoding of each message is accepted,
    # and that of version 1, which lies in spools and stores.
    if data != _encoder.encode(message) and data != _as_version_1(message):
        raise WireError(f"{where}: not in its one canonical encoding")
    return message


def _as_version_1(message: object) -> bytes | None:
    """How version 1 wrote a segment that says nothing new; None for anything else."""
    if not isinstance(message, Segment) or message.channel is not None:
        return None
    if any(r.withheld or r.spent_percent or r.embedding for r in message.representations):
        return None
    *fields, representations, plate, _channel = msgspec.msgpack.decode(_encoder.encode(message))
    return _encoder.encode([*fields, [old[:-2] for old in representations], plate])


def pack_pose(pose: Pose) -> PoseRecord:
    """Quantise and pack one pose (architecture §4).

    u and v are clipped to [`U_MIN`, `U_MAX`] and rounded to 1023 steps (0.94 px at 640 px);
    ρ to thirds; head angles to 15°. A keypoint with ρ = 0 is written as all zeros.
    """
    uv = (pose.keypoints[:, :2] - U_MIN) / (U_MAX - U_MIN)
    fields = np.empty((len(COCO17.keypoints), 3), dtype=np.uint16)
    fields[:, :2] = np.rint(np.clip(uv, 0.0, 1.0) * COORDINATE_STEPS)
    fields[:, 2] = np.rint(np.clip(pose.keypoints[:, 2], 0.0, 1.0) * CONFIDENCE_STEPS)
    fields[fields[:, 2] == 0] = 0
    bits = [
        (fields[:, [column]] >> np.arange(width - 1, -1, -1, dtype=np.uint16)) & 1
        for column, width in enumerate(_BITS)
    ]
    flat = np.concatenate(bits, axis=1).astype(np.uint8).ravel()
    points = np.packbits(np.concatenate([flat, np.zeros(_PAD_BITS, np.uint8)])).tobytes()
    return PoseRecord(pose.subject_id, _pack_head(pose.head), points)


def unpack_pose(record: PoseRecord) -> Pose:
    """Inverse of `pack_pose` up to quantisation; raises `WireError` on impossible angles."""
    bits = np.unpackbits(np.frombuffer(record.points, dtype=np.uint8))
    if _PAD_BITS and bits[-_PAD_BITS:].any():
        raise WireError("pose: padding bits must be zero")
    rows = bits[: bits.size - _PAD_BITS].reshape(len(COCO17.keypoints), sum(_BITS))
    keypoints = np.zeros((len(COCO17.keypoints), 3), dtype=np.float32)
    start = 0
    for column, width in enumerate(_BITS):
        weights = 1 << np.arange(width - 1, -1, -1)
        keypoints[:, column] = rows[:, start : start + width] @ weights
        start += width
    keypoints[:, :2] = U_MIN + keypoints[:, :2] / COORDINATE_STEPS * (U_MAX - U_MIN)
    keypoints[:, 2] /= CONFIDENCE_STEPS
    keypoints[keypoints[:, 2] == 0] = 0.0
    return Pose(record.subject, keypoints, _unpack_head(record.head))


def box_xyxy(keypoints: npt.NDArray[np.float32]) -> tuple[float, float, float, float]:
    """Smallest box around the seen keypoints, normalised (u0, v0, u1, v1), inside [0, 1]."""
    seen = keypoints[keypoints[:, 2] > 0, :2]
    if not len(seen):
        return 0.0, 0.0, 0.0, 0.0
    (u0, v0), (u1, v1) = np.clip(seen.min(0), 0, 1), np.clip(seen.max(0), 0, 1)
    return float(u0), float(v0), float(u1), float(v1)


def _pack_head(head: HeadOrientation | None) -> bytes | None:
    if head is None:
        return None
    steps = [round(angle / HEAD_STEP_DEGREES) for angle in (head.yaw, head.pitch, head.roll)]
    return bytes(step & 0xFF for step in steps)


def _unpack_head(packed: bytes | None) -> HeadOrientation | None:
    if packed is None:
        return None
    angles = [float(s) * HEAD_STEP_DEGREES for s in np.frombuffer(packed, dtype=np.int8)]
    try:
        return HeadOrientation(*angles)
    except ValueError as error:
        raise WireError(f"head orientation: {error}") from None
