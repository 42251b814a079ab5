"""What every training does at each step: the pace, the average that is kept, the checkpoint."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch


def rate(step: int, steps: int) -> float:
    """Share of the peak rate: a tenth of the steps up, then a cosine down."""
    lead = max(1, steps // 10)
    if step <= lead:
        return step / lead
    return 0.5 + 0.5 * math.cos(math.pi * (step - lead) / max(1, steps - lead))


def follow(mean: dict[str, Any], network: Any, step: int, most: float) -> None:
    """Move the running average of a network's tensors, in place.

    Args:
        mean: name → tensor.
        network: a torch module.
        step: 1, 2, …: a young average keeps less.
        most: share that an old one keeps, [0, 1).
    """
    keeps = min(most, 1.0 - 1.0 / step)
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            mean[name].lerp_(value, 1.0 - keeps)
        else:
            mean[name].copy_(value)


def save(file: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    torch.save(state, part)
    part.replace(file)
