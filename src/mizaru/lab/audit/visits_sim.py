"""The sim's people come by: known bodies, known clothes, several days, rooms and cameras.

Everybody comes to the same rooms, so that nothing but the person tells visits apart. A day's
clothes have a seed of their own (`mizaru.lab.sim.identity`); body, face and gait stay. Kept of a
visit are what perception found in the rendered frames and the pictures inside the person's true
box. Retargeting and packing happen whenever a visit is loaded, so that the audit sees the
darkroom's code of today and not that of the day of rendering.
"""

from __future__ import annotations

import colorsys
import functools
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from mizaru.edge.darkroom.frame import Frame
from mizaru.edge.darkroom.perceive import build_perceiver
from mizaru.edge.darkroom.perceive.perception import Person
from mizaru.edge.settings import PerceiveSettings
from mizaru.lab.audit.contract import CROP_HW, Visit
from mizaru.lab.audit.leaving import left
from mizaru.lab.audit.visits_file import Arrays, keep, kept
from mizaru.lab.sim import render
from mizaru.lab.sim.identity import RGB, Age, Identity, draw_identity
from mizaru.lab.sim.scenario import Action, Camera, Do, Kind, Light, Scenario
from mizaru.lab.sim.stage import Set
from mizaru.vocabulary import (
    BLAZEPOSE33,
    COCO17_FROM_BLAZEPOSE33,
    Behavior,
    HeadOrientation,
)
from mizaru.wire.messages import GRID_MS

DATASET: Final = "sim"
VERSION: Final = 1
"""Raise it when sim or perception change what they show or see: visits are rendered anew."""
PLATE_WH: Final = (160, 90)

_MARGIN: Final = 0.06
"""Of the box's height, on every side of the crop."""
WARM_UP: Final = 4
"""Ticks before the first that counts: perception confirms nobody at once."""
_SIDE_M: Final = 5.0
_FURNITURE: Final = (
    (Kind.CABINET, Kind.BENCH),
    (Kind.BASIN, Kind.MIRROR, Kind.CHAIR),
    (Kind.BED, Kind.CHAIR, Kind.TABLE),
)
_FLOORS: Final[tuple[RGB, ...]] = ((0.55, 0.56, 0.55), (0.50, 0.44, 0.38), (0.42, 0.48, 0.55))
_EVERYDAY: Final = (Do.BEND, Do.PHONE, Do.DRINK, Do.PICK_UP, Do.REACH_UP)
_ROWS: Final = list(COCO17_FROM_BLAZEPOSE33)


class Plan(msgspec.Struct, frozen=True):
    """One visit that everybody pays.

    Attributes:
        session: the day.
        clothes: number of the outfit.
        room: 0 … 2.
        camera: 0 or 1, opposite corners of the room.
    """

    session: str
    clothes: int
    room: int
    camera: int


class Recipe(msgspec.Struct, frozen=True):
    """What decides every pixel, together with the code of sim and perception.

    Attributes:
        people: how many.
        visits: of each of them.
        ticks: of each visit, 100 ms.
        size: width and height of the picture.
        seed: of everything.
    """

    people: int
    visits: tuple[Plan, ...]
    ticks: int
    size: tuple[int, int] = (384, 216)
    seed: int = 40


_PLANS: Final = (
    Plan("day1", 0, 0, 0),
    Plan("day2", 0, 0, 0),
    Plan("day2", 0, 1, 1),
    Plan("day3", 1, 0, 0),
)
QUICK: Final = Recipe(40, _PLANS, 25)
FULL: Final = Recipe(40, (*_PLANS, Plan("day3", 1, 2, 1), Plan("day1", 0, 2, 0)), 130)
GATE: Final = Recipe(40, _PLANS[:2], 60)
"""Enough to see a leak of limb lengths within a minute, where joints are exact."""


