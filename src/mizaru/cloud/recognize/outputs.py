"""What the network says about a subject now, and in which order.

One softmax over `ACTIONS` (what the subject does) and two independent probabilities: `FALL`
(it fell: control was lost at most 0.3 s … 3 s ago and it is on its way down or down) and
`AGGRESSION` (it strikes, pushes, is struck or pushed, now).
"""

from __future__ import annotations

from typing import Final

from mizaru.vocabulary import Behavior

ACTIONS: Final = (
    Behavior.WALK,
    Behavior.STAND,
    Behavior.SIT_DOWN,
    Behavior.SIT,
    Behavior.STAND_UP,
    Behavior.LIE_DOWN,
    Behavior.LIE,
    Behavior.BEND,
    Behavior.SQUAT,
    Behavior.WASH_HANDS,
    Behavior.DRINK,
    Behavior.PHONE,
    Behavior.SMOKE,
    Behavior.WAVE_FOR_HELP,
    Behavior.STRIKE,
    Behavior.PUSH,
    Behavior.UNKNOWN,
)
FALL: Final = len(ACTIONS)
AGGRESSION: Final = FALL + 1
OUTPUTS: Final = AGGRESSION + 1

FALL_FROM_S: Final = 0.3
FALL_FOR_S: Final = 3.0
"""A window is one of a fall from this long after the loss of control until this long after the
impact, as long as the person is down."""
