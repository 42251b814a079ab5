"""Findings in, changes of incidents out: hysteresis, merging, cooldown, severity.

Deterministic: all times are camera clocks of sync keys; ids come from the rim.

A *case* is evidence of one behaviour that belongs together. It is pending until it has had
the confidence `open_at` and lasted `min_duration_s`; then it carries an incident, which ends
after `quiet_s` without evidence of at least `close_at`. For `cooldown_s` more the case stays,
so that the same thing happening again continues the same incident.

Evidence belongs to a case if behaviour and zone are the same and (1) the policy is joint, or
(2) a subject is the same, or (3) the case's subjects are gone from the picture and the
evidence is where they were: a track that broke got a new id.

Behaviours that are kin (`Policy.kin`) count as the same, and (4) at the same place they are one
case whoever takes part, since a fight is between people. Its incident goes by the gravest word
that was confirmed; measures and reason are of that word.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from mizaru.cloud.incident.incident import BoxXyxy, ChangeKind, Incident, IncidentChange
from mizaru.cloud.incident.policy import (
    CONFIDENCE_STEP,
    GAP_S,
    MEASURE_RATIO,
    POLICIES,
    RANK,
    UPDATE_PERIOD_S,
    Policy,
)
from mizaru.cloud.recognize.finding import Finding, Measured, Risk
from mizaru.vocabulary import Behavior, Severity

SAME_PLACE: Final = 0.75
"""Two boxes are at the same place if their centres are nearer than this share of the longer
side of the larger one."""


@dataclass(slots=True)
class _Spell:
    """Evidence of one word without a longer break."""

    since_ms: int
    last_ms: int


@dataclass(slots=True)
class _Case:
    """Evidence that belongs together; `incident` is None while it is pending."""

    behavior: Behavior
    zone: str
    policy: Policy
    last_ms: int
    started_ms: int
    subject_ids: frozenset[int]
    box_xyxy: BoxXyxy | None
    spells: dict[Behavior, _Spell] = field(default_factory=dict)
    incident: Incident | None = None
    told: Incident | None = None
    told_ms: int = 0


class IncidentEngine:
    """Incidents of one camera.

    Args:
        camera_id: findings of another camera are refused with `ValueError`.
        policies: one per behaviour that may open an incident; others are ignored.
        new_id: called once per new incident.
    """

    def __init__(
        self,
        camera_id: str,
        policies: Mapping[Behavior, Policy] = POLICIES,
        *,
        new_id: Callable[[], str],
    ) -> None:
        self._camera_id = camera_id
        self._policies = dict(policies)
        self._new_id = new_id
        self._cases: list[_Case] = []
        self._now_ms: int | None = None
        self._through_ms: int | None = None

    @property
    def open_incidents(self) -> tuple[Incident, ...]:
        """Those that go on now, in the order of their opening."""
        return tuple(c.incident for c in self._cases if c.incident and c.incident.is_open)

    def restore(self, incidents: Iterable[Incident], through_ms: int) -> None:
        """Take over what an engine before this one has told; before the first `update`.

        Then feed the findings of the last `mizaru.cloud.recognize.memory_ms` again: nothing is
        told up to and including `through_ms`, and from there on what the engine before this
        one would have told, except that updates may differ.

        Args:
            incidents: those still open and those that ended since the start of the replay.
            through_ms: camera clock of the last observation whose changes were stored.

        Raises:
            RuntimeError: after the first `update`.
        """
        if self._now_ms is not None or self._cases:
            raise RuntimeError("restore an engine before its first update")
        self._through_ms = through_ms
        for incident in sorted(incidents, key=lambda i: (i.opened_ms, i.id)):
            if (policy := self._policies.get(incident.behavior)) is None:
                continue
            self._cases.append(
                _Case(
                    behavior=incident.behavior,
                    zone=incident.zone,
                    policy=policy,
                    last_ms=incident.last_ms,
                    started_ms=incident.started_ms,
                    subject_ids=frozenset(incident.subject_ids),
                    box_xyxy=incident.box_xyxy,
                    spells={incident.behavior: _Spell(incident.opened_ms, incident.last_ms)},
                    incident=incident,
                    told=incident,
                    told_ms=through_ms,
                )
            )

    def update(self, finding: Finding) -> tuple[IncidentChange, ...]:
        """Take the next finding; returns what changed, in the order in which to tell it.

        A clock that went back ends everything that is open, with its last evidence.
        """
        if finding.key.camera_id != self._camera_id:
            raise ValueError(f"finding of {finding.key.camera_id} fed to {self._camera_id}")
        t_ms = finding.key.t_ms
        changes: list[IncidentChange] = []
        if self._now_ms is not None and t_ms < self._now_ms:
            changes += self.finish(self._now_ms)
            self._through_ms = None
        self._now_ms = t_ms

        changes += self._expire(t_ms)
        present = {s.subject_id: s.box_xyxy for s in finding.subjects}
        for risk in sorted(finding.risks, key=lambda r: (-r.confidence, r.subject_ids)):
            change = self._take(risk, t_ms, present)
            if change is not None:
                changes.append(change)
        return tuple(changes)

    def finish(self, t_ms: int) -> tuple[IncidentChange, ...]:
        """The stream ended: closes what is open and forgets the rest.

        Args:
            t_ms: camera clock of the end, not before the last update.
        """
        cases, self._cases = self._cases, []
        return tuple(
            _close(case, case.incident, max(t_ms, case.last_ms))
            for case in cases
            if case.incident and case.incident.is_open
        )

    # -- evidence ---------------------------------------------------------------------------

    def _take(self, risk: Risk, t_ms: int, present: Mapping[int, BoxXyxy]) -> IncidentChange | None:
        policy = self._policies.get(risk.behavior)
        if policy is None or risk.confidence < policy.close_at:
            return None
        box = _joint_box([present[i] for i in risk.subject_ids if i in present])
        case = self._case_of(risk, policy, t_ms, box, present)
        if case is None:
            if risk.confidence < policy.open_at:
                return None
            case = _Case(
                behavior=risk.behavior,
                zone=risk.zone,
                policy=policy,
                last_ms=t_ms,
                started_ms=min(risk.started_ms, t_ms),
                subject_ids=frozenset(),
                box_xyxy=None,
            )
            self._cases.append(case)
        spell = case.spells.get(risk.behavior)
        if spell is None or t_ms - spell.last_ms > GAP_S * 1000:
            spell = case.spells[risk.behavior] = _Spell(t_ms, t_ms)
        spell.last_ms = max(spell.last_ms, t_ms)
        case.last_ms = max(case.last_ms, t_ms)
        case.subject_ids |= set(risk.subject_ids)
        case.box_xyxy = box or case.box_xyxy
        lasted = t_ms - spell.since_ms >= policy.min_duration_s * 1000
        confirmed = lasted and risk.confidence >= policy.open_at
        if confirmed and (case.incident is None or _is_graver(risk.behavior, case)):
            case.behavior, case.policy = risk.behavior, policy
        if case.incident is not None and case.incident.is_open:
            return self._continue(case, case.incident, risk, t_ms)
        if self._is_replay(t_ms) or not confirmed:
            return None
        if case.incident is None:
            return self._open(case, risk, t_ms)
        return self._reopen(case, case.incident, risk, t_ms)

    def _case_of(
        self,
        risk: Risk,
        policy: Policy,
        t_ms: int,
        box: BoxXyxy | None,
        present: Mapping[int, BoxXyxy],
    ) -> _Case | None:
        """The case that evidence belongs to; carried incidents first, then the latest."""
        who = frozenset(risk.subject_ids)
        candidates = [
            case
            for case in self._cases
            if (case.behavior is risk.behavior or risk.behavior in case.policy.kin)
            and case.zone == risk.zone
            # A replay also tells what was over before a restored incident began.
            and case.started_ms <= t_ms
        ]
        candidates.sort(key=lambda c: (c.incident is not None, c.started_ms), reverse=True)
        if policy.joint or not who:
            return candidates[0] if candidates else None
        for case in candidates:
            if case.subject_ids & who:
                return case
        for case in candidates:
            gone = not any(subject in present for subject in case.subject_ids)
            may_be = gone or bool(policy.kin)
            if may_be and box and case.box_xyxy and _same_place(box, case.box_xyxy):
                return case
        return None

    # -- a case's life ------------------------------------------------------------------------

    def _open(self, case: _Case, risk: Risk, t_ms: int) -> IncidentChange:
        case.started_ms = min(case.started_ms, risk.started_ms)
        case.incident = Incident(
            id=self._new_id(),
            camera_id=self._camera_id,
            behavior=case.behavior,
            severity=_severity(case, t_ms),
            zone=case.zone,
            started_ms=case.started_ms,
            opened_ms=t_ms,
            last_ms=t_ms,
            ended_ms=None,
            confidence=risk.confidence,
            subject_ids=tuple(sorted(case.subject_ids)),
            measures=risk.measures,
            reason=risk.reason,
            box_xyxy=case.box_xyxy,
        )
        return _tell(case, case.incident, ChangeKind.OPENED, t_ms)

    def _reopen(self, case: _Case, incident: Incident, risk: Risk, t_ms: int) -> IncidentChange:
        case.incident = _merge(case, replace(incident, ended_ms=None), risk, t_ms)
        return _tell(case, case.incident, ChangeKind.UPDATED, t_ms)

    def _continue(
        self, case: _Case, incident: Incident, risk: Risk, t_ms: int
    ) -> IncidentChange | None:
        case.incident = _merge(case, incident, risk, t_ms)
        if self._is_replay(t_ms):
            return None
        # An alarm never waits for the period.
        rose = case.told is None or RANK[case.incident.severity] > RANK[case.told.severity]
        if not rose and t_ms - case.told_ms < UPDATE_PERIOD_S * 1000:
            return None
        if case.told is not None and not _is_notable(case.told, case.incident):
            return None
        return _tell(case, case.incident, ChangeKind.UPDATED, t_ms)

    def _expire(self, t_ms: int) -> list[IncidentChange]:
        if self._is_replay(t_ms):
            # What is open in the store has had evidence up to its end, whether or not a
            # recognizer that has just begun can see it already.
            self._cases = [
                case
                for case in self._cases
                if (case.incident and case.incident.is_open) or not _is_stale(case, t_ms)
            ]
            return []
        changes = []
        kept = []
        for case in self._cases:
            if case.incident and case.incident.is_open:
                if t_ms - case.last_ms > case.policy.quiet_s * 1000:
                    changes.append(_close(case, case.incident, t_ms))
                kept.append(case)
            elif not _is_stale(case, t_ms):
                kept.append(case)
        self._cases = kept
        return changes

    def _is_replay(self, t_ms: int) -> bool:
        return self._through_ms is not None and t_ms <= self._through_ms


def _is_stale(case: _Case, t_ms: int) -> bool:
    """A pending case whose evidence broke off, or a closed one whose cooldown is over."""
    patience_s = GAP_S
    if case.incident is not None:
        patience_s = case.policy.quiet_s + case.policy.cooldown_s
    return t_ms - case.last_ms > patience_s * 1000


def _merge(case: _Case, incident: Incident, risk: Risk, t_ms: int) -> Incident:
    last_ms = max(incident.last_ms, t_ms)
    severity = max(incident.severity, _severity(case, last_ms), key=RANK.__getitem__)
    merged = replace(
        incident,
        severity=severity,
        last_ms=last_ms,
        subject_ids=tuple(sorted(case.subject_ids)),
        box_xyxy=case.box_xyxy,
    )
    if risk.behavior is not case.behavior:
        return merged  # a milder word for it: it goes on, but its own says why
    known = incident.confidence if incident.behavior is case.behavior else 0.0
    return replace(
        merged,
        behavior=case.behavior,
        confidence=max(known, risk.confidence),
        measures=risk.measures,
        reason=risk.reason,
    )


def _is_graver(behavior: Behavior, case: _Case) -> bool:
    kin = case.policy.kin
    return behavior in kin and kin.index(behavior) > kin.index(case.behavior)


def _severity(case: _Case, t_ms: int) -> Severity:
    policy = case.policy
    since_ms = case.incident.opened_ms if case.incident else t_ms
    if policy.escalates_after_s is None or t_ms - since_ms < policy.escalates_after_s * 1000:
        return policy.severity
    return policy.escalates_to


def _close(case: _Case, incident: Incident, t_ms: int) -> IncidentChange:
    case.incident = replace(incident, last_ms=case.last_ms, ended_ms=case.last_ms)
    return _tell(case, case.incident, ChangeKind.CLOSED, t_ms)


def _tell(case: _Case, incident: Incident, kind: ChangeKind, t_ms: int) -> IncidentChange:
    case.told, case.told_ms = incident, t_ms
    return IncidentChange(kind, t_ms, incident)


def _is_notable(told: Incident, now: Incident) -> bool:
    if (told.severity, told.behavior) != (now.severity, now.behavior):
        return True
    if told.subject_ids != now.subject_ids:
        return True
    if now.confidence >= told.confidence + CONFIDENCE_STEP:
        return True
    before = {(m.name, m.unit): m for m in told.measures}
    after = {(m.name, m.unit): m for m in now.measures}
    return before.keys() != after.keys() or any(
        _differs(before[name], measure) for name, measure in after.items()
    )


def _differs(before: Measured, after: Measured) -> bool:
    low, high = sorted((abs(before.value), abs(after.value)))
    return high > low * MEASURE_RATIO or before.value * after.value < 0.0


def _joint_box(boxes: list[BoxXyxy]) -> BoxXyxy | None:
    if not boxes:
        return None
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def _same_place(a: BoxXyxy, b: BoxXyxy) -> bool:
    side = max(a[2] - a[0], a[3] - a[1], b[2] - b[0], b[3] - b[1])
    apart = math.hypot(a[0] + a[2] - b[0] - b[2], a[1] + a[3] - b[1] - b[3]) / 2.0
    return apart <= SAME_PLACE * side
