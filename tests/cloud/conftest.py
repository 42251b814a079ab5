"""A camera that never was, and an edge made of the sans-I/O session."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from mizaru.cloud.main import Cloud, listen
from mizaru.cloud.recognize import DEFAULT_SENSITIVITY, Sensitivity
from mizaru.cloud.recognize.finding import Finding, Measured, Observation, Risk, SubjectFinding
from mizaru.cloud.settings import CloudSettings, StoreSettings
from mizaru.cloud.sink import open_lines
from mizaru.cloud.store import Store
from mizaru.log import configure_log
from mizaru.vocabulary import COCO17, Behavior, CameraState, Pose
from mizaru.wire.codec import box_xyxy, encode, pack_pose
from mizaru.wire.messages import (
    GENESIS,
    GRID_MS,
    MAX_REPRESENTATIONS,
    ChannelRecord,
    Embedding,
    Offer,
    Plate,
    Representation,
    Segment,
    Status,
    Withheld,
    chain_digest,
    plate_digest,
)
from mizaru.wire.session import Acknowledged, EdgeEvent, EdgeSession, Welcomed

START_MS = 1_760_000_000_000
STREAM = b"stream-1"

# A person who stands, seen from the front: rows in `COCO17` order, metres from the feet.
_STANDING = np.array(
    [
        (0.0, 1.62), (0.03, 1.65), (-0.03, 1.65), (0.07, 1.63), (-0.07, 1.63),
        (0.19, 1.42), (-0.19, 1.42), (0.24, 1.13), (-0.24, 1.13), (0.25, 0.87), (-0.25, 0.87),
        (0.12, 0.93), (-0.12, 0.93), (0.12, 0.5), (-0.12, 0.5), (0.12, 0.06), (-0.12, 0.06),
    ],
    dtype=np.float32,
)  # fmt: skip


def standing(subject: int, u: float = 0.5, feet_v: float = 0.9) -> Pose:
    """Somebody stands with feet at (u, feet_v), half the picture tall."""
    keypoints = np.ones((len(COCO17.keypoints), 3), dtype=np.float32)
    keypoints[:, 0] = u + _STANDING[:, 0] * 0.3 * 9 / 16
    keypoints[:, 1] = feet_v - _STANDING[:, 1] * 0.3
    return Pose(subject, keypoints)


def webp(seed: int = 0, size: int = 64) -> bytes:
    """Bytes that say they are WebP; nothing here ever decodes them."""
    body = np.random.default_rng(seed).bytes(size)
    return b"RIFF" + len(body).to_bytes(4, "little") + b"WEBP" + body


@dataclass
class Feed:
    """Makes a camera's numbered, chained segments.

    Attributes:
        encoded: every segment so far, as its bytes; number 1 first.
    """

    camera: str = "ward"
    stream: bytes = STREAM
    t_ms: int = START_MS
    frame_id: int = 0
    plate: bytes = b""
    encoded: list[bytes] = field(default_factory=list)

    def segment(
        self,
        *poses: Pose,
        count: int = MAX_REPRESENTATIONS,
        plate: bytes | None = None,
        captured_ms: int | None = None,
        channel: ChannelRecord | None = None,
        withheld: Withheld = Withheld.NOT,
    ) -> Segment:
        """The next segment: the same poses in each of its representations, with a z where there
        is a channel and nothing withholds it."""
        if plate is not None:
            self.plate = plate_digest(plate)
        records = tuple(pack_pose(pose) for pose in poses)
        representations = []
        z = None
        if channel is not None and withheld is Withheld.NOT:
            z = Embedding(25, bytes(channel.width))
        for _ in range(count):
            representations.append(
                Representation(self.frame_id, self.t_ms, self.plate, records, z, withheld)
            )
            self.frame_id += 3
            self.t_ms += GRID_MS
        segment = Segment(
            camera=self.camera,
            stream=self.stream,
            number=len(self.encoded) + 1,
            previous=chain_digest(self.encoded[-1]) if self.encoded else GENESIS,
            width=640,
            height=360,
            captured_ms=captured_ms or self.t_ms,
            representations=tuple(representations),
            plate=None if plate is None else Plate(plate, 80),
            channel=channel,
        )
        self.encoded.append(encode(segment))
        return segment

    def seconds(self, seconds: float, *poses: Pose) -> list[Segment]:
        """Segments for so many seconds of camera time."""
        return [self.segment(*poses) for _ in range(round(seconds * 2))]

    def digest_of(self, _camera: str, number: int) -> bytes | None:
        """What a spool remembers."""
        return chain_digest(self.encoded[number - 1]) if 0 < number <= len(self.encoded) else None

    def status(self, state: CameraState = CameraState.STREAMING, **more: Any) -> Status:
        """The camera's health."""
        return Status(self.camera, state, self.t_ms, **more)


