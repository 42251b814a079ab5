"""Real people's motions: only such as may be shipped, whole bodies, inside of a room, no place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace as with_

from mizaru.errors import DataError
from mizaru.lab.encoder import frames as making
from mizaru.lab.encoder import measured
from mizaru.lab.encoder.frames import Cast, gather
from mizaru.lab.encoder.meaning import UNSAID, Doing
from mizaru.lab.encoder.recipe import CastSettings, MeasuredSettings, Recipe
from mizaru.lab.motion import Event, Motion
from mizaru.vocabulary import Behavior

MANY = CastSettings(learn=12, calibrate=12, judge=12)
RECIPE = Recipe(
    title="few",
    people=MANY,
    scenes=CastSettings(learn=1, calibrate=1, judge=1),
    measured=MeasuredSettings(sources=("precog16",), views=2),
)
STANCE = np.array(
    [(0, -0.1, 1.62), (0.03, -0.08, 1.65), (-0.03, -0.08, 1.65), (0.07, 0, 1.62), (-0.07, 0, 1.62),
     (0.18, 0, 1.42), (-0.18, 0, 1.42), (0.2, 0, 1.15), (-0.2, 0, 1.15), (0.2, 0, 0.9),
     (-0.2, 0, 0.9), (0.1, 0, 0.9), (-0.1, 0, 0.9), (0.1, 0, 0.5), (-0.1, 0, 0.5),
     (0.1, 0, 0.09), (-0.1, 0, 0.09)],
    np.float32,
)  # fmt: skip


def going(metres: float, seconds: float = 6.0, name: str = "p1") -> Motion:
    """Somebody who glides along x at an even pace; the wrists are lost in the third frame."""
    frames = round(seconds * 30)
    joints = np.tile(STANCE, (frames, 1, 1, 1))
    joints[..., 0] += np.linspace(0, metres, frames)[:, None, None]
    joints[2, 0, 9:11] = np.nan
    return Motion(
        name=f"take of {name}",
        source="precog16",
        licence="MIT",
        fps=30.0,
        joints=joints.astype(np.float32),
        behaviors=np.full((frames, 1), Behavior.STRIKE, object),
        events=(Event(Behavior.STRIKE, 0, 0.1, seconds - 0.1),),
        people=(name,),
        split="train",
    )


@pytest.mark.parametrize("metres", [0.0, 3.0, 6.9, 8.0, 32.0])
def test_no_room_is_a_race_track(metres: float) -> None:
    take = going(metres)
    short = measured.beginning(take)
    assert np.ptp(short.joints[:, 0, 11, 0]) <= 7.0
    assert (len(short.joints) == len(take.joints)) == (metres <= 7.0)
    assert bool(short.events) == (metres <= 7.0)
    np.testing.assert_array_equal(short.joints, take.joints[: len(short.joints)])


@pytest.mark.parametrize("seed", range(12))
def test_a_staged_body_is_the_same_body_within_the_walls(seed: int) -> None:
    take = going(4.0)
    placed, scenario = measured.staged(take, np.random.default_rng(seed))
    known = placed.joints[np.isfinite(placed.joints).all(axis=-1)]
    assert (known[:, :2] > 0.9).all()
    assert (known[:, :2] < np.array(scenario.room.size[:2]) - 0.9).all()
    np.testing.assert_array_equal(np.isnan(placed.joints), np.isnan(take.joints))
    np.testing.assert_array_equal(placed.joints[..., 2], take.joints[..., 2])
    for one, other in ((5, 6), (5, 16), (0, 15)):
        apart, was = (
            np.linalg.norm(each.joints[:, 0, one] - each.joints[:, 0, other], axis=-1)
            for each in (placed, take)
        )
        np.testing.assert_allclose(apart, was, atol=1e-5)
    assert _on_the_left(placed.joints[0, 0]) == _on_the_left(STANCE)  # turned, not mirrored


def _on_the_left(body: np.ndarray) -> bool:
    """Whether the left shoulder is on the left of where the nose points."""
    x, y = body[0, :2] - body[3:5, :2].mean(axis=0)
    side = body[5, :2] - body[6, :2]
    return bool(x * side[1] - y * side[0] > 0)


def test_frames_of_measured_motions_say_who_and_what_but_no_place(
    sim: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = (going(2.0), replace(going(1.0, name="p0"), name="other"))
    monkeypatch.setattr(measured, "takes", lambda *_: given)
    found = gather(RECIPE, tmp_path, Cast.LEARN, manifest=tmp_path)
    own = found.pick(found.rows["scene"] >= RECIPE.scenes.learn)
    assert len(own) > 20
    assert (own.rows["place"] == UNSAID).all()
    assert (own.rows["behavior"] == Doing.BLOW).all()
    assert (own.rows["count"] == 0).all()
    # The second take's person comes first in the alphabet.
    for scene, person in ((0, 1), (1, 0)):
        mine = own.rows[own.rows["scene"] == RECIPE.scenes.learn + scene]
        assert set(mine["person"]) == {RECIPE.people.learn + person}
        assert set(mine["view"]) == {0, 1}
    again = gather(RECIPE, tmp_path, Cast.LEARN, manifest=tmp_path)
    np.testing.assert_array_equal(found.bodies, again.bodies)


def test_nobody_measured_is_judged_or_calibrated_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frames: making.Frames
) -> None:
    monkeypatch.setattr(making, "frames_of", lambda *_: frames)
    monkeypatch.setattr(making, "views", lambda *_: iter([None]))
    for cast in (Cast.CALIBRATE, Cast.JUDGE):
        assert len(gather(RECIPE, tmp_path, cast)) == len(frames)
    with pytest.raises(DataError, match="manifest is not given"):
        gather(RECIPE, tmp_path, Cast.LEARN)


def test_several_processes_make_the_same_frames(sim: None, tmp_path: Path) -> None:
    two = Recipe(title="few", people=MANY, scenes=CastSettings(learn=2, calibrate=1, judge=1))
    two = with_(two, frames=with_(two.frames, every_ticks=16))
    one = gather(two, tmp_path / "one", Cast.LEARN)
    other = gather(two, tmp_path / "two", Cast.LEARN, processes=2)
    np.testing.assert_array_equal(one.rows, other.rows)
    np.testing.assert_array_equal(one.bodies, other.bodies)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("utkinect", "may not be shipped"),
        ("gmdcsa24", "holds no motions"),
        ("nobody", "holds no motions"),
        ("precog16", "no take to learn from"),
    ],
)
def test_what_may_not_be_learnt_from_is_named(tmp_path: Path, name: str, says: str) -> None:
    manifest = tmp_path / "MANIFEST.csv"
    columns = (
        "path", "kind", "task", "label", "label_raw", "identity", "group", "camera", "split",
        "licence", "fps", "note",
    )  # fmt: skip
    manifest.write_text(f"{','.join(columns)}\n")
    with pytest.raises(DataError, match=says):
        measured.takes(manifest, (name,))


@pytest.mark.shared
def test_the_sets_of_the_shipped_recipe_are_there(shared_data: Path) -> None:
    found = measured.takes(shared_data / "MANIFEST.csv", ("cmu_mocap", "deepmimic", "precog16"))
    assert {take.source for take in found} == {"cmu_mocap", "deepmimic", "precog16"}
    assert all(take.split not in ("eval", "holdout") for take in found)
    assert len(measured.people(found)) > 5
