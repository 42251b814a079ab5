"""Recognizer and incident engine together: a kill changes nothing but updates."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from mizaru.cloud.incident import Incident, IncidentChange, IncidentEngine
from mizaru.cloud.recognize import Observation, Recognizer, memory_ms
from mizaru.cloud.recognize.rules import RuleRecognizer
from mizaru.cloud.settings import CloudCameraSettings, RuleSettings, ZoneKind, ZoneSettings

Studio = Any
Fakes = Any
LEFT = ((0.0, 0.0), (0.35, 0.0), (0.35, 1.0), (0.0, 1.0))
CAMERA = CloudCameraSettings(
    id="hall",
    zone=(ZoneSettings(name="door", kind=ZoneKind.LOITER, polygon=LEFT, seconds=20.0),),
    rules=RuleSettings(crowd_people=3, crowd_s=3.0, long_lie_s=15.0),
)


class Cloud:
    """One camera's recognition, started anew after each kill."""

    def __init__(self, prefix: str, build: Callable[[], Recognizer]) -> None:
        ids = itertools.count()
        self.recognizer = build()
        self.engine = IncidentEngine("hall", new_id=lambda: f"{prefix}{next(ids)}")

    def run(self, observations: Sequence[Observation]) -> list[IncidentChange]:
        return [c for o in observations for c in self.engine.update(self.recognizer.observe(o))]


Build = Callable[[], Recognizer]
ALL = (2, 4.3, 5.2, 6, 15, 19.3, 27, 29.5, 31, 36, 43, 48, 60, 75, 85)
FEW = (4.3, 5.2, 15, 31, 48)


@pytest.fixture
def build(kind: str, fakes: Fakes) -> Build:
    if kind == "learned":
        return lambda: fakes.recognizer(fakes.Drops(), CAMERA)
    return lambda: RuleRecognizer(
        CAMERA, local_time=lambda t_ms: datetime.fromtimestamp(t_ms / 1000, UTC)
    )


@pytest.fixture(scope="module")
def day(studio: Studio) -> list[Observation]:
    """Somebody falls and lies; two come; one loiters; they are a crowd; the fallen rises."""
    fall = studio.fall("right", begins=4.0, rest=26.0)
    fallen = (*fall, studio.Keyframe(t=33.0), studio.Keyframe(t=200.0))
    stand = (studio.STANDING,)
    return studio.film(
        [
            studio.Actor(fallen, subject_id=1, leaves=60.0, x=0.5),
            studio.Actor(stand, subject_id=2, enters=8.0, leaves=70.0, x=-2.0),
            studio.Actor(stand, subject_id=3, enters=40.0, leaves=50.0, x=2.0),
        ],
        seconds=90,
        drops=0.1,
    )


def story(changes: list[IncidentChange]) -> list[tuple[Any, ...]]:
    last: dict[str, Incident] = {c.incident.id: c.incident for c in changes}
    return sorted(
        (i.behavior, i.zone, i.opened_ms, i.started_ms, i.ended_ms, i.subject_ids)
        for i in last.values()
    )


@pytest.mark.parametrize(
    ("kind", "split_s"), [*(("rules", s) for s in ALL), *(("learned", s) for s in FEW)]
)
def test_replay_restore_and_go_on_equals_an_undisturbed_run(
    studio: Studio, day: list[Observation], split_s: float, build: Build
) -> None:
    whole = Cloud("a", build)
    expected = whole.run(day) + list(whole.engine.finish(day[-1].key.t_ms))
    assert {behavior for behavior, *_ in story(expected)} == {
        "fall", "long_lie", "loiter", "crowd",
    }  # fmt: skip

    through_ms = studio.START_MS + round(split_s * 1000)
    past = [o for o in day if o.key.t_ms <= through_ms]
    future = [o for o in day if o.key.t_ms > through_ms]
    told = Cloud("a", build).run(past)
    second = Cloud("b", build)
    since_ms = past[-1].key.t_ms - memory_ms(CAMERA)
    known = {c.incident.id: c.incident for c in told}.values()
    second.engine.restore(known, past[-1].key.t_ms)
    assert second.run([o for o in past if o.key.t_ms >= since_ms]) == []
    told += second.run(future)
    told += second.engine.finish(day[-1].key.t_ms)
    assert story(told) == story(expected)
