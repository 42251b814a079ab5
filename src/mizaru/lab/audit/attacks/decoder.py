"""A convolutional decoder that inverts representations; profile full only, needs torch.

Dosovitskiy & Brox (CVPR 2016), §3, small: a linear layer to 8 × 4 cells, three steps up to 64 × 32
pixels, squared error, Adam. Each step is a convolution at the size before, whose channels become
pixels (Shi et al., CVPR 2016, eq. 3): on one core of a CPU convolutions at full size cost six times
as much.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

_CELLS_HW: Final = (8, 4)
_CHANNELS: Final = (64, 48, 24, 3)
_BATCH: Final = 32
_PEAK: Final = 255.0


def convolutional(
    seen: Floats, pictures: Floats, *, steps: int, rng: np.random.Generator
) -> Callable[[Floats], Floats] | None:
    """Learns pictures (n, 64, 32, 3), 0 … 255, from rows (n, F); None where torch is missing."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)  # one process a core, and two threads are slower for so small a net
    torch.manual_seed(int(rng.integers(2**31)))
    model = _network(torch, seen.shape[1])
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    X = torch.from_numpy(np.ascontiguousarray(seen, np.float32))
    Y = torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2) / _PEAK, np.float32))
    for _ in range(steps):
        rows = torch.from_numpy(rng.integers(len(X), size=min(_BATCH, len(X))))
        loss = ((model(X[rows]) - Y[rows]) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    model.eval()

    def decode(other: Floats) -> Floats:
        with torch.no_grad():
            out = model(torch.from_numpy(np.ascontiguousarray(other, np.float32))).numpy()
        return np.asarray(np.clip(out.transpose(0, 2, 3, 1), 0, 1) * _PEAK, np.float32)

    return decode


def _network(torch: Any, features: int) -> Any:
    nn = torch.nn
    height, width = _CELLS_HW
    layers: list[Any] = [
        nn.Linear(features, _CHANNELS[0] * height * width),
        nn.Unflatten(1, (_CHANNELS[0], height, width)),
        nn.GELU(),
        nn.Dropout(0.1),
    ]
    for before, after in pairwise(_CHANNELS):
        layers += [nn.Conv2d(before, 4 * after, 3, padding=1), nn.PixelShuffle(2), nn.GELU()]
    layers[-1] = nn.Sigmoid()
    return nn.Sequential(*layers)
