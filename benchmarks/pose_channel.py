"""What a coarser pose channel is worth: who is known again, set against what is still recognised.

``python -m benchmarks.pose_channel --data ../shared/data`` sends the same poses through
`mizaru.edge.darkroom.desensitize.pose_channel` at every setting of `SETTINGS` and attacks what
comes out. The audit's real people, seen without mistakes (`mizaru.lab.audit.real`), are looked
for in another session; with ``--visits`` (the audit's cache) so are forty people of the sim, whose
build is asked for, too, and whose pictures are rebuilt. The leak is how far CMC-1 lies on the way
from chance to raw skeletons. What is left is read by the attackers' families (behaviour, macro-F1)
and by the shipped recognizer (UP-Fall clips that `mizaru evaluate` has recorded: share of the falls
whose score gets above the shipped threshold). Figures are kept in ``--out`` as they come; a second
run goes on where the first stopped. The audit's page shows the plot: ``--picture
src/mizaru/lab/audit/assets/price.svg``.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from mizaru.cloud.recognize.card import Calibrator, sigmoid
from mizaru.cloud.recognize.finding import Observation
from mizaru.cloud.recognize.network import shipped_model
from mizaru.cloud.recognize.outputs import FALL
from mizaru.cloud.recognize.sight import Sight
from mizaru.edge.darkroom.desensitize.pose_channel import PoseChannel
from mizaru.edge.models import models_folder
from mizaru.edge.settings import Pace, PoseChannelSettings
from mizaru.errors import DataError
from mizaru.lab.audit import visits_exact, visits_sim
from mizaru.lab.audit.attacks.attributes import Attributes
from mizaru.lab.audit.attacks.inversion import Inversion
from mizaru.lab.audit.attacks.reidentify import COMMON, LENGTHS, Reidentify
from mizaru.lab.audit.attacks.utility import Utility
from mizaru.lab.audit.contract import Attack, Profile, Representation, Row, Visit
from mizaru.lab.audit.real import KINECT, UPFALL, real_visits
from mizaru.lab.audit.representations.poses import RawSkeleton, RetargetedSkeleton
from mizaru.lab.data.manifest import read_manifest
from mizaru.lab.data.recording import Recorder
from mizaru.lab.data.sources import source_of
from mizaru.vocabulary import Behavior, Pose
from mizaru.wire.codec import pack_pose, unpack_pose
from mizaru.wire.messages import GRID_MS

SETS: Final = (*KINECT, UPFALL)
"""All real people at once, as in the audit: who is looked for in one set is learnt from the
others, and fewer of these tell another story."""
BUILD: Final = frozenset({"arms", "height", "legs", "shoulders", "torso", "girth"})
CLIPS: Final = 24
"""Of falls, and as many of daily life."""

SETTINGS: Final[dict[str, PoseChannelSettings]] = {
    "as retargeted": PoseChannelSettings(),
    "step 6 %": PoseChannelSettings(step=0.06),
    "jitter 3 %": PoseChannelSettings(jitter=0.03),
    "jitter 6 %": PoseChannelSettings(jitter=0.06),
    "jitter 6 %, all sticky": PoseChannelSettings(jitter=0.06, sticky=1.0),
    "smooth 0.3 s": PoseChannelSettings(smooth_s=0.3),
    "hold 0.5 s": PoseChannelSettings(hold_ms=500),
    "jitter 12 %": PoseChannelSettings(jitter=0.12),
}


class Figures(msgspec.Struct, frozen=True):
    """One setting.

    Attributes:
        cmc: of each set, CMC-1 at T = 25; chance: what guessing gives.
        build: mean average precision of build; guess: of a random order. None without visits.
        rebuilt: what inversion gains over the blind baseline, PSNR in the person, dB, with its
            95 % interval. None without rendered visits.
        f1: macro-F1 of behaviours, mean over sets.
        fall: share of UP-Fall falls that are told; false_alarms: of its daily life. None
            without recordings.
    """

    cmc: dict[str, float]
    chance: dict[str, float]
    build: float | None
    guess: float | None
    rebuilt: tuple[float, float, float] | None
    f1: float | None
    fall: float | None
    false_alarms: float | None


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pose_channel", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with MANIFEST.csv")
    parser.add_argument("--visits", type=Path, help="the audit's cache of simulated visits")
    parser.add_argument(
        "--recordings", type=Path, default=Path("~/.cache/mizaru/recordings").expanduser()
    )
    parser.add_argument("--out", type=Path, default=Path("pose_channel.json"))
    parser.add_argument("--picture", type=Path, help="write the plot here")
    arguments = parser.parse_args()
    console = Console(width=150)
    known = _read(arguments.out)
    wanted = [name for name in ("raw skeleton", *SETTINGS) if name not in known]
    if wanted:
        LENGTHS[Profile.QUICK] = (COMMON,)
        real = real_visits(arguments.data, SETS)
        sim = tuple(_simulated(arguments.visits)) if arguments.visits else ()
        rendered = tuple(_rendered(arguments.visits)) if arguments.visits else ()
        clips = tuple(_clips(arguments.data, arguments.recordings))
        console.print(
            f"{len(real)} real visits, {len(sim)} simulated, {len(rendered)} of these rendered, "
            f"{len(clips)} clips"
        )
        for name in track(wanted, "settings", console=console):
            known[name] = _measure(name, real, sim, rendered, clips)
            arguments.out.write_bytes(msgspec.json.encode(known))
    console.print(_table(known))
    if arguments.picture:
        arguments.picture.write_text(plot(known))


def _read(file: Path) -> dict[str, Figures]:
    return msgspec.json.decode(file.read_bytes(), type=dict[str, Figures]) if file.exists() else {}


def _measure(
    name: str,
    real: tuple[Visit, ...],
    sim: tuple[Visit, ...],
    rendered: tuple[Visit, ...],
    clips: tuple[tuple[bool, tuple[Observation, ...]], ...],
) -> Figures:
    settings = SETTINGS.get(name)
    shown: Representation = RetargetedSkeleton() if settings else RawSkeleton()
    rng = np.random.default_rng(0)
    if settings is not None:
        real = tuple(channelled(visit, settings, rng) for visit in real)
        sim = tuple(channelled(visit, settings, rng) for visit in sim)
        rendered = tuple(channelled(visit, settings, rng) for visit in rendered)
    rows = _run(Reidentify(), shown, (*real, *sim))
    cmc = [row for row in rows if row.measure == "CMC-1" and row.setting.endswith("visits")]
    built = [r for r in _run(Attributes(), shown, sim) if r.measure.removeprefix("AP ") in BUILD]
    drawn = [r for r in _run(Inversion(), shown, rendered) if r.measure == "PSNR over blind"]
    told = _told(clips, settings) if settings else (None, None)
    f1 = [row.value for row in _run(Utility(), shown, (*real, *sim))]
    return Figures(
        cmc={row.dataset: row.value for row in cmc},
        chance={row.dataset: row.chance for row in cmc},
        build=_mean([row.value for row in built]),
        guess=_mean([row.chance for row in built]),
        rebuilt=(drawn[0].value, drawn[0].low, drawn[0].high) if drawn else None,
        f1=_mean(f1),
        fall=told[0],
        false_alarms=told[1],
    )


def _run(attack: Attack, shown: Representation, visits: tuple[Visit, ...]) -> tuple[Row, ...]:
    try:
        return attack.run(shown, visits, Profile.QUICK, np.random.default_rng(0)).rows
    except DataError:
        return ()


def channelled(visit: Visit, settings: PoseChannelSettings, rng: np.random.Generator) -> Visit:
    """The visit with its poses sent through the channel and the wire's packing."""
    aspect = visit.resolution_wh[0] / visit.resolution_wh[1]
    channel = PoseChannel(settings, rng)
    poses: list[Pose | None] = []
    for tick, pose in enumerate(visit.poses):
        if pose is None:
            channel.forget_all_but(set())
            poses.append(None)
            continue
        poses.append(_wire(channel.apply(pose, tick * GRID_MS, aspect)))
    return replace(visit, poses=tuple(poses), attributes=dict(visit.attributes))


