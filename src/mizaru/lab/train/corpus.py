"""All windows that a recipe asks for, made once and kept on disk.

A source falls into pieces (a scene of the sim, a take of a motion capture file, a clip); each
piece's windows are two files and its story one, in a folder that is named after everything
they depend on: the piece's settings and the code that makes them. So an interrupted run goes
on where it stopped, and nothing old is ever taken for new.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from mizaru.cloud.recognize.features import CHANNELS, TICKS
from mizaru.cloud.settings import CloudCameraSettings
from mizaru.edge.settings import Pace
from mizaru.errors import DataError
from mizaru.lab.data.load import load
from mizaru.lab.data.manifest import Clip, read_manifest
from mizaru.lab.data.recording import Recorder
from mizaru.lab.data.sources import SIM, may_ship, source_of
from mizaru.lab.motion import Event, Motion
from mizaru.lab.sequence import Sequence
from mizaru.lab.sim.scenario import Scenario
from mizaru.lab.train.recipe import Purpose, Recipe, SourceSettings
from mizaru.lab.train.shown import as_shown
from mizaru.lab.train.windows import ROW, Half, Windows, teaches, windows_of
from mizaru.vocabulary import Behavior

Progress = Callable[[str, int, int], None]
"""Called with (source, pieces done, pieces in all)."""

_MAKERS: Final = {
    "sim": ("mizaru.lab.sim",),
    "seeing": ("mizaru.lab.seeing",),
    "data": ("mizaru.lab.data", "mizaru.lab.data.skeletons"),
    "windows": ("mizaru.lab.train.windows", "mizaru.lab.train.truth",
                "mizaru.cloud.recognize.sight", "mizaru.cloud.recognize.features",
                "mizaru.cloud.recognize.outputs",
                "mizaru.cloud.recognize.subject", "mizaru.cloud.recognize.body",
                "mizaru.cloud.recognize.posture", "mizaru.cloud.recognize.thresholds"),
}  # fmt: skip
"""Code that windows depend on."""
_UNSEEN: Final = frozenset({"__init__.py", "daily.py", "truth.py", "video.py", "world.py"})
"""Of the sim: what makes pictures and days, and no scene that is learnt from."""
FEW: Final = 8
"""A source of fewer groups of people is never held out."""
_LEARNT: Final = ("", "train")
"""Splits that may be learnt from."""


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the sequence some windows come from; see `Sequence`.

    Attributes:
        hours: its length.
        falls, blows: events that its labels name.
    """

    name: str
    source: str
    licence: str
    subject: str
    room: str
    split: str
    fps: float
    hours: float
    falls: int
    blows: int


@dataclass(frozen=True, slots=True)
class Places:
    """Where things lie.

    Attributes:
        cache: for windows and motions; made if absent.
        manifest: of the files; its folder is their root.
        recordings: cache of `mizaru.lab.data.recording`.
        models: folder of the model store.
    """

    cache: Path
    manifest: Path
    recordings: Path
    models: Path


