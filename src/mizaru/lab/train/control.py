"""What networks are measured against: boosted trees on statistics, and a threshold on height."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.cloud.recognize.features import CONFIDENCE, JOINTS, PATH, RELATION, TICKS
from mizaru.cloud.recognize.outputs import ACTIONS, AGGRESSION, FALL, OUTPUTS
from mizaru.lab.train.corpus import Corpus
from mizaru.vocabulary import Behavior

Array = npt.NDArray[np.float32]

_ODDS: Final = 12.0
"""Log odds are cut off here."""


def statistics(x: npt.NDArray[np.floating]) -> Array:
    """What trees see of windows (N, C, W): per channel newest value, mean, spread, least,
    greatest, and the changes over the last 0.5, 1 and 2 s; shape (N, 8 · C)."""
    x = x.astype(np.float32)
    newest = x[:, :, -1]
    back = [newest - x[:, :, TICKS - 1 - ticks] for ticks in (5, 10, 20)]
    return np.concatenate(
        [newest, x.mean(2), x.std(2), x.min(2), x.max(2), *back], axis=1, dtype=np.float32
    )


def boosted(
    train: Corpus, test: Corpus, *, seed: int, most: int = 60_000, rounds: int = 60
) -> Array:
    """Logits of gradient boosting for `test`: shape (N, `OUTPUTS`).

    Args:
        most: windows to learn from, drawn evenly; trees gain little from more.
        rounds: of boosting.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    rng = np.random.default_rng(seed)
    out = np.full((len(test), OUTPUTS), -_ODDS, np.float32)
    seen = statistics(test.x)
    for column, name in ((None, "action"), (FALL, "fall"), (AGGRESSION, "aggression")):
        known = np.flatnonzero(train.rows[name] >= 0)
        if len(known) > most:
            known = rng.choice(known, most, replace=False)
        truth = train.rows[name][known]
        if len(np.unique(truth)) < 2:
            continue
        trees = HistGradientBoostingClassifier(
            max_iter=rounds, class_weight="balanced", random_state=seed, early_stopping=False
        )
        trees.fit(statistics(train.x[known]), truth)
        share = np.log(np.clip(trees.predict_proba(seen), 1e-6, 1.0))
        if column is None:
            out[:, trees.classes_.astype(int)] = share
        else:
            out[:, column] = share[:, 1] - share[:, 0]
    return out


def threshold_on_height(x: npt.NDArray[np.floating]) -> Array:
    """Nothing clever, shape (N, `OUTPUTS`): a fall is a low body that came down fast.

    The score is how far the torso's middle sank at its fastest over 0.6 s, plus how much
    less tall the body is now than it was at most, in body heights. Actions: walk if the body
    travels, lie if it is low, else stand. Aggression: how near a wrist of anybody is.
    """
    x = x.astype(np.float32)
    y = x[:, JOINTS][:, 1::2]
    seen = x[:, CONFIDENCE] > 0
    some = np.asarray(seen.any(1))
    tall = np.where(some, np.where(seen, y, -9).max(1) - np.where(seen, y, 9).min(1), 0.0)
    sink = (x[:, PATH.start + 1, 6:] - x[:, PATH.start + 1, :-6]) * (some[:, 6:] & some[:, :-6])
    out = np.full((len(x), OUTPUTS), -_ODDS, np.float32)
    out[:, FALL] = 10 * (sink.max(1) + tall.max(1) - tall[:, -1] - 0.6)
    moved = np.abs(x[:, PATH.start]).max(1)
    low = tall[:, -1] < 0.5
    out[:, ACTIONS.index(Behavior.STAND)] = 0.0
    out[:, ACTIONS.index(Behavior.WALK)] = np.where((moved > 0.5) & ~low, 1.0, -_ODDS)
    out[:, ACTIONS.index(Behavior.LIE)] = np.where(low, 1.0, -_ODDS)
    together = x[:, RELATION.start, -1] > 0
    near = x[:, RELATION.start + 4 : RELATION.start + 8, -1].min(1)
    out[:, AGGRESSION] = np.where(together, -5 * near, -_ODDS)
    return out
