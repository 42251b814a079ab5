"""The protocol between edge and cloud as two pure objects: bytes in → events out, commands → bytes.

No socket, no clock, no disk: whoever holds a session moves its bytes (one `bytes` object is one
binary WebSocket message) and answers its events. One connection is one pair of sessions:

    edge                                   cloud
    hello(edge, offers)          ──►       HelloReceived → welcome(cursors), or refuse(…)
    Welcomed                     ◄──
    segment, segment, …          ──►       [GapReported] SegmentReceived → store, then ack
    Acknowledged → delete        ◄──       ack (cumulative: one may stand for many)
    status                       ──►       StatusReceived
    bye                          ──►       ByeReceived

The laws:

- Per camera and stream, segments are numbered without holes and hash-chained. What the cloud has
  stored is its *cursor*; after every connect it sends the cursors and the edge goes on from there,
  so nothing that was acknowledged is lost and what was stored but not acknowledged is not sent
  twice to the store.
- A number at or below the cursor is a duplicate: acknowledged again, never delivered.
- A hole is accepted only if `Hello` declared it (``offer.first > cursor.number + 1``: the edge's
  spool was full and dropped its oldest) and is reported; the chain starts anew behind it.
- A message that does not decode exactly is answered with ``refuse(malformed)``, counted, and
  survived. Everything else that breaks the order of things is refused and the connection closes.
- At most `WINDOW` segments per camera are under way without an acknowledgement.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from mizaru.errors import WireError
from mizaru.wire.budget import MAX_FROM_EDGE_BYTES
from mizaru.wire.codec import decode_from_cloud, decode_from_edge, encode
from mizaru.wire.messages import (
    GENESIS,
    PROTOCOL_VERSION,
    Ack,
    Bye,
    Cursor,
    Hello,
    Offer,
    Refusal,
    Refuse,
    Segment,
    Status,
    Welcome,
    chain_digest,
)

WINDOW: Final = 16
"""Segments per camera that may be under way without an acknowledgement."""


# What the cloud sees ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HelloReceived:
    """First message of a connection. Answer with `CloudSession.welcome`, one cursor for each
    offer (its camera and stream), or with `CloudSession.refuse` and close."""

    edge: bytes
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True)
class SegmentReceived:
    """The next segment of its stream, exactly once per cursor. Store it, then `CloudSession.ack`.

    Attributes:
        segment: decoded and checked: in order, chained.
        encoded: its bytes as they crossed the wire.
        digest: `chain_digest` of ``encoded``: the digest of the new cursor.
    """

    segment: Segment
    encoded: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class GapReported:
    """Segments ``first`` … ``last`` will never come: the edge's spool was full, or the cloud
    has forgotten them. Comes just before the `SegmentReceived` behind the gap."""

    camera: str
    stream: bytes
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class DuplicateReceived:
    """A segment at or below the cursor. Do not store; `CloudSession.ack` the cursor again."""

    camera: str
    stream: bytes
    number: int


@dataclass(frozen=True, slots=True)
class StatusReceived:
    """Health of one camera, not acknowledged."""

    status: Status


@dataclass(frozen=True, slots=True)
class Malformed:
    """A message that is not exactly right. Answer ``refuse(Refusal.MALFORMED)``, count, go on."""

    reason: str


@dataclass(frozen=True, slots=True)
class Violation:
    """A well-formed message that breaks the protocol (order, chain, version), or one so large
    that no message can be. Answer ``refuse(code, camera)`` and close the connection."""

    code: Refusal
    camera: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class ByeReceived:
    """Every source of the edge has ended and everything is acknowledged; it will close."""


CloudEvent = (
    HelloReceived
    | SegmentReceived
    | GapReported
    | DuplicateReceived
    | StatusReceived
    | Malformed
    | Violation
    | ByeReceived
)


# What the edge sees -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Welcomed:
    """The cloud let this edge in; segments may be sent."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Everything of the stream up to ``number`` is on the cloud's disk: delete it."""

    camera: str
    stream: bytes
    number: int


@dataclass(frozen=True, slots=True)
class Diverged:
    """The cloud's history of this stream is not ours (a spool was restored from a copy, or a
    disk lied about what it had kept). Give what is held a new stream and connect again."""

    camera: str
    stream: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """The cloud said no. `EdgeSession.closed` tells whether it hangs up as well."""

    code: Refusal
    camera: str | None


EdgeEvent = Welcomed | Acknowledged | Diverged | Refused


class _State(enum.Enum):
    NEW = enum.auto()
    GREETED = enum.auto()
    OPEN = enum.auto()
    CLOSED = enum.auto()


# The cloud's side ---------------------------------------------------------------------------


@dataclass(slots=True)
class _Arrivals:
    """One stream as the cloud sees it during one connection."""

    stream: bytes
    first: int
    number: int = 0
    digest: bytes = GENESIS
    acked: int = 0


