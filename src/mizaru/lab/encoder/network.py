"""The encoder family: one trunk, two exits, nested widths, one z space (design §2, AI Flow).

A frame (N, 3, 64, 96) in [0, 1] becomes μ (N, `DIM`); its first 8 and 16 entries are the
narrower embeddings (Matryoshka representation learning, Kusupati et al. 2022, eq. 1). The
trunk looks at a glimpse of the frame, cut out around the mannequins; the small exit leaves it
half-way, the base exit at its end. Heads that read meaning out of z belong
to the cloud and are shared by all exits: a width has one head, whatever tier sent it.
"""

from __future__ import annotations

import enum
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from mizaru.lab.encoder.meaning import HINTS, QUESTIONS
from mizaru.proxy.raster import PALETTE
from mizaru.vocabulary import COCO17

WIDTHS: Final = (8, 16, 32)
DIM: Final = WIDTHS[-1]
_GREY: Final = 0.45
_SPREAD: Final = 0.25
_GLIMPSE: Final = 40
"""Pixels of its side."""
_AROUND: Final = 2.6
"""Standard deviations of where people are, to either side."""
_HIDDEN: Final = 192
"""Features that an exit joins."""
_LAST: Final = 5
"""Side of the trunk's last maps."""
_FACTS: Final = 4
_HUES: Final = (3e-5, 1e-3)
"""1 - cosine between a pixel's colour and a mannequin's at which they are alike but for rounding,
and at which they may be, with some of the room in the pixel. People are looked for by the first:
by the second every other room has a wall that looks like one of them."""
_SIZE: Final = WIDTHS[0] ** -0.5
"""Spread of each entry: the narrowest μ has a norm of about 1."""
_QUIET: Final = -5.0
"""ln s² before learning."""


class Tier(enum.StrEnum):
    """Exits, the cheapest first."""

    SMALL = "small"
    BASE = "base"


class Said(NamedTuple):
    """What an exit says of N frames.

    Attributes:
        mu: shape (N, `DIM`).
        log_variance: ln s², shape (N, `DIM`).
        features: what both are made of, (N, F); `Asked` reads them while learning.
    """

    mu: Tensor
    log_variance: Tensor
    features: Tensor


class _Residual(nn.Module):
    """Two 3 × 3 convolutions, around which the input is added (He et al. 2016)."""

    def __init__(self, wide: int) -> None:
        super().__init__()
        self.way = nn.Sequential(*_step(wide, wide), *_step(wide, wide)[:2])

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.way(x))


def _step(wide_in: int, wide_out: int, stride: int = 1) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(wide_in, wide_out, 3, stride, 1, bias=False),
        nn.BatchNorm2d(wide_out),
        nn.ReLU(),
    )


