"""Calibration, operating points and figures; no network."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from mizaru.cloud.recognize.card import LEARNED_RISKS
from mizaru.cloud.recognize.learned import Moment
from mizaru.cloud.recognize.outputs import ACTIONS, FALL, OUTPUTS
from mizaru.lab.sequence import Label, Sequence
from mizaru.lab.train.calibrate import expected_error, fit_platt, fit_temperature, sigmoid
from mizaru.lab.train.control import boosted, statistics, threshold_on_height
from mizaru.lab.train.corpus import Corpus
from mizaru.lab.train.points import LEAST, MOST, Trace, choose, false_peaks, outcome, traces_of
from mizaru.lab.train.score import auc, f1_of, recall_at
from mizaru.lab.train.windows import windows_of
from mizaru.vocabulary import Behavior


def test_calibration_finds_what_spoilt_the_odds_and_keeps_their_order() -> None:
    rng = np.random.default_rng(0)
    odds = rng.normal(-1, 2, 40_000)
    truth = (rng.random(len(odds)) < sigmoid(odds)).astype(int)
    logits = (odds - 0.7) / 0.4
    fitted = fit_platt(logits, truth)
    assert fitted.scale == pytest.approx(0.4, abs=0.02)
    assert fitted.shift == pytest.approx(0.7, abs=0.05)
    assert (np.diff(fitted(np.sort(logits))) >= 0).all()
    assert expected_error(fitted(logits), truth) < 0.01 < expected_error(sigmoid(logits), truth)
    assert fitted(np.array([fitted.logit(0.9)])) == pytest.approx(0.9)


def test_calibration_rises_even_where_the_answers_are_upside_down() -> None:
    logits = np.linspace(-3, 3, 200)
    fitted = fit_platt(logits, (logits < 0).astype(int))
    assert fitted.scale > 0
    assert (np.diff(fitted(logits)) > 0).all()


def test_a_perfect_split_stays_finite_and_unsaid_does_not_count() -> None:
    logits = np.concatenate([np.full(50, -5.0), np.full(50, 5.0), np.full(900, 5.0)])
    truth = np.concatenate([np.zeros(50), np.ones(50), np.full(900, -1)]).astype(int)
    fitted = fit_platt(logits, truth)
    assert np.isfinite([fitted.scale, fitted.shift]).all()
    assert fitted(np.array([5.0]))[0] > 0.9
    assert fit_platt(logits, np.full(1000, -1)).scale == 1.0


def test_temperature_undoes_overconfidence() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, (3000, len(ACTIONS)))
    share = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    truth = (share.cumsum(1) > rng.random((len(share), 1))).argmax(1)
    assert fit_temperature(3 * logits, truth) == pytest.approx(3.0, rel=0.1)
    assert fit_temperature(logits, np.full(len(logits), -1)) == 1.0


def _trace(score: list[float], truth: list[int], event: list[int] | None = None) -> Trace:
    t_ms = np.arange(len(score)) * 30_000
    events = np.array(event or [0] * len(score))
    return Trace(t_ms, np.array(score), np.array(truth), events, np.full(len(score), 20_000))


def test_false_alarms_close_together_are_one() -> None:
    # one score every 30 s; the first two and the next two belong together
    trace = _trace([0.9, 0.8, 0.1, 0.7, 0.95], [0, 0, 0, 0, 1])
    assert false_peaks([trace]).tolist() == [0.9, 0.7]


@pytest.mark.parametrize("per_camera_day", [0.5, 6.0, 30.0])
def test_the_budget_is_kept(per_camera_day: float) -> None:
    rng = np.random.default_rng(2)
    traces = [_trace(list(0.9 * rng.random(200)), [0] * 200) for _ in range(4)]
    hours = 4 * 200 * 30 / 3600
    threshold = choose(traces, hours=hours, per_camera_day=per_camera_day)
    assert LEAST <= threshold <= MOST
    judged = outcome(traces, threshold, hours=hours)
    assert judged.false == int(per_camera_day * hours / 24)
    assert judged.per_camera_day <= judged.at_most_per_camera_day


def test_a_budget_that_the_data_are_too_short_for_is_kept_on_longer_data() -> None:
    rng = np.random.default_rng(3)

    def day(hours: float) -> Trace:
        """Peaks in log odds fall off exponentially, six an hour above 0.5."""
        t_ms = np.arange(0, int(hours * 3.6e6), 600_000)
        score = 1.0 / (1.0 + np.exp(-rng.exponential(0.8, len(t_ms))))
        nothing = np.zeros(len(t_ms), int)
        return Trace(t_ms, score, nothing, nothing, nothing)

    rates = []
    for _ in range(40):
        threshold = choose([day(8.0)], hours=8.0, per_camera_day=1.0)
        rates.append(outcome([day(72.0)], threshold, hours=72.0).per_camera_day)
    assert 0.6 < float(np.mean(rates)) < 1.7


def _moments(scores: dict[int, list[float]]) -> list[Moment]:
    return [
        Moment(k * 1000, subject_id, None, dict.fromkeys(LEARNED_RISKS, score))
        for subject_id, said in scores.items()
        for k, score in enumerate(said)
    ]


def test_what_follows_an_event_is_no_false_alarm_and_what_comes_before_it_is(
    sequence: Callable[..., Sequence],
) -> None:
    made = sequence(labels=(Label(Behavior.FALL, 10_000, 12_000, 1, impact_ms=11_000),))
    traces = traces_of(made, _moments({1: [0.5] * 30, 2: [0.5] * 30}))[Behavior.FALL]
    mine, other = (trace.truth.tolist() for trace in traces)
    assert mine == [0] * 10 + [1] * 5 + [-1] * 15
    assert other == [0] * 10 + [-1] * 20


def test_a_push_taken_for_a_strike_is_no_false_alarm(
    sequence: Callable[..., Sequence],
) -> None:
    made = sequence(labels=(Label(Behavior.PUSH, 0, 2000, 1, other_id=2),))
    traces = traces_of(made, _moments({1: [0.9] * 9}))
    assert not (traces[Behavior.STRIKE][0].truth == 0).any()
    assert (traces[Behavior.SMOKE][0].truth == 0).all()


def test_an_event_is_found_once_under_whatever_id() -> None:
    first = _trace([0.1, 0.9, 0.9, 0.2, 0.2, 0.4], [0, 1, 1, 0, 1, -1], [0, 7, 7, 0, 8, 0])
    again = _trace([0.9, 0.1], [1, 1], [7, 9])
    judged = outcome([first, again], 0.5, hours=1.0)
    assert (judged.found, judged.events, judged.false) == (1, 3, 0)
    assert judged.recall == pytest.approx(1 / 3)


def test_a_delay_counts_from_the_impact_to_the_first_time_it_is_told_under_any_id() -> None:
    early = _trace([0.1, 0.4, 0.9, 0.9], [0, 1, 1, 1], [0, 7, 7, 7])
    late = _trace([0.1, 0.1, 0.1, 0.9], [1, 1, 1, 1], [7, 7, 8, 8])
    judged = outcome([late, early], 0.5, hours=1.0)
    assert judged.delays_s == (70.0, 40.0)
    assert judged.delay_s(0.0) == 40.0
    assert math.isnan(outcome([early], 0.95, hours=1.0).delay_s(0.5))


def test_a_fall_s_delay_begins_at_its_impact(sequence: Callable[..., Sequence]) -> None:
    made = sequence(labels=(Label(Behavior.FALL, 10_000, 12_000, 1, impact_ms=11_000),))
    (mine,) = traces_of(made, _moments({1: [0.5] * 30}))[Behavior.FALL]
    assert set(mine.since_ms[mine.truth == 1]) == {11_000}


def test_area_recall_and_f1() -> None:
    truth = np.array([0, 0, 1, 1, -1])
    assert auc(np.array([0.1, 0.2, 0.3, 0.4, 9.0]), truth) == 1.0
    assert auc(np.array([0.4, 0.3, 0.2, 0.1, 9.0]), truth) == 0.0
    assert auc(np.zeros(5), truth) == 0.5
    assert recall_at(np.array([0.1, 0.35, 0.3, 0.4, 9.0]), truth, 0.0) == 0.5
    assert np.isnan(auc(np.zeros(5), np.full(5, -1)))
    assert f1_of(np.array([0, 0, 1]), np.array([0, 1, -1])) == {"walk": 2 / 3, "stand": 0.0}


def test_the_controls_tell_a_fall(sequence: Callable[..., Sequence]) -> None:
    pytest.importorskip("sklearn")
    windows = windows_of(sequence())
    some = slice(None, None, 2)
    owner = np.zeros(len(windows.rows[some]), np.int32)
    corpus = Corpus(windows.x[some], windows.rows[some], owner, ())
    assert statistics(windows.x).shape == (len(windows), 8 * windows.x.shape[1])
    for said in (threshold_on_height(corpus.x), boosted(corpus, corpus, seed=0, rounds=2)):
        assert said.shape == (len(corpus), OUTPUTS)
        assert auc(said[:, FALL], corpus.rows["fall"]) > 0.95
