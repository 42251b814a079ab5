"""Occlusion order π_t: who is in front of whom, from ground contact and track history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mizaru.edge.darkroom.perceive.region import Array, Box

_RATE: Final = 0.2  # of the running mean of ground contact
_SEEN: Final = 0.3
_MEMORY_OVERLAP: Final = 0.02  # boxes that overlap less are apart: forget who was in front


@dataclass(frozen=True, slots=True)
class Standing:
    """What the order is made from.

    Attributes:
        key: of the track.
        box_xyxy: pixels.
        ground: image y of the lowest visible point of the body, pixels.
        lost: True while it is not seen.
    """

    key: int
    box_xyxy: Box
    ground: float
    lost: bool


def ground_contact(keypoints: Array, box: Box) -> float:
    """Image y where a body meets the ground: its lowest visible keypoint, pixels.

    Where legs are cut off by the picture's edge the box, which keeps guessed keypoints,
    still reaches below it.
    """
    seen = keypoints[keypoints[:, 2] > _SEEN, 1]
    low = float(seen.max()) if seen.size else box[3]
    return max(low, (low + box[3]) / 2)


class OcclusionOrder:
    """Keeps who was last known in front, because the one behind cannot be seen."""

    def __init__(self) -> None:
        self._ground: dict[int, float] = {}
        self._front: dict[tuple[int, int], int] = {}

    def sort(self, people: Sequence[Standing]) -> tuple[int, ...]:
        """Keys of the tracks, the farthest first."""
        self._forget(people)
        for person in people:
            old = self._ground.get(person.key, person.ground)
            if not person.lost:
                self._ground[person.key] = old + _RATE * (person.ground - old)
            else:
                self._ground.setdefault(person.key, old)
        order = sorted(people, key=lambda p: (self._ground[p.key], p.key))
        # Bubble: whoever history puts in front of its neighbour comes after it.
        for _ in order:
            for k in range(len(order) - 1):
                if self._in_front(order[k], order[k + 1]):
                    order[k], order[k + 1] = order[k + 1], order[k]
        return tuple(person.key for person in order)

    def _in_front(self, a: Standing, b: Standing) -> bool:
        """History says that `a` hides `b`."""
        pair = (min(a.key, b.key), max(a.key, b.key))
        shared = _shared(a.box_xyxy, b.box_xyxy)
        if shared < _MEMORY_OVERLAP:
            self._front.pop(pair, None)
            return False
        if a.lost != b.lost:
            self._front[pair] = b.key if a.lost else a.key
        return self._front.get(pair) == a.key

    def _forget(self, people: Sequence[Standing]) -> None:
        keys = {person.key for person in people}
        self._ground = {k: v for k, v in self._ground.items() if k in keys}
        self._front = {p: f for p, f in self._front.items() if keys.issuperset(p)}


def _shared(a: Box, b: Box) -> float:
    """Intersection over the smaller box."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    smaller = min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))
    return max(0.0, width) * max(0.0, height) / max(smaller, 1e-9)