@dataclass(frozen=True, slots=True, eq=False)
class Corpus:
    """Windows of some sequences, in memory.

    Attributes:
        x: shape (N, C, W) float16.
        rows: shape (N,) of `ROW`.
        owner: shape (N,): index into `stories`.
        stories: the sequences.
    """

    x: Half
    rows: npt.NDArray[np.void]
    owner: npt.NDArray[np.int32]
    stories: tuple[Story, ...]

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where a sequence's windows are: files of `folder` that begin with `name`; the sequence is
    the `number`-th that `make` gives."""

    folder: Path
    name: str
    make: Callable[[], Iterable[Sequence]]
    number: int


@dataclass(frozen=True, slots=True)
class Library:
    """Windows of many sequences, on disk.

    Attributes:
        stories: the sequences.
        shelves: where each one's windows are, and how it is made again.
    """

    stories: tuple[Story, ...]
    shelves: tuple[Shelf, ...]

    def corpus(self, which: npt.NDArray[np.bool_], every_ticks: int | None = None) -> Corpus:
        """Load some of the stories.

        Args:
            which: shape (S,).
            every_ticks: only what teaches, see `mizaru.lab.train.windows.teaches`; None: all.
        """
        xs: list[Half] = [np.zeros((0, CHANNELS, TICKS), np.float16)]
        rows = [np.zeros(0, ROW)]
        owners = [np.zeros(0, np.int32)]
        for k in np.flatnonzero(which):
            shelf = self.shelves[k]
            windows = Windows.load(shelf.folder, shelf.name)
            said = as_shown(windows.x, windows.rows)
            keep = (
                np.ones(len(windows), bool) if every_ticks is None else teaches(said, every_ticks)
            )
            xs.append(windows.x[keep])
            rows.append(said[keep])
            owners.append(np.full(int(keep.sum()), k, np.int32))
        return Corpus(
            np.concatenate(xs), np.concatenate(rows), np.concatenate(owners), self.stories
        )

    def sequences(self, which: npt.NDArray[np.bool_]) -> Iterator[Sequence]:
        """Some of the sequences themselves, made again."""
        wanted: dict[Callable[[], Iterable[Sequence]], set[int]] = {}
        for k in np.flatnonzero(which):
            wanted.setdefault(self.shelves[k].make, set()).add(self.shelves[k].number)
        for make, numbers in wanted.items():
            yield from (s for number, s in enumerate(make()) if number in numbers)


@dataclass(frozen=True, slots=True)
class _Piece:
    name: str
    make: Callable[[], Iterable[Sequence]]


def gather(recipe: Recipe, places: Places, progress: Progress = lambda *_: None) -> Library:
    """Every sequence of a recipe; its windows are made now where they are not in the cache.

    Raises:
        DataError: a file cannot be used, or may not be learnt from.
    """
    stories: list[Story] = []
    shelves: list[Shelf] = []
    for source in recipe.source:
        pieces = _pieces(source, places)
        folder = places.cache / "windows" / source.name / _key(source)
        for done, piece in enumerate(pieces):
            progress(source.name, done, len(pieces))
            for k, story in enumerate(_made(piece, folder, recipe)):
                shelves.append(Shelf(folder, f"{piece.name}-{k}", piece.make, k))
                stories.append(story)
        progress(source.name, len(pieces), len(pieces))
    if not stories:
        raise DataError("the recipe's sources hold no sequence that may be learnt from")
    return Library(tuple(stories), tuple(shelves))


def held_out(stories: tuple[Story, ...], share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Which stories are kept out of learning: shape (S,).

    Nobody is on both sides: stories that share a person (or, where nobody is named, a room)
    go together; each such group is drawn by a hash. A source of fewer than `FEW` groups is
    learnt from as a whole: one person held out would be half of it.
    """
    parent = list(range(len(stories)))

    def root(k: int) -> int:
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        return k

    first: dict[str, int] = {}
    for k, story in enumerate(stories):
        people = story.subject.split("|") if story.subject else []
        for name in people or [f"{story.source}/{story.room or story.name}"]:
            parent[root(k)] = root(first.setdefault(name, k))
    groups: dict[str, set[int]] = {}
    for k, story in enumerate(stories):
        groups.setdefault(story.source, set()).add(root(k))
    out = np.zeros(len(stories), bool)
    for k in range(len(stories)):
        group = stories[root(k)]
        name = f"{seed}/{group.source}/{group.subject or group.room or group.name}"
        digest = hashlib.sha256(name.encode()).digest()
        out[k] = int.from_bytes(digest[:4], "big") / 2**32 < share
        out[k] &= len(groups[group.source]) >= FEW
    return out


def _made(piece: _Piece, folder: Path, recipe: Recipe) -> list[Story]:
    """The sequences of a piece, whose windows are on disk by then."""
    index = folder / f"{piece.name}.json"
    try:
        return msgspec.json.decode(index.read_bytes(), type=list[Story])
    except (OSError, msgspec.DecodeError):
        stories: list[Story] = []
    for k, sequence in enumerate(piece.make()):
        _refuse(sequence, recipe)
        windows_of(sequence).save(folder, f"{piece.name}-{k}")
        stories.append(_story(sequence))
    folder.mkdir(parents=True, exist_ok=True)
    part = index.with_suffix(".part")
    part.write_bytes(msgspec.json.encode(stories))
    part.replace(index)
    return stories


def _refuse(sequence: Sequence, recipe: Recipe) -> None:
    if sequence.split not in _LEARNT:
        raise DataError(f"{sequence.name}: split {sequence.split!r} is never learnt from")
    if recipe.purpose is Purpose.SHIP and not may_ship(sequence):
        raise DataError(
            f"{sequence.name}: weights made of {sequence.source!r} under the licence "
            f"{sequence.licence!r} may not be shipped; take the source out of the recipe"
        )


def _story(sequence: Sequence) -> Story:
    seen = sequence.observations
    ms = seen[-1].key.t_ms - seen[0].key.t_ms if seen else 0
    words = [label.behavior for label in sequence.labels]
    return Story(
        name=sequence.name,
        source=sequence.source,
        licence=sequence.licence,
        subject=sequence.subject,
        room=sequence.room,
        split=sequence.split,
        fps=sequence.fps,
        hours=ms / 3.6e6,
        falls=words.count(Behavior.FALL),
        blows=words.count(Behavior.STRIKE) + words.count(Behavior.PUSH),
    )


def _key(source: SourceSettings) -> str:
    """Of everything the windows depend on but the amount."""
    digest = hashlib.sha256()
    digest.update(f"{source.seed}/{source.views}".encode())
    wanted = ("windows", "seeing", "sim" if source.name == SIM else "data")
    for kind in wanted:
        digest.update(_code(kind).encode())
    return digest.hexdigest()[:12]


def _code(kind: str) -> str:
    """Digest of the code behind a step."""
    digest = hashlib.sha256()
    for name in _MAKERS[kind]:
        file = import_module(name).__file__
        assert file is not None
        path = Path(file)
        files = sorted(path.parent.glob("*.py")) if path.name == "__init__.py" else [path]
        for each in files:
            if kind != SIM or each.name not in _UNSEEN:
                digest.update(each.read_bytes())
    return digest.hexdigest()


