"""What a script's actions look like: one function per `Do`, each a generator of frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from mizaru.lab.sim.actor import Actor, Motion
from mizaru.lab.sim.encounters import (
    bully,
    fall,
    push,
    strike,
)
from mizaru.lab.sim.gestures import (
    drink,
    phone,
    smoke,
    wash_hands,
    wave_for_help,
)
from mizaru.lab.sim.postures import (
    bend,
    follow,
    lie_down,
    sit_down,
    squat,
    stand_up,
    turn,
    wait,
    walk,
)
from mizaru.lab.sim.scenario import Action, Do


def script(actor: Actor, actions: tuple[Action, ...]) -> Iterator[Motion]:
    """The motions of a script, each made when its turn comes."""
    for action in actions:
        yield _perform(actor, action)


def _perform(actor: Actor, action: Action) -> Motion:
    yield from actor.idle_until(action.at)
    end = None if action.cut is None else actor.stage.now + action.cut
    for behavior in ACTIONS[action.do](actor, action):
        yield behavior
        if end is not None and actor.stage.now >= end - 1e-9:
            break
    actor.prop = None


ACTIONS: Final[dict[Do, Callable[[Actor, Action], Motion]]] = {
    Do.WALK: walk,
    Do.FOLLOW: follow,
    Do.TURN: turn,
    Do.WAIT: wait,
    Do.SIT_DOWN: sit_down,
    Do.STAND_UP: stand_up,
    Do.LIE_DOWN: lie_down,
    Do.BEND: bend,
    Do.SQUAT: squat,
    Do.WASH_HANDS: wash_hands,
    Do.DRINK: drink,
    Do.PHONE: phone,
    Do.SMOKE: smoke,
    Do.FALL: fall,
    Do.STRIKE: strike,
    Do.PUSH: push,
    Do.BULLY: bully,
    Do.WAVE_FOR_HELP: wave_for_help,
}
"""Every action of a script, as motion."""
