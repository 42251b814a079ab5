"""The sweep over the pose channel: nothing changes without a channel, and its plot is SVG."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest
from benchmarks.pose_channel import SETTINGS, Figures, channelled, leak, plot

from mizaru.lab.audit.contract import Visit

RAW = Figures({"a": 0.9, "b": 0.5}, {"a": 0.1, "b": 0.1}, 0.7, 0.5, None, 0.6, None, None)
SOME = Figures(
    {"a": 0.3, "b": 0.1}, {"a": 0.1, "b": 0.1}, 0.5, 0.5, (0.1, -0.1, 0.2), 0.5, 0.9, 0.1
)


def test_the_leak_is_the_way_from_chance_to_raw() -> None:
    assert leak(RAW, RAW) == pytest.approx(1.0)
    assert leak(SOME, RAW) == pytest.approx((0.25 + 0.0) / 2)


def test_the_channel_moves_poses_and_none_without_one(visits: tuple[Visit, ...]) -> None:
    rng = np.random.default_rng(0)
    as_is = channelled(visits[0], SETTINGS["as retargeted"], rng)
    shaken = channelled(visits[0], SETTINGS["jitter 6 %"], rng)
    for before, same, moved in zip(visits[0].poses, as_is.poses, shaken.poses, strict=True):
        assert before is not None
        assert same is not None
        assert moved is not None
        assert np.abs(before.keypoints - same.keypoints)[:, :2].max() < 0.002
        assert np.abs(before.keypoints - moved.keypoints)[:, :2].max() > 0.01


def test_the_plot_has_a_panel_for_each_leak_that_was_measured() -> None:
    for known, panels, points in (
        ({"raw skeleton": RAW}, 1, 1),
        ({"raw skeleton": RAW, "as retargeted": SOME}, 2, 1 + 2 + 2),
    ):
        root = ElementTree.fromstring(plot(known))
        assert root.tag.endswith("svg")
        assert len([e for e in root if e.tag.endswith("}g")]) == panels
        assert len([e for e in root.iter() if e.tag.endswith("}circle")]) == points
