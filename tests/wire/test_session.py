"""The protocol as bytes, without a socket, a clock or a disk."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mizaru.errors import WireError
from mizaru.vocabulary import CameraState
from mizaru.wire import messages as m
from mizaru.wire.codec import encode
from mizaru.wire.session import (
    WINDOW,
    Acknowledged,
    ByeReceived,
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

EDGE = b"edge-edge-edge-1"
STREAM = b"stream-1"
OTHER = b"stream-2"

HELLO = b"\x94\xa5hello\x02\xc4\x10edge-edge-edge-1\x91\x94\xa1a\xc4\x08stream-1\x01\x03"
WELCOME = (
    b"\x93\xa7welcome\x02\x91\x94\xa1a\xc4\x08stream-1\x00\xc4\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
)
ACK_2 = b"\x94\xa3ack\xa1a\xc4\x08stream-1\x02"
BYE = b"\x91\xa3bye"
REFUSE_MALFORMED = b"\x93\xa6refuse\xa9malformed\xc0"
REFUSE_IN_USE = b"\x93\xa6refuse\xadcamera_in_use\xa1a"
STATUS = b"\x9d\xa6status\xa1a\xa5blind\x07\x00\x00\x00\x00\x00\x00\x00\x00\xc2"


def chain(count: int, *, camera: str = "a", stream: bytes = STREAM, start: int = 0) -> list[bytes]:
    """Encoded segments 1 … count of one stream."""
    encoded: list[bytes] = []
    previous = m.GENESIS
    for number in range(1, count + 1):
        representation = m.Representation(start + number, (start + number) * 100, b"", ())
        segment = m.Segment(camera, stream, number, previous, 4, 3, 0, (representation,))
        encoded.append(encode(segment))
        previous = m.chain_digest(encoded[-1])
    return encoded


def offer(first: int, last: int, camera: str = "a", stream: bytes = STREAM) -> m.Offer:
    return m.Offer(camera, stream, first, last)


def cursor(number: int, digest: bytes = m.GENESIS) -> m.Cursor:
    return m.Cursor("a", STREAM, number, digest)


def nothing_known(camera: str, number: int) -> bytes | None:
    return m.GENESIS if number == 0 else None


@pytest.fixture
def edge() -> EdgeSession:
    return EdgeSession(EDGE, [offer(1, 3)], nothing_known)


@pytest.fixture
def open_edge(edge: EdgeSession) -> EdgeSession:
    edge.hello()
    assert edge.receive(WELCOME) == [Welcomed()]
    return edge


@pytest.fixture
def cloud() -> CloudSession:
    return CloudSession()


@pytest.fixture
def open_cloud(cloud: CloudSession) -> CloudSession:
    cloud.receive(HELLO)
    cloud.welcome([cursor(0)])
    return cloud


class TestBytes:
    """Literal vectors: a change here is a new protocol version."""

    def test_hello(self, edge: EdgeSession, cloud: CloudSession) -> None:
        assert edge.hello() == HELLO
        assert cloud.receive(HELLO) == [HelloReceived(EDGE, (offer(1, 3),))]

    def test_welcome(self, cloud: CloudSession) -> None:
        cloud.receive(HELLO)
        assert cloud.welcome([cursor(0)]) == WELCOME

    def test_segment(self, open_edge: EdgeSession, open_cloud: CloudSession) -> None:
        data = (
            b"\x9b\xa7segment\xa1a\xc4\x08stream-1\x01\xc4\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
            b"\x04\x03\x00\x91\x98\xa5omega\x01\x64\xc4\x00\x90\xc0\0\0\xc0\xc0"
        )
        assert chain(1) == [data]
        assert open_edge.segment("a", STREAM, 1, data) == data
        (event,) = open_cloud.receive(data)
        assert isinstance(event, SegmentReceived)
        assert (event.segment.number, event.encoded) == (1, data)
        assert event.digest.hex() == "917c5f010a0ed223cf5f46c8fb7136c5"

    def test_ack(self, open_edge: EdgeSession, open_cloud: CloudSession) -> None:
        for number, data in enumerate(chain(2), start=1):
            open_edge.segment("a", STREAM, number, data)
            open_cloud.receive(data)
        assert open_cloud.ack("a", STREAM, 2) == ACK_2
        assert open_edge.receive(ACK_2) == [Acknowledged("a", STREAM, 2)]

    def test_status(self, open_edge: EdgeSession, open_cloud: CloudSession) -> None:
        status = m.Status("a", CameraState.BLIND, 7)
        assert open_edge.status(status) == STATUS
        assert open_cloud.receive(STATUS) == [StatusReceived(status)]

    def test_bye(self, open_edge: EdgeSession, open_cloud: CloudSession) -> None:
        assert open_edge.bye() == BYE
        assert open_edge.closed
        assert open_cloud.receive(BYE) == [ByeReceived()]
        assert open_cloud.closed

    def test_refusals(self, edge: EdgeSession, cloud: CloudSession) -> None:
        cloud.receive(HELLO)
        assert cloud.refuse(m.Refusal.MALFORMED) == REFUSE_MALFORMED
        assert not cloud.closed
        assert cloud.refuse(m.Refusal.CAMERA_IN_USE, "a") == REFUSE_IN_USE
        assert cloud.closed
        edge.hello()
        assert edge.receive(REFUSE_IN_USE) == [Refused(m.Refusal.CAMERA_IN_USE, "a")]
        assert edge.closed


class TestCloud:
    """What the cloud accepts."""

    def test_a_segment_again_is_a_duplicate_and_can_be_acknowledged_again(
        self, open_cloud: CloudSession
    ) -> None:
        first, second = chain(2)
        open_cloud.receive(first)
        open_cloud.receive(second)
        assert open_cloud.receive(first) == [DuplicateReceived("a", STREAM, 1)]
        assert open_cloud.receive(second) == [DuplicateReceived("a", STREAM, 2)]
        assert open_cloud.ack("a", STREAM, 2) == open_cloud.ack("a", STREAM, 2)

    def test_it_goes_on_from_the_cursor(self, cloud: CloudSession) -> None:
        first, second = chain(2)
        cloud.receive(HELLO)
        cloud.welcome([cursor(1, m.chain_digest(first))])
        assert cloud.receive(first) == [DuplicateReceived("a", STREAM, 1)]
        (event,) = cloud.receive(second)
        assert isinstance(event, SegmentReceived)

    def test_a_declared_gap_is_reported_and_accepted(self, cloud: CloudSession) -> None:
        segments = chain(7)
        cloud.receive(encode(m.Hello(2, EDGE, (offer(5, 7),))))
        cloud.welcome([cursor(2, m.chain_digest(segments[1]))])
        gap, event = cloud.receive(segments[4])
        assert gap == GapReported("a", STREAM, 3, 4)
        assert isinstance(event, SegmentReceived)
        (event,) = cloud.receive(segments[5])
        assert isinstance(event, SegmentReceived)

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            pytest.param(chain(2)[1], "came after 0", id="a hole"),
            pytest.param(chain(3)[2], "came after 0", id="a larger hole"),
            pytest.param(chain(1, stream=OTHER)[0], "hello", id="another stream"),
            pytest.param(chain(1, camera="b")[0], "hello", id="another camera"),
            pytest.param(encode(m.Status("b", CameraState.BLIND, 7)), "hello", id="its status"),
            pytest.param(HELLO, "once", id="hello again"),
        ],
    )
    def test_what_is_out_of_order_is_refused(
        self, open_cloud: CloudSession, data: bytes, words: str
    ) -> None:
        (event,) = open_cloud.receive(data)
        assert isinstance(event, Violation)
        assert event.code is m.Refusal.OUT_OF_ORDER
        assert words in event.reason
        open_cloud.refuse(event.code, event.camera)
        assert open_cloud.receive(chain(1)[0]) == []

    def test_a_gap_is_accepted_at_its_declared_end_only(self, cloud: CloudSession) -> None:
        segments = chain(7)
        cloud.receive(encode(m.Hello(2, EDGE, (offer(5, 7),))))
        cloud.welcome([cursor(2, m.chain_digest(segments[1]))])
        (event,) = cloud.receive(segments[5])
        assert isinstance(event, Violation)

    def test_a_broken_chain_is_refused(self, open_cloud: CloudSession) -> None:
        open_cloud.receive(chain(1)[0])
        (event,) = open_cloud.receive(chain(2, start=50)[1])
        assert isinstance(event, Violation)
        assert "follow" in event.reason

    @pytest.mark.parametrize("data", [chain(1)[0], STATUS, BYE])
    def test_nothing_comes_before_the_welcome(self, cloud: CloudSession, data: bytes) -> None:
        for _ in range(2):
            (event,) = cloud.receive(data)
            assert isinstance(event, Violation)
            cloud.receive(HELLO)

    def test_another_version_is_refused(self, cloud: CloudSession) -> None:
        (event,) = cloud.receive(encode(m.Hello(3, EDGE, (offer(1, 3),))))
        assert isinstance(event, Violation)
        assert event.code is m.Refusal.VERSION

    @pytest.mark.parametrize(
        "data", [b"", b"\xc1", b"\x91\xa5hello", BYE + b"\0", ACK_2, b"x" * 99]
    )
    def test_a_malformed_message_is_counted_and_survived(
        self, open_cloud: CloudSession, data: bytes
    ) -> None:
        (event,) = open_cloud.receive(data)
        assert isinstance(event, Malformed)
        assert open_cloud.malformed == 1
        open_cloud.refuse(m.Refusal.MALFORMED)
        (event,) = open_cloud.receive(chain(1)[0])
        assert isinstance(event, SegmentReceived)

    def test_a_message_over_every_bound_ends_the_connection_undecoded(
        self, open_cloud: CloudSession
    ) -> None:
        (event,) = open_cloud.receive(bytes(34_452))
        assert isinstance(event, Violation)
        assert event.code is m.Refusal.MALFORMED
        assert open_cloud.malformed == 1
        assert open_cloud.closed
        assert open_cloud.receive(chain(1)[0]) == []

    @pytest.mark.parametrize(
        "cursors",
        [
            [],
            [cursor(0), cursor(0)],
            [m.Cursor("b", STREAM, 0, m.GENESIS)],
            [m.Cursor("a", OTHER, 0, m.GENESIS)],
        ],
    )
    def test_the_welcome_answers_each_offer(
        self, cloud: CloudSession, cursors: list[m.Cursor]
    ) -> None:
        cloud.receive(HELLO)
        with pytest.raises(ValueError, match="exactly one cursor"):
            cloud.welcome(cursors)

    def test_only_what_came_can_be_acknowledged(self, open_cloud: CloudSession) -> None:
        first, second = chain(2)
        open_cloud.receive(first)
        open_cloud.receive(second)
        open_cloud.ack("a", STREAM, 2)
        for camera, stream, number in (
            ("a", STREAM, 3), ("a", STREAM, 1), ("a", OTHER, 2), ("b", STREAM, 1),
        ):  # fmt: skip
            with pytest.raises(ValueError, match=r"acknowledge|stream"):
                open_cloud.ack(camera, stream, number)


class TestEdge:
    """What the edge does and believes."""

    def test_nothing_is_sent_before_the_welcome(self, edge: EdgeSession) -> None:
        assert edge.next_number("a") is None
        edge.hello()
        assert edge.next_number("a") is None
        with pytest.raises(ValueError, match="let this edge in"):
            edge.status(m.Status("a", CameraState.BLIND, 0))
        with pytest.raises(ValueError, match="once"):
            edge.hello()

    def test_the_window_is_bounded_and_moves_with_acknowledgements(
        self, open_edge: EdgeSession
    ) -> None:
        for number, data in enumerate(chain(WINDOW), start=1):
            assert open_edge.next_number("a") == number
            open_edge.segment("a", STREAM, number, data)
        assert open_edge.next_number("a") is None
        open_edge.receive(ACK_2)
        assert open_edge.next_number("a") == WINDOW + 1
        assert not open_edge.all_acknowledged()

    @pytest.mark.parametrize("stored", [1, 2, 3])
    def test_it_goes_on_behind_the_cursor_and_forgets_up_to_it(self, stored: int) -> None:
        digest = m.chain_digest(chain(stored)[-1])
        edge = EdgeSession(EDGE, [offer(1, 3)], lambda _, n: digest if n == stored else None)
        edge.hello()
        welcome = encode(m.Welcome(2, (cursor(stored, digest),)))
        assert edge.receive(welcome) == [Welcomed(), Acknowledged("a", STREAM, stored)]
        assert edge.next_number("a") == stored + 1

    def test_behind_a_gap_it_begins_with_what_is_held(self) -> None:
        edge = EdgeSession(EDGE, [offer(50, 60)], lambda *_: None)
        edge.hello()
        assert edge.receive(WELCOME) == [Welcomed()]
        assert edge.next_number("a") == 50

    @pytest.mark.parametrize(
        ("known", "number"), [(m.GENESIS, 4), (b"another history!", 2), (b"another history!", 0)]
    )
    def test_another_history_is_noticed(self, known: bytes, number: int) -> None:
        edge = EdgeSession(EDGE, [offer(1, 3)], lambda *_: known)
        edge.hello()
        events = edge.receive(encode(m.Welcome(2, (cursor(number),))))
        assert Diverged("a", STREAM) in events
        assert edge.closed

    def test_a_hole_in_the_spool_is_not_sent(self, open_edge: EdgeSession) -> None:
        with pytest.raises(WireError, match="gone from the spool"):
            open_edge.segment("a", STREAM, 2, chain(2)[1])

    def test_acknowledgements_are_cumulative_and_old_ones_say_nothing(
        self, open_edge: EdgeSession
    ) -> None:
        for number, data in enumerate(chain(3), start=1):
            open_edge.segment("a", STREAM, number, data)
        assert open_edge.receive(ACK_2) == [Acknowledged("a", STREAM, 2)]
        assert open_edge.receive(ACK_2) == []
        assert open_edge.receive(encode(m.Ack("a", STREAM, 1))) == []
        assert open_edge.receive(encode(m.Ack("a", STREAM, 3))) == [Acknowledged("a", STREAM, 3)]
        assert open_edge.all_acknowledged()

    @pytest.mark.parametrize(
        "make",
        [
            lambda: encode(m.Ack("a", STREAM, 1)),
            lambda: encode(m.Ack("b", STREAM, 0)),
            lambda: encode(m.Ack("a", OTHER, 0)),
            lambda: WELCOME,
            lambda: HELLO,
            lambda: b"\xc1",
        ],
    )
    def test_nonsense_from_the_cloud_is_an_error(
        self, open_edge: EdgeSession, make: Callable[[], bytes]
    ) -> None:
        with pytest.raises(WireError):
            open_edge.receive(make())

    @pytest.mark.parametrize(
        "cursors",
        [
            (m.Cursor("b", STREAM, 0, m.GENESIS),),
            (m.Cursor("a", OTHER, 0, m.GENESIS),),
            (cursor(0), m.Cursor("b", STREAM, 0, m.GENESIS)),
        ],
    )
    def test_a_welcome_that_answers_something_else_is_an_error(
        self, edge: EdgeSession, cursors: tuple[m.Cursor, ...]
    ) -> None:
        edge.hello()
        with pytest.raises(WireError):
            edge.receive(encode(m.Welcome(2, cursors)))

    def test_malformed_is_survived_once_open_and_final_before(self, edge: EdgeSession) -> None:
        opened = EdgeSession(EDGE, [offer(1, 3)], nothing_known)
        opened.hello()
        opened.receive(WELCOME)
        assert opened.receive(REFUSE_MALFORMED) == [Refused(m.Refusal.MALFORMED, None)]
        assert not opened.closed
        edge.hello()
        edge.receive(REFUSE_MALFORMED)
        assert edge.closed
