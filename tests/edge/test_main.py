"""The edge program with a scripted darkroom and a real WebSocket cloud on loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mizaru.edge.main import EdgeOutcome, Rim, run_edge
from mizaru.edge.settings import CameraSettings, EdgeSettings, LinkSettings, SpoolSettings
from mizaru.edge.spool import Spool
from mizaru.errors import (
    RefusedError,
    SettingsError,
    SourceError,
    SourceLostError,
    StorageFullError,
    StoreError,
)
from mizaru.vocabulary import CameraState
from mizaru.wire.messages import Developed, Outgoing, Refusal, Status

Script = Callable[[threading.Event], Iterator[Outgoing]]


class Edge:
    """Runs an edge whose darkrooms follow scripts, one per camera."""

    def __init__(self, folder: Path, url: str, log: Any) -> None:
        self.folder, self.url, self.log = folder, url, log
        self.stop = threading.Event()
        self.sources: dict[str, str] = {}

    def run(self, scripts: dict[str, Script], **spool: int) -> EdgeOutcome:
        def develop(
            camera: CameraSettings, *, source: str, stop: threading.Event, **_: Any
        ) -> Iterator[Outgoing]:
            self.sources[camera.id] = source
            return scripts[camera.id](stop)

        settings = EdgeSettings(
            camera=tuple(CameraSettings(id=camera, source="clip.mp4") for camera in scripts),
            link=LinkSettings(url=self.url),
            spool=SpoolSettings(path=str(self.folder / "spool.sqlite"), **spool),
        )
        rim = Rim(develop=develop, environment={}, generator=np.random.default_rng(1))
        return run_edge(settings, folder=self.folder, stop=self.stop, rim=rim, log=self.log)

    def start(self, scripts: dict[str, Script]) -> tuple[threading.Thread, list[Any]]:
        results: list[Any] = []

        def work() -> None:
            try:
                results.append(self.run(scripts))
            except Exception as error:
                results.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        return thread, results


@pytest.fixture
def edge(tmp_path: Path, cloud: Any, log: Any) -> Edge:
    return Edge(tmp_path, cloud.url, log)


@pytest.fixture
def clip(developed: Callable[..., Developed]) -> Callable[..., Script]:
    """A darkroom that develops ``ticks`` and ends."""

    def make(ticks: int, *, camera: str = "a") -> Script:
        def script(stop: threading.Event) -> Iterator[Outgoing]:
            yield Status(camera, CameraState.STREAMING, 1)
            for tick in range(ticks):
                yield developed(tick)
            yield Status(camera, CameraState.ENDED, 2, frames_in=ticks)

        return script

    return make


@pytest.fixture
def endless(developed: Callable[..., Developed]) -> Script:
    """A darkroom that goes on until it is stopped."""

    def script(stop: threading.Event) -> Iterator[Outgoing]:
        tick = 0
        while not stop.wait(0.002):
            yield developed(tick)
            tick += 1

    return script


def test_a_clip_arrives_whole_and_the_edge_says_farewell(
    edge: Edge, cloud: Any, clip: Callable[..., Script]
) -> None:
    outcome = edge.run({"a": clip(13)})
    assert outcome == EdgeOutcome(delivered=True, waiting=0, dropped=0)
    cloud.wait(lambda: cloud.byes == 1)
    assert cloud.ticks("a") == list(range(13))
    assert [s.number for s in cloud.segments["a"]] == [1, 2, 3]
    last = cloud.statuses[-1]
    assert (last.state, last.frames_in, last.spooled) == (CameraState.ENDED, 13, 0)


def test_sources_are_relative_to_the_configuration(
    edge: Edge, clip: Callable[..., Script], tmp_path: Path
) -> None:
    edge.run({"a": clip(1)})
    assert edge.sources == {"a": str(tmp_path / "clip.mp4")}


def test_a_second_run_goes_on_with_the_same_stream(
    edge: Edge, cloud: Any, clip: Callable[..., Script]
) -> None:
    edge.run({"a": clip(5)})
    edge.run({"a": clip(5)})
    assert [s.number for s in cloud.segments["a"]] == [1, 2]
    assert len({s.stream for s in cloud.segments["a"]}) == 1
    assert not cloud.gaps


def test_with_the_cloud_down_it_spools_says_so_once_and_delivers_later(
    edge: Edge, cloud: Any, log: Any, clip: Callable[..., Script]
) -> None:
    cloud.stop()
    thread, results = edge.start({"a": clip(25)})
    while log.count("cannot reach the cloud") == 0:
        thread.join(0.01)
    thread.join(0.6)
    assert thread.is_alive()
    cloud.start()
    thread.join(20)
    assert results == [EdgeOutcome(delivered=True, waiting=0, dropped=0)]
    assert cloud.ticks("a") == list(range(25))
    assert log.count("cannot reach the cloud") == 1
    assert log.count("connected to the cloud") == 1


def test_a_cloud_that_comes_and_goes_gets_everything_once(
    edge: Edge, cloud: Any, endless: Script
) -> None:
    thread, results = edge.start({"a": endless})
    for round_ in range(1, 4):
        cloud.wait(lambda n=round_: len(cloud.segments.get("a", ())) >= 10 * n)
        cloud.stop()
        cloud.start()
    edge.stop.set()
    thread.join(20)
    assert isinstance(results[0], EdgeOutcome)
    assert results[0].delivered
    ticks = cloud.ticks("a")
    assert ticks == list(range(len(ticks)))
    assert not cloud.gaps
    assert not cloud.complaints


def test_stopping_flushes_and_delivers_what_is_begun(
    edge: Edge, cloud: Any, developed: Callable[..., Developed]
) -> None:
    def script(stop: threading.Event) -> Iterator[Outgoing]:
        for tick in range(7):
            yield developed(tick)
        stop.wait()

    thread, results = edge.start({"a": script})
    cloud.wait(lambda: len(cloud.segments.get("a", ())) == 1)
    edge.stop.set()
    thread.join(20)
    assert results == [EdgeOutcome(delivered=True, waiting=0, dropped=0)]
    assert cloud.ticks("a") == list(range(7))
    cloud.wait(lambda: cloud.byes == 1)


def test_stopping_without_a_cloud_keeps_it_for_the_next_run(
    edge: Edge, cloud: Any, log: Any, clip: Callable[..., Script]
) -> None:
    cloud.stop()
    thread, results = edge.start({"a": clip(10)})
    while log.count("cannot reach the cloud") == 0:
        thread.join(0.01)
    edge.stop.set()
    thread.join(20)
    assert results == [EdgeOutcome(delivered=False, waiting=2, dropped=0)]
    cloud.start()
    edge.stop.clear()
    edge.run({"a": clip(5)})
    assert cloud.ticks("a") == [*range(10), *range(5)]


def test_one_camera_failing_leaves_the_others_alone(
    edge: Edge, cloud: Any, log: Any, clip: Callable[..., Script]
) -> None:
    def broken(stop: threading.Event) -> Iterator[Outgoing]:
        yield Status("b", CameraState.STARTING, 0)
        raise SourceError("b.mp4: not a video")

    def slow(stop: threading.Event) -> Iterator[Outgoing]:
        while log.count("this camera has failed") == 0:
            stop.wait(0.01)
        yield from clip(20)(stop)

    with pytest.raises(SourceError, match=r"b\.mp4: not a video"):
        edge.run({"a": slow, "b": broken})
    assert log.count("b.mp4: not a video") == 1
    cloud.wait(lambda: cloud.byes == 1)
    assert cloud.ticks("a") == list(range(20))
    states = {status.camera: status.state for status in cloud.statuses}
    assert states == {"a": CameraState.ENDED, "b": CameraState.FAILED}


def test_with_every_camera_failed_and_no_cloud_it_does_not_wait(edge: Edge, cloud: Any) -> None:
    cloud.stop()

    def broken(stop: threading.Event) -> Iterator[Outgoing]:
        raise SourceError("a.mp4: not a video")
        yield

    with pytest.raises(SourceError):
        edge.run({"a": broken})


def test_a_defect_in_one_darkroom_is_a_failure_of_that_camera(edge: Edge, cloud: Any) -> None:
    def broken(stop: threading.Event) -> Iterator[Outgoing]:
        yield Status("a", CameraState.STARTING, 0)
        raise KeyError("oops")

    with pytest.raises(KeyError):
        edge.run({"a": broken})
    assert cloud.statuses[-1].state is CameraState.FAILED


def test_a_temporary_error_opens_the_darkroom_again(
    edge: Edge, cloud: Any, developed: Callable[..., Developed], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mizaru.edge.watch.RETRY_S", 0.01)
    attempts = iter(range(5))

    def script(stop: threading.Event) -> Iterator[Outgoing]:
        attempt = next(attempts)
        yield developed(10 * attempt)
        if attempt < 2:
            raise SourceLostError("the camera went away")

    assert edge.run({"a": script}).delivered
    assert cloud.ticks("a") == [0, 10, 20]


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (Refusal.CAMERA_IN_USE, "rename the camera"),
        (Refusal.UNKNOWN_CAMERA, "accept_unknown_cameras"),
        (Refusal.VERSION, "update"),
        (Refusal.MALFORMED, "update"),
    ],
)
def test_a_refusal_ends_the_edge_with_a_remedy(
    edge: Edge, cloud: Any, endless: Script, code: Refusal, remedy: str
) -> None:
    cloud.refusal = (code, "a" if "camera" in code else None)
    with pytest.raises(RefusedError, match=remedy):
        edge.run({"a": endless})


def test_a_busy_cloud_is_tried_again(
    edge: Edge, cloud: Any, log: Any, clip: Callable[..., Script]
) -> None:
    cloud.refusal = (Refusal.BUSY, None)
    thread, results = edge.start({"a": clip(5)})
    cloud.wait(lambda: len(cloud.hellos) >= 2)
    cloud.refusal = None
    thread.join(20)
    assert results == [EdgeOutcome(delivered=True, waiting=0, dropped=0)]
    assert log.count("cannot reach the cloud") == 1


def test_two_edges_on_one_spool_are_refused(
    edge: Edge, clip: Callable[..., Script], random_bytes: Any, tmp_path: Path
) -> None:
    other = Spool(tmp_path / "spool.sqlite", max_bytes=10**6, random_bytes=random_bytes)
    with pytest.raises(StoreError, match="another edge"):
        edge.run({"a": clip(1)})
    other.close()


def test_a_full_disk_drops_the_newest_says_so_once_and_recovers(
    edge: Edge,
    cloud: Any,
    log: Any,
    clip: Callable[..., Script],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    append, calls = Spool.append, iter(range(100))

    def full_for_a_while(self: Spool, draft: Any) -> Any:
        if 1 <= next(calls) <= 3:
            raise StorageFullError("spool.sqlite: no room left on the disk; free some")
        return append(self, draft)

    monkeypatch.setattr(Spool, "append", full_for_a_while)
    outcome = edge.run({"a": clip(30)})
    assert outcome == EdgeOutcome(delivered=True, waiting=0, dropped=3)
    assert cloud.ticks("a") == [*range(5), *range(20, 30)]
    assert [s.number for s in cloud.segments["a"]] == [1, 2, 3]
    assert log.count("no room left") == 1
    assert log.count("room again") == 1
    assert cloud.statuses[-1].frames_dropped == 15


def test_an_address_beyond_the_machine_is_refused_before_anything_starts(
    edge: Edge, clip: Callable[..., Script], tmp_path: Path
) -> None:
    edge.url = "ws://192.0.2.1:7443/edge"
    with pytest.raises(SettingsError, match="plain text"):
        edge.run({"a": clip(1)})
    assert not (tmp_path / "spool.sqlite").exists()


def test_something_else_on_the_cloud_port_is_the_cloud_being_down(
    edge: Edge, log: Any, clip: Callable[..., Script]
) -> None:
    other = socket.create_server(("127.0.0.1", 0))
    edge.url = f"ws://127.0.0.1:{other.getsockname()[1]}/edge"
    thread, results = edge.start({"a": clip(1)})
    connection, _ = other.accept()
    with connection:
        connection.recv(1000)
        connection.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")
    other.close()
    while log.count("cannot reach the cloud") == 0:
        thread.join(0.01)
    edge.stop.set()
    thread.join(20)
    assert results[0].waiting == 1
