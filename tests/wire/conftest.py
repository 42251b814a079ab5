"""Strategies for every message of the wire, valid ones only."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st

from mizaru.vocabulary import CameraState
from mizaru.wire import messages as m

U16 = st.integers(0, 2**16 - 1)
U32 = st.integers(0, 2**32 - 1)
MILLISECONDS = st.integers(0, 2**48 - 1)
CAMERAS = st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,31}", fullmatch=True)
SIDE = st.integers(1, 2**14)


CHANNELS = st.builds(
    m.ChannelRecord,
    st.integers(1, 32),
    st.integers(1, 2**16 - 1),
    st.integers(1, 2**16 - 1),
    st.integers(0, 99),
    st.integers(1, 2**32 - 1),
    st.binary(min_size=4, max_size=4),
)


def exactly(length: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=length, max_size=length)


@st.composite
def representations(
    draw: st.DrawFn,
    t_ms: int = 0,
    most: int = m.MAX_SUBJECTS,
    channel: m.ChannelRecord | None = None,
) -> Any:
    subjects = draw(st.lists(st.integers(1, 2**32 - 1), unique=True, max_size=most))
    head = st.none() | exactly(3)
    poses = tuple(
        m.PoseRecord(subject, draw(head), draw(exactly(m.POSE_BYTES))) for subject in subjects
    )
    embedding, withheld = None, m.Withheld.NOT
    if channel is not None:
        embedding = draw(st.none() | st.builds(m.Embedding, U16, exactly(channel.width)))
        withheld = m.Withheld.NOT if embedding else draw(st.sampled_from(m.Withheld))
    plate = draw(st.sampled_from([0, m.DIGEST_BYTES]).flatmap(exactly))
    return m.Representation(
        draw(U32), t_ms, plate, poses, embedding, withheld, draw(st.integers(0, 100))
    )


@st.composite
def developeds(draw: st.DrawFn) -> m.Developed:
    channel = draw(st.none() | CHANNELS)
    one = draw(representations(channel=channel))
    return m.Developed(one, draw(SIDE), draw(SIDE), draw(MILLISECONDS), channel)


@st.composite
def plates(draw: st.DrawFn) -> m.Plate:
    # A large random body would only slow the search down: what matters is its length.
    body = bytes(draw(st.integers(0, m.MAX_PLATE_BYTES - 16)))
    image = b"RIFF" + draw(exactly(4)) + b"WEBP" + draw(exactly(4)) + body
    return m.Plate(image, draw(st.integers(0, 100)))


@st.composite
def segments(draw: st.DrawFn) -> m.Segment:
    ticks = draw(
        st.lists(
            st.integers(0, 2**40), unique=True, min_size=1, max_size=m.MAX_REPRESENTATIONS
        ).map(sorted)
    )
    room, chosen = m.MAX_POSES_PER_SEGMENT, []
    channel = draw(st.none() | CHANNELS)
    for tick in ticks:
        most = min(room, m.MAX_SUBJECTS)
        chosen.append(draw(representations(tick * m.GRID_MS, most, channel)))
        room -= len(chosen[-1].poses)
    return m.Segment(
        camera=draw(CAMERAS),
        stream=draw(exactly(8)),
        number=draw(st.integers(1, 2**32 - 1)),
        previous=draw(exactly(m.CHAIN_BYTES)),
        width=draw(SIDE),
        height=draw(SIDE),
        captured_ms=draw(MILLISECONDS),
        representations=tuple(chosen),
        plate=draw(st.none() | plates()),
        channel=channel,
    )


@st.composite
def offers(draw: st.DrawFn, camera: str) -> m.Offer:
    last = draw(U32)
    return m.Offer(camera, draw(exactly(8)), draw(st.integers(1, min(last + 1, 2**32 - 1))), last)


@st.composite
def hellos(draw: st.DrawFn) -> m.Hello:
    cameras = draw(st.lists(CAMERAS, unique=True, min_size=1, max_size=m.MAX_CAMERAS))
    return m.Hello(
        draw(st.integers(0, 255)), draw(exactly(16)), tuple(draw(offers(c)) for c in cameras)
    )


CURSORS = st.builds(m.Cursor, CAMERAS, exactly(8), U32, exactly(m.CHAIN_BYTES))
STATUSES = st.builds(
    m.Status,
    CAMERAS,
    st.sampled_from(CameraState),
    MILLISECONDS,
    *(U32, U32, U16, U16, U16, U16, U32, U32),
    st.booleans(),
)

STRATEGIES: dict[type, st.SearchStrategy[Any]] = {
    m.Hello: hellos(),
    m.Segment: segments(),
    m.Status: STATUSES,
    m.Bye: st.just(m.Bye()),
    m.Welcome: st.builds(
        m.Welcome,
        st.integers(0, 255),
        st.lists(CURSORS, min_size=1, max_size=m.MAX_CAMERAS).map(tuple),
    ),
    m.Ack: st.builds(m.Ack, CAMERAS, exactly(8), U32),
    m.Refuse: st.builds(m.Refuse, st.sampled_from(m.Refusal), st.none() | CAMERAS),
    m.Developed: developeds(),
    m.Plate: plates(),
}


@pytest.fixture(scope="session")
def valid() -> dict[type, st.SearchStrategy[Any]]:
    """Message type → strategy of valid messages."""
    return STRATEGIES


@pytest.fixture(scope="session")
def maximal() -> dict[type, Any]:
    """Message type → a valid message that no other can be longer than."""
    u32, ms, camera = 2**32 - 1, 2**48 - 1, "c" * 32
    grid_ms = ms - ms % m.GRID_MS

    def representation(index: int, poses: int) -> m.Representation:
        records = tuple(
            m.PoseRecord(u32 - subject, bytes(3), bytes(m.POSE_BYTES)) for subject in range(poses)
        )
        t_ms = grid_ms - (m.MAX_REPRESENTATIONS - index) * m.GRID_MS
        z = m.Embedding(2**16 - 1, bytes(32))
        return m.Representation(u32, t_ms, bytes(m.DIGEST_BYTES), records, z, m.Withheld.NOT, 100)

    channel = m.ChannelRecord(32, 2**16 - 1, 2**16 - 1, 99, u32, bytes(4))

    plate = m.Plate(b"RIFF" + bytes(4) + b"WEBP" + bytes(m.MAX_PLATE_BYTES - 12), 100)
    return {
        m.Hello: m.Hello(
            255,
            bytes(16),
            tuple(
                m.Offer(f"{camera[:-2]}{i:02}", bytes(8), u32, u32) for i in range(m.MAX_CAMERAS)
            ),
        ),
        m.Segment: m.Segment(
            camera,
            bytes(8),
            u32,
            bytes(16),
            2**14,
            2**14,
            ms,
            tuple(representation(i, 4) for i in range(m.MAX_REPRESENTATIONS)),
            plate,
            channel,
        ),
        m.Status: m.Status(
            camera,
            CameraState.RESTARTING,
            ms,
            *(u32, u32, 2**16 - 1, 2**16 - 1, 2**16 - 1, 2**16 - 1, u32, u32, True),
        ),
        m.Bye: m.Bye(),
        m.Welcome: m.Welcome(
            255, tuple(m.Cursor(camera, bytes(8), u32, bytes(16)) for _ in range(m.MAX_CAMERAS))
        ),
        m.Ack: m.Ack(camera, bytes(8), u32),
        m.Refuse: m.Refuse(m.Refusal.UNKNOWN_CAMERA, camera),
        m.Developed: m.Developed(representation(0, m.MAX_SUBJECTS), 2**14, 2**14, ms, channel),
        m.Plate: plate,
    }
