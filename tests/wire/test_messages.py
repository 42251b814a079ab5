"""Bounds hold, and rules across fields are rules."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from mizaru.vocabulary import CameraState
from mizaru.wire import messages as m

POSE = m.PoseRecord(1, None, bytes(m.POSE_BYTES))


@pytest.mark.parametrize("name", ["a", "0", "ward-3", "a_b.c-d", "x" * 32])
def test_a_camera_name_is_accepted(name: str) -> None:
    assert msgspec.convert(name, m.CameraId) == name


@pytest.mark.parametrize(
    "name", ["", "A", "-a", "a b", "a/b", "ä", "x" * 33, "a\n", "\na", "a\nb", "a\x00"]
)
def test_a_camera_name_is_refused(name: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(name, m.CameraId)


def test_camera_names_are_ascii_as_the_budget_believes() -> None:
    info = msgspec.inspect.type_info(m.CameraId)
    assert isinstance(info, msgspec.inspect.Metadata)
    assert isinstance(info.type, msgspec.inspect.StrType)
    assert info.extra == {m.ASCII: True}
    pattern = re.compile(info.type.pattern or "")
    beyond = (chr(code) for code in range(128, sys.maxunicode + 1))
    assert not any(pattern.search(c) or pattern.search(f"a{c}") for c in beyond)


def _representation(t_ms: int = 0, **changes: Any) -> m.Representation:
    return m.Representation(**{"frame_id": 0, "t_ms": t_ms, "plate": b"", "poses": ()} | changes)


def _segment(**changes: Any) -> m.Segment:
    fields: dict[str, Any] = {
        "camera": "a",
        "stream": bytes(8),
        "number": 1,
        "previous": m.GENESIS,
        "width": 1,
        "height": 1,
        "captured_ms": 0,
        "representations": (_representation(),),
    }
    return m.Segment(**fields | changes)


def _crowd(t_ms: int, count: int) -> m.Representation:
    poses = tuple(m.PoseRecord(i + 1, None, bytes(m.POSE_BYTES)) for i in range(count))
    return _representation(t_ms, poses=poses)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: _representation(t_ms=50), "multiple of 100"),
        (lambda: _representation(plate=b"123"), "0 or 8 bytes"),
        (lambda: _representation(poses=(POSE, POSE)), "once"),
        (lambda: m.Plate(b"\x89PNG" + bytes(20), 0), "WebP"),
        (lambda: m.Plate(b"RIFF" + bytes(20), 0), "WebP"),
        (
            lambda: _segment(representations=(_crowd(0, 8), _crowd(100, 8), _crowd(200, 5))),
            "≤ 20 poses, got 21",
        ),
        (
            lambda: _segment(representations=(_representation(100), _representation(100))),
            "increasing",
        ),
        (
            lambda: _segment(representations=(_representation(200), _representation(100))),
            "increasing",
        ),
        (lambda: m.Offer("a", bytes(8), 7, 5), r"≤ last \+ 1"),
        (lambda: m.Hello(1, bytes(16), (m.Offer("a", bytes(8), 1, 0),) * 2), "once"),
    ],
)
def test_a_rule_across_fields_is_kept(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_twenty_poses_are_allowed() -> None:
    crowd = (_crowd(0, 8), _crowd(100, 8), _crowd(200, 4))
    assert _segment(representations=crowd).representations == crowd


def test_every_field_of_every_message_is_refused_one_beyond_its_bound() -> None:
    """From the schema itself: each integer, string and byte field, one step outside."""
    tried = 0
    for message in (_segment(), m.Status("a", CameraState.BLIND, 0), m.Ack("a", bytes(8), 0)):
        for field in msgspec.inspect.type_info(type(message)).fields:  # type: ignore[attr-defined]
            kind = field.type.type if hasattr(field.type, "type") else field.type
            beyond: list[object] = []
            if isinstance(kind, msgspec.inspect.IntType):
                beyond = [kind.ge - 1, kind.le + 1]  # type: ignore[operator]
            elif isinstance(kind, msgspec.inspect.StrType):
                beyond = ["a" * (kind.max_length + 1)]  # type: ignore[operator]
            elif isinstance(kind, msgspec.inspect.BytesType):
                beyond = [bytes(kind.max_length + 1)]  # type: ignore[operator]
            for value in beyond:
                broken = msgspec.structs.replace(message, **{field.name: value})
                data = msgspec.msgpack.encode(broken)
                with pytest.raises(msgspec.ValidationError):
                    msgspec.msgpack.decode(data, type=type(message))
                tried += 1
    assert tried == 34
