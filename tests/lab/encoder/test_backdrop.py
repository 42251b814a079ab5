"""People before other rooms: who is cut out, and what that leaves as it was."""

from __future__ import annotations

import numpy as np
import pytest

from mizaru.edge.darkroom.encode.canvas import CANVAS_HW
from mizaru.lab.encoder.backdrop import Backdrops
from mizaru.lab.encoder.frames import ROW, Frames
from mizaru.lab.encoder.meaning import Doing
from mizaru.proxy.raster import PALETTE

COUNT = 20
ROOMS = ((180, 90, 60), (60, 90, 60))


def two_rooms(*, still: bool) -> Frames:
    """A block of a mannequin's colour before two rooms; it walks, or stays where it is."""
    pixels = np.zeros((2 * COUNT, *CANVAS_HW, 3), np.uint8)
    rows = np.zeros(2 * COUNT, ROW)
    for k in range(2 * COUNT):
        rows["scene"][k] = k // COUNT
        pixels[k] = ROOMS[k // COUNT]
        left = 10 if still else 4 * (k % COUNT)
        pixels[k, 20:50, left : left + 8] = (np.array(PALETTE[k // COUNT]) * 0.85).astype(np.uint8)
    return Frames(pixels, rows, np.full((2 * COUNT, len(Doing)), np.nan, np.float16))


def test_who_walks_is_put_into_other_rooms_unchanged() -> None:
    frames = two_rooms(still=False)
    backdrops = Backdrops(frames)
    assert backdrops.cut.all()
    picks = np.arange(2 * COUNT)
    pixels, elsewhere = backdrops.behind(picks, np.random.default_rng(0))
    assert 0.2 < elsewhere.mean() < 0.8
    for k in picks:
        person = (frames.pixels[k] != np.array(ROOMS[k // COUNT])).any(axis=-1)
        np.testing.assert_array_equal(pixels[k][person], frames.pixels[k][person])
        if elsewhere[k]:
            assert (pixels[k][~person] != frames.pixels[k][~person]).any()


def test_who_never_stirs_is_left_in_its_room() -> None:
    frames = two_rooms(still=True)
    backdrops = Backdrops(frames)
    assert not backdrops.cut.any()
    picks = np.arange(2 * COUNT)
    pixels, elsewhere = backdrops.behind(picks, np.random.default_rng(0))
    assert not elsewhere.any()
    np.testing.assert_array_equal(pixels, frames.pixels)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_frames_themselves_stay_as_they_are(seed: int) -> None:
    frames = two_rooms(still=False)
    before = frames.pixels.copy()
    Backdrops(frames).behind(np.arange(COUNT), np.random.default_rng(seed))
    np.testing.assert_array_equal(frames.pixels, before)
