"""What a recipe of the encoder is worth: meaning kept, identity left, tier by tier.

``python -m benchmarks.encoder_table [--out TABLE.md] [--epochs N]``. Frames come from the cache of
``mizaru train encoder``. Four encoders of one trunk are compared: one that learnt to redraw its
frame (a general-purpose embedding), one with cross-entropy alone, one with adversaries on top, and
the recipe that ships. Meaning is read by a fresh head, fitted on the cast that was learnt from;
identity by fresh attackers of `mizaru.lab.audit.families` on people nobody learnt from: they learn
from some rooms of a person and are judged on others. The raw anchor are plain poses: the same
moments as the camera saw them, before retargeting, which have everybody's own build.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from msgspec.structs import replace
from torch import nn

from mizaru.lab.audit.contract import Profile
from mizaru.lab.audit.families import attackers
from mizaru.lab.encoder import score
from mizaru.lab.encoder.draw import Studio
from mizaru.lab.encoder.frames import Cast, Frames, gather, scenarios, views
from mizaru.lab.encoder.meaning import QUESTIONS, UNSAID
from mizaru.lab.encoder.network import WIDTHS, Tier
from mizaru.lab.encoder.recipe import SHIPPED, LossSettings, Recipe, TrainingSettings, load_recipe
from mizaru.lab.encoder.run import FUSED, WIDTH, checkpoint_of
from mizaru.lab.encoder.trainer import Learned, embed, learn, to_input
from mizaru.settings import environment

Array = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

SPANS: Final = (1, 5, 25)
"""T: frames of one stay that an attacker has, 0.4 s apart."""
ROWS: Final = 2_500
"""That attackers and heads learn from at most."""
DRAWS: Final = 300
SHIPS: Final = "as it ships"
BARE: Final = LossSettings(distill=0, tiers=1, vib=0, adversary=0, contrast=0, clip=1, noise=0)
HEADER: Final = (
    "| encoder | σ | behaviour F1 | 8 fused | relation F1 | place F1 | count F1 | identity T=1 | "
    "T=5 | T=25 | same stay, T=1 |\n|---|---|---|---|---|---|---|---|---|---|---|"
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


def identity(
    z: Array, rows: npt.NDArray[np.void], span: int, *, same_stay: bool = False, few: bool = False
) -> str:
    """Best of all attackers: share of runs named rightly, the mean over people, with its
    interval over scenes; and chance.

    Args:
        same_stay: learn from the first half of a stay and name the second: the control, which
            must succeed.
        few: one attacker of each family, instead of three.
    """
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
    mine = rng.permutation(len(y))[:ROWS]
    # Who has time may average, or ask of each frame and add up.
    frames = learnt.z.reshape(-1, z.shape[1])
    some = rng.permutation(len(frames))[:ROWS]
    best, guesses, who = -1.0, truth, ""
    tries = list(attackers(Profile.QUICK, np.random.default_rng(9)))
    for family, noisy in tries[::3] if few else tries:
        fit = _quietly(noisy)
        ways = [fit(learnt.z.mean(axis=1)[mine], y[mine])(asked.z.mean(axis=1))]
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


def _quietly(fit: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Who has a single run has no covariance of their own, and attackers say so every time."""

    def quiet(x: Any, y: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return fit(x, y)

    return quiet


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
    known = np.random.default_rng(2).permutation(known)[: 4 * ROWS]
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


def redraw(recipe: Recipe, frames: Frames, cache: Path) -> Learned:
    """The general-purpose one: z is what a frame can be drawn from again."""
    training = recipe.training
    file = cache / "runs" / f"redraw-{checkpoint_of(recipe, cache).name}"
    epochs = training.epochs
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
    studio = Studio(frames, training.elsewhere)
    steps = training.frames_per_epoch // training.batch
    for epoch in range(epochs):
        total = 0.0
        for _ in range(steps):
            picks = rng.integers(0, len(frames), training.batch)
            x = to_input(studio.draw(picks, rng).pixels)
            small = nn.functional.avg_pool2d(x, 2)
            said, _ = model.family(x)
            loss = sum(nn.functional.mse_loss(draw(one.mu), small) for one in said.values())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += float(loss.detach())
        print(f"redraw: epoch {epoch + 1} of {epochs}, {total / steps:.4f}", file=sys.stderr)
    model.eval()
    file.parent.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), file)
    return model


def plain(recipe: Recipe, judged: Frames) -> Array:
    """The poses behind frames before retargeting, without flaws of perception: for each frame with
    one known person (N, 34) image coordinates in heights of the picture; NaN for the others."""
    out = np.full((len(judged), 34), np.nan, np.float32)
    rows = judged.rows
    for scene, scenario in scenarios(recipe, Cast.JUDGE):
        if not (rows["person"][rows["scene"] == scene] >= 0).any():
            continue
        for view in views(recipe, Cast.JUDGE, scene, scenario):
            mine = (rows["scene"] == scene) & (rows["view"] == view.view) & (rows["person"] >= 0)
            for k in np.flatnonzero(mine):
                frame = round(float(rows["t_ms"][k]) / 1000 * view.motion.fps)
                joints = view.motion.joints[min(frame, len(view.motion.joints) - 1)]
                one = view.people.index(int(rows["person"][k]))
                pixels = view.eye.project(view.eye.look(joints[one].astype(np.float64)))
                out[k] = (pixels / view.eye.resolution_wh[1]).ravel()
    return np.clip(out, -3.0, 3.0)


