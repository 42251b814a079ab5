"""The registry against the manifest: every file has its set, and only free ones are shipped."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from mizaru.errors import DataError
from mizaru.lab.data.manifest import Clip, read_manifest
from mizaru.lab.data.sources import SOURCES, may_ship, motions, source_of

SHIPPED = {
    "sim", "precog16", "cmu_mocap", "deepmimic", "intel", "scenescape", "gmdcsa24",
}  # fmt: skip
"""Of ../shared/design/recognition.md; changing it needs a licence, not a commit."""


def test_exactly_the_free_sets_are_shipped() -> None:
    assert {source.name for source in SOURCES if source.shippable} == SHIPPED
    assert len({source.name for source in SOURCES}) == len(SOURCES)
    assert all(source.why for source in SOURCES)


def test_a_set_ships_only_under_its_licence_and_its_training_split(
    kinect: Callable[..., Clip],
) -> None:
    clip = kinect("precog16.npz", split=None)
    (motion, *_) = motions(clip)
    assert may_ship(motion)
    for change in ({"licence": "CC BY-NC 4.0"}, {"split": "eval"}, {"split": "holdout"},
                   {"source": "nw_ucla"}, {"source": "somebody's"}):  # fmt: skip
        assert not may_ship(dataclasses.replace(motion, **change)), change


def test_an_unknown_file_is_a_set_of_its_own_that_is_never_shipped(
    kinect: Callable[..., Clip],
) -> None:
    clip = kinect("brand_new.npz")
    assert source_of(clip).name == "skeleton"
    found = motions(clip)
    assert len(found) == 3
    assert not any(map(may_ship, found))


def test_pictures_are_no_motion(tmp_path: Path) -> None:
    clip = Clip(tmp_path / "a.mp4", "video/people/a.mp4", "video", "counting", "walking")
    with pytest.raises(DataError, match="no skeletons in 3D"):
        motions(clip)


@pytest.mark.shared
def test_every_video_and_skeleton_of_the_manifest_has_its_set(shared_data: Path) -> None:
    names = {source.name for source in SOURCES}
    for clip in read_manifest(shared_data / "MANIFEST.csv"):
        if clip.kind in ("video", "skeleton"):
            source = source_of(clip)
            assert source.name in names, clip.path
            assert source.licence.lower() in clip.licence.lower(), clip.path
            assert clip.licence
