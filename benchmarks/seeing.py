"""How far `mizaru.lab.seeing` is from our perception, on the same scenes through the same camera.

``python -m benchmarks.seeing`` renders scenes of the sim, lets the real perception watch them,
looks at the same motion with `mizaru.lab.seeing`, and sets the errors of both beside each other.
What perception saw is kept in ``--cache``; delete it when perception has changed. The defaults of
`mizaru.lab.seeing.Flaws` were set by this table.

``python -m benchmarks.seeing --manifest ../shared/data/MANIFEST.csv --sets upfall gmdcsa24`` sets
what crossed the wall of recorded real clips beside scenes of the sim that were looked at: nobody
knows the truth of the clips, so it compares how fast joints move, how sure they are, how sizes
change and how often people are lost. Nothing is set by this table but what no rendered scene can
show (misses, breaks, where cameras hang).
"""

from __future__ import annotations

import argparse
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.optimize import linear_sum_assignment

from mizaru.cloud.recognize.body import Body, measure
from mizaru.cloud.recognize.finding import Observation
from mizaru.edge.darkroom.frame import Frame
from mizaru.edge.darkroom.perceive import build_perceiver
from mizaru.edge.darkroom.perceive.perception import Person
from mizaru.edge.settings import CameraSettings, Pace
from mizaru.lab.data.manifest import read_manifest
from mizaru.lab.data.recording import Recorder
from mizaru.lab.motion import Motion
from mizaru.lab.seeing import DEFAULT, Eye, look
from mizaru.lab.seeing.disturb import disturb
from mizaru.lab.seeing.follow import Follower
from mizaru.lab.seeing.view import View, watch
from mizaru.lab.sim import render
from mizaru.lab.sim.motion import perform
from mizaru.lab.sim.repertoire import scenes
from mizaru.lab.sim.scenario import Camera, Scenario
from mizaru.lab.sim.truth import FrameTruth
from mizaru.vocabulary import BLAZEPOSE33, COCO17_FROM_BLAZEPOSE33, Behavior, Pose
from mizaru.wire.messages import GRID_MS

FPS: Final = 12.0
SIZE: Final = (640, 480)
SECONDS: Final = 26.0
KINDS: Final = ("fall", "low", "push", "bullying", "seats", "hands", "walking")
_FAR_M: Final = 0.6
"""A skeleton that is farther than this from everybody, on average, is of nobody."""
_BODY: Final = slice(5, 17)
_DOWN_DEG: Final = 55.0
_IS_BODY: Final = np.arange(17) >= 5
_SWAPPED: Final = np.array((0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15))
Array = npt.NDArray[np.float64]


class Found(msgspec.Struct, frozen=True):
    """A confirmed skeleton: `points` 17 × (x, y, ρ), `world` 17 × 3."""

    subject_id: int
    lost: int
    points: list[list[float]]
    world: list[list[float]]


