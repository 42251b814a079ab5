"""The finite mouth: every message that may leave a darkroom or cross the link.

Each field is bounded and unknown fields are refused, so that the largest message, and with
the rates below the largest number of bytes per second, follows from these types alone
(`mizaru.wire.budget`). No field is free text: a free string is how a picture would travel.

Messages are MessagePack arrays (field order is the format); the first element of each
top-level message is its tag. A subject's position in ``poses`` is the occlusion order π_t:
the farthest subject first, the nearest last, so that drawing in order is right.

Rates (docs/decisions/0002): a representation sits on a time grid of 100 ms; with more than
four subjects every second tick is used, so that a segment of 0.5 s carries ≤ 20 poses.
"""

from __future__ import annotations

import enum
import hashlib
import itertools
from typing import Annotated, Final

from msgspec import Meta, Struct

from mizaru.vocabulary import CameraState

PROTOCOL_VERSION: Final = 2
GRID_MS: Final = 100
SEGMENT_MS: Final = 500
SEGMENT_LEAST_MS: Final = 400
"""No segment begins sooner after the one before: with five to eight subjects, two
representations, 400 ms, are all that 20 poses leave room for."""
MAX_CAMERAS: Final = 64
MAX_SUBJECTS: Final = 8
MAX_REPRESENTATIONS: Final = SEGMENT_MS // GRID_MS
MAX_POSES_PER_SEGMENT: Final = 20
MAX_PLATE_BYTES: Final = 32_768
PLATE_PERIOD_S: Final = 60
STATUS_PERIOD_S: Final = 5
POSE_BYTES: Final = 47
DIGEST_BYTES: Final = 8
CHAIN_BYTES: Final = 16
ASCII: Final = "ascii"
"""Key of a string's extra metadata: its pattern lets ASCII only pass (one byte a character)."""

U8 = Annotated[int, Meta(ge=0, le=2**8 - 1)]
U16 = Annotated[int, Meta(ge=0, le=2**16 - 1)]
U32 = Annotated[int, Meta(ge=0, le=2**32 - 1)]
SubjectId = Annotated[int, Meta(ge=1, le=2**32 - 1)]
Milliseconds = Annotated[int, Meta(ge=0, le=2**48 - 1)]
CameraId = Annotated[
    str,
    # Python's $ also matches before a last newline, hence the (?!\n).
    Meta(min_length=1, max_length=32, pattern=r"^[a-z0-9][a-z0-9_.-]*$(?!\n)"),
    Meta(extra={ASCII: True}),
]
PlateDigest = Annotated[bytes, Meta(min_length=0, max_length=DIGEST_BYTES)]
ChainDigest = Annotated[bytes, Meta(min_length=CHAIN_BYTES, max_length=CHAIN_BYTES)]
StreamId = Annotated[bytes, Meta(min_length=8, max_length=8)]
EdgeId = Annotated[bytes, Meta(min_length=16, max_length=16)]

GENESIS: Final = bytes(CHAIN_BYTES)
"""``previous`` of the first segment of a stream."""


