"""Doubles and skeletons nested in a bigger one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.edge.darkroom.perceive.conftest import candidate

from mizaru.edge.darkroom.perceive.candidate import RegionMask
from mizaru.edge.darkroom.perceive.nested import remove_nested
from mizaru.edge.darkroom.perceive.region import Region


def test_a_skeleton_inside_a_bigger_one_is_removed() -> None:
    big, small = candidate(100, 100, size=200, score=0.7), candidate(105, 90, size=60, score=0.99)
    assert remove_nested([small, big]) == [big]


def test_of_two_skeletons_of_one_body_the_better_stays() -> None:
    good, bad = candidate(100, 100, score=0.9), candidate(102, 101, score=0.8)
    assert remove_nested([bad, good]) == [good]


def test_a_skeleton_that_continues_a_track_wins_over_a_new_one() -> None:
    old, new = candidate(100, 100, score=0.85, prior=3), candidate(102, 101, score=0.95)
    assert remove_nested([new, old]) == [old]


def test_a_body_seen_once_with_the_head_where_the_feet_are_counts_once() -> None:
    right = candidate(100, 100, score=0.9)
    keypoints = right.keypoints.copy()
    keypoints[:, :2] = 2 * np.array([100, 100]) - keypoints[:, :2]
    assert remove_nested([right, replace(right, keypoints=keypoints, score=0.8)]) == [right]


@pytest.mark.parametrize("x", [150, 200])
def test_neighbours_stay(x: float) -> None:
    people = [candidate(100, 100), candidate(x, 100, score=0.8)]
    assert remove_nested(people) == people


def test_a_small_person_beside_the_body_but_in_its_box_stays() -> None:
    """With a mask, nested means on the body, not merely in its box."""
    logits = np.full((64, 64), -5, np.float32)
    logits[:, 30:34] = 5  # a thin body in the middle
    big = candidate(100, 100, size=200)
    big = replace(
        big,
        box_xyxy=(20, 10, 180, 190),
        mask=RegionMask(logits, Region(100, 100, 200)),
    )
    beside = candidate(150, 120, size=50, score=0.8)
    assert remove_nested([big, beside]) == [big, beside]
    on_it = candidate(100, 120, size=20, score=0.8)
    assert remove_nested([big, on_it]) == [big]
