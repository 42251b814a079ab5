"""Taint: people wear a pattern of high entropy; is it in anything that leaves?

As taint tracking does with data (Enck et al., *TaintDroid*, OSDI 2010), with pixels. What is
looked at is correlated with the pattern as the camera saw it: pictures where people stood, every
other byte against rows of the raw frame. A correlation above a limit is a hit; *chance* is the
same with a pattern that nobody wore.

All of proxy mode goes through perception and desensitizer as in the darkroom: messages, decoded
plates, segments, the spool's file; in profile full also through the programs themselves, with
logs and databases. Then the detector is switched off at random frames, and altogether. A control
must be found each time: a desensitizer that puts a live frame into a plate, and raw pixels between
random bytes. Other representations are shown the same people.
"""

from __future__ import annotations

import functools
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from mizaru.edge.darkroom.desensitize import build_desensitizer
from mizaru.edge.darkroom.desensitize.contract import Desensitizer
from mizaru.edge.darkroom.frame import Frame
from mizaru.edge.darkroom.perceive import build_perceiver
from mizaru.edge.darkroom.perceive.perception import Perception
from mizaru.edge.models import models_folder
from mizaru.edge.segmenter import Segmenter
from mizaru.edge.settings import CameraSettings, EmbeddingSettings, Pace, PerceiveSettings
from mizaru.edge.spool import Spool
from mizaru.errors import DataError
from mizaru.lab.audit.attacks.correlation import (
    BYTE_LIMIT,
    PICTURE_LIMIT,
    Worn,
    in_bytes,
    in_picture,
    rows_of,
)
from mizaru.lab.audit.contract import (
    CROP_HW,
    Example,
    Medium,
    Outcome,
    Profile,
    Representation,
    Row,
    Visit,
)
from mizaru.lab.sim import Appearance, render, write_video
from mizaru.lab.sim.scenario import Action, Camera, Do, Light, Room, Scenario
from mizaru.lab.sim.scenario import Person as Actor
from mizaru.vocabulary import Behavior
from mizaru.wire.codec import decode_from_edge, encode
from mizaru.wire.messages import Developed, Plate, Segment
from mizaru.wire.messages import Representation as Omega

DATASET: Final = "sim, people in a pattern"
SIZE_WH: Final = (320, 180)
FPS: Final = {Profile.QUICK: 2.0, Profile.FULL: 5.0}
SECONDS: Final = 75.0
"""The plate shows nothing that has not been bare for 30 s."""
PATTERN: Final = 99
"""Seed of what is worn."""
OTHER: Final = 100
"""Seed of what nobody wore."""
PROXY: Final = "omega"
"""Key of the representation that is all of proxy mode."""

_DETECTOR: Final = (("detector on", 0.0), ("detector off at half of the frames", 0.5),
                    ("detector off", 1.0))  # fmt: skip
_LEAST_VISIBLE: Final = 500
_SEEN_FOR_CHANCE: Final = 12


@dataclass(frozen=True, slots=True, eq=False)
class _Film:
    """People in the pattern, as the camera saw them, and the same people in another one."""

    worn: tuple[Worn, ...]
    first: tuple[Worn, ...]
    other: tuple[Worn, ...]
    times_ms: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """What something that left has of the pattern, and of one that nobody wore."""

    what: str
    picture: bool
    value: float
    chance: float

    @property
    def hit(self) -> bool:
        return self.value > (PICTURE_LIMIT if self.picture else BYTE_LIMIT)


@dataclass(frozen=True, slots=True)
class _Raw:
    """Correlations of what must be found: the anchors of the rows, which bring their own."""

    picture: float
    bytes: float


_RAW: Final = _Raw(1.0, 1.0)
"""Of a picture, or of bytes, with themselves."""


