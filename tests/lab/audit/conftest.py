"""Small made-up visits, and representations that tell all, nothing, or something of a person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from mizaru.lab.audit import families
from mizaru.lab.audit.contract import Medium, Profile, Visit
from mizaru.vocabulary import Behavior

pytest.importorskip("sklearn")

PEOPLE = 16
TICKS = 8


@dataclass(frozen=True, slots=True)
class Telling:
    """Tells who it is by `loudness` standard deviations."""

    loudness: float
    name: str = "telling"
    words: str = "made up"
    medium: Medium = Medium.EMBEDDING
    control: bool = False

    def show(self, visit: Visit, rng: np.random.Generator) -> npt.NDArray[np.float32]:
        own = np.random.default_rng(int(visit.person[1:])).normal(size=8)
        noise = rng.normal(size=(len(visit.behaviors), 8))
        shown = (self.loudness * own + noise).astype(np.float32)
        shown[0] = np.nan  # nothing left in the first tick
        return shown


def visit(person: int, session: str, camera: str = "a", clothes: str = "0") -> Visit:
    """A visit in which nothing is seen but by `Telling`."""
    return Visit(
        dataset="toy",
        person=f"p{person}",
        session=session,
        camera=camera,
        attributes={"clothes": clothes},
        behaviors=np.array([Behavior.WALK] * TICKS, dtype=object),
        poses=(None,) * TICKS,
        keypoints=np.full((TICKS, 17, 3), np.nan, np.float32),
        world=None,
        resolution_wh=(64, 48),
    )


@pytest.fixture(autouse=True)
def _one_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested here needs no restarts."""
    monkeypatch.setattr(families, "RESTARTS", dict.fromkeys(Profile, 1))


@pytest.fixture
def visits() -> tuple[Visit, ...]:
    """Sixteen people who come on two days in the same clothes, and on a third in others."""
    days = (("day1", "0"), ("day2", "0"), ("day3", "1"))
    return tuple(visit(p, day, clothes=worn) for p in range(PEOPLE) for day, worn in days)
