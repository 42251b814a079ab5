"""Cost of the first recognizer with its incident engine, per observation.

``python -m benchmarks.recognize`` or as part of ``make bench``. Two people walk, sit and fall
in turns at 10 Hz in a camera with four zones; the budget is 200 cameras per core, 0.5 ms.
"""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime
from typing import Final

import numpy as np

from mizaru.cloud.incident import IncidentEngine
from mizaru.cloud.recognize import Observation, build_recognizer
from mizaru.cloud.settings import CloudCameraSettings, ZoneKind, ZoneSettings
from mizaru.proxy import body
from mizaru.vocabulary import Pose, SyncKey

BUDGET_CAMERAS_PER_CORE: Final = 200
RATE_HZ: Final = 10
OBSERVATIONS: Final = 6000

CORNERS: Final = ((0.1, 0.1), (0.5, 0.05), (0.9, 0.1), (0.95, 0.6), (0.5, 0.95), (0.05, 0.6))
ZONES: Final = tuple(
    ZoneSettings(name=f"zone {i}", kind=kind, polygon=CORNERS, hours="22:00-06:00")
    for i, kind in enumerate((ZoneKind.INTRUDE, ZoneKind.LOITER, ZoneKind.REST, ZoneKind.LOITER))
)


def standing() -> np.ndarray:
    """(17, 2) canonical joints of somebody who stands, metres, feet at the origin, y up."""
    hip = body.SHANK + body.THIGH
    shoulder = hip + body.TRUNK
    head = shoulder + body.NECK
    rows = [(0.0, head)] * 5
    for half, y in (
        (body.SHOULDERS / 2, shoulder),
        (body.SHOULDERS / 2, shoulder - body.UPPER_ARM),
        (body.SHOULDERS / 2, shoulder - body.UPPER_ARM - body.FOREARM),
        (body.HIPS / 2, hip),
        (body.HIPS / 2, body.SHANK),
        (body.HIPS / 2, 0.0),
    ):
        rows += [(half, y), (-half, y)]
    return np.array(rows)


def film(rng: np.random.Generator) -> list[Observation]:
    """Two people at 10 Hz who go to and fro and tip over every 20 s."""
    joints = standing()
    observations = []
    for n in range(OBSERVATIONS):
        poses = []
        for subject in (1, 2):
            t = n / RATE_HZ + 7.0 * subject
            tip = np.pi / 2 * np.clip((t % 20.0 - 12.0) / 0.7, 0.0, 1.0)
            turn = np.array([[np.cos(tip), -np.sin(tip)], [np.sin(tip), np.cos(tip)]])
            xy = joints @ turn.T * 0.3 + rng.normal(0, 0.003, joints.shape)
            u = 0.3 * subject + 0.1 * np.sin(t) + xy[:, 0] * 9 / 16
            columns = np.stack([u, 0.85 - xy[:, 1], np.ones(len(u))], axis=1)
            poses.append(Pose(subject, columns.astype(np.float32)))
        key = SyncKey("hall", n, 1_700_000_000_000 + 1000 // RATE_HZ * n)
        observations.append(Observation(key, tuple(poses), 16 / 9))
    return observations


def main() -> None:
    """Print milliseconds per observation and cameras per core."""
    observations = film(np.random.default_rng(0))
    ids = itertools.count()
    recognizer = build_recognizer(
        CloudCameraSettings(id="hall", zone=ZONES),
        local_time=lambda t_ms: datetime.fromtimestamp(t_ms / 1000, UTC),
    )
    engine = IncidentEngine("hall", new_id=lambda: str(next(ids)))
    each = []
    changes = 0
    for observation in observations:
        start = time.thread_time_ns()
        changes += len(engine.update(recognizer.observe(observation)))
        each.append((time.thread_time_ns() - start) / 1e6)
    mean, p95 = float(np.mean(each)), float(np.percentile(each, 95))
    cameras = 1000.0 / RATE_HZ / mean
    print(
        f"recognize + incident, 2 people, {len(ZONES)} zones: "
        f"{mean:.3f} ms per observation (p95 {p95:.3f}), "
        f"{cameras:.0f} cameras per core at {RATE_HZ} Hz "
        f"({cameras / BUDGET_CAMERAS_PER_CORE:.1f} × the budget); "
        f"{next(ids)} incidents, {changes} changes"
    )


if __name__ == "__main__":
    main()
