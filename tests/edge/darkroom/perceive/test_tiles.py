"""What changes in the picture, and where."""

from __future__ import annotations

import numpy as np
import pytest

from mizaru.edge.darkroom.perceive.tiles import Motion

SIZE_WH = (320, 160)
LEFT, RIGHT = (0.0, 0.0, 159.0, 159.0), (160.0, 0.0, 319.0, 159.0)


def picture(level: int = 90) -> np.ndarray:
    pixels = np.full((SIZE_WH[1], SIZE_WH[0], 3), 90, np.uint8)
    pixels[:, 160:] = level
    return pixels


@pytest.mark.parametrize(("level", "share"), [(90, 0.0), (100, 0.0), (160, 1.0)])
def test_the_share_of_a_box_that_changed_is_told(level: int, share: float) -> None:
    motion = Motion()
    motion.look(picture())
    motion.look(picture(level))
    assert motion.share(RIGHT) == pytest.approx(share, abs=0.1)
    assert motion.share(LEFT) == pytest.approx(0.0, abs=0.1)


def test_a_lamp_that_is_switched_stirs_nobody() -> None:
    motion = Motion()
    motion.look(picture())
    motion.look(np.full((SIZE_WH[1], SIZE_WH[0], 3), 160, np.uint8))
    assert motion.share(RIGHT) == 0.0


def test_nothing_has_changed_at_the_first_look_and_after_a_change_of_size() -> None:
    motion = Motion()
    motion.look(picture(250))
    assert motion.share(RIGHT) == 0.0
    motion.look(np.zeros((80, 80, 3), np.uint8))
    assert motion.share((0.0, 0.0, 79.0, 79.0)) == 0.0
    assert motion.share((900.0, 900.0, 950.0, 950.0)) == 0.0


def test_what_moves_is_found_unless_somebody_followed_is_there() -> None:
    motion = Motion()
    motion.look(picture())
    motion.look(picture(160))
    region = motion.region(SIZE_WH, ())
    assert region is not None
    assert region.x > 160
    assert motion.region(SIZE_WH, (RIGHT,)) is None
