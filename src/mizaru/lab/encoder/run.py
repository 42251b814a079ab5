"""``mizaru train encoder``: gather, learn, export, measure, and say all of it on a card."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from mizaru.edge.darkroom.encode import card as cards
from mizaru.lab.encoder import export, score
from mizaru.lab.encoder.draw import pictures
from mizaru.lab.encoder.frames import Cast, Frames, Progress, gather
from mizaru.lab.encoder.network import WIDTHS, Family, Heads, Tier
from mizaru.lab.encoder.recipe import Recipe
from mizaru.lab.encoder.trainer import Pace, embed, learn

Array = npt.NDArray[np.float32]

WIDTH: Final = 8
"""Of the embedding that the wire has room for, ten times a second."""
SIGMA: Final = 0.2
FUSED: Final = 8
"""Frames that figures fuse: about 3 s at every fourth tick."""


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What came of a recipe.

    Attributes:
        card: as written beside the weights.
        figures: name → value with interval, as text, on people and scenes never learnt from.
        learnt, calibrated, judged: frames of each cast.
        learnt_s: how long learning took here, seconds; about 0 if it was already done.
    """

    card: cards.Card
    figures: dict[str, str]
    learnt: int
    calibrated: int
    judged: int
    learnt_s: float


def checkpoint_of(recipe: Recipe, cache: Path) -> Path:
    """Where a recipe's run is kept."""
    return cache / "runs" / f"{recipe.title}-{digest_of(recipe)}.pt"


def digest_of(recipe: Recipe) -> str:
    """12 hexadecimal digits that tell recipes of one title apart."""
    return hashlib.sha256(msgspec.json.encode(recipe)).hexdigest()[:12]


def train_encoder(
    recipe: Recipe,
    *,
    cache: Path,
    out: Path,
    command: str,
    version: str,
    fresh: bool = False,
    manifest: Path | None = None,
    processes: int = 1,
    on_gather: Progress = lambda *_: None,
    on_learn: Callable[[Pace], None] = lambda _: None,
) -> Result:
    """From a recipe to ``encoder-TIER.onnx`` and ``encoder.json`` in `out`.

    Args:
        cache: for frames and checkpoints; made if absent.
        command: that made it, for the card.
        version: of the weights, for the card.
        fresh: forget what was learnt before and begin anew; the frames stay.
        manifest: of the files of measured motions; needed where the recipe names some.
        processes: that make scenes at once.
        on_gather, on_learn: told how far it is.

    Raises:
        DataError: a file of the cache is damaged, or of another recipe; or measured motions cannot
            be used.
        ModelError: the network is too large or does not survive its export.
        SimError: pictures cannot be rendered here.
    """
    frames = {
        cast: gather(recipe, cache, cast, on_gather, manifest=manifest, processes=processes)
        for cast in Cast
    }
    checkpoint = checkpoint_of(recipe, cache)
    if fresh:
        checkpoint.unlink(missing_ok=True)
    began = time.monotonic()
    model = learn(recipe, frames[Cast.LEARN], checkpoint, progress=on_learn)
    learnt_s = time.monotonic() - began

    calibration, judged = frames[Cast.CALIBRATE], frames[Cast.JUDGE]
    some = pictures(calibration.pick(np.arange(min(32, len(calibration)))))
    sample = some.transpose(0, 3, 1, 2).astype(np.float32) / 255.0
    most = recipe.loss.clip
    tiers: dict[str, cards.TierCard] = {}
    mus: dict[Tier, Array] = {}
    for tier in Tier:
        file = out / f"encoder-{tier}.onnx"
        export.export(model.family, tier, file, sample)
        mu = embed(model, calibration, tier)
        mus[tier] = embed(model, judged, tier)
        tiers[tier.value] = cards.TierCard(
            file=file.name,
            sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
            ms=round(export.cost_ms(file), 3),
            parameters=_parameters(model.family, tier),
            eigenvalues={width: score.eigenvalues(mu, width, most) for width in WIDTHS},
        )
    figures = _figures(model.heads, mus, judged, most)
    card = cards.Card(
        version=version,
        clip=most,
        tiers=tiers,
        calibration_set=f"{len(calibration)} frames of {recipe.scenes.calibrate} simulated scenes "
        f"with {recipe.people.calibrate} people, none of whom it learnt from",
        training=_training(recipe, frames[Cast.LEARN]),
        architecture=f"a glimpse of the people, a residual trunk "
        f"of width {recipe.network.width}, two exits",
        seed=recipe.seed,
        command=command,
        metrics={name: round(figure.value, 4) for name, figure in figures.items()},
    )
    cards.save_card(card, out / cards.CARD_NAME)
    return Result(
        card,
        {name: str(figure) for name, figure in figures.items()},
        len(frames[Cast.LEARN]),
        len(calibration),
        len(judged),
        learnt_s,
    )


def _training(recipe: Recipe, frames: Frames) -> str:
    measured = int((frames.rows["scene"] >= recipe.scenes.learn).sum())
    said = (
        f"{len(frames) - measured} frames of {recipe.scenes.learn} simulated scenes "
        f"with {recipe.people.learn} people"
    )
    if not measured:
        return said
    return f"{said}, and {measured} of real motions of {', '.join(recipe.measured.sources)}"


def _parameters(family: Family, tier: Tier) -> int:
    """Of what the file of a tier holds."""
    way_out = family.exits[tier]
    parts = [family.stem, family.near, way_out.mix, way_out.join, way_out.mu]
    if tier is not Tier.SMALL:
        parts.append(family.far)
    return sum(p.numel() for part in parts for p in part.parameters())


def _figures(
    heads: Heads, mus: Mapping[Tier, Array], judged: Frames, most: float
) -> dict[str, score.Figure]:
    """What heads read out of the released z of both tiers, at the width of the wire."""
    rows = judged.rows
    owner = rows["scene"].astype(np.int64) * 100 + rows["view"]
    found: dict[str, score.Figure] = {}
    for tier, mu in mus.items():
        for sigma in (0.0, SIGMA):
            z = score.release(mu, WIDTH, most, sigma, np.random.default_rng(0), owner)
            for question, said in score.say(heads, z).items():
                name = f"{tier}_{question}_f1_sigma_{sigma:g}"
                guess = said.argmax(1)
                found[name] = score.f1_of(guess, rows[question], rows["scene"], question)
                if question == "behavior":
                    guess = score.fused(said, owner, FUSED).argmax(1)
                    found[f"{name}_fused_{FUSED}"] = score.f1_of(
                        guess, rows[question], rows["scene"], question
                    )
    for width in WIDTHS:
        a, b = (score.clipped(mu, width, most) for mu in mus.values())
        value = score.cosine(a, b)
        found[f"cosine_between_tiers_{width}"] = score.Figure(value, value, value)
    return found
