"""Pictures to learn from: what may change in them, and what may not."""

from __future__ import annotations

import numpy as np
import pytest
from tests.lab.encoder.conftest import upright

from mizaru.edge.darkroom.encode.canvas import CANVAS_HW, canvas
from mizaru.lab.encoder import draw
from mizaru.lab.encoder.draw import Studio, in_parts, pictures
from mizaru.lab.encoder.frames import Frames


def test_pictures_are_the_darkrooms_own(frames: Frames) -> None:
    drawn = pictures(frames)
    for k in (0, 3, 50):
        plate = frames.plates[frames.plate_of[k]]
        own = canvas(plate, frames.poses(k), float(frames.aspects[frames.plate_of[k]]))
        np.testing.assert_array_equal(drawn[k], own)
    np.testing.assert_array_equal(np.concatenate(list(in_parts(frames, 10))), drawn)


def test_the_same_chance_draws_the_same_and_leaves_the_frames_alone(frames: Frames) -> None:
    studio, picks = Studio(frames, 0.5), np.arange(len(frames))
    before, plate = frames.bodies.copy(), np.copy(frames.plates[0])  # type: ignore[arg-type]
    one = studio.draw(picks, np.random.default_rng(1))
    np.testing.assert_array_equal(one.pixels, studio.draw(picks, np.random.default_rng(1)).pixels)
    other = studio.draw(picks, np.random.default_rng(2))
    assert (one.pixels != other.pixels).any(axis=(1, 2, 3)).all()
    np.testing.assert_array_equal(frames.bodies, before)
    np.testing.assert_array_equal(frames.plates[0], plate)
    assert 0.2 < one.elsewhere.mean() < 0.8


@pytest.mark.parametrize("elsewhere", [0.0, 1.0])
def test_the_body_that_is_told_of_is_where_it_was_drawn(frames: Frames, elsewhere: float) -> None:
    picks = np.arange(len(frames))
    drawn = Studio(frames, elsewhere).draw(picks, np.random.default_rng(0))
    assert (drawn.elsewhere == bool(elsewhere)).all()
    alone = np.diff(frames.first) == 1
    assert (drawn.body[~alone, :, 2] == 0).all()
    height, width = CANVAS_HW
    inside = 0
    for k in np.flatnonzero(alone & (frames.plate_of < 3)):
        u, v = drawn.body[k, [11, 12], :2].mean(axis=0)
        if not (0.02 < u < 0.98 and 0.02 < v < 0.98):
            continue
        inside += 1
        r, g, b = drawn.pixels[k, int(v * height), int(u * width)].astype(int)
        assert max(r, g, b) > 100, k  # rooms are dark, mannequins are not
    assert inside > 20


def test_who_is_mirrored_is_still_a_body() -> None:
    body = upright(0.3)
    body[7, 2] = 0.0
    body[7, :2] = 0.0
    there = draw._mirrored(body.copy())
    np.testing.assert_allclose(there[5, 0], 1.0 - body[6, 0])
    np.testing.assert_allclose(there[6, 0], 1.0 - body[5, 0])
    assert there[8, 2] == 0  # the left elbow was not seen; now the right one is not
    np.testing.assert_allclose(draw._mirrored(there), body, atol=1e-6)


def test_a_cut_moves_room_and_people_alike() -> None:
    plate = np.zeros((96, 128, 3), np.uint8)
    plate[40:56, 50:70] = 255
    middle = np.array([60 / 128, 48 / 96])
    body = np.ones((17, 3), np.float32)
    body[:, :2] = middle
    for seed in range(5):
        points = [body.copy()]
        cut, aspect = draw._cut(plate, points, 4 / 3, np.random.default_rng(seed))
        assert cut is not None
        assert aspect == pytest.approx(cut.shape[1] / cut.shape[0], rel=0.05)
        rows, columns = np.nonzero(cut[:, :, 0])
        found = (columns.mean() / cut.shape[1], rows.mean() / cut.shape[0])
        np.testing.assert_allclose(points[0][0, :2], found, atol=0.02)
