"""Memory and store never disagree: laws over random rooms, kills and full disks."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mizaru.cloud.incident import IncidentChange, Verdict
from mizaru.cloud.moment import Moment
from mizaru.cloud.pipeline import Pipeline, Recognition, Said, StreamEnded
from mizaru.cloud.recognize import Feedback, adapt
from mizaru.cloud.recognize.finding import Finding, Observation
from mizaru.cloud.store import Batch, NewSegment, Store
from mizaru.errors import StorageFullError
from mizaru.vocabulary import Behavior
from mizaru.wire.codec import decode_from_edge
from mizaru.wire.messages import Segment, chain_digest

CAMERA = "ward"


def recognition(kit: Any) -> Recognition:
    numbers = itertools.count()
    return Recognition(
        lambda camera, sensitivity: kit.AlarmingRecognizer(sensitivity),
        new_id=lambda: f"incident-{next(numbers)}",
        memory_ms=lambda camera: 30_000,
    )


def arrivals(encoded: Iterable[bytes]) -> list[NewSegment]:
    found = []
    for data in encoded:
        segment = decode_from_edge(data)
        assert isinstance(segment, Segment)
        found.append(NewSegment(segment, data, chain_digest(data), segment.captured_ms))
    return found


def told(said: Iterable[Said]) -> list[tuple[str, int, str]]:
    """Openings and closings: (what, when, of which behaviour)."""
    changes: list[IncidentChange] = []
    for event in said:
        if isinstance(event, IncidentChange):
            changes.append(event)
        elif isinstance(event, Moment):
            changes += event.changes
    return [(c.kind.value, c.t_ms, c.incident.behavior) for c in changes if c.kind != "updated"]


class FailingStore(Store):
    """A store whose disk is full when it is told so."""

    full = False

    def commit(self, batch: Batch) -> None:
        if self.full:
            raise StorageFullError("no room")
        super().commit(batch)


# A room as runs of (seconds, who is there); ids from 1000 on fall after three seconds.
ROOMS = st.lists(
    st.tuples(st.integers(1, 14), st.sets(st.sampled_from([1, 2, 1000, 1001]), max_size=3)),
    min_size=1,
    max_size=6,
)


def play(kit: Any, room: Sequence[tuple[int, set[int]]]) -> list[NewSegment]:
    feed = kit.Feed()
    for seconds, who in room:
        feed.seconds(seconds, *(kit.standing(s, 0.1 + 0.2 * (s % 5)) for s in sorted(who)))
    return arrivals(feed.encoded)


def uninterrupted(kit: Any, folder: Path, segments: Sequence[NewSegment]) -> list[Said]:
    store = Store(folder / "oracle.sqlite")
    pipeline = Pipeline(store, {}, recognition(kit))
    said = list(pipeline.process([*segments, StreamEnded(CAMERA)]))
    store.close()
    return said


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(room=ROOMS, data=st.data())
def test_kills_and_full_disks_change_nothing_that_is_told(
    tmp_path_factory: pytest.TempPathFactory, kit: Any, room: Any, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("pipeline")
    segments = play(kit, room)
    expected = uninterrupted(kit, folder, segments)

    making = recognition(kit)
    store = FailingStore(folder / "cloud.sqlite")
    pipeline = Pipeline(store, {}, making)
    said: list[Said] = []
    done = 0
    while done < len(segments):
        size = data.draw(st.integers(1, 12), label="batch")
        accident = data.draw(st.sampled_from(["none", "full", "killed"]), label="accident")
        batch = segments[done : done + size]
        if accident == "full":
            store.full = True
            with pytest.raises(StorageFullError):
                pipeline.process(batch)
            store.full = False
            continue
        if accident == "killed":
            pipeline = Pipeline(store, {}, making)
        said += pipeline.process(batch)
        done += len(batch)
    said += pipeline.process([StreamEnded(CAMERA)])

    assert told(said) == told(expected)
    moments = [e.representation for e in said if isinstance(e, Moment)]
    assert moments == [e.representation for e in expected if isinstance(e, Moment)]
    incidents = store.incidents(limit=100)
    openings = [what for what, _, _ in told(said) if what == "opened"]
    assert len(incidents) == len(openings)
    assert not any(one.incident.is_open for one in incidents)
    assert [
        (one.change.value, one.incident.behavior)
        for incident in reversed(incidents)
        for one in store.history(incident.incident.id)
    ].count(("opened", "fall")) == len(openings)
    store.close()


def test_an_incident_that_was_due_opens_on_time_after_a_restart(tmp_path: Path, kit: Any) -> None:
    feed = kit.Feed()
    feed.seconds(5, kit.standing(1000))
    before, after = arrivals(feed.encoded[:5]), arrivals(feed.encoded[5:])
    store = Store(tmp_path / "cloud.sqlite")
    assert told(Pipeline(store, {}, recognition(kit)).process(before)) == []
    said = Pipeline(store, {}, recognition(kit)).process(after)
    assert told(said) == [("opened", kit.START_MS + 3000, "fall")]
    store.close()


def test_a_clock_that_was_set_back_ends_what_was_open(tmp_path: Path, kit: Any) -> None:
    store = Store(tmp_path / "cloud.sqlite")
    pipeline = Pipeline(store, {}, recognition(kit))
    first, again = kit.Feed(), kit.Feed(stream=b"stream-2")
    first.seconds(4, kit.standing(1000))
    again.seconds(2, kit.standing(2))
    pipeline.process(arrivals(first.encoded))
    said = pipeline.process(arrivals(again.encoded))
    assert [what for what, _, _ in told(said)] == ["closed"]
    assert isinstance(said[0], IncidentChange)
    assert sum(isinstance(event, Moment) for event in said) == 20
    store.close()


def test_an_end_that_was_stored_but_not_acted_on_is_acted_on_at_the_start(
    tmp_path: Path, kit: Any
) -> None:
    from mizaru.vocabulary import CameraState

    store = Store(tmp_path / "cloud.sqlite")
    feed = kit.Feed()
    feed.seconds(4, kit.standing(1000))
    Pipeline(store, {}, recognition(kit)).process(
        [*arrivals(feed.encoded), feed.status(CameraState.ENDED)]
    )
    assert len(store.incidents(is_open=True, limit=9)) == 1
    said = Pipeline(store, {}, recognition(kit)).close_ended()
    assert [what for what, _, _ in told(said)] == ["closed"]
    assert store.incidents(is_open=True, limit=9) == ()
    store.close()


def test_a_pose_that_cannot_be_read_costs_its_representation_only(tmp_path: Path, kit: Any) -> None:
    import msgspec

    feed = kit.Feed()
    feed.segment(kit.standing(1))
    (good,) = arrivals(feed.encoded)
    padded = bytes(46) + b"\x01"
    first, *rest = good.segment.representations
    bad = msgspec.structs.replace(
        first, poses=(msgspec.structs.replace(first.poses[0], points=padded),)
    )
    segment = msgspec.structs.replace(good.segment, representations=(bad, *rest))
    store = Store(tmp_path / "cloud.sqlite")
    pipeline = Pipeline(store, {}, recognition(kit))
    said = pipeline.process([NewSegment(segment, b"as it came", bytes(16), 0)])
    assert [e.representation for e in said if isinstance(e, Moment)] == rest
    assert pipeline.unreadable == 1
    store.close()


class ClumsyRecognizer:
    """Fails on one frame, and forgets nothing else."""

    def __init__(self, kit: Any) -> None:
        self._recognizer = kit.AlarmingRecognizer()

    def observe(self, observation: Observation) -> Finding:
        if observation.key.frame_id == 9:
            raise ZeroDivisionError("a bug")
        return self._recognizer.observe(observation)


def test_a_bug_in_recognition_costs_its_representation_only(tmp_path: Path, kit: Any) -> None:
    feed = kit.Feed()
    feed.seconds(5, kit.standing(1000))
    store = Store(tmp_path / "cloud.sqlite")
    clumsy = dataclasses.replace(recognition(kit), recognizer=lambda *_: ClumsyRecognizer(kit))
    pipeline = Pipeline(store, {}, clumsy)
    said = pipeline.process(arrivals(feed.encoded))
    assert pipeline.failures == 1
    assert sum(isinstance(event, Moment) for event in said) == 49
    assert told(said) == [("opened", kit.START_MS + 400 + 3000, "fall")]
    assert list(store.replay(CAMERA, 0)) == feed.encoded
    store.close()


# What operators say ------------------------------------------------------------------------------

FALSE, RIGHT = Verdict.FALSE_ALARM, Verdict.CONFIRMED


def falls(kit: Any, pipeline: Pipeline, *, camera: str = CAMERA, after_s: int = 0) -> int:
    """How many are told when somebody who is hard to judge (0.55) falls ``after_s`` later."""
    feed = kit.Feed(camera=camera, stream=after_s.to_bytes(8, "big"))
    feed.t_ms += after_s * 1000
    feed.seconds(5, kit.standing(2000))
    said = pipeline.process([*arrivals(feed.encoded), StreamEnded(camera)])
    return [what for what, _, _ in told(said)].count("opened")


def newest(store: Store) -> str:
    return store.incidents(limit=1)[0].incident.id


@pytest.mark.parametrize("killed", [False, True])
def test_a_false_alarm_counts_at_once_and_after_a_kill_for_its_camera_only(
    tmp_path: Path, kit: Any, killed: bool
) -> None:
    store = Store(tmp_path / "cloud.sqlite")
    pipeline = Pipeline(store, {}, recognition(kit))

    def go_on() -> Pipeline:
        return Pipeline(store, {}, recognition(kit)) if killed else pipeline

    assert falls(kit, pipeline) == 1
    judged = newest(store)
    assert falls(kit, pipeline, camera="attic") == 1
    assert pipeline.judge(judged, FALSE, now_ms=1).judgement is not None
    pipeline.judge(newest(store), RIGHT, now_ms=1)
    pipeline.judge(judged, FALSE, now_ms=2)
    assert adapt(store.feedback(CAMERA)).threshold(Behavior.FALL) > 0.5
    for number, (verdict, expected) in enumerate(
        [(FALSE, 0), (None, 1), (FALSE, 0), (RIGHT, 1), (FALSE, 0)], start=1
    ):
        pipeline.judge(judged, verdict, now_ms=number)
        pipeline = go_on()
        assert falls(kit, pipeline, after_s=100 * number) == expected
        assert falls(kit, pipeline, camera="attic", after_s=100 * number) == 1
    pipeline.discount(CAMERA)
    pipeline = go_on()
    assert falls(kit, pipeline, after_s=900) == 1
    store.close()


def test_what_is_said_while_somebody_is_there_counts_from_the_next_picture_on(
    tmp_path: Path, kit: Any
) -> None:
    store = Store(tmp_path / "cloud.sqlite")
    pipeline = Pipeline(store, {}, recognition(kit))
    assert falls(kit, pipeline) == 1
    feed = kit.Feed(stream=b"stream-2")
    feed.t_ms += 100_000
    feed.seconds(5, kit.standing(2000))
    segments = arrivals(feed.encoded)
    assert told(pipeline.process(segments[:5])) == []
    pipeline.judge(newest(store), FALSE, now_ms=1)
    assert told(pipeline.process(segments[5:])) == []
    store.close()


@pytest.mark.parametrize("times", [1, 100])
def test_falls_cannot_be_silenced_beyond_the_bound(tmp_path: Path, kit: Any, times: int) -> None:
    store = Store(tmp_path / "cloud.sqlite")
    pipeline = Pipeline(store, {}, recognition(kit))
    for number in range(times):
        feed = kit.Feed(stream=number.to_bytes(8, "big"))
        feed.t_ms += number * 100_000
        feed.seconds(4, kit.standing(1000))  # 0.9
        said = pipeline.process([*arrivals(feed.encoded), StreamEnded(CAMERA)])
        assert [what for what, _, _ in told(said)] == ["opened", "closed"]
        pipeline.judge(newest(store), FALSE, now_ms=number)
    assert adapt(store.feedback(CAMERA)).threshold(Behavior.FALL) <= 0.65
    store.close()


def test_an_incident_that_never_was_cannot_be_judged(tmp_path: Path, kit: Any) -> None:
    store = Store(tmp_path / "cloud.sqlite")
    pipeline = Pipeline(store, {}, recognition(kit))
    for verdict in (FALSE, None):
        with pytest.raises(KeyError):
            pipeline.judge("nothing", verdict, now_ms=1)
    store.close()


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(words=st.lists(st.tuples(st.integers(0, 3), st.sampled_from([FALSE, RIGHT, None]))))
def test_only_the_last_word_about_each_incident_counts(
    tmp_path_factory: pytest.TempPathFactory, kit: Any, words: list[tuple[int, Verdict | None]]
) -> None:
    store = Store(tmp_path_factory.mktemp("words") / "cloud.sqlite")
    pipeline = Pipeline(store, {}, recognition(kit))
    for number in range(4):
        assert falls(kit, pipeline, after_s=100 * number) == 1
    ids = [one.incident.id for one in store.incidents(limit=9)]
    last: dict[int, Verdict | None] = {}
    for number, verdict in words:
        pipeline.judge(ids[number], verdict, now_ms=1)
        last[number] = verdict
    once = [Feedback(Behavior.FALL, 0.55, v) for v in last.values() if v is not None]
    assert adapt(store.feedback(CAMERA)) == adapt(once)
    store.close()
