"""How far perception is from the truth, in numbers."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np

_ERRORS: Final = (
    "jitter_m", "drift_m", "tremble_m", "tremble_px", "depth_m", "guess_m", "guess_outside_m",
    "world_scale", "world_breathes", "head_deg",
)  # fmt: skip
_RATES: Final = (
    "flips", "flips_short", "leg_flips", "wrong_limbs", "wrong_limbs_short",
    "crumples", "crumples_short", "crumples_lying_short", "crumples_falling",
    "misses", "misses_lying", "misses_falling", "misses_small", "misses_hidden", "misses_crowded",
    "breaks_falling", "doubles", "doubles_short", "swaps",
)  # fmt: skip
_ODDS: Final = ("clear", "behind_self", "behind_other", "behind_thing", "outside")


@dataclass(frozen=True, slots=True)
class Flaws:
    """What goes wrong between a room and the skeletons that our perception finds in it.

    Most errors come from the posture and how it looks, not from chance at each frame: who is
    still is seen with the same error again and again. So they run on each person's own clock,
    which goes `still` while nothing moves, and `moves` times the mean speed of the joints (m/s)
    on top. Rates are per second of that clock and person; ``_s`` are mean lengths on it
    (exponential); sizes are standard deviations.

    *Small*: a body of a tenth of the image height and less counts as 1, of a third and more as
    0. *Lying*: trunk level and low counts as 1. *Falling*: trunk sinking at 2 m/s and faster
    counts as 1. *Short*: a trunk that points at the camera to nine tenths counts as 1, to three
    tenths as 0. *Crowded*: two thirds of the box around a body or of a smaller one beside it are
    shared: 1; a seventh: 0. *Hidden*: behind the own trunk, somebody else, furniture, or outside
    the picture.

    The defaults come from ``python -m benchmarks.seeing``: scenes of the sim, rendered and seen
    by the real perception (BlazePose full, 640 × 480, 12 frames a second). Misses of single
    people, breaks, swaps and phantoms hardly happen there; theirs are set by hand.

    Attributes:
        varies: how much errors and rates differ from look to look, standard deviation of the
            log of a factor on all of them.
        still, still_short, moves: see above; `still_short` on top of `still` for who is short.
        jitter_m: error of a joint across the line of sight that lasts ~ 0.15 s, metres.
        drift_m: the same, lasting ~ 1 s.
        tails: how much the size of these errors itself varies, standard deviation of its log:
            0 for normal errors, 0.8 for rare large ones.
        tremble_m, tremble_px: what sensor and codec add, new in each frame, metres and pixels.
        depth_m: error along the line of sight, lasting ~ 0.6 s, metres.
        guess_m, guess_outside_m: of a hidden joint, and of one outside the picture, lasting
            ~ 1 s, metres.
        guess_shrinks: how far a hidden limb is pulled to where it begins, share of its length.
        lying_gain, falling_gain, small_gain, short_gain, crowded_gain: how much larger these
            errors are then, e.g. 1.5 for 2.5 times; `depth_m` grows for the lying only.
        world_scale: log of the error of the body's size in metres, constant for a visit.
        world_breathes: the same, lasting ~ 2 s.
        head_deg: error of the head's angles, degrees.
        clear, behind_self, behind_other, behind_thing, outside: log-odds of ρ then.
        odds_spread: standard deviation of these log-odds.
        odds_short: how much lower they are for who is short.
        flips, flips_short, flip_s: left and right are taken for each other.
        leg_flips, leg_flip_s: only the legs are, mostly in profile.
        wrong_limbs, wrong_limbs_short, wrong_limb_s: one limb points elsewhere.
        crumples, crumples_short, crumples_lying_short, crumples_falling, crumple_s: the whole
            figure is a heap of limbs.
        misses, misses_lying, misses_falling, misses_small, misses_hidden, misses_crowded, miss_s,
            miss_lying_s, miss_crowded_s: nobody is found; these last in true seconds.
        lost_jump: after a miss he is somebody new if he is farther away than this, body
            heights.
        new_id, new_id_doubt: or else with these chances; the second lying or crowded.
        breaks_falling: the track breaks without a miss.
        lingers, linger_s: chance that a broken track stays on as a ghost, and how long.
        doubles, doubles_short, double_s: a second skeleton on the same body.
        swaps: per second that two people touch in the picture: ids change over.
        finds_s, finds_small_s: time until the detector finds somebody new, mean.
        confirm_frames: frames in a row until a track is somebody.
        phantoms, phantom_s: furniture is taken for somebody: chance per motion, and how long
            (the whole motion in half of the cases).
        frames_lost: largest share of frames that a camera loses.
        furniture: chance that something hides people's legs in a part of the picture.
    """

    varies: float = 0.4
    still: float = 0.05
    still_short: float = 0.5
    moves: float = 1.5
    jitter_m: float = 0.010
    drift_m: float = 0.022
    tails: float = 0.55
    tremble_m: float = 0.002
    tremble_px: float = 0.3
    depth_m: float = 0.085
    guess_m: float = 0.055
    guess_outside_m: float = 0.22
    guess_shrinks: float = 0.1
    lying_gain: float = 0.4
    falling_gain: float = 0.4
    small_gain: float = 0.2
    short_gain: float = 3.0
    crowded_gain: float = 1.5
    world_scale: float = 0.03
    world_breathes: float = 0.03
    head_deg: float = 9.0
    clear: float = 3.6
    behind_self: float = -3.4
    behind_other: float = 0.9
    behind_thing: float = -1.0
    outside: float = 1.2
    odds_spread: float = 2.4
    odds_short: float = 1.8
    flips: float = 0.06
    flips_short: float = 0.25
    flip_s: float = 0.8
    leg_flips: float = 0.06
    leg_flip_s: float = 0.4
    wrong_limbs: float = 0.02
    wrong_limbs_short: float = 0.4
    wrong_limb_s: float = 0.7
    crumples: float = 0.005
    crumples_short: float = 0.15
    crumples_lying_short: float = 1.2
    crumples_falling: float = 0.03
    crumple_s: float = 0.6
    misses: float = 0.02
    misses_lying: float = 0.1
    misses_falling: float = 0.04
    misses_small: float = 0.15
    misses_hidden: float = 2.0
    misses_crowded: float = 1.2
    miss_s: float = 0.3
    miss_lying_s: float = 2.0
    miss_crowded_s: float = 1.0
    lost_jump: float = 0.6
    new_id: float = 0.10
    new_id_doubt: float = 0.35
    breaks_falling: float = 0.08
    lingers: float = 0.15
    linger_s: float = 1.5
    doubles: float = 0.003
    doubles_short: float = 0.05
    double_s: float = 0.6
    swaps: float = 0.10
    finds_s: float = 0.15
    finds_small_s: float = 1.5
    confirm_frames: float = 3.0
    phantoms: float = 0.05
    phantom_s: float = 4.0
    frames_lost: float = 0.08
    furniture: float = 0.25

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in _ODDS and not value >= 0:
                raise ValueError(f"{field.name} must not be negative, got {value}")

    def drawn(self, rng: np.random.Generator) -> Flaws:
        """These flaws as one camera has them: errors times a factor, rates times another."""
        if not self.varies:
            return self
        errors, rates = np.exp(rng.normal(0.0, self.varies, 2)).tolist()
        return replace(
            self,
            **{name: errors * getattr(self, name) for name in _ERRORS},
            **{name: rates * getattr(self, name) for name in _RATES},
        )


DEFAULT: Final = Flaws()

NONE: Final = Flaws(
    **{field.name: 20.0 if field.name in _ODDS else 0.0 for field in fields(Flaws)},
)
"""A perception that sees everything as it is; what is hidden, too."""
