"""The cloud program: wiring, start and stop."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import errno
import json
import os
import secrets
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

import structlog
import uvicorn

from mizaru import __version__
from mizaru.cloud.api import View, build_app
from mizaru.cloud.events import ConnectedEdge, Counters, Health, IncidentEvent, StatusEvent
from mizaru.cloud.incident import IncidentChange, Judgement, Verdict
from mizaru.cloud.ingest import Ingest
from mizaru.cloud.live import Live
from mizaru.cloud.moment import Moment, incident_event, instant, status_event
from mizaru.cloud.pipeline import Pipeline, Recognition, Said, StreamEnded, changes
from mizaru.cloud.settings import CloudSettings, complaints, split_address
from mizaru.cloud.sink import JsonLines, Line, open_lines
from mizaru.cloud.store import PURGE_STEP, Store
from mizaru.cloud.tally import Tallies
from mizaru.errors import PortInUseError, SettingsError, StorageFullError
from mizaru.ledger.calibration import Card, read_cards
from mizaru.wire.messages import Status

PURGE_PERIOD_S: Final = 3600.0
STOP_TIMEOUT_S: Final = 3

T = TypeVar("T")

_log: Final = structlog.get_logger(__name__)


def run_cloud(
    settings: CloudSettings,
    *,
    json_lines: str | None = None,
    ready_file: Path | None = None,
) -> None:
    """Run the cloud until SIGTERM or SIGINT; returns after everything stored has been told.

    Args:
        json_lines: where they go: a file, ``-`` for standard output, None for nowhere.
        ready_file: written once both addresses listen: ``{"api": "host:port", "edge":
            "host:port"}``, whole or not at all.

    Raises:
        SettingsError: an address beyond loopback, a card that cannot be used.
        DataError: the shipped card of the encoder is damaged.
        PortInUseError: before anything is written.
        StoreError, StorageFullError: the database cannot be used.
    """
    for key, message in complaints(settings):
        raise SettingsError(message, key=key)
    with ExitStack() as stack:
        api_socket = stack.enter_context(listen("cloud.listen", settings.listen))
        edge_socket = stack.enter_context(listen("cloud.edge_listen", settings.edge_listen))
        store = Store(Path(settings.store.path))
        stack.callback(store.close)
        cloud = Cloud(settings, store, stack.enter_context(open_lines(json_lines)))
        stack.callback(cloud.close)
        asyncio.run(_until_signal(cloud, api_socket, edge_socket, ready_file))


async def _until_signal(
    cloud: Cloud, api_socket: socket.socket, edge_socket: socket.socket, ready_file: Path | None
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await cloud.serve(api_socket, edge_socket, stop, ready_file=ready_file)


class Cloud:
    """One running cloud: what arrives is stored, then told to everyone who listens.

    It is the `mizaru.cloud.ingest.Listener` that passes on what was stored.
    """

    def __init__(self, settings: CloudSettings, store: Store, sink: JsonLines) -> None:
        self._settings, self._store, self._sink = settings, store, sink
        self._started = time.monotonic()
        cameras = {camera.id: camera for camera in settings.camera}
        recognition = Recognition.of_this_release(local_time=_local_time, new_id=new_incident_id)
        self._pipeline = Pipeline(store, cameras, recognition)
        # Of each kind one: the first keeps the order of what is stored, the second of lines.
        self._worker = ThreadPoolExecutor(1, "mizaru-store")
        self._writer = ThreadPoolExecutor(1, "mizaru-lines")
        self._tallies = Tallies()
        self._live = Live(time.monotonic)
        self._last_status: dict[str, Status] = {}
        self._connected: set[str] = set()
        self._ingest = Ingest(
            store=store,
            pipeline=self._pipeline,
            listener=self,
            worker=self._worker,
            listed=frozenset(cameras),
            accept_unknown=settings.accept_unknown_cameras,
            now_ms=_now_ms,
        )
        self._view = View(store, self._live, cameras, self.health, self, _cards(settings))

    def close(self) -> None:
        """Let the threads go."""
        self._worker.shutdown()
        self._writer.shutdown()

    async def serve(
        self,
        api_socket: socket.socket,
        edge_socket: socket.socket,
        stop: asyncio.Event,
        *,
        ready_file: Path | None = None,
    ) -> None:
        """Serve on two bound sockets until told to stop; what was stored by then is told."""
        await self._resume()
        web = _web_server(self._view, split_address(self._settings.listen)[0])
        async with contextlib.AsyncExitStack() as stack:
            web_task = asyncio.create_task(web.serve([api_socket]))
            stack.push_async_callback(_stop_web, web, web_task)
            ingest_task = asyncio.create_task(self._ingest.run())
            stack.push_async_callback(_cancel, ingest_task)
            stack.callback(self._ingest.abandon)
            purge_task = asyncio.create_task(self._purge())
            stack.push_async_callback(_cancel, purge_task)
            edges = await stack.enter_async_context(self._ingest.serve(edge_socket))
            while not web.started and not web_task.done():
                await asyncio.sleep(0.01)
            self._say_ready(api_socket, edge_socket, ready_file)
            stopping = asyncio.create_task(stop.wait())
            stack.push_async_callback(_cancel, stopping)
            running = (web_task, ingest_task, purge_task)
            await asyncio.wait((stopping, *running), return_when=asyncio.FIRST_COMPLETED)
            for task in running:
                if task.done():
                    task.result()  # an error ends the program
            _log.info("stopping")
            edges.close()
            await edges.wait_closed()
            await _cancel(ingest_task)
            await self._ingest.drain()
            await self._write(self._tallies.finish_all())

    # -- what operators say -----------------------------------------------------------------------

    async def judge(self, incident_id: str, verdict: Verdict | None, note: str) -> IncidentEvent:
        """Store an operator's word, adapt the camera, and tell the other operators."""
        stored = await self._work(
            lambda: self._pipeline.judge(incident_id, verdict, note, now_ms=_now_ms())
        )
        event = incident_event(stored.incident, None, stored.judgement)
        _log.info(
            "incident judged",
            camera=event.camera,
            behavior=event.behavior.value,
            verdict=None if verdict is None else verdict.value,
            id=event.id,
        )
        self._live.publish(event)
        if self._sink.is_open:
            await self._write([event])
        return event

    async def discount(self, camera: str) -> None:
        """Make a camera as sensitive as if nobody had said anything."""
        await self._work(lambda: self._pipeline.discount(camera))
        _log.info("sensitivity reset", camera=camera)

    async def _work(self, task: Callable[[], T]) -> T:
        """Do something in the one thread that may write."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, task)

    # -- what was stored is told ------------------------------------------------------------------

    async def told(self, said: Sequence[Said]) -> None:
        """Count it, show it to viewers, write its lines."""
        now_ms = _now_ms()
        lines: list[Moment | Line] = []
        judgements = await self._judgements(said)
        for event in said:
            match event:
                case Moment():
                    self._tallies.count_moment(event, now_ms)
                    self._live.publish(event)
                    lines.append(event)
                    lines += [self._publish_change(c, judgements) for c in event.changes]
                case IncidentChange():
                    self._tallies.count_change(event)
                    lines.append(self._publish_change(event, judgements))
                case Status():
                    self._tallies.count_status(event)
                    self._last_status[event.camera] = event
                    lines.append(self._publish_status(event))
                case StreamEnded(camera=camera):
                    summary = self._tallies.finish(camera)
                    if summary is not None:
                        lines.append(summary)
        if self._sink.is_open:
            await self._write(lines)

    def arrived(self, camera: str, size: int) -> None:
        """Count what crossed the wire."""
        self._tallies.count_bytes(camera, size)

    def connected(self, cameras: Sequence[str], *, connected: bool) -> None:
        """Show which cameras have an edge."""
        (self._connected.update if connected else self._connected.difference_update)(cameras)
        for camera in cameras:
            if (status := self._last_status.get(camera)) is not None:
                self._live.publish(status_event(status, connected=connected))

    def health(self) -> Health:
        """How this cloud is, now."""
        counts = dataclasses.asdict(self._ingest.counts)
        counts["malformed"] += self._pipeline.unreadable
        counts["failures"] = self._pipeline.failures
        return Health(
            status="storage_full" if self._ingest.storage_full else "ok",
            version=__version__,
            uptime_s=round(time.monotonic() - self._started, 1),
            edges=tuple(
                ConnectedEdge(
                    edge=link.edge.hex()[:8],
                    cameras=tuple(sorted(link.streams)),
                    since=instant(link.since_ms),
                )
                for link in self._ingest.live_links
            ),
            viewers=self._live.viewers,
            counters=Counters(**counts, scenes_conflated=self._live.conflated),
        )

    async def _judgements(self, said: Sequence[Said]) -> Mapping[str, Judgement]:
        """What was said of incidents that changed; asked in the thread that writes, so that
        nothing older can be told after something newer."""
        ids = {change.incident.id for change in changes(said)}
        return await self._work(lambda: self._store.judgements(ids)) if ids else {}

    def _publish_change(
        self, change: IncidentChange, judgements: Mapping[str, Judgement]
    ) -> IncidentEvent:
        event = incident_event(change.incident, change.kind, judgements.get(change.incident.id))
        _log.info(
            f"incident {event.event}",
            camera=event.camera,
            behavior=event.behavior.value,
            severity=event.severity.value,
            id=event.id,
        )
        self._live.publish(event)
        return event

    def _publish_status(self, status: Status) -> StatusEvent:
        event = status_event(status, connected=status.camera in self._connected)
        self._live.publish(event)
        return event

    async def _write(self, lines: Sequence[Moment | Line]) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._writer, self._sink.write, map(_line, lines))

    # -- start, upkeep, end ----------------------------------------------------------------

    async def _resume(self) -> None:
        """Know what was last said; end what ended while nobody was there to end it."""
        loop = asyncio.get_running_loop()
        stored = await loop.run_in_executor(self._worker, self._store.cameras)
        for camera in stored.values():
            if camera.status is not None:
                self._last_status[camera.id] = camera.status
                self._live.publish(status_event(camera.status, connected=False))
        try:
            said = await loop.run_in_executor(self._worker, self._pipeline.close_ended)
        except StorageFullError as error:
            _log.error("storage full", reason=str(error))
            return
        await self.told(said)

    async def _purge(self) -> None:
        """Now and every hour, forget what is older than it may be."""
        loop = asyncio.get_running_loop()
        keep_ms = round(self._settings.store.keep_hours * 3_600_000)
        while True:
            before_ms, gone, step = _now_ms() - keep_ms, 0, PURGE_STEP
            try:
                while step == PURGE_STEP:
                    step = await loop.run_in_executor(self._worker, self._store.purge, before_ms)
                    gone += step
                if gone:
                    _log.info("old segments deleted", segments=gone)
            except StorageFullError as error:
                _log.error("old segments cannot be deleted", reason=str(error))
            await asyncio.sleep(PURGE_PERIOD_S)

    def _say_ready(
        self, api_socket: socket.socket, edge_socket: socket.socket, ready_file: Path | None
    ) -> None:
        api, edge = _address(api_socket), _address(edge_socket)
        _log.info("ready", dashboard=f"http://{api}", edges=f"ws://{edge}/edge")
        if ready_file is not None:
            whole = ready_file.with_name(f"{ready_file.name}.part")
            whole.write_text(json.dumps({"api": api, "edge": edge}) + "\n", encoding="utf-8")
            whole.replace(ready_file)


class _WebServer(uvicorn.Server):
    """uvicorn without its own ideas about signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _web_server(view: View, host: str) -> _WebServer:
    return _WebServer(
        uvicorn.Config(
            build_app(view, hosts=(host,)),
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            ws="websockets-sansio",
            ws_max_size=4096,  # viewers have nothing to say
            ws_per_message_deflate=False,
            limit_concurrency=1024,
            timeout_graceful_shutdown=STOP_TIMEOUT_S,
        )
    )


