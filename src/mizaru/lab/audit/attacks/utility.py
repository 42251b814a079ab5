"""What each representation is good for: behaviours, read by the same families that attack it.

Not an attack, but the other half of every pair (utility, leak): a privacy figure without it can be
had by sending nothing. A reader learns behaviours from windows of some people and reads those of
others; macro-F1 over the behaviours that enough people show. *Chance* is always saying the
commonest. Higher is better here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.errors import DataError
from mizaru.lab.audit.attacks.metrics import compact
from mizaru.lab.audit.attacks.showing import cut, looks, show, summary
from mizaru.lab.audit.contract import Medium, Outcome, Profile, Representation, Row, Visit
from mizaru.lab.audit.families import attackers, tried
from mizaru.lab.audit.statistics import drawn
from mizaru.vocabulary import Behavior

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

LENGTH: Final = 10
"""Ticks of a window: the shortest behaviours last a second."""

_WINDOWS: Final = {Profile.QUICK: 8, Profile.FULL: 24}
_MOST: Final = {Profile.QUICK: 700, Profile.FULL: 6000}
"""Windows of a set."""
_PURE: Final = 0.7
"""Share of a window that its behaviour fills."""
_LEAST: Final = 3
"""People who show a behaviour."""
_FEWEST: Final = 6
"""Windows of a behaviour."""


@dataclass(frozen=True, slots=True)
class Utility:
    """See the module."""

    name: str = "utility"
    words: str = "read what people do (the purpose: higher is better)"
    source: str = "macro-F1, as in the project's own evaluation"
    media: frozenset[Medium] = field(default_factory=lambda: frozenset(Medium))

    def run(
        self,
        representation: Representation,
        visits: tuple[Visit, ...],
        profile: Profile,
        rng: np.random.Generator,
    ) -> Outcome:
        """One row for each dataset whose behaviours are known.

        Raises:
            DataError: there is none.
        """
        drawn_ = np.random.default_rng(0)
        found: list[tuple[str, str, Behavior, dict[str, Floats]]] = []
        for item in show(representation, visits, rng):
            visit = item.visit
            ways = looks(item.given, representation.medium)
            for part in cut(len(item.given), LENGTH, _WINDOWS[profile], drawn_):
                words = visit.behaviors[part].tolist()
                common = max(sorted(set(words)), key=words.count)
                clear = words.count(common) >= _PURE * len(words) and common != Behavior.UNKNOWN
                if clear:  # shown or not: who sees nothing has to guess
                    seen = {way: summary(rows[part], way) for way, rows in ways.items()}
                    found.append((visit.dataset, visit.person, common, seen))
        rows: list[Row] = []
        for dataset in sorted({name for name, *_ in found}):
            mine = [item for item in found if item[0] == dataset]
            if len(mine) > _MOST[profile]:
                mine = [mine[k] for k in np.sort(drawn_.permutation(len(mine))[: _MOST[profile]])]
            one = _row(representation.name, self.name, dataset, mine, profile, rng)
            rows += [] if one is None else [one]
        if not rows:
            raise DataError("utility needs people whose behaviours are known")
        return Outcome(tuple(rows))


def _row(
    representation: str,
    attack: str,
    dataset: str,
    found: Sequence[tuple[str, str, Behavior, dict[str, Floats]]],
    profile: Profile,
    rng: np.random.Generator,
) -> Row | None:
    who: dict[Behavior, list[str]] = {}
    for _, person, word, _ in found:
        who.setdefault(word, []).append(person)
    usual = sorted(w for w, p in who.items() if len(set(p)) >= _LEAST and len(p) >= _FEWEST)
    found = [one for one in found if one[2] in usual]
    if len(usual) < 2:
        return None
    people = np.array([person for _, person, _, _ in found])
    names = np.unique(people)
    fold = np.searchsorted(names, people) % 2
    label = np.array([usual.index(word) for _, _, word, _ in found], np.int64)
    ways = list(found[0][3])
    X = {way: compact([one[3][way] for one in found]) for way in ways}
    tries: list[tuple[str, Labels]] = []
    for number, (family, fit) in enumerate(attackers(profile, rng)):
        way = ways[number % len(ways)]
        said = np.full(len(label), -1, np.int64)
        for half in (0, 1):
            learn = fold != half
            if len(np.unique(label[learn])) > 1 and (fold == half).any():
                said[fold == half] = fit(X[way][learn], label[learn])(X[way][fold == half]).argmax(
                    1
                )
        tries.append((f"{family}, {way}", said))
    # Each half is read by who reads the other best: luck is not counted as skill.
    said, families = np.zeros(len(label), np.int64), []
    for half in (0, 1):
        other = fold != half
        best = max(tries, key=lambda one: macro_f1(one[1][other], label[other]))
        said[~other] = best[1][~other]
        families.append(best[0])
    value, low, high = drawn(
        people.tolist(), lambda rows: macro_f1(said[rows], label[rows]), draws=200
    )
    guess = np.full(len(label), np.bincount(label).argmax())
    return Row(
        representation, attack, "macro-F1", f"T={LENGTH}", dataset, value, low, high,
        macro_f1(guess, label), math.nan, higher_leaks=True,
        family=" | ".join(dict.fromkeys(families)), tried=tried(profile),
    )  # fmt: skip


def macro_f1(said: Labels, label: Labels) -> float:
    """Mean F1 over the classes that occur."""
    found = []
    for one in np.unique(label):
        both = ((said == one) & (label == one)).sum()
        found.append(2 * both / ((said == one).sum() + (label == one).sum()))
    return float(np.mean(found))