@dataclass(frozen=True, slots=True)
class Task:
    """One visit of one person."""

    recipe: Recipe
    person: int
    visit: int

    @property
    def plan(self) -> Plan:
        return self.recipe.visits[self.visit]

    def file(self, cache: Path) -> Path:
        """Where it lies in the cache."""
        return cache / digest(self.recipe)[:16] / f"p{self.person:03d}-{self.visit}.npz"


def tasks(recipe: Recipe) -> Iterator[Task]:
    """All visits of a recipe."""
    for person in range(recipe.people):
        for visit in range(len(recipe.visits)):
            yield Task(recipe, person, visit)


def digest(recipe: Recipe) -> str:
    """SHA-256 of `VERSION` and of the recipe but the number of people, who do not depend on it."""
    alone = msgspec.structs.replace(recipe, people=1)
    return hashlib.sha256(msgspec.json.encode((VERSION, alone))).hexdigest()


def make(task: Task, cache: Path, models: Path) -> None:
    """Render one visit, look at it and keep it; nothing to do where it is kept already.

    Raises:
        SimError: this machine cannot render.
        ModelError: a perception model is missing.
        DataError, StorageFullError: the cache cannot be written.
    """
    place = task.file(cache)
    if not place.exists():
        keep(place, _film(task, models))


def load(task: Task, cache: Path) -> Visit:
    """A visit that was made, retargeted now. Raises `DataError` where it cannot be read."""
    data = kept(task.file(cache))
    recipe, plan = task.recipe, task.plan
    persons = [_person(data, frame) for frame in range(len(data["subject"]))]
    keypoints = np.full((recipe.ticks, 17, 3), np.nan, np.float32)
    world = np.full((recipe.ticks, 17, 3), np.nan, np.float32)
    for tick, person in enumerate(persons[WARM_UP:]):
        if person is not None and not person.lost_frames:
            keypoints[tick] = person.keypoints[_ROWS]
            if person.world is not None:
                world[tick] = person.world[_ROWS]
    return Visit(
        dataset=DATASET,
        person=f"p{task.person:03d}",
        session=plan.session,
        camera=f"room{plan.room}{'ab'[plan.camera]}",
        attributes=attributes(identity(task), plan),
        behaviors=np.array([Behavior(word) for word in data["behaviors"].tolist()], dtype=object),
        poses=left(persons, recipe.size)[WARM_UP:],
        keypoints=keypoints,
        world=world,
        resolution_wh=recipe.size,
        crops=data["crops"],
        masks=data["masks"],
        plate=data["plate"],
    )


def identity(task: Task) -> Identity:
    """Who comes, in what."""
    person = _seed(task.recipe.seed, 0, task.person)
    return draw_identity(person, clothes=_seed(task.recipe.seed, 1, task.person, task.plan.clothes))


def _seed(*parts: int) -> int:
    return int(np.random.default_rng(parts).integers(2**31))


