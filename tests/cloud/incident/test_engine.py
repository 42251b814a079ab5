"""Findings become incidents: laws and tables."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mizaru.cloud.incident import POLICIES, ChangeKind, Policy
from mizaru.cloud.incident.policy import FIGHT, GAP_S, RANK, UPDATE_PERIOD_S
from mizaru.cloud.recognize import TOLD_AT, Measured
from mizaru.vocabulary import RISK, Behavior, Severity

Desk = Any
FALL = POLICIES[Behavior.FALL]
PLAIN = Policy(Severity.WARNING, min_duration_s=1.0, quiet_s=3.0, cooldown_s=10.0)


def kinds(changes: list[Any]) -> list[str]:
    return [change.kind.value for change in changes]


def between(start: float, end: float, *evidence: Any) -> Any:
    return lambda t: evidence if start <= t < end else ()


def test_every_risk_has_a_policy_and_nothing_else() -> None:
    assert set(POLICIES) == RISK


def test_nobody_waits_twice_for_an_alarm_about_somebody_on_the_floor() -> None:
    """The two seconds from an impact to its alarm are all the recognizer's."""
    for behavior in (Behavior.FALL, Behavior.LONG_LIE):
        assert POLICIES[behavior].severity is Severity.ALARM
        assert POLICIES[behavior].min_duration_s == 0.0
        assert POLICIES[behavior].open_at == TOLD_AT


@pytest.mark.parametrize("behavior", sorted(RISK))
def test_each_risk_opens_once_and_closes_after_its_quiet_time(
    desk: Desk, behavior: Behavior
) -> None:
    policy = POLICIES[behavior]
    evidence = desk.Evidence(behavior=behavior)
    end = 5.0 + policy.min_duration_s + 3.0
    stream = desk.stream(end + policy.quiet_s + 2.0, between(5.0, end, evidence))
    changes = desk.feed(desk.engine(), stream)
    assert kinds(changes)[0] == "opened"
    assert kinds(changes)[-1] == "closed"
    assert set(kinds(changes)[1:-1]) <= {"updated"}
    opened, closed = changes[0].incident, changes[-1].incident
    assert opened.opened_ms == desk.ms(5.0 + policy.min_duration_s)
    assert opened.severity is policy.severity
    assert closed.ended_ms == desk.ms(end - 0.1)
    assert changes[-1].t_ms == desk.ms(end - 0.1 + policy.quiet_s + 0.1)
    assert len({change.incident.id for change in changes}) == 1


@pytest.mark.parametrize(
    ("confidence", "opens"),
    [(0.0, False), (0.34, False), (0.49, False), (0.5, True), (0.9, True), (1.0, True)],
)
def test_opens_at_the_upper_threshold_only(desk: Desk, confidence: float, opens: bool) -> None:
    stream = desk.stream(5.0, between(1.0, 4.0, desk.Evidence(confidence)))
    assert ("opened" in kinds(desk.feed(desk.engine(), stream))) is opens


@pytest.mark.parametrize(
    ("confidence", "goes_on"), [(0.3, False), (0.34, False), (0.35, True), (0.49, True)]
)
def test_goes_on_down_to_the_lower_threshold(desk: Desk, confidence: float, goes_on: bool) -> None:
    def evidence(t: float) -> tuple[Any, ...]:
        return (desk.Evidence(0.9 if t < 2.0 else confidence),) if t >= 1.0 else ()

    changes = desk.feed(desk.engine(), desk.stream(20.0, evidence))
    assert ("closed" not in kinds(changes)) is goes_on


@pytest.mark.parametrize(("seconds", "opens"), [(0.5, False), (0.9, False), (1.1, True), (3, True)])
def test_must_last_its_least_duration(desk: Desk, seconds: float, opens: bool) -> None:
    engine = desk.engine(policies={Behavior.FALL: PLAIN})
    stream = desk.stream(10.0, between(2.0, 2.0 + seconds, desk.Evidence()))
    assert ("opened" in kinds(desk.feed(engine, stream))) is opens