class Watched(msgspec.Struct, frozen=True):
    """A rendered scene and what perception said of each frame."""

    scenario: Scenario
    truth: list[FrameTruth]
    found: list[list[Found]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a scene's camera hangs, in shares of the room, metres high."""

    x: float
    y: float
    z: float
    fov: float


PLACES: Final = (
    Place(0.03, 0.5, 1.7, 55), Place(0.5, 0.03, 1.3, 60), Place(0.04, 0.04, 2.5, 70),
    Place(0.96, 0.5, 2.1, 60), Place(0.5, 0.35, 2.55, 95),
)  # fmt: skip


def choose(count: int, seed: int) -> Iterator[Scenario]:
    """Scenes of the repertoire, falls first among equals, each before another camera."""
    left = dict.fromkeys(KINDS, 0)
    wanted = {kind: max(1, count // 10) for kind in KINDS} | {"fall": count // 2}
    chosen = 0
    for scenario in scenes(np.random.default_rng(seed)):
        kind = next((k for k in KINDS if scenario.title.startswith(k)), None)
        if kind is None or left[kind] >= wanted[kind]:
            continue
        left[kind] += 1
        place = PLACES[chosen % len(PLACES)]
        width, depth, _ = scenario.room.size
        yield msgspec.structs.replace(
            scenario,
            duration=min(scenario.duration, SECONDS),
            camera=(
                Camera(
                    name="eye",
                    position=(place.x * width, place.y * depth, place.z),
                    look_at=(width / 2, depth / 2, 0.8 if place.fov < 90 else 0.0),
                    fov=place.fov,
                    noise=2.0,
                ),
            ),
        )
        chosen += 1
        if chosen >= count or all(left[k] >= wanted[k] for k in KINDS):
            return


def perceive(scenario: Scenario, models: Path) -> Watched:
    """Render a scene and let the real perception watch it."""
    camera = CameraSettings(id="bench", source="bench.mp4", pace=Pace.FAST)
    perceiver = build_perceiver(
        camera.perceive, models, rng=np.random.default_rng(0), clock=lambda: 0.0
    )
    truth: list[FrameTruth] = []
    found: list[list[Found]] = []
    for number, (picture, said) in enumerate(render(scenario, fps=FPS, size_wh=SIZE)):
        truth.append(msgspec.structs.replace(said, mask=None))
        seen = perceiver.perceive(Frame(number, round(number * 1000 / FPS), 0, picture))
        found.append([_found(person) for person in seen.persons])
    return Watched(scenario, truth, found)


def _found(person: Person) -> Found:
    rows = list(COCO17_FROM_BLAZEPOSE33) if person.topology is BLAZEPOSE33 else list(range(17))
    world = np.zeros((len(person.keypoints), 3)) if person.world is None else person.world
    return Found(
        person.subject_id,
        person.lost_frames,
        person.keypoints[rows].astype(float).tolist(),
        world[rows].astype(float).tolist(),
    )


def motion_of(watched: Watched) -> Motion:
    """The truth as a motion; NaN for who is not in view."""
    people = watched.truth[0].subjects
    joints = np.array([[s.joints for s in each.subjects] for each in watched.truth], np.float32)
    away = np.array([[not s.in_view for s in each.subjects] for each in watched.truth])
    joints[away] = np.nan
    words = np.full(away.shape, Behavior.UNKNOWN, dtype=object)
    return Motion(
        watched.scenario.title, "sim", "", FPS, joints, words, (), tuple(p.name for p in people)
    )


def eye_of(camera: Camera, size_wh: tuple[int, int]) -> Eye:
    """A scenario's camera; MuJoCo's field of view is the vertical one."""
    aspect = size_wh[0] / size_wh[1]
    fov = 2 * math.degrees(math.atan(aspect * math.tan(math.radians(camera.fov) / 2)))
    return Eye.at(camera.position, camera.look_at, fov_deg=fov, aspect=aspect, height_px=size_wh[1])


class Errors:
    """Errors by posture, gathered frame by frame."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self.seconds: dict[str, float] = defaultdict(float)

    def gather(self, view: View, found: Iterable[list[Found]]) -> None:
        """Add a scene."""
        people = view.known.shape[1]
        ids = [0] * people
        seen_before = [False] * people
        before: list[Array | None] = [None] * people
        for frame, persons in enumerate(found):
            there = [p for p in range(people) if _there(view, frame, p)]
            matches = _match(view, frame, there, persons)
            fresh = sum(not person.lost for person in persons)
            self.rows["all"]["nobody"].append(fresh - len(matches))
            for who in there:
                kind = _kind(view, frame, who)
                self.seconds[kind] += 1 / FPS
                row = self.rows[kind]
                match = matches.get(who)
                row["seen"].append(match is not None)
                row["gaps"].append(seen_before[who] and match is None)
                seen_before[who] = match is not None
                if match is None:
                    before[who] = None
                    continue
                row["breaks"].append(ids[who] not in (0, match.subject_id))
                ids[who] = match.subject_id
                before[who] = self._joints(view, frame, who, match, before[who], row)

    @staticmethod
    def _joints(
        view: View,
        frame: int,
        who: int,
        found: Found,
        before: Array | None,
        row: dict[str, list[float]],
    ) -> Array:
        points, world = np.array(found.points), np.array(found.world)
        scale = view.scale[frame, who]
        off = (points[:, :2] - view.xy[frame, who]) / scale
        length = np.linalg.norm(off, axis=1)
        hidden, outside = view.hidden[frame, who], view.outside[frame, who]
        clear = ~hidden & view.known[frame, who]
        clear[:5] = False
        row["across"] += length[clear].tolist()
        row["behind"] += length[hidden & ~outside & _IS_BODY].tolist()
        row["cut"] += length[outside & _IS_BODY].tolist()
        if before is not None:
            row["step"] += np.linalg.norm(off - before, axis=1)[clear].tolist()
        truth = view.xyz[frame, who]
        deep = (world[:, 2] - world[_BODY, 2].mean()) - (truth[:, 2] - truth[_BODY, 2].mean())
        row["deep"] += np.abs(deep[clear]).tolist()
        row["rho clear"] += points[clear, 2].tolist()
        for name, where in (
            ("behind self", view.behind_self & ~view.behind_other),
            ("behind other", view.behind_other),
            ("outside", view.outside),
        ):
            there = where[frame, who] & (outside if name == "outside" else ~outside)
            row[f"rho {name}"] += points[there, 2].tolist()
        swapped = np.linalg.norm(points[_SWAPPED, :2] - view.xy[frame, who], axis=1) / scale
        row["whole"].append(float(np.median(length[_BODY])))
        row["flipped"].append(swapped[_BODY].mean() < 0.7 * length[_BODY].mean())
        spread = [float(np.std(a[_BODY, :2], axis=0).sum()) for a in (points, world)]
        size = spread[0] / max(spread[1], 1e-6) * 1.70 / (scale * view.stature[who])
        row["size"].append(math.log(max(size, 1e-3)))
        return np.asarray(off)


def _there(view: View, frame: int, who: int) -> bool:
    inside = view.known[frame, who] & ~view.outside[frame, who]
    return bool(inside[_BODY].sum() >= 6)


def _kind(view: View, frame: int, who: int) -> str:
    if view.falling[frame, who] > 0.2:
        return "falling"
    if view.lying[frame, who] > 0.5:
        return "lying, short" if view.short[frame, who] > 0.4 else "lying"
    small = view.scale[frame, who] * view.stature[who]
    if view.short[frame, who] > 0.4:
        return "short"
    return "upright" if small > 0.25 * SIZE[1] else "far"


def _match(view: View, frame: int, there: list[int], persons: list[Found]) -> dict[int, Found]:
    fresh = [person for person in persons if not person.lost]
    if not there or not fresh:
        return {}
    cost = np.zeros((len(there), len(fresh)))
    for i, who in enumerate(there):
        for j, person in enumerate(fresh):
            off = np.array(person.points)[_BODY, :2] - view.xy[frame, who, _BODY]
            cost[i, j] = np.nanmedian(np.linalg.norm(off, axis=1)) / view.scale[frame, who]
    rows, columns = linear_sum_assignment(cost)
    return {there[i]: fresh[j] for i, j in zip(rows, columns, strict=True) if cost[i, j] < _FAR_M}


def synthetic(view: View, eye: Eye, rng: np.random.Generator) -> Iterator[list[Found]]:
    """What `mizaru.lab.seeing` makes of the same view."""
    flaws = DEFAULT.drawn(rng)
    glimpses = disturb(view, eye.height_px, flaws, rng)
    for _, sightings in Follower(view, glimpses, eye.resolution_wh, flaws, rng):
        yield [_found(each.seen) for each in sightings]


Figure = Callable[[Errors, str], str]


def tell(console: Console, real: Errors, made: Errors) -> None:
    """Real / synthetic, by posture."""
    kinds = ("upright", "far", "short", "falling", "lying", "lying, short")
    table = Table(title="perception / lab.seeing, on the same scenes")
    table.add_column("")
    for kind in kinds:
        table.add_column(f"{kind} ({real.seconds[kind]:.0f} s)", justify="right")

    def line(name: str, figure: Figure) -> None:
        cells = [f"{figure(real, kind)} / {figure(made, kind)}" for kind in kinds]
        table.add_row(name, *cells)

    def share(key: str, low: float = 0.5) -> Figure:
        return lambda errors, kind: _percent(np.array(errors.rows[kind][key]) > low)

    def centimetres(key: str, rank: float) -> Figure:
        return lambda errors, kind: _quantile(errors.rows[kind][key], rank, 100)

    def rate(key: str) -> Figure:
        return lambda errors, kind: _per_minute(errors, kind, key)

    line("seen, %", share("seen"))
    line("gaps per minute", rate("gaps"))
    line("new ids per minute", rate("breaks"))
    for key, text in (
        ("across", "error"),
        ("whole", "a figure's error"),
        ("behind", "error, behind something"),
        ("cut", "error, outside"),
        ("step", "step of error"),
        ("deep", "error in depth"),
    ):
        line(f"{text}, cm, median", centimetres(key, 0.5))
        line(f"{text}, cm, p90", centimetres(key, 0.9))
    for key in ("clear", "behind self", "behind other", "outside"):
        line(f"ρ of {key} ≥ 5/6, %", share(f"rho {key}", 5 / 6))
        line(f"ρ of {key} ≥ 1/2, %", share(f"rho {key}"))
        line(f"ρ of {key} ≥ 1/6, %", share(f"rho {key}", 1 / 6))
    line("left for right, %", share("flipped"))
    line("size, median of log, %", centimetres("size", 0.5))
    line("size, spread (p84 - p16) / 2, %", _spread)
    console.print(table)
    for name, errors in (("perception", real), ("lab.seeing", made)):
        console.print(f"{name}: {np.mean(errors.rows['all']['nobody']):.3f} of nobody per frame")


def _per_minute(errors: Errors, kind: str, key: str) -> str:
    return f"{sum(errors.rows[kind][key]) / max(errors.seconds[kind], 1e-9) * 60:.1f}"


def _spread(errors: Errors, kind: str) -> str:
    values = errors.rows[kind]["size"]
    if not values:
        return "–"
    low, high = np.quantile(values, (0.16, 0.84))
    return f"{(high - low) * 50:.0f}"


def _percent(values: npt.NDArray[np.bool_]) -> str:
    return f"{100 * values.mean():.0f}" if len(values) else "–"


def _quantile(values: list[float], rank: float, factor: float) -> str:
    good = np.array(values)[np.isfinite(values)] if values else np.array([])
    return f"{factor * np.quantile(good, rank):.1f}" if len(good) else "–"


class Tracks:
    """How poses move from tick to tick, by whether the trunk is upright or down."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self.ids = 0

    def gather(self, observations: Iterable[Observation]) -> None:
        """Add a clip."""
        last: dict[int, tuple[Body, Pose]] = {}
        for each in observations:
            for pose in each.poses:
                body = measure(pose, each.aspect, each.key.t_ms)
                if body is None or body.size <= 0 or body.tilt is None:
                    continue
                self.ids += pose.subject_id not in last
                row = self.rows["down" if body.tilt > _DOWN_DEG else "up"]
                row["rho"] += pose.keypoints[_BODY, 2].tolist()
                row["size"].append(body.size)
                if pose.subject_id in last:
                    _step(last[pose.subject_id], (body, pose), each.aspect, row)
                last[pose.subject_id] = body, pose


def _step(
    before: tuple[Body, Pose], now: tuple[Body, Pose], aspect: float, row: dict[str, list[float]]
) -> None:
    (old, old_pose), (body, pose) = before, now
    row["gap"].append(body.t_ms - old.t_ms > 2 * GRID_MS)
    if body.t_ms - old.t_ms != GRID_MS:
        return
    both = (pose.keypoints[_BODY, 2] > 0) & (old_pose.keypoints[_BODY, 2] > 0)
    if both.sum() < 6:
        return
    moved = (pose.keypoints - old_pose.keypoints)[_BODY, :2] * (aspect, 1)
    moved -= np.subtract(body.center, old.center)
    speed = np.linalg.norm(moved, axis=1)[both] / body.size * (1000 / GRID_MS)
    row["median joint"].append(float(np.median(speed)))
    row["fastest joint"].append(float(speed.max()))
    travel = math.dist(body.center, old.center) / body.size * (1000 / GRID_MS)
    row["body"].append(travel)
    row["size change"].append(abs(math.log2(body.size / old.size)))


def tell_tracks(console: Console, sets: dict[str, Tracks]) -> None:
    """A line for each set and posture."""
    table = Table(title="what crossed the wall (speeds: body heights a second, p10 p50 p90 p99)")
    columns = ("", "s", "median joint", "fastest joint", "body", "ρ 1 ⅔ ⅓ 0, %",
               "size change p50 p90 p99", "size p10 p50 p90", "gaps/min", "ids/min")  # fmt: skip
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    for name, tracks in sets.items():
        seconds = sum(len(row["size"]) for row in tracks.rows.values()) * GRID_MS / 1000
        for posture, row in sorted(tracks.rows.items(), reverse=True):
            if len(row["body"]) < 20:
                continue
            spent = len(row["size"]) * GRID_MS / 1000
            sure = np.array(row["rho"])
            table.add_row(
                f"{name} {posture}",
                f"{spent:.0f}",
                *(_ranks(row[key], 0.1, 0.5, 0.9, 0.99)
                  for key in ("median joint", "fastest joint", "body")),
                " ".join(f"{100 * np.mean(abs(sure - k / 3) < 0.1):.0f}" for k in (3, 2, 1, 0)),
                _ranks(row["size change"], 0.5, 0.9, 0.99),
                _ranks(row["size"], 0.1, 0.5, 0.9),
                f"{sum(row['gap']) / spent * 60:.1f}",
                f"{tracks.ids / seconds * 60:.1f}",
            )  # fmt: skip
    console.print(table)


def _ranks(values: list[float], *ranks: float) -> str:
    return " ".join(f"{value:.2f}" for value in np.quantile(values, ranks))


def compare(arguments: argparse.Namespace, console: Console) -> None:
    """Recorded clips beside scenes of the sim."""
    recorder = Recorder(
        models=arguments.models.expanduser(), cache=arguments.recordings.expanduser()
    )
    sets: dict[str, Tracks] = defaultdict(Tracks)
    for clip in read_manifest(arguments.manifest):
        folder = Path(clip.path).parts[1:2]
        if clip.kind != "video" or not folder or folder[0] not in arguments.sets:
            continue
        recording = recorder.known(clip.file, Pace.LIVE) if clip.file.exists() else None
        if recording is not None:
            sets[f"{folder[0]} {clip.labels[0]}"].gather(recording.observations())
    chosen = list(choose(arguments.scenes, 11))
    for number, scenario in enumerate(track(chosen, "scenes", console=console)):
        motion = perform(scenario, rng=np.random.default_rng(number))
        for view in range(3):
            seen = look(motion, rng=np.random.default_rng([number, view]))
            kind = re.split("[-_]", scenario.title)[0]
            sets[f"lab.seeing {kind}"].gather(seen.observations)
    tell_tracks(console, dict(sorted(sets.items())))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.seeing", description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("~/.cache/mizaru/models"))
    parser.add_argument("--cache", type=Path, default=Path("~/.cache/mizaru/seeing"))
    parser.add_argument("--scenes", type=int, default=16, help="how many to render")
    parser.add_argument(
        "--known", action="store_true", help="all that is in the cache, and no more"
    )
    parser.add_argument("--manifest", type=Path, help="compare with recorded clips instead")
    parser.add_argument("--recordings", type=Path, default=Path("~/.cache/mizaru/recordings"))
    parser.add_argument("--sets", nargs="+", default=["upfall", "gmdcsa24", "people"])
    arguments = parser.parse_args()
    terminal = Console()
    console = terminal if terminal.is_terminal else Console(width=200)  # a table in a file
    if arguments.manifest is not None:
        compare(arguments, console)
        return
    cache, models = arguments.cache.expanduser(), arguments.models.expanduser()
    cache.mkdir(parents=True, exist_ok=True)
    decoder = msgspec.msgpack.Decoder(Watched)
    real, made = Errors(), Errors()
    chosen = sorted(choose(arguments.scenes, 7), key=lambda s: not s.title.startswith("fall"))
    files: list[tuple[Path, Scenario | None]] = [
        (cache / f"{scenario.title}.msgpack", scenario) for scenario in chosen
    ]
    if arguments.known:
        files = [(file, None) for file in sorted(cache.glob("*.msgpack"))]
    for number, (file, scenario) in enumerate(track(files, "scenes", console=console)):
        if scenario is None or file.exists():
            watched = decoder.decode(file.read_bytes())
        else:
            watched = perceive(scenario, models)
            part = file.with_suffix(".part")
            part.write_bytes(msgspec.msgpack.encode(watched))
            part.replace(file)
        motion = motion_of(watched)
        eye = eye_of(watched.scenario.camera[0], SIZE)
        times = np.arange(len(watched.truth)) / FPS
        view = watch(motion, eye, times)
        real.gather(view, watched.found)
        for seed in range(5):
            made.gather(view, synthetic(view, eye, np.random.default_rng([number, seed])))
    tell(console, real, made)


if __name__ == "__main__":
    main()
