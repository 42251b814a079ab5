"""Edges over real loopback sockets."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from mizaru.cloud.ingest import MAX_MESSAGE_BYTES
from mizaru.cloud.settings import CloudCameraSettings, RuleSettings
from mizaru.cloud.store import Batch, Store
from mizaru.errors import StoreError, WireError
from mizaru.vocabulary import CameraState
from mizaru.wire.budget import MAX_FROM_EDGE_BYTES
from mizaru.wire.codec import encode
from mizaru.wire.messages import Cursor, Hello, Offer, Refusal
from mizaru.wire.session import Acknowledged, Refused

pytestmark = pytest.mark.anyio

ANOTHER_EDGE = b"another-edge-id!"


@pytest.fixture
async def cloud(cloud_here) -> AsyncIterator[Any]:
    async with cloud_here() as cloud:
        yield cloud


async def test_what_is_sent_is_stored_acknowledged_and_told_in_order(cloud, kit) -> None:
    feed = kit.Feed()
    feed.seconds(5, kit.standing(7))
    status = feed.status(frames_in=150, pipe_p50_ms=20)

    edge = await kit.Edge.connect(cloud.edge, [feed])
    await edge.welcomed()
    await edge.socket.send(edge.session.status(status))
    await edge.deliver(feed)
    await edge.bye()
    await cloud.stop()

    assert cloud.stored == feed.encoded
    kinds = [line["type"] for line in cloud.lines]
    assert Counter(kinds) == {"status": 1, "result": 50, "summary": 1}
    assert kinds[-1] == "summary"
    results = [line for line in cloud.lines if line["type"] == "result"]
    assert [r["frame_id"] for r in results] == list(range(0, 150, 3))
    assert all(r["person_count"] == 1 and r["subjects"][0]["id"] == 7 for r in results)
    summary = cloud.lines[-1]
    assert summary["results"] == 50
    assert summary["frames_in"] == 150
    assert summary["duration_s"] == 5.0
    assert summary["bytes_out"] == sum(map(len, feed.encoded)) + len(encode(status))
    assert summary["capture_to_pipe_ms"]["p50"] == 20


async def test_who_does_not_wait_to_be_let_in_is_refused_and_hurts_nobody(
    cloud, kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it says too early comes while the cloud still looks up where it was."""
    feed = kit.Feed()
    feed.seconds(1)
    look_up = cloud.store.cursor

    def slowly(camera: str, stream: bytes) -> Cursor:
        time.sleep(0.1)
        return look_up(camera, stream)

    monkeypatch.setattr(cloud.store, "cursor", slowly)
    hasty = await kit.Edge.connect(cloud.edge, [feed])
    await hasty.socket.send(feed.encoded[0])
    await hasty.gone()
    edge = await kit.Edge.connect(cloud.edge, [feed])
    await edge.welcomed()
    await edge.deliver(feed)
    await edge.close()
    assert cloud.stored == feed.encoded
    assert (await cloud.counters())["violations"] == 1


async def test_what_an_edge_sends_twice_is_stored_once(cloud, kit) -> None:
    feed = kit.Feed()
    feed.seconds(1)

    edge = await kit.Edge.connect(cloud.edge, [feed])
    await edge.welcomed()
    await edge.deliver(feed)
    await edge.socket.send(feed.encoded[0])
    assert await edge.next() == []  # acknowledged again, which is no news
    await edge.close()
    again = await kit.Edge.connect(cloud.edge, [feed])
    assert Acknowledged("ward", kit.STREAM, 2) in await again.next()
    await again.close()

    assert (await cloud.counters())["duplicates"] == 1
    assert cloud.stored == feed.encoded


def corruptions(good: bytes) -> list[bytes | str]:
    """Messages that are not exactly right."""
    fields = msgspec.msgpack.decode(good)
    return [
        b"",
        b"\xc1",
        good[:-1],
        good + b"\x00",
        "text",
        msgspec.msgpack.encode([*fields, "an unknown field"]),
        msgspec.msgpack.encode([fields[0], "Not A Camera", *fields[2:]]),
        msgspec.msgpack.encode([*fields[:3], 0, *fields[4:]]),
        msgspec.msgpack.encode(["picture", b"\xff\xd8"]),
    ]


async def test_a_malformed_message_is_refused_counted_and_survived(cloud, kit) -> None:
    feed = kit.Feed()
    feed.segment()
    bad = corruptions(feed.encoded[0])

    edge = await kit.Edge.connect(cloud.edge, [feed])
    await edge.welcomed()
    for message in bad:
        await edge.socket.send(message)
        assert await edge.next() == [Refused(Refusal.MALFORMED, None)], message
    await edge.deliver(feed)
    await edge.close()

    assert (await cloud.counters())["malformed"] == len(bad)
    assert cloud.stored == feed.encoded


