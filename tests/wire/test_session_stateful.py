"""Both sessions over a network that loses, delays and repeats, with crashes on either side.

What survives a crash (spool and store) are plain lists here, written as slowly and plainly as
can be; the sessions may lose everything else at any moment.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)

from mizaru.vocabulary import CameraState
from mizaru.wire import messages as m
from mizaru.wire.codec import encode
from mizaru.wire.session import (
    WINDOW,
    Acknowledged,
    CloudSession,
    Diverged,
    DuplicateReceived,
    EdgeSession,
    GapReported,
    HelloReceived,
    Malformed,
    Refused,
    SegmentReceived,
    StatusReceived,
    Violation,
    Welcomed,
)

CAMERAS = ("a", "b")
EDGE = bytes(16)
cameras = st.sampled_from(CAMERAS)


@dataclass
class Spool:
    """One camera's spool: survives crashes of the edge."""

    camera: str
    stream: bytes
    held: dict[int, bytes] = field(default_factory=dict)
    digests: dict[int, bytes] = field(default_factory=lambda: {0: m.GENESIS})
    head: int = 0
    dropped: set[int] = field(default_factory=set)
    acknowledged: int = 0

    def append(self) -> None:
        number = self.head + 1
        segment = m.Segment(
            self.camera, self.stream, number, self.digests[self.head], 4, 3, 0,
            (m.Representation(number, number * 100, b"", ()),),
        )  # fmt: skip
        self.held[number] = encode(segment)
        self.digests[number] = m.chain_digest(self.held[number])
        self.head = number

    def offer(self) -> m.Offer:
        return m.Offer(self.camera, self.stream, min(self.held, default=self.head + 1), self.head)


@dataclass
class Store:
    """One camera's store: survives crashes of the cloud."""

    cursor: m.Cursor
    numbers: list[int] = field(default_factory=list)
    gaps: list[tuple[int, int]] = field(default_factory=list)


