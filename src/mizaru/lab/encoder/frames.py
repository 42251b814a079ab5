"""What anonymous frames Ĩ are made of, with their meaning: made once and kept.

A scene of the repertoire is cast with people of a pool, so that everybody comes to many rooms;
it is seen by `mizaru.lab.seeing` as our perception would have seen it, and of every n-th tick the
poses as released are kept, and the plate of the room. `mizaru.lab.encoder.draw` makes pictures of
them, as the darkroom does. The pools of the three casts share nobody, and so do their scenes.
Who learns may be shown measured motions of real people, too (`mizaru.lab.encoder.measured`).
"""

from __future__ import annotations

import enum
import hashlib
import sys
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import as_completed
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from mizaru.cloud.recognize.features import TICKS
from mizaru.cloud.recognize.network import Network, shipped_model
from mizaru.cloud.recognize.outputs import ACTIONS, FALL
from mizaru.cloud.recognize.sight import Sight
from mizaru.errors import DataError
from mizaru.lab.code import digest_of_code
from mizaru.lab.encoder import measured
from mizaru.lab.encoder.meaning import DOING_OF, HINTS, Doing, hints_of, meaning_of
from mizaru.lab.encoder.recipe import FrameSettings, Recipe
from mizaru.lab.encoder.room import as_published, dress, hang, render_plate
from mizaru.lab.motion import Motion
from mizaru.lab.seeing.eye import Eye
from mizaru.lab.seeing.look import look
from mizaru.lab.sequence import Sequence
from mizaru.lab.sim.identity import Age
from mizaru.lab.sim.motion import perform
from mizaru.lab.sim.repertoire import scenes
from mizaru.lab.sim.room import Piece
from mizaru.lab.sim.scenario import Person, Scenario
from mizaru.lab.workers import workers
from mizaru.vocabulary import COCO17, HeadOrientation, Pose
from mizaru.wire.messages import GRID_MS

Image = npt.NDArray[np.uint8]
Progress = Callable[[str, int, int], None]
"""Called with (cast, scenes done, scenes in all)."""

NOBODY: Final = -1
"""Instead of a person: not exactly one, or nobody knows who."""
ROW: Final = np.dtype(
    [
        ("scene", "<i4"),
        ("view", "<i4"),
        ("t_ms", "<i4"),
        ("behavior", "i1"),
        ("relation", "i1"),
        ("place", "i1"),
        ("count", "i1"),
        ("person", "<i4"),
    ]
)
"""One frame: where it comes from, the answers of `mizaru.lab.encoder.meaning`, and the one
person who is in it (an index into the cast's pool), or `NOBODY`."""
_ARRAYS: Final = (
    "aspects", "plate_of", "bodies", "heads", "subjects", "first", "rows", "teacher", "hints",
)  # fmt: skip
"""Of `Frames`, as they are kept; plates are kept beside them."""
_FPS: Final = 10.0
_AGES: Final = ((Age.ADULT, 0.62), (Age.ELDER, 0.25), (Age.CHILD, 0.13))
"""As `mizaru.lab.sim.stage.Set` draws them."""


