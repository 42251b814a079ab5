"""All clips together: figures with intervals, breakdowns, and their JSON."""

from __future__ import annotations

import hashlib
import importlib.metadata
import math
import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

import mizaru
from mizaru.edge.settings import Pace
from mizaru.lab.evaluate.judge import Judged
from mizaru.lab.evaluate.statistic import (
    LEAST_CLUSTERS,
    Estimate,
    auc,
    bootstrap,
    macro_f1,
    proportion,
    quantile,
    rate,
)
from mizaru.lab.evaluate.task import Task

LIBRARIES: Final = ("numpy", "ai-edge-litert", "onnxruntime", "opencv-python-headless", "av")
"""Those whose version may change a figure."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What is printed; None where a figure does not apply or has no data.

    Attributes:
        event_recall: share of the events that were alarmed.
        precision: share of the alarms that were about an event.
        false_alarms: how many.
        hours_without_event: time in which every alarm is false, hours.
        false_alarms_per_hour, false_alarms_per_camera_day: of that time.
        delay_p50_s, delay_p95_s: from marked onsets to the alarm, seconds.
        macro_f1: over clips; classes are the event and its absence, or behaviours.
        auc: clips with the event against those without, by their highest confidence.
        accuracy: share of clips decided right; of counts, share off by at most one person.
        mae: mean absolute error of counts, people.
    """

    event_recall: Estimate | None = None
    precision: Estimate | None = None
    false_alarms: int | None = None
    hours_without_event: float | None = None
    false_alarms_per_hour: Estimate | None = None
    false_alarms_per_camera_day: Estimate | None = None
    delay_p50_s: Estimate | None = None
    delay_p95_s: Estimate | None = None
    macro_f1: Estimate | None = None
    auc: Estimate | None = None
    accuracy: Estimate | None = None
    mae: Estimate | None = None


PLAIN: Final = frozenset({"false_alarms", "hours_without_event"})
"""Figures that are counted and have no interval."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a breakdown.

    Attributes:
        name: person, group, camera or label; "" where unknown.
        clips, hours: of it.
        figures: of these clips alone; intervals of proportions and rates only.
        events, hits: of it.
    """

    name: str
    clips: int
    hours: float
    events: int
    hits: int
    figures: Figures


@dataclass(frozen=True, slots=True)
class Setup:
    """What made the figures, so that somebody else gets the same.

    Attributes:
        task, pace, seed, split: as asked.
        manifest: name of the file, and its SHA-256.
        recognizer: version of its weights, or ``rules``.
        weights: SHA-256 of these, or None.
        perception: (file name, SHA-256) of the models that see.
        versions: (package, version).
        machine: processor and number of cores; at the pace ``live`` it decides what is dropped.
        cluster: what the bootstrap draws: identity, group or path.
        left_out: (why, how many) of rows of the task that are not judged.
    """

    task: Task
    pace: Pace
    seed: int
    split: str | None
    manifest: tuple[str, str]
    recognizer: str
    weights: str | None
    perception: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]
    machine: str
    cluster: str
    left_out: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The result of an evaluation.

    Attributes:
        clips: in the order of the manifest, broken ones too.
        breakdowns: column of the manifest → its rows, by name.
        confusion: (truth, decision) → clips.
    """

    setup: Setup
    figures: Figures
    clips: tuple[Judged, ...]
    breakdowns: dict[str, tuple[Row, ...]]
    confusion: dict[tuple[str, str], int]

    @property
    def judged(self) -> tuple[Judged, ...]:
        """The clips that could be read."""
        return tuple(clip for clip in self.clips if clip.error is None)

    @property
    def broken(self) -> tuple[Judged, ...]:
        """Those that could not."""
        return tuple(clip for clip in self.clips if clip.error is not None)


def cluster_of(clips: Iterable[Judged]) -> str:
    """What the bootstrap draws: persons, else groups, else single clips; see `LEAST_CLUSTERS`."""
    clips = list(clips)
    for column in ("identity", "group"):
        names = {getattr(clip, column) for clip in clips}
        if "" not in names and len(names) >= LEAST_CLUSTERS:
            return column
    return "path"


def summarise(task: Task, clips: Sequence[Judged], *, cluster: str, seed: int) -> Figures:
    """The figures of clips that could be read, in any order."""

    def interval(
        statistic: Callable[[Sequence[Judged]], float | None], of: Sequence[Judged] = clips
    ) -> Estimate | None:
        return bootstrap(
            of,
            statistic,
            cluster=lambda clip: getattr(clip, cluster),
            order=lambda clip: clip.path,
            seed=seed,
        )

    if task is Task.COUNT:
        return Figures(accuracy=interval(_near), mae=interval(_off))
    right = sum(clip.truth == clip.decision for clip in clips)
    accuracy, f1 = proportion(right, len(clips)), interval(_f1)
    if task is Task.ACTION:
        return Figures(accuracy=accuracy, macro_f1=f1)
    events, hits = sum(c.events for c in clips), sum(c.hits for c in clips)
    false, hours = sum(c.false_alarms for c in clips), _hours(c.event_free_s for c in clips)
    per_hour = rate(false, hours)
    timed = [clip for clip in clips if clip.delays_s]
    return Figures(
        event_recall=proportion(hits, events),
        precision=proportion(hits, hits + false),
        false_alarms=false,
        hours_without_event=hours,
        false_alarms_per_hour=per_hour,
        false_alarms_per_camera_day=per_hour.times(24.0) if per_hour else None,
        delay_p50_s=interval(lambda some: quantile(delays(some), 0.5), timed),
        delay_p95_s=interval(lambda some: quantile(delays(some), 0.95), timed),
        macro_f1=f1,
        auc=interval(_auc),
        accuracy=accuracy,
    )


def report(setup: Setup, clips: Sequence[Judged]) -> Report:
    """Put everything together."""
    judged = [clip for clip in clips if clip.error is None]
    confusion: dict[tuple[str, str], int] = {}
    if setup.task is not Task.COUNT:
        for truth, decision in sorted(_pairs(judged)):
            confusion[truth, decision] = confusion.get((truth, decision), 0) + 1
    return Report(
        setup,
        summarise(setup.task, judged, cluster=setup.cluster, seed=setup.seed),
        tuple(clips),
        {
            column: _rows(setup.task, judged, column)
            for column in ("identity", "group", "camera", "label")
        },
        confusion,
    )


def as_json(report: Report) -> dict[str, Any]:
    """The document that ``--json`` writes; every key is always there."""
    setup = report.setup
    return {
        "task": str(setup.task),
        **_flat(report.figures),
        "events": sum(clip.events for clip in report.judged),
        "hits": sum(clip.hits for clip in report.judged),
        "hours": _hours(clip.duration_s for clip in report.judged),
        "frames_in": sum(clip.frames_in for clip in report.judged),
        "frames_dropped": sum(clip.frames_dropped for clip in report.judged),
        "clips": [_clip(clip) for clip in report.clips],
        "confusion": [
            {"truth": truth, "decision": decision, "clips": count}
            for (truth, decision), count in report.confusion.items()
        ],
        **{
            f"by_{column}": [
                {
                    "name": row.name,
                    "clips": row.clips,
                    "hours": row.hours,
                    "events": row.events,
                    "hits": row.hits,
                    **_flat(row.figures),
                }
                for row in rows
            ]
            for column, rows in report.breakdowns.items()
        },
        "pace": str(setup.pace),
        "split": setup.split,
        "seed": setup.seed,
        "manifest": {"name": setup.manifest[0], "sha256": setup.manifest[1]},
        "recognizer": setup.recognizer,
        "weights_sha256": setup.weights,
        "perception": dict(setup.perception),
        "versions": dict(setup.versions),
        "machine": setup.machine,
        "cluster": setup.cluster,
        "left_out": [{"why": why, "rows": rows} for why, rows in setup.left_out],
    }


def sha256_of(file: Path) -> str:
    """64 hex digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def versions() -> tuple[tuple[str, str], ...]:
    """Mizaru, Python and the `LIBRARIES` that are here."""
    known = [("mizaru", mizaru.__version__), ("python", platform.python_version())]
    for name in LIBRARIES:
        try:
            known.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            continue
    return tuple(known)