@pytest.mark.parametrize("size", [MAX_FROM_EDGE_BYTES + 1, MAX_MESSAGE_BYTES + 1])
async def test_a_message_larger_than_any_closes_that_connection_only(cloud, kit, size) -> None:
    feed = kit.Feed()
    feed.segment()

    edge = await kit.Edge.connect(cloud.edge, [feed])
    await edge.welcomed()
    await edge.socket.send(bytes(size))
    await edge.gone()
    again = await kit.Edge.connect(cloud.edge, [feed])
    await again.welcomed()
    await again.deliver(feed)
    await again.close()

    assert (await cloud.counters())["malformed"] == 1


async def test_a_broken_chain_closes_the_connection(cloud, kit) -> None:
    feed, other = kit.Feed(), kit.Feed()
    feed.seconds(1)
    other.segment(kit.standing(1))
    other.segment()

    edge = await kit.Edge.connect(cloud.edge, [feed])
    await edge.welcomed()
    await edge.socket.send(feed.encoded[0])
    await edge.socket.send(other.encoded[1])
    seen: list[Any] = []
    while not edge.session.closed:
        try:
            seen += await edge.next()
        except WireError:
            continue  # the first segment's acknowledgement: this session did not send it
    assert Refused(Refusal.OUT_OF_ORDER, "ward") in seen
    await edge.close()

    assert cloud.stored in ([], feed.encoded[:1])
    assert (await cloud.counters())["violations"] == 1


async def test_one_camera_belongs_to_one_edge_at_a_time(cloud, kit) -> None:
    feed, rival = kit.Feed(), kit.Feed(stream=b"stream-2")
    feed.segment()
    rival.segment()

    first = await kit.Edge.connect(cloud.edge, [feed])
    await first.welcomed()
    second = await kit.Edge.connect(cloud.edge, [rival], edge=ANOTHER_EDGE)
    assert await second.next() == [Refused(Refusal.CAMERA_IN_USE, "ward")]
    await second.close()
    await first.deliver(feed)

    takeover = await kit.Edge.connect(cloud.edge, [feed])
    assert Acknowledged("ward", kit.STREAM, 1) in await takeover.next()
    await first.gone()
    feed.segment()
    await takeover.deliver(feed)
    await takeover.close()

    while (await cloud.get("/health")).json()["edges"]:
        await asyncio.sleep(0.01)
    free = await kit.Edge.connect(cloud.edge, [rival], edge=ANOTHER_EDGE)
    await free.welcomed()
    await free.deliver(rival)
    await free.close()

    assert cloud.stored == feed.encoded + rival.encoded
    assert (await cloud.counters())["refused"] == 1


async def test_what_a_replaced_connection_still_sends_is_not_stored_twice(cloud, kit) -> None:
    feed = kit.Feed()
    feed.seconds(2)
    arrived, worker = cloud.cloud._ingest._queue, cloud.cloud._worker

    async def until(count: int, queue: Any) -> None:
        async with asyncio.timeout(10):
            while queue.qsize() != count:
                await asyncio.sleep(0.005)

    old = await kit.Edge.connect(cloud.edge, [feed])
    await old.welcomed()
    store_may_go_on = threading.Event()
    worker.submit(store_may_go_on.wait)
    try:
        await old.socket.send(feed.encoded[0])
        await until(1, worker._work_queue)
        new = await kit.Edge.connect(cloud.edge, [feed])
        await until(1, arrived)
        await old.socket.send(feed.encoded[1])
        await until(2, arrived)
    finally:
        store_may_go_on.set()

    assert Acknowledged("ward", kit.STREAM, 1) in await new.next()
    await new.deliver(feed)
    await new.close()
    await old.socket.wait_closed()
    assert cloud.stored == feed.encoded


async def test_a_file_that_ended_among_cameras_that_go_on_is_summed_up_once_it_is_quiet(
    cloud, kit, monkeypatch
) -> None:
    monkeypatch.setattr("mizaru.cloud.ingest.END_DELAY_S", 0.1)
    film, camera = kit.Feed(camera="film"), kit.Feed()
    film.seconds(1, kit.standing(1))
    camera.seconds(1, kit.standing(2))
    edge = await kit.Edge.connect(cloud.edge, [film, camera])
    await edge.welcomed()
    await edge.socket.send(edge.session.status(film.status(CameraState.ENDED)))
    await edge.deliver(film)
    await edge.deliver(camera)
    async with asyncio.timeout(10):
        while "summary" not in cloud.lines_file.read_text():
            await asyncio.sleep(0.01)
    await edge.bye()
    await cloud.stop()
    summaries = [line["camera"] for line in cloud.lines if line["type"] == "summary"]
    assert summaries == ["film", "ward"]


