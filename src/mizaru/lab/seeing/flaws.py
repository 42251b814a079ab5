"""How far perception is from the truth, in numbers."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

_ODDS: Final = ("clear", "behind_self", "behind_other", "behind_thing", "outside")


@dataclass(frozen=True, slots=True)
class Flaws:
    """What goes wrong between a room and the skeletons that our perception finds in it.

    Rates are per second and person; ``_s`` are mean lengths in seconds (exponential); sizes are
    standard deviations. *Small*: a body of a tenth of the image height and less counts as 1, of
    a third and more as 0. *Lying*: trunk level and low counts as 1. *Falling*: trunk sinking at
    2 m/s and faster counts as 1. *Hidden*: behind the own trunk, somebody else, furniture, or
    outside the picture.

    Attributes:
        jitter_m: error of a joint across the line of sight that lasts ~ 0.1 s, metres.
        drift_m: the same, lasting ~ 1 s.
        jitter_px: on top, what a pixel grid costs those who are far away, pixels.
        depth_m: error along the line of sight, lasting ~ 0.6 s, metres.
        guess_m: of a hidden joint, lasting ~ 1 s, metres.
        guess_shrinks: how far a hidden limb is pulled to where it begins, share of its length.
        lying_gain, falling_gain, small_gain: how much larger these errors are then, e.g. 1.5
            for 2.5 times.
        world_scale: log of the error of the body's size in metres, constant for a visit.
        world_breathes: the same, lasting ~ 2 s.
        grows_up: how much of a child's size the model takes for distance, [0, 1].
        head_deg: error of the head's angles, degrees.
        clear, behind_self, behind_other, behind_thing, outside: log-odds of ρ then.
        odds_spread: standard deviation of these log-odds.
        flips, flips_lying, flip_s: left and right are taken for each other.
        leg_flips, leg_flip_s: only the legs are, mostly in profile.
        wrong_limbs, wrong_limbs_lying, wrong_limb_s: one limb points elsewhere.
        crumples, crumples_lying, crumples_falling, crumple_s: the whole figure is a small heap.
        misses, misses_lying, misses_falling, misses_small, misses_hidden, miss_s, miss_lying_s:
            nobody is found.
        lost_jump: after a miss he is somebody new if he is farther away than this, body
            heights.
        new_id, new_id_lying: or else with these chances.
        breaks_falling: the track breaks without a miss.
        lingers, linger_s: chance that a broken track stays on as a ghost, and how long.
        doubles, double_s: a second skeleton on the same body.
        swaps: per second that two people touch in the picture: ids change over.
        finds_s, finds_small_s: time until the detector finds somebody new, mean.
        confirm_frames: frames in a row until a track is somebody.
        phantoms, phantom_s: furniture is taken for somebody: chance per motion, and how long
            (the whole motion in half of the cases).
        frames_lost: largest share of frames that a camera loses.
        furniture: chance that something hides people's legs in a part of the picture.
    """

    jitter_m: float = 0.012
    drift_m: float = 0.025
    jitter_px: float = 0.8
    depth_m: float = 0.09
    guess_m: float = 0.12
    guess_shrinks: float = 0.15
    lying_gain: float = 1.5
    falling_gain: float = 1.5
    small_gain: float = 1.0
    world_scale: float = 0.06
    world_breathes: float = 0.05
    grows_up: float = 0.8
    head_deg: float = 9.0
    clear: float = 4.5
    behind_self: float = 1.2
    behind_other: float = 0.5
    behind_thing: float = 0.3
    outside: float = -1.5
    odds_spread: float = 1.2
    flips: float = 0.03
    flips_lying: float = 0.15
    flip_s: float = 0.4
    leg_flips: float = 0.10
    leg_flip_s: float = 0.3
    wrong_limbs: float = 0.03
    wrong_limbs_lying: float = 0.30
    wrong_limb_s: float = 0.7
    crumples: float = 0.005
    crumples_lying: float = 0.10
    crumples_falling: float = 0.25
    crumple_s: float = 0.5
    misses: float = 0.02
    misses_lying: float = 0.25
    misses_falling: float = 0.8
    misses_small: float = 0.3
    misses_hidden: float = 1.5
    miss_s: float = 0.3
    miss_lying_s: float = 1.5
    lost_jump: float = 0.6
    new_id: float = 0.10
    new_id_lying: float = 0.35
    breaks_falling: float = 0.4
    lingers: float = 0.15
    linger_s: float = 1.5
    doubles: float = 0.004
    double_s: float = 0.6
    swaps: float = 0.10
    finds_s: float = 0.25
    finds_small_s: float = 1.5
    confirm_frames: float = 3.0
    phantoms: float = 0.04
    phantom_s: float = 4.0
    frames_lost: float = 0.08
    furniture: float = 0.25

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in _ODDS and not value >= 0:
                raise ValueError(f"{field.name} must not be negative, got {value}")


DEFAULT: Final = Flaws()

NONE: Final = Flaws(
    **{field.name: 20.0 if field.name in _ODDS else 0.0 for field in fields(Flaws)},
)
"""A perception that sees everything as it is; what is hidden, too."""