def scene(task: Task) -> Scenario:
    """The room of the plan, and the person walking about in front of the camera."""
    recipe, plan = task.recipe, task.plan
    room = np.random.default_rng((recipe.seed, 2, plan.room))
    stage = Set(room, _FURNITURE[plan.room], _SIDE_M)
    rng = np.random.default_rng((recipe.seed, 3, task.person, task.visit))
    width, depth = stage.size

    def spot() -> tuple[float, float]:
        x, y = rng.uniform(0.32, 0.68, 2)
        return float(x) * width, float(y) * depth

    script: list[Action] = []
    for _ in range(8 + recipe.ticks // 12):
        script.append(Action(do=Do.WALK, to=spot()))
        if rng.random() < 0.35:
            do = _EVERYDAY[int(rng.integers(len(_EVERYDAY)))]
            script.append(Action(do=do))
    stage.enter(*script, start=spot(), heading=float(rng.uniform(0, 360)), age=Age.ADULT)
    scenario = stage.scenario("audit", (recipe.ticks + WARM_UP) * GRID_MS / 1000)
    corner = (0.15, 0.15) if plan.camera == 0 else (width - 0.15, depth - 0.15)
    eye = Camera(
        name="corner",
        position=(*corner, 2.2 - 0.3 * plan.camera),
        look_at=(width / 2, depth / 2, 0.85),
        fov=50,
        noise=1.5,
    )
    who = msgspec.structs.replace(
        scenario.person[0],
        identity=_seed(recipe.seed, 0, task.person),
        clothes=_seed(recipe.seed, 1, task.person, plan.clothes),
        manner=_seed(recipe.seed, 4, task.person, task.visit),
    )
    return msgspec.structs.replace(
        scenario,
        room=msgspec.structs.replace(scenario.room, floor=_FLOORS[plan.room]),
        camera=(eye,),
        light=(Light(position=(width / 2, depth / 2, 2.5), power=1.0 - 0.15 * plan.room),),
        seed=_seed(recipe.seed, 5, task.person, task.visit),
        prelude=float(rng.uniform(0.5, 4.0)),
        fps=1000 / GRID_MS,
        size=recipe.size,
        person=(who,),
    )


@functools.lru_cache(maxsize=16)
def _plate(recipe: Recipe, room: int, camera: int) -> npt.NDArray[np.uint8]:
    """The room with nobody in it, as this camera sees it."""
    visit = next(
        k for k, plan in enumerate(recipe.visits) if (plan.room, plan.camera) == (room, camera)
    )
    scenario = msgspec.structs.replace(
        scene(Task(recipe, 0, visit)), person=(), size=PLATE_WH, duration=GRID_MS / 1000, prelude=0
    )
    picture, _ = next(render(scenario))
    return picture


def _film(task: Task, models: Path) -> Arrays:
    """Render, perceive, cut out."""
    scenario, ticks = scene(task), task.recipe.ticks
    perceiver = build_perceiver(
        PerceiveSettings(threads=1, timeout_ms=10_000),
        models,
        rng=np.random.default_rng((task.recipe.seed, 6, task.person, task.visit)),
        clock=lambda: 0.0,
    )
    found: list[Person | None] = []
    behaviors: list[str] = []
    crops = np.zeros((ticks, *CROP_HW, 3), np.uint8)
    masks = np.zeros((ticks, *CROP_HW), np.bool_)
    for number, (picture, truth) in enumerate(render(scenario)):
        seen = perceiver.perceive(Frame(number, number * GRID_MS, 0, picture))
        subject = truth.subjects[0]
        found.append(_nearest(seen.persons, subject.box, task.recipe.size))
        if number < WARM_UP:
            continue
        behaviors.append(str(subject.behavior))
        if subject.box is not None and truth.mask is not None:
            window = _window(subject.box, task.recipe.size)
            crops[number - WARM_UP] = cut(picture, window)
            masks[number - WARM_UP] = cut((truth.mask == 1).astype(np.uint8) * 255, window) > 127
    return {
        "behaviors": np.array(behaviors),
        "crops": crops,
        "masks": masks,
        "plate": _plate(task.recipe, task.plan.room, task.plan.camera),
        **_arrays(found),
    }


def _nearest(
    persons: tuple[Person, ...],
    box: tuple[float, float, float, float] | None,
    size: tuple[int, int],
) -> Person | None:
    """Whoever of those that perception found shares most with the true box."""
    if box is None:
        return None
    true = np.array(box) * (*size, *size)
    shares = [(_overlap(np.array(person.box_xyxy), true), person) for person in persons]
    best = max(shares, key=lambda pair: pair[0], default=(0.0, None))
    return best[1] if best[0] > 0.2 else None


def _overlap(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    both = np.prod(np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None))
    area = np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - both
    return float(both / area) if area > 0 else 0.0


def _window(
    box: tuple[float, float, float, float], size: tuple[int, int]
) -> tuple[float, float, float, float]:
    """The box with its margin, widened to the shape of a crop, in pixels."""
    x0, y0, x1, y1 = np.array(box) * (*size, *size)
    height = (y1 - y0) * (1 + 2 * _MARGIN)
    width = max((x1 - x0) * (1 + 2 * _MARGIN), height * CROP_HW[1] / CROP_HW[0])
    height = max(height, width * CROP_HW[0] / CROP_HW[1])
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def cut(
    picture: npt.NDArray[np.uint8], window: tuple[float, float, float, float]
) -> npt.NDArray[np.uint8]:
    """The part of a picture inside a window (pixels), squeezed to `CROP_HW`; beyond the picture
    its edge goes on."""
    height, width = CROP_HW
    x0, y0, x1, y1 = window
    turn = np.array([[(x1 - x0) / width, 0.0, x0], [0.0, (y1 - y0) / height, y0]])
    return np.asarray(
        cv2.warpAffine(
            picture,
            turn,
            (width, height),
            flags=cv2.INTER_AREA | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.uint8,
    )


def _arrays(found: list[Person | None]) -> dict[str, npt.NDArray[Any]]:
    """Persons as arrays, one row a frame; subject 0 is nobody."""
    count = len(found)
    data: dict[str, npt.NDArray[Any]] = {
        "subject": np.zeros(count, np.int64),
        "box": np.zeros((count, 4)),
        "keypoints": np.full((count, 33, 3), np.nan, np.float32),
        "world": np.full((count, 33, 3), np.nan, np.float32),
        "head": np.full((count, 3), np.nan),
        "score": np.zeros(count),
        "lost": np.zeros(count, np.int64),
    }
    for row, person in enumerate(found):
        if person is None:
            continue
        data["subject"][row], data["box"][row] = person.subject_id, person.box_xyxy
        data["keypoints"][row] = person.keypoints
        if person.world is not None:
            data["world"][row] = person.world
        if person.head is not None:
            data["head"][row] = (person.head.yaw, person.head.pitch, person.head.roll)
        data["score"][row], data["lost"][row] = person.score, person.lost_frames
    return data


def _person(data: Arrays, row: int) -> Person | None:
    """Inverse of `_arrays`."""
    subject = int(data["subject"][row])
    if not subject:
        return None
    box, world, head = data["box"][row], data["world"][row], data["head"][row]
    return Person(
        subject_id=subject,
        box_xyxy=(float(box[0]), float(box[1]), float(box[2]), float(box[3])),
        topology=BLAZEPOSE33,
        keypoints=data["keypoints"][row],
        world=None if np.isnan(world).all() else world,
        head=None if np.isnan(head).any() else HeadOrientation(*map(float, head)),
        score=float(data["score"][row]),
        lost_frames=int(data["lost"][row]),
    )


def attributes(who: Identity, plan: Plan) -> dict[str, str]:
    """What is true of a visit."""
    body, face, colours = who.proportions, who.face, who.colours
    return {
        "clothes": str(plan.clothes),
        "height": f"{1.70 * body.height:.3f}",
        "legs": f"{body.legs:.3f}",
        "arms": f"{body.arms:.3f}",
        "torso": f"{body.torso:.3f}",
        "shoulders": f"{body.shoulders:.3f}",
        "girth": f"{body.girth:.3f}",
        "speed": f"{who.gait.speed:.3f}",
        "shirt": _named(colours.shirt),
        "trousers": _named(colours.trousers),
        "sleeves": "long" if face.long_sleeves else "short",
        "hair": str(face.hair),
        "skin": ("dark", "middle", "light")[int(np.digitize(sum(colours.skin) / 3, (0.4, 0.6)))],
    }


def _named(colour: RGB) -> str:
    """A colour in a word."""
    hue, saturation, value = colorsys.rgb_to_hsv(*colour)
    if saturation < 0.25 or value < 0.2:
        return "dark" if value < 0.45 else "bright"
    ends = (20, 48, 70, 160, 197, 255, 330)
    names = ("red", "orange", "yellow", "green", "teal", "blue", "purple", "red")
    return names[int(np.digitize(360 * hue, ends))]
