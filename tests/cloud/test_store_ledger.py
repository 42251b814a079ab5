"""The ledger's books: everything counts once, and bounds follow from what was counted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mizaru.cloud.store import Batch, NewSegment, Store
from mizaru.errors import StoreError
from mizaru.ledger.account import Channel, Reading, figures
from mizaru.ledger.record import channel_of, record_of
from mizaru.wire.messages import Segment, Withheld, chain_digest

BUDGET = 60
RECORD = record_of(Channel(8, 1.0, 0.35, 0.5), BUDGET, b"abcd")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "cloud.sqlite")
    yield store
    store.close()


def keep(store: Store, feed: Any, *segments: Segment, received_ms: int = 0) -> None:
    """Store segments in one batch."""
    encoded = (feed.encoded[segment.number - 1] for segment in segments)
    news = (
        NewSegment(segment, data, chain_digest(data), received_ms)
        for segment, data in zip(segments, encoded, strict=True)
    )
    store.commit(Batch(segments=tuple(news)))


def bits(*things: Any) -> int:
    return sum(8 * len(msgspec.msgpack.encode(thing)) for thing in things)


def test_a_cameras_sums_are_the_sums_of_its_segments(store: Store, kit: Any) -> None:
    feed, other = kit.Feed(), kit.Feed("attic", b"stream-2")
    segments = [
        feed.segment(kit.standing(1), plate=kit.webp()),
        feed.segment(kit.standing(1), kit.standing(2, 0.2), channel=RECORD),
        feed.segment(channel=RECORD, withheld=Withheld.NOBODY),
        feed.segment(kit.standing(1), channel=RECORD, withheld=Withheld.FAILED),
    ]
    keep(store, feed, segments[0])
    keep(store, feed, *segments[1:])
    keep(store, other, other.segment(kit.standing(1)))
    attic, ward = store.ledger_cameras()
    assert (attic.camera, ward.camera) == ("attic", "ward")
    every = [r for segment in segments for r in segment.representations]
    assert ward.frames == len(every) == 20
    assert ward.wire_bits == sum(8 * len(encoded) for encoded in feed.encoded)
    assert ward.pose_bits == bits(*(pose for r in every for pose in r.poses))
    assert ward.z_bits == bits(*(r.embedding for r in every if r.embedding))
    assert (ward.plates, ward.plate_bits) == (1, 8 * len(kit.webp()))
    assert (ward.z_frames, ward.spent, ward.failed) == (5, 0, 5)
    assert (ward.first_ms, ward.last_ms) == (every[0].t_ms, every[-1].t_ms)
    assert ward.pose_bits + ward.z_bits + ward.plate_bits < ward.wire_bits


def test_everybody_who_is_there_is_charged_the_whole_z(store: Store, kit: Any) -> None:
    feed = kit.Feed()
    keep(store, feed, feed.segment(kit.standing(1), channel=RECORD))
    keep(store, feed, feed.segment(kit.standing(1), kit.standing(2, 0.2), channel=RECORD))
    second, first = store.ledger_tracks(limit=9)
    assert (first.subject, second.subject) == (1, 2)
    assert first.number < second.number
    assert (first.frames, first.z_frames, second.frames, second.z_frames) == (10, 10, 5, 5)
    assert first.z_bits == 2 * second.z_bits
    assert first.record == RECORD
    channel = channel_of(RECORD, 25)
    assert first.channel == channel
    assert first.nats == channel.nats(10)
    assert first.figures(Reading.ANY) == figures(channel, Reading.ANY, 10)
    assert first.figures(Reading.STATIC) == figures(channel, Reading.STATIC, 10)


def test_a_track_without_z_costs_nothing_and_has_no_bounds(store: Store, kit: Any) -> None:
    feed = kit.Feed()
    keep(store, feed, feed.segment(kit.standing(1)))
    keep(
        store,
        feed,
        feed.segment(kit.standing(2), channel=RECORD, withheld=Withheld.FAILED),
    )
    failing, plain = store.ledger_tracks(limit=9)
    assert (plain.channel, plain.nats, plain.is_spent) == (None, 0.0, False)
    assert (failing.record, failing.nats, failing.failed) == (RECORD, 0.0, 5)
    assert plain.figures(Reading.ANY) is None
    assert failing.figures(Reading.ANY) is None


def test_a_spent_budget_is_seen_here_as_at_the_edge(store: Store, kit: Any) -> None:
    feed, left = kit.Feed(), Channel(8, 1.0, 0.35, 0.5).frames_within(BUDGET)
    assert left % 5
    while left > 0:
        here = min(5, left)
        keep(store, feed, feed.segment(kit.standing(1), count=here, channel=RECORD))
        left -= here
        (track,) = store.ledger_tracks(limit=9)
        assert track.is_spent == (left == 0)
    spent = feed.segment(kit.standing(1), channel=RECORD, withheld=Withheld.SPENT)
    keep(store, feed, spent)
    (track,) = store.ledger_tracks(limit=9)
    assert track.spent == 5
    assert track.nats <= BUDGET
    assert track.scale == 25


def test_what_could_not_be_stored_is_not_counted(store: Store, kit: Any) -> None:
    feed = kit.Feed()
    segment = feed.segment(kit.standing(1), channel=RECORD)
    keep(store, feed, segment)
    before = (store.ledger_cameras(), store.ledger_tracks(limit=9))
    with pytest.raises(StoreError):
        keep(store, feed, segment)
    assert (store.ledger_cameras(), store.ledger_tracks(limit=9)) == before


def test_tracks_come_in_pages_and_by_camera(store: Store, kit: Any) -> None:
    feeds = [kit.Feed(), kit.Feed("attic", b"stream-2")]
    for subject in range(1, 7):
        feed = feeds[subject % 2]
        keep(store, feed, feed.segment(kit.standing(subject)))
    first = store.ledger_tracks(limit=4)
    rest = store.ledger_tracks(before=first[-1].number, limit=4)
    assert [one.subject for one in (*first, *rest)] == [6, 5, 4, 3, 2, 1]
    assert {one.camera for one in store.ledger_tracks(camera="attic", limit=9)} == {"attic"}
    assert store.ledger_tracks(before=rest[-1].number, limit=4) == ()


def test_old_tracks_are_purged_and_the_sums_stay(store: Store, kit: Any) -> None:
    feed = kit.Feed()
    keep(store, feed, feed.segment(kit.standing(1)), received_ms=1000)
    keep(store, feed, feed.segment(kit.standing(2)), received_ms=5000)
    sums = store.ledger_cameras()
    store.purge(3000)
    assert [track.subject for track in store.ledger_tracks(limit=9)] == [2]
    assert store.ledger_cameras() == sums


def test_a_clock_set_back_widens_the_span(store: Store, kit: Any) -> None:
    feed = kit.Feed()
    keep(store, feed, feed.segment(kit.standing(1)))
    begun = feed.t_ms
    feed.t_ms -= 3_600_000
    keep(store, feed, feed.segment(kit.standing(1)))
    (track,) = store.ledger_tracks(limit=9)
    assert (track.first_ms, track.last_ms) == (begun - 3_600_000, begun - 100)
