"""Traffic shape: what sizes and times of encrypted messages say about the room.

Somebody on the network cannot read TLS but sees when a message goes and how long it is (Li et
al., *Side-channel information leakage of encrypted video stream in video surveillance systems*,
INFOCOM 2016; the cells of Dyer et al., *Peek-a-boo*, 2012). Poses go through the edge's own
segmenter and encoding; pictures through an H.264 encoder, as a camera would send them; an
embedding is one message of fixed length a tick.

Asked of windows of 2 s: how many people are in view (0, 1, 2), and what the only one does. The
value is the share of windows told right, *chance* is always saying the commonest answer. No cover
traffic is sent in this release, so the number of people is in the sizes for everybody to read.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.edge.segmenter import Segmenter
from mizaru.errors import DataError
from mizaru.lab.audit.attacks.showing import show
from mizaru.lab.audit.attacks.trials import Trial, chosen, share
from mizaru.lab.audit.contract import Medium, Outcome, Profile, Representation, Row, Visit
from mizaru.lab.audit.families import attackers, tried
from mizaru.lab.audit.statistics import top
from mizaru.vocabulary import Behavior, Pose
from mizaru.wire.codec import encode, pack_pose
from mizaru.wire.messages import GENESIS, GRID_MS, Developed, PoseRecord
from mizaru.wire.messages import Representation as Omega

Floats = npt.NDArray[np.float32]

WINDOW: Final = 20
"""Ticks: 2 s."""
OVERHEAD: Final = 29
"""Bytes that TLS 1.3 and WebSocket put around a message: lengths on the network give it away."""

_STREAMS: Final = {Profile.QUICK: 90, Profile.FULL: 300}
_LEAST: Final = 0.8
"""Share of a window that its behaviour must fill."""
_COMMON: Final = 8
"""Answers that are true less often are not asked for."""
_ENOUGH: Final = 20
"""Windows to learn from."""
_SIDE: Final = 64
_EMBEDDING_BYTES: Final = 3
_WINDOWS: Final = 0x7AF
_MOST: Final = 120
"""Visits of a set that windows are drawn from: their pictures must fit into memory."""


@dataclass(frozen=True, slots=True, eq=False)
class _Stream:
    """What an eavesdropper notes in a window: bytes by tick, shape (T,); and what is true.

    Attributes:
        people: how many are in view.
        doing: what the only one does, "" where that is not clear.
        owner: whose visit it is, or "" of an empty room.
    """

    sizes: Floats
    people: int
    doing: str
    owner: str


@dataclass(frozen=True, slots=True)
class Traffic:
    """See the module."""

    name: str = "traffic"
    words: str = (
        "tell from sizes and times of encrypted messages how many are there and what they do"
    )
    source: str = "Li et al. 2016 (INFOCOM); Dyer et al. 2012"
    media: frozenset[Medium] = field(default_factory=lambda: frozenset(Medium))

    def run(
        self,
        representation: Representation,
        visits: tuple[Visit, ...],
        profile: Profile,
        rng: np.random.Generator,
    ) -> Outcome:
        """Two rows for each dataset: people in view, and behaviour of the only one.

        Raises:
            DataError: nothing is sent of any visit.
        """
        rows: list[Row] = []
        # Always the same, so that every representation is asked about the same windows.
        drawn = np.random.default_rng(_WINDOWS)
        shown = list(show(representation, _some(visits, drawn), rng))
        for dataset in sorted({item.visit.dataset for item in shown}):
            mine = [item for item in shown if item.visit.dataset == dataset]
            own = [item.visit for item in mine]
            given = [item.given for item in mine]
            if all(visit.keypoints.size and np.isnan(visit.keypoints).all() for visit in own):
                continue  # photographs: nobody comes or goes
            streams = list(
                _streams(own, given, representation.medium, _STREAMS[profile], drawn, rng)
            )
            asked = (
                ("people in view", [str(s.people) for s in streams], streams),
                (
                    "behaviour",
                    [s.doing for s in streams if s.doing],
                    [s for s in streams if s.doing],
                ),
            )
            for measure, truth, some in asked:
                row = _row(
                    representation.name, self.name, dataset, measure, truth, some, profile, rng
                )
                rows += [] if row is None else [row]
        if not rows:
            raise DataError("traffic needs people who come and go")
        return Outcome(tuple(rows))


def _some(visits: Sequence[Visit], rng: np.random.Generator) -> list[Visit]:
    found: list[Visit] = []
    for dataset in sorted({visit.dataset for visit in visits}):
        mine = [visit for visit in visits if visit.dataset == dataset]
        chosen = np.sort(rng.permutation(len(mine))[:_MOST])
        found += [mine[k] for k in chosen]
    return found


def _row(
    representation: str,
    attack: str,
    dataset: str,
    measure: str,
    truth: list[str],
    streams: Sequence[_Stream],
    profile: Profile,
    rng: np.random.Generator,
) -> Row | None:
    usual = {word for word in truth if truth.count(word) >= _COMMON}
    streams = [stream for stream, word in zip(streams, truth, strict=True) if word in usual]
    words, labels = np.unique([word for word in truth if word in usual], return_inverse=True)
    if len(words) < 2:
        return None
    X = np.stack([_features(stream.sizes) for stream in streams])
    owners = np.array([stream.owner for stream in streams])
    fold = np.array([half_of(owner) for owner in owners])
    attempts: dict[str, list[Trial]] = {}
    for number, (family, fit) in enumerate(attackers(profile, rng)):
        named = np.zeros(len(labels))
        for half in (0, 1):
            learn, test = fold != half, fold == half
            if not test.any() or learn.sum() < _ENOUGH or len(np.unique(labels[learn])) < 2:
                return None
            logs = fit(X[learn], labels[learn])(X[test])
            short = np.full((len(logs), len(words)), -np.inf)
            short[:, : logs.shape[1]] = logs
            named[test] = top(short, labels[test])
        attempts[f"{family} {number}"] = [
            Trial(owner, float(hit)) for owner, hit in zip(owners, named, strict=True)
        ]
    judged, families = chosen(attempts, fold == 1)
    value, low, high = share(judged)
    return Row(
        representation, attack, measure, f"{WINDOW * GRID_MS / 1000:g} s", dataset,
        value, low, high, float(np.bincount(labels).max() / len(labels)), float("nan"),
        family=families, tried=tried(profile),
    )  # fmt: skip


def _streams(
    visits: Sequence[Visit],
    given: Sequence[Floats],
    medium: Medium,
    count: int,
    drawn: np.random.Generator,
    rng: np.random.Generator,
) -> Iterator[_Stream]:
    """Windows with nobody, one and two, a third each; of two, the second is somebody else.

    Everybody belongs to one of two halves, and so do those beside him: what is learned on one
    half is tried on the other.
    """
    halves: tuple[list[int], list[int]] = ([], [])
    for k, visit in enumerate(visits):
        halves[half_of(visit.person)].append(k)
    usable = [half for half in halves if half]
    for turn in range(count * 3):
        half = usable[turn // 3 % len(usable)]
        first, second = (int(k) for k in drawn.choice(half, 2))
        if turn % 3 == 2:
            others = [k for k in half if visits[k].person != visits[first].person]
            if not others:
                continue
            second = int(drawn.choice(others))
        who = [[], [first], [first, second]][turn % 3]
        starts = [int(drawn.integers(max(1, len(given[k]) - WINDOW + 1))) for k in who]
        parts = [
            [(k, s + tick) if s + tick < len(given[k]) else None for tick in range(WINDOW)]
            for k, s in zip(who, starts, strict=True)
        ]
        frames = [
            [at for part in parts if (at := part[tick]) is not None] for tick in range(WINDOW)
        ]
        sizes = _sent(frames, visits, given, medium, rng)
        doing = ""
        if len(who) == 1:
            words = [str(visits[at[0]].behaviors[at[1]]) for frame in frames for at in frame]
            common = max(sorted(set(words)), key=words.count)
            clear = words.count(common) >= _LEAST * len(words)
            doing = common if clear and common != Behavior.UNKNOWN else ""
        # An empty room counts to the half it was drawn for.
        yield _Stream(sizes, len(who), doing, visits[first].person)


def _sent(
    frames: Sequence[Sequence[tuple[int, int]]],
    visits: Sequence[Visit],
    given: Sequence[Floats],
    medium: Medium,
    rng: np.random.Generator,
) -> Floats:
    """Bytes on the network at each tick."""
    if medium is Medium.POSES:
        return _segments(frames, visits, given, rng)
    if medium is Medium.PIXELS:
        return _video(frames, given)
    # One z a tick while anybody is there, as long as its numbers.
    width = _EMBEDDING_BYTES + (given[0].shape[1] if given else 0)
    return np.array([(width + OVERHEAD) * bool(frame) for frame in frames], np.float32)


def _segments(
    frames: Sequence[Sequence[tuple[int, int]]],
    visits: Sequence[Visit],
    given: Sequence[Floats],
    rng: np.random.Generator,
) -> Floats:
    """Through the edge's segmenter and encoding, each segment at the tick it is complete."""
    segmenter = Segmenter("camera-1", clock=lambda: 0.0)
    sizes = np.zeros(len(frames), np.float32)
    stream, number, previous = rng.bytes(8), 0, GENESIS
    began = int(rng.integers(2**40)) // GRID_MS * GRID_MS
    for tick, frame in enumerate(frames):
        records: list[PoseRecord] = []
        for k, at in frame:
            pose = visits[k].poses[at] if given[k].shape[2] == 3 else _as_pose(visits[k], at, k)
            if pose is not None and pose.subject_id not in {r.subject for r in records}:
                records.append(pack_pose(pose))
        t_ms = began + tick * GRID_MS
        omega = Omega(tick, t_ms, rng.bytes(8), tuple(records))
        for draft in segmenter.push(Developed(omega, 640, 360, t_ms)):
            number += 1
            message = encode(draft.seal(stream, number, previous))
            sizes[tick] += len(message) + OVERHEAD
            previous = rng.bytes(16)
    return sizes


