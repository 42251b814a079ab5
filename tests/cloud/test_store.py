"""What is kept, and what happens when it cannot be."""

from __future__ import annotations

import dataclasses
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mizaru.cloud import tables
from mizaru.cloud.incident import ChangeKind, Incident, IncidentChange, Judgement, Verdict
from mizaru.cloud.recognize import Feedback, Measured
from mizaru.cloud.store import Batch, Gap, NewSegment, Store
from mizaru.errors import StorageFullError, StoreError
from mizaru.vocabulary import Behavior, CameraState, Severity
from mizaru.wire.messages import GENESIS, Cursor, Segment, chain_digest, plate_digest

HOUR = 3_600_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "cloud.sqlite")
    yield store
    store.close()


def new(segment: Segment, encoded: bytes, received_ms: int = 0) -> NewSegment:
    return NewSegment(segment, encoded, chain_digest(encoded), received_ms)


def send(store: Store, feed: Any, received_ms: int, **options: Any) -> None:
    """Make and store one segment."""
    segment = feed.segment(**options)
    store.commit(Batch(segments=(new(segment, feed.encoded[-1], received_ms),)))


def incident(name: str, *, opened_ms: int = 1000, ended_ms: int | None = None) -> Incident:
    return Incident(
        id=name,
        camera_id="ward",
        behavior=Behavior.FALL,
        severity=Severity.ALARM,
        zone="",
        started_ms=opened_ms - 500,
        opened_ms=opened_ms,
        last_ms=ended_ms or opened_ms,
        ended_ms=ended_ms,
        confidence=0.75,
        subject_ids=(3, 8),
        measures=(Measured("descent_speed", 1.25, "body heights/s"),),
        reason="fell at 1.25 body heights/s",
        box_xyxy=(0.1, 0.2, 0.3, 0.9),
    )


def change(one: Incident, kind: ChangeKind) -> IncidentChange:
    return IncidentChange(kind, one.last_ms + 100, one)


def test_a_cursor_follows_what_is_stored(store: Store, kit: Any) -> None:
    feed = kit.Feed()
    assert store.cursor("ward", kit.STREAM) == Cursor("ward", kit.STREAM, 0, GENESIS)
    for _ in range(3):
        send(store, feed, 0)
    expected = Cursor("ward", kit.STREAM, 3, chain_digest(feed.encoded[-1]))
    assert store.cursor("ward", kit.STREAM) == expected


def test_a_segment_is_never_stored_twice(store: Store, kit: Any) -> None:
    feed = kit.Feed()
    segment = new(feed.segment(), feed.encoded[-1])
    store.commit(Batch(segments=(segment,)))
    with pytest.raises(StoreError):
        store.commit(Batch(segments=(segment,)))


def test_a_batch_is_stored_whole_or_not_at_all(store: Store, kit: Any) -> None:
    feed = kit.Feed()
    first = new(feed.segment(plate=kit.webp()), feed.encoded[-1])
    opened = change(incident("a"), ChangeKind.OPENED)
    with pytest.raises(StoreError):
        store.commit(
            Batch((first, first), (Gap("ward", b"s", 1, 2, 0),), (opened,), (feed.status(),))
        )
    assert store.cursor("ward", kit.STREAM).number == 0
    assert store.incidents(limit=9) == ()
    assert store.cameras() == {}
    assert store.plate(plate_digest(kit.webp())) is None


def test_a_camera_is_known_by_its_last_segment_and_status(store: Store, kit: Any) -> None:
    feed = kit.Feed()
    send(store, feed, 0, plate=kit.webp())
    status = feed.status(CameraState.BLIND, restarts=2)
    store.commit(Batch(statuses=(feed.status(), status)))
    (camera,) = store.cameras().values()
    assert camera == store.camera("ward")
    assert (camera.width, camera.height, camera.known_percent) == (640, 360, 80)
    assert camera.plate == plate_digest(kit.webp())
    assert camera.through_ms == feed.t_ms - 100
    assert camera.status == status
    assert store.camera("attic") is None


def test_an_incident_comes_back_as_it_was_stored(store: Store) -> None:
    opened, closed = incident("a"), incident("a", ended_ms=9000)
    store.commit(Batch(changes=(change(opened, ChangeKind.OPENED),)))
    found = store.incident("a")
    assert found is not None
    assert (found.incident, found.change) == (opened, ChangeKind.OPENED)
    store.commit(Batch(changes=(change(closed, ChangeKind.CLOSED),)))
    assert [one.incident for one in store.history("a")] == [opened, closed]
    assert store.incident("b") is None
    assert store.history("b") == ()


