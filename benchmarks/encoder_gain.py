"""Does the recognizer gain from z? The same windows of poses with and without it.

``python -m benchmarks.encoder_gain [--out TABLE.md] [--learn SCENES] [--judge SCENES]``. Scenes and
people are those of the encoder's casts; every tick's frame is drawn and encoded by the shipped
base tier, and z released as a darkroom would: clipped, half of its noise sticky. A small TCN
sees the last 32 ticks of one subject's pose channels, and in some arms z of the same ticks beside
them; besides the recognizer's outputs it is asked for the place, relation and count.
One arm has μ without noise: what the noise costs is told apart from what z never held. The last has
the true place of whoever is alone in the picture instead, on the floor, on a bed, at a basin, on a
seat: what an embedding that said it without fail would be worth.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from msgspec.structs import replace
from torch import Tensor, nn

from mizaru.cloud.recognize.features import CHANNELS, TICKS
from mizaru.cloud.recognize.outputs import ACTIONS
from mizaru.cloud.recognize.sight import Sight
from mizaru.edge.darkroom.encode.canvas import canvas
from mizaru.edge.darkroom.encode.card import WEIGHTS
from mizaru.lab.encoder import export, score
from mizaru.lab.encoder.frames import Cast, View, scenarios, views
from mizaru.lab.encoder.meaning import QUESTIONS, UNSAID, Place, meaning_of
from mizaru.lab.encoder.recipe import SHIPPED, Recipe, load_recipe
from mizaru.lab.train.score import auc
from mizaru.lab.train.truth import Truths
from mizaru.settings import environment
from mizaru.vocabulary import Behavior
from mizaru.wire.messages import GRID_MS

Array = npt.NDArray[np.float32]

EVERY: Final = 3
"""Ticks between windows that are kept."""
WIDTH: Final = 8
DRAWS: Final = 300
BATCH: Final = 256
ROW: Final = np.dtype(
    [("scene", "<i4"), ("action", "i1"), ("fall", "i1"), ("aggression", "i1"), ("place", "i1"),
     ("relation", "i1"), ("count", "i1")]
)  # fmt: skip
ASKED: Final = {
    "action": len(ACTIONS), "fall": 2, "aggression": 2,
    **{name: len(QUESTIONS[name]) for name in ("place", "relation", "count")},
}  # fmt: skip
_LIE: Final = ACTIONS.index(Behavior.LIE)


@dataclass(frozen=True, slots=True)
class Size:
    """Scenes to learn from and to judge on, windows that each run draws, and runs."""

    learn: int
    judge: int
    drawn: int
    runs: int


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """N windows.

    Attributes:
        x: shape (N, C, W) float16, the recognizer's.
        mu: shape (N, 32, W) float16: μ of the frames of the same ticks, 0 where there was none.
        rows: shape (N,) of `ROW`; place, relation and count are the frame's.
        stay: shape (N,): whose sticky noise.
    """

    x: npt.NDArray[np.float16]
    mu: npt.NDArray[np.float16]
    rows: npt.NDArray[np.void]
    stay: npt.NDArray[np.int64]


def looks_of(view: View, encoder: Callable[[Array], Array]) -> Looks:
    """Windows of one view with what was encoded meanwhile."""
    sight, truths = Sight(), Truths(view.sequence.labels)
    frames, ticks = [], []
    kept: list[tuple[int, Array, tuple[int, ...], int]] = []
    for observation in view.sequence.observations:
        t_ms = observation.key.t_ms
        if observation.poses:
            picture = canvas(view.plate, observation.poses, observation.aspect)
            frames.append(picture.transpose(2, 0, 1).astype(np.float32) / 255.0)
            ticks.append(t_ms // GRID_MS)
        for seen in sight.observe(observation):
            if seen.window is None or t_ms // GRID_MS % EVERY:
                continue
            meaning = meaning_of(view.motion, view.eye, t_ms / 1000, view.pieces)
            if meaning is None:
                continue
            truth = truths.at(t_ms, seen.subject.subject_id)
            answers = (
                truth.action, truth.fall, truth.aggression,
                # A frame's place is a subject's only where nobody else is.
                meaning.place if len(meaning.people) == 1 else UNSAID,
                meaning.relation, meaning.count,
            )  # fmt: skip
            kept.append((t_ms // GRID_MS, seen.window.features(), answers, view.scene))
    if not kept:
        return Looks(
            np.zeros((0, CHANNELS, TICKS), np.float16), np.zeros((0, 32, TICKS), np.float16),
            np.zeros(0, ROW), np.zeros(0, np.int64),
        )  # fmt: skip
    mu = encoder(np.stack(frames))
    line = np.zeros((max(ticks) + 1 + TICKS, mu.shape[1]), np.float16)
    line[np.array(ticks) + TICKS] = mu
    past = np.stack([line[tick + 1 : tick + 1 + TICKS].T for tick, *_ in kept])
    return Looks(
        np.stack([x for _, x, _, _ in kept]).astype(np.float16),
        past,
        np.array([(scene, *answers) for _, _, answers, scene in kept], ROW),
        np.full(len(kept), view.scene * 100 + view.view),
    )


def made(recipe: Recipe, cast: Cast, most: int, folder: Path, sha256: str) -> Looks:
    """Windows of the first scenes of a cast, through one camera each; kept on disk."""
    one = replace(recipe, frames=replace(recipe.frames, views=1))
    parts = []
    for scene, scenario in scenarios(recipe, cast):
        if scene >= most:
            break
        file = folder / f"{cast}-{scene:05d}-{sha256[:8]}.npz"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            run = export.runner(WEIGHTS / "encoder-base.onnx")
            for view in views(one, cast, scene, scenario):
                looks = looks_of(view, run)
                with file.with_suffix(".part").open("wb") as stream:
                    np.savez(stream, x=looks.x, mu=looks.mu, rows=looks.rows, stay=looks.stay)
                file.with_suffix(".part").replace(file)
            print(f"{cast}: scene {scene + 1} of {most}", end="\r", file=sys.stderr, flush=True)
        if file.exists():
            with np.load(file) as arrays:
                parts.append(Looks(*(arrays[name] for name in ("x", "mu", "rows", "stay"))))
    return Looks(
        np.concatenate([p.x for p in parts]), np.concatenate([p.mu for p in parts]),
        np.concatenate([p.rows for p in parts]), np.concatenate([p.stay for p in parts]),
    )  # fmt: skip


def released(looks: Looks, sigma: float, clip: float, seed: int) -> Array:
    """z for each tick of each window, shape (N, D, W); 0 where there was no frame."""
    rng = np.random.default_rng(seed)
    count, _, ticks = looks.mu.shape
    flat = looks.mu.transpose(0, 2, 1).reshape(count * ticks, -1).astype(np.float32)
    there = np.abs(flat).sum(axis=1) > 0
    z = score.release(flat, WIDTH, clip, sigma, rng, np.repeat(looks.stay, ticks))
    return np.where(there[:, None], z, 0.0).reshape(count, ticks, WIDTH).transpose(0, 2, 1)


class Reader(nn.Module):
    """A TCN as the recognizer's, with a head for each question."""

    def __init__(self, channels: int, width: int = 64) -> None:
        super().__init__()
        self.stem = nn.Conv1d(2 * channels, width, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(width, width, 3, padding=2**k, dilation=2**k), nn.BatchNorm1d(width),
                nn.GELU(), nn.Dropout(0.15), nn.Conv1d(width, width, 1), nn.BatchNorm1d(width),
            )
            for k in range(4)
        )  # fmt: skip
        self.heads = nn.ModuleDict(
            {n: nn.Sequential(nn.Linear(3 * width, 64), nn.GELU(), nn.Linear(64, k))
             for n, k in ASKED.items()}
        )  # fmt: skip

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        change = nn.functional.pad((x[:, :, 1:] - x[:, :, :-1]) * 4, (1, 0)).clamp(-2, 2)
        x = nn.functional.gelu(self.stem(torch.cat([x, change], dim=1)))
        for block in self.blocks:
            x = nn.functional.gelu(x + block(x))
        pooled = torch.cat([x[:, :, -1], x.mean(2), x.amax(2)], dim=1)
        return {name: head(pooled) for name, head in self.heads.items()}


