"""Moves bytes between the spool and the cloud; what they mean is `mizaru.wire.session`'s business.

Runs an asyncio loop in the thread that calls `Link.run`; `notify`, `say` and `finish` may be
called from any thread. Plain text is allowed on loopback only, checked in the settings and
again on the peer's address before the first message, in case ``localhost`` led elsewhere.

Wraps `OSError`, `TimeoutError` and `websockets.WebSocketException`: the cloud is down, which is
said once, and tried again with back-off.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Collection, Iterator
from typing import Final

import msgspec
import numpy as np
from websockets import ConnectionClosed, WebSocketException
from websockets.asyncio.client import ClientConnection, connect

from mizaru.edge.settings import is_loopback
from mizaru.edge.spool import Spool
from mizaru.edge.watch import Log
from mizaru.errors import RefusedError, SettingsError, StorageFullError, WireError
from mizaru.wire.budget import KEEPALIVE_S, MAX_FROM_CLOUD_BYTES
from mizaru.wire.messages import MAX_CAMERAS, STATUS_PERIOD_S, Offer, Refusal, Status
from mizaru.wire.session import (
    Acknowledged,
    Diverged,
    EdgeEvent,
    EdgeSession,
    Refused,
    Welcomed,
)

OPEN_TIMEOUT_S: Final = 5.0
CLOSE_TIMEOUT_S: Final = 2.0
FIRST_DELAY_S: Final = 0.25
LONGEST_DELAY_S: Final = 10.0

_REMEDIES: Final = {
    Refusal.VERSION: "update the older of edge and cloud",
    Refusal.CAMERA_IN_USE: "another edge sends it already; stop that one or rename the camera",
    Refusal.UNKNOWN_CAMERA: "list it under [[cloud.camera]] or set cloud.accept_unknown_cameras",
    Refusal.MALFORMED: "it does not understand this edge; update the older of the two",
}


def delays(generator: np.random.Generator) -> Iterator[float]:
    """Seconds to wait before each further attempt: doubling, with jitter, bounded."""
    longest = FIRST_DELAY_S
    while True:
        yield float(longest * generator.uniform(0.5, 1.0))
        longest = min(2 * longest, LONGEST_DELAY_S)


class _connect(connect):  # noqa: N801 - as the class it stands for
    """Follows no redirect: it could lead off this machine, or to a name server."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class _ConnectAgain(Exception):  # noqa: N818 - nothing is wrong, but hello must be said anew
    """What this edge offers has changed."""


