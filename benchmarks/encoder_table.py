"""What a recipe of the encoder is worth: meaning kept, identity left, tier by tier.

``python -m benchmarks.encoder_table [--out TABLE.md] [--epochs N]``. Frames come from the cache of
``mizaru train encoder``. Four encoders of one trunk are compared: one that learnt to redraw its
frame (a general-purpose embedding), one with cross-entropy alone, one with adversaries on top, and
the recipe that ships. Meaning is read by a fresh head, fitted on the cast that was learnt from;
identity by fresh attackers of `mizaru.lab.audit.families` on people nobody learnt from: they learn
from some rooms of a person and are judged on others.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from msgspec.structs import replace
from torch import nn

from mizaru.lab.audit.contract import Profile
from mizaru.lab.audit.families import attackers
from mizaru.lab.encoder import score
from mizaru.lab.encoder.augment import augment
from mizaru.lab.encoder.frames import Cast, Frames, gather
from mizaru.lab.encoder.meaning import QUESTIONS, UNSAID
from mizaru.lab.encoder.network import WIDTHS, Tier
from mizaru.lab.encoder.recipe import SHIPPED, LossSettings, Recipe, load_recipe
from mizaru.lab.encoder.run import FUSED, WIDTH, checkpoint_of
from mizaru.lab.encoder.trainer import Learned, embed, learn
from mizaru.settings import environment

Array = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

SPANS: Final = (1, 5, 25)
"""T: frames of one stay that an attacker has, 0.4 s apart."""
ROWS: Final = 4_000
"""That attackers and heads learn from at most."""
DRAWS: Final = 300
BARE: Final = LossSettings(distill=0, tiers=1, vib=0, adversary=0, contrast=0, clip=1, noise=0)
HEADER: Final = (
    "| encoder | σ | behaviour F1, one frame | 8 fused | place F1 | identity T=1 | T=5 | T=25 | "
    "same stay, T=1 |\n|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, slots=True, eq=False)
class Stays:
    """Runs of T frames of one person alone in one view: one row per run.

    Attributes:
        z: shape (R, T, D).
        person, scene, half: shape (R,); half 0 or 1: the first or second half of the stay.
    """

    z: Array
    person: Integers
    scene: Integers
    half: Integers

    @staticmethod
    def of(z: Array, rows: npt.NDArray[np.void], span: int) -> Stays:
        owner = rows["scene"].astype(np.int64) * 100 + rows["view"]
        parts: list[tuple[Array, int, int, int]] = []
        for name in np.unique(owner):
            for person in np.unique(rows["person"][owner == name]):
                mine = np.flatnonzero((owner == name) & (rows["person"] == person))
                if person < 0 or len(mine) < span:
                    continue
                starts = range(0, len(mine) - span + 1, max(1, span // 2))
                for start in starts:
                    run = mine[start : start + span]
                    late = int(start + span > len(mine) // 2)
                    parts.append((z[run], int(person), int(name) // 100, late))
        return Stays(
            np.stack([p[0] for p in parts]).astype(np.float32),
            np.array([p[1] for p in parts]),
            np.array([p[2] for p in parts]),
            np.array([p[3] for p in parts]),
        )

    def pick(self, which: npt.NDArray[np.bool_]) -> Stays:
        return Stays(self.z[which], self.person[which], self.scene[which], self.half[which])


def identity(z: Array, rows: npt.NDArray[np.void], span: int, *, same_stay: bool) -> str:
    """Best of all attackers: share of runs named rightly, the mean over people, with its
    interval over scenes; and chance."""
    stays = Stays.of(z, rows, span)
    if same_stay:
        known = stays.half == 0
    else:
        known = np.zeros(len(stays.person), bool)
        for person in np.unique(stays.person):
            scenes = np.unique(stays.scene[stays.person == person])
            known |= (stays.person == person) & np.isin(stays.scene, scenes[::2])
    both = np.intersect1d(stays.person[known], stays.person[~known])
    stays, known = stays.pick(np.isin(stays.person, both)), known[np.isin(stays.person, both)]
    names = np.searchsorted(both, stays.person)
    learnt, asked = stays.pick(known), stays.pick(~known)
    y, truth = names[known], names[~known]
    rng = np.random.default_rng(5)
    few = rng.permutation(len(y))[:ROWS]
    # Who has time may average, or ask of each frame and add up.
    frames = learnt.z.reshape(-1, z.shape[1])
    some = rng.permutation(len(frames))[:ROWS]
    best, guesses, who = -1.0, truth, ""
    for family, fit in attackers(Profile.QUICK, np.random.default_rng(9)):
        ways = [fit(learnt.z.mean(axis=1)[few], y[few])(asked.z.mean(axis=1))]
        if span > 1:
            each = fit(frames[some], np.repeat(y, span)[some])
            logs = each(asked.z.reshape(-1, z.shape[1]))
            ways.append(logs.reshape(len(truth), span, -1).sum(axis=1))
        for logs in ways:
            guess = logs.argmax(axis=1)
            value = _balanced(guess == truth, truth)
            if value > best:
                best, guesses, who = value, guess, family
    right = guesses == truth
    drawn = []
    scenes = np.unique(asked.scene)
    for _ in range(DRAWS):
        some = rng.choice(scenes, len(scenes))
        rows_ = np.concatenate([np.flatnonzero(asked.scene == one) for one in some])
        drawn.append(_balanced(right[rows_], truth[rows_]))
    low, high = np.quantile(drawn, (0.025, 0.975))
    return f"{best:.3f} [{min(low, best):.3f}, {max(high, best):.3f}] ({who}, 1/{len(both)})"


def _balanced(right: npt.NDArray[np.bool_], truth: Integers) -> float:
    return float(np.mean([right[truth == one].mean() for one in np.unique(truth)]))


def meaning(
    train: tuple[Array, npt.NDArray[np.void]],
    test: tuple[Array, npt.NDArray[np.void]],
    question: str,
) -> tuple[score.Figure, score.Figure]:
    """F1 of a fresh head: of one frame, and of `FUSED` together."""
    from sklearn.neural_network import MLPClassifier

    z, rows = train
    known = np.flatnonzero(rows[question] != UNSAID)
    known = np.random.default_rng(2).permutation(known)[: 3 * ROWS]
    head = MLPClassifier((64,), max_iter=30, learning_rate_init=3e-3, random_state=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is stopped on purpose
        head.fit(z[known], rows[question][known])
    z, rows = test
    said = np.full((len(z), len(QUESTIONS[question])), 1e-6, np.float32)
    said[:, head.classes_] = head.predict_proba(z)
    owner = rows["scene"].astype(np.int64) * 100 + rows["view"]
    truth, scene = rows[question], rows["scene"]
    return (
        score.f1_of(said.argmax(1), truth, scene, question),
        score.f1_of(score.fused(said, owner, FUSED).argmax(1), truth, scene, question),
    )


def redraw(recipe: Recipe, frames: Frames, file: Path, epochs: int) -> Learned:
    """The general-purpose one: z is what a frame can be drawn from again."""
    torch.manual_seed(recipe.seed)
    model = Learned(recipe.network.width)
    if file.exists():
        model.load_state_dict(torch.load(file, weights_only=True))
        return model
    model.to(memory_format=torch.channels_last)
    draw = nn.Sequential(
        nn.Linear(WIDTHS[-1], 512), nn.ReLU(), nn.Linear(512, 64 * 24), nn.Unflatten(1, (64, 4, 6)),
        nn.Upsample(scale_factor=2), nn.Conv2d(64, 48, 3, padding=1), nn.ReLU(),
        nn.Upsample(scale_factor=2), nn.Conv2d(48, 32, 3, padding=1), nn.ReLU(),
        nn.Upsample(scale_factor=2), nn.Conv2d(32, 3, 3, padding=1),
    )  # fmt: skip
    optimizer = torch.optim.AdamW([*model.parameters(), *draw.parameters()], lr=2e-3)
    rng = np.random.default_rng(recipe.seed)
    generator = torch.Generator().manual_seed(recipe.seed)
    steps = recipe.training.frames_per_epoch // recipe.training.batch
    for epoch in range(epochs):
        total = 0.0
        for _ in range(steps):
            picks = rng.integers(0, len(frames), recipe.training.batch)
            x = augment(torch.from_numpy(frames.pixels[picks]), generator)
            small = nn.functional.avg_pool2d(x, 2)
            said = model.family(x)
            loss = sum(nn.functional.mse_loss(draw(mu), small) for mu, _ in said.values())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += float(loss.detach())
        print(f"redraw: epoch {epoch + 1} of {epochs}, {total / steps:.4f}", file=sys.stderr)
    model.eval()
    file.parent.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), file)
    return model


def encoders(
    recipe: Recipe, frames: Frames, cache: Path, epochs: int
) -> Iterator[tuple[str, Learned, tuple[float, ...]]]:
    """Name, encoder, and the σ it is read at."""
    short = replace(recipe.training, epochs=epochs)
    file = cache / "runs" / f"redraw-{recipe.seed}-{epochs}.pt"
    yield "general purpose (redraws)", redraw(recipe, frames, file, epochs), (0.0, 0.2)
    for name, loss in (
        ("cross-entropy only", BARE),
        ("+ adversaries", replace(BARE, adversary=recipe.loss.adversary)),
    ):
        one = replace(recipe, title=f"{recipe.title}-bare", loss=loss, training=short)
        yield name, learn(one, frames, checkpoint_of(one, cache), progress=_tell), (0.0,)
    yield "as it ships", learn(recipe, frames, checkpoint_of(recipe, cache), progress=_tell), (
        0.0, 0.2, 0.35,
    )  # fmt: skip


def _tell(pace: object) -> None:
    if pace.step == pace.steps:  # type: ignore[attr-defined]
        print(pace, file=sys.stderr, flush=True)


def table(recipe: Recipe, cache: Path, epochs: int) -> Iterator[str]:
    """Lines, one as each is known."""
    frames, judged = gather(recipe, cache, Cast.LEARN), gather(recipe, cache, Cast.JUDGE)
    yield (
        f"Learnt from {len(frames):,} frames; judged on {len(judged):,} frames of "
        f"{recipe.people.judge} other people in {recipe.scenes.judge} other scenes. Base tier, "
        f"{WIDTH} numbers. Identity: best of 4 families × 3 restarts, mean over people; in "
        "brackets 95 % over scenes, the best family and chance."
    )
    yield ""
    yield HEADER
    rng = np.random.default_rng(1)
    few = np.sort(rng.permutation(len(frames))[: 6 * ROWS])
    learnt = frames.pick(few)
    owner = judged.rows["scene"].astype(np.int64) * 100 + judged.rows["view"]
    last: Learned | None = None
    for name, model, sigmas in encoders(recipe, frames, cache, epochs):
        own = embed(model, learnt.pixels, Tier.BASE)
        mu = embed(model, judged.pixels, Tier.BASE)
        # An embedding that was never clipped is scaled to the clip's size.
        scale = (
            1.0 if "general" not in name else float(np.linalg.norm(own[:, :WIDTH], axis=1).mean())
        )
        for sigma in sigmas:
            noise = np.random.default_rng(3)
            z = score.release(mu / scale, WIDTH, recipe.loss.clip, sigma, noise, owner)
            train = (
                score.release(own / scale, WIDTH, recipe.loss.clip, sigma, noise), learnt.rows
            )  # fmt: skip
            one, fused = meaning(train, (z, judged.rows), "behavior")
            place, _ = meaning(train, (z, judged.rows), "place")
            named = [identity(z, judged.rows, span, same_stay=False) for span in SPANS]
            named.append(identity(z, judged.rows, 1, same_stay=True))
            yield f"| {name} | {sigma:g} | {one} | {fused} | {place} | {' | '.join(named)} |"
        last = model
    assert last is not None
    yield ""
    yield from tiers(last, learnt, judged, recipe.loss.clip)


def tiers(model: Learned, learnt: Frames, judged: Frames, most: float) -> Iterator[str]:
    """A head that was fitted on one tier reads the other's z."""
    mus = {
        tier: (embed(model, learnt.pixels, tier), embed(model, judged.pixels, tier))
        for tier in Tier
    }
    yield "| width | question | cosine | base by base's head | small by base's | small by small's |"
    yield "|---|---|---|---|---|---|"
    for width in WIDTHS:
        z = {t: tuple(score.clipped(mu, width, most) for mu in mus[t]) for t in Tier}
        near = score.cosine(z[Tier.SMALL][1], z[Tier.BASE][1])
        for question in ("behavior", "place", "relation", "count"):
            cells = []
            for own, other in ((Tier.BASE, Tier.BASE), (Tier.BASE, Tier.SMALL), (Tier.SMALL,) * 2):
                figure, _ = meaning((z[own][0], learnt.rows), (z[other][1], judged.rows), question)
                cells.append(str(figure))
            yield f"| {width} | {question} | {near:.3f} | {' | '.join(cells)} |"


def main() -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", nargs="?", type=Path, default=SHIPPED)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--epochs", type=int, default=5, help="of what is compared with")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    folder = Path(environment().get("MIZARU_TRAINING") or Path.home() / ".cache/mizaru/training")
    began = time.process_time()
    lines = []
    for line in table(load_recipe(asked.recipe), folder / "encoder", asked.epochs):
        print(line, flush=True)
        lines.append(line)
    print(f"{(time.process_time() - began) / 60:.1f} min", file=sys.stderr)
    if asked.out:
        asked.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
