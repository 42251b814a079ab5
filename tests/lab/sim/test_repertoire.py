"""Laws of motion over every action, every way to fall and every family of scenes."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from mizaru.lab.motion import Motion
from mizaru.lab.sim.identity import Age, draw_identity
from mizaru.lab.sim.repertoire import FAMILIES, scenes
from mizaru.lab.sim.scenario import PARAMETERS, Action, Do, Person, Scenario, Way
from mizaru.vocabulary import COCO17, Behavior

pytestmark = pytest.mark.usefixtures("sim")
Make = Callable[[str], Scenario]

# Shoulders and hips move against each other a little: the collar bones and the spine bend.
_RIGID = [bone for bone in COCO17.bones if bone not in ((5, 6), (5, 11), (6, 12))]
_NEVER_OF_ONE = {Behavior.LONG_LIE, Behavior.BULLY, Behavior.CROWD, Behavior.LOITER}


def check(motion: Motion) -> None:
    """What holds of every motion of the sim."""
    joints = motion.joints
    seen = ~np.isnan(joints)
    assert (seen.all(axis=(2, 3)) == seen.any(axis=(2, 3))).all()
    assert np.isfinite(joints[seen]).all()
    assert set(motion.behaviors.ravel()) <= set(Behavior) - _NEVER_OF_ONE
    assert not (joints[..., 2] <= -0.05).any()
    for a, b in _RIGID:
        length = np.linalg.norm(joints[:, :, a] - joints[:, :, b], axis=-1)
        for person in length.T:
            known = person[~np.isnan(person)]
            assert known.size == 0 or known.max() < 1.02 * known.min()
    speed = np.abs(np.diff(joints, axis=0)).max(axis=(2, 3)) * motion.fps
    assert np.nan_to_num(speed).max() < 14.0
    for event in motion.events:
        assert 0 <= event.start_s < event.end_s <= motion.seconds + 1e-9
        assert event.other != event.person
        if event.behavior is Behavior.FALL and event.end_s < motion.seconds - 0.2:
            assert event.impact_s is not None
            assert event.start_s < event.impact_s <= event.end_s + 1e-6


def cast(scenario: Scenario, *actions: Action, other: tuple[Action, ...] = ()) -> Scenario:
    """Two people whose manner is not the usual one."""
    ann = Person(name="ann", identity=1, manner=3, start=(2.0, 2.0), action=actions)
    ben = Person(name="ben", identity=2, manner=4, start=(3.2, 2.0), heading=180.0, action=other)
    return msgspec.structs.replace(scenario, person=(ann, ben), duration=11.0)


def play(scenario: Scenario, seed: int = 0, fps: float = 10.0) -> Motion:
    from mizaru.lab.sim.motion import perform

    return perform(scenario, rng=np.random.default_rng(seed), fps=fps)


_FILLED = {"who": "ben", "to": (3.5, 2.5), "heading": 120.0, "seconds": 2.0}


@pytest.mark.parametrize("do", Do)
def test_every_action_keeps_bodies_whole_and_above_the_floor(do: Do, scenario_of: Make) -> None:
    needed, allowed = PARAMETERS[do]
    values = {key: _FILLED[key] for key in needed if key in _FILLED}
    if "seconds" in allowed:
        values["seconds"] = 2.0
    if "on" in needed:
        values["on"] = "basin" if do is Do.WASH_HANDS else "chair"
    action = Action(do=do, **values)
    check(play(cast(scenario_of(""), action)))


@pytest.mark.parametrize("age", Age)
@pytest.mark.parametrize("way", Way)
def test_every_way_to_fall_ends_down_in_a_persons_time(
    way: Way, age: Age, scenario_of: Make
) -> None:
    scenario = cast(scenario_of(""), Action(do=Do.FALL, way=way, limp=0.5, at=0.4))
    ann = msgspec.structs.replace(scenario.person[0], age=age)
    motion = play(msgspec.structs.replace(scenario, person=(ann,)), fps=30.0)
    check(motion)
    (fall,) = motion.events
    assert fall.impact_s is not None
    assert 0.3 < fall.impact_s - fall.start_s < 2.3
    assert motion.joints[-1, 0, 11:13, 2].mean() < 0.35


def test_after_a_fall_people_stir_crawl_and_try_to_get_up(scenario_of: Make) -> None:
    fall = Action(do=Do.FALL, way=Way.TRIP, limp=0.5)
    for after in (Do.STIR, Do.CRAWL, Do.TRY_UP):
        motion = play(cast(scenario_of(""), fall, Action(do=after, seconds=3.0)))
        check(motion)
        down = round((motion.events[0].end_s + 0.3) * motion.fps)
        moved = np.ptp(motion.joints[down:, 0], axis=0).max()
        assert moved > 0.05


def test_a_fall_that_a_bed_catches_is_none(scenario_of: Make) -> None:
    to_bed = Action(do=Do.WALK, to="bed")
    back = Action(do=Do.FALL, way=Way.FAINT, heading=180.0, limp=1.0)
    face_away = Action(do=Do.TURN, heading=180.0)
    motion = play(cast(scenario_of(""), to_bed, face_away, back))
    for event in motion.events:
        assert event.impact_s is None or motion.joints[-1, 0, 11:13, 2].mean() < 0.4


@pytest.mark.parametrize("family", FAMILIES)
def test_families_keep_the_laws(family: str) -> None:
    scenario = FAMILIES[family][1](np.random.default_rng(5))
    shorter = msgspec.structs.replace(scenario, duration=min(scenario.duration, 13.0))
    check(play(shorter))


def test_families_that_fall_do_and_the_everyday_does_not() -> None:
    rng = np.random.default_rng(8)
    falls = play(FAMILIES["fall_walking"][1](rng)).events
    assert [event.behavior for event in falls] == [Behavior.FALL]
    for family in ("low", "gym", "embrace"):
        scenario = msgspec.structs.replace(FAMILIES[family][1](rng), duration=14.0)
        assert play(scenario, fps=8.0).events == ()


def test_equal_generators_draw_equal_scenes() -> None:
    first, again = (scenes(np.random.default_rng(3)) for _ in range(2))
    drawn = [next(first) for _ in range(20)]
    assert drawn == [next(again) for _ in range(20)]
    assert len({scenario.title for scenario in drawn}) == 20
    motions = [play(msgspec.structs.replace(drawn[0], duration=4.0), seed=1) for _ in range(2)]
    assert np.array_equal(*(motion.joints for motion in motions), equal_nan=True)


def test_scenes_come_from_the_families_asked_for() -> None:
    drawn = scenes(np.random.default_rng(3), ["hands", "crowd"])
    assert {next(drawn).title.partition("-")[0] for _ in range(30)} == {"hands", "crowd"}
    with pytest.raises(KeyError):
        next(scenes(np.random.default_rng(3), ["no such family"]))


def test_ages_differ_in_size_and_gait() -> None:
    for seed in range(20):
        child, adult, elder = (draw_identity(seed, age) for age in Age)
        assert 1.03 < 1.70 * child.proportions.height < 1.51
        assert adult.proportions.height > child.proportions.height
        assert elder.gait.speed < 0.9
        assert child.colours == adult.colours == elder.colours


@pytest.mark.parametrize("begin", [2.0, 10.0])
def test_a_day_has_its_length_and_nothing_bad_in_it(begin: float) -> None:
    from mizaru.lab.sim.daily import EPISODE_S, daily_life

    motions = list(daily_life(np.random.default_rng(2), 0.1, begin=begin, fps=5.0))
    assert sum(motion.seconds for motion in motions) == pytest.approx(360.0, abs=1.0)
    for motion in motions:
        assert motion.seconds <= EPISODE_S
        assert motion.name.startswith("day-")
        assert not any(event.behavior.is_risk for event in motion.events)
        if motion.people:
            check(motion)


def test_an_empty_room_is_motion_of_nobody() -> None:
    from mizaru.lab.sim.stage import Set

    motion = play(Set(np.random.default_rng(0)).scenario("empty", 2.0))
    assert motion.joints.shape == (20, 0, len(COCO17.keypoints), 3)
    assert motion.people == ()