class CloudSession:
    """One edge's connection as the cloud sees it.

    Whether two edges may bring one camera is not decided here: whoever holds all sessions
    answers `HelloReceived` with ``refuse(Refusal.CAMERA_IN_USE, camera)``. A second connection
    of the *same* edge id replaces the first, which is half-open or dead.
    """

    def __init__(self) -> None:
        self.malformed = 0
        self._state = _State.NEW
        self._offers: tuple[Offer, ...] = ()
        self._streams: dict[str, _Arrivals] = {}

    @property
    def closed(self) -> bool:
        """Whether this connection is to be closed: after a refusal or a farewell."""
        return self._state is _State.CLOSED

    def receive(self, data: bytes) -> list[CloudEvent]:
        """What one WebSocket message means. Never raises; after `closed` nothing means anything."""
        if self.closed:
            return []
        if len(data) > MAX_FROM_EDGE_BYTES:
            self.malformed += 1
            self._state = _State.CLOSED
            reason = f"{len(data)} bytes, no message has more than {MAX_FROM_EDGE_BYTES}"
            return [Violation(Refusal.MALFORMED, None, reason)]
        try:
            message = decode_from_edge(data)
        except WireError as error:
            self.malformed += 1
            return [Malformed(str(error))]
        match message:
            case Hello():
                return [self._hello(message)]
            case _ if self._state is not _State.OPEN:
                return [Violation(Refusal.OUT_OF_ORDER, None, "nothing comes before the welcome")]
            case Segment():
                return self._segment(message, bytes(data))
            case Status():
                if message.camera not in self._streams:
                    return [self._not_offered(message.camera)]
                return [StatusReceived(message)]
            case Bye():
                self._state = _State.CLOSED
                return [ByeReceived()]

    def welcome(self, cursors: Iterable[Cursor]) -> bytes:
        """Let the edge in. Needs exactly one cursor for each offer, else raises `ValueError`."""
        cursors = tuple(cursors)
        if self._state is not _State.GREETED:
            raise ValueError("welcome answers hello, once")
        offered = {(o.camera, o.stream) for o in self._offers}
        if len(cursors) != len(offered) or {(c.camera, c.stream) for c in cursors} != offered:
            raise ValueError("welcome needs exactly one cursor for each offer")
        first = {offer.camera: offer.first for offer in self._offers}
        for c in cursors:
            arrivals = _Arrivals(c.stream, first[c.camera], c.number, c.digest, acked=c.number)
            self._streams[c.camera] = arrivals
        self._state = _State.OPEN
        return encode(Welcome(PROTOCOL_VERSION, cursors))

    def ack(self, camera: str, stream: bytes, number: int) -> bytes:
        """Everything of the stream up to ``number`` is stored. Raises `ValueError` for a number
        that never came or was acknowledged beyond."""
        arrivals = self._streams.get(camera)
        if arrivals is None or arrivals.stream != stream:
            raise ValueError(f"camera {camera!r} has no such stream here")
        if not arrivals.acked <= number <= arrivals.number:
            raise ValueError(f"{camera}: cannot acknowledge {number} at {arrivals.number}")
        arrivals.acked = number
        return encode(Ack(camera, stream, number))

    def refuse(self, code: Refusal, camera: str | None = None) -> bytes:
        """Say no; except for ``malformed`` the connection is then `closed`."""
        if code is not Refusal.MALFORMED:
            self._state = _State.CLOSED
        return encode(Refuse(code, camera))

    def _hello(self, hello: Hello) -> CloudEvent:
        if self._state is not _State.NEW:
            return Violation(Refusal.OUT_OF_ORDER, None, "hello is said once")
        if hello.version != PROTOCOL_VERSION:
            reason = f"protocol version {hello.version}, here is {PROTOCOL_VERSION}"
            return Violation(Refusal.VERSION, None, reason)
        self._state, self._offers = _State.GREETED, hello.offers
        return HelloReceived(hello.edge, hello.offers)

    def _segment(self, segment: Segment, data: bytes) -> list[CloudEvent]:
        at = self._streams.get(segment.camera)
        if at is None or at.stream != segment.stream:
            return [self._not_offered(segment.camera)]
        if segment.number <= at.number:
            return [DuplicateReceived(segment.camera, segment.stream, segment.number)]
        events: list[CloudEvent] = []
        if segment.number == at.number + 1:
            if segment.previous != at.digest:
                reason = f"segment {segment.number} does not follow from the one before"
                return [Violation(Refusal.OUT_OF_ORDER, segment.camera, reason)]
        elif segment.number == at.first:
            gap = GapReported(segment.camera, segment.stream, at.number + 1, segment.number - 1)
            events.append(gap)
        else:
            reason = f"segment {segment.number} came after {at.number}"
            return [Violation(Refusal.OUT_OF_ORDER, segment.camera, reason)]
        at.number, at.digest = segment.number, chain_digest(data)
        return [*events, SegmentReceived(segment, data, at.digest)]

    @staticmethod
    def _not_offered(camera: str) -> Violation:
        return Violation(Refusal.OUT_OF_ORDER, camera, "not a camera and stream of the hello")


# The edge's side ----------------------------------------------------------------------------


@dataclass(slots=True)
class _Departures:
    """One stream as the edge sees it during one connection."""

    stream: bytes
    next: int
    acked: int


