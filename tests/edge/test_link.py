"""The link against a real WebSocket cloud on loopback."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from mizaru.edge.link import FIRST_DELAY_S, LONGEST_DELAY_S, Link, delays
from mizaru.edge.segmenter import Draft
from mizaru.edge.spool import Spool
from mizaru.errors import RefusedError, SettingsError, StorageFullError
from mizaru.vocabulary import CameraState
from mizaru.wire.codec import encode
from mizaru.wire.messages import GENESIS, Cursor, Plate, Refusal, Segment
from mizaru.wire.session import WINDOW

Make = Callable[..., Draft]


class Running:
    """A link in its thread."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.results: list[Any] = []
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def finish(self, limit_s: float | None = None) -> Any:
        self.link.finish(limit_s)
        self._thread.join(20)
        assert not self._thread.is_alive()
        (result,) = self.results
        if isinstance(result, BaseException):
            raise result
        return result

    def wait_end(self) -> None:
        self._thread.join(20)
        assert not self._thread.is_alive()

    def _work(self) -> None:
        try:
            self.results.append(self.link.run())
        except BaseException as error:
            self.results.append(error)


@pytest.fixture
def tapped() -> list[bytes]:
    return []


@pytest.fixture
def start(spool: Spool, cloud: Any, log: Any, tapped: list[bytes]) -> Iterator[Any]:
    """``start(cameras, url=…)`` starts a link; it is stopped at the end in any case."""
    running: list[Running] = []

    def make(cameras: str = "a", url: str | None = None) -> Running:
        link = Link(
            url or cloud.url,
            spool,
            cameras=cameras,
            generator=np.random.default_rng(1),
            log=log,
            tap=tapped.append,
        )
        running.append(Running(link))
        return running[-1]

    yield make
    for each in running:
        each.link.finish(0)
        each.wait_end()


def test_what_waits_is_sent_acknowledged_and_forgotten(
    start: Any, spool: Spool, cloud: Any, draft: Make
) -> None:
    for tick in range(3 * WINDOW):
        spool.append(draft("a", [tick]))
    assert start().finish() is True
    assert cloud.ticks("a") == list(range(3 * WINDOW))
    assert spool.held == 0
    cloud.wait(lambda: cloud.byes == 1)


def test_cameras_take_turns(start: Any, spool: Spool, cloud: Any, draft: Make) -> None:
    for tick in range(20):
        spool.append(draft("a", [tick]))
    spool.append(draft("b", [0]))
    order: list[str] = []
    original = cloud._heed

    def heed(session: Any, event: Any) -> Any:
        if hasattr(event, "segment"):
            order.append(event.segment.camera)
        return original(session, event)

    cloud._heed = heed
    start("ab").finish()
    assert order.index("b") == 1
    assert cloud.ticks("b") == [0]


def test_no_more_than_the_window_is_under_way(
    start: Any, spool: Spool, cloud: Any, draft: Make
) -> None:
    cloud.deaf.set()
    for tick in range(2 * WINDOW):
        spool.append(draft("a", [tick]))
    running = start()
    cloud.wait(lambda: len(cloud.segments.get("a", ())) == WINDOW)
    assert running.finish(0.3) is False
    assert len(cloud.segments["a"]) == WINDOW
    assert spool.held == 2 * WINDOW


def test_what_was_stored_but_not_acknowledged_is_not_sent_again(
    start: Any, spool: Spool, cloud: Any, draft: Make
) -> None:
    cloud.deaf.set()
    for tick in range(5):
        spool.append(draft("a", [tick]))
    running = start()
    cloud.wait(lambda: len(cloud.segments.get("a", ())) == 5)
    cloud.stop()
    cloud.deaf.clear()
    cloud.start()
    assert running.finish() is True
    assert cloud.ticks("a") == list(range(5))
    assert not cloud.complaints


def test_segments_that_come_while_connected_are_sent_at_once(
    start: Any, spool: Spool, cloud: Any, draft: Make
) -> None:
    running = start()
    cloud.wait(lambda: len(cloud.hellos) == 1)
    for tick in range(3):
        spool.append(draft("a", [tick]))
        running.link.notify()
        cloud.wait(lambda n=tick: len(cloud.segments.get("a", ())) == n + 1)
    running.finish()


