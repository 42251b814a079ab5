"""A raw frame cannot leave by accident."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from mizaru.edge.darkroom.frame import Frame
from mizaru.errors import WallError


@pytest.fixture
def frame() -> Frame:
    return Frame(7, 1000, 5, np.full((4, 6, 3), 213, np.uint8))


@pytest.mark.parametrize(
    "way_out",
    [
        copy.copy,
        copy.deepcopy,
        *(lambda f, p=p: pickle.dumps(f, protocol=p) for p in range(pickle.HIGHEST_PROTOCOL + 1)),
        lambda f: pickle.dumps([f]),
        lambda f: f.__getstate__(),
        lambda f: f.__reduce__(),
    ],
)
def test_a_frame_refuses_every_copy(frame: Frame, way_out: Callable[[Frame], Any]) -> None:
    with pytest.raises(WallError):
        way_out(frame)


@pytest.mark.parametrize("shown", [repr, str, "{}".format, "{!r}".format])
def test_a_printed_frame_withholds_its_pixels(frame: Frame, shown: Callable[[Frame], str]) -> None:
    assert shown(frame) == "<Frame 7: pixels withheld>"


def test_a_frame_cannot_be_serialised(frame: Frame) -> None:
    with pytest.raises(TypeError):
        json.dumps(frame)
    with pytest.raises((TypeError, WallError, NotImplementedError)):
        msgspec.json.encode(frame)
    with pytest.raises((TypeError, WallError, NotImplementedError)):
        msgspec.msgpack.encode(frame)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 6), np.uint8),
        np.zeros((4, 6, 4), np.uint8),
        np.zeros((4, 6, 3), np.float32),
    ],
)
def test_a_frame_holds_rgb_bytes_only(pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="pixels must be"):
        Frame(0, 0, 0, pixels)


def test_resolution_is_width_then_height(frame: Frame) -> None:
    assert frame.resolution_wh == (6, 4)
