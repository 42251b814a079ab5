"""Who is there and what the network would see of each: the same for training and for serving."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from mizaru.cloud.recognize.features import Figure, Window
from mizaru.cloud.recognize.finding import Observation
from mizaru.cloud.recognize.subject import Roster, Subject
from mizaru.cloud.recognize.thresholds import DEFAULT, Thresholds


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One subject of the newest observation.

    Attributes:
        subject: who, across changed ids.
        window: its last ticks, the newest included; None where its size cannot be told yet.
    """

    subject: Subject
    window: Window | None


class Sight:
    """Follows subjects and keeps a window for each, in time order."""

    def __init__(self, limits: Thresholds = DEFAULT) -> None:
        self._roster = Roster(limits)
        self._windows: dict[Subject, Window] = {}

    def __contains__(self, subject: Subject) -> bool:
        return subject in self._roster

    def observe(self, observation: Observation) -> tuple[Seen, ...]:
        """Take the next poses; subjects in the order of the poses."""
        t_ms = observation.key.t_ms
        subjects = self._roster.observe(observation)
        self._windows = {s: w for s, w in self._windows.items() if s in self._roster}
        poses = {pose.subject_id: pose for pose in observation.poses}
        figures = {
            s: Figure.of(poses[s.subject_id], observation.aspect, s.last.body.center, s.size)
            for s in subjects
            if s.size > 0.0
        }
        for subject, figure in figures.items():
            window = self._windows.get(subject)
            if window is None:
                window = self._windows[subject] = self._past(subject)
            window.observe(t_ms, figure, [f for s, f in figures.items() if s is not subject])
        return tuple(Seen(s, self._windows.get(s) if s in figures else None) for s in subjects)

    def _past(self, subject: Subject) -> Window:
        """An empty window, or a copy of that of whom the subject was told apart from."""
        parent = self._windows.get(subject.parent) if subject.parent else None
        return copy.deepcopy(parent) if parent else Window()
