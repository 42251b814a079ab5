"""The encoder family: one trunk, two exits, nested widths, one z space (design §2, AI Flow).

A frame (N, 3, 64, 96) in [0, 1] becomes μ (N, `DIM`); its first 8 and 16 entries are the
narrower embeddings (Matryoshka representation learning, Kusupati et al. 2022, eq. 1). The
trunk looks at a glimpse of the frame, cut out around the mannequins; the small exit leaves it
half-way, the base exit at its end. Heads that read meaning out of z belong
to the cloud and are shared by all exits: a width has one head, whatever tier sent it.
"""

from __future__ import annotations

import enum
from typing import Final

import torch
from torch import Tensor, nn

from mizaru.lab.encoder.meaning import QUESTIONS
from mizaru.proxy.raster import PALETTE

WIDTHS: Final = (8, 16, 32)
DIM: Final = WIDTHS[-1]
_GREY: Final = 0.45
_SPREAD: Final = 0.25
_GLIMPSE: Final = 40
"""Pixels of its side."""
_AROUND: Final = 2.6
"""Standard deviations of where people are, to either side."""
_LAST: Final = 5
"""Side of the trunk's last maps."""
_FACTS: Final = 4
_HUE: Final = 0.001
"""1 - cosine between a pixel's colour and a mannequin's at which they are still alike."""
_SIZE: Final = WIDTHS[0] ** -0.5
"""Spread of each entry: the narrowest μ has a norm of about 1."""
_QUIET: Final = -5.0
"""ln s² before learning."""


class Tier(enum.StrEnum):
    """Exits, the cheapest first."""

    SMALL = "small"
    BASE = "base"


class _Separable(nn.Module):
    """Depthwise 3 × 3, then pointwise (Howard et al. 2017), around which the input is added
    where its shape stays."""

    def __init__(self, wide_in: int, wide_out: int, stride: int = 1) -> None:
        super().__init__()
        self.adds = stride == 1 and wide_in == wide_out
        self.way = nn.Sequential(
            nn.Conv2d(wide_in, wide_in, 3, stride, 1, groups=wide_in, bias=False),
            nn.BatchNorm2d(wide_in),
            nn.ReLU(),
            nn.Conv2d(wide_in, wide_out, 1, bias=False),
            nn.BatchNorm2d(wide_out),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.way(x)
        return torch.relu(x + out if self.adds else out)


class _Exit(nn.Module):
    """Gives μ and, for learning alone, ln s² of each entry."""

    def __init__(self, wide: int) -> None:
        super().__init__()
        self.mix = nn.Sequential(
            nn.Conv2d(wide, 32, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.Flatten(),
        )  # fmt: skip
        hidden = 128
        self.join = nn.Sequential(nn.Linear(32 * _LAST**2 + _FACTS, hidden), nn.ReLU())
        # Centred: what all frames have in common would fill the clip and say nothing. And of one
        # spread: an encoder that may shrink z does so to escape its adversaries, who follow.
        self.mu = nn.Sequential(
            nn.Linear(hidden, DIM, bias=False), nn.BatchNorm1d(DIM, affine=False)
        )
        self.log_variance = nn.Linear(hidden, DIM)
        # Little noise to begin with: s² = 1 would drown a μ of norm 1 before it says anything.
        nn.init.constant_(self.log_variance.bias, _QUIET)

    def forward(self, x: Tensor, facts: Tensor) -> tuple[Tensor, Tensor]:
        joined = self.join(torch.cat([self.mix(x), facts], dim=1))
        return self.mu(joined) * _SIZE, self.log_variance(joined).clamp(-8.0, 2.0)


class Family(nn.Module):
    """f_θ: a glimpse of the people and what is around them, a trunk over it, two exits.

    Args:
        width: channels after the first layer.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        w = width
        self.stem = nn.Sequential(
            nn.Conv2d(4, w, 3, 2, 1, bias=False), nn.BatchNorm2d(w), nn.ReLU(),
            nn.Conv2d(w, 2 * w, 3, 2, 1, bias=False), nn.BatchNorm2d(2 * w), nn.ReLU(),
        )  # fmt: skip
        self.near = nn.Sequential(_Separable(2 * w, 2 * w), _Separable(2 * w, 4 * w, 2))
        self.far = nn.Sequential(
            _Separable(4 * w, 4 * w), _Separable(4 * w, 4 * w), _Separable(4 * w, 4 * w)
        )
        self.exits = nn.ModuleDict({Tier.SMALL: _Exit(4 * w), Tier.BASE: _Exit(4 * w)})
        v, u = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 96), indexing="ij")
        self.register_buffer("where", torch.stack([u * 1.5, v])[None], persistent=False)
        steps = torch.linspace(-1, 1, _GLIMPSE)
        v, u = torch.meshgrid(steps, steps, indexing="ij")
        self.register_buffer("grid", torch.stack([u, v], dim=-1)[None], persistent=False)
        palette = nn.functional.normalize(torch.tensor(PALETTE, dtype=torch.float32), dim=1)
        self.register_buffer("palette", palette[:, :, None, None], persistent=False)

    def forward(self, frames: Tensor) -> dict[Tier, tuple[Tensor, Tensor]]:
        """(μ, ln s²) of each tier, both (N, `DIM`); frames (N, 3, 64, 96) in [0, 1]."""
        glimpse, facts = self.glimpse(frames)
        near = self.near(self.stem(glimpse))
        return {
            Tier.SMALL: self.exits[Tier.SMALL](near, facts),
            Tier.BASE: self.exits[Tier.BASE](self.far(near), facts),
        }

    def mu(self, frames: Tensor, tier: Tier) -> Tensor:
        """μ of one tier, (N, `DIM`)."""
        glimpse, facts = self.glimpse(frames)
        x = self.near(self.stem(glimpse))
        mu: Tensor = self.exits[tier](x if tier is Tier.SMALL else self.far(x), facts)[0]
        return mu

    def glimpse(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """What is around the people, at one size, (N, 4, g, g): colours and the hint of `drawn`;
        and where that was: (x, y, size, how much of the picture is people), (N, 4).

        Whole pictures were tried: a small trunk learns a few hundred rooms by heart long before
        it finds the people in them.
        """
        hint = self.drawn(frames)
        weight = hint.square() + 1e-5
        total = weight.sum((2, 3))
        middle = (weight * self.where).sum((2, 3)) / total
        apart = self.where - middle[:, :, None, None]
        spread = ((weight * apart.square()).sum((2, 3)) / total).amax(1, keepdim=True).sqrt()
        half = (_AROUND * spread).clamp(0.25, 1.25)
        place = middle[:, None, None, :] + half[:, :, None, None] * self.grid
        place = place / place.new_tensor((1.5, 1.0))
        seen = torch.cat([(frames - _GREY) / _SPREAD, hint], dim=1)
        cut = nn.functional.grid_sample(seen, place, align_corners=False)
        share = (total / (64 * 96)).sqrt()
        return cut, torch.cat([middle, half * 2.0 - 1.0, share * 4.0], dim=1)

    def drawn(self, frames: Tensor) -> Tensor:
        """How much of a mannequin's colour each pixel has, (N, 1, 64, 96) in [0, 1].

        Ψ paints in the hues of a palette that everybody knows.
        """
        size = frames.square().sum(dim=1, keepdim=True).sqrt() + 1e-5
        alike = nn.functional.conv2d(frames, self.palette).amax(dim=1, keepdim=True) / size
        return torch.exp((alike - 1.0) / _HUE)


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
