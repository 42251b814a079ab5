"""What may happen to a frame while learning: none of it changes what the frame means."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from mizaru.proxy import UNKNOWN_RGB

_PATCHED: Final = 0.15
_CUT: Final = 0.15


def augment(frames: Tensor, generator: torch.Generator) -> Tensor:
    """Mirrored, brighter or darker, with tiles of the plate unknown. Hues stay: they tell people.

    Args:
        frames: (N, H, W, 3) uint8.

    Returns:
        (N, 3, H, W) float32 in [0, 1], in the memory order that convolutions like best.
    """
    x = to_input(frames)
    count, _, height, width = x.shape

    def draw(*shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=generator)

    mirrored = draw(1, 1, 1) < 0.5
    x = torch.where(mirrored, x.flip(3), x)
    x = x * (0.85 + 0.3 * draw(1, 1, 1))
    # One crop for all: a room is never quite where it was.
    tall, wide = (round(side * _cut(generator)) for side in (height, width))
    down, aside = (
        int(torch.randint(side - kept + 1, (1,), generator=generator))
        for side, kept in ((height, tall), (width, wide))
    )
    x = x[:, :, down : down + tall, aside : aside + wide]
    x = torch.nn.functional.interpolate(x, (height, width), mode="bilinear", align_corners=False)
    top, left = draw() * height, draw() * width
    low, right = top + 4 + draw() * height / 3, left + 4 + draw() * width / 3
    y, across = torch.arange(height)[None, :], torch.arange(width)[None, :]
    inside = ((y >= top[:, None]) & (y < low[:, None]))[:, :, None] & (
        (across >= left[:, None]) & (across < right[:, None])
    )[:, None, :]
    patched = (inside & (draw(1, 1) < _PATCHED))[:, None]
    grey = x.new_tensor(UNKNOWN_RGB)[None, :, None, None] / 255.0
    x = torch.where(patched, grey, x)
    return x.clamp_(0.0, 1.0).contiguous(memory_format=torch.channels_last)


def _cut(generator: torch.Generator) -> float:
    """Share of a side that is kept."""
    return 1.0 - _CUT * float(torch.rand(1, generator=generator))


def to_input(frames: Tensor) -> Tensor:
    """(N, H, W, 3) uint8 → (N, 3, H, W) float32 in [0, 1]."""
    return frames.permute(0, 3, 1, 2).float().div_(255.0)
