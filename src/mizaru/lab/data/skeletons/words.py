"""From the words of the sources to `Behavior`, frame by frame.

Most sources name one action per sequence. Where that word covers more than one behaviour (a
walk to the thing that is picked up; a guard between two blows), the joints decide by the rules
of this module, stated beside them; where they cannot, the frame is UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mizaru.lab.motion import Event
from mizaru.vocabulary import COCO17, Behavior

Joints = npt.NDArray[np.float32]

BEHAVIORS: Final[Mapping[str, Behavior]] = MappingProxyType(
    {
        # on foot, whatever the pace or the load
        "walking": Behavior.WALK,
        "running": Behavior.WALK,
        "carry": Behavior.WALK,
        "standing": Behavior.STAND,
        "sitting": Behavior.SIT,
        "sit_down": Behavior.SIT_DOWN,
        "stand_up": Behavior.STAND_UP,
        "lying": Behavior.LIE,
        "pickup": Behavior.BEND,
        "drinking": Behavior.DRINK,
        "phone": Behavior.PHONE,
        "smoking": Behavior.SMOKE,
        "wave": Behavior.WAVE_FOR_HELP,
        "push": Behavior.PUSH,
    }
)
"""The manifest's harmonised words that name one behaviour for a whole sequence. Others (throw,
clap, climbing, jumping, …) are something else than the vocabulary has: UNKNOWN."""

BLOWS: Final = frozenset({"punch", "kick", "strike", "aggressive", "spinkick"})
"""Words of sequences that hold blows somewhere."""

_SHOULDERS, _HIPS, _KNEES = ([COCO17.index(f"{s}_{j}") for s in ("left", "right")]
                             for j in ("shoulder", "hip", "knee"))  # fmt: skip
_TIPS: Final = [COCO17.index(f"{s}_{j}") for j in ("wrist", "ankle") for s in ("left", "right")]

_BLOW_PEAK: Final = 3.0
"""A blow's hand or foot gets faster than this, metres/s, seen from the hips … On the training
split of PRECOG this finds 179 of 181 marked blows, and 6 more in 62 s of guard."""
_BLOW_SLOW: Final = 1.0
"""… and the blow lasts while it is faster than this."""
_BLOW_GAP_S: Final = 0.15
_WALK_SPEED: Final = 0.35
"""Hips that travel faster than this, metres/s, walk."""
_BEND_LEAN: Final = np.cos(np.radians(30.0))
"""Cosine of a trunk's angle from upright, below which it is bent."""
_BEND_DROP: Final = 0.85
"""Hips below this part of their greatest height: bent or squatting."""
_LIES: Final = 0.3
"""Hips and shoulders below this height, metres: lying."""


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What is known of a sequence of one person.

    Attributes:
        behaviors: shape (T,), of `Behavior`.
        events: blows, with their times.
        known: whether every frame is labelled (UNKNOWN is then: none of the vocabulary's).
    """

    behaviors: npt.NDArray[np.object_]
    events: tuple[Event, ...] = ()
    known: bool = True


def say(
    word: str, joints: Joints, fps: float, blow: npt.NDArray[np.integer[Any]] | None = None
) -> Said:
    """What a sequence's word means for each of its frames.

    Args:
        word: harmonised.
        joints: shape (T, 17, 3), metres, z up, floor at 0.
        fps: frames per second.
        blow: shape (T,): > 0, a number for each kind, where the source says that a blow is
            struck; None where it does not say.
    """
    if blow is not None or word in BLOWS:
        kinds = _blows(joints, fps).astype(np.int64) if blow is None else blow
        out = _all(Behavior.UNKNOWN, joints)
        if blow is not None:
            # between blows people keep their guard, on the spot
            out[_speed(joints, fps) < _WALK_SPEED] = Behavior.STAND
        out[kinds > 0] = Behavior.STRIKE
        events = [
            Event(Behavior.STRIKE, 0, first / fps, last / fps)
            for kind in np.unique(kinds[kinds > 0])
            for first, last in runs(kinds == kind)
        ]
        events.sort(key=lambda event: event.start_s)
        return Said(out, tuple(events), known=blow is not None)
    behavior = BEHAVIORS.get(word, Behavior.UNKNOWN)
    if word == "pickup":
        return Said(_while_bent(joints, fps))
    if word == "getup":
        return Said(_getting_up(joints))
    return Said(_all(behavior, joints))


def runs(mask: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Stretches [first, last) of true entries."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    for first, last in edges.reshape(-1, 2):
        yield int(first), int(last)


def _all(behavior: Behavior, joints: Joints) -> npt.NDArray[np.object_]:
    out = np.empty(len(joints), object)
    out[:] = behavior  # np.full would make a plain str of it
    return out


def _hips(joints: Joints) -> npt.NDArray[np.float64]:
    return np.asarray(joints[:, _HIPS].mean(axis=1), np.float64)


def _speed(joints: Joints, fps: float) -> npt.NDArray[np.float64]:
    """Of the hips over the floor, metres/s over half a second; NaN where unseen."""
    place = _hips(joints)[:, :2]
    half = max(1, round(fps / 4))
    if len(place) <= 2 * half:
        half = max(1, (len(place) - 1) // 2)
    ahead = np.minimum(np.arange(len(place)) + half, len(place) - 1)
    behind = np.maximum(np.arange(len(place)) - half, 0)
    steps = np.maximum(ahead - behind, 1)
    return np.asarray(np.linalg.norm(place[ahead] - place[behind], axis=1) * fps / steps)


def _while_bent(joints: Joints, fps: float) -> npt.NDArray[np.object_]:
    """Bend where trunk or hips are low; before and after people walk or stand."""
    hips = _hips(joints)
    trunk = joints[:, _SHOULDERS].mean(axis=1) - hips
    lean = trunk[:, 2] / np.maximum(np.linalg.norm(trunk, axis=1), 1e-6)
    seen = np.isfinite(hips[:, 2])
    tallest = float(hips[seen, 2].max()) if seen.any() else 1.0
    bent = (lean < _BEND_LEAN) | (hips[:, 2] < _BEND_DROP * tallest)
    out = _all(Behavior.STAND, joints)
    out[_speed(joints, fps) > _WALK_SPEED] = Behavior.WALK
    out[bent] = Behavior.BEND
    out[~seen] = Behavior.UNKNOWN
    return out


def _getting_up(joints: Joints) -> npt.NDArray[np.object_]:
    """Lying until the trunk leaves the floor, then standing up."""
    trunk = joints[:, [*_SHOULDERS, *_HIPS], 2].max(axis=1)
    up = np.flatnonzero(trunk > _LIES)
    out = _all(Behavior.LIE, joints)
    out[up[0] if len(up) else len(out) :] = Behavior.STAND_UP
    return out


def _blows(joints: Joints, fps: float) -> npt.NDArray[np.bool_]:
    """Where a hand or foot shoots away from the hips and stops."""
    tips = joints[:, _TIPS] - _hips(joints)[:, None]
    speed = np.zeros(len(joints))
    speed[1:] = np.nan_to_num(np.linalg.norm(np.diff(tips, axis=0), axis=-1)).max(axis=1) * fps
    wide = max(1, round(fps / 15))
    speed = np.convolve(speed, np.full(wide, 1.0 / wide), "same")
    out = np.zeros(len(joints), bool)
    for first, last in runs(speed > _BLOW_SLOW):
        if speed[first:last].max() > _BLOW_PEAK:
            out[first:last] = True
    for first, last in runs(~out):
        if first > 0 and last < len(out) and last - first < _BLOW_GAP_S * fps:
            out[first:last] = True
    return out