def test_incidents_come_the_last_opened_first_in_pages(store: Store) -> None:
    for number in range(5):
        one = incident(f"i{number}", ended_ms=2000 if number % 2 else None)
        kind = ChangeKind.CLOSED if number % 2 else ChangeKind.OPENED
        store.commit(Batch(changes=(change(one, kind),)))

    def ids(**query: Any) -> list[str]:
        return [one.incident.id for one in store.incidents(**{"limit": 9} | query)]

    assert ids() == ["i4", "i3", "i2", "i1", "i0"]
    assert ids(limit=2) == ["i4", "i3"]
    assert ids(limit=2, before="i3") == ["i2", "i1"]
    assert ids(is_open=True) == ["i4", "i2", "i0"]
    assert ids(is_open=False, camera="ward") == ["i3", "i1"]
    assert ids(camera="attic") == []
    with pytest.raises(KeyError):
        ids(before="nothing")


def test_known_incidents_are_open_or_recent(store: Store) -> None:
    for name, ended in (("old", 1500), ("recent", 6000), ("open", None)):
        one = incident(name, ended_ms=ended)
        store.commit(
            Batch(changes=(change(one, ChangeKind.CLOSED if ended else ChangeKind.OPENED),))
        )
    assert {one.id for one in store.known_incidents("ward", 5000)} == {"recent", "open"}
    assert store.known_incidents("attic", 0) == ()


def test_a_replay_gives_the_end_in_order_and_stops_where_the_clock_was_set_back(
    store: Store, kit: Any
) -> None:
    old, feed = kit.Feed(stream=b"stream-0", t_ms=kit.START_MS + 10_000), kit.Feed()
    other = kit.Feed(camera="attic")
    for _ in range(4):
        send(store, old, 0)
    for _ in range(6):
        send(store, feed, 0)
        send(store, other, 0)
    assert list(store.replay("ward", 0)) == feed.encoded
    assert list(store.replay("ward", kit.START_MS + 2000)) == feed.encoded[4:]


def test_a_window_holds_what_began_within_it_and_only_of_its_camera(store: Store, kit: Any) -> None:
    feed, other = kit.Feed(), kit.Feed(camera="attic")
    for _ in range(40):
        send(store, feed, 0)
        send(store, other, 0)
    for first, last in ((0, 3), (7, 12), (38, 60), (-5, 1), (39, 39), (41, 50)):
        span = (kit.START_MS + 500 * first - 499, kit.START_MS + 500 * last)
        expected = feed.encoded[max(first, 0) : last + 1]
        assert store.window("ward", *span) == expected, (first, last)
    assert store.window("nowhere", 0, kit.START_MS * 2) == []


def test_purging_forgets_segments_and_plates_but_never_incidents_or_cursors(
    store: Store, kit: Any
) -> None:
    feed = kit.Feed()
    plates = [kit.webp(seed) for seed in range(3)]
    store.commit(Batch(changes=(change(incident("a"), ChangeKind.OPENED),)))
    send(store, feed, 0 * HOUR, plate=plates[0])
    send(store, feed, 1 * HOUR, plate=plates[1])
    send(store, feed, 10 * HOUR)
    send(store, feed, 11 * HOUR, plate=plates[2])
    assert store.purge(5 * HOUR) == 2
    assert list(store.replay("ward", 0)) == feed.encoded[2:]
    kept = [store.plate(plate_digest(plate)) is not None for plate in plates]
    assert kept == [False, True, True], "the second plate belongs to a segment that is kept"
    assert store.cursor("ward", kit.STREAM).number == 4
    assert store.incident("a") is not None
    assert store.purge(99 * HOUR) == 2
    kept = [store.plate(plate_digest(plate)) is not None for plate in plates]
    assert kept == [False, False, True], "a current plate stays"


