"""Bytes and messages are the same thing, exactly, or an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mizaru.errors import WireError
from mizaru.vocabulary import HeadOrientation, Pose
from mizaru.wire import messages as m
from mizaru.wire.codec import (
    COORDINATE_STEPS,
    U_MAX,
    U_MIN,
    box_xyxy,
    decode_from_cloud,
    decode_from_edge,
    decode_outgoing,
    encode,
    pack_pose,
    unpack_pose,
)

Decode = Callable[[bytes], Any]
DECODERS: dict[Decode, tuple[type, ...]] = {
    decode_from_edge: (m.Hello, m.Segment, m.Status, m.Bye),
    decode_from_cloud: (m.Welcome, m.Ack, m.Refuse),
    decode_outgoing: (m.Developed, m.Plate, m.Status),
}
PAIRS = [(decode, kind) for decode, kinds in DECODERS.items() for kind in kinds]


@pytest.mark.parametrize(("decode", "kind"), PAIRS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_what_is_encoded_decodes_to_itself(
    decode: Decode, kind: type, valid: dict[type, Any], data: st.DataObject
) -> None:
    message = data.draw(valid[kind])
    assert decode(encode(message)) == message


@pytest.mark.parametrize(("decode", "kinds"), DECODERS.items())
def test_messages_of_the_other_direction_are_refused(
    decode: Decode, kinds: tuple[type, ...], maximal: dict[type, Any]
) -> None:
    for kind, message in maximal.items():
        if kind not in kinds:
            with pytest.raises(WireError):
                decode(encode(message))


@pytest.mark.parametrize("decode", DECODERS)
@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=200))
def test_arbitrary_bytes_decode_or_raise_wire_error(decode: Decode, data: bytes) -> None:
    try:
        message = decode(data)
    except WireError:
        return
    assert encode(message) == data


@pytest.mark.parametrize(("decode", "kind"), PAIRS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_damaged_message_decodes_to_another_or_raises_wire_error(
    decode: Decode, kind: type, valid: dict[type, Any], data: st.DataObject
) -> None:
    good = encode(data.draw(valid[kind]))
    place = data.draw(st.integers(0, len(good) - 1))
    damaged = data.draw(
        st.sampled_from(
            [
                good[:place] + bytes([data.draw(st.integers(0, 255))]) + good[place + 1 :],
                good[:place],
                good[:place] + good[place + 1 :],
                good + b"\xc0",
            ]
        )
    )
    try:
        message = decode(damaged)
    except WireError:
        return
    assert encode(message) == damaged


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x94\xa3ack\xa1a\xc4\x08\0\0\0\0\0\0\0\0\xcd\x00\x05", id="long integer"),
        pytest.param(b"\xdc\x00\x04\xa3ack\xa1a\xc4\x08\0\0\0\0\0\0\0\0\x05", id="long array"),
        pytest.param(b"\x94\xd9\x03ack\xa1a\xc4\x08\0\0\0\0\0\0\0\0\x05", id="long tag"),
        pytest.param(b"\x94\xa3ack\xa1a\xc5\x00\x08\0\0\0\0\0\0\0\0\x05", id="long bytes"),
        pytest.param(b"\x92\xa6refuse\xa4busy", id="default left out"),
    ],
)
def test_a_second_encoding_of_a_message_is_refused(data: bytes) -> None:
    """Another way to write the same message would be room to hide something in."""
    assert msgspec.msgpack.decode(data, type=m.Ack | m.Refuse)
    with pytest.raises(WireError, match="canonical"):
        decode_from_cloud(data)


SEGMENT_1 = (
    b"\x9a\xa7segment\xa1a\xc4\x08stream-1\x01\xc4\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
    b"\x04\x03\x00\x91\x96\xa5omega\x01\x64\xc4\x00\x90\xc0\xc0"
)
"""As version 1 wrote it."""


def test_segments_of_version_1_stay_readable() -> None:
    segment = decode_from_edge(SEGMENT_1)
    assert isinstance(segment, m.Segment)
    assert segment.channel is None
    assert segment.representations == (m.Representation(1, 100, b"", ()),)
    assert encode(segment) != SEGMENT_1


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(SEGMENT_1.replace(b"\x96", b"\x97")[:-1] + b"\0\xc0", id="one field more"),
        pytest.param(SEGMENT_1.replace(b"\x9a", b"\x9b") + b"\xc0", id="half of version 2"),
        pytest.param(SEGMENT_1.replace(b"\x01\x64", b"\x01\xcd\x00\x64"), id="long integer"),
    ],
)
def test_nothing_between_versions_is_readable(data: bytes) -> None:
    with pytest.raises(WireError):
        decode_from_edge(data)


Z = m.Representation(1, 100, b"", (), m.Embedding(32, bytes(8)))
CHANNEL = m.ChannelRecord(8, 1000, 350, 50, 3000, b"abcd")


@pytest.mark.parametrize("channel", [None, m.ChannelRecord(16, 1000, 350, 50, 3000, b"abcd")])
def test_no_z_comes_without_its_channel(channel: m.ChannelRecord | None) -> None:
    m.Developed(Z, 4, 3, 100, CHANNEL)
    with pytest.raises(ValueError, match="channel"):
        m.Developed(Z, 4, 3, 100, channel)
    with pytest.raises(ValueError, match="channel"):
        m.Segment("a", bytes(8), 1, m.GENESIS, 4, 3, 0, (Z,), None, channel)


def test_z_is_there_or_withheld() -> None:
    with pytest.raises(ValueError, match="SPENT"):
        m.Representation(1, 100, b"", (), m.Embedding(32, bytes(8)), m.Withheld.SPENT)


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(WireError):
        decode_from_edge(msgspec.msgpack.encode(["bye", "and a picture"]))


coordinate = st.floats(-3, 3, width=32)
heads = st.builds(HeadOrientation, st.floats(-180, 180), st.floats(-90, 90), st.floats(-180, 180))


@st.composite
def poses(draw: st.DrawFn) -> Pose:
    values = draw(st.lists(coordinate, min_size=34, max_size=34))
    confidences = draw(st.lists(st.floats(0, 1, width=32), min_size=17, max_size=17))
    keypoints = np.empty((17, 3), np.float32)
    keypoints[:, :2] = np.array(values, np.float32).reshape(17, 2)
    keypoints[:, 2] = confidences
    return Pose(draw(st.integers(1, 2**32 - 1)), keypoints, draw(st.none() | heads))


@settings(max_examples=200, deadline=None)
@given(poses())
def test_a_packed_pose_is_within_half_a_step(pose: Pose) -> None:
    back = unpack_pose(pack_pose(pose))
    assert back.subject_id == pose.subject_id
    seen = back.keypoints[:, 2] > 0
    half = (U_MAX - U_MIN) / COORDINATE_STEPS / 2
    clipped = np.clip(pose.keypoints[:, :2], U_MIN, U_MAX)
    assert np.abs(back.keypoints[seen, :2] - clipped[seen]).max(initial=0) <= half + 1e-6
    assert np.abs(back.keypoints[:, 2] - pose.keypoints[:, 2]).max() <= 1 / 6 + 1e-6
    assert not back.keypoints[~seen].any()
    if pose.head is None:
        assert back.head is None
    else:
        assert back.head is not None
        for name in ("yaw", "pitch", "roll"):
            assert abs(getattr(back.head, name) - getattr(pose.head, name)) <= 7.5


@settings(max_examples=100, deadline=None)
@given(poses())
def test_packing_what_was_unpacked_changes_nothing(pose: Pose) -> None:
    record = pack_pose(pose)
    assert pack_pose(unpack_pose(record)) == record


def test_a_keypoint_is_22_bits_in_order() -> None:
    keypoints = np.zeros((17, 3), np.float32)
    keypoints[0] = (U_MAX, U_MIN, 1.0)
    assert pack_pose(Pose(1, keypoints)).points[:4] == bytes([0xFF, 0xC0, 0x0C, 0x00])


def test_padding_bits_and_absurd_angles_are_refused() -> None:
    with pytest.raises(WireError, match="padding"):
        unpack_pose(m.PoseRecord(1, None, bytes(46) + b"\x01"))
    with pytest.raises(WireError, match="pitch"):
        unpack_pose(m.PoseRecord(1, bytes([0, 7, 0]), bytes(47)))


@settings(max_examples=100, deadline=None)
@given(poses())
def test_the_box_holds_every_seen_keypoint_that_is_inside(pose: Pose) -> None:
    u0, v0, u1, v1 = box_xyxy(pose.keypoints)
    assert 0 <= u0 <= u1 <= 1
    assert 0 <= v0 <= v1 <= 1
    for u, v, confidence in pose.keypoints:
        if confidence > 0 and 0 <= u <= 1 and 0 <= v <= 1:
            assert u0 <= u <= u1
            assert v0 <= v <= v1


def test_nobody_seen_is_an_empty_box() -> None:
    assert box_xyxy(np.zeros((17, 3), np.float32)) == (0, 0, 0, 0)