def _pieces(source: SourceSettings, places: Places) -> list[_Piece]:
    if source.name == SIM:
        return _of_sim(source, places)
    clips = [
        clip
        for clip in read_manifest(places.manifest)
        if source_of(clip).name == source.name
        and clip.kind in ("skeleton", "video")
        and clip.split in _LEARNT
    ]
    if not clips:
        raise DataError(f"{places.manifest}: no file to learn from is of {source.name!r}")
    return [_Piece(clip.path.replace("/", "."), _loaded(clip, source, places)) for clip in clips]


def _loaded(clip: Clip, source: SourceSettings, places: Places) -> Callable[[], Iterator[Sequence]]:
    """A file's sequences, skeletons through the recipe's number of cameras."""
    views = source.views if clip.kind == "skeleton" and source_of(clip).motions else 1
    recorder = Recorder(models=places.models, cache=places.recordings)

    def make() -> Iterator[Sequence]:
        for view in range(views):
            rng = np.random.default_rng([source.seed, zlib.crc32(clip.path.encode()), view])
            for sequence in load(clip, recorder=recorder, pace=Pace.LIVE, rng=rng):
                if sequence.split in _LEARNT:
                    yield sequence

    return make


def _look(motion: Motion, source: SourceSettings, k: int) -> Iterator[Sequence]:
    from mizaru.lab.seeing import look

    for view in range(source.views):
        yield look(motion, rng=np.random.default_rng([source.seed, k, view, 2]))


def daily_life(hours: float, seed: int) -> Iterator[tuple[Sequence, CloudCameraSettings]]:
    """A simulated day from eight in the morning on, seen by drawn cameras whose beds and sofas
    are drawn in as rest zones; nobody falls or fights. Nothing of it is ever learnt from."""
    from mizaru.lab.seeing import Eye, look
    from mizaru.lab.sim import daily
    from mizaru.lab.train.rest import rest_zones

    rng = np.random.default_rng([seed, 3])
    for motion in daily.daily_life(rng, hours, begin=8.0):
        eye = Eye.draw(rng, motion)
        camera = CloudCameraSettings(id="camera-1", zone=rest_zones(motion, eye))
        yield look(motion, rng=rng, eye=eye), camera


def _of_sim(source: SourceSettings, places: Places, families: tuple[str, ...] = ()) -> list[_Piece]:
    """Scenes of the repertoire until they are as long as the recipe asks for."""
    from mizaru.lab.sim.repertoire import scenes

    folder = places.cache / "motions" / f"{SIM}-{source.seed}-{_code(SIM)[:12]}"

    def make(scenario: Scenario, k: int) -> Callable[[], Iterator[Sequence]]:
        return lambda: _look(_performed(scenario, folder, source.seed, k), source, k)

    pieces: list[_Piece] = []
    left_s = source.hours * 3600
    drawn = scenes(np.random.default_rng([source.seed, 0]))
    for k, scenario in enumerate(islice(drawn, 1_000_000)):
        pieces.append(_Piece(f"{k:06d}", make(scenario, k)))
        left_s -= scenario.duration
        if left_s <= 0:
            break
    return pieces


def _performed(scenario: Scenario, folder: Path, seed: int, k: int) -> Motion:
    """From the cache, or played now: playing takes longer than all the rest."""
    from mizaru.lab.sim.motion import perform

    file = folder / f"{k:06d}.npz"
    known = _load_motion(file)
    if known is not None:
        return known
    motion = perform(scenario, rng=np.random.default_rng([seed, k, 1]))
    folder.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    with part.open("wb") as stream:
        np.savez_compressed(
            stream,
            joints=motion.joints,
            behaviors=motion.behaviors.astype("U16"),
            rest=np.frombuffer(msgspec.json.encode(motion.rest), np.uint8),
            events=np.frombuffer(msgspec.json.encode(motion.events), np.uint8),
            about=np.array([motion.name, motion.source, motion.licence, str(motion.fps)]),
            people=np.array(motion.people),
        )
    part.replace(file)
    return motion


def _load_motion(file: Path) -> Motion | None:
    try:
        with np.load(file) as arrays:
            name, source, licence, fps = arrays["about"].tolist()
            words = arrays["behaviors"]
            behaviors = np.empty(words.shape, object)
            for word in np.unique(words):
                behaviors[words == word] = Behavior(word)
            return Motion(
                name=name,
                source=source,
                licence=licence,
                fps=float(fps),
                joints=arrays["joints"],
                behaviors=behaviors,
                events=msgspec.json.decode(arrays["events"].tobytes(), type=tuple[Event, ...]),
                people=tuple(arrays["people"].tolist()),
                rest=msgspec.json.decode(
                    arrays["rest"].tobytes(), type=tuple[tuple[tuple[float, float], ...], ...]
                ),
            )
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, msgspec.DecodeError):
        return None
