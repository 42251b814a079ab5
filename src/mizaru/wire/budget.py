"""The largest number of bytes per second that can leave a camera, from the schema alone.

Sizes follow from the message types by `msgspec.inspect`: every field has a bound, so every
message has a largest MessagePack encoding (https://github.com/msgpack/msgpack spec). Rates
follow from the segmenter's rules (`mizaru.edge.segmenter`), which hold whatever a darkroom
writes to its pipe. The sum must stay within `LIMIT_BYTES_PER_S` (architecture §6).

Counted: every message from edge to cloud with its WebSocket framing (RFC 6455 §5.2, client mask
included) and the keep-alive. Not counted: TCP/IP headers, the handshake of a new connection,
and acknowledgements, which go the other way. Seconds are seconds of camera time: after an
outage the spool is sent as fast as the cloud acknowledges it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

import msgspec
from msgspec import inspect

from mizaru.errors import WireError
from mizaru.wire.messages import (
    ASCII,
    GRID_MS,
    MAX_POSES_PER_SEGMENT,
    MAX_REPRESENTATIONS,
    MAX_SUBJECTS,
    PLATE_PERIOD_S,
    SEGMENT_LEAST_MS,
    STATUS_PERIOD_S,
    Ack,
    Bye,
    ChannelRecord,
    Cursor,
    Embedding,
    FromCloud,
    FromEdge,
    Hello,
    Offer,
    Plate,
    PoseRecord,
    Refuse,
    Representation,
    Segment,
    Status,
    Welcome,
)

LIMIT_BYTES_PER_S: Final = 4000
"""32 kbit/s per camera."""

KEEPALIVE_S: Final = 20
"""Seconds between two WebSocket pings; each side pings and answers with a pong of 4 bytes."""

_CLIENT_MASK: Final = 4
_PING_PAYLOAD: Final = 4
_UTF8_LONGEST: Final = 4


def largest(kind: Any) -> int:
    """Bytes of the largest MessagePack encoding of a type, cross-field rules aside.

    Raises:
        WireError: a field is unbounded, or of a kind that must not cross the wire.
    """
    return _largest(inspect.type_info(kind), getattr(kind, "__name__", str(kind)), {})


def largest_message(kind: Any) -> int:
    """Bytes of the largest valid message: `largest` less what a cross-field rule forbids.

    The one such rule about sizes: a segment holds ≤ `MAX_POSES_PER_SEGMENT` poses in all.
    """
    size = largest(kind)
    if kind is Segment:
        forbidden = MAX_REPRESENTATIONS * MAX_SUBJECTS - MAX_POSES_PER_SEGMENT
        size -= forbidden * largest(PoseRecord)
    return size


def framing(payload: int) -> int:
    """Bytes that WebSocket adds to one unfragmented message from a client."""
    extended = 0 if payload < 126 else 2 if payload < 2**16 else 8
    return 2 + extended + _CLIENT_MASK


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the budget.

    Attributes:
        what: in words.
        bytes_each: worst case of one, framing included where it is a message.
        per_second: how many there can be in a second.
    """

    what: str
    bytes_each: int
    per_second: float

    @property
    def bytes_per_s(self) -> float:
        """Worst case, bytes per second."""
        return self.bytes_each * self.per_second


def rows() -> tuple[Row, ...]:
    """The worst case of one camera, part by part."""
    tick_s = GRID_MS / 1000
    poses_per_s = MAX_POSES_PER_SEGMENT / (MAX_REPRESENTATIONS * tick_s)
    pose = largest(PoseRecord)
    representation = largest(Representation) - MAX_SUBJECTS * pose
    envelope = largest(Segment) - largest(Plate) + 1  # without a plate there stands nil
    envelope -= MAX_REPRESENTATIONS * largest(Representation)
    full = largest_message(Segment)
    status = largest(Status)
    ping = 2 + _CLIENT_MASK + _PING_PAYLOAD
    return (
        Row("segment: envelope and framing", envelope + framing(full), 1000 / SEGMENT_LEAST_MS),
        Row("representation, with embedding, without poses", representation, 1 / tick_s),
        Row("pose", pose, poses_per_s),
        Row("plate", largest(Plate) - 1, 1 / PLATE_PERIOD_S),
        Row("status and framing", status + framing(status), 1 / STATUS_PERIOD_S),
        Row("keep-alive: ping and pong", 2 * ping, 1 / KEEPALIVE_S),
    )