def test_two_short_bursts_far_apart_do_not_add_up_to_the_least_duration(desk: Desk) -> None:
    engine = desk.engine(policies={Behavior.FALL: PLAIN})

    def evidence(t: float) -> tuple[Any, ...]:
        burst = 1.0 <= t < 1.6 or 1.6 + GAP_S + 0.2 <= t < 2.2 + GAP_S
        return (desk.Evidence(),) if burst else ()

    assert not desk.feed(engine, desk.stream(10.0, evidence))


def test_a_gap_shorter_than_patience_does_not_begin_anew(desk: Desk) -> None:
    engine = desk.engine(policies={Behavior.FALL: PLAIN})

    def evidence(t: float) -> tuple[Any, ...]:
        return (desk.Evidence(),) if 1.0 <= t < 1.3 or 1.9 <= t < 2.2 else ()

    changes = desk.feed(engine, desk.stream(3.0, evidence))
    assert [change.t_ms for change in changes] == [desk.ms(2.0)]


@pytest.mark.parametrize(
    ("pause", "incidents"),
    [(2.0, 1), (FALL.quiet_s + 1.0, 1), (FALL.quiet_s + FALL.cooldown_s - 1.0, 1),
     (FALL.quiet_s + FALL.cooldown_s + 1.0, 2)],
)  # fmt: skip
def test_what_happens_again_within_the_cooldown_is_the_same_incident(
    desk: Desk, pause: float, incidents: int
) -> None:
    def evidence(t: float) -> tuple[Any, ...]:
        return (desk.Evidence(),) if 1.0 <= t < 3.0 or 3.0 + pause <= t < 5.0 + pause else ()

    changes = desk.feed(desk.engine(), desk.stream(60.0, evidence))
    assert kinds(changes).count("opened") == incidents
    assert len({change.incident.id for change in changes}) == incidents
    assert changes[-1].kind is ChangeKind.CLOSED
    assert changes[-1].incident.ended_ms == desk.ms(4.9 + pause)


@pytest.mark.parametrize(
    ("second", "box", "incidents"),
    [
        pytest.param(1, (0.4, 0.4, 0.6, 0.8), 1, id="same subject, same place"),
        pytest.param(1, (0.0, 0.0, 0.1, 0.3), 1, id="same subject, elsewhere"),
        pytest.param(2, (0.42, 0.5, 0.62, 0.8), 1, id="new id where the old one was"),
        pytest.param(2, (0.0, 0.0, 0.1, 0.3), 2, id="somebody else elsewhere"),
    ],
)
def test_evidence_belongs_to_who_or_where_it_was(
    desk: Desk, second: int, box: tuple[float, ...], incidents: int
) -> None:
    def evidence(t: float) -> tuple[Any, ...]:
        if 1.0 <= t < 3.0:
            return (desk.Evidence(),)
        if 3.5 <= t < 5.0:
            return (desk.Evidence(who=(second,), present={second: box}),)
        return ()

    changes = desk.feed(desk.engine(), desk.stream(8.0, evidence))
    assert kinds(changes).count("opened") == incidents
    if incidents == 1:
        assert changes[-1].incident.subject_ids == tuple(sorted({1, second}))


def test_two_people_who_fall_side_by_side_are_two_incidents(desk: Desk) -> None:
    near = (0.45, 0.4, 0.65, 0.8)
    both = (desk.Evidence(who=(1,)), desk.Evidence(who=(2,), present={2: near}))
    changes = desk.feed(desk.engine(), desk.stream(4.0, between(1.0, 3.0, *both)))
    assert kinds(changes) == ["opened", "opened"]
    assert {change.incident.subject_ids for change in changes} == {(1,), (2,)}


@pytest.mark.parametrize("behavior", [Behavior.INTRUDE, Behavior.LOITER, Behavior.CROWD])
def test_everybody_in_a_zone_shares_one_incident_but_zones_do_not(
    desk: Desk, behavior: Behavior
) -> None:
    far = (0.0, 0.0, 0.1, 0.3)

    def evidence(t: float) -> tuple[Any, ...]:
        yard = desk.Evidence(behavior=behavior, who=(1,), zone="yard")
        other = desk.Evidence(behavior=behavior, who=(2,), zone="yard", present={2: far})
        gate = desk.Evidence(behavior=behavior, who=(2,), zone="gate", present={2: far})
        return (yard,) if t < 2.0 else (yard, other, gate)

    changes = desk.feed(desk.engine(), desk.stream(6.0, evidence))
    opened = [change.incident.zone for change in changes if change.kind is ChangeKind.OPENED]
    assert sorted(opened) == ["gate", "yard"]
    yard = [change.incident for change in changes if change.incident.zone == "yard"]
    assert yard[-1].subject_ids == (1, 2)


