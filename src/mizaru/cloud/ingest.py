"""Edges come in here: WebSockets around `mizaru.wire.session.CloudSession`.

All messages of all edges go through one queue to one task, which takes whatever waits (group
commit), has it understood and stored by the `Pipeline` in a thread, acknowledges it, and then
tells it. So order per camera is kept, one flush to disk serves many cameras, and an edge that
sends faster than the cloud can store is slowed down by TCP.

Wraps `websockets.exceptions.ConnectionClosed` (an edge went away).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, Protocol

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from mizaru.cloud.pipeline import Arrival, Pipeline, Said, StreamEnded
from mizaru.cloud.store import Gap, NewSegment, Store
from mizaru.errors import StorageFullError
from mizaru.vocabulary import CameraState
from mizaru.wire.budget import KEEPALIVE_S, MAX_FROM_EDGE_BYTES
from mizaru.wire.messages import Offer, Refusal, Status
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

EDGE_PATH: Final = "/edge"
MAX_MESSAGE_BYTES: Final = 2 * MAX_FROM_EDGE_BYTES
"""Beyond it a connection is closed unread; up to it the session says what is wrong."""
MAX_EDGES: Final = 256
MAX_CAMERAS: Final = 4096
MAX_WAITING: Final = 2048
"""Messages that may wait for the pipeline; behind it, edges wait."""
MAX_BATCH: Final = 1024
HELLO_TIMEOUT_S: Final = 10.0
SEND_TIMEOUT_S: Final = 5.0
MAX_COMPLAINTS: Final = 10
"""Malformed messages of one connection that are logged; all are counted."""
END_DELAY_S: Final = 5.0
"""A camera that said `ENDED` has ended when nothing more comes for this long."""

_log: Final = structlog.get_logger(__name__)


class Listener(Protocol):
    """Who wants to know what was stored."""

    async def told(self, said: Sequence[Said]) -> None:
        """Something that is on the disk now; in order."""
        ...

    def arrived(self, camera: str, size: int) -> None:
        """Bytes of a camera that crossed the wire."""
        ...

    def connected(self, cameras: Sequence[str], *, connected: bool) -> None:
        """Cameras whose edge came or went."""
        ...


@dataclass(slots=True)
class Counts:
    """What was counted since the start; see `mizaru.cloud.events.Counters`."""

    segments: int = 0
    representations: int = 0
    duplicates: int = 0
    missing: int = 0
    malformed: int = 0
    violations: int = 0
    refused: int = 0


@dataclass(eq=False, slots=True)
class Link:
    """One connection of one edge.

    Attributes:
        edge: its id, once it has said hello.
        stored: last stored number by camera, once it was let in.
        since_ms: wall clock when it came.
    """

    socket: ServerConnection
    session: CloudSession
    since_ms: int
    edge: bytes = b""
    streams: dict[str, bytes] = field(default_factory=dict)
    stored: dict[str, int] = field(default_factory=dict)
    is_live: bool = False


class _Gone:
    """The connection has closed."""


@dataclass(frozen=True, slots=True)
class _Quiet:
    """A camera that said `ENDED` has been quiet since."""

    camera: str


_Message = CloudEvent | _Gone | _Quiet


class Ingest:
    """The edge-facing half of the cloud.

    Args:
        listed: ids of the cameras in the settings.
        accept_unknown: whether an edge may bring others.
        worker: the one thread that may use ``pipeline`` and write to ``store``.
        now_ms: wall clock.
    """

    def __init__(
        self,
        *,
        store: Store,
        pipeline: Pipeline,
        listener: Listener,
        worker: ThreadPoolExecutor,
        listed: frozenset[str],
        accept_unknown: bool,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.counts = Counts()
        self.storage_full = False
        self._store, self._pipeline, self._listener = store, pipeline, listener
        self._worker, self._listed, self._accept_unknown = worker, listed, accept_unknown
        self._now_ms = now_ms
        self._abandoned = False
        self._links: set[Link] = set()
        self._owners: dict[str, Link] = {}
        self._ending: dict[str, asyncio.TimerHandle] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._queue: asyncio.Queue[tuple[Link | None, _Message]] = asyncio.Queue(MAX_WAITING)

    @property
    def live_links(self) -> list[Link]:
        """Edges that are let in, the longest connected first."""
        live = [link for link in self._links if link.is_live]
        return sorted(live, key=lambda link: (link.since_ms, link.edge))

    def serve(self, socket: Any) -> AbstractAsyncContextManager[Server]:
        """The WebSocket server on a bound socket, to be entered by the caller."""
        return serve(
            self._handle,
            sock=socket,
            max_size=MAX_MESSAGE_BYTES,
            compression=None,
            ping_interval=KEEPALIVE_S,
            ping_timeout=KEEPALIVE_S,
            close_timeout=2.0,
            # Browsers send an Origin and have no business here.
            origins=[None],
            process_request=_only_edges,
            server_header=None,
        )

    async def run(self) -> None:
        """Work through what arrives until cancelled; a batch that has begun is finished.

        Raises:
            StoreError: the database cannot be used any more.
        """
        while True:
            waiting = [await self._queue.get()]
            while len(waiting) < MAX_BATCH and not self._queue.empty():
                waiting.append(self._queue.get_nowait())
            await _finish(self._work(waiting))

    async def drain(self) -> None:
        """Work through what has already arrived; for the end, when `run` is cancelled."""
        while not self._queue.empty():
            waiting = [self._queue.get_nowait() for _ in range(self._queue.qsize())]
            await self._work(waiting)

    def abandon(self) -> None:
        """Nobody works any more: forget what waits, so that connections can end."""
        self._abandoned = True
        while not self._queue.empty():
            self._queue.get_nowait()

    # -- one connection -----------------------------------------------------------------------

    async def _handle(self, socket: ServerConnection) -> None:
        link = Link(socket, CloudSession(), self._now_ms())
        if len(self._links) >= MAX_EDGES:
            self.counts.refused += 1
            await self._refuse(link, Refusal.BUSY)
            return
        self._links.add(link)
        try:
            async with asyncio.timeout(HELLO_TIMEOUT_S):
                await self._receive(link, await socket.recv())
            async for data in socket:
                await self._receive(link, data)
                if link.session.closed:
                    break
        except TimeoutError:
            self.counts.violations += 1
            await self._refuse(link, Refusal.OUT_OF_ORDER)
        except ConnectionClosed as closed:
            if closed.sent is not None and closed.sent.code == 1009:  # too big
                self.counts.malformed += 1
                _log.warning("message too large; connection closed", edge=_name(link))
        finally:
            self._links.discard(link)
            await self._put(link, _Gone())

    async def _receive(self, link: Link, data: str | bytes) -> None:
        """One message: what is wrong is answered at once, the rest waits for its turn."""
        if isinstance(data, str):
            data = data.encode()
        for event in link.session.receive(data):
            match event:
                case Malformed(reason=reason):
                    self.counts.malformed += 1
                    if link.session.malformed <= MAX_COMPLAINTS:
                        _log.warning("message refused", edge=_name(link), reason=reason)
                    await self._refuse(link, Refusal.MALFORMED)
                case Violation(code=code, camera=camera, reason=reason):
                    if code is Refusal.MALFORMED:
                        self.counts.malformed += 1  # larger than any message can be
                    else:
                        self.counts.violations += 1
                    _log.warning("connection refused", edge=_name(link), reason=reason)
                    await self._refuse(link, code, camera)
                case SegmentReceived(segment=segment):
                    self._listener.arrived(segment.camera, len(data))
                    await self._put(link, event)
                case StatusReceived(status=status):
                    self._listener.arrived(status.camera, len(data))
                    await self._put(link, event)
                case DuplicateReceived(camera=camera):
                    self._listener.arrived(camera, len(data))
                    await self._put(link, event)
                case _:
                    await self._put(link, event)

    async def _put(self, link: Link, message: _Message) -> None:
        if not self._abandoned:
            await self._queue.put((link, message))

    async def _refuse(self, link: Link, code: Refusal, camera: str | None = None) -> None:
        await self._send(link, link.session.refuse(code, camera))
        if code is not Refusal.MALFORMED:
            # The other side has to take part in closing; nobody else waits for it.
            closing = asyncio.create_task(link.socket.close(1008, code.value))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def _send(self, link: Link, data: bytes) -> None:
        """Send, or drop an edge that does not read."""
        try:
            await asyncio.wait_for(link.socket.send(data), SEND_TIMEOUT_S)
        except TimeoutError:
            link.socket.transport.abort()
        except ConnectionClosed:
            pass  # `_handle` sees it too

    # -- all connections, one after the other ---------------------------------------------------

    async def _work(self, waiting: list[tuple[Link | None, _Message]]) -> None:
        """Take messages in order; runs of segments and status are understood together."""
        together: list[tuple[Link | None, _Message]] = []
        for link, message in waiting:
            if isinstance(message, HelloReceived | _Gone):
                await self._develop(together)
                together = []
                assert link is not None
                if isinstance(message, HelloReceived):
                    await self._greet(link, message)
                else:
                    self._release(link)
            else:
                together.append((link, message))
        await self._develop(together)

    async def _greet(self, link: Link, hello: HelloReceived) -> None:
        if link.session.closed:  # it said more before it was let in, and was refused for it
            return
        link.edge = hello.edge
        refusal = self._refusal(link, hello.offers)
        if refusal is not None:
            code, camera = refusal
            self.counts.refused += 1
            _log.warning("edge refused", edge=_name(link), reason=code.value, camera=camera)
            await self._refuse(link, code, camera)
            return
        for other in self._links | set(self._owners.values()):
            if other is not link and other.edge == link.edge:
                # Half-open or dead: the same edge would not come twice.
                self._release(other)
                other.socket.transport.abort()
        loop = asyncio.get_running_loop()
        cursors = await loop.run_in_executor(
            self._worker,
            lambda: [self._store.cursor(offer.camera, offer.stream) for offer in hello.offers],
        )
        if link.session.closed:  # … meanwhile
            return
        for cursor in cursors:
            link.streams[cursor.camera] = cursor.stream
            link.stored[cursor.camera] = cursor.number
            self._owners[cursor.camera] = link
        link.is_live = True
        _log.info("edge connected", edge=_name(link), cameras=sorted(link.streams))
        self._listener.connected(sorted(link.streams), connected=True)
        await self._send(link, link.session.welcome(cursors))

    def _refusal(self, link: Link, offers: Sequence[Offer]) -> tuple[Refusal, str | None] | None:
        cameras = [offer.camera for offer in offers]
        for camera in cameras:
            owner = self._owners.get(camera)
            if owner is not None and owner.edge != link.edge:
                return Refusal.CAMERA_IN_USE, camera
            if camera not in self._listed and not self._accept_unknown:
                return Refusal.UNKNOWN_CAMERA, camera
        if len(self._owners.keys() | set(cameras)) > MAX_CAMERAS:
            return Refusal.BUSY, None
        return None

    def _release(self, link: Link) -> None:
        """An edge went away, or comes anew; its cameras are free."""
        if not link.is_live:
            return
        link.is_live = False
        cameras = sorted(c for c, owner in self._owners.items() if owner is link)
        for camera in cameras:
            del self._owners[camera]
        _log.info("edge disconnected", edge=_name(link), cameras=cameras)
        self._listener.connected(cameras, connected=False)

    async def _develop(self, together: list[tuple[Link | None, _Message]]) -> None:
        """Understand, store, acknowledge, tell."""
        arrivals: list[Arrival] = []
        links: dict[Link, dict[str, int]] = {}
        duplicates = 0
        for link, message in together:
            if link is not None and not link.is_live:
                continue  # replaced meanwhile; what it sent comes again
            reached = links.setdefault(link, {}) if link is not None else {}
            match message:
                case SegmentReceived(segment=segment):
                    arrivals.append(
                        NewSegment(segment, message.encoded, message.digest, self._now_ms())
                    )
                    reached[segment.camera] = segment.number
                    self._postpone_end(segment.camera)
                case DuplicateReceived(camera=camera):
                    duplicates += 1
                    reached.setdefault(camera, 0)
                case GapReported(camera=camera, stream=stream, first=first, last=last):
                    arrivals.append(Gap(camera, stream, first, last, self._now_ms()))
                case StatusReceived(status=status):
                    arrivals.append(status)
                    self._expect_end(status)
                case ByeReceived():
                    assert link is not None
                    arrivals += [StreamEnded(camera) for camera in sorted(link.streams)]
                case _Quiet(camera=camera):
                    arrivals.append(StreamEnded(camera))
        if not arrivals and not duplicates:
            return
        loop = asyncio.get_running_loop()
        try:
            said = await loop.run_in_executor(self._worker, self._pipeline.process, arrivals)
        except StorageFullError as error:
            await self._give_up(list(links), error)
            return
        if self.storage_full:
            self.storage_full = False
            _log.warning("there is room again; edges are let in")
        self._count(arrivals, duplicates)
        for camera in [a.camera for a in arrivals if isinstance(a, StreamEnded)]:
            if (timer := self._ending.pop(camera, None)) is not None:
                timer.cancel()
        await asyncio.gather(*(self._acknowledge(link, r) for link, r in links.items()))
        await self._listener.told(said)

    async def _acknowledge(self, link: Link, reached: dict[str, int]) -> None:
        for camera, number in reached.items():
            link.stored[camera] = max(link.stored[camera], number)
            if not link.session.closed:
                ack = link.session.ack(camera, link.streams[camera], link.stored[camera])
                await self._send(link, ack)

    async def _give_up(self, links: Sequence[Link], error: StorageFullError) -> None:
        """Nothing was stored, so nothing is acknowledged: edges keep it and come again."""
        if not self.storage_full:
            self.storage_full = True
            _log.error("storage full; edges keep what they have", reason=str(error))
        for link in links:
            self._release(link)
            self.counts.refused += 1
        await asyncio.gather(*(self._refuse(link, Refusal.BUSY) for link in links))

    def _count(self, arrivals: Sequence[Arrival], duplicates: int) -> None:
        self.counts.duplicates += duplicates
        for arrival in arrivals:
            if isinstance(arrival, NewSegment):
                self.counts.segments += 1
                self.counts.representations += len(arrival.segment.representations)
            elif isinstance(arrival, Gap):
                self.counts.missing += arrival.last - arrival.first + 1

    # -- ends -------------------------------------------------------------------------------------

    def _expect_end(self, status: Status) -> None:
        """`ENDED` may overtake segments that still wait at the edge."""
        if (timer := self._ending.pop(status.camera, None)) is not None:
            timer.cancel()
        if status.state is CameraState.ENDED:
            self._arm(status.camera)

    def _postpone_end(self, camera: str) -> None:
        if (timer := self._ending.pop(camera, None)) is not None:
            timer.cancel()
            self._arm(camera)

    def _arm(self, camera: str) -> None:
        loop = asyncio.get_running_loop()
        self._ending[camera] = loop.call_later(END_DELAY_S, self._has_ended, camera)

    def _has_ended(self, camera: str) -> None:
        try:
            self._queue.put_nowait((None, _Quiet(camera)))
        except asyncio.QueueFull:
            self._arm(camera)


async def _finish(work: Coroutine[Any, Any, None]) -> None:
    """Await to the end, even if cancelled meanwhile; then be cancelled."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


def _only_edges(connection: ServerConnection, request: Request) -> Response | None:
    if request.path != EDGE_PATH:
        return connection.respond(
            HTTPStatus.NOT_FOUND, f"edges connect to {EDGE_PATH}; the dashboard is elsewhere\n"
        )
    return None


def _name(link: Link) -> str:
    return link.edge.hex()[:8] or "?"