def _wire(pose: Pose) -> Pose:
    return unpack_pose(pack_pose(pose))


def _simulated(cache: Path) -> Iterator[Visit]:
    for task in visits_sim.tasks(visits_sim.QUICK):
        if visits_exact.file(task, cache).exists():
            visit = visits_exact.load(task, cache)
            build = {k: word for k, word in visit.attributes.items() if k in (*BUILD, "clothes")}
            yield replace(visit, attributes=build)


def _rendered(cache: Path) -> Iterator[Visit]:
    for task in visits_sim.tasks(visits_sim.QUICK):
        if task.file(cache).exists():
            yield visits_sim.load(task, cache)


def _clips(data: Path, recordings: Path) -> Iterator[tuple[bool, tuple[Observation, ...]]]:
    """(whether somebody falls, what crossed the wall) of recorded UP-Fall clips, camera 1."""
    recorder = Recorder(models=models_folder(None, os.environ), cache=recordings)
    found = {True: 0, False: 0}
    for clip in read_manifest(data / "MANIFEST.csv"):
        if clip.kind != "video" or source_of(clip).name != "upfall" or "_C1" not in clip.path:
            continue
        falls = "fall" in clip.labels
        recording = recorder.known(clip.file, Pace.LIVE) if found[falls] < CLIPS else None
        if recording is not None:
            found[falls] += 1
            yield falls, tuple(recording.observations())