def test_a_gap_is_declared(
    start: Any, tmp_path: Path, cloud: Any, draft: Make, random_bytes: Any, log: Any
) -> None:
    small = Spool(tmp_path / "small.sqlite", max_bytes=1000, random_bytes=random_bytes)
    for tick in range(200, 220):
        small.append(draft("a", [tick]))
    first = small.offer("a").first
    assert first > 10
    link = Link(
        cloud.url,
        small,
        cameras="a",
        generator=np.random.default_rng(1),
        log=log,
        tap=lambda _: None,
    )
    assert Running(link).finish() is True
    (gap,) = cloud.gaps
    assert (gap.first, gap.last) == (1, first - 1)
    assert cloud.ticks("a") == list(range(199 + first, 220))
    small.close()


def test_a_spool_that_overflows_while_connected_says_hello_again(
    start: Any, spool: Spool, cloud: Any, draft: Make, log: Any
) -> None:
    cloud.deaf.set()
    for tick in range(2 * WINDOW):
        spool.append(draft("a", [tick]))
    running = start()
    cloud.wait(lambda: len(cloud.segments.get("a", ())) == WINDOW)
    # The oldest WINDOW + 2 are dropped: those under way, and two that were never sent.
    spool._max_bytes = spool._held_bytes * (WINDOW - 2) // (2 * WINDOW)
    spool.append(draft("a", [99]))
    cloud.deaf.clear()
    with cloud.changed:
        for connection in list(cloud._connections):
            cursor = next(iter(cloud.cursors.values()))
            from mizaru.wire.messages import Ack

            connection.send(encode(Ack("a", cursor.stream, cursor.number)))
    running.finish()
    assert len(cloud.hellos) == 2
    (gap,) = cloud.gaps
    assert gap.first == WINDOW + 1
    assert cloud.ticks("a")[-1] == 99
    assert log.count("cannot reach the cloud") == 0


def test_another_history_at_the_cloud_begins_a_new_stream(
    start: Any, spool: Spool, cloud: Any, draft: Make, log: Any
) -> None:
    spooled = spool.append(draft("a", [7]))
    cloud.cursors["a", spooled.stream] = Cursor("a", spooled.stream, 30, bytes(16))
    assert start().finish() is True
    assert cloud.ticks("a") == [7]
    assert cloud.segments["a"][0].stream != spooled.stream
    assert cloud.segments["a"][0].previous == GENESIS
    assert log.count("another history") == 1


def test_what_is_left_of_a_camera_that_is_gone_is_sent_too(
    start: Any, spool: Spool, cloud: Any, draft: Make
) -> None:
    spool.append(draft("old", [3]))
    start("a").finish()
    assert cloud.ticks("old") == [3]


def test_leftovers_that_the_cloud_will_not_have_do_not_stop_the_rest(
    start: Any, spool: Spool, cloud: Any, draft: Make, log: Any
) -> None:
    spool.append(draft("old", [3]))
    spool.append(draft("a", [4]))
    original = cloud._heed

    def heed(session: Any, event: Any) -> Any:
        if hasattr(event, "offers") and any(offer.camera == "old" for offer in event.offers):
            return session.refuse(Refusal.CAMERA_IN_USE, "old")
        return original(session, event)

    cloud._heed = heed
    assert start("a").finish() is True
    assert cloud.ticks("a") == [4]
    assert spool.cameras() == ["old"]
    assert log.count("no longer configured") == 1


def test_only_the_latest_status_is_sent_and_not_too_often(
    start: Any, cloud: Any, status: Any, spool: Spool
) -> None:
    running = start()
    running.link.say(status("a", CameraState.STARTING))
    cloud.wait(lambda: len(cloud.statuses) == 1)
    for t_ms in range(50):
        running.link.say(status("a", CameraState.STREAMING, t_ms))
    running.finish()
    cloud.wait(lambda: cloud.byes == 1)
    assert [(s.state, s.t_ms) for s in cloud.statuses] == [
        (CameraState.STARTING, 0),
        (CameraState.STREAMING, 49),
    ]


def test_a_status_says_how_many_segments_wait(
    start: Any, cloud: Any, status: Any, spool: Spool, draft: Make
) -> None:
    cloud.deaf.set()
    for tick in range(WINDOW + 4):
        spool.append(draft("a", [tick]))
    running = start()
    cloud.wait(lambda: len(cloud.segments.get("a", ())) == WINDOW)
    running.link.say(status("a", CameraState.STREAMING))
    cloud.wait(lambda: len(cloud.statuses) == 1)
    assert cloud.statuses[0].spooled == WINDOW + 4