def delays(clips: Iterable[Judged]) -> list[float]:
    """Of all hits whose onset was marked, seconds."""
    return [delay for clip in clips for delay in clip.delays_s]


def _rows(task: Task, clips: Sequence[Judged], column: str) -> tuple[Row, ...]:
    groups: dict[str, list[Judged]] = {}
    for clip in clips:
        groups.setdefault(getattr(clip, column), []).append(clip)
    return tuple(
        Row(
            name,
            len(some),
            _hours(clip.duration_s for clip in some),
            sum(clip.events for clip in some),
            sum(clip.hits for clip in some),
            _without_bootstrap(task, some),
        )
        for name, some in sorted(groups.items())
    )


def _without_bootstrap(task: Task, clips: Sequence[Judged]) -> Figures:
    """Within one person or room there is nothing to draw: a single cluster."""
    return summarise(task, [_in_one(clip) for clip in clips], cluster="group", seed=0)


def _in_one(clip: Judged) -> Judged:
    return replace(clip, group="")


def _flat(figures: Figures) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for field in fields(figures):
        value = getattr(figures, field.name)
        if field.name in PLAIN:
            out[field.name] = value
        else:
            out[field.name] = value.value if value else None
            out[f"{field.name}_low"] = value.low if value else None
            out[f"{field.name}_high"] = value.high if value else None
    return out


def _clip(clip: Judged) -> dict[str, Any]:
    out: dict[str, Any] = {
        "path": clip.path,
        "identity": clip.identity,
        "group": clip.group,
        "camera": clip.camera,
        "label": clip.label,
        "duration_s": clip.duration_s,
        "truth": clip.truth,
        "decision": clip.decision,
        "score": clip.score,
        "delay_s": clip.delays_s[0] if clip.delays_s else None,
        "events": clip.events,
        "hits": clip.hits,
        "false_alarms": clip.false_alarms,
        "event_free_s": clip.event_free_s,
        "mae": clip.off,
        "frames_in": clip.frames_in,
        "frames_dropped": clip.frames_dropped,
    }
    if clip.error is not None:
        out["error"] = clip.error
    return out


def _pairs(clips: Iterable[Judged]) -> list[tuple[str, str]]:
    return [(str(clip.truth), str(clip.decision)) for clip in clips]


def _f1(clips: Sequence[Judged]) -> float | None:
    return macro_f1(_pairs(clips))


def _auc(clips: Sequence[Judged]) -> float | None:
    return auc([clip.score or 0.0 for clip in clips], [clip.events > 0 for clip in clips])


def _off(clips: Sequence[Judged]) -> float | None:
    return _mean([clip.off for clip in clips if clip.off is not None])


def _near(clips: Sequence[Judged]) -> float | None:
    return _mean([clip.near for clip in clips if clip.near is not None])


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _hours(seconds: Iterable[float]) -> float:
    return math.fsum(seconds) / 3600.0
