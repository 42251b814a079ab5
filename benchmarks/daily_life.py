"""False alarms of a simulated day: nobody falls, strikes or smokes in it.

A ward and changing room at work and at rest: kneeling, tying shoes, lying down on beds, children
and wheelchairs among it (`mizaru.lab.sim.daily`), seen from drawn cameras with
the flaws of our perception, through the product's recognizer and incident engine. Beds and sofas
are rest zones, as an operator would have drawn them.

    python -m benchmarks.daily_life [--hours 24] [--begin 7] [--seed 2026]

Episodes that are done stay done (``.bench/daily``): stop it and go on as you like. The seed is
not one that any training has drawn from.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
from rich.progress import Progress

from benchmarks.clips import CACHE
from mizaru.cloud.incident import ChangeKind, IncidentEngine
from mizaru.cloud.recognize import build_recognizer
from mizaru.cloud.recognize.network import CARD_NAME, WEIGHTS
from mizaru.cloud.settings import CloudCameraSettings
from mizaru.lab.motion import Motion
from mizaru.lab.seeing import Eye, look
from mizaru.lab.sim.daily import daily_life
from mizaru.lab.train.rest import rest_zones


class Alarm(msgspec.Struct, frozen=True):
    """One incident of an episode: by its nature false."""

    behavior: str
    opened_s: float
    confidence: float
    reason: str
    doing: tuple[str, ...]


class Episode(msgspec.Struct, frozen=True):
    """What a stretch of the day gave."""

    name: str
    seconds: float
    seen_s: float
    alarms: tuple[Alarm, ...]


def judge(motion: Motion, rng: np.random.Generator) -> Episode:
    """One stretch through recognizer and incident engine."""
    eye = Eye.draw(rng, motion)
    sequence = look(motion, rng=rng, eye=eye)
    camera = CloudCameraSettings(id="camera-1", zone=rest_zones(motion, eye))
    recognizer = build_recognizer(
        camera, local_time=lambda t_ms: datetime.fromtimestamp(t_ms / 1000, UTC)
    )
    numbers = itertools.count()
    engine = IncidentEngine("camera-1", new_id=lambda: f"i{next(numbers)}")
    alarms = []
    for observation in sequence.observations:
        for change in engine.update(recognizer.observe(observation)):
            if change.kind is ChangeKind.OPENED:
                t_s = observation.key.t_ms / 1000
                frame = min(int(t_s * motion.fps), len(motion.behaviors) - 1)
                doing = tuple(map(str, motion.behaviors[frame]))
                incident = change.incident
                alarms.append(
                    Alarm(incident.behavior, t_s, incident.confidence, incident.reason, doing)
                )
    seen = sum(bool(o.poses) for o in sequence.observations) / 10
    return Episode(motion.name, motion.seconds, seen, tuple(alarms))


def episodes(folder: Path, hours: float, begin: float, seed: int) -> Iterator[Episode]:
    """Those of a day, from disk where they are done."""
    folder.mkdir(parents=True, exist_ok=True)
    decoder = msgspec.json.Decoder(Episode)
    with Progress() as progress:
        task = progress.add_task("living", total=hours * 3600)
        for number, motion in enumerate(
            daily_life(np.random.default_rng(seed), hours, begin=begin)
        ):
            file = folder / f"{number:05}.json"
            if file.exists():
                episode = decoder.decode(file.read_bytes())
            else:
                episode = judge(motion, np.random.default_rng((seed, number)))
                part = file.with_suffix(".part")
                part.write_bytes(msgspec.json.encode(episode))
                part.replace(file)
            progress.advance(task, episode.seconds)
            yield episode


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--begin", type=float, default=7.0, help="hour of the clock")
    parser.add_argument("--seed", type=int, default=2026)
    arguments = parser.parse_args()
    # The card, since thresholds change without the network.
    version = hashlib.sha256((WEIGHTS / CARD_NAME).read_bytes()).hexdigest()[:12]
    folder = (
        CACHE / "daily" / f"{version}-{arguments.seed}-{arguments.begin:g}+{arguments.hours:g}h"
    )
    seconds = seen = 0.0
    alarms: Counter[str] = Counter()
    for episode in episodes(folder, arguments.hours, arguments.begin, arguments.seed):
        seconds += episode.seconds
        seen += episode.seen_s
        for alarm in episode.alarms:
            alarms[alarm.behavior] += 1
            print(
                f"{alarm.behavior} {alarm.confidence:.2f} at {alarm.opened_s:.1f} s "
                f"of {episode.name} while {', '.join(alarm.doing)}: {alarm.reason}"
            )
    print(f"recognizer {version}: {seconds / 3600:.2f} h, somebody seen in {seen / 3600:.2f} h")
    for behavior, count in alarms.most_common():
        print(f"  {behavior}: {count} alarms, {count * 86400 / seconds:.2f} per camera-day")
    if not alarms:
        print("  no alarm of any kind")


if __name__ == "__main__":
    main()
