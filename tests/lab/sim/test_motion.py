"""Motion and physics, without a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby

import numpy as np
import pytest

from mizaru.lab.sim.actor import LONG_LIE_AFTER_S
from mizaru.lab.sim.scenario import Do, Scenario
from mizaru.vocabulary import Behavior

pytestmark = pytest.mark.usefixtures("sim")
Make = Callable[[str], Scenario]

ANN = '[[scenario.person]]\nname = "ann"\nidentity = 1\nstart = [2.0, 2.5]\n'
BEN = '[[scenario.person]]\nname = "ben"\nidentity = 2\nstart = [3.2, 2.5]\nheading = 180\n'


def play(scenario: Scenario, seconds: float, *, seed: int = 5, fps: float = 10) -> Iterator[object]:
    from mizaru.lab.sim import Appearance, World

    world = World(scenario, seed=seed, fps=fps, size_wh=(64, 64), appearance=Appearance())
    yield world
    while world.now < seconds:
        world.advance()
        yield world


def words(scenario: Scenario, seconds: float, name: str = "ann") -> list[Behavior]:
    """What somebody does, one word after another."""
    from mizaru.lab.sim.play import Play

    stage = Play(scenario, seed=5, fps=10)
    done = [stage.actors[name].behavior]
    while stage.now < seconds:
        stage.advance()
        done.append(stage.actors[name].behavior)
    return [word for word, _ in groupby(done)]


# What each action must look like, in order.
SHOWS: dict[Do, tuple[str, list[str]]] = {
    Do.WALK: ("to = [3.5, 2.5]", ["stand", "walk", "stand"]),
    Do.FOLLOW: ('who = "ben"\nseconds = 3', ["stand"]),
    Do.TURN: ("heading = 90", ["stand"]),
    Do.WAIT: ("seconds = 1", ["stand"]),
    Do.SIT_DOWN: ('on = "chair"', ["stand", "walk", "stand", "sit_down", "sit"]),
    Do.STAND_UP: ("", ["stand"]),
    Do.LIE_DOWN: (
        'on = "bed"', ["stand", "walk", "stand", "sit_down", "lie_down", "lie"],
    ),
    Do.BEND: ("", ["stand", "bend", "stand"]),
    Do.SQUAT: ("seconds = 1", ["stand", "squat", "stand"]),
    Do.WASH_HANDS: ('on = "basin"\nseconds = 1', ["stand", "walk", "stand", "wash_hands", "stand"]),
    Do.DRINK: ("seconds = 3", ["stand", "drink", "stand"]),
    Do.PHONE: ("seconds = 3", ["stand", "phone", "stand"]),
    Do.SMOKE: ("seconds = 3", ["stand", "smoke", "stand"]),
    Do.FALL: ("", ["stand", "fall", "lie"]),
    Do.STRIKE: ('who = "ben"\nseconds = 1', ["stand", "walk", "strike", "stand"]),
    Do.PUSH: ('who = "ben"', ["stand", "walk", "push", "stand"]),
    Do.BULLY: ('who = "ben"\nseconds = 2', ["stand", "bully", "stand"]),
    Do.WAVE_FOR_HELP: ("seconds = 1", ["stand", "wave_for_help", "stand"]),
    Do.KNEEL: ("seconds = 1", ["stand", "squat", "stand"]),
    Do.TIE_SHOES: ("seconds = 2", ["stand", "squat", "stand"]),
    Do.PICK_UP: ("", ["stand", "bend", "stand"]),
    Do.REACH_UP: ("", ["stand", "unknown", "stand"]),
    Do.DRESS: ("seconds = 3", ["stand", "unknown", "stand"]),
    Do.JUMP: ("", ["stand", "unknown", "stand"]),
    Do.EXERCISE: ("seconds = 1", ["stand", "squat", "unknown", "stand_up", "stand"]),
    Do.CRAWL: ("seconds = 2", ["stand", "squat", "unknown", "sit"]),
    Do.SIT_FLOOR: ("seconds = 1", ["stand", "sit_down", "sit"]),
    Do.TURN_OVER: ("", ["stand", "lie_down", "lie"]),
    Do.STIR: ("seconds = 1", ["stand"]),
    Do.TRY_UP: ("", ["stand"]),
    Do.STAGGER: ("heading = 90", ["stand"]),
    Do.EMBRACE: ('who = "ben"', ["stand", "walk", "unknown", "stand"]),
    Do.HANDSHAKE: ('who = "ben"', ["stand", "walk", "unknown", "stand"]),
    Do.TOUCH: ('who = "ben"', ["stand", "walk", "unknown", "stand"]),
    Do.HELP_UP: ('who = "ben"\nseconds = 3', ["stand", "walk", "bend", "stand"]),
    Do.STRUGGLE: ('who = "ben"', ["stand", "walk", "push", "stand"]),
    Do.WHEEL: ("to = [2.8, 2.5]", ["stand", "sit_down", "sit"]),
}  # fmt: skip


@pytest.mark.parametrize("do", Do)
def test_every_action_shows_its_behaviour(do: Do, scenario_of: Make) -> None:
    parameters, expected = SHOWS[do]
    action = f'[[scenario.person.action]]\ndo = "{do}"\n{parameters}\n'
    shown = words(scenario_of(ANN + action + BEN), 13.0)
    # Turning on the spot before walking is standing.
    collapsed = [word for word, _ in groupby(shown)]
    assert collapsed == expected


def test_every_motion_of_the_vocabulary_can_be_shown() -> None:
    from_number_time_or_place = {"intrude", "loiter", "crowd", "long_lie", "unknown"}
    shown = {word for _, expected in SHOWS.values() for word in expected} | {"stand_up"}
    assert shown >= {str(b) for b in Behavior} - from_number_time_or_place


@pytest.mark.parametrize("identity", range(4))
def test_walking_arrives_and_the_standing_foot_does_not_slide(
    identity: int, scenario_of: Make
) -> None:
    action = '[[scenario.person.action]]\ndo = "walk"\nto = [4.2, 3.4]\n'
    scenario = scenario_of(ANN.replace("identity = 1", f"identity = {identity}") + action)
    slid, moved, last = [], 0.0, None
    for world in play(scenario, 6.0, fps=30):
        ann = world.actors["ann"]
        pelvis = ann.xy.copy()
        # Toes of the foot that bears: whichever is lower has the ground.
        feet = np.array([world.data.body(f"p0/{side}foot").xpos for side in "lr"])
        flat = [abs(p) < 1e-6 for p in ann.stance.foot_pitch]
        down = feet[:, 2] < ann.skeleton.sole + 0.004
        if last is not None:
            moved += float(np.linalg.norm(pelvis - last[0]))
            for side in range(2):
                if flat[side] and last[2][side] and down[side] and last[3][side]:
                    slid.append(float(np.linalg.norm(feet[side, :2] - last[1][side, :2])))
        last = (pelvis, feet, flat, down)
    assert np.linalg.norm(last[0] - [4.2, 3.4]) < 0.05
    assert moved > 2.0
    assert len(slid) > 60
    assert max(slid) < 0.004


def test_hands_and_feet_go_where_they_are_sent(scenario_of: Make) -> None:
    action = '[[scenario.person.action]]\ndo = "wash_hands"\non = "basin"\nseconds = 20\n'
    *_, world = play(scenario_of(ANN + action), 9.0)
    assert world.actors["ann"].behavior is Behavior.WASH_HANDS
    for side in "lr":
        hand = world.data.body(f"p0/{side}hand").xpos
        assert np.linalg.norm(hand[:2] - [0.38, 3.4]) < 0.12
        assert 0.86 < hand[2] < 1.05


def falls(scenario_of: Make, seed: int, limp: float, heading: int) -> np.ndarray:
    action = (
        f'[[scenario.person.action]]\ndo = "fall"\nlimp = {limp}\nheading = {heading}\nat = 0.5\n'
    )
    path = []
    for world in play(scenario_of(ANN + action), 8.0, seed=seed):
        path.append(world.data.body("p0/head").xpos.copy())
    assert world.actors["ann"].behavior is Behavior.LIE
    assert world.data.body("p0/root").xpos[2] < 0.4
    assert world.data.body("p0/thorax").xpos[2] < 0.5
    assert min(world.data.xpos[1:, 2]) > -0.02
    return np.array(path)


@pytest.mark.parametrize(
    ("limp", "heading"), [(0.1, 0), (0.3, 90), (0.5, 180), (0.7, 270), (1.0, 0)]
)
def test_a_fall_ends_on_the_floor_and_no_two_are_alike(
    limp: float, heading: int, scenario_of: Make
) -> None:
    first, second = (falls(scenario_of, seed, limp, heading) for seed in (1, 2))
    assert np.abs(first - second).max() > 0.05


def test_the_same_seed_is_the_same_fall(scenario_of: Make) -> None:
    first, again = (falls(scenario_of, 1, 0.3, 90) for _ in range(2))
    assert np.array_equal(first, again)


def test_who_stays_down_long_lies_long(scenario_of: Make) -> None:
    action = '[[scenario.person.action]]\ndo = "fall"\n'
    assert words(scenario_of(ANN + action), 8.0 + LONG_LIE_AFTER_S)[-2:] == ["lie", "long_lie"]


def test_after_a_fall_one_can_get_up(scenario_of: Make) -> None:
    for heading in (0, 180):
        action = (
            f'[[scenario.person.action]]\ndo = "fall"\nheading = {heading}\nseconds = 2\n'
            '[[scenario.person.action]]\ndo = "stand_up"\n'
        )
        *_, world = play(scenario_of(ANN + action), 16.0)
        assert world.actors["ann"].behavior is Behavior.STAND
        assert world.data.body("p0/head").xpos[2] > 1.3


@pytest.mark.parametrize(
    ("outcome", "expected"), [("fall", True), ("stagger", False), ("none", False)]
)
def test_a_push_does_what_the_script_says(outcome: str, expected: bool, scenario_of: Make) -> None:
    action = f'[[scenario.person.action]]\ndo = "push"\nwho = "ben"\noutcome = "{outcome}"\n'
    scenario = scenario_of(ANN + action + BEN)
    seen = [(w.actors["ben"].behavior, w.actors["ben"].xy.copy()) for w in play(scenario, 8.0)]
    assert (Behavior.FALL in [behavior for behavior, _ in seen]) is expected
    shifted = seen[-1][1][0] - seen[0][1][0]
    assert bool(shifted > 0.2) is (outcome != "none")


def test_a_push_does_not_end_the_others_waiting(scenario_of: Make) -> None:
    push = '[[scenario.person.action]]\ndo = "push"\nwho = "ben"\noutcome = "stagger"\n'
    wait = (
        '[[scenario.person.action]]\ndo = "wait"\nseconds = 9\n'
        '[[scenario.person.action]]\ndo = "wave_for_help"\n'
    )
    scenario = scenario_of(ANN + push + BEN + wait)
    done = [(w.now, w.actors["ben"].behavior) for w in play(scenario, 12.0)]
    waving = next(t for t, behavior in done if behavior is Behavior.WAVE_FOR_HELP)
    assert 9.0 <= waving <= 10.5
