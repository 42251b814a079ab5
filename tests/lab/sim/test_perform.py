"""What `perform` gives: motion without pictures, with falls and blows in its events."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mizaru.lab.motion import Motion
from mizaru.lab.sim.scenario import Scenario
from mizaru.vocabulary import COCO17, Behavior

pytestmark = pytest.mark.usefixtures("sim")
Make = Callable[[str], Scenario]

ANN = '[[scenario.person]]\nname = "ann"\nidentity = 1\nstart = [2.0, 2.5]\n'
BEN = '[[scenario.person]]\nname = "ben"\nidentity = 2\nstart = [3.2, 2.5]\nheading = 180\n'


def act(do: str, more: str = "") -> str:
    return f'[[scenario.person.action]]\ndo = "{do}"\n{more}\n'


def perform(scenario: Scenario, seconds: float, seed: int = 0) -> Motion:
    import msgspec

    from mizaru.lab.sim.motion import perform as play

    shorter = msgspec.structs.replace(scenario, duration=seconds)
    return play(shorter, rng=np.random.default_rng(seed))


def test_equal_seeds_are_equal_motion_and_others_are_not(scenario_of: Make) -> None:
    scenario = scenario_of(ANN + act("fall", "at = 0.5"))
    first, again, other = (perform(scenario, 3.0, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.joints, again.joints)
    assert first.events == again.events
    assert np.abs(first.joints - other.joints).max() > 0.05


def test_joints_are_where_the_pictures_have_them(scenario_of: Make) -> None:
    from mizaru.lab.sim import Appearance, World
    from mizaru.lab.sim.motion import perform as play
    from mizaru.lab.sim.truth import Observer

    scenario = scenario_of(ANN + act("wave_for_help", "seconds = 2") + BEN)
    motion = play(scenario, fps=10)
    world = World(scenario, seed=scenario.seed, fps=10, size_wh=(64, 64), appearance=Appearance())
    observer = Observer(world.model, scenario, "wall", (64, 64), list(world.actors.values()))
    for frame in range(30):
        if frame:
            world.advance()
        for k in range(2):
            assert np.allclose(motion.joints[frame, k], observer.joints(world.data, k), atol=1e-5)


def test_a_fall_starts_where_control_is_lost_and_has_its_impact(scenario_of: Make) -> None:
    motion = perform(scenario_of(ANN + act("fall", "at = 1.0\nlimp = 0.4")), 8.0)
    (fall,) = motion.events
    assert fall.behavior is Behavior.FALL
    assert fall.start_s == pytest.approx(1.0, abs=2 / motion.fps)
    assert fall.impact_s is not None
    assert fall.start_s + 0.2 < fall.impact_s < fall.end_s
    frame = round(fall.start_s * motion.fps)
    assert motion.behaviors[frame - 1, 0] is Behavior.STAND
    assert motion.behaviors[frame + 1, 0] is Behavior.FALL
    assert motion.behaviors[-1, 0] is Behavior.LIE


def test_blows_say_to_whom_and_who_is_pushed_falls(scenario_of: Make) -> None:
    motion = perform(scenario_of(ANN + act("push", 'who = "ben"') + BEN), 8.0)
    push, fall = motion.events
    assert (push.behavior, push.person, push.other) == (Behavior.PUSH, 0, 1)
    assert (fall.behavior, fall.person) == (Behavior.FALL, 1)
    assert push.start_s < fall.start_s < push.end_s


def test_a_quarrel_is_one_event_over_its_blows(scenario_of: Make) -> None:
    motion = perform(scenario_of(ANN + act("bully", 'who = "ben"\nseconds = 6') + BEN), 12.0)
    bully, *blows = motion.events
    assert bully.behavior is Behavior.BULLY
    assert {blow.behavior for blow in blows} == {Behavior.PUSH, Behavior.STRIKE}
    for blow in blows:
        assert bully.start_s <= blow.start_s < blow.end_s <= bully.end_s + 1e-9
        middle = round((blow.start_s + blow.end_s) / 2 * motion.fps)
        assert motion.behaviors[middle, 0] is blow.behavior
    assert Behavior.BULLY not in set(motion.behaviors.ravel())


def test_beds_are_outlined(scenario_of: Make) -> None:
    (bed,) = perform(scenario_of(ANN), 0.1).rest
    corners = np.array(bed)
    assert np.allclose(corners.min(axis=0), (4.2 - 0.475, 3.4 - 1.0))
    assert np.allclose(corners.max(axis=0), (4.2 + 0.475, 3.4 + 1.0))


def test_who_is_outside_is_away(scenario_of: Make) -> None:
    motion = perform(scenario_of(ANN.replace("2.0, 2.5", "-1.5, 2.5")), 0.1)
    assert np.isnan(motion.joints).all()
    assert motion.joints.shape[2] == len(COCO17.keypoints)
    assert all(type(word) is Behavior for word in motion.behaviors.flat)


def test_a_motion_is_written_whole_and_read_without_pickle(
    scenario_of: Make, tmp_path: Path
) -> None:
    from typer.testing import CliRunner

    from mizaru.cli.sim import app

    scenario_of(ANN + act("fall", "at = 0.5"))
    toml = (tmp_path / "scenario.toml").read_text().replace("duration = 60.0", "duration = 3.0")
    (tmp_path / "scenario.toml").write_text(toml)
    out = tmp_path / "new" / "fall.npz"
    command = ["motion", str(tmp_path / "scenario.toml"), "--out", str(out), "--fps", "10"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    with np.load(out, allow_pickle=False) as file:
        assert file["joints"].shape == (30, 1, len(COCO17.keypoints), 3)
        assert set(file["behaviors"].ravel()) <= set(Behavior)
        (event,) = json.loads(str(file["events"]))
    assert event["behavior"] == "fall"
    assert [path.name for path in out.parent.iterdir()] == ["fall.npz"]


def test_a_motion_that_cannot_be_written_is_one_line(scenario_of: Make, tmp_path: Path) -> None:
    from mizaru.errors import SimError
    from mizaru.lab.sim.motion import write_motion

    motion = perform(scenario_of(ANN), 0.1)
    (tmp_path / "file").write_text("")
    for file in (tmp_path / "a.txt", tmp_path / "file" / "a.npz"):
        with pytest.raises(SimError, match=r"^.*a\.(txt|npz).*$"):
            write_motion(motion, file)