async def test_unknown_cameras_come_only_where_they_may(cloud_here, kit) -> None:
    listed = (CloudCameraSettings(id="ward"),)
    async with cloud_here(accept_unknown_cameras=False, camera=listed) as cloud:
        edge = await kit.Edge.connect(cloud.edge, [kit.Feed(camera="attic")])
        assert await edge.next() == [Refused(Refusal.UNKNOWN_CAMERA, "attic")]
        await edge.close()
        edge = await kit.Edge.connect(cloud.edge, [kit.Feed()])
        await edge.welcomed()
        await edge.close()


async def test_a_hole_that_was_declared_is_kept_in_mind(cloud, kit) -> None:
    feed = kit.Feed()
    feed.seconds(3)

    edge = await kit.Edge.connect(cloud.edge, [feed], first=4)
    await edge.welcomed()
    await edge.deliver(feed)
    await edge.close()

    assert cloud.stored == feed.encoded[3:]
    with closing(sqlite3.connect(cloud.settings.store.path)) as db:
        assert db.execute("SELECT camera, first, last FROM gaps").fetchall() == [("ward", 1, 3)]
    assert (await cloud.counters())["missing"] == 3


async def test_a_hello_of_another_version_is_refused(cloud) -> None:
    hello = Hello(99, ANOTHER_EDGE, (Offer("ward", b"stream-1", 1, 0),))
    async with connect(f"ws://{cloud.edge}/edge", proxy=None) as socket:
        await socket.send(encode(hello))
        answer = await socket.recv()
    assert isinstance(answer, bytes)
    assert msgspec.msgpack.decode(answer)[:2] == ["refuse", Refusal.VERSION.value]


async def test_browsers_and_other_paths_are_turned_away(cloud) -> None:
    async def status(path: str, **options: Any) -> int:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(f"ws://{cloud.edge}{path}", proxy=None, **options):
                pass
        return refused.value.response.status_code

    assert await status("/") == 404
    assert await status("/edge", origin=f"http://{cloud.edge}") == 403


async def test_the_end_of_a_file_closes_its_incidents_and_says_the_summary_once(
    cloud_here, kit
) -> None:
    rules = RuleSettings(crowd_people=2, crowd_s=1)
    feed = kit.Feed()
    feed.seconds(4, kit.standing(1, 0.4), kit.standing(2, 0.6))

    async with cloud_here(camera=(CloudCameraSettings(id="ward", rules=rules),)) as cloud:
        edge = await kit.Edge.connect(cloud.edge, [feed])
        await edge.welcomed()
        # The end may overtake what still has to be sent.
        await edge.socket.send(edge.session.status(feed.status(CameraState.ENDED)))
        await edge.deliver(feed)
        await edge.bye()

    incidents = [line for line in cloud.lines if line["type"] == "incident"]
    assert [i["event"] for i in incidents if i["event"] != "updated"] == ["opened", "closed"]
    assert {i["behavior"] for i in incidents} == {"crowd"}
    (summary,) = [line for line in cloud.lines if line["type"] == "summary"]
    assert summary["incidents"] == 1
    assert summary["capture_to_incident_ms"]["p95"] is not None


async def test_stopping_leaves_incidents_open_and_says_the_summary(cloud_here, kit) -> None:
    rules = RuleSettings(crowd_people=2, crowd_s=1)
    feed = kit.Feed()
    feed.seconds(4, kit.standing(1, 0.4), kit.standing(2, 0.6))

    async with cloud_here(camera=(CloudCameraSettings(id="ward", rules=rules),)) as cloud:
        edge = await kit.Edge.connect(cloud.edge, [feed])
        await edge.welcomed()
        await edge.deliver(feed)
        assert len((await cloud.get("/incidents", params={"state": "open"})).json()) == 1

    assert [line["type"] for line in cloud.lines].count("summary") == 1
    assert cloud.lines[-1]["incidents"] == 1
    assert "closed" not in {line.get("event") for line in cloud.lines}
    assert len(cloud.reopened_store().incidents(is_open=True, limit=9)) == 1


async def test_a_database_that_breaks_ends_the_cloud_and_nothing_is_acknowledged(
    cloud_here, kit
) -> None:
    class BrokenStore(Store):
        def commit(self, batch: Batch) -> None:
            raise StoreError("the database is malformed")

    feed = kit.Feed()
    feed.seconds(10)
    cloud = cloud_here()
    await cloud.__aenter__()
    cloud.cloud._pipeline._store.__class__ = BrokenStore
    edge = await kit.Edge.connect(cloud.edge, [feed])
    await edge.welcomed()
    await edge.socket.send(feed.encoded[0])
    with pytest.raises(StoreError, match="malformed"):
        await cloud.ended()
    await edge.gone()
    assert edge.acknowledged == {}
