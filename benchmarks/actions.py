"""A sanity bar: actions of NW-UCLA and UTKinect, told apart in 3D and behind the wall.

    python -m benchmarks.actions ../shared/data/MANIFEST.csv

The same small network, with the same training, sees each recording four ways: the source's own
joints in 3D (`3d`); what would have crossed the wall if perception were perfect (`no flaws`)
and as it is (`as seen`), both in the recognizer's windows, from a camera that is drawn anew for
each look; and, as the floor, the place and size of the figure alone (`no limbs`). So the steps
from row to row are the price of the wall and of perception.

Read beside them what is published, and mind what differs: only six of the ten people of each set
are here (four are kept by others as a hold-out), published networks are larger, and several
streams of them vote. Nothing here was tuned: there is one setting, chosen for what it costs
(minutes on one core).
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import nn

from mizaru.cloud.recognize.features import PATH, RELATION, TICKS
from mizaru.lab.data.manifest import read_manifest
from mizaru.lab.data.skeletons.archive import read_archive
from mizaru.lab.data.sources import motions, source_of
from mizaru.lab.motion import Motion
from mizaru.lab.seeing import DEFAULT, NONE, Flaws, look
from mizaru.lab.train.windows import windows_of

LOOKS: Final = 4
"""Cameras drawn per recording to train on; one is drawn to test on."""
EPOCHS: Final = 20
BATCH: Final = 128
WIDTH: Final = 96
STEP: Final = 10
"""Ticks between two windows of a recording; its newest window is always one."""
_HIPS: Final = (11, 12)

PUBLISHED: Final = {
    ("nw_ucla", "view"): (
        "96.5 CTR-GCN, four streams (Chen 2021; in its own issues 24 and 33 others reach 95, and "
        "93.5 with joints alone); 94.6 Shift-GCN (Cheng 2020)"
    ),
    ("nw_ucla", "subject"): "few report it; 81.6 MST-AOG from depth video (Wang 2014)",
    ("utkinect", "subject"): (
        "97.1 Lie group curves, half of ten people (Vemulapalli 2014); 90.9 HOJ3D, leave one "
        "sequence out (Xia 2012)"
    ),
}


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """One recording: who, from where, what, in 3D."""

    motion: Motion
    action: int
    subject: str
    camera: str


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """Inputs of many recordings: x (N, C, W), and which recording each belongs to (N,)."""

    x: np.ndarray
    take: np.ndarray


def takes_of(manifest: Path, name: str) -> tuple[list[Take], list[str]]:
    """The recordings of a set with the source's own words for actions."""
    (clip,) = (
        clip
        for clip in read_manifest(manifest)
        if clip.kind == "skeleton" and source_of(clip).name == name
    )
    raw = read_archive(clip.file).takes
    words = sorted({take.raw for take in raw})
    found = [
        Take(motion, words.index(take.raw), take.subject, take.camera)
        for motion, take in zip(motions(clip), raw, strict=True)
    ]
    return found, words


def in_3d(take: Take, rng: np.random.Generator, train: bool) -> np.ndarray:
    """Joints from the hips, turned to look along x, and the hips' way; shape (C, 32), the whole
    recording. To train on, turned a little, scaled and cut a little."""
    joints = take.motion.joints[:, 0].astype(np.float64)
    joints = joints[np.isfinite(joints).all(axis=(1, 2))]
    first, last, turn, scale = 0.0, 1.0, 0.0, 1.0
    if train:
        first, last = rng.uniform(0.0, 0.12), rng.uniform(0.88, 1.0)
        turn, scale = rng.normal(0.0, 0.4), rng.uniform(0.9, 1.1)
    at = np.linspace(first, last, TICKS) * (len(joints) - 1)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, len(joints) - 1)
    part = joints[low] + (joints[high] - joints[low]) * (at - low)[:, None, None]
    across = (part[:, 6] - part[:, 5]).mean(axis=0)  # from left to right
    yaw = np.arctan2(across[0], -across[1]) + turn
    c, s = np.cos(-yaw), np.sin(-yaw)
    part = scale * part @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]).T
    hips = part[:, _HIPS].mean(axis=1)
    flat = (part - hips[:, None]).reshape(TICKS, -1)
    return np.concatenate([flat, hips - hips[-1] * (1, 1, 0)], axis=1).T[None]


Maker = Callable[[Take, np.random.Generator, bool], np.ndarray]
"""A recording, seen once: some inputs, shape (n, C, 32)."""


def behind_the_wall(flaws: Flaws, channels: slice = slice(None)) -> Maker:
    """What the recognizer gets of a recording through a camera that is drawn: its newest window
    and earlier ones. What is drawn is the same in training and test."""

    def make(take: Take, rng: np.random.Generator, train: bool) -> np.ndarray:
        windows = windows_of(look(take.motion, rng=rng, flaws=flaws)).x
        return windows[::-1][::STEP, channels]

    return make


WAYS: Final[dict[str, Maker]] = {
    "3d": in_3d,
    "no flaws": behind_the_wall(NONE),
    "as seen": behind_the_wall(DEFAULT),
    "no limbs": behind_the_wall(DEFAULT, slice(PATH.start, RELATION.start)),
}


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """All recordings of a set, seen often enough to train on and once to test on."""

    train: list[np.ndarray]
    test: list[np.ndarray]

    @staticmethod
    def of(takes: list[Take], make: Maker, looks: int) -> Seen:
        train, test = [], []
        for number, take in enumerate(track(takes, "looking", transient=True)):
            rng = np.random.default_rng([17, number])
            train.append(np.concatenate([make(take, rng, True) for _ in range(looks)]))
            test.append(make(take, rng, False))
        return Seen(train, test)


