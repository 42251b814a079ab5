"""What counts as a hit, a miss and a false alarm; laws of the figures."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mizaru.cloud.incident import Incident
from mizaru.lab.data.manifest import Clip
from mizaru.lab.evaluate.judge import (
    EARLY_S,
    LATE_S,
    Footage,
    Judged,
    decide,
    event_free_s,
    judge_action,
    judge_count,
    judge_events,
    match,
)
from mizaru.lab.evaluate.report import summarise
from mizaru.lab.evaluate.task import Task, behavior_of
from mizaru.lab.evaluate.truth import Span
from mizaru.lab.evaluate.watch import Tick, Watched
from mizaru.vocabulary import Behavior, Severity

UNMARKED = Span()
seconds = st.integers(0, 600).map(lambda tenths: tenths / 10)


@st.composite
def span_lists(draw: st.DrawFn) -> list[Span]:
    """Events that do not overlap, at least a late alarm's time apart."""
    spans, position = [], 0.0
    for _ in range(draw(st.integers(0, 3))):
        onset = position + draw(st.integers(20, 100)) / 10
        end = onset + draw(st.integers(5, 40)) / 10
        spans.append(Span(onset, end))
        position = end + LATE_S
    return spans


def incident(t_s: float, behavior: Behavior = Behavior.FALL, confidence: float = 0.8) -> Incident:
    t_ms = round(t_s * 1000)
    return Incident(
        f"i{t_ms}", "camera-1", behavior, Severity.ALARM, "", t_ms, t_ms, t_ms, t_ms, confidence,
        (1,), (), "because",
    )  # fmt: skip


def watched(*alarms: Incident, ticks: tuple[Tick, ...] = ()) -> Watched:
    peaks: dict[Behavior, float] = {}
    for alarm in alarms:
        peaks[alarm.behavior] = max(peaks.get(alarm.behavior, 0.0), alarm.confidence)
    return Watched(alarms, (), peaks, ticks)


def footage(duration_s: float = 60.0, name: str = "a.mp4", label: str = "fall") -> Footage:
    clip = Clip(Path(name), name, "video", "fall", label)
    return Footage(name, clip, label, "set:p1", "room", "c1", duration_s, 600, 6, ())


@pytest.mark.parametrize(
    ("opened_s", "hit"),
    [(3.9, False), (4.0, True), (5.0, True), (7.0, True), (17.0, True), (17.1, False)],
)
def test_an_alarm_hits_from_a_second_before_until_ten_after(opened_s: float, hit: bool) -> None:
    assert (EARLY_S, LATE_S) == (1.0, 10.0)
    hits, false = match([Span(5.0, 7.0)], [incident(opened_s)])
    assert (len(hits), len(false)) == ((1, 0) if hit else (0, 1))


def test_where_nobody_marked_the_time_an_alarm_anywhere_hits_and_a_second_is_false() -> None:
    hits, false = match([UNMARKED], [incident(50.0), incident(2.0)])
    assert hits[UNMARKED].opened_ms == 2000
    assert [alarm.opened_ms for alarm in false] == [50_000]


def test_two_alarms_about_one_event_are_a_hit_and_a_false_alarm() -> None:
    entry = judge_events(
        footage(), watched(incident(6.0), incident(9.0)), Task.FALL, [Span(5.0, 7.0)], replays=False
    )
    assert (entry.hits, entry.misses, entry.false_alarms) == (1, 0, 1)
    assert entry.delays_s == (1.0,)
    assert (entry.truth, entry.decision) == ("fall", "fall")


def test_only_the_tasks_own_incidents_count() -> None:
    alarms = watched(incident(6.0, Behavior.LONG_LIE), incident(7.0, Behavior.STRIKE))
    entry = judge_events(footage(), alarms, Task.FALL, [UNMARKED], replays=False)
    assert (entry.hits, entry.false_alarms, entry.score) == (0, 0, 0.0)
    entry = judge_events(footage(), alarms, Task.FIGHT, [UNMARKED], replays=False)
    assert (entry.hits, entry.false_alarms, entry.score) == (1, 0, 0.8)
    assert entry.delays_s == ()


def test_time_without_event() -> None:
    assert event_free_s([], 60.0) == 60.0
    assert event_free_s([UNMARKED], 60.0) == 0.0
    # Up to a second before the onset, and after the end.
    assert event_free_s([Span(5.0, 7.0)], 60.0) == pytest.approx(4.0 + 53.0)
    assert event_free_s([Span(0.2, 90.0)], 60.0) == 0.0


@given(span_lists(), st.lists(seconds, unique=True, max_size=6), st.randoms(use_true_random=False))
def test_every_alarm_is_a_hit_or_false_whatever_the_order(
    spans: list[Span], times: list[float], random: object
) -> None:
    alarms = [incident(t) for t in times]
    hits, false = match(spans, alarms)
    assert len(hits) + len(false) == len(alarms)
    assert len(hits) <= len(spans)
    random.shuffle(alarms)  # type: ignore[attr-defined]
    random.shuffle(spans)  # type: ignore[attr-defined]
    assert match(spans, alarms)[0] == hits


