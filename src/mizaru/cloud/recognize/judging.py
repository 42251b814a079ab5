"""Every number by which the network's answers become findings: seconds, body heights, log odds.

The network says how likely something is *now*; these say how long it must be likely, what else
must fit, and what speaks against it. Where a score becomes a risk stands in the card.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Judging:
    """Numbers of the learned recognizer, set on simulated scenes and on the train split.

    Attributes:
        run_ms: the network looks this often; on the grid of the camera's clock.

        smooth_s: everyday probabilities are averaged with this time constant, seconds.
        change: another behaviour is said once it is likelier than the last by this share …
        least: … and at least this likely; nothing is said below it.

        person_clarity: a subject seen at least this clearly (mean ρ of what is seen) …
        person_s: … on average over this long is a person, seconds …
        person_moved: … and so is whoever moved this far, body heights. What is neither may be
            a coat on a chair: nothing is said of it.

        fall_mean_s: evidence of a fall is the mean of its log odds over this long, seconds.
        fall_most: evidence counts up to this, log odds.
        fall_least: … and doubt down to this.
        fall_candidate: from this on somebody may have fallen and is looked at closely.
        fall_fades_up: evidence fades by this a second while somebody is up again, log odds …
        fall_fades: … and by this in any posture that is neither up nor lying.
        fall_witness: the clearest that the kinematic rule can be is worth this, log odds: it
            cannot raise a score above `fall_least` plus this on its own.
        look_s: the second look lasts this long after the impact, seconds …
        look_severe_s: … and this long where the descent was fast and who fell lies still.
        look_weight: what the second look has not seen yet weighs this much, log odds.
        look_upright: who is on their feet or sits upright all through it speaks against a fall by
            this.
        look_back_up: who is up again, by this.
        look_unsettled: a head that is back above half of its way down speaks against it by this,
            times the share of poses since: tracks that flip between two bodies come down often.
        severe_speed: peak descent of a severe fall, body heights/s.
        severe_lying: … and share of poses that lie since the impact.
        still: who stays within this of a place is still, body heights.
        rise_s, rise_share: who stands in this share of so many seconds is up again.
        drop: head and shoulders that came down by less than this show no impact, body heights.

        act_mean_s: evidence of a blow is the mean of its log odds over this long, seconds.
        act_reach: whom a blow may meet is at most this far away, body heights.
        act_alone: nobody within reach speaks against a blow by this, log odds.
        act_lately_s: what the hands did in the last so many seconds speaks for or against a blow:
        act_slow: … hands slower than this against each other, m/s …
        act_slow_weight: … speak against it by this.
        act_fast: hands that come close faster than this, m/s …
        act_close: … to within this of the other, body heights …
        act_fast_weight: … speak for it by this.
        act_window_s: blows of the last so many seconds are counted.
        act_gap_s: two peaks of a hand nearer than this are one blow, seconds.
        bully_s: bullying is looked for in the last so many seconds …
        bully_acts: … and is this many acts …
        bully_gap_s: … that are so far apart, seconds, by the same against the same …
        bully_back: … who gives back at most this share of them; or several against one.

        wave_mean_s: waving must be likely on average over this long, seconds.
        wave_up_share: … with a wrist above the shoulders in this share of the poses …
        wave_swing: … that swings by this much, body heights …
        wave_turns: … and turns round this often …
        wave_doubt: … or else this speaks against it, log odds.

        touch_near: a wrist nearer to the head than this is at the mouth, body heights …
        touch_far: … and farther than this it has left.
        touch_least_s: a shorter stay is a flicker, seconds.
        touch_lost_s: a wrist that is not seen this long has left, seconds.
        touch_s: cycles of the last so many seconds are counted.
        smoke_mean_s: smoking must be likely in the clearer half of so many seconds.
        smoke_cycles: … with at least this many cycles of hand and mouth …
        smoke_period_s: … between so many seconds apart …
        smoke_dwell_s: … each so long …
        smoke_rhythm: … a regular rhythm speaks for it by this, log odds …
        smoke_doubt: … and no such rhythm against it.
        phone_dwell_s: a hand at the head longer than this is rather a telephone, seconds.
        away: hands farther from the head than this neither drink nor telephone, body heights.
    """

    run_ms: int = 200

    smooth_s: float = 0.5
    change: float = 0.12
    least: float = 0.3

    person_clarity: float = 0.6
    person_s: float = 0.5
    person_moved: float = 0.35

    fall_mean_s: float = 0.5
    fall_most: float = 6.0
    fall_least: float = -4.0
    fall_candidate: float = -1.0
    fall_fades_up: float = 6.0
    fall_fades: float = 1.0
    fall_witness: float = 2.0
    look_s: float = 1.5
    look_severe_s: float = 0.6
    look_weight: float = 10.0
    look_upright: float = 2.0
    look_back_up: float = 8.0
    look_unsettled: float = 6.0
    severe_speed: float = 0.9
    severe_lying: float = 0.7
    still: float = 0.15
    rise_s: float = 0.7
    rise_share: float = 0.7
    drop: float = 0.2

    act_mean_s: float = 0.5
    act_reach: float = 1.5
    act_alone: float = 2.0
    act_lately_s: float = 1.0
    act_slow: float = 0.8
    act_slow_weight: float = 2.0
    act_fast: float = 2.0
    act_close: float = 0.3
    act_fast_weight: float = 0.5
    act_window_s: float = 5.0
    act_gap_s: float = 0.3
    bully_s: float = 10.0
    bully_acts: int = 2
    bully_gap_s: float = 1.5
    bully_back: float = 0.34

    wave_mean_s: float = 1.0
    wave_up_share: float = 0.6
    wave_swing: float = 0.08
    wave_turns: int = 2
    wave_doubt: float = 8.0

    touch_near: float = 0.17
    touch_far: float = 0.28
    touch_least_s: float = 0.5
    touch_lost_s: float = 1.0
    touch_s: float = 60.0
    smoke_mean_s: float = 10.0
    smoke_cycles: int = 3
    smoke_period_s: tuple[float, float] = (2.5, 40.0)
    smoke_dwell_s: tuple[float, float] = (0.6, 5.0)
    smoke_rhythm: float = 1.5
    smoke_doubt: float = 8.0
    phone_dwell_s: float = 6.0
    away: float = 0.5


JUDGING = Judging()
"""The numbers that ship."""
