"""Every number that the rules use, in body heights, seconds and degrees.

A body height is the height of the canonical body as it appears at the subject's place in the
picture (see `mizaru.cloud.recognize.body`), so that no number depends on camera or distance.
Sites move only what `mizaru.cloud.settings.RuleSettings` holds.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Numbers of the kinematic rules; chosen on the train split of the data notes only.

    Attributes:
        history_s: how far back a rule may look at one subject, seconds.
        forget_s: a subject that was not seen this long is gone, seconds.
        handover_s: a new id this soon after one was lost, at its place, is the same person, s.
        handover_reach: … within this many body heights.
        handover_scale: … and if it looks at most this many times larger or smaller.
        jump_reach: a subject cannot move further than this between two observations, body
            heights, plus …
        jump_speed: … this many body heights per second of the time between.
        swap_gain: two ids have changed over if the two subjects' ways are together this much
            shorter that way, body heights.
        swap_s: … and both were seen at most this long ago, seconds.
        size_shrink: body height may shrink by this share a second while somebody stands, since
            they walk away …
        size_forget: … and by this share a second in any other posture but lying.
        shape_tilt: somebody stands by shape, whatever their size, who leans less than this,
            degrees, and …
        shape_share: … whose torso and legs have this share of the length that their longest
            limb lets expect.

        window_s: everyday behaviour is what most poses of this long say, seconds.
        transition_s: sit_down, stand_up and lie_down are said this long after the change, s.
        tilt_lie: a torso that leans further than this may lie, degrees from upright.
        tilt_bend: a torso that leans further than this over standing legs bends, degrees.
        tilt_upright: a torso that leans less than this is upright, degrees.
        legs_standing: hips this far above the ankles mean standing legs, body heights.
        legs_kneeling: … and this far, that somebody kneels and does not lie, body heights.
        thigh_sit: upright with knees less than this below the hips sits, body heights …
        height_squat: … and squats if it is less tall than this, body heights.
        height_collapsed: a body less tall than this whose torso is foreshortened lies, body
            heights.
        torso_foreshortened: … torso shorter than this, body heights. Legs that look shorter
            than the torso are a squat.
        lie_quality: least mean keypoint confidence of a pose that lies.
        lie_margin: least distance of a torso that lies from the sides of the picture, fraction
            of its width: who leaves the picture is seen in part and looks like anything.
        height_upright: somebody less tall than this is not up, body heights.
        torso_upright: … nor somebody whose torso looks shorter than this, body heights.
        walk_speed: hips that travel faster than this walk, body heights/s.
        gait_speed: … or legs that swing faster than this against each other while …
        gait_travel: … the hips travel at least this fast, body heights/s.

        floor_s: a fall is confirmed after this long on the floor, seconds.
        floor_share: … in at least this share of the poses.
        rise_s: who is up in most poses of this long is no longer on the floor, seconds.
        up_s: most poses of this long before the onset must be up, seconds.
        fork_s: a new id beside a subject that is neither up nor clear, but was up this long ago,
            goes on from there, too, seconds.
        descent_s: longest time for the middle 80 % of the way down that is a fall, seconds.
        settle_s: who fell lies at most this long after having been up last, seconds.
        descent_gap_s: … plus as long as the subject was not seen in between, at most this, s.
        hidden_s: a gap longer than this is one in which nothing was seen, seconds.
        descent_speed: least peak speed of head and shoulders downwards, body heights/s.
        descent_speed_sitting: … from sitting, since people let themselves down on beds, body
            heights/s.
        descent_drop: least way of head and shoulders downwards, body heights.
        descent_body: who lies shows limbs at least this long, shares of the canonical ones: less
            is a ghost.
        speed_window_s: speeds are taken over this long, seconds.
        fall_report_s: a fall is reported this long while the subject stays down, seconds;
            afterwards the long lie speaks.

        lie_gap_s: poses that do not lie for less than this do not end a long lie, seconds.
        crowd_gap_s: people may be missed this long without ending a crowd, seconds.
        zone_gap_s: a subject may step out of a zone this long without a new clock, seconds.
        intrude_s: default time in an intrude zone, seconds.
    """

    history_s: float = 5.0
    forget_s: float = 15.0
    handover_s: float = 2.5
    handover_reach: float = 1.0
    handover_scale: float = 2.5
    jump_reach: float = 0.5
    jump_speed: float = 3.0
    swap_gain: float = 0.3
    swap_s: float = 0.5
    size_shrink: float = 0.35
    shape_tilt: float = 25.0
    shape_share: float = 0.8
    size_forget: float = 0.03

    window_s: float = 0.7
    transition_s: float = 1.0
    tilt_lie: float = 55.0
    tilt_bend: float = 45.0
    tilt_upright: float = 35.0
    legs_standing: float = 0.33
    legs_kneeling: float = 0.2
    thigh_sit: float = 0.15
    height_squat: float = 0.53
    height_collapsed: float = 0.45
    torso_foreshortened: float = 0.17
    lie_quality: float = 0.4
    lie_margin: float = 0.04
    height_upright: float = 0.6
    torso_upright: float = 0.2
    walk_speed: float = 0.25
    gait_speed: float = 0.5
    gait_travel: float = 0.1

    floor_s: float = 0.8
    floor_share: float = 0.7
    rise_s: float = 1.0
    up_s: float = 0.5
    fork_s: float = 2.5
    descent_s: float = 1.2
    settle_s: float = 2.5
    descent_gap_s: float = 2.0
    hidden_s: float = 0.45
    descent_speed: float = 0.6
    descent_speed_sitting: float = 0.9
    descent_drop: float = 0.3
    descent_body: float = 0.35
    speed_window_s: float = 0.4
    fall_report_s: float = 60.0

    lie_gap_s: float = 2.0
    crowd_gap_s: float = 1.0
    zone_gap_s: float = 2.0
    intrude_s: float = 0.5


DEFAULT = Thresholds()
"""The thresholds that ship."""
