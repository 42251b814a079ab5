"""The budget follows from the schema, and reality stays inside it."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta, Struct

from mizaru.errors import WireError
from mizaru.wire import budget
from mizaru.wire import messages as m
from mizaru.wire.codec import encode


def test_the_worst_case_of_a_camera_fits_into_32_kbit_per_second() -> None:
    assert budget.bytes_per_second() <= budget.LIMIT_BYTES_PER_S == 4000


def test_the_rows_together_hold_every_byte_of_the_largest_segments() -> None:
    """Slow oracle: 40 s of nothing but largest segments, and the row sum."""
    seconds = 60.0
    full = budget.largest_message(m.Segment)
    without_plate = full - budget.largest(m.Plate) + 1
    count = int(seconds / 0.5)
    sent = (count - 1) * without_plate + full + count * budget.framing(full)
    segment_rows = sum(row.bytes_per_s for row in budget.rows()[:4])
    assert sent <= segment_rows * seconds


@pytest.mark.parametrize("kind", [*budget.MESSAGES, m.Developed, m.Plate])
def test_a_maximal_message_reaches_the_bound_exactly(kind: type, maximal: dict[type, Any]) -> None:
    assert len(encode(maximal[kind])) == budget.largest_message(kind)


@pytest.mark.parametrize("kind", [*budget.MESSAGES, m.Developed, m.Plate])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_valid_message_exceeds_its_bound(
    kind: type, valid: dict[type, st.SearchStrategy[Any]], data: st.DataObject
) -> None:
    assert len(encode(data.draw(valid[kind]))) <= budget.largest_message(kind)


def test_the_limits_of_a_connection_are_the_longest_messages() -> None:
    assert budget.largest_message(m.Segment) == budget.MAX_FROM_EDGE_BYTES
    assert budget.largest_message(m.Welcome) == budget.MAX_FROM_CLOUD_BYTES


class _Free(Struct, array_like=True, forbid_unknown_fields=True):
    text: str


class _HalfBound(Struct, array_like=True, forbid_unknown_fields=True):
    number: Annotated[int, Meta(ge=0)]


class _OpenList(Struct, array_like=True, forbid_unknown_fields=True):
    items: tuple[m.U8, ...]


class _OpenBytes(Struct, array_like=True, forbid_unknown_fields=True):
    data: bytes


class _Anything(Struct, array_like=True, forbid_unknown_fields=True):
    data: Any


class _Number(Struct, array_like=True, forbid_unknown_fields=True):
    value: float


class _Lenient(Struct, array_like=True):
    number: m.U8


class _Map(Struct, forbid_unknown_fields=True):
    number: m.U8


class _Deep(Struct, array_like=True, forbid_unknown_fields=True):
    inner: Annotated[tuple[_OpenBytes, ...], Meta(max_length=2)]


@pytest.mark.parametrize(
    ("kind", "where"),
    [
        (_Free, "_Free.text"),
        (_HalfBound, "_HalfBound.number"),
        (_OpenList, "_OpenList.items"),
        (_OpenBytes, "_OpenBytes.data"),
        (_Anything, "_Anything.data"),
        (_Number, "_Number.value"),
        (_Lenient, "_Lenient"),
        (_Map, "_Map"),
        (_Deep, r"_Deep.inner\[\].data"),
    ],
)
def test_a_field_without_a_bound_is_refused_by_name(kind: type, where: str) -> None:
    with pytest.raises(WireError, match=where):
        budget.largest(kind)


@settings(max_examples=200, deadline=None)
@given(low=st.integers(-(2**63), 2**64 - 1), high=st.integers(-(2**63), 2**64 - 1))
def test_integers_are_as_long_as_their_longest_bound(low: int, high: int) -> None:
    low, high = sorted((low, high))
    kind = Annotated[int, Meta(ge=max(low, -(2**63)), le=min(high, 2**63 - 1))]
    if low > 2**63 - 1:
        return
    bounds = (low, min(high, 2**63 - 1))
    expected = max(len(msgspec.msgpack.encode(value)) for value in bounds)
    assert budget.largest(kind) == expected


@pytest.mark.parametrize("length", [1, 31, 32, 255, 256, 65_535, 65_536])
@pytest.mark.parametrize(("kind", "unit"), [(str, "\N{GRINNING FACE}"), (bytes, b"x")])
def test_strings_and_bytes_have_messagepack_headers(
    kind: type, unit: str | bytes, length: int
) -> None:
    bounded = Annotated[kind, Meta(max_length=length)]  # type: ignore[valid-type]
    assert budget.largest(bounded) == len(msgspec.msgpack.encode(unit * length))


@pytest.mark.parametrize("length", [1, 15, 16, 65_535, 65_536])
def test_arrays_have_messagepack_headers(length: int) -> None:
    bounded = Annotated[tuple[m.U8, ...], Meta(max_length=length)]
    assert budget.largest(bounded) == len(msgspec.msgpack.encode((255,) * length))


@pytest.mark.parametrize(
    ("payload", "framed"), [(0, 6), (125, 6), (126, 8), (65_535, 8), (65_536, 14)]
)
def test_websocket_framing_from_a_client(payload: int, framed: int) -> None:
    assert budget.framing(payload) == framed


def test_websocket_framing_is_what_the_library_sends() -> None:
    from websockets.frames import Frame, Opcode

    for payload in (0, 125, 126, 65_535, 65_536):
        sent = Frame(Opcode.BINARY, bytes(payload)).serialize(mask=True)
        assert len(sent) == payload + budget.framing(payload)
