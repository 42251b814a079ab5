from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

from mizaru.errors import DataError
from mizaru.lab.audit.contract import CROP_HW, Visit
from mizaru.lab.audit.representations.embedding import SETTINGS, ReleasedEmbedding, embedded
from mizaru.lab.audit.representations.omega import Omega
from mizaru.lab.audit.representations.pixels import BLOCK, Blur, Pixelation, Raw, Silhouette
from mizaru.lab.audit.representations.poses import RetargetedSkeleton
from mizaru.vocabulary import HeadOrientation, Pose

from .conftest import TICKS, visit


@pytest.fixture
def seen() -> Visit:
    """A visit with pictures and poses; nobody in the last tick, one ankle never seen."""
    rng = np.random.default_rng(0)
    keypoints = np.column_stack([rng.uniform(0.3, 0.7, (17, 2)), np.ones(17)]).astype(np.float32)
    keypoints[16] = 0.0
    pose = Pose(7, keypoints, HeadOrientation(90.0, 0.0, -45.0))
    return replace(
        visit(0, "day1"),
        poses=(*[pose] * (TICKS - 1), None),
        crops=rng.integers(0, 255, (TICKS, *CROP_HW, 3), dtype=np.uint8),
        masks=rng.random((TICKS, *CROP_HW)) < 0.5,
        plate=rng.integers(0, 255, (90, 160, 3), dtype=np.uint8),
    )


def test_pictures_are_shares_and_less_of_them_is_less(seen: Visit) -> None:
    rng = np.random.default_rng(0)
    raw, blur = Raw().show(seen, rng), Blur().show(seen, rng)
    assert raw.shape == blur.shape == (TICKS, *CROP_HW, 3)
    assert 0 <= raw.min() < raw.max() <= 1
    assert blur.std() < raw.std() / 4
    mosaic = Pixelation().show(seen, rng)
    assert mosaic.shape == (TICKS, CROP_HW[0] // BLOCK, CROP_HW[1] // BLOCK, 3)
    assert set(np.unique(Silhouette().show(seen, rng))) == {0.0, 1.0}
    with pytest.raises(DataError, match="no pictures"):
        Raw().show(visit(0, "day1"), rng)


def test_poses_are_in_heights_and_what_is_not_seen_is_nan(seen: Visit) -> None:
    shown = RetargetedSkeleton().show(seen, np.random.default_rng(0))
    pose = seen.poses[0]
    assert pose is not None
    assert shown[0, 5, 0] == pytest.approx(pose.keypoints[5, 0] * 64 / 48)
    assert np.isnan(shown[0, 16]).all()
    assert np.isnan(shown[-1]).all()
    assert shown[0, 17] == pytest.approx([0.5, 0.0, -0.25])


def test_z_is_what_the_darkrooms_stage_lets_out(seen: Visit) -> None:
    shown = ReleasedEmbedding().show(seen, np.random.default_rng(1))
    assert shown.shape == (TICKS, SETTINGS.width)
    assert np.isfinite(shown[:-1]).all()
    assert np.isnan(shown[-1]).all()
    assert len({tuple(row) for row in shown[:-1]}) == TICKS - 1  # fresh noise in every frame
    assert np.array_equal(
        shown, ReleasedEmbedding().show(seen, np.random.default_rng(1)), equal_nan=True
    )
    with pytest.raises(DataError, match="no poses"):
        embedded(visit(0, "day1"), np.random.default_rng(0))


def test_omega_holds_poses_z_and_plate(seen: Visit) -> None:
    rng = np.random.default_rng(2)
    shown = Omega().show(seen, rng)
    assert shown.shape == (TICKS, 18 + 3 + 16 * 9, 3)
    assert np.array_equal(shown[:, :18], RetargetedSkeleton().show(seen, rng), equal_nan=True)
    assert np.isfinite(shown[:-1, 18:20]).all()
    assert np.isfinite(shown[:, 21:]).all()