def bytes_per_second() -> float:
    """Worst case of one camera, edge to cloud, bytes per second."""
    return sum(row.bytes_per_s for row in rows())


def _largest(kind: inspect.Type, where: str, extra: dict[str, Any]) -> int:
    """``extra``: the metadata beside the type, see `mizaru.wire.messages.ASCII`."""
    match kind:
        case inspect.Metadata():
            return _largest(kind.type, where, {**extra, **(kind.extra or {})})
        case inspect.NoneType() | inspect.BoolType():
            return 1
        case inspect.IntType():
            return _int(kind, where)
        case inspect.StrType():
            bound = _bound(kind.max_length, where)
            return _headed(bound if extra.get(ASCII) else bound * _UTF8_LONGEST, (32, 2**8, 2**16))
        case inspect.BytesType():
            return _headed(_bound(kind.max_length, where), (0, 2**8, 2**16))
        case inspect.EnumType():
            return max(len(msgspec.msgpack.encode(member.value)) for member in kind.cls)
        case inspect.LiteralType():
            return max(len(msgspec.msgpack.encode(value)) for value in kind.values)
        case inspect.UnionType():
            return max(_largest(member, where, extra) for member in kind.types)
        case inspect.VarTupleType() | inspect.ListType():
            bound = _bound(kind.max_length, where)
            return _array(bound) + bound * _largest(kind.item_type, f"{where}[]", {})
        case inspect.TupleType():
            return _fixed([_largest(item, f"{where}[]", {}) for item in kind.item_types])
        case inspect.StructType():
            return _struct(kind, where)
    raise WireError(f"{where}: {type(kind).__name__} has no bound and cannot cross the wire")


def _struct(kind: inspect.StructType, where: str) -> int:
    if not (kind.array_like and kind.forbid_unknown_fields):
        raise WireError(f"{where}: a message is array_like and forbids unknown fields")
    tag = [] if kind.tag is None else [len(msgspec.msgpack.encode(kind.tag))]
    return _fixed(tag + [_largest(f.type, f"{where}.{f.name}", {}) for f in kind.fields])


def _fixed(items: Sequence[int]) -> int:
    return _array(len(items)) + sum(items)


def _array(length: int) -> int:
    """Bytes of an array's header."""
    return 1 if length < 16 else 3 if length < 2**16 else 5


def _headed(length: int, steps: tuple[int, int, int]) -> int:
    """Bytes of a string or of binary data with its header of 1, 2, 3 or 5 bytes."""
    return length + next((h for h, s in zip((1, 2, 3), steps, strict=True) if length < s), 5)


def _int(kind: inspect.IntType, where: str) -> int:
    low = kind.ge if kind.ge is not None else None if kind.gt is None else kind.gt + 1
    high = kind.le if kind.le is not None else None if kind.lt is None else kind.lt - 1
    if low is None or high is None:
        raise WireError(f"{where}: an integer needs both bounds")
    return max(len(msgspec.msgpack.encode(int(value))) for value in (low, high))


def _bound(length: int | None, where: str) -> int:
    if length is None:
        raise WireError(f"{where}: needs max_length")
    return length


FROM_EDGE: Final[tuple[type, ...]] = get_args(FromEdge)
FROM_CLOUD: Final[tuple[type, ...]] = get_args(FromCloud)

MAX_FROM_EDGE_BYTES: Final = max(largest_message(kind) for kind in FROM_EDGE)
"""No message of an edge is longer; a longer one need not even be decoded."""
MAX_FROM_CLOUD_BYTES: Final = max(largest_message(kind) for kind in FROM_CLOUD)
"""No message of the cloud is longer."""

# What the messages are made of, and the messages themselves.
PARTS: Final[tuple[Any, ...]] = (
    PoseRecord,
    Embedding,
    ChannelRecord,
    Representation,
    Plate,
    Offer,
    Cursor,
)
MESSAGES: Final[tuple[Any, ...]] = (Hello, Segment, Status, Bye, Welcome, Ack, Refuse)
