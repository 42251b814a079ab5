"""From sequences to what the network learns from, by the cloud's own code.

Each sequence is streamed through the roster and the windows of `mizaru.cloud.recognize`,
exactly as a camera's stream is, so that what is learnt is what will be seen.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.cloud.recognize.features import CHANNELS, TICKS, Figure, Window
from mizaru.cloud.recognize.finding import Observation
from mizaru.cloud.recognize.subject import Roster, Subject
from mizaru.cloud.recognize.thresholds import DEFAULT
from mizaru.errors import DataError
from mizaru.lab.data.sequence import Sequence
from mizaru.lab.train.truth import Truths
from mizaru.wire.messages import GRID_MS

Array = npt.NDArray[np.float32]
Half = npt.NDArray[np.float16]

ROW: Final = np.dtype(
    [
        ("t_ms", "<i8"),
        ("subject_id", "<u4"),
        ("person", "<u4"),
        ("action", "i1"),
        ("fall", "i1"),
        ("aggression", "i1"),
    ]
)
"""One window: camera clock, the id on the wire, the person as the roster holds it together (a
number within the sequence), and the three targets of `mizaru.lab.train.truth`."""


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """N windows of one sequence, in time order.

    Attributes:
        x: shape (N, C, W) float16, see `mizaru.cloud.recognize.features`.
        rows: shape (N,) of `ROW`.
    """

    x: Half
    rows: npt.NDArray[np.void]

    def __post_init__(self) -> None:
        if self.x.shape != (len(self.rows), CHANNELS, TICKS):
            raise ValueError(f"{len(self.rows)} rows do not fit windows of {self.x.shape}")

    def __len__(self) -> int:
        return len(self.rows)

    def save(self, folder: Path, name: str) -> None:
        """Write two files; whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        for kind, array in (("x", self.x), ("rows", self.rows)):
            part = folder / f"{name}.{kind}.{os.getpid()}.part"
            with part.open("wb") as file:
                np.save(file, array)
            part.replace(folder / f"{name}.{kind}.npy")

    @staticmethod
    def load(folder: Path, name: str) -> Windows:
        """Memory-mapped; raises `DataError` where the files are damaged."""
        try:
            x = np.load(folder / f"{name}.x.npy", mmap_mode="r")
            return Windows(x, np.load(folder / f"{name}.rows.npy"))
        except (OSError, ValueError) as error:
            raise DataError(
                f"{folder / name}: damaged windows ({error}); delete the folder to remake them"
            ) from None


def stream(observations: tuple[Observation, ...]) -> Iterator[tuple[int, Subject, Window]]:
    """What the network sees: (camera clock, subject, its window by then), in time order."""
    roster = Roster(DEFAULT)
    windows: dict[Subject, Window] = {}
    for observation in observations:
        t_ms = observation.key.t_ms
        subjects = roster.observe(observation)
        windows = {s: w for s, w in windows.items() if s in roster}
        poses = {pose.subject_id: pose for pose in observation.poses}
        figures = {
            s: Figure.of(poses[s.subject_id], observation.aspect, s.last.body.center, s.size)
            for s in subjects
            if s.size > 0.0
        }
        for subject, figure in figures.items():
            window = windows.setdefault(subject, Window())
            others = [other for s, other in figures.items() if s is not subject]
            window.observe(t_ms, figure, others)
            yield t_ms, subject, window


def windows_of(sequence: Sequence, *, every_ticks: int = 1, keep_unsaid: bool = False) -> Windows:
    """Everybody's windows in a sequence.

    Args:
        every_ticks: of windows in which nothing happens only those on every n-th tick of the
            grid are kept; of falls and blows all are.
        keep_unsaid: keep windows about which the labels say nothing.
    """
    truths = Truths(sequence.labels)
    people: dict[Subject, int] = {}
    kept: list[Array] = []
    rows: list[tuple[int, int, int, int, int, int]] = []
    for t_ms, subject, window in stream(sequence.observations):
        person = people.setdefault(subject, len(people))
        truth = truths.at(t_ms, subject.subject_id)
        happens = truth.fall == 1 or truth.aggression == 1
        if not happens and (t_ms // GRID_MS) % every_ticks:
            continue
        if max(truth.action, truth.fall, truth.aggression) < 0 and not keep_unsaid:
            continue
        kept.append(window.features())
        row = (t_ms, subject.subject_id, person, truth.action, truth.fall, truth.aggression)
        rows.append(row)
    x = np.stack(kept) if kept else np.zeros((0, CHANNELS, TICKS))
    return Windows(x.astype(np.float16), np.array(rows, ROW))