class _Exit(nn.Module):
    """Gives μ and, for learning alone, ln s² of each entry and the features before both."""

    def __init__(self, wide: int) -> None:
        super().__init__()
        self.mix = nn.Sequential(
            nn.Conv2d(wide, 32, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.Flatten(),
        )  # fmt: skip
        self.join = nn.Sequential(nn.Linear(32 * _LAST**2 + _FACTS, _HIDDEN), nn.ReLU())
        # Centred: what all frames have in common would fill the clip and say nothing. And of one
        # spread: an encoder that may shrink z does so to escape its adversaries, who follow.
        self.mu = nn.Sequential(
            nn.Linear(_HIDDEN, _HIDDEN), nn.ReLU(),
            nn.Linear(_HIDDEN, DIM, bias=False), nn.BatchNorm1d(DIM, affine=False),
        )  # fmt: skip
        self.log_variance = nn.Linear(_HIDDEN, DIM)
        # Little noise to begin with: s² = 1 would drown a μ of norm 1 before it says anything.
        nn.init.constant_(self.log_variance.bias, _QUIET)

    def forward(self, x: Tensor, facts: Tensor) -> Said:
        joined = self.join(torch.cat([self.mix(x), facts], dim=1))
        mu = self.mu(joined) * _SIZE
        return Said(mu, self.log_variance(joined).clamp(-8.0, 2.0), joined)


class Family(nn.Module):
    """f_θ: a glimpse of the people and what is around them, a trunk over it, two exits.

    Args:
        width: channels after the first layer.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        w = width
        self.stem = nn.Sequential(*_step(5, w, 2), *_step(w, 2 * w, 2))
        self.near = nn.Sequential(_Residual(2 * w), _Residual(2 * w), *_step(2 * w, 4 * w, 2))
        self.far = nn.Sequential(_Residual(4 * w), _Residual(4 * w))
        self.exits = nn.ModuleDict({Tier.SMALL: _Exit(4 * w), Tier.BASE: _Exit(4 * w)})
        v, u = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 96), indexing="ij")
        self.register_buffer("where", torch.stack([u * 1.5, v])[None], persistent=False)
        steps = torch.linspace(-1, 1, _GLIMPSE)
        v, u = torch.meshgrid(steps, steps, indexing="ij")
        self.register_buffer("grid", torch.stack([u, v], dim=-1)[None], persistent=False)
        palette = nn.functional.normalize(torch.tensor(PALETTE, dtype=torch.float32), dim=1)
        # Cross products with all hues, as one convolution: three rows for each.
        across = torch.linalg.cross(torch.eye(3)[None].expand(len(palette), 3, 3), palette[:, None])
        rows = across.transpose(1, 2).reshape(-1, 3, 1, 1)
        self.register_buffer("across", rows.contiguous(), persistent=False)

    def forward(self, frames: Tensor) -> tuple[dict[Tier, Said], Tensor]:
        """What each tier says of frames (N, 3, 64, 96) in [0, 1]; and where they looked, as
        `glimpse` has it."""
        glimpse, facts = self.glimpse(frames)
        near = self.near(self.stem(glimpse))
        said = {
            Tier.SMALL: self.exits[Tier.SMALL](near, facts),
            Tier.BASE: self.exits[Tier.BASE](self.far(near), facts),
        }
        return said, facts

    def mu(self, frames: Tensor, tier: Tier) -> Tensor:
        """μ of one tier, (N, `DIM`)."""
        glimpse, facts = self.glimpse(frames)
        x = self.near(self.stem(glimpse))
        said: Said = self.exits[tier](x if tier is Tier.SMALL else self.far(x), facts)
        return said.mu

    def glimpse(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """What is around the people, at one size, (N, 5, g, g): colours and the hints of `drawn`;
        and where that was: (x, y, size, how much of the picture is people), (N, 4).

        Whole pictures were tried: a small trunk learns a few hundred rooms by heart long before
        it finds the people in them.
        """
        hints = self.drawn(frames)
        weight = hints[:, :1].square() + 1e-6
        total = weight.sum((2, 3))
        middle = (weight * self.where).sum((2, 3)) / total
        apart = self.where - middle[:, :, None, None]
        spread = ((weight * apart.square()).sum((2, 3)) / total).amax(1, keepdim=True).sqrt()
        half = (_AROUND * spread).clamp(0.25, 1.25)
        place = middle[:, None, None, :] + half[:, :, None, None] * self.grid
        place = place / place.new_tensor((1.5, 1.0))
        seen = torch.cat([(frames - _GREY) / _SPREAD, hints], dim=1)
        cut = nn.functional.grid_sample(seen, place, align_corners=False)
        share = (total / (64 * 96)).sqrt()
        return cut, torch.cat([middle, half * 2.0 - 1.0, share * 4.0], dim=1)

    def drawn(self, frames: Tensor) -> Tensor:
        """How much of a mannequin's colour each pixel has, (N, 2, 64, 96) in [0, 1]: strictly, and
        loosely, see `_HUES`.

        Ψ paints in the hues of a palette that everybody knows.
        """
        # sin² of the angle to the nearest hue. 1 - cos would be lost in float32's rounding.
        apart = nn.functional.conv2d(frames, self.across).square()
        apart = apart.unflatten(1, (len(PALETTE), 3)).sum(dim=2).amin(dim=1, keepdim=True)
        apart = apart / frames.square().sum(dim=1, keepdim=True).clamp_min(4e-4)
        return torch.cat([torch.exp(apart / (-2.0 * hue)) for hue in _HUES], dim=1)


class OneTier(nn.Module):
    """One tier as the edge runs it: frames → μ; what is exported."""

    def __init__(self, family: Family, tier: Tier) -> None:
        super().__init__()
        self.family, self.tier = family, tier

    def forward(self, frames: Tensor) -> Tensor:
        return self.family.mu(frames, self.tier)


class Heads(nn.Module):
    """What the cloud reads out of z: for each width and question one small network."""

    def __init__(self, hidden: int = 64) -> None:
        super().__init__()
        self.of = nn.ModuleDict(
            {
                str(width): nn.ModuleDict(
                    {
                        name: nn.Sequential(
                            nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, len(answers))
                        )
                        for name, answers in QUESTIONS.items()
                    }
                )
                for width in WIDTHS
            }
        )

    def forward(self, z: Tensor) -> dict[str, Tensor]:
        """Logits for each question; the width is that of z (N, D)."""
        heads = self.of[str(z.shape[1])]
        return {name: head(z / _SIZE) for name, head in heads.items()}


class Asked(nn.Module):
    """What is asked of an exit's features while learning, beside the words, so that the trunk finds
    out what a body is; nothing of it ships.

    Its answers are `HINTS`, how far joints (17, 2) are from the middle of the glimpse in half its
    size, and which of them can be seen.
    """

    def __init__(self) -> None:
        super().__init__()
        joints = len(COCO17.keypoints)
        self.parts = (len(HINTS), 2 * joints, joints)
        self.way = nn.ModuleDict({tier: nn.Linear(_HIDDEN, sum(self.parts)) for tier in Tier})

    def forward(self, features: Tensor, tier: Tier) -> tuple[Tensor, Tensor, Tensor]:
        """(N, len(HINTS)), (N, 17, 2) and logits (N, 17)."""
        hints, joints, seen = self.way[tier](features).split(self.parts, dim=1)
        return hints, joints.reshape(len(features), -1, 2), seen


def in_glimpse(body: Tensor, facts: Tensor) -> Tensor:
    """Where keypoints (N, 17, 3) lie in what `Family.glimpse` cut out: (N, 17, 2), [-1, 1] inside.

    Args:
        facts: (N, 4), as `Family.glimpse` gives them.
    """
    place = (2.0 * body[:, :, :2] - 1.0) * body.new_tensor((1.5, 1.0))
    half = (facts[:, 2] + 1.0) / 2.0
    return (place - facts[:, None, :2]) / half[:, None, None]


class Reader(nn.Module):
    """An adversary: names people by z."""

    def __init__(self, width: int, people: int, hidden: int = 96) -> None:
        super().__init__()
        self.way = nn.Sequential(
            nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, people),
        )  # fmt: skip

    def forward(self, z: Tensor) -> Tensor:
        logits: Tensor = self.way(z)
        return logits


def clip(mu: Tensor, most: float) -> Tensor:
    """clip_C(μ) = μ · min(1, C / ‖μ‖₂), row by row (representation.md §1)."""
    norm = mu.norm(dim=1, keepdim=True).clamp_min(1e-9)
    return mu * (most / norm).clamp_max(1.0)
