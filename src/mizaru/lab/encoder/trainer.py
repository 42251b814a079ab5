"""Learning: frames in, a family of encoders out; seeded, and picked up where it stopped.

Every epoch draws its frames and its noise from (seed, epoch) alone, so that a run that was
interrupted ends with the very weights of one that was not, on the same machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from mizaru.errors import DataError
from mizaru.lab import steps as steps_of
from mizaru.lab.encoder import losses
from mizaru.lab.encoder.draw import Drawn, Studio, in_parts
from mizaru.lab.encoder.frames import Frames
from mizaru.lab.encoder.meaning import QUESTIONS, UNSAID, Place, Relation
from mizaru.lab.encoder.network import (
    DIM,
    WIDTHS,
    Asked,
    Family,
    Heads,
    Reader,
    Tier,
    clip,
    in_glimpse,
)
from mizaru.lab.encoder.recipe import Recipe

Array = npt.NDArray[np.float32]

_KEEPS: Final = 0.99
"""Of the running mean of weights, per step; the mean is what is kept in the end."""
_REMEMBERS: Final = 6_000
"""Embeddings of the past that readers of identity learn from, too."""
_READS: Final = 512
_READER_RATE: Final = 3e-3
_READER_WARM_UP: Final = 100
_READER_STEPS: Final = 2
_HEARD: Final = (0.4, 0.7)
"""Shares of the steps between which adversaries and bottleneck gain weight: before z means anything
the easiest way to forget is to say nothing at all, and no gradient leads back from there."""


@dataclass(frozen=True, slots=True)
class Pace:
    """A step that was made.

    Attributes:
        epoch, epochs: from 0.
        step, steps: within the epoch, from 1.
        loss: running mean over the epoch.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float


