"""What the encoder is taught: keep meaning, forget the rest (design §1; MSR eq. 2).

Every term is a mean over frames; the recipe's weights put them together in
`mizaru.lab.encoder.trainer`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mizaru.lab.encoder.meaning import UNSAID


def answers(logits: Mapping[str, Tensor], truth: Mapping[str, Tensor]) -> Tensor:
    """Cross-entropy, summed over the questions: the bound on −I(z; x_semantic) of MSR eq. 2.

    Args:
        logits: for each question (N, K).
        truth: for each question (N,) int64; `UNSAID` teaches nothing.
    """
    total = next(iter(logits.values())).sum() * 0.0
    for name, said in logits.items():
        known = truth[name] != UNSAID
        if known.any():
            total = total + nn.functional.cross_entropy(said[known], truth[name][known])
    return total


def distillation(logits: Tensor, teacher: Tensor) -> Tensor:
    """KL(teacher ‖ student) over rows where the teacher says something (Hinton et al. 2015,
    temperature 1). `teacher`: (N, K), NaN rows say nothing."""
    known = torch.isfinite(teacher).all(dim=1)
    if not known.any():
        return logits.sum() * 0.0
    said = nn.functional.log_softmax(logits[known], dim=1)
    return nn.functional.kl_div(said, teacher[known], reduction="batchmean")


def rate(mu: Tensor, log_variance: Tensor, clip: float, width: int) -> Tensor:
    """KL(N(μ, s²) ‖ N(0, p²)) in nats per frame, summed over entries: the variational information
    bottleneck (Alemi et al. 2017, eq. 17), which bounds I(z; x) of MSR eq. 2 from above.

    p² = C²/D of the narrowest width D, so that a μ of the prior just fills the clip.
    """
    prior = clip**2 / width
    variance = log_variance.exp()
    terms = (mu.square() + variance) / prior - 1.0 - log_variance + math.log(prior)
    return 0.5 * terms.sum(dim=1).mean()


def contrast(z: Tensor, meaning: Tensor, temperature: float = 0.1) -> Tensor:
    """Supervised contrastive loss (Khosla et al. 2020, eq. 2): frames of one meaning together.

    Args:
        z: (N, D), any length.
        meaning: (N,) int64; rows below 0 are left out.
    """
    z, meaning = z[meaning >= 0], meaning[meaning >= 0]
    if len(z) < 2:
        return z.sum() * 0.0
    z = nn.functional.normalize(z, dim=1)
    alike = z @ z.T / temperature
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    alike = alike.masked_fill(itself, -1e9)
    log_share = alike - alike.logsumexp(dim=1, keepdim=True)
    same = (meaning[:, None] == meaning[None]) & ~itself
    count = same.sum(dim=1)
    if not (count > 0).any():
        return z.sum() * 0.0
    per_row = (log_share * same).sum(dim=1)[count > 0] / count[count > 0]
    return -per_row.mean()


def confusion(logits: Tensor) -> Tensor:
    """How far a reader of identity is from knowing nothing: ln N minus the entropy of what it
    says, nats. 0 where every person is as likely; the encoder lowers it.

    Unlike the negative of the reader's own loss it has a least value, so that the encoder gains
    nothing by making a reader confidently wrong, which the next one would read.
    """
    log_p = nn.functional.log_softmax(logits, dim=1)
    return (log_p.exp() * log_p).sum(dim=1).mean() + math.log(logits.shape[1])


def apart(z: Tensor, deepest: Tensor) -> Tensor:
    """Squared distance of a tier's clipped μ from the deepest tier's, which does not follow:
    what keeps all exits in one z space."""
    return (z - deepest.detach()).square().sum(dim=1).mean()


def hints(said: Tensor, truth: Tensor) -> Tensor:
    """Huber loss of what a body looks like, both (N, K) in standard deviations; NaN in `truth`
    teaches nothing."""
    known = torch.isfinite(truth)
    if not known.any():
        return said.sum() * 0.0
    return nn.functional.smooth_l1_loss(said[known], truth[known])


def joints(where: Tensor, seen: Tensor, truth: Tensor, rho: Tensor) -> Tensor:
    """Where a body's joints are, and which of them can be seen.

    Args:
        where, truth: (N, 17, 2), as `mizaru.lab.encoder.network.in_glimpse` has them.
        seen: logits (N, 17).
        rho: (N, 17); rows where nothing was seen teach nothing.
    """
    some = (rho > 0).any(dim=1)
    if not some.any():
        return where.sum() * 0.0
    shown = rho[some] > 0
    near = nn.functional.smooth_l1_loss(where[some][shown], truth[some][shown], beta=0.1)
    return near + 0.1 * nn.functional.binary_cross_entropy_with_logits(seen[some], shown.float())
