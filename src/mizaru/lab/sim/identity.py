"""Who a simulated person is: proportions, colours, face and gait, all drawn from one seed."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

import numpy as np

RGB = tuple[float, float, float]
"""Linear colour, each channel in [0, 1]."""


class Hair(enum.StrEnum):
    """How the hair is worn."""

    SHORT = "short"
    LONG = "long"
    BUN = "bun"
    THINNING = "thinning"


class Age(enum.StrEnum):
    """What decides size and gait more than anything else."""

    CHILD = "child"
    ADULT = "adult"
    ELDER = "elder"


@dataclass(frozen=True, slots=True)
class Proportions:
    """Factors on the CMU humanoid (which stands about 1.70 m tall); 1 leaves it as it is.

    Attributes:
        height: all lengths, [0.9, 1.1]; of children [0.61, 0.88], 1.05 to 1.5 m.
        legs, arms, torso: lengths of those segments on top of `height`.
        shoulders, hips: widths.
        girth: thickness of limbs and trunk.
    """

    height: float
    legs: float
    arms: float
    torso: float
    shoulders: float
    hips: float
    girth: float


@dataclass(frozen=True, slots=True)
class Colours:
    """What the person and the clothes look like."""

    skin: RGB
    hair: RGB
    shirt: RGB
    trousers: RGB
    shoes: RGB
    iris: RGB
    lips: RGB


@dataclass(frozen=True, slots=True)
class Face:
    """Factors on the sizes and places of the ellipsoids that make a face."""

    skull_width: float
    skull_height: float
    jaw: float
    nose_length: float
    nose_width: float
    mouth_width: float
    eye_spacing: float
    eye_size: float
    brow_height: float
    ear_size: float
    hair: Hair
    long_sleeves: bool


@dataclass(frozen=True, slots=True)
class Gait:
    """How the person moves.

    Attributes:
        step_length: at comfortable speed, as a fraction of leg length.
        speed: comfortable speed, m/s.
        foot_lift: height of the swinging ankle over its resting height, m.
        arm_swing: of the wrists, as a fraction of arm length.
        sway: of the pelvis towards the standing leg, m.
        bob: of the pelvis, m.
        toe_out: radians.
        stoop: forward lean of the trunk, radians.
        tremor: size of idle movement, 1 is usual.
        pace: speed of every other movement, 1 is usual.
    """

    step_length: float
    speed: float
    foot_lift: float
    arm_swing: float
    sway: float
    bob: float
    toe_out: float
    stoop: float
    tremor: float
    pace: float = 1.0


@dataclass(frozen=True, slots=True)
class Identity:
    """A simulated person. Equal seeds give equal identities."""

    seed: int
    proportions: Proportions
    colours: Colours
    face: Face
    gait: Gait


_SKIN: tuple[RGB, ...] = (
    (0.93, 0.76, 0.66), (0.88, 0.69, 0.56), (0.80, 0.60, 0.46),
    (0.68, 0.48, 0.35), (0.52, 0.35, 0.25), (0.38, 0.25, 0.18),
)  # fmt: skip
_HAIR: tuple[RGB, ...] = (
    (0.06, 0.05, 0.05), (0.16, 0.10, 0.07), (0.30, 0.19, 0.11),
    (0.55, 0.40, 0.22), (0.45, 0.44, 0.43), (0.40, 0.16, 0.09),
)  # fmt: skip
_SHIRT: tuple[RGB, ...] = (
    (0.70, 0.12, 0.12), (0.10, 0.25, 0.55), (0.10, 0.42, 0.25), (0.45, 0.20, 0.50),
    (0.85, 0.48, 0.08), (0.16, 0.17, 0.20), (0.12, 0.45, 0.50), (0.52, 0.30, 0.16),
)  # fmt: skip
_TROUSERS: tuple[RGB, ...] = (
    (0.10, 0.13, 0.24), (0.13, 0.13, 0.14), (0.26, 0.20, 0.15),
    (0.18, 0.27, 0.42), (0.24, 0.27, 0.20),
)  # fmt: skip
_SHOES: tuple[RGB, ...] = (
    (0.06, 0.06, 0.06), (0.30, 0.17, 0.09), (0.75, 0.75, 0.75), (0.45, 0.10, 0.12),
)  # fmt: skip
_IRIS: tuple[RGB, ...] = ((0.20, 0.11, 0.05), (0.16, 0.28, 0.45), (0.18, 0.33, 0.18))


def draw_identity(seed: int, age: Age = Age.ADULT, clothes: int | None = None) -> Identity:
    """Draw the person of a seed (≥ 0). Ages share face and colours, not size and gait.

    Args:
        clothes: seed of what is worn; None: what the person of this seed usually wears.
    """
    person = _draw(seed, age)
    if clothes is None:
        return person
    worn = _draw(clothes, age)
    colours = replace(
        person.colours,
        shirt=worn.colours.shirt,
        trousers=worn.colours.trousers,
        shoes=worn.colours.shoes,
    )
    face = replace(person.face, long_sleeves=worn.face.long_sleeves)
    return replace(person, colours=colours, face=face)


def _draw(seed: int, age: Age) -> Identity:
    rng = np.random.default_rng([seed, 0x1D])

    def around(centre: float, spread: float, limit: float = 2.0) -> float:
        return float(centre + spread * np.clip(rng.normal(), -limit, limit))

    def pick(palette: tuple[RGB, ...], jitter: float) -> RGB:
        base = np.array(palette[rng.integers(len(palette))])
        red, green, blue = np.clip(base + rng.normal(0, jitter, 3), 0.02, 0.98).tolist()
        return red, green, blue

    proportions = Proportions(
        height=around(1.0, 0.035),
        legs=around(1.0, 0.025),
        arms=around(1.0, 0.03),
        torso=around(1.0, 0.025),
        shoulders=around(1.0, 0.04),
        hips=around(1.0, 0.04),
        girth=around(1.02, 0.06),
    )
    skin = pick(_SKIN, 0.015)
    colours = Colours(
        skin=skin,
        hair=pick(_HAIR, 0.02),
        shirt=pick(_SHIRT, 0.03),
        trousers=pick(_TROUSERS, 0.015),
        shoes=pick(_SHOES, 0.015),
        iris=pick(_IRIS, 0.01),
        lips=(skin[0] * 0.85, skin[1] * 0.58, skin[2] * 0.58),
    )
    face = Face(
        skull_width=around(1.0, 0.04),
        skull_height=around(1.0, 0.03),
        jaw=around(1.0, 0.06),
        nose_length=around(1.0, 0.12),
        nose_width=around(1.0, 0.15),
        mouth_width=around(1.0, 0.12),
        eye_spacing=around(1.0, 0.06),
        eye_size=around(1.0, 0.08),
        brow_height=around(1.0, 0.08),
        ear_size=around(1.0, 0.1),
        hair=tuple(Hair)[rng.integers(len(Hair))],
        long_sleeves=bool(rng.random() < 0.5),
    )
    gait = Gait(
        step_length=around(0.72, 0.05),
        speed=around(1.05, 0.12),
        foot_lift=around(0.07, 0.012),
        arm_swing=around(0.30, 0.07),
        sway=around(0.022, 0.006),
        bob=around(0.016, 0.004),
        toe_out=around(0.12, 0.06),
        stoop=around(0.04, 0.03),
        tremor=around(1.0, 0.25),
    )
    return _aged(Identity(seed, proportions, colours, face, gait), age)


def _aged(adult: Identity, age: Age) -> Identity:
    if age is Age.ADULT:
        return adult
    rng = np.random.default_rng([adult.seed, 0xA6E])
    proportions, gait = adult.proportions, adult.gait
    if age is Age.CHILD:
        height = float(rng.uniform(0.61, 0.88))
        short = (0.88 - height) / 0.27
        return replace(
            adult,
            proportions=replace(
                proportions,
                height=height,
                legs=proportions.legs * (1 - 0.06 * short),
                shoulders=proportions.shoulders * (1 - 0.05 * short),
                girth=proportions.girth * float(rng.uniform(0.92, 1.05)),
            ),
            gait=replace(
                gait,
                speed=float(rng.uniform(0.8, 1.3)),
                foot_lift=gait.foot_lift * float(rng.uniform(0.8, 1.2)),
                bob=gait.bob * float(rng.uniform(0.8, 1.6)),
                sway=gait.sway * height,
                tremor=float(rng.uniform(1.2, 2.5)),
                pace=float(rng.uniform(1.0, 1.35)),
            ),
        )
    return replace(
        adult,
        proportions=replace(proportions, height=proportions.height * 0.97),
        gait=replace(
            gait,
            step_length=float(rng.uniform(0.36, 0.58)),
            speed=float(rng.uniform(0.35, 0.85)),
            foot_lift=float(rng.uniform(0.025, 0.05)),
            arm_swing=float(rng.uniform(0.05, 0.2)),
            sway=float(rng.uniform(0.02, 0.04)),
            stoop=float(rng.uniform(0.1, 0.42)),
            tremor=float(rng.uniform(1.0, 2.2)),
            pace=float(rng.uniform(0.5, 0.85)),
        ),
    )