def test_severity_rises_with_time_and_never_falls(desk: Desk) -> None:
    policy = POLICIES[Behavior.INTRUDE]
    assert policy.escalates_after_s is not None
    evidence = desk.Evidence(behavior=Behavior.INTRUDE, zone="yard")
    end = policy.escalates_after_s + 20.0
    changes = desk.feed(desk.engine(), desk.stream(end + 20, between(1.0, end, evidence)))
    assert [c.incident.severity for c in changes] == [
        Severity.WARNING, Severity.ALARM, Severity.ALARM,
    ]  # fmt: skip


def test_updates_are_told_on_notable_change_and_at_most_once_a_second(desk: Desk) -> None:
    def evidence(t: float) -> tuple[Any, ...]:
        measures = (Measured("on_floor", t, "s"),)
        return (desk.Evidence(measures=measures, confidence=0.9),) if t >= 1.0 else ()

    changes = desk.feed(desk.engine(), desk.stream(60.0, evidence))
    told = [change.t_ms for change in changes]
    assert all(b - a >= UPDATE_PERIOD_S * 1000 for a, b in itertools.pairwise(told))
    assert 10 <= len(told) <= 20, "a quarter more each time, not every second"
    values = [change.incident.measures[0].value for change in changes]
    assert all(b > a for a, b in itertools.pairwise(values))


def test_nothing_is_told_while_nothing_changes(desk: Desk) -> None:
    stream = desk.stream(600.0, lambda t: (desk.Evidence(started=0.0),))
    assert kinds(desk.feed(desk.engine(), stream)) == ["opened"]


def test_confidence_is_the_highest_and_start_the_earliest(desk: Desk) -> None:
    def evidence(t: float) -> tuple[Any, ...]:
        confidence = 0.6 if t < 3.0 else 0.95 if t < 4.0 else 0.5
        return (desk.Evidence(confidence, started=0.5),) if t >= 1.0 else ()

    engine = desk.engine()
    changes = desk.feed(engine, desk.stream(8.0, evidence))
    (closed,) = engine.finish(desk.ms(8.0))
    assert closed.incident.confidence == 0.95
    assert {change.incident.started_ms for change in changes} == {desk.ms(0.5)}


def test_the_end_of_the_stream_closes_what_is_open_and_forgets_the_rest(desk: Desk) -> None:
    engine = desk.engine()
    desk.feed(engine, desk.stream(5.0, between(1.0, 5.0, desk.Evidence())))
    (change,) = engine.finish(desk.ms(5.0))
    assert change.kind is ChangeKind.CLOSED
    assert change.incident.ended_ms == desk.ms(4.9)
    assert engine.finish(desk.ms(6.0)) == ()
    assert engine.open_incidents == ()


def test_a_clock_that_goes_back_ends_what_is_open(desk: Desk) -> None:
    engine = desk.engine()
    desk.feed(engine, desk.stream(50.0, between(48.0, 50.0, desk.Evidence()), since=45.0))
    assert kinds(engine.update(desk.finding(2.0))) == ["closed"]
    again = desk.feed(engine, desk.stream(5.0, between(3.0, 4.0, desk.Evidence()), since=2.1))
    assert kinds(again) == ["opened"]


def test_findings_of_another_camera_are_refused(desk: Desk) -> None:
    from mizaru.cloud.incident import IncidentEngine

    engine = IncidentEngine("yard", new_id=lambda: "i")
    with pytest.raises(ValueError, match="hall"):
        engine.update(desk.finding(1.0))


def test_an_engine_that_has_begun_cannot_be_restored(desk: Desk) -> None:
    engine = desk.engine()
    engine.update(desk.finding(1.0))
    with pytest.raises(RuntimeError, match="first update"):
        engine.restore([], desk.ms(1.0))