class Link:
    """The connection of one edge to its cloud, for as long as the edge lives.

    Args:
        url: ``ws://`` on loopback.
        spool: where segments come from.
        cameras: ids of the cameras that are configured.
        generator: jitter of the back-off.
        log: says when the cloud comes and goes.
        tap: is handed every byte string that is sent; must not block.
    """

    def __init__(
        self,
        url: str,
        spool: Spool,
        *,
        cameras: Collection[str],
        generator: np.random.Generator,
        log: Log,
        tap: Callable[[bytes], None],
    ) -> None:
        self._url, self._spool, self._cameras = url, spool, tuple(cameras)
        self._generator, self._log, self._tap = generator, log, tap
        self._shunned: set[str] = set()
        self._statuses: dict[str, Status] = {}
        self._unsaid: set[str] = set()
        self._said_at: dict[str, float] = {}
        self._guard = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._finishing = False
        self._deadline: float | None = None
        self._delays = delays(generator)
        self._down = False
        self._disk_full = False
        self._finished = False

    def notify(self) -> None:
        """There is something new in the spool."""
        self._rouse()

    def say(self, status: Status) -> None:
        """Send a camera's health soon; only the latest counts."""
        with self._guard:
            self._statuses[status.camera] = status
            self._unsaid.add(status.camera)
        self._rouse()

    def finish(self, limit_s: float | None = None) -> None:
        """No more segments will come: `run` returns once all is acknowledged and said.

        Args:
            limit_s: be in a hurry: return after so long in any case, or as soon as an attempt
                to reach the cloud fails; the spool keeps the rest.
        """
        with self._guard:
            self._finishing = True
            if limit_s is not None:
                self._deadline = time.monotonic() + limit_s
        self._rouse()

    def run(self) -> bool:
        """Serve until `finish`; returns whether everything held was acknowledged.

        Raises:
            RefusedError: the cloud will not have this edge.
            StoreError: the spool cannot be read.
        """
        return asyncio.run(self._run())

    def _rouse(self) -> None:
        with self._guard:
            loop = self._loop
        if loop is not None:
            # The loop may have ended meanwhile: then nobody needs to be woken.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._wake.set)

    async def _run(self) -> bool:
        with self._guard:
            self._loop = asyncio.get_running_loop()
        while True:
            begun, last_attempt = time.monotonic(), self._is_hurried()
            try:
                async with asyncio.timeout(None) as limit:
                    await self._connect(limit)
                self._say_down("it closed the connection")
            except _ConnectAgain:
                last_attempt = False
            except (OSError, TimeoutError, WebSocketException, WireError) as error:
                self._say_down(str(error) or type(error).__name__)
            if self._finished or last_attempt or self._is_overdue():
                return self._finished
            if time.monotonic() - begun > LONGEST_DELAY_S:
                self._delays = delays(self._generator)
            await self._pause(next(self._delays))

    async def _connect(self, limit: asyncio.Timeout) -> None:
        """One connection. Raises `TimeoutError` at the deadline."""
        watch = asyncio.create_task(self._keep_deadline(limit))
        try:
            async with _connect(
                self._url,
                proxy=None,
                compression=None,
                user_agent_header=None,
                open_timeout=OPEN_TIMEOUT_S,
                close_timeout=CLOSE_TIMEOUT_S,
                ping_interval=KEEPALIVE_S,
                ping_timeout=KEEPALIVE_S,
                max_size=MAX_FROM_CLOUD_BYTES,
            ) as socket:
                await self._converse(socket)
        finally:
            watch.cancel()

    async def _converse(self, socket: ClientConnection) -> None:
        """From hello until either side ends it."""
        if not is_loopback(socket.remote_address[0]):
            raise SettingsError("leads beyond this machine in plain text", key="edge.link.url")
        session = EdgeSession(self._spool.edge, self._offers(), self._spool.digest_of)
        await self._send(socket, session.hello())
        with self._guard:
            self._unsaid.update(self._statuses)
        self._said_at.clear()
        listener = asyncio.create_task(self._listen(socket, session))
        speaker = asyncio.create_task(self._speak(socket, session))
        try:
            await asyncio.wait((listener, speaker), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (listener, speaker):
                task.cancel()
            results = await asyncio.gather(listener, speaker, return_exceptions=True)
        for result in results:
            closed = isinstance(result, ConnectionClosed | asyncio.CancelledError)
            if isinstance(result, BaseException) and not closed:
                raise result

    async def _listen(self, socket: ClientConnection, session: EdgeSession) -> None:
        async for data in socket:
            if isinstance(data, str):
                raise WireError("cloud: text where messages are binary")
            for event in session.receive(data):
                self._heed(event, session.is_open)
            self._wake.set()
            if session.closed:
                return

    async def _speak(self, socket: ClientConnection, session: EdgeSession) -> None:
        while not session.closed:
            self._wake.clear()
            sent = False
            for camera in session.cameras:
                number = session.next_number(camera)
                held = None if number is None else self._spool.read(camera, number)
                if held is not None:
                    if held.number != number:
                        # The spool was full and dropped its oldest: a new hello declares it.
                        raise _ConnectAgain
                    data = session.segment(camera, held.stream, held.number, held.encoded)
                    await self._send(socket, data)
                    sent = True
            if sent or not session.is_open:
                if not sent:
                    await self._wake.wait()
                continue
            if self._finishing and session.all_acknowledged():
                # Said again even where nothing is new but that nothing waits any more.
                with self._guard:
                    self._unsaid.update(self._statuses)
                await self._say_statuses(socket, session, due_only=False)
                await self._send(socket, session.bye())
                self._finished = True
                return
            wait_s = await self._say_statuses(socket, session, due_only=True)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), wait_s)

    async def _say_statuses(
        self, socket: ClientConnection, session: EdgeSession, *, due_only: bool
    ) -> float | None:
        """Send what is due; returns seconds until the next is, None if none waits."""
        with self._guard:
            waiting = [self._statuses[camera] for camera in self._unsaid]
        wait_s: float | None = None
        for status in waiting:
            now = time.monotonic()
            due_s = self._said_at.get(status.camera, -STATUS_PERIOD_S) + STATUS_PERIOD_S - now
            if due_only and due_s > 0:
                wait_s = due_s if wait_s is None else min(due_s, wait_s)
                continue
            offer = self._spool.offer(status.camera)
            spooled = offer.last + 1 - offer.first
            with self._guard:
                if self._statuses[status.camera] is status:
                    self._unsaid.discard(status.camera)
            self._said_at[status.camera] = now
            message = session.status(msgspec.structs.replace(status, spooled=spooled))
            await self._send(socket, message)
        return wait_s

    async def _send(self, socket: ClientConnection, data: bytes) -> None:
        await socket.send(data)
        self._tap(data)

    def _heed(self, event: EdgeEvent, session_open: bool) -> None:
        match event:
            case Welcomed():
                self._down = False
                self._log.info("connected to the cloud", url=self._url)
            case Acknowledged():
                try:
                    self._spool.acknowledge(event.camera, event.stream, event.number)
                    self._disk_full = False
                    self._delays = delays(self._generator)
                except StorageFullError as error:
                    # It stays in the spool; the next acknowledgement covers it.
                    if not self._disk_full:
                        self._log.warning(str(error))
                    self._disk_full = True
            case Diverged():
                self._log.warning(
                    "the cloud knows another history of this camera; beginning a new stream",
                    camera=event.camera,
                )
                self._spool.renew(event.camera)
                raise _ConnectAgain
            case Refused(Refusal.MALFORMED) if session_open:
                self._log.warning("the cloud could not read a message of this edge")
            case Refused():
                self._refused(event.code, event.camera)

    def _refused(self, code: Refusal, camera: str | None) -> None:
        # `malformed` comes here only instead of a welcome.
        leftover = camera is not None and camera not in self._cameras
        if leftover and code in (Refusal.CAMERA_IN_USE, Refusal.UNKNOWN_CAMERA):
            self._log.warning(
                f"the cloud refused segments left from a camera that is no longer configured"
                f" ({code}); they stay in the spool",
                camera=camera,
            )
            self._shunned.add(str(camera))
            raise _ConnectAgain
        if code in _REMEDIES:
            what = f"camera {camera!r}" if camera else "this edge"
            raise RefusedError(f"cloud {self._url} refused {what} ({code}): {_REMEDIES[code]}")
        raise WireError(f"the cloud refused ({code})")

    def _offers(self) -> list[Offer]:
        """Configured cameras first, then what is left from others."""
        left = [c for c in self._spool.cameras() if c not in self._cameras + tuple(self._shunned)]
        return [self._spool.offer(camera) for camera in (*self._cameras, *left)[:MAX_CAMERAS]]

    def _say_down(self, reason: str) -> None:
        if self._finished or self._is_overdue():
            return
        if not self._down:
            self._log.warning(
                "cannot reach the cloud; keeping everything in the spool and trying again",
                url=self._url,
                reason=reason,
                spool=self._spool.path.name,
            )
        self._down = True

    def _is_hurried(self) -> bool:
        with self._guard:
            return self._deadline is not None

    def _is_overdue(self) -> bool:
        with self._guard:
            return self._deadline is not None and time.monotonic() >= self._deadline

    async def _pause(self, seconds: float) -> None:
        """Wait; somebody in a hurry gets the next attempt, which is the last, at once."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._is_hurried():
            await asyncio.sleep(min(left, 0.05))

    async def _keep_deadline(self, limit: asyncio.Timeout) -> None:
        while not self._is_overdue():
            await asyncio.sleep(0.05)
        limit.reschedule(asyncio.get_running_loop().time())
