"""The edge program: wiring and supervision only.

One thread per camera takes what its darkroom lets out, cuts it into segments and spools them;
one thread runs the link. A camera that fails for good leaves the others alone. Memory does not
grow with what waits: segments wait on disk, and of a camera's health only the latest counts.
"""

from __future__ import annotations

import functools
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from mizaru.edge.link import Link
from mizaru.edge.models import models_folder
from mizaru.edge.segmenter import Draft
from mizaru.edge.settings import (
    CameraSettings,
    EdgeSettings,
    SandboxMode,
    complaints,
    resolve_source,
)
from mizaru.edge.spool import Spool
from mizaru.edge.tap import TapServer, tap_path
from mizaru.edge.watch import Log, Watch
from mizaru.errors import SettingsError, StorageFullError
from mizaru.wire.messages import Outgoing

STOP_LIMIT_S: Final = 5.0
"""How long a stopped or failed edge tries to deliver; the spool keeps the rest."""
CAMERA_STOP_S: Final = 10.0


class Develop(Protocol):
    """The darkroom's door, `mizaru.edge.darkroom.develop`."""

    def __call__(
        self,
        camera: CameraSettings,
        *,
        source: str,
        sandbox: SandboxMode,
        models: Path,
        stop: threading.Event,
        warn: Callable[[str], None],
    ) -> Iterator[Outgoing]:
        """What leaves one camera's darkroom, until the source ends or ``stop`` is set."""
        ...


@dataclass(frozen=True, slots=True)
class Rim:
    """The world as the edge sees it; tests bring another.

    Attributes:
        develop: the darkroom's door.
        environment: for ``${NAME}`` in sources.
        monotonic: seconds.
        wall_ms: milliseconds since the epoch.
        random_bytes: ids of edge and streams.
        generator: jitter.
    """

    develop: Develop
    environment: Mapping[str, str]
    monotonic: Callable[[], float] = time.monotonic
    wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    random_bytes: Callable[[int], bytes] = secrets.token_bytes
    generator: np.random.Generator = field(default_factory=np.random.default_rng)


@dataclass(frozen=True, slots=True)
class EdgeOutcome:
    """How a run ended without an error.

    Attributes:
        delivered: everything that was spooled is acknowledged by the cloud.
        waiting: segments still in the spool.
        dropped: segments lost because spool or disk was full.
    """

    delivered: bool
    waiting: int
    dropped: int


def run_edge(
    settings: EdgeSettings, *, folder: Path, stop: threading.Event, rim: Rim, log: Log
) -> EdgeOutcome:
    """Run every camera until all sources have ended, or ``stop`` is set.

    When all sources have ended it waits until the cloud has everything, however long that
    takes; when stopped, or when every camera has failed, for `STOP_LIMIT_S` at most.

    Args:
        settings: checked, see `mizaru.edge.settings.load_edge_settings`.
        folder: of the configuration; sources that are paths are relative to it.
        stop: asks for a clean end.
        rim: clock, randomness, darkroom.
        log: where to say what happens.

    Raises:
        SettingsError: a source that cannot be resolved.
        RefusedError: the cloud will not have this edge.
        StoreError, StorageFullError: the spool cannot be opened.
        MizaruError: of a camera that failed for good, once no other is alive.
    """
    for key, message in complaints(settings):
        raise SettingsError(message, key=key)
    developers = [
        functools.partial(
            rim.develop,
            camera,
            source=resolve_source(
                camera.source, rim.environment, folder, key=f"edge.camera[{index}].source"
            ),
            sandbox=settings.sandbox,
            models=models_folder(settings.models, rim.environment),
            warn=functools.partial(log.warning, camera=camera.id),
        )
        for index, camera in enumerate(settings.camera)
    ]
    spool = Spool(
        Path(settings.spool.path),
        max_bytes=settings.spool.max_mb * 10**6,
        random_bytes=rim.random_bytes,
    )
    tap = TapServer(tap_path(spool.path), rim.wall_ms)
    if tap.reason is not None:
        log.warning("no tap: mizaru wire tap will not work", reason=tap.reason)
    try:
        return _Edge(settings, developers, spool, tap, stop, rim, log).run()
    finally:
        tap.close()
        spool.close()


