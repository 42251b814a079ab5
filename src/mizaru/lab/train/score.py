"""How good answers are, in figures with their intervals. Nothing here needs torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mizaru.cloud.recognize.outputs import ACTIONS, AGGRESSION, FALL
from mizaru.lab.train.calibrate import expected_error, sigmoid
from mizaru.lab.train.corpus import Corpus

Vector = npt.NDArray[np.float64]
Truth = npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with the interval in which it lies in 95 of 100 draws of other people."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True, slots=True)
class Scores:
    """Of one set of answers.

    Attributes:
        action_f1: mean F1 over actions that occur; action_accuracy: share of right ones.
        f1: of each action that occurs.
        fall_auc, aggression_auc: area under the ROC curve, over windows.
        fall_recall: share of fall windows found at one false window in a thousand others.
        fall_error, aggression_error: expected calibration error.
        windows: how many were judged.
    """

    action_f1: Figure
    action_accuracy: Figure
    f1: dict[str, float]
    fall_auc: Figure
    aggression_auc: Figure
    fall_recall: Figure
    fall_error: float
    aggression_error: float
    windows: int


def auc(score: npt.NDArray[np.floating], truth: Truth) -> float:
    """Chance that a yes scores above a no; ties count half; NaN without both."""
    said = (truth == 0) | (truth == 1)
    s, y = score[said], truth[said]
    yes, no = int((y == 1).sum()), int((y == 0).sum())
    if not yes or not no:
        return float("nan")
    _, place, counts = np.unique(s, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2.0
    return float((ranks[place][y == 1].sum() - yes * (yes + 1) / 2) / (yes * no))


def recall_at(score: npt.NDArray[np.floating], truth: Truth, false_share: float) -> float:
    """Share of yes above the score that `false_share` of no reach; NaN without both."""
    no, yes = score[truth == 0], score[truth == 1]
    if not len(no) or not len(yes):
        return float("nan")
    return float((yes > np.quantile(no, 1.0 - false_share)).mean())


def f1_of(said: Truth, truth: Truth) -> dict[str, float]:
    """F1 of each action that occurs; targets < 0 are left out."""
    known = truth >= 0
    s, y = said[known], truth[known]
    out = {}
    for k in np.unique(y):
        hits = int(((s == k) & (y == k)).sum())
        out[str(ACTIONS[k])] = 2 * hits / int((s == k).sum() + (y == k).sum())
    return out


def judge(logits: npt.NDArray[np.floating], corpus: Corpus, *, draws: int = 100) -> Scores:
    """Figures of answers (N, `OUTPUTS`), with intervals over whole sequences."""
    rows = corpus.rows
    fall, aggression = logits[:, FALL], logits[:, AGGRESSION]
    said = logits[:, : len(ACTIONS)].argmax(1)
    known = rows["action"] >= 0

    def mean_f1(pick: npt.NDArray[np.intp]) -> float:
        found = f1_of(said[pick], rows["action"][pick])
        return float(np.mean(list(found.values()))) if found else float("nan")

    def accuracy(pick: npt.NDArray[np.intp]) -> float:
        pick = pick[known[pick]]
        return float((said[pick] == rows["action"][pick]).mean()) if len(pick) else float("nan")

    def with_interval(of: Callable[[npt.NDArray[np.intp]], float]) -> Figure:
        return over_stories(of, corpus.owner, draws)

    return Scores(
        action_f1=with_interval(mean_f1),
        action_accuracy=with_interval(accuracy),
        f1=f1_of(said, rows["action"]),
        fall_auc=with_interval(lambda p: auc(fall[p], rows["fall"][p])),
        aggression_auc=with_interval(lambda p: auc(aggression[p], rows["aggression"][p])),
        fall_recall=with_interval(lambda p: recall_at(fall[p], rows["fall"][p], 1e-3)),
        fall_error=expected_error(sigmoid(fall), rows["fall"]),
        aggression_error=expected_error(sigmoid(aggression), rows["aggression"]),
        windows=len(rows),
    )


def over_stories(
    of: Callable[[npt.NDArray[np.intp]], float], owner: npt.NDArray[np.int32], draws: int
) -> Figure:
    """A figure with its percentile bootstrap interval over sequences."""
    value = of(np.arange(len(owner)))
    order = np.argsort(owner, kind="stable")
    owners, starts = np.unique(owner[order], return_index=True)
    groups = np.split(order, starts[1:])
    rng = np.random.default_rng(0)
    seen = []
    for _ in range(draws):
        picks = rng.integers(0, len(owners), len(owners))
        seen.append(of(np.concatenate([groups[k] for k in picks])))
    kept = [v for v in seen if np.isfinite(v)]
    if not kept:
        return Figure(value, value, value)
    low, high = np.percentile(kept, (2.5, 97.5))
    return Figure(value, float(low), float(high))