class Cast(enum.StrEnum):
    """Groups of people and scenes that share nobody and nothing."""

    LEARN = "learn"
    CALIBRATE = "calibrate"
    JUDGE = "judge"


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One scene as one camera had it.

    Attributes:
        scene, view: numbers within the cast.
        motion: who does what, in the room's axes.
        pieces: furniture; None: not known, and so is the place.
        eye: the camera.
        plate: the room as published, or None before that.
        sequence: what crossed the wall.
        people: for each of the motion's people their index in the cast's pool.
    """

    scene: int
    view: int
    motion: Motion
    pieces: tuple[Piece, ...] | None
    eye: Eye
    plate: Image | None
    sequence: Sequence
    people: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """N frames with M bodies, seen through V cameras.

    Attributes:
        plates: V pictures (h, w, 3) uint8 RGB of any size, as published; None before that.
        aspects: shape (V,) float32: width / height of each camera's image.
        plate_of: shape (N,) int32: which of the plates.
        bodies: shape (M, 17, 3) float32: poses as released, see `mizaru.vocabulary.Pose`; those
            of one frame follow each other in occlusion order, the farthest first.
        heads: shape (M, 3) float32: yaw, pitch, roll; NaN where not known.
        subjects: shape (M,) int64: ephemeral ids.
        first: shape (N + 1,) int64: bodies of frame k are ``first[k]:first[k + 1]``.
        rows: shape (N,) of `ROW`.
        teacher: shape (N, len(Doing)) float16: what the shipped recognizer says of the poses
            until then, as a distribution; NaN where it says nothing of `Doing`.
        hints: shape (N, len(HINTS)) float16, see `mizaru.lab.encoder.meaning.hints_of`.
    """

    plates: tuple[Image | None, ...]
    aspects: npt.NDArray[np.float32]
    plate_of: npt.NDArray[np.int32]
    bodies: npt.NDArray[np.float32]
    heads: npt.NDArray[np.float32]
    subjects: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    rows: npt.NDArray[np.void]
    teacher: npt.NDArray[np.float16]
    hints: npt.NDArray[np.float16]

    def __post_init__(self) -> None:
        frames, bodies = len(self.rows), len(self.bodies)
        fits = (
            self.aspects.shape == (len(self.plates),)
            and self.plate_of.shape == (frames,)
            and self.bodies.shape == (bodies, len(COCO17.keypoints), 3)
            and self.heads.shape == (bodies, 3)
            and self.subjects.shape == (bodies,)
            and self.first.shape == (frames + 1,)
            and self.first[0] == 0
            and self.first[-1] == bodies
            and self.teacher.shape == (frames, len(Doing))
            and self.hints.shape == (frames, len(HINTS))
        )
        if not fits:
            raise ValueError(f"{bodies} bodies, plates, rows and hints do not fit {frames} frames")

    def __len__(self) -> int:
        return len(self.rows)

    def poses(self, k: int) -> tuple[Pose, ...]:
        """Who is in frame k, the farthest first."""
        mine = range(int(self.first[k]), int(self.first[k + 1]))
        return tuple(
            Pose(
                int(self.subjects[m]),
                self.bodies[m],
                None if np.isnan(self.heads[m, 0]) else HeadOrientation(*self.heads[m].tolist()),
            )
            for m in mine
        )

    def pick(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Frames:
        """Some of them; all plates stay."""
        picks = np.flatnonzero(which) if which.dtype == np.bool_ else which
        counts = np.diff(self.first)[picks]
        first = np.concatenate([[0], np.cumsum(counts)])
        mine = np.repeat(self.first[picks] - first[:-1], counts) + np.arange(first[-1])
        return Frames(
            self.plates, self.aspects, self.plate_of[picks],
            self.bodies[mine], self.heads[mine], self.subjects[mine], first,
            self.rows[picks], self.teacher[picks], self.hints[picks],
        )  # fmt: skip

    @staticmethod
    def join(parts: list[Frames]) -> Frames:
        """All of several; of none, no frames."""
        parts = [Frames.none(), *parts]
        plates = np.cumsum([0, *(len(part.plates) for part in parts)])
        bodies = np.cumsum([0, *(len(part.bodies) for part in parts)])

        def before(counts: npt.NDArray[np.int64]) -> Iterator[tuple[Frames, int]]:
            return zip(parts, counts[:-1].tolist(), strict=True)

        return Frames(
            tuple(plate for part in parts for plate in part.plates),
            np.concatenate([part.aspects for part in parts]),
            np.concatenate([part.plate_of + at for part, at in before(plates)]).astype(np.int32),
            np.concatenate([part.bodies for part in parts]),
            np.concatenate([part.heads for part in parts]),
            np.concatenate([part.subjects for part in parts]),
            np.concatenate([[0], *(part.first[1:] + at for part, at in before(bodies))]),
            np.concatenate([part.rows for part in parts]),
            np.concatenate([part.teacher for part in parts]),
            np.concatenate([part.hints for part in parts]),
        )  # fmt: skip

    @staticmethod
    def none() -> Frames:
        """No frames."""
        return Frames(
            (), np.zeros(0, np.float32), np.zeros(0, np.int32),
            np.zeros((0, len(COCO17.keypoints), 3), np.float32), np.zeros((0, 3), np.float32),
            np.zeros(0, np.int64), np.zeros(1, np.int64), np.zeros(0, ROW),
            np.zeros((0, len(Doing)), np.float16), np.zeros((0, len(HINTS)), np.float16),
        )  # fmt: skip


def pool(cast: Cast, count: int, seed: int) -> tuple[tuple[int, Age], ...]:
    """The people of a cast: (identity of the sim, age). Casts share nobody."""
    number = list(Cast).index(cast)
    first = 1 + (seed % 1000 * len(Cast) + number) * 100_000
    found: list[tuple[int, Age]] = []
    for k in range(count):
        # Shares of ages as exact as they can be, whatever the count.
        at, share = (k + 0.5) / count, 0.0
        for age, each in _AGES:
            share += each
            if at < share or age is _AGES[-1][0]:
                found.append((first + k, age))
                break
    return tuple(found)


def views(recipe: Recipe, cast: Cast, scene: int, scenario: Scenario) -> Iterator[View]:
    """One scene of a cast before its cameras."""
    settings = recipe.frames
    number = list(Cast).index(cast)
    rng = np.random.default_rng([settings.seed, number, scene, 1])
    who = pool(cast, getattr(recipe.people, cast.value), settings.seed)
    played, people = _recast(scenario, who, rng)
    played = dress(played, rng)
    motion = perform(played, rng=rng, fps=_FPS)
    if not motion.people:
        return
    pieces = tuple(Piece.of(piece) for piece in played.furniture)
    for view in range(settings.views):
        rng = np.random.default_rng([settings.seed, number, scene, 2 + view])
        eye = hang(motion, played, rng)
        plate = as_published(render_plate(played, eye), rng)
        yield View(scene, view, motion, pieces, eye, plate, look(motion, rng=rng, eye=eye), people)


def scenarios(recipe: Recipe, cast: Cast) -> Iterator[tuple[int, Scenario]]:
    """The scenes of a cast, numbered."""
    rng = np.random.default_rng([recipe.frames.seed, list(Cast).index(cast)])
    yield from enumerate(islice(scenes(rng), getattr(recipe.scenes, cast.value)))


def frames_of(view: View, settings: FrameSettings, network: Network | None) -> Frames:
    """Every n-th tick at which somebody's pose was released, and somebody is there.

    Args:
        network: that teaches; None: nobody does.
    """
    kept: list[Pose] = []
    counts: list[int] = [0]
    rows: list[tuple[int, ...]] = []
    hints: list[npt.NDArray[np.float16]] = []
    windows: list[npt.NDArray[np.float32]] = []
    taught: list[int] = []
    sight = Sight()
    last = -settings.every_ticks
    aspect = view.eye.aspect
    for observation in view.sequence.observations:
        seen = sight.observe(observation)
        t_ms = observation.key.t_ms
        if not observation.poses or t_ms // GRID_MS - last < settings.every_ticks:
            continue
        last = t_ms // GRID_MS
        meaning = meaning_of(view.motion, view.eye, t_ms / 1000, view.pieces)
        if meaning is None:
            continue
        alone = len(meaning.people) == len(observation.poses) == 1
        person = view.people[meaning.people[0]] if alone else NOBODY
        rows.append(
            (view.scene, view.view, t_ms, meaning.behavior, meaning.relation, meaning.place,
             meaning.count, person)
        )  # fmt: skip
        hints.append(hints_of(view.motion, t_ms / 1000, meaning))
        kept.extend(observation.poses)
        counts.append(len(observation.poses))
        aspect = observation.aspect
        if network is not None and alone and seen and seen[0].window is not None:
            windows.append(seen[0].window.features())
            taught.append(len(rows) - 1)
    teacher = np.full((len(rows), len(Doing)), np.nan, np.float16)
    if network is not None and windows:
        teacher[taught] = _words(network(np.stack(windows)))
    unknown = (np.nan,) * 3
    heads = [(p.head.yaw, p.head.pitch, p.head.roll) if p.head else unknown for p in kept]
    return Frames(
        (view.plate,),
        np.array([aspect], np.float32),
        np.zeros(len(rows), np.int32),
        np.array([pose.keypoints for pose in kept], np.float32).reshape(-1, 17, 3),
        np.array(heads, np.float32).reshape(-1, 3),
        np.array([pose.subject_id for pose in kept], np.int64),
        np.cumsum(np.array(counts, np.int64)),
        np.array(rows, ROW),
        teacher,
        np.array(hints, np.float16).reshape(-1, len(HINTS)),
    )


def gather(
    recipe: Recipe,
    cache: Path,
    cast: Cast,
    progress: Progress = lambda *_: None,
    *,
    manifest: Path | None = None,
    processes: int = 1,
) -> Frames:
    """All frames of a cast; what is not in the cache is made now.

    Args:
        manifest: of the files of ``[recipe.measured]``, from which only `Cast.LEARN` learns.
        processes: that make scenes at once.

    Raises:
        DataError: a file of the cache is damaged, or measured motions cannot be used.
        SimError: pictures cannot be rendered here.
    """
    folder = cache / "frames" / _key(recipe, cast)
    total: int = getattr(recipe.scenes, cast.value)
    files = [folder / f"{scene:05d}.npz" for scene in range(total)]
    missing = [each for each in scenarios(recipe, cast) if not files[each[0]].exists()]
    before = total - len(missing)
    progress(cast.value, before, total)
    for done in _make(recipe, cast, folder, missing, processes):
        progress(cast.value, before + done, total)
    parts = [_load(file) for file in files]
    if cast is Cast.LEARN and recipe.measured.sources:
        parts.append(_measured(recipe, cache, manifest, progress))
    return Frames.join(parts)


def _make(
    recipe: Recipe,
    cast: Cast,
    folder: Path,
    missing: list[tuple[int, Scenario]],
    processes: int,
) -> Iterator[int]:
    """Makes the files of scenes; how many are made, after each."""
    if processes <= 1 or len(missing) < 2:
        for done, each in enumerate(missing, start=1):
            _make_one(recipe, cast, folder, *each)
            yield done
        return
    with workers(processes) as pool:
        waiting = [pool.submit(_make_one, recipe, cast, folder, *each) for each in missing]
        for done, ready in enumerate(as_completed(waiting), start=1):
            ready.result()
            yield done


def _make_one(recipe: Recipe, cast: Cast, folder: Path, scene: int, scenario: Scenario) -> None:
    network = shipped_model().network
    made = [
        frames_of(view, recipe.frames, network) for view in views(recipe, cast, scene, scenario)
    ]
    _save(folder / f"{scene:05d}.npz", Frames.join(made))


def _measured(recipe: Recipe, cache: Path, manifest: Path | None, progress: Progress) -> Frames:
    """Of ``[recipe.measured]``: a file of the cache per take."""
    if manifest is None:
        raise DataError("the recipe learns from measured motions: their manifest is not given")
    network = shipped_model().network
    takes = measured.takes(manifest, recipe.measured.sources)
    people = measured.people(takes)
    folder = cache / "frames" / _key(recipe, Cast.LEARN, recipe.measured.views, people)
    parts: list[Frames] = []
    for k, take in enumerate(takes):
        progress("measured", k, len(takes))
        file = folder / f"{hashlib.sha256(f'{take.source}/{take.name}'.encode()).hexdigest()}.npz"
        if not file.exists():
            made = [
                frames_of(_view(recipe, k, view, take, people), recipe.frames, network)
                for view in range(recipe.measured.views)
            ]
            _save(file, Frames.join(made))
        parts.append(_load(file))
    progress("measured", len(takes), len(takes))
    return Frames.join(parts)


def _view(recipe: Recipe, take: int, view: int, motion: Motion, people: tuple[str, ...]) -> View:
    """A take in a room of the sim, before one of its cameras; who is in it comes after the pool."""
    rng = np.random.default_rng([recipe.frames.seed, len(Cast), take, view])
    placed, scenario = measured.staged(motion, rng)
    scenario = dress(scenario, rng)
    eye = hang(placed, scenario, rng)
    plate = as_published(render_plate(scenario, eye), rng)
    who = tuple(recipe.people.learn + people.index(name) for name in motion.people)
    scene = recipe.scenes.learn + take
    return View(scene, view, placed, None, eye, plate, look(placed, rng=rng, eye=eye), who)


def _recast(
    scenario: Scenario, who: tuple[tuple[int, Age], ...], rng: np.random.Generator
) -> tuple[Scenario, tuple[int, ...]]:
    """The same scene with people of a pool, of the ages it asks for; nobody twice."""
    free = list(rng.permutation(len(who)))
    people: list[Person] = []
    chosen: list[int] = []
    for person in scenario.person:
        if not free:
            raise DataError(f"{scenario.title}: {len(who)} people are too few to play it")
        k = next((k for k in free if who[k][1] is person.age), free[0])
        free.remove(k)
        people.append(replace(person, identity=who[k][0], age=who[k][1]))
        chosen.append(int(k))
    return replace(scenario, person=tuple(people)), tuple(chosen)


def _words(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """The recognizer's outputs (N, OUTPUTS) as distributions over `Doing`; NaN where it mostly
    says `unknown`."""
    raised = np.exp(logits[:, : len(ACTIONS)] - logits[:, : len(ACTIONS)].max(axis=1)[:, None])
    actions = raised / raised.sum(axis=1)[:, None]
    fallen = 1.0 / (1.0 + np.exp(-logits[:, FALL].astype(np.float64)))
    out = np.zeros((len(logits), len(Doing)))
    for k, word in enumerate(ACTIONS):
        if word in DOING_OF:
            out[:, DOING_OF[word]] += actions[:, k] * (1.0 - fallen)
    out[:, Doing.FALLEN] += fallen
    said = out.sum(axis=1, keepdims=True)
    return np.where(said > 0.5, out / np.maximum(said, 1e-9), np.nan)


def _key(recipe: Recipe, cast: Cast, *more: object) -> str:
    """Of everything the frames depend on but their number."""
    people = getattr(recipe.people, cast.value)
    makers = [sys.modules[each.__module__] for each in (scenes, perform, look, meaning_of, hang)]
    makers += [measured] if more else []
    parts = (
        recipe.frames, people, cast.value, TICKS, shipped_model().card.sha256,
        digest_of_code(*makers), Path(__file__).read_text("utf-8"), *more,
    )  # fmt: skip
    return f"{cast.value}-{hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:12]}"


def _save(file: Path, frames: Frames) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    arrays = {name: getattr(frames, name) for name in _ARRAYS}
    arrays |= {f"plate{k}": p for k, p in enumerate(frames.plates) if p is not None}
    with part.open("wb") as stream:
        np.savez_compressed(stream, **arrays)
    part.replace(file)


def _load(file: Path) -> Frames:
    try:
        with np.load(file) as kept:
            arrays = {name: kept[name] for name in _ARRAYS}
            names = [f"plate{k}" for k in range(len(arrays["aspects"]))]
            return Frames(plates=tuple(kept.get(n) for n in names), **arrays)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"{file}: damaged frames ({error}); delete it to remake them") from None