def test_purging_takes_one_step_at_a_time(
    store: Store, kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mizaru.cloud.store.store.PURGE_STEP", 2)
    feed = kit.Feed()
    for _ in range(5):
        send(store, feed, 0)
    assert [store.purge(HOUR) for _ in range(4)] == [2, 2, 1, 0]


def test_a_plate_that_a_camera_left_before_a_restart_is_still_followed(
    tmp_path: Path, kit: Any
) -> None:
    feed = kit.Feed()
    file = tmp_path / "again.sqlite"
    first = Store(file)
    send(first, feed, 0, plate=kit.webp(1))
    first.close()
    second = Store(file)
    send(second, feed, 10 * HOUR, plate=kit.webp(2))
    second.purge(5 * HOUR)
    assert second.plate(plate_digest(kit.webp(1))) is not None
    second.close()


def test_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("these are notes, and long enough to be no empty database" * 20)
    foreign = tmp_path / "foreign.sqlite"
    with closing(sqlite3.connect(foreign)) as db:
        db.execute("CREATE TABLE recipes (name)")
    newer = tmp_path / "newer.sqlite"
    Store(newer).close()
    with closing(sqlite3.connect(newer)) as db:
        db.execute("UPDATE mizaru_schema SET version = 99")
        db.commit()
    for file, words in ((text, "not a database"), (foreign, "not Mizaru's"), (newer, "99")):
        before = file.read_bytes()
        with pytest.raises(StoreError, match=words):
            Store(file)
        assert file.read_bytes() == before
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(tmp_path / "notes.txt" / "cloud.sqlite")


# What operators say ------------------------------------------------------------------------------

WRONG = Judgement(Verdict.FALSE_ALARM, "the cleaner knelt", 5000, 0.75)


def stored_incidents(store: Store, *names: str) -> None:
    for name in names:
        store.commit(Batch(changes=(change(incident(name), ChangeKind.OPENED),)))


def test_the_last_word_about_an_incident_stands_until_it_is_taken_back(
    store: Store, tmp_path: Path
) -> None:
    stored_incidents(store, "a", "b")
    right = Judgement(Verdict.CONFIRMED, "", 6000, 0.8)
    for said in (WRONG, right):
        found = store.judge("a", said)
        assert (found.incident, found.judgement) == (incident("a"), said)
        assert store.incident("a") == found
        again = Store(tmp_path / "cloud.sqlite")
        assert again.judgements(["a", "b"]) == {"a": said}
        assert again.feedback("ward") == (Feedback(Behavior.FALL, said.confidence, said.verdict),)
        again.close()
    assert [one.judgement for one in store.incidents(limit=9)] == [None, right]
    assert [one.judgement for one in store.history("a")] == [right]
    store.commit(Batch(changes=(change(incident("a", ended_ms=9000), ChangeKind.CLOSED),)))
    assert store.judgements(["a"]) == {"a": right}
    assert store.judge("a", None).judgement is None
    assert store.judgements(["a"]) == {}
    assert store.feedback("ward") == ()
    assert store.judge("a", None).judgement is None


def test_nothing_is_said_of_an_incident_that_never_was(store: Store) -> None:
    for said in (WRONG, None):
        with pytest.raises(KeyError):
            store.judge("a", said)
    assert store.judgements(["a"]) == {}


def test_what_is_discounted_is_kept_but_does_not_count_until_it_is_said_again(store: Store) -> None:
    stored_incidents(store, "a", "b")
    store.judge("a", WRONG)
    store.discount("attic")
    assert len(store.feedback("ward")) == 1
    store.discount("ward")
    assert store.feedback("ward") == ()
    assert store.judgements(["a"]) == {"a": dataclasses.replace(WRONG, counts=False)}
    store.judge("b", dataclasses.replace(WRONG, confidence=0.6))
    assert [one.confidence for one in store.feedback("ward")] == [0.6]
    store.judge("a", WRONG)
    assert [one.confidence for one in store.feedback("ward")] == [0.75, 0.6]


# Databases of older versions ----------------------------------------------------------------------


def rows(file: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    with closing(sqlite3.connect(file)) as db:
        names = [n for (n,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(db.execute(f"SELECT * FROM {name}")) for name in names}


def shape(file: Path) -> dict[str, Any]:
    """Every table's columns and indices."""
    with closing(sqlite3.connect(file)) as db:
        names = [n for (n,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: (
                list(db.execute(f"PRAGMA table_info({name})")),
                sorted(row[1:] for row in db.execute(f"PRAGMA index_list({name})")),
            )
            for name in names
        }


def of_version(number: int, folder: Path) -> Path:
    """A database that the program made when its schema was of this version, as SQL of then: one
    camera, three segments, two incidents; in version 2 one of these is judged."""
    file = folder / f"v{number}.sqlite"
    with closing(sqlite3.connect(file)) as db:
        db.executescript(Path(__file__).with_name(f"store-v{number}.sql").read_text())
    return file


NEW_SINCE = {
    1: ("feedback", "ledger_cameras", "ledger_tracks"),
    2: ("ledger_cameras", "ledger_tracks"),
}


@pytest.mark.parametrize("version", [1, 2])
def test_an_old_database_loses_nothing_and_becomes_one_of_now(version: int, tmp_path: Path) -> None:
    file = of_version(version, tmp_path)
    before = rows(file)
    store = Store(file)
    after = rows(file)
    assert after.pop("mizaru_schema") == [(tables.SCHEMA_VERSION,)]
    assert [after.pop(name) for name in NEW_SINCE[version]] == [[] for _ in NEW_SINCE[version]]
    before.pop("mizaru_schema")
    assert after == before
    Store(tmp_path / "new.sqlite").close()
    assert shape(file) == shape(tmp_path / "new.sqlite")
    (camera,) = store.cameras().values()
    segments = [decode(encoded) for encoded in store.replay(camera.id, 0)]
    assert len(segments) == 3
    assert all(segment.channel is None for segment in segments)
    first, second = reversed(store.incidents(limit=9))
    assert (first.incident.is_open, second.incident.is_open) == (False, True)
    assert (first.judgement is None) == (version == 1)
    assert [one.change.value for one in store.history(first.incident.id)] == ["opened", "closed"]
    assert store.judge(first.incident.id, WRONG).judgement == WRONG
    store.close()


def test_an_upgrade_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = of_version(1, tmp_path)
    before = file.read_bytes()
    step = (*tables.UPGRADES[2], "CREATE TABLE cameras (again INTEGER)")
    with monkeypatch.context() as patch:
        patch.setitem(tables.UPGRADES, 2, step)
        with pytest.raises(StoreError, match="cameras"):
            Store(file)
    assert file.read_bytes() == before
    Store(file).close()


def test_a_file_of_ours_can_be_opened_again(tmp_path: Path, kit: Any) -> None:
    for count in (1, 2):
        store = Store(tmp_path / "cloud.sqlite")
        feed = kit.Feed(stream=bytes([count]) * 8)
        send(store, feed, 0)
        store.close()
    with closing(sqlite3.connect(tmp_path / "cloud.sqlite")) as db:
        assert db.execute("SELECT count(*) FROM segments").fetchone() == (2,)


def test_a_full_disk_is_said_and_nothing_is_half_stored(store: Store, kit: Any) -> None:
    feed = kit.Feed()
    with store._engine.begin() as db:
        pages = db.exec_driver_sql("PRAGMA page_count").scalar()
        db.exec_driver_sql(f"PRAGMA max_page_count = {pages + 4}")
    stored = 0
    with pytest.raises(StorageFullError, match="no room"):  # noqa: PT012 (until it is full)
        for number in range(100):
            send(store, feed, 0, plate=kit.webp(number, 8000))
            stored += 1
    assert store.cursor("ward", kit.STREAM).number == stored
    with store._engine.begin() as db:
        db.exec_driver_sql("PRAGMA max_page_count = 1000000")
    retried = decode(feed.encoded[stored])
    store.commit(Batch(segments=(new(retried, feed.encoded[stored]),)))
    assert store.cursor("ward", kit.STREAM).number == stored + 1


def decode(encoded: bytes) -> Segment:
    from mizaru.wire.codec import decode_from_edge

    segment = decode_from_edge(encoded)
    assert isinstance(segment, Segment)
    return segment


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.geteuid() != 0, reason="mounting needs root"
)
def test_a_really_full_disk_is_said_too(tmp_path: Path, kit: Any) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(mount)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("this machine does not let us mount")
    try:
        store = Store(mount / "cloud.sqlite")
        feed = kit.Feed()
        stored = 0
        with pytest.raises(StorageFullError):  # noqa: PT012 (until it is full)
            for number in range(100):
                send(store, feed, 0, plate=kit.webp(number, 30_000))
                stored += 1
        assert store.cursor("ward", kit.STREAM).number == stored
        store.close()
        again = Store(mount / "cloud.sqlite")
        assert len(list(again.replay("ward", 0))) == stored
        again.close()
    finally:
        subprocess.run(["umount", str(mount)], check=True)
