"""Slots change hands through pipes: nothing torn, nothing twice, the latest frame wins."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mizaru.edge.darkroom.capture.slots import (
    ALL_SLOTS,
    FAST_SLOTS,
    SLOT_BYTES,
    SLOTS,
    Record,
    Slots,
    SlotWriter,
    release,
    take,
)


@pytest.fixture
def slots() -> Iterator[Slots]:
    slots = Slots()
    yield slots
    slots.close()


def write(writer: SlotWriter, number: int) -> None:
    """A frame that says its number in every pixel."""
    slot = writer.acquire()
    writer.view(slot, 8, 6)[:] = number % 256
    writer.publish(
        slot, width=8, height=6, frames_in=number, t_ms=number, captured_ns=0, position_ms=-1
    )


def is_whole(slots: Slots, record: Record) -> bool:
    return bool((slots.view(record.slot, 8, 6) == record.t_ms % 256).all())


def test_live_the_latest_frame_wins_and_the_rest_is_counted(slots: Slots) -> None:
    writer = SlotWriter(slots, 1, live=True)
    release(slots, 1, ALL_SLOTS)
    for number in range(1, 11):
        write(writer, number)
    record = take(slots)
    assert record is not None
    assert (record.t_ms, record.frames_in, record.frames_dropped) == (10, 10, 9)
    assert is_whole(slots, record)
    assert take(slots) is None


def test_live_a_frame_being_read_is_never_written(slots: Slots) -> None:
    writer = SlotWriter(slots, 1, live=True)
    release(slots, 1, ALL_SLOTS)
    write(writer, 1)
    held = take(slots)
    assert held is not None
    for number in range(2, 40):
        write(writer, number)
        assert is_whole(slots, held)


def test_fast_the_writer_stops_at_its_last_slot(slots: Slots) -> None:
    writer = SlotWriter(slots, 1, live=False)
    release(slots, 1, ALL_SLOTS)
    for number in range(1, FAST_SLOTS + 1):
        write(writer, number)
    first = take(slots)
    assert first is not None
    release(slots, 1, first.slot)
    write(writer, FAST_SLOTS + 1)  # would block for ever without the release
    assert [r.t_ms for r in iter(lambda: take(slots), None)] == [2, 3]
    assert first.frames_dropped == 0


def test_tokens_of_a_dead_writer_are_void(slots: Slots) -> None:
    old = SlotWriter(slots, 1, live=True)
    release(slots, 1, ALL_SLOTS)
    write(old, 1)
    held = take(slots)
    assert held is not None
    release(slots, 1, held.slot)  # for nobody
    new = SlotWriter(slots, 2, live=True)
    release(slots, 2, ALL_SLOTS)
    new.reserve()
    assert sorted(new.free) == list(range(SLOTS))


def test_a_grant_to_a_dead_writer_grants_nothing_to_the_next(slots: Slots) -> None:
    """It died before it read the grant; the reader may still hold a slot of its frames."""
    release(slots, 1, ALL_SLOTS)
    writer = SlotWriter(slots, 2, live=True)
    waiting = threading.Thread(target=writer.reserve)
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    assert writer.free == ()
    release(slots, 2, ALL_SLOTS)
    waiting.join(5)
    assert sorted(writer.free) == list(range(SLOTS))


def test_a_pipe_full_of_void_tokens_does_not_block_the_reader(slots: Slots) -> None:
    for _ in range(100_000):
        release(slots, 1, 0)
    writer = SlotWriter(slots, 2, live=True)
    release(slots, 2, ALL_SLOTS)
    writer.reserve()


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    steps=st.lists(st.sampled_from(["write", "take", "let go", "crash"]), max_size=80),
)
def test_whatever_the_order_frames_are_whole_and_in_order(seed: int, steps: list[str]) -> None:
    """Live, with crashes of the writer between any two steps."""
    slots = Slots()
    generation, number, held, seen = 1, 0, None, []
    writer = SlotWriter(slots, generation, live=True)
    release(slots, generation, ALL_SLOTS)
    chance = random.Random(seed)
    for step in steps:
        if step == "write":
            number += 1
            write(writer, number)
        elif step == "crash":
            if chance.random() < 0.5 and number:  # in the middle of writing a frame
                slot = writer.acquire()
                writer.view(slot, 8, 6)[:] = 255
            generation += 1
            writer = SlotWriter(slots, generation, live=True)
            # The reader reads what waits, holds nothing, and only then grants.
            if held is not None:
                release(slots, held.generation, held.slot)
                held = None
            while (record := take(slots)) is not None:
                assert is_whole(slots, record)
                seen.append(record.t_ms)
                release(slots, record.generation, record.slot)
            release(slots, generation, ALL_SLOTS)
        elif step == "let go" and held is not None:
            release(slots, held.generation, held.slot)
            held = None
        elif step == "take" and held is None:
            held = take(slots)
            if held is not None:
                seen.append(held.t_ms)
        if held is not None:
            assert is_whole(slots, held)
    assert seen == sorted(set(seen))
    slots.close()


@pytest.mark.parametrize(
    ("slot", "width", "height"), [(SLOTS, 8, 8), (-1, 8, 8), (0, 1921, 1080), (0, 0, 8)]
)
def test_a_record_cannot_point_outside(slots: Slots, slot: int, width: int, height: int) -> None:
    with pytest.raises(ValueError, match="no such slot or size"):
        slots.view(slot, width, height)


def test_a_slot_holds_full_hd_either_way_up(slots: Slots) -> None:
    assert slots.view(2, 1920, 1080).nbytes == slots.view(0, 1080, 1920).nbytes == SLOT_BYTES
    assert slots.view(1, 640, 360).dtype == np.uint8
