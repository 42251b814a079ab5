"""Slow viewers: what passes may be skipped, what lasts may not."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from mizaru.cloud.events import IncidentEvent
from mizaru.cloud.live import FRESH_S, MAX_WAITING, SCENES_WAITING, Live
from mizaru.cloud.moment import Moment, instant, status_event
from mizaru.cloud.recognize.finding import Finding
from mizaru.vocabulary import Behavior, Severity, SyncKey

pytestmark = pytest.mark.anyio


def moment(kit: Any, camera: str, frame_id: int, *people: int) -> Moment:
    feed = kit.Feed(camera=camera, frame_id=frame_id)
    poses = tuple(kit.standing(person) for person in people)
    segment = feed.segment(*poses, count=1)
    key = SyncKey(camera, frame_id, feed.t_ms)
    return Moment(segment, segment.representations[0], poses, Finding(key, (), ()), ())


def incident(number: int) -> IncidentEvent:
    return IncidentEvent(
        event="opened", id=f"i{number}", camera="ward", behavior=Behavior.FALL,
        severity=Severity.ALARM, start=instant(number), opened=instant(number), end=None,
        confidence=0.5, subjects=(), measures=(), reason="because", validated=False, feedback=None,
    )  # fmt: skip


def read(texts: list[str]) -> list[Any]:
    events = [json.loads(text) for text in texts]
    return [event.get("id", event.get("frame_id")) for event in events]


async def test_a_slow_viewer_gets_the_newest_scenes_of_each_camera_and_every_incident(kit) -> None:
    live = Live(lambda: 0.0)
    with live.viewer(None) as viewer:
        for number in range(SCENES_WAITING + 4):
            live.publish(moment(kit, "ward", number))
            live.publish(moment(kit, "attic", 100 + number))
            live.publish(incident(number))
        seen = read(await viewer.messages())
        assert seen[: SCENES_WAITING + 4] == [f"i{n}" for n in range(SCENES_WAITING + 4)]
        newest = range(4, SCENES_WAITING + 4)
        assert seen[SCENES_WAITING + 4 :] == [*newest, *(100 + n for n in newest)]
        assert live.conflated == 8
    assert live.viewers == 0
    assert live.conflated == 8


async def test_a_viewer_waits_until_there_is_something(kit) -> None:
    live = Live(lambda: 0.0)
    with live.viewer("ward") as viewer:
        waiting = asyncio.create_task(viewer.messages())
        live.publish(moment(kit, "attic", 1))
        await asyncio.sleep(0)
        assert not waiting.done()
        live.publish(moment(kit, "ward", 2))
        assert read(await waiting) == [2]


async def test_what_stands_is_heard_before_what_happened_since(kit) -> None:
    live = Live(lambda: 0.0)
    with live.viewer(None) as viewer:
        live.publish(incident(3))
        viewer.begin_with([incident(n).model_dump_json() for n in (1, 2)])
        assert read(await viewer.messages()) == ["i1", "i2", "i3"]


async def test_a_viewer_that_never_reads_is_let_go_and_bounded(kit) -> None:
    live = Live(lambda: 0.0)
    with live.viewer(None) as viewer:
        for number in range(MAX_WAITING + 10):
            live.publish(incident(number))
        assert viewer.overrun
        assert len(await viewer.messages()) == MAX_WAITING


async def test_a_count_is_of_now_or_not_known(kit) -> None:
    now = [0.0]
    live = Live(lambda: now[0])
    assert live.person_count("ward") is None
    live.publish(moment(kit, "ward", 1, 7, 8))
    assert live.person_count("ward") == 2
    now[0] = FRESH_S + 0.1
    assert live.person_count("ward") is None
    assert live.scene("ward") is not None


async def test_the_last_status_is_kept(kit) -> None:
    live = Live(lambda: 0.0)
    feed = kit.Feed()
    for restarts in range(3):
        live.publish(status_event(feed.status(restarts=restarts), connected=True))
    assert live.statuses["ward"].restarts == 2
