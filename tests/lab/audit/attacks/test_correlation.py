"""The judge of taint: the own pattern is a hit, however it is packed; another one never is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mizaru.lab.audit.attacks import taint
from mizaru.lab.audit.attacks.correlation import (
    BYTE_LIMIT,
    PICTURE_LIMIT,
    Worn,
    in_bytes,
    in_picture,
    rows_of,
)
from mizaru.lab.audit.contract import Profile
from mizaru.lab.audit.representations.poses import RetargetedSkeleton
from mizaru.lab.sim.taint import taint_pattern


def worn(seed: int) -> Worn:
    """A room with a rectangle of the pattern in it."""
    pixels = np.full((180, 320, 3), 128, np.uint8)
    pixels += np.random.default_rng(7).integers(0, 6, pixels.shape).astype(np.uint8)
    mask = np.zeros((180, 320), np.bool_)
    mask[40:160, 120:200] = True
    pattern = cv2.resize(taint_pattern(seed, 3), (80, 120), interpolation=cv2.INTER_NEAREST)
    pixels[40:160, 120:200] = pattern
    return Worn(pixels, mask)


OWN, OTHER = (worn(1),), (worn(2),)


def webp(pixels: np.ndarray) -> bytes:
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".webp", bgr, [cv2.IMWRITE_WEBP_QUALITY, 40])[1].tobytes()


def test_a_picture_of_people_is_a_hit_and_one_of_others_is_not() -> None:
    small = cv2.resize(OWN[0].pixels, (160, 90), interpolation=cv2.INTER_AREA)
    assert in_picture(small, OWN) > 2 * PICTURE_LIMIT
    assert in_picture(small, OTHER) < PICTURE_LIMIT
    empty = np.full((90, 160, 3), 128, np.uint8)
    assert in_picture(empty, OWN) == 0.0


def test_raw_pixels_between_random_bytes_are_a_hit() -> None:
    rng = np.random.default_rng(0)
    noise = rng.bytes(20_000)
    rows, others = rows_of(OWN, rng), rows_of(OTHER, rng)
    assert rows
    assert in_bytes(noise + OWN[0].pixels.tobytes() + noise, rows) > 0.99
    assert in_bytes(noise + OWN[0].pixels.tobytes() + noise, others) < BYTE_LIMIT
    assert in_bytes(noise, rows) < BYTE_LIMIT
    assert in_bytes(b"short", rows) == 0.0


def test_what_was_sent_is_looked_through() -> None:
    rng = np.random.default_rng(0)
    film = taint._Film(OWN, OWN, OTHER, (0,))
    clean = taint._Sent({"pipe": rng.bytes(5000)}, (webp(np.full((90, 160, 3), 90, np.uint8)),))
    leaky = taint._Sent({"pipe": OWN[0].pixels.tobytes()}, (webp(OWN[0].pixels),))
    assert not any(found.hit for found in taint._look(clean, film, rng))
    assert all(found.hit for found in taint._look(leaky, film, rng))


def test_a_part_of_proxy_mode_is_tested_as_a_whole() -> None:
    with pytest.raises(taint.DataError, match="tested as a whole"):
        taint.Taint().run(RetargetedSkeleton(), (), Profile.QUICK, np.random.default_rng(0))
