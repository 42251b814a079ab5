"""Where frames come from: pools that share nobody, plates that match the eye, a cache."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from mizaru.errors import DataError, SettingsError
from mizaru.lab.encoder import frames as making
from mizaru.lab.encoder.frames import (
    NOBODY,
    Cast,
    Frames,
    frames_of,
    gather,
    pool,
    scenarios,
    views,
)
from mizaru.lab.encoder.recipe import SHIPPED, CastSettings, Recipe, load_recipe
from mizaru.lab.encoder.room import as_published, hang, render_plate
from mizaru.lab.seeing.eye import Eye
from mizaru.lab.sim.scenario import Camera, Furniture, Kind, Room, Scenario
from mizaru.proxy import UNKNOWN_RGB

FEW = CastSettings(learn=1, calibrate=1, judge=1)
RECIPE = Recipe(title="few", people=CastSettings(learn=12, calibrate=12, judge=12), scenes=FEW)


def test_casts_share_nobody_and_everybody_has_one_age() -> None:
    pools = {cast: pool(cast, 90, 7) for cast in Cast}
    for one, other in combinations(pools.values(), 2):
        assert not {k for k, _ in one} & {k for k, _ in other}
    assert len(set(pools[Cast.LEARN])) == 90
    ages = [age for _, age in pools[Cast.LEARN]]
    assert 0.55 < ages.count("adult") / 90 < 0.7


@pytest.fixture(scope="module")
def seen(sim: None) -> Frames:
    scene, scenario = next(scenarios(RECIPE, Cast.LEARN))
    every = replace(RECIPE.frames, views=1, every_ticks=8)
    (view,) = views(replace(RECIPE, frames=every), Cast.LEARN, scene, scenario)
    return frames_of(view, every, None)


def test_frames_are_apart_in_time_and_name_the_person_who_is_alone(seen: Frames) -> None:
    assert len(seen) > 5
    assert (np.diff(seen.rows["t_ms"]) >= 800).all()
    alone = seen.rows["person"] != NOBODY
    assert (seen.rows["count"][alone] == 0).all()
    assert np.isnan(seen.teacher).all()
    assert (np.diff(seen.first) == 1)[alone].all()
    up, hips = seen.hints[:, 0], seen.hints[:, 1]
    assert (np.abs(up) <= 1).all()
    assert ((hips > 0) & (hips < 2)).all()
    assert np.isnan(seen.hints[alone, -2:]).all()  # nobody is near who is alone


def test_a_plate_is_what_the_eye_would_see(sim: None) -> None:
    red = Furniture(
        name="c", kind=Kind.CABINET, position=(2.0, 3.0), heading=270, colour=(0.9, 0.02, 0.02)
    )
    scenario = Scenario(
        title="t",
        room=Room(size=(4, 4, 2.6), tiled_to=0),
        camera=(Camera(name="a", position=(0.1, 0.1, 2.0), look_at=(1.0, 1.0, 1.0)),),
        duration=1,
        furniture=(red,),
    )
    eye = Eye.at((0.5, 0.5, 2.2), (2.2, 2.4, 0.8), fov_deg=80, roll_deg=5, height_px=96)
    plate = render_plate(scenario, eye)
    assert plate.shape[0] == 96
    x, y = eye.project(eye.look(np.array([2.0, 2.8, 0.9])))
    r, g, b = plate[round(y), round(x)].astype(int)
    assert r > 3 * max(g, b, 1)
    x, y = eye.project(eye.look(np.array([1.2, 2.8, 0.9])))  # beside it
    r, g, b = plate[round(y), round(x)].astype(int)
    assert r < 1.5 * max(g, b, 1)


def test_a_plate_as_published_is_the_room_or_flat_grey() -> None:
    plate = np.zeros((96, 128, 3), np.uint8)
    kinds = set()
    for seed in range(60):
        shown = as_published(plate, np.random.default_rng(seed))
        if shown is None:
            kinds.add("none")
            continue
        grey = (shown == np.array(UNKNOWN_RGB)).all(axis=2)
        assert (grey | (shown == 0).all(axis=2)).all()
        kinds.add("parts" if grey.any() else "whole")
    assert kinds == {"none", "parts", "whole"}
    assert not plate.any()


def test_a_camera_hangs_inside_the_walls(sim: None) -> None:
    scene, scenario = next(scenarios(RECIPE, Cast.JUDGE))
    every = replace(RECIPE.frames, views=1)
    (view,) = views(replace(RECIPE, frames=every), Cast.JUDGE, scene, scenario)
    for seed in range(20):
        eye = hang(view.motion, scenario, np.random.default_rng(seed))
        assert (eye.place > 0).all()
        assert (eye.place < np.array(scenario.room.size)).all()


def test_frames_are_made_once_and_damaged_ones_are_named(
    seen: Frames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def once(*_: object) -> Frames:
        calls.append(1)
        return seen

    monkeypatch.setattr(making, "frames_of", once)
    monkeypatch.setattr(making, "views", lambda *_: iter([None]))
    first = gather(RECIPE, tmp_path, Cast.LEARN)
    again = gather(RECIPE, tmp_path, Cast.LEARN)
    assert len(calls) == 1
    for name in ("plate_of", "bodies", "heads", "subjects", "first", "rows", "teacher", "hints"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    np.testing.assert_array_equal(first.plates[0], again.plates[0])
    (file,) = tmp_path.rglob("*.npz")
    file.write_bytes(b"no archive")
    with pytest.raises(DataError, match="delete it"):
        gather(RECIPE, tmp_path, Cast.LEARN)


def test_what_is_joined_and_picked_keeps_its_bodies_and_its_room(frames: Frames) -> None:
    twice = Frames.join([frames, frames])
    assert len(twice) == 2 * len(frames)
    picks = np.array([70, 3, 127, 3])
    some = twice.pick(picks)
    for k, pick in enumerate(picks):
        own = frames.poses(int(pick) % len(frames))
        assert len(some.poses(k)) == len(own)
        for one, other in zip(some.poses(k), own, strict=True):
            np.testing.assert_array_equal(one.keypoints, other.keypoints)
            assert (one.subject_id, one.head) == (other.subject_id, other.head)
        plate = some.plates[some.plate_of[k]]
        room = frames.plates[frames.plate_of[int(pick) % len(frames)]]
        assert plate is room
    assert len(Frames.join([])) == len(Frames.none()) == 0
    flags = np.zeros(len(twice), bool)
    flags[[3, 70]] = True
    np.testing.assert_array_equal(twice.pick(flags).rows, twice.rows[[3, 70]])


def test_the_recipe_that_ships_is_one(tmp_path: Path) -> None:
    recipe = load_recipe(SHIPPED)
    assert recipe.loss.distill <= 0.2
    assert recipe.people.judge >= 40
    bad = tmp_path / "bad.toml"
    bad.write_text(SHIPPED.read_text().replace("vib = 0.0005", "vib = -1"))
    with pytest.raises(SettingsError, match="vib"):
        load_recipe(bad)
