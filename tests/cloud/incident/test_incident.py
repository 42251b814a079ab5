"""Incidents and changes check themselves, and survive their encoding."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from mizaru.cloud.incident import ChangeKind, Incident, IncidentChange, Policy
from mizaru.cloud.recognize import Measured
from mizaru.vocabulary import Behavior, Severity

OPEN = Incident(
    id="i1",
    camera_id="hall",
    behavior=Behavior.FALL,
    severity=Severity.ALARM,
    zone="",
    started_ms=1000,
    opened_ms=2000,
    last_ms=3000,
    ended_ms=None,
    confidence=0.9,
    subject_ids=(1, 7),
    measures=(Measured("drop", 0.7, "body heights"),),
    reason="From upright to the floor in 0.6 s.",
    box_xyxy=(0.1, 0.2, 0.3, 0.4),
)


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": ""},
        {"behavior": Behavior.WALK},
        {"started_ms": 2001},
        {"last_ms": 1999},
        {"ended_ms": 2999},
        {"confidence": 1.01},
        {"confidence": float("nan")},
        {"subject_ids": (7, 1)},
        {"subject_ids": (1, 1)},
    ],
)
def test_an_incident_refuses_what_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each has its own words
        replace(OPEN, **wrong)


@pytest.mark.parametrize(
    ("kind", "ended_ms", "t_ms", "fits"),
    [
        (ChangeKind.OPENED, None, 3000, True),
        (ChangeKind.UPDATED, None, 3000, True),
        (ChangeKind.CLOSED, 3000, 3000, True),
        (ChangeKind.OPENED, 3000, 3000, False),
        (ChangeKind.UPDATED, 3000, 3000, False),
        (ChangeKind.CLOSED, None, 3000, False),
        (ChangeKind.OPENED, None, 2999, False),
    ],
)
def test_a_change_and_its_incident_must_agree(
    kind: ChangeKind, ended_ms: int | None, t_ms: int, fits: bool
) -> None:
    incident = replace(OPEN, ended_ms=ended_ms)
    if fits:
        IncidentChange(kind, t_ms, incident)
    else:
        with pytest.raises(ValueError, match="change"):
            IncidentChange(kind, t_ms, incident)


@pytest.mark.parametrize("incident", [OPEN, replace(OPEN, ended_ms=3000, box_xyxy=None)])
def test_an_incident_survives_its_encoding(incident: Incident) -> None:
    assert msgspec.json.decode(msgspec.json.encode(incident), type=Incident) == incident


@pytest.mark.parametrize(
    "wrong",
    [
        {"open_at": 0.3},
        {"close_at": 0.0},
        {"open_at": 1.1},
        {"quiet_s": 0.5},
        {"min_duration_s": -1.0},
        {"escalates_to": Severity.NOTICE},
        {"joint": True, "kin": (Behavior.PUSH, Behavior.STRIKE)},
    ],
)
def test_a_policy_refuses_what_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each has its own words
        Policy(**{"severity": Severity.WARNING, **wrong})