def learn(
    x: Callable[[npt.NDArray[np.intp]], Array], rows: Any, channels: int, seed: int, drawn: int
) -> Reader:
    """The same steps for every arm."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = Reader(channels)
    optimizer = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=0.02)
    kind = rows["action"].astype(int) + 1
    kind[rows["fall"] == 1], kind[rows["aggression"] == 1] = 40, 41
    likely = np.bincount(kind)[kind].astype(float) ** -0.4
    likely /= likely.sum()
    steps = drawn // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 2e-3, total_steps=steps, pct_start=0.1
    )
    network.train()
    for _ in range(steps):
        picks = rng.choice(len(rows), BATCH, p=likely)
        said = network(torch.from_numpy(x(picks)))
        loss = torch.zeros(())
        for name, logits in said.items():
            truth = torch.from_numpy(rows[name][picks].astype(np.int64))
            known = truth != UNSAID
            if known.any():
                loss = loss + nn.functional.cross_entropy(logits[known], truth[known])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()


def say(
    network: Reader, x: Callable[[npt.NDArray[np.intp]], Array], count: int
) -> dict[str, Array]:
    """Probabilities of each question."""
    out: dict[str, list[Array]] = {name: [] for name in ASKED}
    with torch.inference_mode():
        for start in range(0, count, 1024):
            said = network(torch.from_numpy(x(np.arange(start, min(start + 1024, count)))))
            for name, logits in said.items():
                out[name].append(torch.softmax(logits, 1).numpy())
    return {name: np.concatenate(parts) for name, parts in out.items()}


def figures(said: dict[str, Array], rows: npt.NDArray[np.void]) -> dict[str, float]:
    """What is compared."""
    lies = (rows["action"] == _LIE) & np.isin(rows["place"], (Place.FLOOR, Place.BED))
    floor = np.where(lies, rows["place"] == Place.FLOOR, -1)
    share = said["place"][:, Place.FLOOR] - said["place"][:, Place.BED]
    return {
        "actions, mean F1": score.mean_f1(said["action"].argmax(1), rows["action"], len(ACTIONS)),
        "fall AUC": auc(said["fall"][:, 1], rows["fall"]),
        "aggression AUC": auc(said["aggression"][:, 1], rows["aggression"]),
        "lies on floor, not bed: AUC": auc(share, floor),
        "place, mean F1": score.mean_f1(said["place"].argmax(1), rows["place"], 5),
        "relation, mean F1": score.mean_f1(said["relation"].argmax(1), rows["relation"], 3),
        "count, mean F1": score.mean_f1(said["count"].argmax(1), rows["count"], 4),
    }


def compare(recipe: Recipe, folder: Path, size: Size) -> Iterator[str]:
    """Lines of the table."""
    from mizaru.edge.darkroom.encode.card import CARD_NAME, load_card

    card = load_card(WEIGHTS / CARD_NAME)
    sha256 = card.tiers["base"].sha256
    train = made(recipe, Cast.LEARN, size.learn, folder, sha256)
    test = made(recipe, Cast.JUDGE, size.judge, folder, sha256)
    yield (
        f"{len(train.rows):,} windows of {size.learn} scenes to learn from, "
        f"{size.drawn:,} drawn; judged on {len(test.rows):,} windows of {size.judge} scenes "
        f"with other people. Encoder {card.version}, D = {WIDTH}. Mean of {size.runs} runs; "
        "differences with 95 % over scenes, the same windows on both sides."
    )
    yield ""
    arms: dict[str, tuple[Array | None, Array | None]] = {
        "poses": (None, None),
        **{
            f"poses + z, σ = {sigma:g}": (
                released(train, sigma, card.clip, 1), released(test, sigma, card.clip, 2)
            )
            for sigma in (0.2, 0.35)
        },
        "poses + μ (never sent)": (
            released(train, 0.0, card.clip, 1), released(test, 0.0, card.clip, 2)
        ),
        "poses + true place": (_place(train), _place(test)),
    }  # fmt: skip
    said: dict[str, list[dict[str, Array]]] = {}
    for name, (z, y) in arms.items():
        said[name] = []
        for seed in range(size.runs):
            channels = CHANNELS + (0 if z is None else WIDTH)
            network = learn(_both(train.x, z), train.rows, channels, seed, size.drawn)
            said[name].append(say(network, _both(test.x, y), len(test.rows)))
            print(name, seed, file=sys.stderr, flush=True)
    names = list(figures(said["poses"][0], test.rows))
    base = _mean(said["poses"], test.rows)
    yield f"| what | {' | '.join(arms)} |"
    yield "|---|" + "---|" * len(arms)
    draws = list(_drawn(test.rows["scene"]))
    spread = {arm: [_mean(said[arm], test.rows, pick) for pick in draws] for arm in arms}
    for name in names:
        cells = [f"{base[name]:.3f}"]
        for arm in list(arms)[1:]:
            value = _mean(said[arm], test.rows)[name]
            gain = [a[name] - b[name] for a, b in zip(spread[arm], spread["poses"], strict=True)]
            low, high = np.nanquantile(gain, (0.025, 0.975))
            cells.append(f"{value:.3f} ({value - base[name]:+.3f} [{low:+.3f}, {high:+.3f}])")
        yield f"| {name} | {' | '.join(cells)} |"


def _place(looks: Looks) -> Array:
    """Shape (N, `WIDTH`, W): 1 at the place's number, 0 everywhere where nobody said."""
    one = np.zeros((len(looks.rows), WIDTH), np.float32)
    said = np.flatnonzero(looks.rows["place"] != UNSAID)
    one[said, looks.rows["place"][said]] = 1.0
    return np.repeat(one[:, :, None], looks.mu.shape[2], axis=2)


