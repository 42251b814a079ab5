"""From sequences to what the network learns from, by the cloud's own code.

Each sequence is streamed through `mizaru.cloud.recognize.sight`, as a camera's stream is, so
that what is learnt is what will be seen.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.cloud.recognize.features import CHANNELS, TICKS
from mizaru.cloud.recognize.sight import Sight
from mizaru.cloud.recognize.subject import Subject
from mizaru.errors import DataError
from mizaru.lab.sequence import Sequence
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


def windows_of(sequence: Sequence) -> Windows:
    """Everybody's windows in a sequence, one per observation in which somebody is seen."""
    truths = Truths(sequence.labels)
    people: dict[Subject, int] = {}
    kept: list[Array] = []
    rows: list[tuple[int, int, int, int, int, int]] = []
    sight = Sight()
    for observation in sequence.observations:
        t_ms = observation.key.t_ms
        for seen in sight.observe(observation):
            if seen.window is None:
                continue
            person = people.setdefault(seen.subject, len(people))
            subject_id = seen.subject.subject_id
            truth = truths.at(t_ms, subject_id)
            kept.append(seen.window.features())
            row = (t_ms, subject_id, person, truth.action, truth.fall, truth.aggression)
            rows.append(row)
    x = np.stack(kept) if kept else np.zeros((0, CHANNELS, TICKS))
    return Windows(x.astype(np.float16), np.array(rows, ROW))


def teaches(rows: npt.NDArray[np.void], every_ticks: int) -> npt.NDArray[np.bool_]:
    """Which windows are worth learning from, shape (N,): those of falls and blows, and of the
    others that anything is said about those on every n-th tick of the grid."""
    happens = (rows["fall"] == 1) | (rows["aggression"] == 1)
    said = (rows["action"] >= 0) | (rows["fall"] >= 0) | (rows["aggression"] >= 0)
    return np.asarray(happens | said & (rows["t_ms"] // GRID_MS % every_ticks == 0))
