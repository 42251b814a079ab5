"""Windows and what is made of them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from mizaru.lab.audit.attacks.showing import cut, looks, median, summary
from mizaru.lab.audit.contract import CROP_HW, Medium, Visit
from mizaru.lab.audit.representations.poses import RawSkeleton, released


@given(st.integers(1, 300), st.integers(1, 150), st.integers(1, 12), st.integers(0, 9))
def test_windows_lie_inside_a_visit(ticks: int, length: int, most: int, seed: int) -> None:
    windows = cut(ticks, length, most, np.random.default_rng(seed))
    assert 1 <= len(windows) <= most
    for part in windows:
        assert 0 <= part.start < part.stop <= ticks
        assert part.stop - part.start == min(length, ticks)
    assert len({part.start for part in windows}) == len(windows)


def test_a_window_of_one_tick_is_the_tick() -> None:
    row = np.array([[1.0, np.nan, 3.0]], np.float32)
    assert np.array_equal(summary(row), row[0], equal_nan=True)


def test_a_swing_shows_in_its_band_only() -> None:
    rows = np.zeros((50, 2), np.float32)
    rows[:, 0] = np.sin(2 * np.pi * 4.5 * np.arange(50) / 10)
    power = summary(rows)[-10:].reshape(5, 2)
    assert power[:, 0].argmax() == 4
    assert np.ptp(power[:, 1]) == 0


def test_build_does_not_hang_on_place_in_the_picture_but_for_place_and_size(
    visits: tuple[Visit, ...],
) -> None:
    given = RawSkeleton().show(visits[0], np.random.default_rng(0))
    near = given.copy()
    near[..., :2] = 1.5 * near[..., :2] + 0.1
    a, b = (looks(one, Medium.POSES) for one in (given, near))
    assert np.allclose(a["movement"], b["movement"], atol=1e-3, equal_nan=True)
    assert np.allclose(a["bones"], b["bones"], atol=1e-3)
    assert set(a) == {"all", "bones", "build", "movement"}


def test_pictures_become_few_numbers_and_keep_their_mean() -> None:
    picture = np.random.default_rng(0).random((3, *CROP_HW, 3)).astype(np.float32)
    grid = looks(picture, Medium.PIXELS)["all"]
    assert grid.shape == (3, 32 * 16 * 3)
    assert grid.mean() == pytest.approx(picture.mean(), abs=1e-5)
    small = looks(picture[:, :16, :8], Medium.PIXELS)
    assert small["all"].shape == (3, 16 * 8 * 3)


def test_nobody_is_not_known(visits: tuple[Visit, ...]) -> None:
    ways = looks(released((None, None), (320, 240)), Medium.POSES)
    assert np.isnan(ways["movement"]).all()
    assert np.isnan(summary(ways["build"])).all()


@settings(max_examples=200, deadline=None)
@given(
    arrays(
        np.float32,
        array_shapes(min_dims=2, max_dims=2, max_side=30),
        elements=st.one_of(st.just(np.nan), st.floats(-1e6, 1e6, width=32)),
    )
)
def test_the_fast_median_is_that_of_numpy(rows: np.ndarray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        slow = np.nanmedian(rows, axis=0)
    np.testing.assert_array_equal(median(rows), slow)