def _told(
    clips: tuple[tuple[bool, tuple[Observation, ...]], ...], settings: PoseChannelSettings
) -> tuple[float | None, float | None]:
    """Shares of the falls, and of daily life, that get above the shipped threshold of a fall."""
    model = shipped_model()
    threshold = model.card.operating_points[Behavior.FALL].threshold
    calibrator = Calibrator(model.card)
    told: dict[bool, list[bool]] = {True: [], False: []}
    for falls, observations in clips:
        channel, sight = PoseChannel(settings, np.random.default_rng(0)), Sight()
        windows = []
        for observation in observations:
            t_ms, aspect = observation.key.t_ms, observation.aspect
            poses = tuple(_wire(channel.apply(p, t_ms, aspect)) for p in observation.poses)
            seen = sight.observe(Observation(observation.key, poses, aspect))
            windows += [s.window.features() for s in seen if s.window is not None]
        if windows:
            odds = calibrator(model.network(np.stack(windows[::2]).astype(np.float32)))[:, FALL]
            told[falls].append(sigmoid(float(odds.max())) >= threshold)
    return _mean([float(t) for t in told[True]]), _mean([float(t) for t in told[False]])


def leak(figures: Figures, raw: Figures) -> float:
    """How far on the way from chance to raw skeletons, mean over sets; below chance is chance."""
    ways = [
        max(0.0, figures.cmc[name] - figures.chance[name]) / (raw.cmc[name] - figures.chance[name])
        for name in figures.cmc
        if raw.cmc.get(name, 0.0) > figures.chance[name]
    ]
    return float(np.mean(ways))


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _table(known: dict[str, Figures]) -> Table:
    raw = known["raw skeleton"]
    sets = sorted(raw.cmc)
    table = Table(title="pose channel: CMC-1 at T = 25 across visits, and what is still recognised")
    table.add_column("setting")
    for name in (*sets, "leak", "build AP", "rebuilt, dB", "behaviour F1", "falls told", "false"):
        table.add_column(name, justify="right")
    for name, figures in known.items():
        cells = [figures.cmc.get(one) for one in sets]
        cells += [leak(figures, raw), figures.build]
        used = (figures.f1, figures.fall, figures.false_alarms)
        table.add_row(name, *map(_two, cells), _gain(figures), *map(_two, used))
    chance = [f"{raw.chance[one]:.2f}" for one in sets]
    table.add_row("guessing", *chance, "0.00", "" if raw.guess is None else f"{raw.guess:.2f}")
    return table


