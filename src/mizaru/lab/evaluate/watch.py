"""Show a recognizer a clip, as the cloud would, and write down what it says.

The recognizer, the incident engine and their settings are the product's own: a clip is a camera
that nobody has configured. Each clip begins with a fresh pair, as after a change of camera.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mizaru.cloud.incident import Incident, IncidentEngine
from mizaru.cloud.recognize.finding import Finding, Observation, Recognizer, Risk
from mizaru.vocabulary import Behavior

NewRecognizer = Callable[[str], Recognizer]
"""A camera's id → its recognizer, which has seen nothing yet."""


@dataclass(frozen=True, slots=True)
class Tick:
    """What was said of one moment.

    Attributes:
        t_ms: clip's clock.
        people: subjects that were found.
        said: (subject, behaviour, confidence) of each.
    """

    t_ms: int
    people: int
    said: tuple[tuple[int, Behavior, float], ...]


@dataclass(frozen=True, slots=True)
class Watched:
    """All that was said about one clip.

    Attributes:
        incidents: as they stood at the clip's end, in the order of their opening.
        dismissed: (time, what looked like a risk then and was none at the second look).
        peaks: behaviour → the highest confidence that it ever had, told or not.
        ticks: in time order.
    """

    incidents: tuple[Incident, ...]
    dismissed: tuple[tuple[int, Risk], ...]
    peaks: dict[Behavior, float]
    ticks: tuple[Tick, ...]

    def peak(self, behaviors: Iterable[Behavior]) -> float:
        """The highest confidence of any of these; 0.0 if none was ever said."""
        return max((self.peaks.get(behavior, 0.0) for behavior in behaviors), default=0.0)


def watch(observations: Iterable[Observation], recognizer: Recognizer, camera: str) -> Watched:
    """Feed a clip's observations, in time order.

    Args:
        camera: the id in the observations' sync keys.
    """
    numbers = itertools.count(1)
    engine = IncidentEngine(camera, new_id=lambda: f"i{next(numbers)}")
    incidents: dict[str, Incident] = {}
    peaks: dict[Behavior, float] = {}
    dismissed: list[tuple[int, Risk]] = []
    ticks: list[Tick] = []
    for observation in observations:
        finding = recognizer.observe(observation)
        for change in engine.update(finding):
            incidents[change.incident.id] = change.incident
        dismissed += ((finding.key.t_ms, risk) for risk in finding.dismissed)
        _raise(peaks, finding)
        ticks.append(_tick(finding))
    return Watched(tuple(incidents.values()), tuple(dismissed), peaks, tuple(ticks))


def _raise(peaks: dict[Behavior, float], finding: Finding) -> None:
    for behavior, confidence in finding.evidence.items():
        peaks[behavior] = max(peaks.get(behavior, 0.0), confidence)
    for risk in finding.risks:
        peaks[risk.behavior] = max(peaks.get(risk.behavior, 0.0), risk.confidence)
    for subject in finding.subjects:
        peaks[subject.behavior] = max(peaks.get(subject.behavior, 0.0), subject.confidence)


def _tick(finding: Finding) -> Tick:
    said = tuple((s.subject_id, s.behavior, s.confidence) for s in finding.subjects)
    return Tick(finding.key.t_ms, len(said), said)
