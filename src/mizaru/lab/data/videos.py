"""Real videos as `Sequence`: what crossed the wall while they were seen, with what is known.

Times that people marked (``labels/*_intervals.csv`` under the manifest's folder: columns path,
class, t0_s, t1_s) say when something happens. Without them the manifest's word for the clip
holds: for the whole of it, and of whoever is there (``Label.subject_id`` is None). Only a
fall's word is narrowed to when and whose poses come down (see `mizaru.lab.data.onset`); before it
that person stands, after it lies, as UP-Fall says of its falls.
"""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mizaru.edge.settings import Pace
from mizaru.errors import DataError
from mizaru.lab.data.manifest import Clip
from mizaru.lab.data.onset import greatest_descent
from mizaru.lab.data.recording import Recorder, Recording
from mizaru.lab.data.sequence import Label, Sequence
from mizaru.lab.data.skeletons.words import BEHAVIORS
from mizaru.vocabulary import Behavior

_WORDS: Final[Mapping[str, Behavior]] = MappingProxyType(
    {
        **BEHAVIORS,
        "fight": Behavior.STRIKE,
        # known to be none of what the vocabulary names
        "normal": Behavior.UNKNOWN,
        "jumping": Behavior.UNKNOWN,
    }
)
_SCENES: Final = frozenset({"counting", "face_video", "intrusion"})
"""Tasks whose words tell what a scene is like on the whole, not what somebody does."""
_LEAD_MS: Final = 300
"""Just before a fall neither standing nor falling is said."""
_SETTLE_MS: Final = 1000
"""This long after they are down, people lie."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of a clip that somebody marked: its class as spelt, seconds from the start."""

    word: str
    start_s: float
    end_s: float


def read_intervals(labels: Path) -> Mapping[str, tuple[Interval, ...]]:
    """The intervals of ``*_intervals.csv`` in a folder, by the paths of the clips; none without it.

    Raises:
        DataError: naming the file and line.
    """
    out: defaultdict[str, list[Interval]] = defaultdict(list)
    for file in sorted(labels.glob("*_intervals.csv")):
        try:
            with file.open(encoding="utf-8-sig", newline="") as stream:
                rows = csv.DictReader(stream)
                missing = {"path", "class", "t0_s", "t1_s"}.difference(rows.fieldnames or ())
                if missing:
                    raise DataError(f"{file}:1: the column {min(missing)!r} is missing")
                for row in rows:
                    interval = _interval(row, f"{file}:{rows.line_num}")
                    out[(row["path"] or "").strip()].append(interval)
        except OSError as error:
            raise DataError(f"{file}: cannot be read: {error.strerror or error}") from None
        except (UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"{file}: not a CSV file: {error}") from None
    return {path: tuple(intervals) for path, intervals in out.items()}


def _interval(row: dict[str, str | None], where: str) -> Interval:
    times = []
    for column in ("t0_s", "t1_s"):
        try:
            times.append(float(row[column] or ""))
        except ValueError:
            raise DataError(f"{where}: {column} must be a number, got {row[column]!r}") from None
    start, end = times
    if not (math.isfinite(end) and 0.0 <= start <= end):
        raise DataError(f"{where}: an interval must end after it begins, got {start} … {end} s")
    return Interval((row["class"] or "").strip(), start, end)


def load_video(
    clip: Clip, source: str, recorder: Recorder, pace: Pace, intervals: Iterable[Interval] = ()
) -> Sequence:
    """What crossed the wall while a clip was seen, with its labels.

    Args:
        source: name of the set.
        intervals: of this clip.

    Raises:
        DataError: the file cannot be read as a video.
        ModelError: a perception model is missing.
    """
    recording = recorder.record(clip.file, pace)
    observations = tuple(recording.observations(clip.camera or "camera-1"))
    end_ms = math.ceil(recording.duration_s * 1000) + 1
    marked = tuple(intervals)
    if marked:
        labels = tuple(_marked(marked))
    elif clip.task in _SCENES:
        labels = ()
    elif "fall" in clip.labels:
        labels = _fall(recording, end_ms)
    else:
        words = [_WORDS[word] for word in clip.labels if word in _WORDS]
        labels = tuple(Label(behavior, 0, end_ms) for behavior in dict.fromkeys(words))
    return Sequence(
        name=clip.path,
        source=source,
        licence=clip.licence,
        subject=clip.identity,
        room=clip.group,
        camera=clip.camera,
        split=clip.split,
        fps=clip.fps or _fps(recording),
        observations=observations,
        labels=labels,
    )


def _fps(recording: Recording) -> float:
    """Of a clip whose manifest does not say."""
    if recording.duration_s <= 0.0:
        return 1.0
    return max(1, recording.frames_in - 1) / recording.duration_s


def _marked(intervals: Iterable[Interval]) -> Iterator[Label]:
    """Words that the vocabulary lacks (reading, …) are left out: others may hold at the time."""
    for interval in intervals:
        behavior = Behavior.FALL if interval.word == "fall" else BEHAVIORS.get(interval.word)
        if behavior is not None:
            start, end = round(interval.start_s * 1000), round(interval.end_s * 1000)
            yield Label(behavior, start, end)


def _fall(recording: Recording, end_ms: int) -> tuple[Label, ...]:
    """Standing, the fall, lying, of the one who comes down: nothing is said of bystanders. Or
    only that there is a fall, where none is to be seen."""
    descent = greatest_descent(recording.observations())
    if descent is None:
        return (Label(Behavior.FALL, 0, end_ms),)
    start, impact = descent.start_ms, descent.end_ms
    settled = min(impact + _SETTLE_MS, end_ms)
    labels: list[Label] = []
    for who in descent.subject_ids:
        if start > _LEAD_MS:
            labels.append(Label(Behavior.STAND, 0, start - _LEAD_MS, who))
        labels.append(Label(Behavior.FALL, start, settled, who, impact_ms=impact))
        if settled < end_ms:
            labels.append(Label(Behavior.LIE, settled, end_ms, who))
    return tuple(labels)


def extract(
    clips: Iterable[Clip],
    recorder: Recorder,
    pace: Pace,
    on_progress: Callable[[int, int, Clip], None] = lambda done, total, clip: None,
) -> None:
    """Develop videos into the recorder's cache. Stopped half way, it goes on where it was.

    One at a time: perception uses the cores itself, and at the pace ``live`` a second one
    would be late frames for the first.

    Args:
        clips: rows of a manifest; those that are no videos are passed over.
        on_progress: told (done, of how many, clip) after each.

    Raises:
        DataError: some cannot be read; all others are done by then.
        ModelError: a perception model is missing.
    """
    videos = [clip for clip in clips if clip.kind == "video"]
    broken: list[DataError] = []
    for done, clip in enumerate(videos, start=1):
        try:
            recorder.record(clip.file, pace)
        except DataError as error:
            broken.append(error)
        on_progress(done, len(videos), clip)
    if broken:
        count = f"{len(broken)} of {len(videos)} videos cannot be used, the first: "
        raise DataError(f"{count}{broken[0]}")


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int, Clip], None]]:
    """An `extract` ``on_progress`` that draws on the terminal."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[clip]}"),
    ) as progress:
        task = progress.add_task(title, total=None, clip="")

        def show(done: int, total: int, clip: Clip) -> None:
            progress.update(task, completed=done, total=total, clip=clip.path)

        yield show
