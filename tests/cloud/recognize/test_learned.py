"""The learned recognizer's laws, with networks that were never trained."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mizaru.cloud.recognize import Finding, Observation, Sensitivity
from mizaru.cloud.recognize.card import LEARNED_RISKS, logit
from mizaru.cloud.recognize.features import CONFIDENCE
from mizaru.cloud.recognize.judging import JUDGING
from mizaru.cloud.recognize.learned import trace
from mizaru.cloud.recognize.outputs import ACTIONS, AGGRESSION, FALL, OUTPUTS
from mizaru.cloud.recognize.sight import Sight
from mizaru.cloud.settings import CloudCameraSettings, RuleSettings, ZoneKind, ZoneSettings
from mizaru.vocabulary import Behavior, Pose

Studio = Any
Fakes = Any

EVERYWHERE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
FALLS = ("forward", "backward", "left", "right", "collapse")


def told(findings: list[Finding], behavior: Behavior) -> list[Finding]:
    return [f for f in findings if any(risk.behavior is behavior for risk in f.risks)]


def first_s(findings: list[Finding], behavior: Behavior, studio: Studio) -> float:
    found = told(findings, behavior)
    return (found[0].key.t_ms - studio.START_MS) / 1000 if found else math.inf


def fight(studio: Studio, seconds: float = 8.0) -> list[Observation]:
    """Two face each other; the first swings its arms at the other."""
    swings = tuple(
        studio.Keyframe(t=i * 0.3, arms=100.0 if i % 2 else 20.0, reach=1.0) for i in range(40)
    )
    actors = [
        studio.Actor(swings, yaw=90.0, subject_id=1, x=-0.3),
        studio.Actor((studio.STANDING,), yaw=270.0, subject_id=2, x=0.3),
    ]
    return studio.film(actors, seconds=seconds)


# -- falls ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", FALLS)
def test_a_certain_fall_alarms_within_two_seconds_of_the_impact(
    studio: Studio, fakes: Fakes, how: str
) -> None:
    late = []
    for yaw in (0.0, 60.0, 210.0):
        actor = studio.Actor(studio.fall(how, begins=1.5), yaw=yaw)
        film = studio.film([actor], seconds=6, flips=0.1, seed=round(yaw))
        if first_s(fakes.watch(fakes.Drops(), film), Behavior.FALL, studio) > 1.5 + 0.7 + 2.0:
            late.append(yaw)
    assert not late


def test_a_fast_fall_onto_the_floor_alarms_sooner_than_a_doubtful_one(
    studio: Studio, fakes: Fakes
) -> None:
    """The second look is shorter where somebody came down fast and lies still."""
    clear = studio.film([studio.Actor(studio.fall("left", begins=1.5))], seconds=6)
    sunk = studio.move((0, studio.STANDING), (1.5, studio.STANDING), (2.2, studio.SQUATTING),
                       (9, studio.SQUATTING))  # fmt: skip
    doubtful = studio.film([studio.Actor(sunk)], seconds=6)
    times = [
        first_s(fakes.watch(fakes.Drops(), film), Behavior.FALL, studio)
        for film in (clear, doubtful)
    ]
    assert times[0] < times[1] < math.inf


def test_whoever_gets_up_again_at_once_is_noted_and_not_alarmed(
    studio: Studio, fakes: Fakes
) -> None:
    down = studio.Keyframe(torso=80.0, left_thigh=110.0, right_thigh=110.0, ease=0.8)
    trip = studio.move((0, studio.STANDING), (2, studio.STANDING), (2.5, down), (2.7, down),
                       (3.2, studio.STANDING), (9, studio.STANDING))  # fmt: skip
    findings = fakes.watch(fakes.Drops(), studio.film([studio.Actor(trip)], seconds=7))
    assert not told(findings, Behavior.FALL)
    (note,) = [risk for finding in findings for risk in finding.dismissed]
    assert note.behavior is Behavior.FALL
    assert "up again" in note.reason
    assert {m.name for m in note.measures} >= {"drop", "descent_speed", "immobility"}


def test_a_track_that_flips_between_two_bodies_falls_less_than_one_that_stays_down(
    studio: Studio, fakes: Fakes
) -> None:
    """It goes down again and again; whoever fell goes down once."""
    sit = studio.film([studio.Actor((studio.SITTING,))], seconds=12)
    down = studio.film([studio.Actor(studio.fall("off_chair", begins=1.5))], seconds=12)
    flips = [
        d if a.key.frame_id > 20 and a.key.frame_id % 8 < 4 else a
        for a, d in zip(sit, down, strict=True)
    ]
    network = fakes.Says({FALL: 2.0, Behavior.LIE: 3.0})
    scores = [
        max(
            m.scores[Behavior.FALL]
            for m in trace(film, network, fakes.card())
            if m.t_ms > studio.START_MS + 3000
        )
        for film in (flips, down)
    ]
    assert logit(scores[0]) < logit(scores[1]) - 0.25 * JUDGING.look_unsettled


@pytest.mark.parametrize("zone", [ZoneKind.REST, ZoneKind.LOITER])
def test_who_lies_down_on_a_bed_has_not_fallen(
    studio: Studio, fakes: Fakes, zone: ZoneKind
) -> None:
    bed = CloudCameraSettings(
        id="hall", zone=(ZoneSettings(name="bed", kind=zone, polygon=EVERYWHERE, seconds=999.0),)
    )
    film = studio.film([studio.Actor(studio.fall("right", begins=1.5))], seconds=7)
    found = told(fakes.watch(fakes.Drops(), film, bed), Behavior.FALL)
    assert bool(found) == (zone is not ZoneKind.REST)


def test_a_fall_stays_one_fall_when_the_tracker_changes_ids(studio: Studio, fakes: Fakes) -> None:
    fall = studio.fall("right", begins=2.0)
    for switch_s in (1.9, 2.2, 2.4, 2.7, 3.0):
        actors = [
            studio.Actor(fall, subject_id=1, leaves=switch_s),
            studio.Actor(fall, subject_id=2, enters=switch_s),
        ]
        findings = fakes.watch(fakes.Drops(), studio.film(actors, seconds=8))
        assert first_s(findings, Behavior.FALL, studio) <= 2.7 + 2.0, switch_s
        (risk,) = told(findings, Behavior.FALL)[-1].risks
        assert 2 in risk.subject_ids


def test_whoever_is_told_apart_in_a_fall_keeps_the_past(studio: Studio, fakes: Fakes) -> None:
    """The old track lingers while a new one finds the same person: both have seen them stand."""
    fall = studio.fall("right", begins=2.0)
    actors = [studio.Actor(fall, subject_id=1), studio.Actor(fall, subject_id=2, enters=2.6)]
    film = studio.film(actors, seconds=6)
    sight = Sight()
    for observation in film:
        second = [one for one in sight.observe(observation) if one.subject.subject_id == 2]
        if second:
            break
    (one,) = second
    assert one.window is not None
    assert one.window.features()[CONFIDENCE].any(0).sum() > 20
    assert any(2 in risk.subject_ids for f in fakes.watch(fakes.Drops(), film) for risk in f.risks)


def test_a_doubting_network_lets_the_rule_alone_raise_nothing(studio: Studio, fakes: Fakes) -> None:
    film = studio.film([studio.Actor(studio.fall("left", begins=1.5))], seconds=8)
    certain_not = fakes.Says({Behavior.WALK: 6.0, FALL: -8.0})
    assert not told(fakes.watch(certain_not, film), Behavior.FALL)
    undecided = fakes.Says({Behavior.LIE: 2.0, FALL: 0.0})
    assert told(fakes.watch(undecided, film), Behavior.FALL)


def test_a_network_that_cries_fall_about_everybody_is_held_back_by_the_posture(
    studio: Studio, fakes: Fakes
) -> None:
    alarmist = fakes.Says({FALL: 4.0, Behavior.WALK: 2.0})
    for name in ("walk", "stand", "wave"):
        film = studio.film([studio.Actor(studio.negatives()[name])], seconds=10)
        assert not told(fakes.watch(alarmist, film), Behavior.FALL), name


def test_lying_too_long_is_told_by_rule_whatever_the_network_says(
    studio: Studio, fakes: Fakes
) -> None:
    camera = CloudCameraSettings(id="hall", rules=RuleSettings(long_lie_s=5.0))
    film = studio.film([studio.Actor(studio.fall("left", begins=1.5))], seconds=12)
    findings = fakes.watch(fakes.Says({Behavior.LIE: 3.0}), film, camera)
    assert told(findings, Behavior.LONG_LIE)


def test_who_fell_along_the_line_of_sight_lies_too_long_although_no_pose_shows_it(
    studio: Studio, fakes: Fakes
) -> None:
    """The rule has no idea; the fall was told, and nobody got up."""
    sunk = studio.move((0, studio.STANDING), (1.5, studio.STANDING), (2.0, studio.SQUATTING),
                       (20, studio.SQUATTING))  # fmt: skip
    camera = CloudCameraSettings(id="hall", rules=RuleSettings(long_lie_s=8.0))
    film = studio.film([studio.Actor(sunk)], seconds=14)

    class Lies(fakes.Drops):  # type: ignore[misc,name-defined]
        """Has everybody lie all the time, too."""

        def __call__(self, windows: Any) -> Any:
            said = super().__call__(windows)
            said[:, ACTIONS.index(Behavior.LIE)] = 8.0
            return said

    findings = fakes.watch(Lies(), film, camera)
    assert told(findings, Behavior.FALL)
    assert first_s(findings, Behavior.LONG_LIE, studio) == pytest.approx(10.0, abs=0.6)


# -- between people -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "behavior"), [("strike", Behavior.STRIKE), ("push", Behavior.PUSH)]
)
def test_blows_have_hands_counts_and_who_came_up(
    studio: Studio, fakes: Fakes, kind: str, behavior: Behavior
) -> None:
    network = fakes.Says({AGGRESSION: 4.0, behavior: 3.0})
    findings = fakes.watch(network, fight(studio))
    (risk, *_) = [r for f in told(findings, behavior) for r in f.risks if r.behavior is behavior]
    assert risk.subject_ids == (1, 2)
    measures = {m.name: (m.value, m.unit) for m in risk.measures}
    assert measures["hand_speed"][1] == "m/s"
    assert measures.keys() >= {"hand_speed", "blows", "rate", "approached", "was_approached"}
    assert kind in risk.reason
    other = Behavior.PUSH if behavior is Behavior.STRIKE else Behavior.STRIKE
    assert not told(findings, other)


def test_hands_that_hardly_move_and_empty_air_speak_against_a_blow(
    studio: Studio, fakes: Fakes
) -> None:
    """The same network is surer of two who swing at each other than of two who stand."""
    network = fakes.Says({AGGRESSION: 1.0, Behavior.STRIKE: 3.0})
    still = [
        studio.Actor((studio.STANDING,), yaw=yaw, subject_id=i, x=x)
        for i, (yaw, x) in enumerate(((90.0, -0.3), (270.0, 0.3)), 1)
    ]
    films = {
        "swing": fight(studio),
        "stand": studio.film(still, seconds=8.0, noise=0.001),
        "alone": studio.film(still[:1], seconds=8.0),
    }
    odds = {}
    for name, film in films.items():
        late = [m for m in trace(film, network, fakes.card()) if m.t_ms > studio.START_MS + 4000]
        odds[name] = max(logit(moment.scores[Behavior.STRIKE]) for moment in late)
    assert odds["swing"] - odds["stand"] == pytest.approx(
        JUDGING.act_fast_weight + JUDGING.act_slow_weight, abs=0.01
    )
    assert odds["swing"] - odds["alone"] == pytest.approx(
        JUDGING.act_fast_weight + JUDGING.act_alone, abs=0.01
    )


class OneHits:
    """Says that the first of two people in each picture strikes; the second is struck."""

    def __init__(self, fakes: Fakes) -> None:
        self._hits = fakes.Says({AGGRESSION: 5.0, Behavior.STRIKE: 4.0})
        self._hit = fakes.Says({AGGRESSION: 5.0, Behavior.STAND: 4.0})

    def __call__(self, windows: Any) -> Any:
        return np.concatenate([self._hits(windows[:1]), self._hit(windows[1:])])


def test_one_who_hits_the_other_again_and_again_bullies(studio: Studio, fakes: Fakes) -> None:
    film = fight(studio, 8.0)
    findings = fakes.watch(OneHits(fakes), film)
    (risk, *_) = [
        r for f in told(findings, Behavior.BULLY) for r in f.risks if r.behavior is Behavior.BULLY
    ]
    measures = {m.name: m.value for m in risk.measures}
    assert measures["acts"] >= 2
    assert measures["acts_back"] == 0
    both = fakes.watch(fakes.Says({AGGRESSION: 5.0, Behavior.STRIKE: 4.0}), film)
    assert told(both, Behavior.STRIKE)
    assert not told(both, Behavior.BULLY)


# -- gestures -------------------------------------------------------------------------------------


def test_waving_needs_a_hand_that_is_up_and_swings(studio: Studio, fakes: Fakes) -> None:
    network = fakes.Says({Behavior.WAVE_FOR_HELP: 5.0})
    wave = tuple(
        studio.Keyframe(t=i * 0.4, arms=178.0, roll=6.0 * (-1) ** i, lift=0.0) for i in range(40)
    )
    film = []
    for n, observation in enumerate(studio.film([studio.Actor(wave)], seconds=8)):
        (pose,) = observation.poses
        keypoints = pose.keypoints.copy()
        keypoints[9, :2] = keypoints[0, :2] + (0.03 * (-1) ** (n // 3), -0.12)
        film.append(replace(observation, poses=(Pose(1, keypoints),)))
    findings = fakes.watch(network, film)
    (risk, *_) = told(findings, Behavior.WAVE_FOR_HELP)[0].risks
    assert {m.unit for m in risk.measures} == {"body heights", "1/s", "%"}
    standing = studio.film([studio.Actor((studio.STANDING,))], seconds=8)
    assert not told(fakes.watch(network, standing), Behavior.WAVE_FOR_HELP)


def smoker(studio: Studio, period_s: float, dwell_s: float, seconds: float) -> list[Observation]:
    """Stands, and takes the left wrist to the mouth now and then."""
    film = []
    for observation in studio.film([studio.Actor((studio.STANDING,))], seconds=seconds):
        (pose,) = observation.poses
        keypoints = pose.keypoints.copy()
        t = (observation.key.t_ms - studio.START_MS) / 1000
        if t % period_s > period_s - dwell_s:
            keypoints[9, :2] = keypoints[0, :2] + (0.005, 0.02)
        film.append(replace(observation, poses=(Pose(1, keypoints),)))
    return film


@pytest.mark.parametrize(
    ("period_s", "dwell_s", "smokes"),
    [(8.0, 1.5, True), (15.0, 2.0, True), (100.0, 2.0, False), (30.0, 15.0, False)],
)
def test_smoking_has_a_rhythm(
    studio: Studio, fakes: Fakes, period_s: float, dwell_s: float, *, smokes: bool
) -> None:
    network = fakes.Says({Behavior.SMOKE: 2.0, Behavior.STAND: 0.0})
    findings = fakes.watch(network, smoker(studio, period_s, dwell_s, 58.0))
    found = told(findings, Behavior.SMOKE)
    assert bool(found) == smokes
    if smokes:
        measures = {m.name: (m.value, m.unit) for m in found[-1].risks[0].measures}
        assert measures["period"] == (pytest.approx(period_s, abs=0.5), "s")
        assert measures["hand_to_mouth"][0] >= 3
        assert measures["regularity"][0] > 0.8


# -- everybody ------------------------------------------------------------------------------------


def test_everyday_behaviour_follows_the_network_and_does_not_flicker(
    studio: Studio, fakes: Fakes
) -> None:
    class Moody:
        """Walk, but every fifth window nearly as much stand."""

        def __init__(self) -> None:
            self.n = 0

        def __call__(self, windows: Any) -> Any:
            self.n += 1
            odds = {Behavior.WALK: 2.0, Behavior.STAND: 2.5 if self.n % 5 == 0 else 0.0}
            return fakes.Says(odds)(windows)

    film = studio.film([studio.Actor(studio.walk(12))], seconds=10)
    said = [f.subjects[0].behavior for f in fakes.watch(Moody(), film)]
    assert set(said[10:]) == {Behavior.WALK}


def test_what_never_moves_and_is_never_clear_is_nobody(studio: Studio, fakes: Fakes) -> None:
    """A coat on a chair gets no behaviour and no risk, in no zone and no crowd, however sure the
    network is; it becomes somebody once it moves."""
    camera = CloudCameraSettings(
        id="hall",
        zone=(ZoneSettings(name="hall", kind=ZoneKind.INTRUDE, polygon=EVERYWHERE),),
        rules=RuleSettings(crowd_people=2, crowd_s=1.0),
    )

    def dim(film: list[Observation]) -> list[Observation]:
        for observation in film:
            for pose in observation.poses:
                pose.keypoints[:, 2] *= 0.4
        return film

    coats = [studio.Actor((studio.SITTING,), subject_id=i, x=i - 1.5) for i in (1, 2)]
    network = fakes.Says({FALL: 6.0, AGGRESSION: 6.0, Behavior.STRIKE: 6.0, Behavior.SIT: 2.0})
    findings = fakes.watch(network, dim(studio.film(coats, seconds=30.0)), camera)
    assert not [risk for finding in findings for risk in finding.risks]
    assert {s.behavior for f in findings for s in f.subjects} == {Behavior.UNKNOWN}
    assert all(max(f.evidence.values()) == 0.0 for f in findings)

    walker = dim(studio.film([studio.Actor(studio.walk(8))], seconds=8))
    findings = fakes.watch(fakes.Says({Behavior.WALK: 3.0}), walker, camera)
    assert Behavior.WALK in {s.behavior for f in findings for s in f.subjects}
    assert told(findings, Behavior.INTRUDE)


def test_nobody_is_nothing_and_costs_no_run(studio: Studio, fakes: Fakes) -> None:
    network = fakes.Says({FALL: 6.0})
    findings = fakes.watch(network, studio.film([], seconds=10.0))
    assert all(not f.subjects and not f.risks and not f.dismissed for f in findings)
    assert network.runs == 0


def test_the_network_runs_at_five_hertz_for_all_at_once(studio: Studio, fakes: Fakes) -> None:
    network = fakes.Says({Behavior.STAND: 2.0})
    actors = [studio.Actor((studio.STANDING,), subject_id=i, x=i - 2.0) for i in (1, 2, 3)]
    fakes.watch(network, studio.film(actors, seconds=10.0))
    assert 48 <= network.runs <= 52
    assert network.seen == 3 * network.runs


# -- laws of streams ------------------------------------------------------------------------------


def busy(studio: Studio, **options: Any) -> list[Observation]:
    """A fall beside a fight."""
    actors = [
        studio.Actor(studio.fall("right", begins=3.0), subject_id=1, x=1.2),
        *(
            studio.Actor(studio.walk(20), subject_id=i, x=x, yaw=yaw)
            for i, x, yaw in ((2, -1.0, 90.0), (3, -0.6, 270.0))
        ),
    ]
    return studio.film(actors, seconds=10.0, **options)


def test_the_same_stream_says_the_same(studio: Studio, fakes: Fakes) -> None:
    film = busy(studio, drops=0.1)
    assert fakes.watch(fakes.Drops(), film) == fakes.watch(fakes.Drops(), film)


def test_a_clock_that_goes_back_begins_anew(studio: Studio, fakes: Fakes) -> None:
    film = busy(studio)
    recognizer = fakes.recognizer(fakes.Drops())
    once = [recognizer.observe(observation) for observation in film]
    assert [recognizer.observe(observation) for observation in film] == once


def test_five_and_ten_hertz_agree_on_falls(studio: Studio, fakes: Fakes) -> None:
    for how in FALLS:
        actor = studio.Actor(studio.fall(how, begins=2.0), yaw=60.0)
        times = [
            first_s(
                fakes.watch(fakes.Drops(), studio.film([actor], seconds=8, fps=fps)),
                Behavior.FALL,
                studio,
            )
            for fps in (5.0, 10.0)
        ]
        assert max(times) <= 2.7 + 2.0
        assert abs(times[0] - times[1]) <= 0.6


@pytest.mark.parametrize("shrink", [0.4, 0.7])
def test_how_far_and_where_changes_no_alarm(studio: Studio, fakes: Fakes, shrink: float) -> None:
    film = studio.film([studio.Actor(studio.fall("left", begins=2.0))], seconds=8, noise=0.0)
    far = []
    for observation in film:
        (pose,) = observation.poses
        keypoints = pose.keypoints.copy()
        keypoints[:, :2] = keypoints[:, :2] * shrink + 0.2
        far.append(replace(observation, poses=(Pose(1, keypoints),)))
    here, there = (fakes.watch(fakes.Drops(), f) for f in (film, far))
    times = [first_s(findings, Behavior.FALL, studio) for findings in (here, there)]
    assert abs(times[0] - times[1]) <= 0.2
    measured = [
        {m.name: m.value for m in told(findings, Behavior.FALL)[-1].risks[0].measures}
        for findings in (here, there)
    ]
    assert measured[0] == pytest.approx(measured[1], rel=0.1, abs=0.3)


NETWORKS: dict[str, dict[Behavior | int, float]] = {
    "fall": {FALL: 6.0, Behavior.LIE: 3.0},
    "strike": {AGGRESSION: 6.0, Behavior.STRIKE: 5.0},
    "push": {AGGRESSION: 6.0, Behavior.PUSH: 5.0},
    "wave": {Behavior.WAVE_FOR_HELP: 6.0},
    "smoke": {Behavior.SMOKE: 6.0},
    "all": {FALL: 6.0, AGGRESSION: 6.0, Behavior.STRIKE: 2.0, Behavior.SMOKE: 2.0},
    "nothing": {},
}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_risk_explains_itself_and_every_number_is_one(
    studio: Studio, fakes: Fakes, name: str
) -> None:
    films = [busy(studio, drops=0.1), fight(studio, 5.0), smoker(studio, 5.0, 1.0, 20.0)]
    for film in films:
        rng = np.random.default_rng(0)
        for observation in film:  # partial bodies
            for pose in observation.poses:
                pose.keypoints[rng.random(17) < 0.15] = 0.0
        recognizer = fakes.recognizer(fakes.Says(NETWORKS[name]))
        for observation in film:
            finding = recognizer.observe(observation)
            for risk in (*finding.risks, *finding.dismissed):
                assert risk.behavior.is_risk
                assert 0.0 <= risk.confidence <= 1.0
                assert risk.reason.endswith(".")
                assert risk.measures
                assert all(m.unit and math.isfinite(m.value) for m in risk.measures)
                assert risk.started_ms <= finding.key.t_ms
                assert list(risk.subject_ids) == sorted(set(risk.subject_ids))
            for subject in finding.subjects:
                assert 0.0 <= subject.confidence <= 1.0
            assert set(finding.evidence) == set(LEARNED_RISKS)
            for moment in recognizer.moments:
                assert all(0.0 <= score <= 1.0 for score in moment.scores.values())
                if moment.outputs is not None:
                    assert moment.outputs.shape == (OUTPUTS,)
                    assert np.isfinite(moment.outputs).all()


def test_evidence_passes_a_half_just_where_a_risk_is_told(studio: Studio, fakes: Fakes) -> None:
    film = studio.film([studio.Actor(studio.fall("left", begins=2.0))], seconds=8)
    for before, after in itertools.pairwise(fakes.watch(fakes.Drops(), film)):
        if told([after], Behavior.FALL) and not told([before], Behavior.FALL):
            assert before.evidence[Behavior.FALL] < 0.5 <= after.evidence[Behavior.FALL]
            break
    else:
        pytest.fail("no fall was told")


# -- sensitivity ----------------------------------------------------------------------------------


def test_a_less_sensitive_camera_says_less_and_forgets_nothing(
    studio: Studio, fakes: Fakes
) -> None:
    film = fight(studio)
    network = fakes.Says({AGGRESSION: 2.2, Behavior.STRIKE: 4.0})
    (confidence, *_) = [
        r.confidence
        for f in fakes.watch(network, film)
        for r in f.risks
        if r.behavior is Behavior.STRIKE
    ]
    assert 0.5 <= confidence < 0.8
    recognizer = fakes.recognizer(network, sensitivity=Sensitivity({Behavior.STRIKE: 1.5}))
    findings = [recognizer.observe(observation) for observation in film]
    assert not told(findings, Behavior.STRIKE)
    assert max(f.evidence[Behavior.STRIKE] for f in findings) >= confidence
    recognizer = fakes.recognizer(network, sensitivity=Sensitivity({Behavior.STRIKE: 1.5}))
    half = len(film) // 2
    first = [recognizer.observe(observation) for observation in film[:half]]
    recognizer.adapt(Sensitivity())
    assert not told(first, Behavior.STRIKE)
    assert told([recognizer.observe(observation) for observation in film[half:]], Behavior.STRIKE)
