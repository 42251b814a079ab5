from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

pytest.importorskip("mujoco")

from mizaru.errors import DataError
from mizaru.lab.audit import visits_exact, visits_sim
from mizaru.lab.audit.representations.poses import RawSkeleton, RetargetedSkeleton
from mizaru.lab.audit.visits_file import keep, kept
from mizaru.lab.audit.visits_sim import GATE, Task, attributes, digest, identity

SHORT = msgspec.structs.replace(GATE, people=2, ticks=6)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("visits")
    for task in visits_sim.tasks(SHORT):
        visits_exact.make(task, folder)
    return folder


def test_a_person_keeps_the_body_and_changes_the_clothes() -> None:
    one, two = (identity(Task(visits_sim.QUICK, 3, visit)) for visit in (0, 3))
    assert (one.proportions, one.gait) == (two.proportions, two.gait)
    assert (one.colours.skin, one.colours.hair) == (two.colours.skin, two.colours.hair)
    assert one.colours.shirt != two.colours.shirt
    assert identity(Task(visits_sim.QUICK, 3, 1)) == one


def test_everybody_pays_the_same_visits_and_more_people_change_nobodys() -> None:
    tasks = list(visits_sim.tasks(visits_sim.QUICK))
    assert len(tasks) == 40 * 4
    fewer = msgspec.structs.replace(visits_sim.QUICK, people=8)
    assert digest(fewer) == digest(visits_sim.QUICK)
    assert digest(msgspec.structs.replace(fewer, ticks=9)) != digest(fewer)


def test_what_is_seen_exactly_tells_bodies_and_what_leaves_does_not(cache: Path) -> None:
    tasks = list(visits_sim.tasks(SHORT))
    seen = [visits_exact.load(task, cache) for task in tasks]
    rng = np.random.default_rng(0)

    def thigh(representation: RawSkeleton | RetargetedSkeleton, k: int, columns: slice) -> float:
        rows = representation.show(seen[k], rng)[:6, :, columns]
        return float(np.nanmean(np.linalg.norm(rows[:, 11] - rows[:, 13], axis=-1)))

    metres = [thigh(RawSkeleton(), k, slice(3, 6)) for k in range(4)]
    assert metres[0] == pytest.approx(metres[1], rel=0.01)
    assert metres[0] != pytest.approx(metres[2], rel=0.01)
    shown = RetargetedSkeleton().show(seen[0], rng)
    assert shown.shape == (8, 18, 3)  # two ticks of nobody at the end
    assert np.isfinite(shown[:6, 5:17]).all()
    assert np.isnan(shown[6:]).all()
    told = attributes(identity(tasks[0]), tasks[0].plan)
    assert told.items() <= dict(seen[0].attributes).items()


def test_a_visit_is_the_same_whenever_it_is_loaded(cache: Path) -> None:
    first, second = (visits_exact.load(Task(SHORT, 1, 0), cache) for _ in range(2))
    assert np.array_equal(first.keypoints, second.keypoints, equal_nan=True)
    for a, b in zip(first.poses, second.poses, strict=True):
        assert (a is None) == (b is None)
        assert a is None or np.array_equal(a.keypoints, b.keypoints)


def test_a_broken_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    place = tmp_path / "folder" / "x.npz"
    keep(place, {"a": np.arange(3)})
    assert kept(place)["a"].tolist() == [0, 1, 2]
    assert [file.name for file in place.parent.iterdir()] == ["x.npz"]
    place.write_bytes(b"half a file")
    with pytest.raises(DataError, match=r"x\.npz: cannot be read: .*; delete it and run again"):
        kept(place)
