"""What is it good for? Name the behaviour of people who were never seen before.

No attack but the other axis: the same classifiers, asked what somebody does. People are parted in
halves, and each half is judged by what the other taught, from half a second (five frames).
A representation that tells nobody anything is private and useless; this row says which.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mizaru.errors import DataError
from mizaru.lab.audit.attacks.identity import see, summary
from mizaru.lab.audit.contract import Medium, Outcome, Profile, Representation, Row, Visit
from mizaru.lab.audit.families import Labels, attackers, tried
from mizaru.lab.audit.statistics import drawn
from mizaru.vocabulary import Behavior

WINDOW = 5
_LEAST = 20
"""Windows that a behaviour must have to be asked for."""


@dataclass(frozen=True, slots=True)
class BehaviorProbe:
    """See the module."""

    name: str = "behavior"
    words: str = "no attack: say what a stranger does, which is what all this is for"
    source: str = "linear and nearest-neighbour probes, networks, trees"
    media: frozenset[Medium] = field(default_factory=lambda: frozenset(Medium))

    def run(
        self,
        representation: Representation,
        visits: tuple[Visit, ...],
        profile: Profile,
        rng: np.random.Generator,
    ) -> Outcome:
        """One row per dataset with at least two behaviours.

        Raises:
            DataError: there is none.
        """
        rows = []
        for dataset in dict.fromkeys(visit.dataset for visit in visits):
            own = [visit for visit in visits if visit.dataset == dataset]
            found = self._of(dataset, own, representation, profile, rng)
            if found is not None:
                rows.append(found)
        if not rows:
            raise DataError(f"{self.name} on {representation.name}: nothing is labelled")
        return Outcome(tuple(rows))

    def _of(
        self,
        dataset: str,
        visits: list[Visit],
        representation: Representation,
        profile: Profile,
        rng: np.random.Generator,
    ) -> Row | None:
        words, people, windows = [], [], []
        for number, visit in enumerate(visits):
            for start in range(0, len(visit.behaviors) - WINDOW + 1, WINDOW):
                inside = set(visit.behaviors[start : start + WINDOW].tolist())
                if len(inside) == 1 and Behavior.UNKNOWN not in inside:
                    words.append(str(inside.pop()))
                    people.append(visit.person)
                    windows.append((number, start))
        common = sorted({word for word in words if words.count(word) >= _LEAST})
        kept = [k for k, word in enumerate(words) if word in common]
        if len(common) < 2 or len({people[k] for k in kept}) < 4:
            return None
        seen = see(representation, visits, rng)
        if seen is None:
            return None
        X = np.stack([summary(seen[n][s : s + WINDOW]) for n, s in (windows[k] for k in kept)])
        y = np.array([common.index(words[k]) for k in kept], np.int64)
        who = [people[k] for k in kept]
        names = sorted(set(who))
        half = np.isin(who, rng.permutation(names)[: len(names) // 2])
        best, family = np.full(len(y), -1), ""
        for name, fit in attackers(profile, rng):
            said = np.empty(len(y), np.int64)
            for taught in (half, ~half):
                said[~taught] = fit(X[taught], y[taught])(X[~taught]).argmax(axis=1)
            if _balanced(said, y) > _balanced(best, y):
                best, family = said, name
        value, low, high = drawn(who, lambda rows: _balanced(best[rows], y[rows]))
        return Row(
            representation=representation.name,
            attack=self.name,
            measure="balanced accuracy",
            setting=f"T={WINDOW}, {len(common)} behaviours",
            dataset=dataset,
            value=value,
            low=low,
            high=high,
            chance=1 / len(common),
            raw=float("nan"),
            family=family,
            tried=tried(profile),
        )


def _balanced(said: Labels, truth: Labels) -> float:
    """Mean over behaviours of the share that was named right."""
    return float(np.mean([(said[truth == k] == k).mean() for k in np.unique(truth)]))