class Learned(nn.Module):
    """Encoder, the heads that read it, and what else it was asked."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.family, self.heads, self.asked = Family(width), Heads(), Asked()


def learn(
    recipe: Recipe,
    frames: Frames,
    checkpoint: Path,
    *,
    progress: Callable[[Pace], None] = lambda _: None,
    epochs: int | None = None,
) -> Learned:
    """Train the recipe's family; goes on from `checkpoint` if it is there.

    Args:
        frames: only what may be learnt from.
        epochs: stop after this many, for tests; the schedule stays the recipe's.

    Raises:
        DataError: there is no frame, or the checkpoint is of another recipe or other frames.
    """
    if not len(frames):
        raise DataError("there is no frame to learn from; ask for more scenes in the recipe")
    settings = recipe.training
    torch.manual_seed(recipe.seed)
    model = Learned(recipe.network.width)
    model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.rate, weight_decay=settings.decay)
    mean = {name: value.detach().clone() for name, value in model.state_dict().items()}
    readers = Readers(recipe, int(frames.rows["person"].max()) + 1)
    signature = _signature(recipe, frames)
    begin = 0
    if checkpoint.exists():
        kept = torch.load(checkpoint, weights_only=True)
        if kept["signature"] != signature:
            raise DataError(
                f"{checkpoint}: belongs to another recipe or other frames; start with --fresh"
            )
        model.load_state_dict(kept["model"])
        optimizer.load_state_dict(kept["optimizer"])
        mean, begin = kept["mean"], kept["epoch"]
        readers.remember(kept["z"], kept["person"], kept["grouped"])
    draws, studio = _Draw(recipe, frames), Studio(frames, settings.elsewhere)
    scale = _Scale.of(frames)
    steps = max(1, settings.frames_per_epoch // settings.batch)
    for epoch in range(begin, settings.epochs if epochs is None else epochs):
        rng = np.random.default_rng([recipe.seed, epoch])
        torch.manual_seed(int(rng.integers(2**31)))
        readers.restart()
        model.train()
        total = 0.0
        for step in range(1, steps + 1):
            rate = steps_of.rate(epoch * steps + step, settings.epochs * steps) * settings.rate
            for group in optimizer.param_groups:
                group["lr"] = rate
            picks = draws.batch(rng)
            done = (epoch * steps + step) / (settings.epochs * steps)
            due = min(1.0, max(0.0, (done - _HEARD[0]) / (_HEARD[1] - _HEARD[0])))
            batch = _Batch.of(frames, picks, studio.draw(picks, rng), scale)
            loss = _loss(model, readers, batch, recipe, due)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            readers.learn()
            steps_of.follow(mean, model, epoch * steps + step, _KEEPS)
            total += float(loss.detach())
            progress(Pace(epoch, settings.epochs, step, steps, total / step))
        steps_of.save(
            checkpoint,
            {
                "signature": signature,
                "epoch": epoch + 1,
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "mean": mean,
                **readers.memory(),
            },
        )
    model.load_state_dict(mean)
    model.eval()
    return model


class Readers:
    """The adversaries: an ensemble that is born anew each epoch, half of them on single frames,
    half on the mean over the moments of one view, since time is what identity leaks by.

    Args:
        people: how many there may be.
    """

    def __init__(self, recipe: Recipe, people: int) -> None:
        self._count = recipe.loss.adversaries if recipe.loss.adversary else 0
        self._people = max(people, 1)
        self._moments = recipe.training.moments
        self._readers: list[Reader] = []
        self._optimizers: list[torch.optim.Optimizer] = []
        self._z = torch.zeros(0, DIM)
        self._person = torch.zeros(0, dtype=torch.int64)
        self._grouped = torch.zeros(0, dtype=torch.bool)

    def restart(self) -> None:
        """New readers, who first learn from what is remembered."""
        self._readers = [Reader(DIM, self._people) for _ in range(self._count)]
        self._optimizers = [
            torch.optim.Adam(reader.parameters(), lr=_READER_RATE) for reader in self._readers
        ]
        if len(self._z):
            for _ in range(_READER_WARM_UP):
                self.learn()

    def confusion(self, mus: list[Tensor], person: Tensor, most: float) -> Tensor:
        """How much readers know of these frames (one batch, by tier); also remembers them.

        Args:
            mus: μ (N, `DIM`) of each tier; N in groups of `moments` of one view.
            person: (N,), below 0 where there is not exactly one.
        """
        if not self._readers:
            return mus[0].sum() * 0.0
        together = person.reshape(-1, self._moments)
        same = (together == together[:, :1]).all(dim=1) & (together[:, 0] >= 0)
        total = mus[0].sum() * 0.0
        for mu in mus:
            z = clip(mu, most)
            single = z[person >= 0]
            grouped = z.reshape(-1, self._moments, DIM).mean(dim=1)[same]
            for k, reader in enumerate(self._readers):
                seen = grouped if k % 2 else single
                if len(seen):
                    total = total + losses.confusion(reader(seen))
            self.remember(single.detach(), person[person >= 0], _flags(single, False))
            self.remember(grouped.detach(), together[same, 0], _flags(grouped, True))
        return total / (len(mus) * len(self._readers))

    def remember(self, z: Tensor, person: Tensor, grouped: Tensor) -> None:
        """Keep embeddings (N, `DIM`) with their people; the oldest are forgotten."""
        self._z = torch.cat([self._z, z])[-_REMEMBERS:]
        self._person = torch.cat([self._person, person])[-_REMEMBERS:]
        self._grouped = torch.cat([self._grouped, grouped])[-_REMEMBERS:]

    def memory(self) -> dict[str, Tensor]:
        """What is remembered, for a checkpoint."""
        return {"z": self._z, "person": self._person, "grouped": self._grouped}

    def learn(self) -> None:
        """A few steps of each reader, on what is remembered."""
        for k, reader in enumerate(self._readers):
            mine = torch.nonzero(self._grouped == bool(k % 2))[:, 0]
            if not len(mine):
                continue
            for _ in range(_READER_STEPS):
                picks = mine[torch.randint(len(mine), (_READS,))]
                loss = nn.functional.cross_entropy(reader(self._z[picks]), self._person[picks])
                self._optimizers[k].zero_grad()
                loss.backward()
                self._optimizers[k].step()


def embed(model: Learned, frames: Frames, tier: Tier) -> Array:
    """μ of frames as the darkroom draws them: shape (N, `DIM`) float32."""
    out = np.zeros((len(frames), DIM), np.float32)
    model.eval()
    at = 0
    with torch.inference_mode():
        for pixels in in_parts(frames):
            out[at : at + len(pixels)] = model.family.mu(to_input(pixels), tier).numpy()
            at += len(pixels)
    return out


def to_input(pixels: npt.NDArray[np.uint8]) -> Tensor:
    """(N, H, W, 3) uint8 → (N, 3, H, W) float32 in [0, 1], in the memory order that convolutions
    like best."""
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div_(255.0)
    return x.contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True, slots=True, eq=False)
class _Scale:
    """Mean and spread of each of `HINTS` in what is learnt from, shape (K,)."""

    mean: Array
    spread: Array

    @staticmethod
    def of(frames: Frames) -> _Scale:
        values = np.ma.masked_invalid(frames.hints.astype(np.float64))
        mean, spread = values.mean(axis=0).filled(0.0), values.std(axis=0).filled(0.0)
        return _Scale(mean.astype(np.float32), np.maximum(spread, 1e-3).astype(np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    """B pictures with all that is known of them."""

    x: Tensor
    truth: dict[str, Tensor]
    person: Tensor
    teacher: Tensor
    hints: Tensor
    body: Tensor

    @staticmethod
    def of(frames: Frames, picks: npt.NDArray[np.intp], drawn: Drawn, scale: _Scale) -> _Batch:
        rows = frames.rows[picks]
        rows["place"][drawn.elsewhere] = UNSAID  # that was of another room
        hints = (frames.hints[picks].astype(np.float32) - scale.mean) / scale.spread
        return _Batch(
            to_input(drawn.pixels),
            {name: torch.from_numpy(rows[name].astype(np.int64)) for name in QUESTIONS},
            torch.from_numpy(rows["person"].astype(np.int64)),
            torch.from_numpy(frames.teacher[picks].astype(np.float32)),
            torch.from_numpy(hints),
            torch.from_numpy(drawn.body),
        )


def _flags(rows: Tensor, value: bool) -> Tensor:
    return torch.full((len(rows),), value)


def _loss(model: Learned, readers: Readers, batch: _Batch, recipe: Recipe, due: float) -> Tensor:
    """The recipe's sum for one batch; every tier and width weighs the same, w_g = 1/G.

    Args:
        due: share of the weight of adversaries and bottleneck that counts by now, [0, 1].
    """
    weights = recipe.loss
    said, facts = model.family(batch.x)
    joints = in_glimpse(batch.body, facts)
    deepest = said[Tier.BASE].mu
    total = deepest.sum() * 0.0
    for tier, (mu, log_variance, features) in said.items():
        spread = (0.5 * log_variance).exp() if weights.vib else torch.zeros_like(mu)
        sample = mu + spread * torch.randn_like(mu)
        for width in WIDTHS:
            z = clip(sample[:, :width], weights.clip)
            z = z + weights.noise * torch.rand(len(z), 1) * torch.randn_like(z)
            logits = model.heads(z)
            part = losses.answers(logits, batch.truth)
            part = part + weights.distill * losses.distillation(logits["behavior"], batch.teacher)
            apart = losses.apart(
                clip(mu[:, :width], weights.clip), clip(deepest[:, :width], weights.clip)
            )
            total = total + (part + weights.tiers * apart) / (len(said) * len(WIDTHS))
        bottleneck = losses.rate(mu, log_variance, weights.clip, WIDTHS[0])
        alike = losses.contrast(mu[:, : WIDTHS[0]], _kinds(batch.truth))
        hints, where, seen = model.asked(features, tier)
        body = losses.hints(hints, batch.hints)
        body = body + losses.joints(where, seen, joints, batch.body[:, :, 2])
        total = total + (
            due * weights.vib * bottleneck + weights.contrast * alike + weights.hints * body
        ) / len(said)
    if weights.adversary:
        mus = [each.mu for each in said.values()]
        confusion = readers.confusion(mus, batch.person, weights.clip)
        total = total + due * weights.adversary * confusion
    return total


def _kinds(truth: dict[str, Tensor]) -> Tensor:
    """One number for behaviour, place and relation together; -1 where one is not said."""
    kinds = (truth["behavior"] * len(Place) + truth["place"]) * len(Relation) + truth["relation"]
    said = (truth["behavior"] != UNSAID) & (truth["place"] != UNSAID)
    return torch.where(said, kinds, -1)


class _Draw:
    """Batches: some frames as the recipe balances them, each with others of its view."""

    def __init__(self, recipe: Recipe, frames: Frames) -> None:
        rows = frames.rows
        kind = (rows["behavior"].astype(int) + 1) * (len(Place) + 1) + rows["place"] + 1
        weight = np.bincount(kind)[kind].astype(float) ** -recipe.training.balance
        self._likely = weight / weight.sum()
        self._moments = recipe.training.moments
        self._anchors = recipe.training.batch // self._moments
        _, owner = np.unique(np.stack([rows["scene"], rows["view"]]), axis=1, return_inverse=True)
        owner = np.ravel(owner)
        order = np.argsort(owner, kind="stable")
        edges = np.searchsorted(owner[order], np.arange(owner.max() + 2))
        self._order, self._from, self._to = order, edges[owner], edges[owner + 1]

    def batch(self, rng: np.random.Generator) -> npt.NDArray[np.intp]:
        """Indices of frames; groups of `moments` are of one view."""
        anchors = rng.choice(len(self._likely), self._anchors, p=self._likely)
        low, high = self._from[anchors], self._to[anchors]
        others = rng.integers(low[:, None], high[:, None], (len(anchors), self._moments))
        picks = self._order[others]
        picks[:, 0] = anchors
        return np.asarray(picks.ravel(), np.intp)


def _signature(recipe: Recipe, frames: Frames) -> str:
    digest = hashlib.sha256(msgspec.json.encode(recipe))
    digest.update(np.ascontiguousarray(frames.rows).tobytes())
    return digest.hexdigest()