def test_the_tap_sees_every_byte_and_nothing_else(
    start: Any,
    cloud: Any,
    spool: Spool,
    draft: Make,
    status: Any,
    tapped: list[bytes],
    plate: Plate,
) -> None:
    arrived: list[bytes] = []
    original = cloud._heed

    def heed(session: Any, event: Any) -> Any:
        if hasattr(event, "encoded"):
            arrived.append(event.encoded)
        return original(session, event)

    cloud._heed = heed
    spool.append(draft("a", [1], plate=plate))
    running = start()
    running.link.say(status("a", CameraState.ENDED))
    running.finish()
    kinds = [data[2:].split(b"\xa1")[0][:5] for data in tapped]
    assert kinds[0].startswith(b"hello")
    assert kinds[-1] == b"bye"
    assert arrived[0] in tapped


def test_a_full_disk_when_forgetting_is_said_once_and_made_up_for(
    start: Any, cloud: Any, spool: Spool, draft: Make, log: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    acknowledge, calls = spool.acknowledge, itertools.count()

    def full_at_first(*arguments: Any) -> None:
        if next(calls) < 3:
            raise StorageFullError("the disk is full")
        acknowledge(*arguments)

    monkeypatch.setattr(spool, "acknowledge", full_at_first)
    for tick in range(8):
        spool.append(draft("a", [tick]))
    assert start().finish() is True
    assert spool.held == 0
    assert log.count("the disk is full") == 1


def test_a_cloud_that_answers_nonsense_is_a_cloud_that_is_down(
    start: Any, log: Any, spool: Spool, draft: Make
) -> None:
    spool.append(draft("a", [1]))

    def nonsense(connection: ServerConnection) -> None:
        connection.recv()
        connection.send(b"\xc1\xc1")
        connection.recv()

    with serve(nonsense, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running = start(url=f"ws://127.0.0.1:{server.socket.getsockname()[1]}/")
        while log.count("cannot reach the cloud") == 0:
            running._thread.join(0.01)
        assert running.finish(1) is False
        server.shutdown()
    assert spool.held == 1


def test_a_message_over_its_bound_from_the_cloud_closes_the_connection(
    start: Any, log: Any
) -> None:
    def flood(connection: ServerConnection) -> None:
        connection.recv()
        connection.send(bytes(100_000))
        connection.recv()

    with serve(flood, "127.0.0.1", 0, compression=None) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running = start(url=f"ws://127.0.0.1:{server.socket.getsockname()[1]}/")
        while log.count("cannot reach the cloud") == 0:
            running._thread.join(0.01)
        running.finish(1)
        server.shutdown()


def test_a_redirect_is_not_followed(start: Any, log: Any, cloud: Any) -> None:
    def redirect(connection: ServerConnection, request: Request) -> Response:
        response = connection.respond(302, "")
        response.headers["Location"] = cloud.url
        return response

    with serve(lambda _: None, "127.0.0.1", 0, process_request=redirect) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running = start(url=f"ws://127.0.0.1:{server.socket.getsockname()[1]}/")
        while log.count("cannot reach the cloud") == 0:
            running._thread.join(0.01)
        running.finish(0)
        server.shutdown()
    assert not cloud.hellos


def test_a_peer_that_is_not_on_loopback_is_told_nothing(
    start: Any, cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mizaru.edge.link.is_loopback", lambda address: False)
    running = start()
    running.wait_end()
    with pytest.raises(SettingsError, match="plain text"):
        running.finish()
    assert not cloud.hellos


def test_a_proxy_in_the_environment_is_not_asked(
    start: Any, cloud: Any, spool: Spool, draft: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://192.0.2.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    spool.append(draft("a", [1]))
    assert start().finish() is True


def test_a_refused_camera_is_named(start: Any, cloud: Any) -> None:
    cloud.refusal = (Refusal.CAMERA_IN_USE, "a")
    running = start()
    running.wait_end()
    with pytest.raises(RefusedError, match=r"camera 'a' .*rename"):
        running.finish()


def test_delays_grow_with_jitter_up_to_a_bound_and_are_seeded() -> None:
    def some(seed: int) -> list[float]:
        return list(itertools.islice(delays(np.random.default_rng(seed)), 12))

    longest = [min(FIRST_DELAY_S * 2**n, LONGEST_DELAY_S) for n in range(12)]
    assert all(most / 2 <= delay <= most for delay, most in zip(some(1), longest, strict=True))
    assert some(1) == some(1) != some(2)


def test_segments_are_sent_as_they_lie_in_the_spool(
    start: Any, cloud: Any, spool: Spool, draft: Make, tapped: list[bytes]
) -> None:
    spooled = spool.append(draft("a", [1]))
    start().finish()
    assert spooled.encoded in tapped
    assert isinstance(cloud.segments["a"][0], Segment)
