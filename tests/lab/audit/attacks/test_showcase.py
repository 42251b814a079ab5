"""What the page shows first: made-up people, never faces of real ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mizaru.lab.audit.contract import Visit
from mizaru.lab.audit.representations.pixels import Raw
from mizaru.lab.audit.showcase import showcase


def test_pictures_of_real_faces_are_not_passed_round(visits: tuple[Visit, ...]) -> None:
    drawn = tuple(visit for visit in visits if visit.crops is not None)
    faces = tuple(
        replace(
            visit, dataset="orl", person="000", poses=(None,) * len(visit.poses),
            attributes=dict(visit.attributes),
        )
        for visit in drawn[:2]
    )  # fmt: skip
    rng = np.random.default_rng(0)
    titles = [example.title for example in showcase([Raw()], (*faces, *drawn), rng)]
    assert len(titles) == 2
    assert not any(title.startswith("000") for title in titles)
    assert showcase([Raw()], faces, rng) == ()