def _line(said: Moment | Line) -> Line:
    return said.result() if isinstance(said, Moment) else said


async def _stop_web(server: uvicorn.Server, task: asyncio.Task[None]) -> None:
    server.should_exit = True
    await asyncio.gather(task, return_exceptions=True)


async def _cancel(task: asyncio.Task[object]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _cards(settings: CloudSettings) -> Mapping[bytes, Card]:
    cards = read_cards(map(Path, settings.ledger.cards))
    if not cards:
        _log.warning("no card of an encoder: no calibrated lines", remedy="cloud.ledger.cards")
    return cards


def listen(key: str, address: str) -> socket.socket:
    """A socket that listens on ``host:port``; raises `PortInUseError`."""
    host, port = split_address(address)
    listening = socket.socket()
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUseError(
                f"{address}: another program listens there; stop it, or set {key} to "
                f'another port ("{host}:0": any free one)'
            ) from None
        raise SettingsError(f"cannot listen on {address}: {error.strerror}", key=key) from None
    listening.setblocking(False)
    return listening


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"{host}:{port}"


def new_incident_id() -> str:
    """Time first, so that ids sort, then chance: never the same twice."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _local_time(t_ms: int) -> datetime:
    return datetime.fromtimestamp(t_ms / 1000, UTC).astimezone()
