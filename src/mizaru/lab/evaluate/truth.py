"""What really happens in a clip: its manifest row, and the tables of times beside the manifest.

``labels/*_intervals.csv`` (columns path, class, t0_s, t1_s) says when events begin and end,
``labels/*_counts.csv`` (columns path, t_s, count) how many people there are from second to
second. Both are searched in the folder ``labels`` under the root and beside the manifest.
"""

from __future__ import annotations

import csv
import fnmatch
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mizaru.errors import DataError
from mizaru.lab.data.manifest import Clip, read_manifest
from mizaru.lab.data.videos import read_intervals
from mizaru.lab.evaluate.task import Task, behavior_of

COLUMNS: Final = ("kind", "task", "label", "identity", "group", "camera", "split", "licence")
"""What rows may be chosen by."""

_COUNT: Final = re.compile(r"(\d+)(?:\s*[-–]\s*(\d+))?")


@dataclass(frozen=True, slots=True)
class Span:
    """An event in a clip.

    Attributes:
        onset_s, end_s: seconds from the clip's beginning; None where nobody marked them.
    """

    onset_s: float | None = None
    end_s: float | None = None

    def __post_init__(self) -> None:
        if (self.onset_s is None) is not (self.end_s is None):
            raise ValueError("an event has both times or none")
        if self.onset_s is not None and self.end_s is not None and self.end_s < self.onset_s:
            raise ValueError(f"an event must end after {self.onset_s} s, got {self.end_s} s")


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows that a task is judged on.

    Attributes:
        clips: in the manifest's order.
        left_out: (why, how many) of rows of the task that are not judged.
    """

    clips: tuple[Clip, ...]
    left_out: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Marks:
    """Times that people marked, by the path of a clip.

    Attributes:
        spans: (class, begin, end) in seconds.
        counts: (second, people).
    """

    spans: Mapping[str, Sequence[tuple[str, float, float]]] = field(default_factory=dict)
    counts: Mapping[str, Sequence[tuple[float, int]]] = field(default_factory=dict)


def select(
    manifest: Path,
    root: Path | None,
    task: Task,
    *,
    split: str | None = None,
    where: Sequence[tuple[str, str]] = (),
    kind: str | None = None,
    all_negatives: bool = False,
) -> Selection:
    """Read a manifest and take the rows of a task.

    Args:
        root: folder that paths are relative to; the manifest's own if None.
        split: only rows of this split.
        where: (column, pattern) that rows must match, with ``*`` and ``?``.
        kind: ``video``, ``skeleton`` or ``all``; None: videos, or skeletons where there are no
            videos. Skeleton files often hold the same people as videos do.
        all_negatives: take videos of other tasks too, as footage without the event.

    Raises:
        DataError: what is wrong with the manifest, or which rows there are instead.
    """
    for column, _ in where:
        if column not in COLUMNS:
            raise DataError(f"--where {column}: no such column; choose from {', '.join(COLUMNS)}")
    rows = [clip for clip in read_manifest(manifest, root) if clip.kind != "label"]
    if not rows:
        raise DataError(f"{manifest}: no rows; is this the right file?")
    asked = [clip for clip in rows if clip.task in task.rows]
    if not asked:
        raise DataError(f"{manifest}: no rows of task {task}; it has {_known(rows, 'task')}")
    if all_negatives and task.event is not None:
        event = task.event
        asked = [
            clip
            for clip in rows
            if clip.task in task.rows
            or (clip.kind == "video" and not event.labels.intersection(clip.labels))
        ]
    if split is not None:
        splits = _known(asked, "split")
        asked = [clip for clip in asked if clip.split == split]
        if not asked:
            raise DataError(f"{manifest}: no {task} rows of split {split!r}; there are {splits}")
    for column, pattern in where:
        known = _known(asked, column)
        asked = [c for c in asked if fnmatch.fnmatchcase(str(getattr(c, column)), pattern)]
        if not asked:
            raise DataError(f"{manifest}: no row has {column}={pattern}; there are {known}")
    moving = {"video", "skeleton"}
    wanted = moving if kind == "all" else {kind} if kind else moving
    if kind is None and any(clip.kind == "video" for clip in asked):
        wanted = {"video"}
    kept = tuple(clip for clip in asked if clip.kind in wanted)
    if not kept:
        raise DataError(
            f"{manifest}: no {task} rows of kind {' or '.join(sorted(wanted))}; "
            f"there are {_known(asked, 'kind')}"
        )
    left = Counter(clip.kind for clip in asked if clip.kind not in wanted)
    return Selection(
        kept, tuple((f"kind {name} is not judged here", n) for name, n in sorted(left.items()))
    )


def read_marks(folders: Iterable[Path]) -> Marks:
    """Every ``*_intervals.csv`` and ``*_counts.csv`` in these folders; a folder may be absent.

    Raises:
        DataError: naming the file and line that cannot be used.
    """
    spans: dict[str, list[tuple[str, float, float]]] = {}
    counts: dict[str, list[tuple[float, int]]] = {}
    for folder in dict.fromkeys(folder.resolve() for folder in folders):
        for path, intervals in read_intervals(folder).items():
            spans.setdefault(path, []).extend((i.word, i.start_s, i.end_s) for i in intervals)
        for file in sorted(folder.glob("*_counts.csv")):
            for path, (t_s, count) in _rows(file, ("t_s", "count")):
                at = (_number(t_s, file), round(_number(count, file)))
                counts.setdefault(path, []).append(at)
    return Marks(spans, counts)


def events(clip: Clip, task: Task, marks: Marks) -> tuple[Span, ...]:
    """When the task's event happens in a clip; () if it does not.

    Marked times count where there are some. A label without times is one event at an unknown
    time.
    """
    event = task.event
    if event is None:
        return ()
    marked = {
        (begin, end) for name, begin, end in marks.spans.get(clip.path, ()) if name in event.labels
    }
    if marked:
        return tuple(Span(begin, end) for begin, end in sorted(marked))
    return (Span(),) if event.labels.intersection(clip.labels) else ()


def people(clip: Clip) -> tuple[int, int] | None:
    """(least, most) people that a row's own words count, e.g. ``count 4, seated``."""
    match = _COUNT.search(clip.label_raw)
    if match is None:
        return None
    least = int(match[1])
    return least, max(least, int(match[2] or least))


def action(clip: Clip) -> str | None:
    """The one behaviour that a row's label means; None if several or none of the vocabulary."""
    known = {behavior_of(label) for label in clip.labels}
    (behavior, *others) = known
    return None if others or behavior is None else str(behavior)


def _known(clips: Sequence[Clip], column: str) -> str:
    counts = Counter(str(getattr(clip, column)) or "(empty)" for clip in clips)
    shown = [f"{name} ({count})" for name, count in counts.most_common(12)]
    return ", ".join(shown) + (", …" if len(counts) > 12 else "")


def _rows(file: Path, columns: tuple[str, ...]) -> Iterable[tuple[str, tuple[str, ...]]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            for column in ("path", *columns):
                if column not in (reader.fieldnames or ()):
                    raise DataError(f"{file}:1: the column {column!r} is missing")
            for row in reader:
                yield row["path"] or "", tuple(row[column] or "" for column in columns)
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file}: not a CSV file: {error}") from None


def _number(text: str, file: Path) -> float:
    try:
        return float(text)
    except ValueError:
        raise DataError(f"{file}: {text!r} is not a number; mend it") from None
