"""Fakes for everything around the edge: a darkroom that speaks a script, a cloud in memory."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from websockets import WebSocketException
from websockets.sync.server import Server, ServerConnection, serve

from mizaru.edge.segmenter import Draft
from mizaru.edge.spool import Spool
from mizaru.vocabulary import CameraState
from mizaru.wire.messages import (
    GENESIS,
    Cursor,
    Developed,
    Plate,
    PoseRecord,
    Refusal,
    Representation,
    Segment,
    Status,
)
from mizaru.wire.session import (
    ByeReceived,
    CloudEvent,
    CloudSession,
    DuplicateReceived,
    GapReported,
    HelloReceived,
    Malformed,
    SegmentReceived,
    StatusReceived,
    Violation,
)

WEBP = b"RIFF\x10\x00\x00\x00WEBPVP8L"


class FakeLog:
    """Remembers what was said."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, object]]] = []

    def info(self, event: str, **fields: object) -> None:
        self.lines.append(("info", event, fields))

    def warning(self, event: str, **fields: object) -> None:
        self.lines.append(("warning", event, fields))

    def error(self, event: str, **fields: object) -> None:
        self.lines.append(("error", event, fields))

    def count(self, text: str) -> int:
        return sum(text in event for _, event, _ in self.lines)


def counting_bytes() -> Callable[[int], bytes]:
    """Ids 1, 2, 3 …"""
    numbers = itertools.count(1)
    return lambda length: next(numbers).to_bytes(length, "big")


def representation(tick: int, poses: int = 1) -> Representation:
    records = tuple(PoseRecord(subject + 1, None, bytes(47)) for subject in range(poses))
    return Representation(tick, tick * 100, b"", records)


def developed(tick: int, poses: int = 1, *, width: int = 640) -> Developed:
    return Developed(representation(tick, poses), width, 360, tick * 100)


def draft(camera: str, ticks: Iterator[int] | range, plate: Plate | None = None) -> Draft:
    representations = tuple(representation(tick) for tick in ticks)
    return Draft(camera, 640, 360, representations[-1].t_ms, representations, plate)


def status(camera: str, state: CameraState, t_ms: int = 0) -> Status:
    return Status(camera, state, t_ms)


class FakeCloud:
    """A cloud with the real protocol and a real socket, that keeps everything in memory.

    ``segments[camera]`` is what was stored, in order; it survives `stop` and `start`.
    """

    def __init__(self) -> None:
        self.segments: dict[str, list[Segment]] = {}
        self.cursors: dict[tuple[str, bytes], Cursor] = {}
        self.statuses: list[Status] = []
        self.gaps: list[GapReported] = []
        self.hellos: list[HelloReceived] = []
        self.complaints: list[Malformed | Violation | DuplicateReceived] = []
        self.byes = 0
        self.refusal: tuple[Refusal, str | None] | None = None
        self.deaf = threading.Event()
        self.changed = threading.Condition()
        self.port = 0
        self._server: Server | None = None
        self._connections: set[ServerConnection] = set()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/edge"

    def start(self) -> None:
        self._server = serve(self._handle, "127.0.0.1", self.port, compression=None)
        self.port = self._server.socket.getsockname()[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Go away without a word, as a crash would."""
        if self._server is None:
            return
        for connection in list(self._connections):
            connection.close_socket()
        self._server.shutdown()
        self._server = None

    def wait(self, condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, timeout_s), "the cloud waited in vain"

    def ticks(self, camera: str) -> list[int]:
        return [r.frame_id for segment in self.segments[camera] for r in segment.representations]

    def _handle(self, connection: ServerConnection) -> None:
        session = CloudSession()
        self._connections.add(connection)
        with contextlib.suppress(OSError, WebSocketException):
            for data in connection:
                assert isinstance(data, bytes)
                with self.changed:
                    for event in session.receive(data):
                        answer = self._heed(session, event)
                        if answer is not None:
                            connection.send(answer)
                    self.changed.notify_all()
                if session.closed:
                    break
        self._connections.discard(connection)

    def _heed(self, session: CloudSession, event: CloudEvent) -> bytes | None:
        match event:
            case HelloReceived():
                self.hellos.append(event)
                if self.refusal is not None:
                    return session.refuse(*self.refusal)
                return session.welcome(
                    self.cursors.get((o.camera, o.stream)) or Cursor(o.camera, o.stream, 0, GENESIS)
                    for o in event.offers
                )
            case SegmentReceived():
                s = event.segment
                self.segments.setdefault(s.camera, []).append(s)
                self.cursors[s.camera, s.stream] = Cursor(
                    s.camera, s.stream, s.number, event.digest
                )
                return None if self.deaf.is_set() else session.ack(s.camera, s.stream, s.number)
            case GapReported():
                self.gaps.append(event)
            case StatusReceived():
                self.statuses.append(event.status)
            case DuplicateReceived():
                self.complaints.append(event)
                cursor = self.cursors[event.camera, event.stream]
                return session.ack(event.camera, event.stream, cursor.number)
            case Malformed():
                self.complaints.append(event)
                return session.refuse(Refusal.MALFORMED)
            case Violation():
                self.complaints.append(event)
                return session.refuse(event.code, event.camera)
            case ByeReceived():
                self.byes += 1
        return None


@pytest.fixture
def log() -> FakeLog:
    return FakeLog()


@pytest.fixture
def cloud() -> Iterator[FakeCloud]:
    """Started, on a free port."""
    fake = FakeCloud()
    fake.start()
    yield fake
    fake.stop()


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path / "s.sqlite", max_bytes=10**7, random_bytes=counting_bytes())
    yield spool
    spool.close()


@pytest.fixture
def random_bytes() -> Callable[[int], bytes]:
    return counting_bytes()


@pytest.fixture(name="draft")
def _draft() -> Callable[..., Draft]:
    """``draft(camera, ticks, plate=None)``"""
    return draft


@pytest.fixture(name="developed")
def _developed() -> Callable[..., Developed]:
    """``developed(tick, poses=1, width=640)``"""
    return developed


@pytest.fixture(name="plate")
def _plate() -> Plate:
    return Plate(WEBP, 50)


@pytest.fixture(name="status")
def _status() -> Callable[..., Status]:
    """``status(camera, state, t_ms=0)``"""
    return status
