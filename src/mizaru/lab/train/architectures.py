"""The networks that are compared, all from windows (N, C, W) to logits (N, `OUTPUTS`).

All see the same input and are as small as 200 cameras per core ask for; which one ships was
decided by measurement, see ``docs/models/recognizer.md``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor, nn

from mizaru.cloud.recognize.features import CHANNELS, CONFIDENCE, JOINTS, PATH, TICKS
from mizaru.cloud.recognize.outputs import OUTPUTS
from mizaru.lab.train.recipe import Kind, NetworkSettings
from mizaru.vocabulary import COCO17

_K: Final = len(COCO17.keypoints)
_REST: Final = CHANNELS - PATH.start
_INPUT: Final = 2 * CHANNELS
"""Values and how they change from tick to tick."""


def build(settings: NetworkSettings) -> nn.Module:
    """The network of a recipe, with fresh weights from torch's generator."""
    made: nn.Module = _MAKERS[settings.kind](settings)
    return made


def _with_change(x: Tensor) -> Tensor:
    """Appends the difference to the tick before, in units of a tenth of a second's motion."""
    change = (x[:, :, 1:] - x[:, :, :-1]) * 4.0
    change = change.clamp(-2.0, 2.0)
    return torch.cat([x, nn.functional.pad(change, (1, 0))], dim=1)


class _Head(nn.Module):
    """What the newest tick says, and what the whole window says."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.out = nn.Sequential(
            nn.Linear(3 * width, width), nn.GELU(), nn.Dropout(dropout), nn.Linear(width, OUTPUTS)
        )

    def forward(self, x: Tensor) -> Tensor:
        said: Tensor = self.out(torch.cat([x[:, :, -1], x.mean(2), x.amax(2)], dim=1))
        return said


class _Block(nn.Module):
    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.way = nn.Sequential(
            nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation),
            nn.BatchNorm1d(width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Conv1d(width, width, 1),
            nn.BatchNorm1d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.gelu(x + self.way(x))


class Tcn(nn.Module):
    """Dilated convolutions over time; the channels as they are."""

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        width = settings.width
        self.stem = nn.Sequential(
            nn.Conv1d(_INPUT, width, 3, padding=1), nn.BatchNorm1d(width), nn.GELU()
        )
        self.blocks = nn.Sequential(
            *(_Block(width, 2 ** (k % 4), settings.dropout) for k in range(settings.depth))
        )
        self.head = _Head(width, settings.dropout)

    def forward(self, x: Tensor) -> Tensor:
        said: Tensor = self.head(self.blocks(self.stem(_with_change(x))))
        return said


def _skeleton() -> Tensor:
    """Normalised neighbourhoods: each joint with itself, and with those its bones lead to."""
    links = torch.eye(_K)
    bones = (*COCO17.bones, (5, 0), (6, 0))
    for a, b in bones:
        links[a, b] = links[b, a] = 1.0
    return links / links.sum(1, keepdim=True)


class _GraphBlock(nn.Module):
    """Over the skeleton with learnt strengths, then over time."""

    def __init__(self, inner: int, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.links = nn.Parameter(torch.stack([torch.eye(_K), _skeleton()]))
        self.mix = nn.Conv2d(2 * inner, width, 1)
        self.norm = nn.BatchNorm2d(width)
        self.time = nn.Sequential(
            nn.Conv2d(width, width, (1, 3), padding=(0, dilation), dilation=(1, dilation)),
            nn.BatchNorm2d(width),
            nn.Dropout(dropout),
        )
        self.past = nn.Conv2d(inner, width, 1) if inner != width else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        n, c, k, w = x.shape
        near = torch.einsum("ajk,nckw->nacjw", self.links, x).reshape(n, 2 * c, k, w)
        y = nn.functional.gelu(self.norm(self.mix(near)))
        return nn.functional.gelu(self.time(y) + self.past(x))


class Gcn(nn.Module):
    """ST-GCN++-like: convolutions over the skeleton's graph and over time.

    What is no joint (path, place, relation) joins after the joints were pooled.
    """

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        inner = settings.width // 2
        sizes = [6, *([inner] * settings.depth)]
        self.blocks = nn.Sequential(
            *(
                _GraphBlock(a, b, 2 ** (k % 3), settings.dropout)
                for k, (a, b) in enumerate(itertools.pairwise(sizes))
            )
        )
        self.rest = nn.Sequential(nn.Conv1d(2 * _REST, inner, 3, padding=1), nn.GELU())
        self.join = _Block(2 * inner, 1, settings.dropout)
        self.head = _Head(2 * inner, settings.dropout)

    def forward(self, x: Tensor) -> Tensor:
        n = x.shape[0]
        both = _with_change(x)
        parts = []
        for start in (0, CHANNELS):
            joints = both[:, start + JOINTS.start : start + JOINTS.stop]
            parts.append(joints.reshape(n, _K, 2, TICKS).transpose(1, 2))
            seen = both[:, start + CONFIDENCE.start : start + CONFIDENCE.stop]
            parts.append(seen.reshape(n, 1, _K, TICKS))
        graph = self.blocks(torch.cat(parts, dim=1)).mean(2)
        rest = torch.cat([both[:, PATH.start : CHANNELS], both[:, CHANNELS + PATH.start :]], dim=1)
        said: Tensor = self.head(self.join(torch.cat([graph, self.rest(rest)], dim=1)))
        return said


class _Attention(nn.Module):
    """Pre-norm attention over ticks, written out so that it exports plainly."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.before = nn.LayerNorm(width)
        self.ask = nn.Linear(width, 3 * width)
        self.say = nn.Linear(width, width)
        self.way = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 2 * width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(2 * width, width),
        )

    def forward(self, x: Tensor) -> Tensor:
        n, w, c = x.shape
        asked = self.ask(self.before(x)).reshape(n, w, 3, self.heads, c // self.heads)
        q, k, v = asked.permute(2, 0, 3, 1, 4).unbind(0)
        weight = torch.softmax(q @ k.transpose(2, 3) * (c // self.heads) ** -0.5, dim=-1)
        x = x + self.say((weight @ v).transpose(1, 2).reshape(n, w, c))
        found: Tensor = x + self.way(x)
        return found


class Transformer(nn.Module):
    """Attention over ticks."""

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        width = settings.width // 4 * 4
        self.stem = nn.Conv1d(_INPUT, width, 3, padding=1)
        self.place = nn.Parameter(0.02 * torch.randn(1, TICKS, width))
        self.blocks = nn.Sequential(
            *(_Attention(width, 4, settings.dropout) for _ in range(settings.depth))
        )
        self.head = _Head(width, settings.dropout)

    def forward(self, x: Tensor) -> Tensor:
        ticks = self.stem(_with_change(x)).transpose(1, 2) + self.place
        said: Tensor = self.head(self.blocks(ticks).transpose(1, 2))
        return said


_MAKERS: Final[dict[Kind, Callable[[NetworkSettings], nn.Module]]] = {
    Kind.TCN: Tcn,
    Kind.GCN: Gcn,
    Kind.TRANSFORMER: Transformer,
}