@settings(deadline=None)  # the first call imports SciPy
@given(st.lists(span_lists(), min_size=1, max_size=6))
def test_a_perfect_detector_misses_nothing_and_a_silent_one_everything(
    clips: list[list[Span]],
) -> None:
    def figures(perfect: bool) -> tuple[float | None, int | None]:
        entries = []
        for number, spans in enumerate(clips):
            alarms = [incident(span.onset_s or 0.0) for span in spans] if perfect else []
            film = footage(120.0, f"{number}.mp4")
            entries.append(judge_events(film, watched(*alarms), Task.FALL, spans, replays=False))
        found = summarise(Task.FALL, entries, cluster="group", seed=0)
        recall = found.event_recall
        return recall.value if recall else None, found.false_alarms

    some = any(clips)
    assert figures(True) == (1.0 if some else None, 0)
    assert figures(False) == (0.0 if some else None, 0)


def _entry(number: int, events: int, alarms: int, score: float) -> Judged:
    hits = min(events, alarms)
    return Judged(
        f"{number}.mp4", f"p{number // 2 % 8}", "", "", "fall", 10.0, 100, 0,
        "fall" if events else "none", "fall" if alarms else "none", score, events, hits,
        alarms - hits, 0.0 if events else 10.0, (1.0 + number / 10,) * hits,
    )  # fmt: skip


def test_the_order_of_clips_changes_nothing() -> None:
    entries = [_entry(n, n % 2, (n // 2) % 3, (n % 7) / 7) for n in range(24)]
    straight = summarise(Task.FALL, entries, cluster="identity", seed=3)
    assert summarise(Task.FALL, entries[::-1], cluster="identity", seed=3) == straight
    assert straight.delay_p95_s is not None
    assert straight.delay_p95_s.low is not None
    assert straight.auc is not None
    assert straight.auc.low is not None


def test_rates_are_of_the_time_without_event() -> None:
    found = summarise(
        Task.FALL, [_entry(0, 0, 2, 1.0), _entry(1, 1, 1, 1.0)], cluster="path", seed=0
    )
    assert found.hours_without_event == pytest.approx(10 / 3600)
    assert found.false_alarms == 2
    assert found.false_alarms_per_hour is not None
    assert found.false_alarms_per_hour.value == pytest.approx(720)
    assert found.false_alarms_per_camera_day is not None
    assert found.false_alarms_per_camera_day.value == pytest.approx(720 * 24)
    assert found.precision is not None
    assert found.precision.value == pytest.approx(1 / 3)
    assert found.mae is None


def _ticks(*said: tuple[float, Behavior, float]) -> tuple[Tick, ...]:
    return tuple(Tick(round(t * 1000), 1, ((1, behavior, c),)) for t, behavior, c in said)


def test_an_action_is_what_was_said_most_while_it_went_on() -> None:
    ticks = _ticks(
        (0.0, Behavior.WALK, 0.9), (1.0, Behavior.WALK, 0.9), (2.0, Behavior.SIT, 0.8),
        (3.0, Behavior.STAND, 0.3), (4.0, Behavior.BEND, 1.0),
    )  # fmt: skip
    seen = watched(ticks=ticks)
    walk = judge_action(footage(), seen, "walk", UNMARKED)
    sit = judge_action(footage(), seen, "sit", Span(1.5, 4.5))
    silent = judge_action(footage(), watched(), "stand", UNMARKED)
    broken = Judged("x.mp4", "", "", "", "", error="gone")
    decided = decide([walk, sit, silent, broken])
    assert [clip.decision for clip in decided] == ["walk", "sit", "none", None], (
        "bend is no class of this benchmark"
    )
    assert [clip.decision for clip in decide([sit, silent, walk])] == ["sit", "none", "walk"]


def _people(*counts: int) -> tuple[Tick, ...]:
    """One second each, four ticks a second."""
    return tuple(Tick(250 * i, counts[i // 4], ()) for i in range(4 * len(counts)))


def test_counts_from_second_to_second() -> None:
    seen = watched(ticks=_people(0, 1, 1, 3))
    entry = judge_count(footage(4.0), seen, [(0.0, 0), (1.0, 1), (2.0, 2), (3.0, 1)], None)
    assert entry is not None
    assert entry.off == pytest.approx((0 + 0 + 1 + 2) / 4)
    assert entry.near == pytest.approx(3 / 4)


def test_one_count_is_held_against_who_is_seen_together_for_a_while() -> None:
    seen = watched(ticks=_people(*[2] * 40, 5))
    entry = judge_count(footage(41.0), seen, (), (2, 2))
    assert entry is not None
    assert entry.off == 0.0, "a moment with five does not make five"
    between = judge_count(footage(41.0), seen, (), (1, 2))
    assert between is not None
    assert between.off == 0.0
    assert judge_count(footage(41.0), seen, (), None) is None


def test_words_of_manifests() -> None:
    assert behavior_of("walking") is Behavior.WALK
    assert behavior_of("sit_down") is Behavior.SIT_DOWN
    assert behavior_of("cartwheel") is None
    assert behavior_of("unknown") is None