def _both(x: npt.NDArray[np.float16], z: Array | None) -> Callable[[npt.NDArray[np.intp]], Array]:
    def of(picks: npt.NDArray[np.intp]) -> Array:
        poses = x[picks].astype(np.float32)
        return poses if z is None else np.concatenate([poses, z[picks].astype(np.float32)], axis=1)

    return of


def _mean(
    runs: list[dict[str, Array]],
    rows: npt.NDArray[np.void],
    pick: npt.NDArray[np.intp] | None = None,
) -> dict[str, float]:
    """Of several runs, on some of the rows."""
    found = []
    for run in runs:
        if pick is None:
            found.append(figures(run, rows))
        else:
            found.append(figures({name: said[pick] for name, said in run.items()}, rows[pick]))
    return {name: float(np.mean([one[name] for one in found])) for name in found[0]}


def _drawn(scene: npt.NDArray[np.int32]) -> Iterator[npt.NDArray[np.intp]]:
    names, index = np.unique(scene, return_inverse=True)
    groups = [np.flatnonzero(np.ravel(index) == k) for k in range(len(names))]
    rng = np.random.default_rng(0)
    for _ in range(DRAWS):
        yield np.concatenate([groups[k] for k in rng.integers(0, len(names), len(names))])


def main() -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--learn", type=int, default=140)
    parser.add_argument("--judge", type=int, default=90)
    parser.add_argument("--drawn", type=int, default=96_000, help="windows, by each run")
    parser.add_argument("--runs", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    folder = Path(environment().get("MIZARU_TRAINING") or Path.home() / ".cache/mizaru/training")
    began = time.process_time()
    lines = []
    recipe = load_recipe(SHIPPED)
    size = Size(asked.learn, asked.judge, asked.drawn, asked.runs)
    for line in compare(recipe, folder / "encoder" / "gain", size):
        print(line, flush=True)
        lines.append(line)
    print(f"{(time.process_time() - began) / 60:.1f} min", file=sys.stderr)
    if asked.out:
        asked.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
