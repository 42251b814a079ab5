"""Learning: windows in, weights out; seeded, and picked up where it stopped.

Every epoch draws its windows and its noise from (seed, epoch) alone, so that a run that was
interrupted ends with the very weights of one that was not, on the same machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from mizaru.cloud.recognize.outputs import ACTIONS, AGGRESSION, FALL, OUTPUTS
from mizaru.errors import DataError
from mizaru.lab import steps as steps_of
from mizaru.lab.train.architectures import build
from mizaru.lab.train.augment import augment, leave_alone
from mizaru.lab.train.corpus import Corpus
from mizaru.lab.train.pace import Pace
from mizaru.lab.train.recipe import Recipe, TrainingSettings

Array = npt.NDArray[np.float32]
_KEEPS: Final = 0.998
"""Of the running mean of weights, per step; the mean is what is kept in the end."""


def draw_weights(corpus: Corpus, recipe: Recipe) -> npt.NDArray[np.float64]:
    """How likely each window is to be drawn, shape (N,), summing to 1."""
    rows = corpus.rows
    kind = rows["action"].astype(int) + 1
    kind[rows["fall"] == 1] = len(ACTIONS) + 1
    kind[rows["aggression"] == 1] = len(ACTIONS) + 2
    counts = np.bincount(kind)
    weight = counts[kind].astype(float) ** -recipe.training.balance
    of_source = {source.name: source.weight for source in recipe.source}
    per_story = np.array([of_source[story.source] for story in corpus.stories])
    weight *= per_story[corpus.owner]
    return np.asarray(weight / weight.sum(), np.float64)


def loss_of(
    logits: Tensor, action: Tensor, fall: Tensor, aggression: Tensor, settings: TrainingSettings
) -> Tensor:
    """Mean loss over what is said; a target of -1 teaches nothing."""
    total = logits.sum() * 0.0
    said = action >= 0
    if said.any():
        total = total + nn.functional.cross_entropy(
            logits[said, : len(ACTIONS)], action[said], label_smoothing=settings.smoothing
        )
    for target, column, weight in (
        (fall, FALL, settings.fall_weight),
        (aggression, AGGRESSION, settings.aggression_weight),
    ):
        said = target >= 0
        if said.any():
            total = total + weight * nn.functional.binary_cross_entropy_with_logits(
                logits[said, column], target[said].float()
            )
    return total


def learn(
    recipe: Recipe,
    corpus: Corpus,
    checkpoint: Path,
    *,
    device: str = "cpu",
    progress: Callable[[Pace], None] = lambda _: None,
    epochs: int | None = None,
) -> nn.Module:
    """Train the recipe's network; goes on from `checkpoint` if it is there.

    Args:
        corpus: only what may be learnt from.
        epochs: stop after this many, for tests; the schedule stays the recipe's.

    Raises:
        DataError: the checkpoint is of another recipe or of other windows.
    """
    settings = recipe.training
    torch.manual_seed(recipe.seed)
    network = build(recipe.network).to(device)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=settings.rate, weight_decay=settings.decay
    )
    mean = {name: value.detach().clone() for name, value in network.state_dict().items()}
    signature = _signature(recipe, corpus)
    begin = 0
    if checkpoint.exists():
        kept = torch.load(checkpoint, map_location=device, weights_only=True)
        if kept["signature"] != signature:
            raise DataError(
                f"{checkpoint}: belongs to another recipe or other windows; start with --fresh"
            )
        network.load_state_dict(kept["network"])
        optimizer.load_state_dict(kept["optimizer"])
        mean = kept["mean"]
        begin = kept["epoch"]
    likely = draw_weights(corpus, recipe)
    steps = max(1, settings.windows_per_epoch // settings.batch)
    for epoch in range(begin, settings.epochs if epochs is None else epochs):
        rng = np.random.default_rng([recipe.seed, epoch])
        torch.manual_seed(int(rng.integers(2**31)))
        drawn = rng.choice(len(corpus), (steps, settings.batch), p=likely)
        network.train()
        losses = 0.0
        for step, picks in enumerate(drawn, start=1):
            rate = steps_of.rate(epoch * steps + step, settings.epochs * steps) * settings.rate
            for group in optimizer.param_groups:
                group["lr"] = rate
            x = augment(corpus.x[picks].astype(np.float32), recipe.augment, rng)
            if not recipe.use_relations:
                x = leave_alone(x)
            rows = corpus.rows[picks]
            action, fall, aggression = (
                torch.from_numpy(rows[name].astype(np.int64)).to(device)
                for name in ("action", "fall", "aggression")
            )
            said = network(torch.from_numpy(x).to(device))
            loss = loss_of(said, action, fall, aggression, settings)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()
            steps_of.follow(mean, network, epoch * steps + step, _KEEPS)
            losses += float(loss.detach())
            progress(Pace(epoch, settings.epochs, step, steps, losses / step))
        steps_of.save(
            checkpoint,
            {
                "signature": signature,
                "epoch": epoch + 1,
                "network": network.state_dict(),
                "optimizer": optimizer.state_dict(),
                "mean": mean,
            },
        )
    network.load_state_dict(mean)
    network.eval()
    return network


def say(
    network: nn.Module, x: npt.NDArray[np.floating], *, relations: bool, device: str = "cpu"
) -> Array:
    """Logits for windows (N, C, W): shape (N, `OUTPUTS`) float32."""
    out = np.zeros((len(x), OUTPUTS), np.float32)
    network.eval()
    with torch.inference_mode():
        for start in range(0, len(x), 1024):
            batch = np.asarray(x[start : start + 1024], np.float32)
            if not relations:
                batch = leave_alone(batch)
            said = network(torch.from_numpy(batch).to(device))
            out[start : start + len(batch)] = said.cpu().numpy()
    return out


def _signature(recipe: Recipe, corpus: Corpus) -> str:
    digest = hashlib.sha256(recipe.learning())
    digest.update(np.ascontiguousarray(corpus.rows).tobytes())
    return digest.hexdigest()