def encoders(
    recipe: Recipe, frames: Frames, cache: Path, training: TrainingSettings, *, alone: bool
) -> Iterator[tuple[str, Learned, tuple[float, ...]]]:
    """Name, encoder, and the σ it is read at; all but the first learnt for the same time."""
    kept = checkpoint_of(recipe, cache)
    yield SHIPS, learn(recipe, frames, kept, progress=_tell), (0.0, 0.2, 0.35)
    if alone:
        return
    short = replace(recipe, title=f"{recipe.title}-short", training=training)
    yield "general purpose (redraws)", redraw(short, frames, cache), (0.0, 0.2)
    for name, loss in (
        ("cross-entropy only", replace(BARE, hints=recipe.loss.hints)),
        ("+ adversaries", replace(BARE, hints=recipe.loss.hints, adversary=recipe.loss.adversary)),
        ("whole recipe", recipe.loss),
    ):
        one = replace(short, loss=loss)
        yield name, learn(one, frames, checkpoint_of(one, cache), progress=_tell), (0.0,)


def _tell(pace: object) -> None:
    if pace.step == pace.steps:  # type: ignore[attr-defined]
        print(pace, file=sys.stderr, flush=True)


def table(
    recipe: Recipe, cache: Path, manifest: Path, training: TrainingSettings, *, alone: bool
) -> Iterator[str]:
    """Lines, one as each is known."""
    frames = gather(recipe, cache, Cast.LEARN, manifest=manifest)
    judged = gather(recipe, cache, Cast.JUDGE)
    yield (
        f"Learnt from {len(frames):,} frames; judged on {len(judged):,} frames of "
        f"{recipe.people.judge} other people in {recipe.scenes.judge} other scenes. Base tier, "
        f"{WIDTH} numbers. Identity: mean over people, the best attacker of 4 families × 3 "
        f"restarts for what ships and of 4 for the others, in brackets 95 % over scenes, the best "
        f"family and chance. All but the first learnt from {training.epochs} × "
        f"{training.frames_per_epoch:,} draws, that from {recipe.training.epochs} × "
        f"{recipe.training.frames_per_epoch:,}."
    )
    yield ""
    yield HEADER
    rng = np.random.default_rng(1)
    learnt = frames.pick(np.sort(rng.permutation(len(frames))[: 4 * ROWS]))
    owner = judged.rows["scene"].astype(np.int64) * 100 + judged.rows["view"]
    if not alone:
        said = " | ".join("–" * 5)
        yield f"| plain poses, before retargeting | 0 | {said} | {_anchor(recipe, judged)} |"
    last: Learned | None = None
    for name, model, sigmas in encoders(recipe, frames, cache, training, alone=alone):
        own = embed(model, learnt, Tier.BASE)
        mu = embed(model, judged, Tier.BASE)
        # An embedding that was never clipped is brought to the clip's size.
        norm = float(np.linalg.norm(own[:, :WIDTH], axis=1).mean())
        scale = norm / recipe.loss.clip if name.startswith("general") else 1.0
        few = name != SHIPS
        for sigma in sigmas:
            z = score.release(mu / scale, WIDTH, recipe.loss.clip, sigma, rng, owner)
            known = score.release(own / scale, WIDTH, recipe.loss.clip, sigma, rng)
            cells = []
            for question in QUESTIONS:
                one, fused = meaning((known, learnt.rows), (z, judged.rows), question)
                cells += [str(one), str(fused)] if question == "behavior" else [str(one)]
            for span in SPANS:
                cells.append("–" if few and span == 5 else identity(z, judged.rows, span, few=few))
            cells.append(identity(z, judged.rows, 1, same_stay=True, few=True))
            yield f"| {name} | {sigma:g} | {' | '.join(cells)} |"
        last = last or model
    assert last is not None
    yield ""
    yield from tiers(last, learnt, judged, recipe.loss.clip)


def _anchor(recipe: Recipe, judged: Frames) -> str:
    """Cells of identity for the raw anchor."""
    poses = plain(recipe, judged)
    known = np.isfinite(poses).all(axis=1)
    rows = judged.rows[known]
    cells = [identity(poses[known], rows, span, few=True) for span in SPANS]
    return " | ".join([*cells, identity(poses[known], rows, 1, same_stay=True, few=True)])


def tiers(model: Learned, learnt: Frames, judged: Frames, most: float) -> Iterator[str]:
    """A head that was fitted on one tier reads the other's z."""
    mus = {tier: (embed(model, learnt, tier), embed(model, judged, tier)) for tier in Tier}
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
    parser.add_argument("--epochs", type=int, default=5, help="of all but what ships")
    parser.add_argument("--shipped", action="store_true", help="only what ships")
    parser.add_argument("--frames", type=int, default=12_000, help="drawn in each of them")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/MANIFEST.csv"))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    folder = Path(environment().get("MIZARU_TRAINING") or Path.home() / ".cache/mizaru/training")
    began = time.process_time()
    lines = []
    recipe = load_recipe(asked.recipe)
    training = replace(recipe.training, epochs=asked.epochs, frames_per_epoch=asked.frames)
    for line in table(recipe, folder / "encoder", asked.data, training, alone=asked.shipped):
        print(line, flush=True)
        lines.append(line)
    print(f"{(time.process_time() - began) / 60:.1f} min", file=sys.stderr)
    if asked.out:
        asked.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
