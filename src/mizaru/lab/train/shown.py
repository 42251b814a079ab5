"""Which windows show what their label says: somebody who smokes stands still most of the time.

A label spans a whole cigarette, glass or call; a window in which the hand hangs down shows
standing, and teaching it as smoking would make a smoker of everybody who stands. What it shows
is left open: the label is taken off.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.cloud.recognize.features import CONFIDENCE, JOINTS
from mizaru.cloud.recognize.outputs import ACTIONS
from mizaru.lab.train.truth import UNSAID
from mizaru.vocabulary import COCO17, Behavior

NEAR: Final = 0.22
"""A hand that comes nearer to the nose than this is at the head, body heights."""

_AT_HEAD: Final = tuple(ACTIONS.index(b) for b in (Behavior.SMOKE, Behavior.DRINK, Behavior.PHONE))
_UP: Final = ACTIONS.index(Behavior.WAVE_FOR_HELP)
_NOSE: Final = COCO17.index("nose")
_WRISTS: Final = (COCO17.index("left_wrist"), COCO17.index("right_wrist"))
_SHOULDERS: Final = (COCO17.index("left_shoulder"), COCO17.index("right_shoulder"))


def as_shown(x: npt.NDArray[np.floating], rows: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """Rows of `mizaru.lab.train.windows` whose gestures are to be seen in their windows.

    Args:
        x: windows, shape (N, C, W).
    """
    out = rows.copy()
    gesture = np.flatnonzero(np.isin(rows["action"], (*_AT_HEAD, _UP)))
    if not len(gesture):
        return out
    joints = x[gesture][:, JOINTS].astype(np.float32).reshape(len(gesture), -1, 2, x.shape[2])
    seen = x[gesture][:, CONFIDENCE] > 0
    at_head = np.zeros(len(gesture), bool)
    up = np.zeros(len(gesture), bool)
    for wrist, shoulder in zip(_WRISTS, _SHOULDERS, strict=True):
        apart = np.hypot(*(joints[:, wrist] - joints[:, _NOSE]).transpose(1, 0, 2))
        at_head |= ((apart < NEAR) & seen[:, wrist] & seen[:, _NOSE]).any(1)
        above = joints[:, wrist, 1] < joints[:, shoulder, 1]
        up |= (above & seen[:, wrist] & seen[:, shoulder]).any(1)
    shows = np.where(rows["action"][gesture] == _UP, up, at_head)
    out["action"][gesture[~shows]] = UNSAID
    return out