@dataclass(frozen=True, slots=True)
class Taint:
    """See the module.

    Args:
        models: folder of the model store; None: as the edge finds it.
    """

    name: str = "taint"
    words: str = "find a pattern that people wear in anything that leaves"
    source: str = "after Enck et al. 2010 (TaintDroid); docs/threat-model"
    media: frozenset[Medium] = field(default_factory=lambda: frozenset(Medium))
    models: Path | None = None

    def run(
        self,
        representation: Representation,
        visits: tuple[Visit, ...],
        profile: Profile,
        rng: np.random.Generator,
    ) -> Outcome:
        """Hits, and the highest correlation of pictures; `visits` are not used.

        Raises:
            SimError: this machine cannot render.
            ModelError: a perception model is missing.
        """
        if representation.medium is Medium.POSES and representation.name != PROXY:
            raise DataError(f"{representation.name}: a part of {PROXY}, which is tested as a whole")
        film = _film(profile)
        found: dict[str, list[_Found]] = {}
        void = ""
        examples: tuple[Example, ...] = ()
        if representation.name == PROXY:
            folder = models_folder(self.models, os.environ)
            seen = _perceive(film, folder, rng)
            for state, blind in _DETECTOR:
                sent = _send(film, seen, blind, rng)
                found[state] = list(_look(sent, film, rng))
                if blind == 0.0 and not sent.plates:
                    void = "no plate was published: nothing was tested"
                if blind == 0.0 and sent.plates:
                    examples = (_example(film, sent.plates[-1]),)
            if profile is Profile.FULL:
                found["edge and cloud, every file"] = list(_programs(film, folder, rng))
            raw, missed = _control(film, seen, rng)
            void = void or missed
        else:
            visit = _visit(film)
            given = representation.show(visit, rng)
            found[""] = list(_in_shown(given, representation.medium, visit, film, rng))
            raw = _RAW
        rows: list[Row] = []
        for state, items in found.items():
            rows += _rows(representation.name, self.name, state, items, raw, void)
        return Outcome(tuple(rows), examples)


def _rows(
    representation: str,
    attack: str,
    state: str,
    items: Sequence[_Found],
    raw: _Raw,
    void: str,
) -> Iterator[Row]:
    hits = float(sum(item.hit for item in items))
    what = ", ".join(sorted({item.what for item in items}))
    setting = f"{state}: {what}" if state else what
    yield Row(
        representation, attack, "hits", setting, DATASET, hits, hits, hits, 0.0,
        float(len(items)), family="correlation", tried=len(items), void=void,
    )  # fmt: skip
    for kind, some, anchor in (
        ("correlation of pictures", [i for i in items if i.picture], raw.picture),
        ("correlation of bytes", [i for i in items if not i.picture], raw.bytes),
    ):
        if some:
            best = max(some, key=lambda item: item.value)
            yield Row(
                representation, attack, kind, state, DATASET, best.value, best.value, best.value,
                max(item.chance for item in some), anchor,
                family=best.what, tried=len(some), void=void,
            )  # fmt: skip


# The film


def _scenario(seconds: float) -> Scenario:
    """Somebody comes, stands, and goes; somebody else stays."""
    return Scenario(
        title="taint",
        seed=5,
        duration=seconds,
        room=Room(size=(4.4, 4.6, 2.7)),
        light=(Light(position=(2.2, 1.6, 2.6)),),
        camera=(Camera(name="wall", position=(2.2, 0.1, 2.3), look_at=(2.2, 2.9, 0.8), fov=58),),
        person=(
            Actor(name="stays", identity=4, start=(3.2, 3.2), heading=200),
            Actor(
                name="passes",
                identity=6,
                start=(-0.8, 3.0),
                action=(
                    Action(do=Do.WALK, at=4.0, to=(1.6, 2.9)),
                    Action(do=Do.WAIT, seconds=12.0),
                    Action(do=Do.WALK, to=(-0.8, 3.0)),
                ),
            ),
        ),
    )