def _two(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _gain(figures: Figures) -> str:
    if figures.rebuilt is None:
        return ""
    value, low, high = figures.rebuilt
    return f"{value:+.2f} [{low:.2f}, {high:.2f}]"


@dataclass(frozen=True, slots=True)
class Panel:
    """Leak across, use upwards.

    Attributes:
        words: under the axis.
        span: of the axis: from, to.
        aim: up to here the target is met.
        leak: (value, low, high) of a setting, or None.
    """

    words: str
    span: tuple[float, float]
    aim: float
    leak: Callable[[Figures], tuple[float, float, float] | None]


_WIDTH, _PANEL = 760, 400
_LEFT, _TOP, _LOW = 60, 34, 350
_USED: Final = (
    ("f1", "#2b6cb0", "behaviour, macro-F1"),
    ("fall", "#c05621", "falls told by the shipped recognizer"),
)


def plot(known: dict[str, Figures]) -> str:
    """What each setting leaks across, behaviour and falls upwards, as SVG: a panel of who is known
    again and, where pictures were rebuilt, one of what that gained."""
    raw = known["raw skeleton"]

    def again(figures: Figures) -> tuple[float, float, float]:
        value = leak(figures, raw)
        return value, value, value

    panels = [
        Panel(
            "known again: from guessing (0) to raw skeletons (1), CMC-1 at T = 25; green: the aim",
            (-0.25, 1.25), 1 / 3, again,
        )
    ]  # fmt: skip
    if any(figures.rebuilt for figures in known.values()):
        panels.append(
            Panel(
                "rebuilt: dB over the best blind picture, in the person, 95 %; green: the aim",
                (-0.6, 0.6), 0.0, lambda figures: figures.rebuilt,
            )
        )  # fmt: skip
    height = _PANEL * len(panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
    ]
    for k, panel in enumerate(panels):
        parts += [f'<g transform="translate(0 {_PANEL * k})">', *_panel(panel, known), "</g>"]
    return "\n".join([*parts, "</svg>"])


def _panel(panel: Panel, known: dict[str, Figures]) -> Iterator[str]:
    first, last = panel.span

    def at(x: float, y: float) -> tuple[float, float]:
        share = (min(max(x, first), last) - first) / (last - first)
        return _LEFT + share * (_WIDTH - _LEFT - 20), _LOW - y * (_LOW - _TOP)

    aim = at(panel.aim, 0.0)[0]
    yield (
        f'<rect x="{_LEFT}" y="{_TOP}" width="{aim - _LEFT:.0f}" height="{_LOW - _TOP}" '
        'fill="#eef6ee"/>'
    )
    for value in np.linspace(first, last, 7).tolist():
        x = at(value, 0.0)[0]
        yield f'<text x="{x:.0f}" y="{_LOW + 16}" text-anchor="middle">{value:.2f}</text>'
    for k in range(6):
        y = at(0.0, k / 5)[1]
        yield (
            f'<line x1="{_LEFT}" x2="{_WIDTH - 20}" y1="{y:.0f}" y2="{y:.0f}" stroke="#ddd"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.0f}" text-anchor="end">{k / 5:.1f}</text>'
        )
    middle = (_WIDTH + _LEFT - 20) / 2
    yield f'<text x="{middle:.0f}" y="{_LOW + 36}" text-anchor="middle">{panel.words}</text>'
    for number, (name, figures) in enumerate(known.items(), start=1):
        found = panel.leak(figures)
        for what, colour, _ in _USED:
            value = getattr(figures, what)
            if found is None or value is None:
                continue
            (x, y), (low, _), (high, _) = (at(one, value) for one in found)
            yield (
                f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y:.1f}" y2="{y:.1f}" '
                f'stroke="{colour}" stroke-opacity="0.4"/>'
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="8" fill="{colour}"><title>{name}: '
                f"{value:.2f}</title></circle>"
                f'<text x="{x:.1f}" y="{y + 4:.1f}" fill="white" text-anchor="middle">'
                f"{number}</text>"
            )
    for k, name in enumerate(known, start=1):
        y = _LOW - 6 - 12 * (len(known) - k)
        yield f'<text x="{_WIDTH - 190}" y="{y}">{k} {name}</text>'
    words = "".join(f'<tspan fill="{colour}" dx="16">● {what}</tspan>' for _, colour, what in _USED)
    yield f'<text x="{_LEFT - 16}" y="20">{words}</text>'


if __name__ == "__main__":
    main()
