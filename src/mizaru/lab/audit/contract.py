"""What flows through the audit: visits in, representations of them, rows of a table out.

Words are those of the design's audit page. A row is one (representation, attack) pair with its
anchors beside it, so that no number stands alone: *raw* is the same attack on the unprotected
input, *chance* what guessing gives, *control* the same attacker on something it must break. A row
whose control failed is void: it proves nothing and says so.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

import numpy as np
import numpy.typing as npt

from mizaru.vocabulary import Pose

CROP_HW = (128, 64)
"""Pixels of a crop: the person's true box with a margin, squeezed to one size."""


@dataclass(frozen=True, slots=True, eq=False)
class Visit:
    """One person's uninterrupted stay before one camera, tick by tick (100 ms). Lab only.

    Attributes:
        dataset: e.g. ``sim40``, ``utkinect``.
        person: who, unique within the dataset.
        session: visits of one session share day and clothes.
        camera: which.
        attributes: what is true of the person or the visit, e.g. ``clothes``, ``height``, ``sex``.
        behaviors: shape (T,) object array of `mizaru.vocabulary.Behavior`.
        poses: T poses as they leave the darkroom (retargeted, packed, unpacked), None where
            nobody was seen.
        keypoints: shape (T, 17, 3) float32, `COCO17`: (x, y) pixels and ρ as perception saw them,
            before retargeting; NaN where nobody was seen.
        world: shape (T, 17, 3) float32, metres, as perception or the sensor gave them; or None.
        resolution_wh: of the camera's picture, pixels.
        crops: shape (T, *CROP_HW, 3) uint8 RGB, the raw picture inside the person's box; None for
            sets without pictures.
        masks: shape (T, *CROP_HW) bool, the person inside the crop; None as above.
        plate: shape (90, 160, 3) uint8 RGB, the room without people; None as above.
    """

    dataset: str
    person: str
    session: str
    camera: str
    attributes: Mapping[str, str]
    behaviors: npt.NDArray[np.object_]
    poses: tuple[Pose | None, ...]
    keypoints: npt.NDArray[np.float32]
    world: npt.NDArray[np.float32] | None
    resolution_wh: tuple[int, int]
    crops: npt.NDArray[np.uint8] | None = None
    masks: npt.NDArray[np.bool_] | None = None
    plate: npt.NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        ticks = len(self.behaviors)
        if len(self.poses) != ticks or self.keypoints.shape != (ticks, 17, 3):
            raise ValueError(f"{self.dataset}/{self.person}: all parts must have {ticks} ticks")
        object.__setattr__(self, "attributes", MappingProxyType(dict(self.attributes)))


class Medium(enum.StrEnum):
    """What a representation is made of; decides which attacks make sense, and what `show` gives.

    ``PIXELS``: shape (T, h, w, 3), RGB in [0, 1], the person's box.
    ``POSES``: shape (T, J, C), J ≥ 17, C ≥ 3. Rows 0 … 16 are `COCO17`, columns x, y in heights
    of the picture and ρ in [0, 1]; further columns are metres where a sensor gave them. Row 17,
    where there is one, is the head: yaw, pitch, roll in half turns. Rows from 18 on are whatever
    else the reader gets, padded with NaN. Single NaNs: not seen.
    ``EMBEDDING``: shape (T, D).
    """

    PIXELS = "pixels"
    POSES = "poses"
    EMBEDDING = "embedding"


class Representation(Protocol):
    """One way to show a visit to somebody outside."""

    @property
    def name(self) -> str:
        """Key in the registry."""
        ...

    @property
    def words(self) -> str:
        """What it is, for a data-protection officer."""
        ...

    @property
    def medium(self) -> Medium:
        """What it is made of."""
        ...

    @property
    def control(self) -> bool:
        """Whether it is a positive control, on which attacks must succeed."""
        ...

    def show(self, visit: Visit, rng: np.random.Generator) -> npt.NDArray[np.float32]:
        """Shape (T, ...): all that a reader gets, one row per tick; NaN rows where nothing left."""
        ...


class Profile(enum.StrEnum):
    """How much an attacker may spend: ``quick`` ≤ 10 minutes on two cores for all, or ``full``."""

    QUICK = "quick"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Row:
    """One number of the table with its anchors.

    Attributes:
        representation, attack: keys in the registry.
        measure: e.g. ``top-1``, ``CMC-1``, ``PSNR in the box``.
        setting: what was varied, e.g. ``T=25, clothes constant``; "" where nothing was.
        dataset: where it was measured.
        value, low, high: best of all families and restarts, with its 95 % interval.
        chance: what guessing gives (for reconstruction: the blind baseline).
        raw: the same attack on raw input, or NaN where it makes no sense.
        higher_leaks: whether a greater value is worse.
        family: the attacker that did best.
        tried: families × restarts that were run.
        void: why the row proves nothing, or "".
        curve: more points for a plot, (x, value).
    """

    representation: str
    attack: str
    measure: str
    setting: str
    dataset: str
    value: float
    low: float
    high: float
    chance: float
    raw: float
    higher_leaks: bool = True
    family: str = ""
    tried: int = 0
    void: str = ""
    curve: tuple[tuple[float, float], ...] = field(default=())

    def __post_init__(self) -> None:
        if math.isfinite(self.value) and not self.low <= self.value <= self.high:
            raise ValueError(f"{self.attack} on {self.representation}: value outside its interval")


@dataclass(frozen=True, slots=True)
class Example:
    """A picture for the report: what was attacked, and what the attacker made of it.

    Attributes:
        title: e.g. ``learned decoder on Ω``.
        pictures: (caption, (H, W, 3) uint8 RGB), from left to right.
    """

    title: str
    pictures: tuple[tuple[str, npt.NDArray[np.uint8]], ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one attack on one representation gave."""

    rows: tuple[Row, ...]
    examples: tuple[Example, ...] = ()


class Attack(Protocol):
    """One attack: one file that reads like its paper."""

    @property
    def name(self) -> str:
        """Key in the registry."""
        ...

    @property
    def words(self) -> str:
        """What the attacker wants, for a data-protection officer."""
        ...

    @property
    def source(self) -> str:
        """Paper."""
        ...

    @property
    def media(self) -> frozenset[Medium]:
        """Of representations that it can be run on."""
        ...

    def run(
        self,
        representation: Representation,
        visits: tuple[Visit, ...],
        profile: Profile,
        rng: np.random.Generator,
    ) -> Outcome:
        """Attack it. Rows' `raw` is filled in afterwards from the row of ``raw`` with the same
        measure, setting and dataset; voids, too, where the control failed.

        Raises:
            DataError: the visits do not carry what the attack needs.
        """
        ...