class AlarmingRecognizer:
    """Finds a fall after a subject with an id ≥ 1000 has been there for three seconds; with
    confidence 0.9, from 2000 on 0.55.

    Stateless enough to be plainly right, stateful enough that a lost memory shows.
    """

    def __init__(self, sensitivity: Sensitivity = DEFAULT_SENSITIVITY) -> None:
        self._since: dict[int, int] = {}
        self.adapt(sensitivity)

    def adapt(self, sensitivity: Sensitivity) -> None:
        self._least = sensitivity.threshold(Behavior.FALL)

    def observe(self, observation: Observation) -> Finding:
        t_ms = observation.key.t_ms
        here = {pose.subject_id for pose in observation.poses}
        self._since = {s: self._since.get(s, t_ms) for s in here}
        risks = tuple(
            Risk(
                Behavior.FALL, _sure(subject), (subject,), "",
                (Measured("descent_speed", 1.8, "m/s"),), f"subject {subject} fell", since,
            )
            for subject, since in sorted(self._since.items())
            if subject >= 1000 and t_ms - since >= 3000 and _sure(subject) >= self._least
        )  # fmt: skip
        subjects = tuple(
            SubjectFinding(p.subject_id, box_xyxy(p.keypoints), Behavior.STAND, 0.8)
            for p in observation.poses
        )
        return Finding(observation.key, subjects, risks)


def _sure(subject: int) -> float:
    return 0.9 if subject < 2000 else 0.55


class Edge:
    """One connection of an edge to a real cloud."""

    def __init__(self, socket: ClientConnection, session: EdgeSession) -> None:
        self.socket, self.session = socket, session
        self.acknowledged: dict[str, int] = {}

    @classmethod
    async def connect(
        cls,
        address: str,
        feeds: Sequence[Feed],
        *,
        edge: bytes = b"edge-0123456789a",
        first: int = 1,
    ) -> Edge:
        """Connect and say hello with all that the feeds hold."""
        offers = [Offer(f.camera, f.stream, first, len(f.encoded)) for f in feeds]
        by_camera = {feed.camera: feed for feed in feeds}
        session = EdgeSession(edge, offers, lambda c, n: by_camera[c].digest_of(c, n))
        socket = await connect(
            f"ws://{address}/edge", compression=None, proxy=None, max_size=4096, close_timeout=2
        )
        await socket.send(session.hello())
        return cls(socket, session)

    async def next(self, timeout: float = 10.0) -> list[EdgeEvent]:
        """What the cloud says next."""
        async with asyncio.timeout(timeout):
            data = await self.socket.recv()
        assert isinstance(data, bytes)
        events = self.session.receive(data)
        for event in events:
            if isinstance(event, Acknowledged):
                self.acknowledged[event.camera] = event.number
        return events

    async def welcomed(self) -> None:
        """Wait to be let in."""
        assert Welcomed() in await self.next()

    async def deliver(self, feed: Feed) -> None:
        """Send everything the cloud does not have, and wait until it has."""
        while self.acknowledged.get(feed.camera, 0) < len(feed.encoded):
            number = self.session.next_number(feed.camera)
            if number is None or number > len(feed.encoded):
                await self.next()
                continue
            encoded = feed.encoded[number - 1]
            data = self.session.segment(feed.camera, feed.stream, number, encoded)
            await self.socket.send(data)

    async def gone(self, timeout: float = 10.0) -> None:
        """Read on until the cloud has closed the connection."""
        with suppress(ConnectionClosed):
            while True:
                await self.next(timeout)

    async def bye(self) -> None:
        """Say farewell and go."""
        await self.socket.send(self.session.bye())
        await self.socket.close()

    async def close(self) -> None:
        await self.socket.close()