# A fight: several words for one event ----------------------------------------------------------

A, B = (0.40, 0.4, 0.50, 0.8), (0.48, 0.4, 0.58, 0.8)
PUSH, STRIKE, BULLY = Behavior.PUSH, Behavior.STRIKE, Behavior.BULLY


def blow(desk: Desk, behavior: Behavior, who: int = 1, confidence: float = 0.9) -> Any:
    present = {1: A, 2: B, 3: (0.05, 0.4, 0.15, 0.8)}
    return desk.Evidence(confidence, behavior=behavior, who=(who,), present=present)


def test_a_fight_is_one_incident_that_goes_by_its_gravest_word(desk: Desk) -> None:
    def evidence(t: float) -> tuple[Any, ...]:
        if 1.0 <= t < 1.5:
            return (blow(desk, PUSH, 1),)
        if 1.5 <= t < 2.2:
            return (blow(desk, STRIKE, 2, 0.7), blow(desk, PUSH, 1))
        return (blow(desk, PUSH, 1),) if 2.2 <= t < 4.0 else ()

    changes = desk.feed(desk.engine(), desk.stream(12.0, evidence))
    assert len({change.incident.id for change in changes}) == 1
    first, last = changes[0].incident, changes[-1].incident
    assert (first.behavior, first.severity) == (PUSH, Severity.WARNING)
    assert (last.behavior, last.severity) == (STRIKE, Severity.ALARM)
    assert last.subject_ids == (1, 2)
    assert last.ended_ms == desk.ms(3.9)  # the milder word keeps it going …
    assert last.reason == "strike at 2.1 s"  # … but does not say why
    assert last.confidence == 0.7
    assert last.started_ms == first.started_ms


def test_an_alarm_within_a_warning_is_told_at_once(desk: Desk) -> None:
    def evidence(t: float) -> tuple[Any, ...]:
        return (blow(desk, PUSH if t < 1.2 else STRIKE),) if 1.0 <= t < 1.8 else ()

    changes = desk.feed(desk.engine(), desk.stream(3.0, evidence))
    assert [(c.t_ms, c.incident.severity) for c in changes] == [
        (desk.ms(1.0), Severity.WARNING),
        (desk.ms(1.5), Severity.ALARM),
    ]


def test_a_flicker_of_the_graver_word_renames_nothing(desk: Desk) -> None:
    def evidence(t: float) -> tuple[Any, ...]:
        return (blow(desk, STRIKE if t in (2.0, 4.0) else PUSH),) if 1.0 <= t < 6.0 else ()

    changes = desk.feed(desk.engine(), desk.stream(15.0, evidence))
    assert {change.incident.behavior for change in changes} == {PUSH}


def test_two_fights_apart_are_two_incidents_and_a_fall_in_one_is_its_own(desk: Desk) -> None:
    fall = desk.Evidence(who=(2,), present={2: B})
    both = (blow(desk, BULLY, 1), blow(desk, STRIKE, 3), fall)
    changes = desk.feed(desk.engine(), desk.stream(4.0, between(1.0, 3.0, *both)))
    last = {change.incident.id: change.incident for change in changes}.values()
    assert {(i.behavior, i.subject_ids) for i in last} == {
        (BULLY, (1,)),
        (STRIKE, (3,)),
        (Behavior.FALL, (2,)),
    }


def test_every_word_of_a_fight_knows_the_others_and_is_as_grave_as_they_come() -> None:
    ranks = [RANK[POLICIES[behavior].severity] for behavior in FIGHT]
    assert ranks == sorted(ranks)
    assert all(POLICIES[behavior].kin == FIGHT for behavior in FIGHT)
    assert all(not policy.kin for b, policy in POLICIES.items() if b not in FIGHT)


# A script is a list of (seconds, subject, confidence, behaviour): what happens one after the other.
def make_scripts(*behaviors: Behavior) -> Any:
    return st.lists(
        st.tuples(
            st.integers(1, 80).map(lambda n: n / 10),
            st.sampled_from([0, 0, 1, 2]),
            st.sampled_from([0.2, 0.4, 0.6, 0.9]),
            st.sampled_from(behaviors),
        ),
        min_size=1,
        max_size=12,
    )


