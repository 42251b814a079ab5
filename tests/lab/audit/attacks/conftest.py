"""A few people of whom everything is known, and representations that tell all or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from mizaru.lab.audit.contract import CROP_HW, Medium, Visit
from mizaru.vocabulary import Behavior, Pose

Shown = npt.NDArray[np.float32]

PEOPLE, SESSIONS, TICKS = 8, ("day1", "day2"), 24

# A standing body, metres, x to the right, y down; rows of COCO17.
BODY = np.array(
    [
        (0.0, -0.68), (0.03, -0.71), (-0.03, -0.71), (0.07, -0.69), (-0.07, -0.69),
        (0.18, -0.5), (-0.18, -0.5), (0.2, -0.22), (-0.2, -0.22), (0.21, 0.03), (-0.21, 0.03),
        (0.1, 0.0), (-0.1, 0.0), (0.1, 0.42), (-0.1, 0.42), (0.1, 0.83), (-0.1, 0.83),
    ]
)  # fmt: skip


def make_visit(person: int, session: str, seed: int = 0, ticks: int = TICKS) -> Visit:
    """Somebody whose limbs, stature and shirt are his own; who walks, then stands."""
    own = np.random.default_rng(person)
    rng = np.random.default_rng((seed, person, sum(map(ord, session))))
    limbs = own.uniform(0.85, 1.15, (17, 1))
    body = BODY * limbs * own.uniform(0.9, 1.1)
    keypoints = np.zeros((ticks, 17, 3), np.float32)
    world = np.zeros((ticks, 17, 3), np.float32)
    walks = np.arange(ticks) < ticks // 2
    phase = rng.uniform(0, 6)
    for tick in range(ticks):
        moved = body.copy()
        if walks[tick]:
            moved[[13, 15], 0] += 0.2 * np.sin(0.6 * tick + phase)
            moved[[14, 16], 0] -= 0.2 * np.sin(0.6 * tick + phase)
        noise = rng.normal(0, 0.01, (17, 2))
        world[tick, :, :2] = moved + noise
        keypoints[tick, :, :2] = (160, 120) + 100 * (moved + noise)
        keypoints[tick, :, 2] = 0.9
    colour = own.integers(20, 235, 3)
    crops = np.full((ticks, *CROP_HW, 3), 120, np.uint8)
    masks = np.zeros((ticks, *CROP_HW), np.bool_)
    masks[:, 16:120, 16:48] = True
    crops[masks] = np.clip(colour + rng.normal(0, 6, (int(masks.sum()), 3)), 0, 255)
    poses: list[Pose | None] = []
    for tick in range(ticks):
        points = keypoints[tick].copy()
        points[:, :2] /= (320, 240)
        poses.append(Pose(person * 10 + 1, points))
    words = [Behavior.WALK if w else Behavior.STAND for w in walks]
    return Visit(
        dataset="made",
        person=f"p{person}",
        session=session,
        camera="wall",
        attributes={"height": f"{1.7 * own.uniform(0.9, 1.1):.3f}", "clothes": "0"},
        behaviors=np.array(words, dtype=object),
        poses=tuple(poses),
        keypoints=keypoints,
        world=world,
        resolution_wh=(320, 240),
        crops=crops,
        masks=masks,
        plate=np.full((90, 160, 3), 120, np.uint8),
    )


@dataclass(frozen=True, slots=True)
class Telling:
    """A representation that is whatever a test wants."""

    tell: Callable[[Visit, np.random.Generator], Shown]
    medium: Medium = Medium.EMBEDDING
    name: str = "telling"
    words: str = "for tests"
    control: bool = False

    def show(self, visit: Visit, rng: np.random.Generator) -> Shown:
        return self.tell(visit, rng)


def noise(visit: Visit, rng: np.random.Generator) -> Shown:
    return rng.normal(size=(len(visit.behaviors), 12)).astype(np.float32)


@pytest.fixture(scope="session")
def visits() -> tuple[Visit, ...]:
    return tuple(make_visit(p, s) for p in range(PEOPLE) for s in SESSIONS)


@pytest.fixture
def nothing() -> Telling:
    """Noise, which knows nobody."""
    return Telling(noise)


@pytest.fixture
def telling() -> type[Telling]:
    return Telling


@pytest.fixture(autouse=True)
def _one_start() -> None:
    """Not here: each restart looks another way, see `mizaru.lab.audit.attacks.showing.looks`."""
