"""Real people before a virtual camera: laws over what is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mizaru.errors import DataError
from mizaru.lab.audit.contract import Visit
from mizaru.lab.audit.real import real_visits
from mizaru.proxy import body
from mizaru.vocabulary import Behavior


def test_data_without_people_are_refused(tmp_path: Path) -> None:
    (tmp_path / "MANIFEST.csv").write_text("path,kind,task,label\n")
    with pytest.raises(DataError, match="none of the sets"):
        real_visits(tmp_path)


@pytest.fixture(scope="module")
def walkers(shared_data: Path) -> tuple[Visit, ...]:
    return real_visits(shared_data, ("utkinect",))


@pytest.mark.shared
def test_everybody_comes_twice_and_is_seen(walkers: tuple[Visit, ...]) -> None:
    people = {visit.person for visit in walkers}
    assert len(people) >= 4
    for person in people:
        assert len({v.session for v in walkers if v.person == person}) == 2
    for visit in walkers:
        seen = ~np.isnan(visit.keypoints[..., 0]).all(axis=1)
        assert seen.mean() > 0.7
        inside = (visit.keypoints[seen, :, :2] >= 0) & (
            visit.keypoints[seen, :, :2] <= visit.resolution_wh
        )
        assert inside.all(axis=2).mean() > 0.9
        assert np.isfinite([float(visit.attributes[k]) for k in ("arms", "legs")]).all()
        assert {Behavior.WALK, Behavior.SIT_DOWN} <= set(visit.behaviors)


@pytest.mark.shared
def test_no_limb_length_leaves(walkers: tuple[Visit, ...]) -> None:
    """The longest that a thigh is seen, in shanks of the same body, is the canonical one's."""
    for visit in walkers:
        ratios = []
        for pose in visit.poses:
            if pose is None or not (pose.keypoints[[11, 13, 15], 2] > 0).all():
                continue
            points = pose.keypoints[:, :2] * (16 / 9, 1.0)
            thigh, shank = (np.linalg.norm(points[a] - points[b]) for a, b in ((11, 13), (13, 15)))
            ratios.append((thigh, shank))
        thigh, shank = np.percentile(np.array(ratios), 95, axis=0)
        assert thigh / shank == pytest.approx(body.THIGH / body.SHANK, rel=0.15)
