"""Feedback moves thresholds a little, in the right direction, and never far."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mizaru.cloud.recognize import TOLD_AT, Feedback, Sensitivity, Verdict, adapt
from mizaru.cloud.recognize.adaptation import GRAVE, max_shift
from mizaru.cloud.recognize.card import logit, sigmoid
from mizaru.vocabulary import RISK, Behavior

FALSE, TRUE = Verdict.FALSE_ALARM, Verdict.CONFIRMED


def random_feedback(rng: np.random.Generator, count: int) -> list[Feedback]:
    behaviors = sorted(RISK)
    return [
        Feedback(
            behaviors[rng.integers(len(behaviors))],
            float(rng.uniform(0.5, 1.0)),
            FALSE if rng.random() < 0.7 else TRUE,
        )
        for _ in range(count)
    ]


def test_nothing_said_changes_nothing() -> None:
    assert adapt([]) == Sensitivity()
    for behavior in RISK:
        assert Sensitivity().threshold(behavior) == TOLD_AT


@pytest.mark.parametrize("seed", range(20))
def test_thresholds_stay_in_bounds_whatever_is_said(seed: int) -> None:
    rng = np.random.default_rng(seed)
    said = random_feedback(rng, 30)
    found = adapt(said)
    for behavior, shift in found.shifts.items():
        assert 0.0 < shift <= max_shift(behavior)
    shuffled = [said[i] for i in rng.permutation(len(said))]
    assert adapt(shuffled) == found
    assert adapt(iter(said)) == found


@pytest.mark.parametrize("seed", range(20))
def test_no_confirmed_alarm_is_ever_given_up(seed: int) -> None:
    said = random_feedback(np.random.default_rng(seed), 30)
    found = adapt(said)
    for one in said:
        if one.verdict is TRUE:
            assert one.confidence >= found.threshold(one.behavior)


@pytest.mark.parametrize("seed", range(10))
def test_a_false_alarm_never_lowers_and_a_confirmed_one_never_raises(seed: int) -> None:
    rng = np.random.default_rng(seed)
    said = random_feedback(rng, 12)
    for behavior, confidence in itertools.product(RISK, (0.55, 0.8, 0.99)):
        before = adapt(said).threshold(behavior)
        assert adapt([*said, Feedback(behavior, confidence, FALSE)]).threshold(behavior) >= before
        assert adapt([*said, Feedback(behavior, confidence, TRUE)]).threshold(behavior) <= before


def test_one_slip_changes_little_and_the_same_false_alarm_again_is_not_told() -> None:
    weak = Feedback(Behavior.SMOKE, 0.55, FALSE)
    assert adapt([weak]).threshold(Behavior.SMOKE) > weak.confidence
    sure = Feedback(Behavior.SMOKE, 0.95, FALSE)
    assert adapt([sure]).threshold(Behavior.SMOKE) < 0.61
    assert adapt([sure] * 50).threshold(Behavior.SMOKE) == pytest.approx(sigmoid(1.5))


def test_falls_are_bounded_more_tightly() -> None:
    for behavior in RISK:
        most = adapt([Feedback(behavior, 0.99, FALSE)] * 50).threshold(behavior)
        assert most == pytest.approx(0.646 if behavior in GRAVE else 0.818, abs=0.001)
    assert Behavior.FALL in GRAVE


@pytest.mark.parametrize(
    ("behavior", "confidence"),
    [(Behavior.WALK, 0.5), (Behavior.FALL, -0.1), (Behavior.FALL, float("nan"))],
)
def test_feedback_checks_itself(behavior: Behavior, confidence: float) -> None:
    with pytest.raises(ValueError, match=r"only risks|\[0, 1\]"):
        Feedback(behavior, confidence, FALSE)


@pytest.mark.parametrize("shifts", [{Behavior.WALK: 0.1}, {Behavior.FALL: 0.61},
                                    {Behavior.PUSH: -0.1}])  # fmt: skip
def test_sensitivity_checks_itself(shifts: dict[Behavior, float]) -> None:
    with pytest.raises(ValueError, match=r"shift|threshold"):
        Sensitivity(shifts)


def test_threshold_and_shift_are_the_same_thing() -> None:
    assert logit(Sensitivity({Behavior.PUSH: 0.7}).threshold(Behavior.PUSH)) == pytest.approx(0.7)