class _Edge:
    """Everything that is alive during one run."""

    def __init__(
        self,
        settings: EdgeSettings,
        developers: Sequence[Callable[..., Iterator[Outgoing]]],
        spool: Spool,
        tap: TapServer,
        stop: threading.Event,
        rim: Rim,
        log: Log,
    ) -> None:
        self._spool, self._stop, self._log = spool, stop, log
        self._link = Link(
            settings.link.url,
            spool,
            cameras=[camera.id for camera in settings.camera],
            generator=rim.generator,
            log=log,
            tap=tap,
        )
        self._link_thread = threading.Thread(target=self._serve_link, name="link", daemon=True)
        self._link_error: BaseException | None = None
        self._delivered = False
        self._halt = threading.Event()
        self._disk_guard = threading.Lock()
        self._disk_full = False
        self._disk_dropped = 0
        self._watches = [
            Watch(
                camera.id,
                develop=developer,
                keep=self._keep,
                say=self._link.say,
                halt=self._halt,
                monotonic=rim.monotonic,
                wall_ms=rim.wall_ms,
                log=log,
            )
            for camera, developer in zip(settings.camera, developers, strict=True)
        ]

    def run(self) -> EdgeOutcome:
        """Start everything, wait, and bring everything home."""
        self._link_thread.start()
        for watch in self._watches:
            watch.start()
        said: set[str] = set()
        while any(watch.is_alive() for watch in self._watches) and self._link_thread.is_alive():
            for watch in self._watches:
                if watch.error is not None and watch.camera not in said:
                    self._say_failed(watch)
                    said.add(watch.camera)
            if self._stop.wait(0.1):
                break
        self._halt.set()
        deadline = time.monotonic() + CAMERA_STOP_S
        for watch in self._watches:
            watch.join(max(0.0, deadline - time.monotonic()))
        failed = [watch for watch in self._watches if watch.error is not None]
        self._deliver(hurry=len(failed) == len(self._watches))
        if self._link_error is not None:
            raise self._link_error
        for watch in failed[1:]:
            if watch.camera not in said:
                self._say_failed(watch)
        for watch in failed:
            assert watch.error is not None
            raise watch.error
        waiting = self._spool.held
        if waiting:
            self._log.info("stopped; the spool keeps what the cloud has not got", segments=waiting)
        return EdgeOutcome(self._delivered, waiting, self._spool.dropped + self._disk_dropped)

    def _deliver(self, *, hurry: bool) -> None:
        """Wait until the cloud has everything, or somebody is in a hurry."""
        self._link.finish()
        while not (hurry or self._stop.is_set()) and self._link_thread.is_alive():
            self._link_thread.join(0.1)
        self._link.finish(STOP_LIMIT_S)
        self._link_thread.join()

    def _say_failed(self, watch: Watch) -> None:
        self._log.error(f"{watch.error}; this camera has failed", camera=watch.camera)

    def _serve_link(self) -> None:
        try:
            self._delivered = self._link.run()
        except BaseException as error:
            self._link_error = error

    def _keep(self, draft: Draft) -> bool:
        """Spool a draft. A full disk costs the newest segments, is said once, and passes."""
        try:
            self._spool.append(draft)
        except StorageFullError as error:
            with self._disk_guard:
                self._disk_dropped += 1
                if not self._disk_full:
                    self._log.warning(f"{error}; what is new is dropped until then")
                self._disk_full = True
            return False
        with self._disk_guard:
            if self._disk_full:
                self._log.info("the disk has room again", segments_dropped=self._disk_dropped)
            self._disk_full = False
        self._link.notify()
        return True