class PoseRecord(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One subject's pose, packed by `mizaru.wire.codec.pack_pose`.

    Attributes:
        subject: ephemeral id.
        head: yaw, pitch, roll as three signed bytes in steps of 15°, or None.
        points: 17 × (u: 10 bit, v: 10 bit, ρ: 2 bit), `COCO17` order, 47 bytes.
    """

    subject: SubjectId
    head: Annotated[bytes, Meta(min_length=3, max_length=3)] | None
    points: Annotated[bytes, Meta(min_length=POSE_BYTES, max_length=POSE_BYTES)]


class Embedding(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """z_t after clip, noise and quantisation; the segment's `ChannelRecord` says by which.

    Attributes:
        scale: quantisation step, in units of 1/1024.
        z: D ≤ 32 signed bytes.
    """

    scale: U16
    z: Annotated[bytes, Meta(min_length=1, max_length=32)]


class ChannelRecord(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Public parameters of the channel that every z of a segment went through.

    Attributes:
        width: D, entries of z.
        clip: C, Euclidean norm that μ was clipped to, thousandths.
        sigma: σ of the noise per entry, thousandths.
        sticky_percent: share of σ² that is drawn once per track.
        budget: nats that may be said of one track.
        weights: first 4 bytes of SHA-256 of the encoder's card: what z means.
    """

    width: Annotated[int, Meta(ge=1, le=32)]
    clip: Annotated[int, Meta(ge=1, le=2**16 - 1)]
    sigma: Annotated[int, Meta(ge=1, le=2**16 - 1)]
    sticky_percent: Annotated[int, Meta(ge=0, le=99)]
    budget: Annotated[int, Meta(ge=1, le=2**32 - 1)]
    weights: Annotated[bytes, Meta(min_length=4, max_length=4)]


class Withheld(enum.IntEnum):
    """Why a representation brings no z."""

    NOT = 0
    """It brings one, or nobody asked for any."""
    NOBODY = 1
    SPENT = 2
    """The budget of somebody who is there is spent."""
    FAILED = 3
    """The encoder failed on this frame."""
    RESTING = 4
    """z is sent less often than poses."""


class Representation(Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="omega"):
    """Ω_t without its camera, which the segment names once.

    Attributes:
        frame_id, t_ms: the rest of the sync key κ_t; ``t_ms`` is a multiple of `GRID_MS`.
        plate: digest of the plate Ī_t that belongs to this frame; empty before the first.
        poses: in occlusion order π_t, the farthest first.
        embedding: z_t; absent where the camera sends none, and where ``withheld`` says why.
        withheld: why there is no z.
        spent_percent: of the budget of whoever has spent most among those present, 0 … 100,
            rounded up; 0 before the first z.
    """

    frame_id: U32
    t_ms: Milliseconds
    plate: PlateDigest
    poses: Annotated[tuple[PoseRecord, ...], Meta(max_length=MAX_SUBJECTS)]
    embedding: Embedding | None = None
    withheld: Withheld = Withheld.NOT
    spent_percent: Annotated[int, Meta(ge=0, le=100)] = 0

    def __post_init__(self) -> None:
        if self.embedding is not None and self.withheld is not Withheld.NOT:
            raise ValueError(f"z cannot be there and withheld ({self.withheld.name})")
        if self.t_ms % GRID_MS:
            raise ValueError(f"t_ms must be a multiple of {GRID_MS}, got {self.t_ms}")
        if len(self.plate) not in (0, DIGEST_BYTES):
            raise ValueError(f"plate must have 0 or {DIGEST_BYTES} bytes, got {len(self.plate)}")
        if len({pose.subject for pose in self.poses}) != len(self.poses):
            raise ValueError("each subject may appear once in a representation")


class Plate(Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="plate"):
    """Ī_t, the room without people: a small WebP that only the browser ever decodes.

    Attributes:
        image: WebP bytes. Its digest (`plate_digest`) is what representations refer to.
        known_percent: share of the room that has been seen without people, 0 … 100.
    """

    image: Annotated[bytes, Meta(min_length=16, max_length=MAX_PLATE_BYTES)]
    known_percent: Annotated[int, Meta(ge=0, le=100)]

    def __post_init__(self) -> None:
        if self.image[:4] != b"RIFF" or self.image[8:12] != b"WEBP":
            raise ValueError("a plate's image must be WebP")


class Status(Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="status"):
    """Health of one camera's pipeline since it started; no words, only these numbers.

    Attributes:
        t_ms: wall clock when this was said.
        frames_in: frames that the camera or file delivered.
        frames_dropped: of these, how many were not turned into anything (late, or perception
            failed: fail closed).
        fps_tenths: frames developed per second, times ten, over the last ten seconds.
        pipe_p50_ms, pipe_p95_ms: capture → pipe latency over the last 60 s.
        restarts: how often the darkroom or its capture child had to be started again.
        bytes_out: bytes written to the pipe so far, modulo 2³².
        spooled: segments waiting for the cloud (filled in by the edge's link).
        sandboxed: whether seccomp and Landlock are on.
    """

    camera: CameraId
    state: CameraState
    t_ms: Milliseconds
    frames_in: U32 = 0
    frames_dropped: U32 = 0
    fps_tenths: U16 = 0
    pipe_p50_ms: U16 = 0
    pipe_p95_ms: U16 = 0
    restarts: U16 = 0
    bytes_out: U32 = 0
    spooled: U32 = 0
    sandboxed: bool = False


class Developed(Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="developed"):
    """A representation on its way through the darkroom's pipe, with what its segment needs.

    Attributes:
        width, height: of the camera's image after rotation, pixels.
        captured_ms: wall clock at capture.
        channel: of its z; None where the camera sends none.
    """

    representation: Representation
    width: Annotated[int, Meta(ge=1, le=2**14)]
    height: Annotated[int, Meta(ge=1, le=2**14)]
    captured_ms: Milliseconds
    channel: ChannelRecord | None = None

    def __post_init__(self) -> None:
        _check_channel(self.channel, (self.representation,))


Outgoing = Developed | Plate | Status
"""The closed union that comes out of a darkroom's pipe."""


class Segment(Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="segment"):
    """Consecutive representations of one camera: the unit on the wire and in the spool.

    Attributes:
        camera: completes the sync key of every representation inside.
        stream: random, new whenever an edge's spool is made anew.
        number: 1, 2, 3 … within the stream, without holes.
        previous: `chain_digest` of the segment before, `GENESIS` for number 1.
        width, height: of the camera's image after rotation, pixels (for the aspect ratio).
        captured_ms: wall clock at the capture of the last representation inside.
        representations: in time order.
        plate: a new plate, at most one per `PLATE_PERIOD_S` of camera time.
        channel: of every z inside; None where the camera sends none.
    """

    camera: CameraId
    stream: StreamId
    number: Annotated[int, Meta(ge=1, le=2**32 - 1)]
    previous: ChainDigest
    width: Annotated[int, Meta(ge=1, le=2**14)]
    height: Annotated[int, Meta(ge=1, le=2**14)]
    captured_ms: Milliseconds
    representations: Annotated[
        tuple[Representation, ...], Meta(min_length=1, max_length=MAX_REPRESENTATIONS)
    ]
    plate: Plate | None = None
    channel: ChannelRecord | None = None

    def __post_init__(self) -> None:
        _check_channel(self.channel, self.representations)
        poses = sum(len(r.poses) for r in self.representations)
        if poses > MAX_POSES_PER_SEGMENT:
            raise ValueError(f"a segment holds ≤ {MAX_POSES_PER_SEGMENT} poses, got {poses}")
        times = [r.t_ms for r in self.representations]
        if any(b <= a for a, b in itertools.pairwise(times)):
            raise ValueError("representations must be in increasing time order")


class Offer(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What an edge still holds of one camera: segments ``first`` … ``last``.

    ``first == last + 1`` says that nothing is held, and still which number comes next: the
    cloud sees from it what it will never get.
    """

    camera: CameraId
    stream: StreamId
    first: Annotated[int, Meta(ge=1, le=2**32 - 1)]
    last: U32

    def __post_init__(self) -> None:
        if self.first > self.last + 1:
            raise ValueError(f"first must be ≤ last + 1, got {self.first} and {self.last}")


class Hello(Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="hello"):
    """Edge → cloud, first message of a connection. ``edge``: random, kept in the spool."""

    version: U8
    edge: EdgeId
    offers: Annotated[tuple[Offer, ...], Meta(min_length=1, max_length=MAX_CAMERAS)]

    def __post_init__(self) -> None:
        if len({offer.camera for offer in self.offers}) != len(self.offers):
            raise ValueError("each camera is offered once")


class Cursor(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The last segment of a stream that the cloud has stored; number 0 and `GENESIS`: none."""

    camera: CameraId
    stream: StreamId
    number: U32
    digest: ChainDigest


class Welcome(Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="welcome"):
    """Cloud → edge, answer to `Hello`: where to go on."""

    version: U8
    cursors: Annotated[tuple[Cursor, ...], Meta(min_length=1, max_length=MAX_CAMERAS)]


class Ack(Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="ack"):
    """Cloud → edge: everything of the stream up to ``number`` is on the cloud's disk."""

    camera: CameraId
    stream: StreamId
    number: U32


class Refusal(enum.StrEnum):
    """Why the cloud said no."""

    VERSION = "version"
    CAMERA_IN_USE = "camera_in_use"
    UNKNOWN_CAMERA = "unknown_camera"
    MALFORMED = "malformed"
    OUT_OF_ORDER = "out_of_order"
    BUSY = "busy"


class Refuse(Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="refuse"):
    """Cloud → edge: the message was not accepted. The connection closes, except after
    ``malformed``, which is counted and survived."""

    code: Refusal
    camera: CameraId | None = None


class Bye(Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="bye"):
    """Edge → cloud: every source has ended and everything is acknowledged."""


def _check_channel(
    channel: ChannelRecord | None, representations: tuple[Representation, ...]
) -> None:
    """No z without the parameters that it is accounted by."""
    for representation in representations:
        embedding = representation.embedding
        if embedding is None:
            continue
        if channel is None:
            raise ValueError("z comes with the parameters of its channel")
        if len(embedding.z) != channel.width:
            raise ValueError(f"z has {len(embedding.z)} entries, its channel {channel.width}")


FromEdge = Hello | Segment | Status | Bye
FromCloud = Welcome | Ack | Refuse


def plate_digest(image: bytes) -> bytes:
    """First 8 bytes of SHA-256 of a plate's WebP bytes."""
    return hashlib.sha256(image).digest()[:DIGEST_BYTES]


def chain_digest(encoded_segment: bytes) -> bytes:
    """BLAKE2b-128 of a segment's bytes exactly as they crossed the wire."""
    return hashlib.blake2b(encoded_segment, digest_size=CHAIN_BYTES).digest()