class CloudHere:
    """The whole cloud, with real sockets, on the running event loop.

    Args:
        options: fields of `CloudSettings`.
    """

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.lines_file = folder / "lines.jsonl"
        options.setdefault("store", StoreSettings(path=str(folder / "cloud.sqlite")))
        self.settings = CloudSettings(listen="127.0.0.1:0", edge_listen="127.0.0.1:0", **options)
        self._stop = asyncio.Event()
        self._stack = ExitStack()

    async def __aenter__(self) -> CloudHere:
        with self._stack as stack:
            sockets = [stack.enter_context(listen("", "127.0.0.1:0")) for _ in range(2)]
            self.api, self.edge = (f"127.0.0.1:{s.getsockname()[1]}" for s in sockets)
            self.store = Store(Path(self.settings.store.path))
            stack.callback(self.store.close)
            lines = stack.enter_context(open_lines(str(self.lines_file)))
            self.cloud = Cloud(self.settings, self.store, lines)
            stack.callback(self.cloud.close)
            self._stack = stack.pop_all()
        self._task = asyncio.create_task(self.cloud.serve(*sockets, self._stop))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def reopened_store(self) -> Store:
        """The database as the next program finds it."""
        store = Store(Path(self.settings.store.path))
        store.close()  # its pool makes new connections when they are needed
        return store

    async def stop(self) -> None:
        """What SIGTERM does; then the store is closed."""
        self._stop.set()
        await self.ended()

    async def ended(self) -> None:
        """Wait until it has ended; raises what ended it."""
        try:
            async with asyncio.timeout(20):
                await self._task
        finally:
            self._stack.close()

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self._ask("GET", path, **options)

    async def put(self, path: str, **options: Any) -> httpx.Response:
        return await self._ask("PUT", path, **options)

    async def delete(self, path: str, **options: Any) -> httpx.Response:
        return await self._ask("DELETE", path, **options)

    async def _ask(self, verb: str, path: str, **options: Any) -> httpx.Response:
        async with httpx.AsyncClient(base_url=f"http://{self.api}/api/v1", trust_env=False) as api:
            return await api.request(verb, path, **options)

    async def counters(self) -> dict[str, int]:
        return dict((await self.get("/health")).json()["counters"])

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines_file.read_text().splitlines()]

    @property
    def stored(self) -> list[bytes]:
        """Encoded segments in the order of arrival."""
        with closing(sqlite3.connect(self.settings.store.path)) as db:
            return [row[0] for row in db.execute("SELECT encoded FROM segments ORDER BY seq")]


_PROGRAM = """
import sys
from pathlib import Path
from mizaru.log import configure_log
from mizaru.log import configure_log
from mizaru.cloud.main import run_cloud
from mizaru.cloud.settings import load_cloud_settings
from mizaru.errors import MizaruError
configure_log("info", sys.stderr)
try:
    run_cloud(load_cloud_settings(Path(sys.argv[1])), json_lines=sys.argv[2] or None,
              ready_file=Path(sys.argv[3]))
except MizaruError as error:
    print(f"mizaru: {error}", file=sys.stderr)
    sys.exit(error.exit_code)
"""


class CloudProgram:
    """The cloud as a child process, with its own folder."""

    def __init__(self, folder: Path, table: str = "", *, json_lines: str = "lines.jsonl") -> None:
        self.folder = folder
        self.config = folder / "cloud.toml"
        if 'path = "' not in table:
            table += '\n[cloud.store]\npath = "cloud.sqlite"\n'
        self.config.write_text(
            f'[cloud]\nlisten = "127.0.0.1:0"\nedge_listen = "127.0.0.1:0"\n{table}'
        )
        self.lines_file = folder / "lines.jsonl"
        self._json_lines = str(folder / json_lines) if json_lines not in ("", "-") else json_lines
        self._ready = folder / "ready.json"
        self.process: subprocess.Popen[str] | None = None

    def start(self, *, wait: bool = True) -> CloudProgram:
        self._ready.unlink(missing_ok=True)
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, self.config, self._json_lines, self._ready],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if self._json_lines == "-" else subprocess.DEVNULL,
                stderr=log,
                text=True,
            )
        deadline = time.monotonic() + 30
        while wait and not self._ready.exists():
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.01)
        return self

    def _address(self, name: str) -> str:
        return str(json.loads(self._ready.read_text())[name])

    @property
    def api(self) -> str:
        return self._address("api")

    @property
    def edge(self) -> str:
        return self._address("edge")

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines_file.read_text().splitlines()]

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
        if self.process is not None and self.process.stdout is not None:
            self.process.stdout.close()


@dataclass(frozen=True)
class Kit:
    """What tests of the cloud build with; a namespace, since test modules are not packages."""

    Feed = Feed
    Edge = Edge
    AlarmingRecognizer = AlarmingRecognizer
    ConnectionClosed = ConnectionClosed
    START_MS = START_MS
    STREAM = STREAM
    standing = staticmethod(standing)
    webp = staticmethod(webp)


@pytest.fixture(autouse=True)
def _quiet_log() -> Iterator[None]:
    """Log lines where pytest catches them, without the traces' every variable."""
    configure_log("info", sys.stderr)
    yield
    structlog.reset_defaults()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def cloud_here(tmp_path: Path) -> Callable[..., CloudHere]:
    """Makes a cloud to be entered with ``async with``."""

    def make(**options: Any) -> CloudHere:
        return CloudHere(tmp_path, **options)

    return make


@pytest.fixture
def kit() -> Kit:
    return Kit()


@pytest.fixture
def cloud_program(tmp_path: Path) -> Iterator[Callable[..., CloudProgram]]:
    """Makes clouds as child processes; none is left behind."""
    made: list[CloudProgram] = []

    def make(table: str = "", **options: Any) -> CloudProgram:
        folder = tmp_path / f"cloud-{len(made)}"
        folder.mkdir()
        made.append(CloudProgram(folder, table, **options))
        return made[-1]

    yield make
    for program in made:
        program.end()
