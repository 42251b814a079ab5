"""How many cameras one core of the cloud serves: ``python -m benchmarks.cloud_ingest``.

Takes segments as they come off the wire through session, recognition, store and the making of
result lines, and divides camera time by CPU time. Sockets are left out; everything runs in
this one process, so CPU time is what one core has to give. Target: ≥ 200 cameras per core.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from mizaru.cloud.main import new_incident_id
from mizaru.cloud.moment import Moment
from mizaru.cloud.pipeline import Pipeline, Recognition
from mizaru.cloud.store import NewSegment, Store
from mizaru.vocabulary import COCO17, Pose
from mizaru.wire.codec import encode, pack_pose
from mizaru.wire.messages import (
    GENESIS,
    PROTOCOL_VERSION,
    ChannelRecord,
    Cursor,
    Embedding,
    Hello,
    Offer,
    Representation,
    Segment,
)
from mizaru.wire.messages import chain_digest as digest
from mizaru.wire.session import CloudSession, SegmentReceived

CAMERAS = 64
SECONDS = 20
START_MS = 1_760_000_000_000
TARGET = 200
CHANNEL = ChannelRecord(8, 1000, 350, 50, 3000, b"none")


@dataclass(frozen=True)
class Figures:
    """One measurement.

    Attributes:
        cameras_per_core: camera seconds per CPU second.
        segments_per_s: per wall clock second, with the disk's flushes.
        cpu_us: per representation.
        batch_ms: median wall clock time from a batch's arrival until it may be acknowledged.
    """

    people: int
    cameras_per_core: float
    segments_per_s: float
    cpu_us: float
    batch_ms: float


def measure(
    people: int, folder: Path, *, cameras: int = CAMERAS, seconds: int = SECONDS
) -> Figures:
    """Serve cameras with so many people walking in each."""
    feeds = [list(_segments(f"camera-{n}", people, seconds, n)) for n in range(cameras)]
    session = CloudSession()
    names = [f"camera-{n}" for n in range(cameras)]
    offers = tuple(Offer(name, b"stream-1", 1, len(feeds[0])) for name in names)
    session.receive(encode(Hello(PROTOCOL_VERSION, bytes(16), offers)))
    session.welcome(Cursor(name, b"stream-1", 0, GENESIS) for name in names)
    recognition = Recognition.of_this_release(
        local_time=lambda t_ms: datetime.fromtimestamp(t_ms / 1000, UTC), new_id=new_incident_id
    )
    store = Store(folder / f"bench-{people}.sqlite")
    pipeline = Pipeline(store, {}, recognition)
    characters, took = 0, []
    cpu, wall = time.process_time(), time.perf_counter()
    for tick in zip(*feeds, strict=True):
        began = time.perf_counter()
        arrivals = []
        for data in tick:
            for event in session.receive(data):
                assert isinstance(event, SegmentReceived)
                arrivals.append(NewSegment(event.segment, data, event.digest, START_MS))
        said = pipeline.process(arrivals)
        took.append(time.perf_counter() - began)
        moments = [event for event in said if isinstance(event, Moment)]
        characters += sum(len(moment.result().model_dump_json()) for moment in moments)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    store.close()
    count = cameras * len(feeds[0])
    return Figures(
        people=people,
        cameras_per_core=cameras * seconds / cpu,
        segments_per_s=count / wall,
        cpu_us=cpu / (count * 5) * 1e6,
        batch_ms=float(np.median(took)) * 1000,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--profile", action="store_true", help="say where the time goes")
    arguments = parser.parse_args()
    table = Table(title=f"cloud, {CAMERAS} cameras, one process (target ≥ {TARGET} per core)")
    for column in ("people", "cameras per core", "segments/s", "CPU µs/frame", "batch ms"):
        table.add_column(column, justify="right")
    figures = []
    with tempfile.TemporaryDirectory() as folder, _profiled(arguments.profile):
        for people in (0, 1, 2, 4):
            one = measure(people, Path(folder))
            figures.append(asdict(one))
            table.add_row(
                str(people),
                f"{one.cameras_per_core:.0f}",
                f"{one.segments_per_s:.0f}",
                f"{one.cpu_us:.0f}",
                f"{one.batch_ms:.0f}",
            )
    Console().print(table)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


def _segments(camera: str, people: int, seconds: int, seed: int) -> Iterator[bytes]:
    """Encoded, chained segments of people who walk to and fro, swinging their limbs, with z."""
    rng = np.random.default_rng(seed)
    height = np.linspace(-0.5, 0.5, len(COCO17.keypoints))
    phase = rng.uniform(0, 2 * np.pi, people)
    previous = GENESIS
    z = Embedding(25, bytes(8)) if people else None
    for number in range(1, seconds * 2 + 1):
        representations = []
        for step in range(5):
            frame = (number - 1) * 5 + step
            records = []
            for person in range(people):
                keypoints = np.ones((len(COCO17.keypoints), 3), np.float32)
                swing = 0.02 * np.sin(frame * 0.7 + np.arange(len(height)))
                keypoints[:, 0] = 0.5 + 0.3 * np.sin(frame / 40 + phase[person]) + swing
                keypoints[:, 1] = 0.6 + 0.5 * height
                records.append(pack_pose(Pose(person + 1, keypoints)))
            representations.append(
                Representation(frame * 3, START_MS + frame * 100, b"", tuple(records), z)
            )
        data = encode(
            Segment(
                camera, b"stream-1", number, previous, 640, 360,
                START_MS + number * 500, tuple(representations), None, CHANNEL,
            )
        )  # fmt: skip
        previous = digest(data)
        yield data


@contextmanager
def _profiled(wanted: bool) -> Iterator[None]:
    if not wanted:
        yield
        return
    with cProfile.Profile() as profile:
        yield
    pstats.Stats(profile).sort_stats("cumulative").print_stats(35)


if __name__ == "__main__":
    main()