def _as_pose(visit: Visit, tick: int, k: int) -> Pose | None:
    """Raw keypoints in the same packing: as long as ours on the wire."""
    points = np.nan_to_num(visit.keypoints[tick]).astype(np.float32)
    points[:, :2] /= visit.resolution_wh
    points[:, :2] = np.clip(points[:, :2], -0.25, 1.25)
    return Pose(k + 1, points) if (points[:, 2] > 0).any() else None


def _video(frames: Sequence[Sequence[tuple[int, int]]], given: Sequence[Floats]) -> Floats:
    """H.264 packets of pictures in which people's crops stand side by side."""
    import av
    import cv2

    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = 2 * _SIDE, 2 * _SIDE, "yuv420p"
    context.framerate = Fraction(1000, GRID_MS)
    context.options = {"tune": "zerolatency", "preset": "veryfast", "crf": "25", "threads": "1"}
    sizes = np.zeros(len(frames), np.float32)
    for tick, frame in enumerate(frames):
        picture = np.full((2 * _SIDE, 2 * _SIDE, 3), 110, np.uint8)
        for place, (k, at) in enumerate(frame):
            crop = np.nan_to_num(given[k][at])
            crop = cv2.resize(crop, (_SIDE, 2 * _SIDE), interpolation=cv2.INTER_NEAREST)
            picture[:, place * _SIDE : (place + 1) * _SIDE] = np.clip(crop * 255, 0, 255)
        encoded = context.encode(av.VideoFrame.from_ndarray(picture, format="rgb24"))
        sizes[tick] = sum(packet.size for packet in encoded) + OVERHEAD
    return sizes


def _features(sizes: Floats) -> Floats:
    """How much, how often, and how it changes."""
    sent = sizes[sizes > 0]
    if not len(sent):
        return np.zeros(len(sizes) + 8, np.float32)
    gaps = np.diff(np.flatnonzero(sizes > 0), prepend=-1)
    shape = (
        len(sent), sent.mean(), sent.std(), sent.min(), sent.max(), np.median(sent),
        gaps.mean(), np.abs(np.diff(sent)).mean() if len(sent) > 1 else 0.0,
    )  # fmt: skip
    ordered = np.zeros(len(sizes))
    ordered[: len(sent)] = sent
    return np.asarray(np.concatenate([shape, ordered]), np.float32)


def half_of(name: str) -> int:
    """0 or 1, the same for the same name in every run."""
    return zlib.crc32(name.encode()) % 2