class Wire(RuleBasedStateMachine):
    """The network carries bytes in order while a connection lives; what is under way when it
    breaks is lost. The cloud stores later than it receives, and acknowledges later still."""

    def __init__(self) -> None:
        super().__init__()
        self.spools = {c: Spool(c, bytes(7) + c.encode()) for c in CAMERAS}
        self.stores = {c: Store(m.Cursor(c, self.spools[c].stream, 0, m.GENESIS)) for c in CAMERAS}
        self.sent: list[tuple[str, int, bytes]] = []
        self.disconnect()

    def disconnect(self) -> None:
        self.edge: EdgeSession | None = None
        self.cloud: CloudSession | None = None
        self.up: deque[bytes] = deque()
        self.down: deque[bytes] = deque()
        self.received: deque[SegmentReceived | GapReported] = deque()
        self.sent_now: list[bytes] = []

    # What happens at any time

    @rule(camera=cameras, count=st.integers(1, 4))
    def produce(self, camera: str, count: int) -> None:
        for _ in range(count):
            self.spools[camera].append()

    @rule(camera=cameras, count=st.integers(1, 3))
    def overflow(self, camera: str, count: int) -> None:
        spool = self.spools[camera]
        for number in sorted(spool.held)[:count]:
            del spool.held[number]
            spool.dropped.add(number)

    @precondition(lambda self: self.edge is None)
    @rule()
    def connect(self) -> None:
        self.edge = EdgeSession(
            EDGE,
            [self.spools[camera].offer() for camera in CAMERAS],
            lambda camera, number: self.spools[camera].digests.get(number),
        )
        self.cloud = CloudSession()
        self.up.append(self.edge.hello())

    @rule()
    def lose_connection_or_crash(self) -> None:
        """To the protocol a cut cable, kill -9 of the edge and kill -9 of the cloud are one:
        spool and store stay, the rest is gone."""
        self.disconnect()

    @precondition(lambda self: self.edge is not None and self.edge.is_open)
    @rule(camera=cameras, count=st.integers(1, WINDOW + 2))
    def edge_sends(self, camera: str, count: int) -> None:
        for _ in range(count):
            assert self.edge is not None
            number = self.edge.next_number(camera)
            if number is None:
                return
            later = sorted(n for n in self.spools[camera].held if n >= number)
            if not later:
                return
            if later[0] != number:
                self.disconnect()  # a hole: say hello again
                return
            spool = self.spools[camera]
            data = self.edge.segment(camera, spool.stream, number, spool.held[number])
            self.up.append(data)
            self.sent.append((camera, number, data))
            self.sent_now.append(data)
            assert number - spool.acknowledged - len(spool.dropped) <= WINDOW

    @precondition(lambda self: self.edge is not None and self.edge.is_open)
    @rule(camera=cameras)
    def edge_says_status(self, camera: str) -> None:
        assert self.edge is not None
        self.up.append(self.edge.status(m.Status(camera, CameraState.STREAMING, 0)))

    @precondition(lambda self: self.up and self.cloud is not None)
    @rule(count=st.integers(1, 20))
    def deliver_up(self, count: int) -> None:
        for _ in range(min(count, len(self.up))):
            self.to_cloud(self.up.popleft())

    @precondition(lambda self: self.down)
    @rule(count=st.integers(1, 20))
    def deliver_down(self, count: int) -> None:
        for _ in range(min(count, len(self.down))):
            self.to_edge(self.down.popleft())
            if self.edge is None:
                return

    @precondition(lambda self: self.edge is not None and self.edge.is_open)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """Bytes that came before come again: from this connection, or stored long ago."""
        stored = [d for c, n, d in self.sent if n in self.stores[c].numbers]
        if candidates := self.sent_now + stored:
            self.up.append(data.draw(st.sampled_from(candidates)))

    @precondition(lambda self: self.cloud is not None)
    @rule(data=st.binary(max_size=40))
    def garble(self, data: bytes) -> None:
        assert self.cloud is not None
        before = self.cloud.malformed
        events = self.cloud.receive(b"\xc1" + data)
        assert [type(event) for event in events] in ([Malformed], [])
        if events:
            assert self.cloud.malformed == before + 1
            self.down.append(self.cloud.refuse(m.Refusal.MALFORMED))

    @precondition(lambda self: self.received)
    @rule(count=st.integers(1, 20))
    def store(self, count: int) -> None:
        for _ in range(count):
            if not self.received:
                return
            event = self.received.popleft()
            if isinstance(event, GapReported):
                self.stores[event.camera].gaps.append((event.first, event.last))
                # A gap is stored together with the segment behind it.
                event = self.received.popleft()
            assert isinstance(event, SegmentReceived)
            segment = event.segment
            store = self.stores[segment.camera]
            store.numbers.append(segment.number)
            store.cursor = m.Cursor(segment.camera, segment.stream, segment.number, event.digest)

    @precondition(
        lambda self: self.cloud is not None and self.edge is not None and self.edge.is_open
    )
    @rule(camera=cameras)
    def acknowledge(self, camera: str) -> None:
        cursor = self.stores[camera].cursor
        assert self.cloud is not None
        self.down.append(self.cloud.ack(camera, cursor.stream, cursor.number))

    # The two sides' answers

    def to_cloud(self, data: bytes) -> None:
        assert self.cloud is not None
        for event in self.cloud.receive(data):
            match event:
                case HelloReceived():
                    self.down.append(
                        self.cloud.welcome(self.stores[o.camera].cursor for o in event.offers)
                    )
                case SegmentReceived() | GapReported():
                    self.received.append(event)
                case DuplicateReceived() | StatusReceived():
                    pass
                case Violation():
                    raise AssertionError(event)

    def to_edge(self, data: bytes) -> None:
        assert self.edge is not None
        for event in self.edge.receive(data):
            match event:
                case Acknowledged():
                    spool = self.spools[event.camera]
                    assert event.number in self.stores[event.camera].numbers
                    spool.acknowledged = max(spool.acknowledged, event.number)
                    for number in [n for n in spool.held if n <= event.number]:
                        del spool.held[number]
                case Refused(code=m.Refusal.MALFORMED):
                    if self.edge.closed:  # it came instead of the welcome
                        self.disconnect()
                        return
                case Diverged():
                    raise AssertionError(event)
                case Welcomed():
                    pass

    # The laws

    @invariant()
    def nothing_is_stored_twice_or_out_of_order(self) -> None:
        for store in self.stores.values():
            assert store.numbers == sorted(set(store.numbers))

    @invariant()
    def nothing_acknowledged_is_lost(self) -> None:
        for camera, spool in self.spools.items():
            gone = set(range(1, spool.head + 1)) - set(spool.held)
            stored = set(self.stores[camera].numbers)
            assert gone <= stored | spool.dropped

    @invariant()
    def holes_are_reported_and_were_dropped(self) -> None:
        for camera, store in self.stores.items():
            reported = {n for first, last in store.gaps for n in range(first, last + 1)}
            assert reported == set(range(1, max(store.numbers, default=0) + 1)) - set(store.numbers)
            assert reported <= self.spools[camera].dropped

    def teardown(self) -> None:
        """However it went: given a connection and time, all that is held is delivered."""
        for _ in range(10_000):
            if self.edge is None:
                self.connect()
            if self.up:
                self.deliver_up(20)
            if self.received:
                self.store(20)
            if self.edge is not None and self.edge.is_open:
                for camera in CAMERAS:
                    self.acknowledge(camera)
            if self.down:
                self.deliver_down(20)
            for camera in CAMERAS:
                if self.edge is not None and self.edge.is_open:
                    self.edge_sends(camera, WINDOW)
            if not any(spool.held for spool in self.spools.values()):
                break
        for camera, spool in self.spools.items():
            assert not spool.held
            missing = set(range(1, spool.head + 1)) - set(self.stores[camera].numbers)
            assert missing <= spool.dropped
        self.nothing_is_stored_twice_or_out_of_order()
        self.holes_are_reported_and_were_dropped()


TestWire = Wire.TestCase
TestWire.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
