"""Cost of the recognizers with their incident engine, per observation and per person.

``python -m benchmarks.recognize [--weights DIR]`` or as part of ``make bench``. Two people walk
and fall in turns at 10 Hz in a camera with four zones. The budgets: 0.5 ms per observation for
the rules alone (200 cameras per core), and for the learned recognizer 3 ms per camera-second per
person, everything counted: roster, windows, the network at 5 Hz, scores, rules, incidents.
"""

from __future__ import annotations

import argparse
import itertools
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from mizaru.cloud.incident import IncidentEngine
from mizaru.cloud.recognize import Observation, Recognizer
from mizaru.cloud.recognize.features import CHANNELS, TICKS
from mizaru.cloud.recognize.learned import LearnedRecognizer
from mizaru.cloud.recognize.network import Model, load_model, shipped_model
from mizaru.cloud.recognize.rules import RuleRecognizer
from mizaru.cloud.settings import CloudCameraSettings, ZoneKind, ZoneSettings
from mizaru.proxy import body
from mizaru.vocabulary import Pose, SyncKey

BUDGET_MS_PER_PERSON_SECOND: Final = 3.0
PEOPLE: Final = 2
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
        for subject in range(1, PEOPLE + 1):
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


def utc(t_ms: int) -> datetime:
    """A cloud whose local time is UTC."""
    return datetime.fromtimestamp(t_ms / 1000, UTC)


def cost(recognizer: Recognizer, observations: list[Observation]) -> tuple[float, float, int]:
    """Mean and 95th percentile of CPU milliseconds per observation, and incidents."""
    ids = itertools.count()
    engine = IncidentEngine("hall", new_id=lambda: str(next(ids)))
    each = []
    for observation in observations:
        start = time.thread_time_ns()
        engine.update(recognizer.observe(observation))
        each.append((time.thread_time_ns() - start) / 1e6)
    return float(np.mean(each)), float(np.percentile(each, 95)), next(ids)


def network_cost(model: Model) -> float:
    """CPU milliseconds of one window, in batches as large as a picture's people."""
    windows = np.zeros((PEOPLE, CHANNELS, TICKS), np.float32)
    runs = 300
    start = time.thread_time_ns()
    for _ in range(runs):
        model.network(windows)
    return (time.thread_time_ns() - start) / 1e6 / runs / PEOPLE


def main() -> None:
    """Print milliseconds per observation and cameras per core."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--weights", type=Path, help="folder of weights; the shipped ones if absent"
    )
    folder = parser.parse_args().weights
    model = load_model(folder) if folder else shipped_model()
    camera = CloudCameraSettings(id="hall", zone=ZONES)
    recognizers: dict[str, Recognizer] = {
        "rules": RuleRecognizer(camera, local_time=utc),
        "learned": LearnedRecognizer(camera, local_time=utc, model=model),
    }
    observations = film(np.random.default_rng(0))
    for name, recognizer in recognizers.items():
        mean, p95, incidents = cost(recognizer, observations)
        person = mean * RATE_HZ / PEOPLE
        cameras = 1000.0 / RATE_HZ / mean
        print(
            f"{name} + incident, {PEOPLE} people, {len(ZONES)} zones: {mean:.3f} ms per "
            f"observation (p95 {p95:.3f}), {person:.2f} ms per camera-second per person "
            f"({person / BUDGET_MS_PER_PERSON_SECOND:.2f} of the budget), {cameras:.0f} cameras "
            f"of {PEOPLE} people per core at {RATE_HZ} Hz; {incidents} incidents"
        )
    print(f"  the network alone: {network_cost(model):.3f} ms per window")


if __name__ == "__main__":
    main()