@functools.lru_cache(maxsize=2)
def _film(profile: Profile) -> _Film:
    scenario, fps = _scenario(SECONDS), FPS[profile]
    worn: list[Worn] = []
    first: list[Worn] = []
    for pixels, truth in render(scenario, fps=fps, size_wh=SIZE_WH, appearance=Appearance(PATTERN)):
        assert truth.mask is not None
        worn.append(Worn(pixels, truth.mask > 0))
        first.append(Worn(pixels, truth.mask == 1))
    few = Appearance(OTHER)
    short = _scenario(_SEEN_FOR_CHANCE / fps)
    other = [
        Worn(pixels, truth.mask > 0)
        for pixels, truth in render(short, fps=fps, size_wh=SIZE_WH, appearance=few)
        if truth.mask is not None
    ]
    times = tuple(round(k / fps * 1000) for k in range(len(worn)))
    return _Film(tuple(worn), tuple(first), tuple(other), times)


def _perceive(
    film: _Film, models: Path, rng: np.random.Generator
) -> tuple[tuple[Frame, Perception], ...]:
    settings = PerceiveSettings(threads=1, timeout_ms=10_000)
    perceiver = build_perceiver(settings, models, rng=rng, clock=lambda: 0.0)
    frames = [
        Frame(number, t_ms, 0, frame.pixels)
        for number, (t_ms, frame) in enumerate(zip(film.times_ms, film.worn, strict=True))
    ]
    return tuple((frame, perceiver.perceive(frame)) for frame in frames)


# What leaves


@dataclass(frozen=True, slots=True, eq=False)
class _Sent:
    """Everything that left: bytes by kind, and the plates among them."""

    blobs: dict[str, bytes]
    plates: tuple[bytes, ...]