class EdgeSession:
    """The connection to the cloud as the edge sees it.

    Args:
        edge: this edge's id.
        offers: what the spool holds now, one per camera.
        digest_of: ``(camera, number)`` → the chain digest that the spool remembers for this
            segment, or None where it no longer knows.
        window: segments per camera that may wait for an acknowledgement.
    """

    def __init__(
        self,
        edge: bytes,
        offers: Iterable[Offer],
        digest_of: Callable[[str, int], bytes | None],
        *,
        window: int = WINDOW,
    ) -> None:
        self.malformed_refusals = 0
        self._edge, self._offers, self._digest_of = edge, tuple(offers), digest_of
        self._window = window
        self._state = _State.NEW
        self._streams: dict[str, _Departures] = {}

    @property
    def closed(self) -> bool:
        """Whether this connection is to be closed."""
        return self._state is _State.CLOSED

    @property
    def is_open(self) -> bool:
        """Whether the cloud has let this edge in, and nothing has ended it yet."""
        return self._state is _State.OPEN

    @property
    def cameras(self) -> tuple[str, ...]:
        """Cameras that were offered, in order."""
        return tuple(offer.camera for offer in self._offers)

    def hello(self) -> bytes:
        """First message of a connection."""
        if self._state is not _State.NEW:
            raise ValueError("hello is said once")
        self._state = _State.GREETED
        return encode(Hello(PROTOCOL_VERSION, self._edge, self._offers))

    def receive(self, data: bytes) -> list[EdgeEvent]:
        """What one message of the cloud means.

        Raises:
            WireError: not a message, or not in its place; close and connect again.
        """
        if self.closed:
            return []
        message = decode_from_cloud(data)
        match message:
            case Welcome():
                return self._welcome(message)
            case Ack():
                return self._ack(message)
            case Refuse():
                if message.code is Refusal.MALFORMED and self._state is _State.OPEN:
                    self.malformed_refusals += 1
                else:
                    self._state = _State.CLOSED
                return [Refused(message.code, message.camera)]

    def next_number(self, camera: str) -> int | None:
        """Number of the segment to send next, or None while the window is full or shut."""
        if self._state is not _State.OPEN:
            return None
        at = self._streams[camera]
        return at.next if at.next - at.acked <= self._window else None

    def segment(self, camera: str, stream: bytes, number: int, encoded: bytes) -> bytes:
        """Send a segment as it lies in the spool.

        Raises:
            WireError: it is not the one that `next_number` asks for, because the spool dropped
                its oldest meanwhile; connect again, so that `hello` declares the gap.
        """
        at = self._streams[camera]
        if at.stream != stream or number != self.next_number(camera):
            raise WireError(f"{camera}: segment {at.next} is gone from the spool; reconnecting")
        at.next += 1
        return encoded

    def status(self, status: Status) -> bytes:
        """Send a camera's health; only once open."""
        self._require_open()
        return encode(status)

    def all_acknowledged(self) -> bool:
        """Whether nothing that was sent still waits for the cloud."""
        return self._state is _State.OPEN and all(
            at.acked == at.next - 1 for at in self._streams.values()
        )

    def bye(self) -> bytes:
        """Say farewell; nothing can be sent afterwards."""
        self._require_open()
        self._state = _State.CLOSED
        return encode(Bye())

    def _require_open(self) -> None:
        if self._state is not _State.OPEN:
            raise ValueError("the cloud has not let this edge in")

    def _welcome(self, welcome: Welcome) -> list[EdgeEvent]:
        if self._state is not _State.GREETED:
            raise WireError("cloud: welcome answers hello, once")
        cursors = {(c.camera, c.stream): c for c in welcome.cursors}
        if len(cursors) != len(self._offers) or any(
            (offer.camera, offer.stream) not in cursors for offer in self._offers
        ):
            raise WireError("cloud: welcome does not answer what was offered")
        self._state = _State.OPEN
        events: list[EdgeEvent] = [Welcomed()]
        for offer in self._offers:
            cursor = cursors[offer.camera, offer.stream]
            known = self._digest_of(offer.camera, cursor.number)
            if cursor.number > offer.last or (known is not None and known != cursor.digest):
                self._state = _State.CLOSED
                events.append(Diverged(offer.camera, offer.stream))
                continue
            # Behind a gap nothing is left to wait for: the window starts at what is held.
            done = max(cursor.number, offer.first - 1)
            self._streams[offer.camera] = _Departures(offer.stream, done + 1, done)
            if cursor.number >= offer.first:
                events.append(Acknowledged(offer.camera, offer.stream, cursor.number))
        return events

    def _ack(self, ack: Ack) -> list[EdgeEvent]:
        if self._state is not _State.OPEN:
            raise WireError("cloud: nothing can be acknowledged before the welcome")
        at = self._streams.get(ack.camera)
        if at is None or at.stream != ack.stream or ack.number >= at.next:
            raise WireError(f"cloud: acknowledged what was never sent ({ack.camera})")
        if ack.number <= at.acked:
            return []
        at.acked = ack.number
        return [Acknowledged(ack.camera, ack.stream, ack.number)]
