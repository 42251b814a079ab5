"""Rest zones are where beds are in the picture, whatever of them is."""

from __future__ import annotations

import numpy as np
import pytest

from mizaru.cloud.recognize.zones import Zone
from mizaru.cloud.settings import CloudCameraSettings
from mizaru.lab.motion import Motion
from mizaru.lab.seeing import Eye
from mizaru.lab.train.rest import rest_zones

BED = ((1.0, 1.0), (2.0, 1.0), (2.0, 3.0), (1.0, 3.0))


@pytest.fixture
def ward() -> Motion:
    return Motion(
        name="ward", source="test", licence="Apache-2.0", fps=10.0,
        joints=np.zeros((1, 0, 17, 3), np.float32), behaviors=np.empty((1, 0), object), rest=(BED,),
    )  # fmt: skip


def test_who_is_seen_on_a_bed_is_in_its_zone(ward: Motion) -> None:
    rng = np.random.default_rng(0)
    seen = 0
    for _ in range(100):
        x, y, z = rng.uniform((0, 0, 0.8), (5, 5, 3))
        eye = Eye.at((x, y, z), (rng.uniform(0, 5), rng.uniform(0, 5), 0.5))
        zones = rest_zones(ward, eye)
        CloudCameraSettings(id="camera-1", zone=zones)  # what an operator could save
        there = eye.look(rng.uniform((1.05, 1.05, 0.25), (1.95, 2.95, 0.85), (40, 3)))
        pixels = eye.project(there) / eye.resolution_wh
        inside = (there[:, 2] > 0.15) & ((pixels > 0.03) & (pixels < 0.97)).all(axis=1)
        for u, v in pixels[inside]:
            seen += 1
            assert any(Zone(zone).contains((float(u), float(v))) for zone in zones)
    assert seen > 500


def test_a_bed_behind_the_camera_has_no_zone(ward: Motion) -> None:
    assert rest_zones(ward, Eye.at((1.5, 4.0, 1.5), (1.5, 9.0, 1.0))) == ()


def test_beside_a_bed_is_no_rest(ward: Motion) -> None:
    eye = Eye.at((1.5, -2.0, 3.0), (1.5, 2.0, 0.5))
    (zone,) = rest_zones(ward, eye)
    floor = eye.project(eye.look(np.array([[3.2, 2.0, 0.1], [-0.2, 2.0, 0.1]])))
    assert not any(Zone(zone).contains((u, v)) for u, v in floor / eye.resolution_wh)