Script = list[tuple[float, int, float, Behavior]]
scripts = make_scripts(Behavior.FALL)
PLACES = {1: (0.1, 0.4, 0.3, 0.8), 2: (0.7, 0.4, 0.9, 0.8)}


def perform(desk: Desk, script: Script) -> list[Any]:
    findings, t = [], 0.0
    for seconds, who, confidence, behavior in script:
        for _ in range(round(seconds * 10)):
            evidence = desk.Evidence(
                confidence, behavior=behavior, who=(who,), present={who: PLACES.get(who)}
            )
            findings.append(desk.finding(t, *([evidence] if who else [])))
            t = round(t + 0.1, 1)
    return findings


@settings(max_examples=60, deadline=None)
@given(scripts)
def test_any_incident_opens_once_first_and_closes_after(desk: Desk, script: Script) -> None:
    engine = desk.engine(policies={Behavior.FALL: PLAIN})
    findings = perform(desk, script)
    changes = desk.feed(engine, findings)
    changes += engine.finish(findings[-1].key.t_ms)
    assert [c.t_ms for c in changes] == sorted(c.t_ms for c in changes)
    for _, story in itertools.groupby(
        sorted(changes, key=lambda c: c.incident.id), key=lambda c: c.incident.id
    ):
        told = list(story)
        assert kinds(told).count("opened") == 1
        assert told[0].kind is ChangeKind.OPENED
        assert told[-1].kind is ChangeKind.CLOSED
        for before, after in itertools.pairwise(told):
            if before.kind is ChangeKind.CLOSED:
                assert after.kind is ChangeKind.UPDATED
            assert after.incident.last_ms >= before.incident.last_ms


def outcome(changes: list[Any]) -> list[tuple[Any, ...]]:
    """What must not depend on where the cloud was killed: all but the updates."""
    last = {change.incident.id: change.incident for change in changes}
    return [
        (i.behavior, i.zone, i.started_ms, i.opened_ms, i.ended_ms, i.subject_ids, i.severity)
        for i in last.values()
    ]


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(scripts, make_scripts(*FIGHT)),
    st.floats(0.0, 1.0),
    st.sampled_from([5.0, 15.0, 90.0]),
)
# What happens again after the cooldown, just before the kill, is another incident.
@example(
    [(1.1, 1, 0.6, Behavior.FALL), (13.0, 0, 0.2, Behavior.FALL), (3.3, 1, 0.6, Behavior.FALL)],
    0.8125,
    5.0,
)
def test_a_kill_at_any_point_changes_nothing_but_updates(
    desk: Desk, script: Script, where: float, memory_s: float
) -> None:
    # As quick as `PLAIN`, so that the least memory holds what they wait for.
    quick = {b: replace(POLICIES[b], quiet_s=3.0, cooldown_s=10.0) for b in FIGHT}
    policies = {**quick, Behavior.FALL: PLAIN}
    findings = perform(desk, script)
    whole = desk.engine(policies=policies)
    expected = desk.feed(whole, findings) + list(whole.finish(findings[-1].key.t_ms))

    split = min(len(findings) - 1, int(where * len(findings)))
    first = desk.engine(policies=policies)
    told = desk.feed(first, findings[: split + 1])
    stored = {change.incident.id: change.incident for change in told}
    through_ms = findings[split].key.t_ms
    since_ms = through_ms - round(memory_s * 1000)

    ids = itertools.count(100)
    from mizaru.cloud.incident import IncidentEngine

    second = IncidentEngine("hall", policies, new_id=lambda: f"j{next(ids)}")
    known = [i for i in stored.values() if i.ended_ms is None or i.ended_ms >= since_ms - 20_000]
    second.restore(known, through_ms)
    replay = [f for f in findings[: split + 1] if f.key.t_ms >= since_ms]
    assert desk.feed(second, replay) == []
    told += desk.feed(second, findings[split + 1 :])
    told += second.finish(findings[-1].key.t_ms)
    assert outcome(told) == outcome(expected)