def _send(
    film: _Film,
    seen: Sequence[tuple[Frame, Perception]],
    blind: float,
    rng: np.random.Generator,
    desensitizer: Desensitizer | None = None,
) -> _Sent:
    """Through the desensitizer, the segmenter and the spool, as on an edge."""
    camera = CameraSettings(id="camera-1", source="0", embedding=EmbeddingSettings(enabled=True))
    if desensitizer is None:
        desensitizer = build_desensitizer(camera, rng=rng, clock=lambda: 0)
    segmenter = Segmenter(camera.id, clock=lambda: 0.0)
    width, height = SIZE_WH
    nothing = Perception((), np.zeros(((height + 1) // 2, (width + 1) // 2), np.bool_))
    messages: list[bytes] = []
    segments: list[bytes] = []
    plates: list[bytes] = []
    with tempfile.TemporaryDirectory(prefix="mizaru-taint-") as folder:
        file = Path(folder) / "spool.sqlite"
        spool = Spool(file, max_bytes=1 << 28, random_bytes=rng.bytes)
        try:
            for frame, perception in seen:
                off = rng.random() < blind
                for message in desensitizer.desensitize(frame, nothing if off else perception):
                    if isinstance(message, Plate):
                        plates.append(message.image)
                        messages.append(encode(message))
                        segmenter.offer_plate(message)
                        continue
                    developed = Developed(message, width, height, frame.t_ms)
                    messages.append(encode(developed))
                    segments += [spool.append(d).encoded for d in segmenter.push(developed)]
            segments += [spool.append(draft).encoded for draft in segmenter.flush()]
        finally:
            spool.close()
        kept = b"".join(f.read_bytes() for f in sorted(Path(folder).iterdir()) if f.is_file())
    blobs = {"pipe": b"".join(messages), "segments": b"".join(segments), "spool file": kept}
    return _Sent(blobs, tuple(plates))


def _look(sent: _Sent, film: _Film, rng: np.random.Generator) -> Iterator[_Found]:
    rows, others = rows_of(film.worn, rng), rows_of(film.other, rng)
    for what, blob in sent.blobs.items():
        yield _Found(what, False, in_bytes(blob, rows), in_bytes(blob, others))
    for image in sent.plates:
        plate = _decoded(image)
        yield _Found("plates", True, in_picture(plate, film.worn), in_picture(plate, film.other))


class _Leaky:
    """The control: a desensitizer that publishes a live frame as its plate."""

    def __init__(self, desensitizer: Desensitizer, at: int) -> None:
        self._desensitizer, self._at = desensitizer, at

    def desensitize(self, frame: Frame, perception: Perception) -> tuple[Omega | Plate, ...]:
        """What leaves, and once what must not."""
        out = self._desensitizer.desensitize(frame, perception)
        if frame.frame_id != self._at:
            return out
        bgr = cv2.cvtColor(np.asarray(frame.pixels), cv2.COLOR_RGB2BGR)
        _, webp = cv2.imencode(".webp", bgr, [cv2.IMWRITE_WEBP_QUALITY, 40])
        return (Plate(webp.tobytes(), 100), *out)


def _control(
    film: _Film, seen: Sequence[tuple[Frame, Perception]], rng: np.random.Generator
) -> tuple[_Raw, str]:
    """How well both controls were found; and why the attack proves nothing, or ""."""
    camera = CameraSettings(id="camera-1", source="0", embedding=EmbeddingSettings(enabled=True))
    real = build_desensitizer(camera, rng=rng, clock=lambda: 0)
    at = max(range(len(film.worn) // 2), key=lambda k: int(film.worn[k].mask.sum()))
    leaky = _send(film, seen[: at + 2], 0.0, rng, _Leaky(real, at))
    picture = max((f.value for f in _look(leaky, film, rng) if f.picture), default=0.0)
    noise = rng.bytes(50_000)
    rows = rows_of(film.worn[at : at + 1], rng)
    blob = in_bytes(noise + film.worn[at].pixels.tobytes() + noise, rows) if rows else 0.0
    raw = _Raw(picture, blob)
    if picture <= PICTURE_LIMIT:
        return raw, "the control, a plate made of a live frame, was not found"
    if blob <= BYTE_LIMIT:
        return raw, "the control, raw pixels between random bytes, was not found"
    return raw, ""


def _programs(film: _Film, models: Path, rng: np.random.Generator) -> Iterator[_Found]:
    """The film as a file through both programs: every file that they leave behind."""
    from mizaru.lab.sim.truth import FrameTruth

    with tempfile.TemporaryDirectory(prefix="mizaru-taint-") as name:
        folder = Path(name)
        clip = folder / "clip" / "tainted.mp4"
        fps = FPS[Profile.FULL]

        def frames() -> Iterator[tuple[npt.NDArray[np.uint8], FrameTruth]]:
            for number, frame in enumerate(film.worn):
                yield frame.pixels, FrameTruth(number, number / fps, 0, (), (), None)

        for _ in write_video(frames(), clip, fps=fps):
            pass
        out = folder / "out"
        out.mkdir()
        _both(clip, out, models)
        rows, others = rows_of(film.worn, rng), rows_of(film.other, rng)
        for file in sorted(out.rglob("*")):
            if file.is_file():
                blob = file.read_bytes()
                yield _Found(file.name, False, in_bytes(blob, rows), in_bytes(blob, others))
        with sqlite3.connect(out / "cloud.sqlite") as store:
            encoded = [row for (row,) in store.execute("SELECT encoded FROM segments")]
        for segment in map(decode_from_edge, encoded):
            if isinstance(segment, Segment) and segment.plate is not None:
                plate = _decoded(segment.plate.image)
                yield _Found(
                    "plates", True, in_picture(plate, film.worn), in_picture(plate, film.other)
                )


def _both(clip: Path, out: Path, models: Path) -> None:
    """Edge and cloud on a clip, everything they write in one folder."""
    import json

    cloud_file, edge_file, ready = out / "cloud.toml", out / "edge.toml", out / "ready.json"
    cloud_file.write_text(
        '[cloud]\nlisten = "127.0.0.1:0"\nedge_listen = "127.0.0.1:0"\n'
        '[cloud.store]\npath = "cloud.sqlite"\n'
    )
    program = [sys.executable, "-m", "mizaru"]
    environment = {**os.environ, "MIZARU_MODELS": str(models)}
    with (out / "cloud.log").open("wb") as log, (out / "events.jsonl").open("wb") as events:
        cloud = subprocess.Popen(
            [*program, "cloud", str(cloud_file), "--json", "-", "--ready-file", str(ready)],
            stdout=events, stderr=log, env=environment,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while not ready.exists() and time.monotonic() < deadline and cloud.poll() is None:
            time.sleep(0.05)
        if not ready.exists():
            raise DataError(f"{out}: the cloud did not start; see {out / 'cloud.log'}")
        link = json.loads(ready.read_text())["edge"]
        edge_file.write_text(
            f'[edge.link]\nurl = "ws://{link}/edge"\n[edge.spool]\npath = "spool.sqlite"\n'
            f'[[edge.camera]]\nid = "x"\nsource = "{clip}"\npace = "{Pace.FAST}"\n'
        )
        with (out / "edge.log").open("wb") as log:
            done = subprocess.run(
                [*program, "edge", str(edge_file)], stderr=log, env=environment, check=False
            )
        if done.returncode:
            raise DataError(f"{out}: the edge ended with {done.returncode}; see its edge.log")
    finally:
        cloud.send_signal(signal.SIGTERM)
        cloud.wait(60)


# Other representations


def _visit(film: _Film) -> Visit:
    """Who stays, cut out of the frames in which enough of her is seen; she is not perceived."""
    crops, masks = [], []
    for frame in film.first:
        ys, xs = np.nonzero(frame.mask)
        if len(ys) < _LEAST_VISIBLE:
            continue
        window = (slice(ys.min(), ys.max() + 1), slice(xs.min(), xs.max() + 1))
        size = CROP_HW[::-1]
        crops.append(cv2.resize(frame.pixels[window], size, interpolation=cv2.INTER_NEAREST))
        mask = cv2.resize(frame.mask[window].astype(np.uint8), size)
        masks.append(mask > 0)
    if not crops:
        raise DataError("nobody in the pattern was seen")
    ticks = len(crops)
    nowhere = np.full((ticks, 17, 3), np.nan, np.float32)
    return Visit(
        dataset=DATASET,
        person="stays",
        session="day1",
        camera="wall",
        attributes={},
        behaviors=np.array([Behavior.STAND] * ticks, dtype=object),
        poses=(None,) * ticks,
        keypoints=nowhere,
        world=None,
        resolution_wh=SIZE_WH,
        crops=np.stack(crops),
        masks=np.stack(masks),
    )


def _in_shown(
    given: npt.NDArray[np.float32],
    medium: Medium,
    visit: Visit,
    film: _Film,
    rng: np.random.Generator,
) -> Iterator[_Found]:
    assert visit.crops is not None
    assert visit.masks is not None
    worn = [Worn(c, m) for c, m in zip(visit.crops, visit.masks, strict=True)]
    if medium is Medium.PIXELS:
        for picture, own in zip(given[::8], worn[::8], strict=True):
            large = np.clip(np.nan_to_num(picture) * 255, 0, 255).astype(np.uint8)
            large = cv2.resize(large, CROP_HW[::-1], interpolation=cv2.INTER_NEAREST)
            turned = Worn(own.pixels[::-1].copy(), own.mask)
            yield _Found("pictures", True, in_picture(large, [own]), in_picture(large, [turned]))
        return
    blob = np.nan_to_num(given).astype(np.float32).tobytes()
    rows, others = rows_of(film.worn, rng), rows_of(film.other, rng)
    yield _Found("numbers", False, in_bytes(blob, rows), in_bytes(blob, others))


def _decoded(image: bytes) -> npt.NDArray[np.uint8]:
    decoded = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR)
    if decoded is None:
        raise DataError("a plate is no picture")
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def _example(film: _Film, image: bytes) -> Example:
    middle = film.worn[len(film.worn) // 3]
    return Example(
        "people in a pattern, and the plate that left",
        (("what the camera saw", middle.pixels), ("the published plate", _decoded(image))),
    )
