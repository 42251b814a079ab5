"""Everyday behaviours, from cameras at several heights."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mizaru.cloud.recognize import Finding, Observation, Recognizer
from mizaru.cloud.recognize.outputs import AGGRESSION, FALL
from mizaru.cloud.recognize.rules import RuleRecognizer
from mizaru.cloud.settings import CloudCameraSettings
from mizaru.vocabulary import Behavior, Pose, SyncKey

Studio = Any
Fakes = Any
Recognize = Callable[..., list[Finding]]


def usual(findings: list[Finding], since: int, until: int) -> Behavior:
    counts = Counter(finding.subjects[0].behavior for finding in findings[since:until])
    return counts.most_common(1)[0][0]


@pytest.mark.parametrize(("height", "distance"), [(1.2, 4.5), (2.2, 4.5), (3.0, 6.0)])
@pytest.mark.parametrize("yaw", [0.0, 90.0, 160.0])
@pytest.mark.parametrize(
    ("name", "since_s", "until_s", "behavior"),
    [
        ("stand", 1, 6, Behavior.STAND),
        ("walk", 2, 6, Behavior.WALK),
        ("sit_down", 6.5, 9, Behavior.SIT),
        ("stand_up", 1, 3, Behavior.SIT),
        ("stand_up", 6, 9, Behavior.STAND),
        ("bend_long", 5, 8, Behavior.BEND),
        ("squat", 5, 7.5, Behavior.SQUAT),
        ("wave", 1, 6, Behavior.STAND),
    ],
)
def test_what_somebody_does(
    studio: Studio, recognize: Recognize, height: float, distance: float, yaw: float,
    name: str, since_s: float, until_s: float, behavior: Behavior,
) -> None:  # fmt: skip
    actor = studio.Actor(studio.negatives()[name], yaw=yaw)
    film = studio.film([actor], camera=studio.Camera(height, distance), seconds=until_s)
    assert usual(recognize(film), round(since_s * 10), round(until_s * 10)) is behavior


@pytest.mark.parametrize(
    ("name", "behavior"), [("sit_down", Behavior.SIT_DOWN), ("stand_up", Behavior.STAND_UP)]
)
def test_a_change_of_posture_is_named_for_a_moment(
    studio: Studio, recognize: Recognize, name: str, behavior: Behavior
) -> None:
    findings = recognize(studio.film([studio.Actor(studio.negatives()[name], yaw=60)], seconds=8))
    said = [i for i, finding in enumerate(findings) if finding.subjects[0].behavior is behavior]
    assert 5 <= len(said) <= 15
    assert said == list(range(said[0], said[-1] + 1))
    assert 30 <= said[0] <= 50


def test_lying_down_slowly_ends_in_lying(studio: Studio, recognize: Recognize) -> None:
    actor = studio.Actor(studio.negatives()["lie_down_slowly"], yaw=90)
    findings = recognize(studio.film([actor], seconds=12))
    assert usual(findings, 90, 120) is Behavior.LIE


@pytest.mark.parametrize(
    "build",
    [
        lambda _: RuleRecognizer(CloudCameraSettings(id="hall"), local_time=lambda _: None),  # type: ignore[arg-type,return-value]
        lambda fakes: fakes.recognizer(fakes.Drops()),
        lambda fakes: fakes.recognizer(fakes.Says({FALL: 5.0, AGGRESSION: 5.0})),
    ],
    ids=["rules", "drops", "all"],
)
def test_numbers_are_finite_and_confidences_are_shares_whatever_is_seen(
    fakes: Fakes, build: Callable[[Fakes], Recognizer]
) -> None:
    """Random garbage: joints come and go, lie anywhere, coincide."""
    rng = np.random.default_rng(5)
    recognizer = build(fakes)
    for frame in range(400):
        poses = []
        for subject in rng.choice(6, rng.integers(0, 6), replace=False) + 1:
            keypoints = rng.uniform(-0.25, 1.25, (17, 3)).astype(np.float32)
            keypoints[:, 2] = rng.choice([0.0, 1 / 3, 2 / 3, 1.0], 17)
            keypoints[keypoints[:, 2] == 0] = 0.0
            if rng.random() < 0.1:
                keypoints[:, :2] = 0.5
            poses.append(Pose(int(subject), keypoints))
        key = SyncKey("hall", frame, 1000 + 100 * frame + int(rng.integers(0, 5)) * 1000 * frame)
        finding = recognizer.observe(Observation(key, tuple(poses), 16 / 9))
        for subject in finding.subjects:
            assert 0.0 <= subject.confidence <= 1.0
            assert all(0.0 <= x <= 1.0 for x in subject.box_xyxy)
        for risk in finding.risks:
            assert 0.0 <= risk.confidence <= 1.0
            assert risk.started_ms <= key.t_ms
            assert all(math.isfinite(measure.value) for measure in risk.measures)
            assert risk.behavior.is_risk
