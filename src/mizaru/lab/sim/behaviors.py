"""What a script's actions look like: one function per `Do`, each a generator of frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from mizaru.lab.sim.actor import Actor, Motion
from mizaru.lab.sim.encounters import (
    bully,
    fall,
    push,
    stagger,
    strike,
)
from mizaru.lab.sim.floorwork import (
    crawl,
    dress,
    exercise,
    jump,
    kneel,
    pick_up,
    reach_up,
    stir,
    tie_shoes,
    try_up,
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
    sit_floor,
    squat,
    stand_up,
    turn,
    turn_over,
    wait,
    walk,
    wheel,
)
from mizaru.lab.sim.scenario import Action, Do
from mizaru.lab.sim.together import embrace, handshake, help_up, struggle, touch


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
    Do.KNEEL: kneel,
    Do.TIE_SHOES: tie_shoes,
    Do.PICK_UP: pick_up,
    Do.REACH_UP: reach_up,
    Do.DRESS: dress,
    Do.JUMP: jump,
    Do.EXERCISE: exercise,
    Do.CRAWL: crawl,
    Do.SIT_FLOOR: sit_floor,
    Do.TURN_OVER: turn_over,
    Do.STIR: stir,
    Do.TRY_UP: try_up,
    Do.STAGGER: stagger,
    Do.EMBRACE: embrace,
    Do.HANDSHAKE: handshake,
    Do.TOUCH: touch,
    Do.HELP_UP: help_up,
    Do.STRUGGLE: struggle,
    Do.WHEEL: wheel,
}
"""Every action of a script, as motion."""
