"""Which network, and what helps it: the same windows and steps for all, judged on held-out people.

``python -m benchmarks.recognizer_ablation [RECIPE] [--out TABLE.md] [--epochs N]``. Windows come
from the cache of ``mizaru train recognizer``; what is missing there is made first.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from msgspec.structs import replace

from mizaru.edge.models import models_folder
from mizaru.lab.evaluate.run import recordings_folder
from mizaru.lab.train import control, export
from mizaru.lab.train.corpus import Corpus, Places, gather, held_out
from mizaru.lab.train.recipe import SHIPPED, Kind, NetworkSettings, Recipe, load_recipe
from mizaru.lab.train.score import judge
from mizaru.lab.train.trainer import learn, say
from mizaru.settings import environment

TREES = 6_000
"""Windows that trees learn from: one tree per action and round makes more of them slow."""
HEADER = (
    "| what | parameters | MB | ms a window | actions, mean F1 | fall AUC | "
    "fall recall at 1:1000 | aggression AUC | learnt in |\n|---|---|---|---|---|---|---|---|---|"
)


def variants(recipe: Recipe) -> Iterator[tuple[str, Recipe]]:
    """Names and recipes of what is compared."""
    network = recipe.network
    yield (
        "TCN (pose and relations)",
        replace(recipe, network=NetworkSettings(kind=Kind.TCN, width=64, depth=4)),
    )
    yield (
        "TCN, pose only",
        replace(
            recipe,
            network=NetworkSettings(kind=Kind.TCN, width=64, depth=4),
            use_relations=False,
        ),
    )
    yield "TCN, nothing augmented", replace(
        recipe,
        network=NetworkSettings(kind=Kind.TCN, width=64, depth=4),
        augment=type(recipe.augment)(
            mirror=0, joints_lost=0, frames_lost=0, half_rate=0, cut=0, alone=0, stretch=1,
            scale=1, roll=0, jitter=0,
        ),
    )  # fmt: skip
    yield (
        "ST-GCN++-like",
        replace(recipe, network=NetworkSettings(kind=Kind.GCN, width=64, depth=3)),
    )
    yield (
        "transformer",
        replace(recipe, network=NetworkSettings(kind=Kind.TRANSFORMER, width=64, depth=3)),
    )
    if (network.kind, network.width, network.depth) != (Kind.TCN, 64, 4):
        yield f"as it ships: {network.kind}, width {network.width}", recipe


def row(name: str, logits: np.ndarray, test: Corpus, facts: tuple[str, str, str, str]) -> str:
    """One line of the table."""
    scores = judge(logits, test)
    parameters, size, cost, took = facts
    return (
        f"| {name} | {parameters} | {size} | {cost} | {scores.action_f1} | {scores.fall_auc} | "
        f"{scores.fall_recall} | {scores.aggression_auc} | {took} |"
    )


def compare(recipe: Recipe, places: Places, folder: Path) -> Iterator[str]:
    """Lines of the table, one as each is known."""
    library = gather(recipe, places, lambda *a: print(*a, end="\r", file=sys.stderr))
    held = held_out(library.stories, recipe.hold_out.share, recipe.hold_out.seed)
    train = library.corpus(~held, recipe.windows.every_ticks)
    test = library.corpus(held)
    training = recipe.training
    yield (
        f"{len(train):,} windows to learn from, {training.epochs} × "
        f"{training.windows_per_epoch:,} drawn; judged on {len(test):,} windows of "
        f"{int(held.sum())} held-out sequences."
    )
    yield ""
    yield HEADER
    began = time.process_time()
    yield row(
        "threshold on height", control.threshold_on_height(test.x), test, ("0", "0", "–", "–")
    )
    logits = control.boosted(train, test, seed=recipe.seed, most=TREES, rounds=30)
    took = f"{(time.process_time() - began) / 60:.1f} min"
    yield row("gradient boosting on statistics", logits, test, ("–", "–", "–", took))
    for name, one in variants(recipe):
        began = time.process_time()
        checkpoint = folder / "checkpoint.pt"
        checkpoint.unlink(missing_ok=True)
        network = learn(one, train, checkpoint)
        took = f"{(time.process_time() - began) / 60:.1f} min"
        logits = say(network, test.x, relations=one.use_relations)
        file = folder / "network.onnx"
        export.export(network, file, np.asarray(test.x[:8], np.float32))
        parameters = sum(p.numel() for p in network.parameters())
        facts = (
            f"{parameters:,}",
            f"{file.stat().st_size / 1e6:.2f}",
            f"{export.cost_ms(file):.2f}",
            took,
        )
        yield row(name, logits, test, facts)


def main() -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", nargs="?", type=Path, default=SHIPPED)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--windows", type=int, help="drawn per epoch")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/MANIFEST.csv"))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    recipe = load_recipe(asked.recipe)
    training = recipe.training
    recipe = replace(
        recipe,
        training=replace(
            training,
            epochs=asked.epochs or training.epochs,
            windows_per_epoch=asked.windows or training.windows_per_epoch,
        ),
    )
    surroundings = environment()
    places = Places(
        cache=Path(surroundings.get("MIZARU_TRAINING") or Path.home() / ".cache/mizaru/training"),
        manifest=asked.data,
        recordings=recordings_folder(None, surroundings),
        models=models_folder(None, surroundings),
    )
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for line in compare(recipe, places, Path(folder)):
            print(line, flush=True)
            lines.append(line)
    if asked.out:
        asked.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
