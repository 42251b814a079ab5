"""Segments obey their rules whatever a darkroom writes, and lose nothing that obeys them too."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mizaru.edge.segmenter import CLOCK_SET_BACK_MS, Draft, Segmenter
from mizaru.wire.budget import framing, rows
from mizaru.wire.codec import encode
from mizaru.wire.messages import (
    GENESIS,
    MAX_POSES_PER_SEGMENT,
    MAX_REPRESENTATIONS,
    SEGMENT_LEAST_MS,
    SEGMENT_MS,
    ChannelRecord,
    Developed,
    Embedding,
    Plate,
    PoseRecord,
    Representation,
    Withheld,
)

Make = Callable[..., Developed]


def segmenter(clock: Callable[[], float] = lambda: 0.0) -> Segmenter:
    return Segmenter("a", clock)


def run(segmenter: Segmenter, items: Iterable[Developed]) -> list[Draft]:
    drafts = [draft for item in items for draft in segmenter.push(item)]
    return drafts + segmenter.flush()


def ticks(drafts: Iterable[Draft]) -> list[list[int]]:
    return [[r.frame_id for r in draft.representations] for draft in drafts]


def test_five_ticks_are_a_segment_and_it_leaves_with_the_fifth(developed: Make) -> None:
    s = segmenter()
    left = [len(s.push(developed(tick))) for tick in range(10)]
    assert left == [0, 0, 0, 0, 1] * 2
    assert s.flush() == []


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (range(12), [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11]]),
        ([0, 4, 5], [[0, 4], [5]]),
        ([0, 5], [[0], [5]]),
        ([0, 2, 7, 8, 30], [[0, 2], [7, 8], [30]]),
    ],
)
def test_a_segment_spans_less_than_half_a_second(
    developed: Make, times: Iterable[int], expected: list[list[int]]
) -> None:
    assert ticks(run(segmenter(), map(developed, times))) == expected


@pytest.mark.parametrize("people", [5, 6, 7, 8])
def test_a_crowd_on_every_second_tick_loses_nothing(developed: Make, people: int) -> None:
    s = segmenter()
    drafts = run(s, (developed(tick, people) for tick in range(0, 100, 2)))
    assert s.dropped == 0
    assert sum(len(draft.representations) for draft in drafts) == 50
    for draft in drafts:
        assert sum(len(r.poses) for r in draft.representations) <= MAX_POSES_PER_SEGMENT


def test_a_crowd_on_every_tick_is_thinned_and_counted(developed: Make) -> None:
    s = segmenter()
    drafts = run(s, (developed(tick, 8) for tick in range(10)))
    assert [tick for group in ticks(drafts) for tick in group] == [0, 2, 4, 6, 8]
    assert s.dropped == 5


def test_times_that_do_not_grow_are_dropped_and_counted(developed: Make) -> None:
    s = segmenter()
    assert ticks(run(s, map(developed, [3, 3, 2, 4]))) == [[3, 4]]
    assert s.dropped == 2


def test_another_size_begins_another_segment(developed: Make) -> None:
    items = [developed(tick, width=640 if tick < 4 else 320) for tick in range(8)]
    drafts = run(segmenter(), items)
    assert [(draft.width, len(draft.representations)) for draft in drafts] == [(640, 4), (320, 4)]


def test_another_channel_begins_another_segment(developed: Make) -> None:
    channels = [ChannelRecord(8, 1000, sigma, 50, 3000, bytes(4)) for sigma in (200, 350)]
    items = [replace(developed(tick), channel=channels[tick >= 4]) for tick in range(8)]
    drafts = run(segmenter(), items)
    assert [(draft.channel, len(draft.representations)) for draft in drafts] == [
        (channels[0], 4),
        (channels[1], 4),
    ]
    assert drafts[0].seal(bytes(8), 1, GENESIS).channel == channels[0]


def test_sizes_that_flicker_cannot_raise_the_rate(developed: Make) -> None:
    s = segmenter()
    drafts = run(s, (developed(tick, width=640 + tick % 2) for tick in range(40)))
    assert len(drafts) <= 10
    assert s.dropped + sum(len(draft.representations) for draft in drafts) == 40


def test_a_clock_set_back_begins_anew_but_not_all_the_time(developed: Make) -> None:
    now = [0.0]
    s = segmenter(lambda: now[0])
    back = CLOCK_SET_BACK_MS // 100
    run(s, [developed(back * 10)])
    assert ticks(run(s, [developed(5)])) == [[5]]
    run(s, [developed(back * 10)])
    assert run(s, [developed(6)]) == []
    now[0] = 10.0
    assert ticks(run(s, [developed(6)])) == [[6]]


def test_a_plate_rides_along_once_a_minute_the_latest_one(developed: Make, plate: Plate) -> None:
    s = segmenter()
    drafts = []
    for tick in range(1300):
        if tick % 100 == 0:
            s.offer_plate(Plate(plate.image, tick // 100))
        drafts += s.push(developed(tick))
    with_plate = [
        (draft.representations[0].frame_id, draft.plate.known_percent)
        for draft in drafts
        if draft.plate is not None
    ]
    assert with_plate == [(0, 0), (600, 6), (1200, 12)]


def test_a_plate_waits_for_its_minute(developed: Make, plate: Plate) -> None:
    s = segmenter()
    s.offer_plate(plate)
    run(s, map(developed, range(5)))
    s.offer_plate(plate)
    assert [draft.plate for draft in run(s, map(developed, range(5, 600)))] == [None] * 119
    assert run(s, map(developed, range(600, 605)))[0].plate == plate


def test_a_sealed_draft_is_the_segment_at_its_place(draft: Callable[..., Draft]) -> None:
    sealed = draft("a", range(3)).seal(bytes(8), 7, GENESIS)
    assert (sealed.camera, sealed.number, sealed.previous) == ("a", 7, GENESIS)
    assert len(sealed.representations) == 3


@st.composite
def wild(draw: st.DrawFn) -> list[tuple[int, int, int]]:
    """(tick, poses, width) of a darkroom gone wild, mostly forward in time and crowded."""
    steps = draw(
        st.lists(
            st.tuples(
                st.sampled_from([1, 1, 1, 1, 2, 2, 3, 5, 0, -1]),
                st.sampled_from([0, 4, 4, 5, 8, 8, 8]),
                st.sampled_from([640, 640, 640, 320]),
            ),
            min_size=1,
            max_size=120,
        )
    )
    now, out = 100, []
    for step, poses, width in steps:
        now = max(0, now + step)
        out.append((now, poses, width))
    return out


def _full(tick: int, poses: int, width: int) -> Developed:
    """As many bytes as these numbers allow."""
    records = tuple(PoseRecord(2**32 - 1 - i, bytes(3), bytes(47)) for i in range(poses))
    # Late in time and in frames, so that every integer takes its longest form.
    t_ms = 2**47 - 2**47 % 100 + tick * 100
    representation = Representation(
        2**32 - 1, t_ms, bytes(8), records, Embedding(2**16 - 1, bytes(32)), Withheld.NOT, 100
    )
    channel = ChannelRecord(32, 2**16 - 1, 2**16 - 1, 99, 2**32 - 1, bytes(4))
    return Developed(representation, 2**14 - width, 2**14, 2**48 - 1, channel)


@settings(max_examples=150, deadline=None)
@given(wild())
def test_no_darkroom_can_exceed_the_budget(items: list[tuple[int, int, int]]) -> None:
    s = Segmenter("c" * 32, lambda: 0.0)
    drafts = run(s, (_full(*item) for item in items))
    sent = []
    for number, draft in enumerate(drafts, start=2**31):
        times = [r.t_ms for r in draft.representations]
        assert len(times) <= MAX_REPRESENTATIONS
        assert times[-1] - times[0] < SEGMENT_MS
        size = len(encode(draft.seal(bytes(8), number, GENESIS)))
        sent.append((times[0], size + framing(size)))
    begun = [t_ms for t_ms, _ in sent]
    assert all(b - a >= SEGMENT_LEAST_MS for a, b in itertools.pairwise(begun))
    # In any stretch: what its seconds allow, and one segment that had been saved up.
    rate = sum(row.bytes_per_s for row in rows()[:3])
    burst = max((size for _, size in sent), default=0)
    for first in range(len(sent)):
        total = 0
        for t_ms, size in sent[first:]:
            total += size
            assert total <= rate * (t_ms - sent[first][0]) / 1000 + burst


@settings(max_examples=100, deadline=None)
@given(wild())
def test_everything_is_sent_once_in_order_or_counted(items: list[tuple[int, int, int]]) -> None:
    s = segmenter()
    drafts = run(s, (_full(*item) for item in items))
    times: list[Any] = [r.t_ms for draft in drafts for r in draft.representations]
    assert times == sorted(set(times))
    assert len(times) + s.dropped == len(items)