def _views(parts: list[np.ndarray], which: np.ndarray) -> Views:
    x = np.concatenate([parts[i] for i in which]).astype(np.float32)
    return Views(x, np.repeat(np.arange(len(which)), [len(parts[i]) for i in which]))


class Network(nn.Module):
    """Convolutions over time, then the newest, the mean and the greatest of each channel."""

    def __init__(self, channels: int, actions: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inner = 2 * channels
        for dilation in (1, 2, 4):
            layers += [
                nn.Conv1d(inner, WIDTH, 3, padding=dilation, dilation=dilation),
                nn.BatchNorm1d(WIDTH), nn.GELU(), nn.Dropout(0.3),
            ]  # fmt: skip
            inner = WIDTH
        self.way = nn.Sequential(*layers)
        self.out = nn.Linear(3 * WIDTH, actions)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        change = nn.functional.pad(x[:, :, 1:] - x[:, :, :-1], (1, 0)) * 4.0
        y = self.way(torch.cat([x, change], dim=1))
        return self.out(torch.cat([y[:, :, -1], y.mean(2), y.amax(2)], dim=1))


def tell(
    train: Views, train_y: np.ndarray, test: Views, recordings: int, seed: int, epochs: int
) -> np.ndarray:
    """The action of each recording of the test, shape (recordings,) int; -1 where nobody was
    ever seen."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    mean = train.x.mean(axis=(0, 2), keepdims=True)
    spread = train.x.std(axis=(0, 2), keepdims=True) + 1e-3
    x = torch.from_numpy((train.x - mean) / spread)
    y = torch.from_numpy(train_y[train.take])
    network = Network(x.shape[1], int(train_y.max()) + 1)
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0.02)
    batches = -(-len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=epochs * batches)
    for _ in range(epochs):
        network.train()
        order = rng.permutation(len(x))
        for start in range(0, len(x), BATCH):
            rows = order[start : start + BATCH]
            if len(rows) < 2:
                schedule.step()
                continue
            loss = nn.functional.cross_entropy(network(x[rows]), y[rows], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    network.eval()
    with torch.no_grad():
        said = network(torch.from_numpy((test.x - mean) / spread)).softmax(1).numpy()
    votes = np.zeros((recordings, said.shape[1]))
    np.add.at(votes, test.take, said)
    return np.where(votes.sum(axis=1) > 0, votes.argmax(axis=1), -1)


def folds(protocol: str, takes: list[Take]) -> Iterable[np.ndarray]:
    """Which recordings are the test, shape (recordings,) bool; all others are the training.

    view: cameras 1 and 2 against 3, as published. subject: each person against all others.
    """
    if protocol == "view":
        yield np.array([take.camera == "v03" for take in takes])
        return
    for subject in sorted({take.subject for take in takes}):
        yield np.array([take.subject == subject for take in takes])


def wilson(right: int, n: int) -> tuple[float, float]:
    """95 % interval of a share."""
    z = 1.96
    p, d = right / n, 1 + z * z / n
    middle = (p + z * z / (2 * n)) / d
    half = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / d
    return middle - half, middle + half


def _mistakes(pairs: Counter[tuple[int, int]], words: list[str]) -> str:
    """The most frequent ones, in words."""
    wrong = Counter({pair: n for pair, n in pairs.items() if pair[0] != pair[1]})
    named = [*words, "nobody seen"]
    return ", ".join(f"{named[a]} as {named[b]} {n}" for (a, b), n in wrong.most_common(4))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.actions", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--looks", type=int, default=LOOKS)
    parser.add_argument("--set", choices=["nw_ucla", "utkinect"], action="append", help="only it")
    parser.add_argument("--protocol", choices=["view", "subject"], help="only this one")
    parser.add_argument("--way", choices=list(WAYS), action="append", help="only these rows")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    console = Console()
    table = Table(title="accuracy of single recordings, ten actions each, % with 95 % intervals")
    for column in ("set", "protocol", "seen as", "accuracy", "recordings"):
        table.add_column(column)
    figures = []
    asked_for = [
        (name, protocol)
        for name, protocol in PUBLISHED
        if name in (arguments.set or [name]) and protocol == (arguments.protocol or protocol)
    ]
    for name in dict.fromkeys(name for name, _ in asked_for):
        takes, words = takes_of(arguments.manifest, name)
        actions = np.array([take.action for take in takes])
        seen = {way: Seen.of(takes, WAYS[way], arguments.looks) for way in arguments.way or WAYS}
        for protocol, way in itertools.product((p for n, p in asked_for if n == name), seen):
            pairs: Counter[tuple[int, int]] = Counter()
            for fold, tested in enumerate(folds(protocol, takes)):
                learnt, asked = np.flatnonzero(~tested), np.flatnonzero(tested)
                told = tell(
                    _views(seen[way].train, learnt), actions[learnt],
                    _views(seen[way].test, asked), len(asked), fold, arguments.epochs,
                )  # fmt: skip
                pairs.update(zip(actions[asked].tolist(), told.tolist(), strict=True))
            total, right = pairs.total(), sum(n for (is_, t), n in pairs.items() if is_ == t)
            low, high = wilson(right, total)
            share = 100 * right / total
            shown = f"{share:.1f} ({100 * low:.1f} … {100 * high:.1f})"
            console.print(f"{name} {protocol} {way}: {shown} of {total}; {_mistakes(pairs, words)}")
            table.add_row(name, protocol, way, shown, str(total))
            figures.append(
                {"set": name, "protocol": protocol, "seen_as": way, "accuracy": share / 100,
                 "accuracy_low": low, "accuracy_high": high, "recordings": total,
                 "actions": words}
            )  # fmt: skip
    for name, protocol in asked_for:
        table.add_row(name, protocol, "published", PUBLISHED[name, protocol], "")
    console.print(table)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
