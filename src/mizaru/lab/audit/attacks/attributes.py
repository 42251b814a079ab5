"""Attributes: build, height, sex, clothes, glasses, light, of people never seen before.

The score is that of privacy-preserving action recognition (Wu et al., *Privacy-Preserving Deep
Action Recognition*, TPAMI 2020; TeD-SPAD, ICCV 2023): classifiers learn an attribute on some
people and score others; average precision of each answer against the rest, the mean over answers
and attributes is cMAP. What is measured in numbers (height, limbs) is asked as "more than the
median person?". *Chance* is what random orders give. A relative drop is (raw - value) / raw.

Attributes are what visits say (`mizaru.lab.audit.contract.Visit`); those that differ between
visits of one person (clothes) are asked visit by visit, the same people never on both sides.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.errors import DataError
from mizaru.lab.audit.attacks.metrics import compact
from mizaru.lab.audit.attacks.showing import cut, looks, show, summary
from mizaru.lab.audit.contract import Medium, Outcome, Profile, Representation, Row, Visit
from mizaru.lab.audit.families import attackers, tried
from mizaru.lab.audit.statistics import drawn

Floats = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float64]

LENGTH: Final = 25
"""Ticks of a window."""
NOT_ASKED: Final = frozenset({"clothes", "learnt"})
"""Of the lab's bookkeeping, not of the person."""

_WINDOWS: Final = {Profile.QUICK: 1, Profile.FULL: 4}
_FOLDS: Final = 2
_LEAST: Final = 3
"""People who must have an answer, and as many who have another."""
_PEOPLE: Final = 8
"""Sets of fewer people are not asked: half of them would teach the rest."""


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """One attribute.

    Attributes:
        name: e.g. ``height``.
        label: shape (n,) of windows: number of the answer; -1 where not known.
        answers: its words.
    """

    name: str
    label: npt.NDArray[np.int64]
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attributes:
    """See the module."""

    name: str = "attributes"
    words: str = "tell build, height, clothes or glasses of somebody never seen before"
    source: str = "Wu et al. 2020 (TPAMI); TeD-SPAD 2023; arXiv 2111.15129"
    media: frozenset[Medium] = field(default_factory=lambda: frozenset(Medium))

    def run(
        self,
        representation: Representation,
        visits: tuple[Visit, ...],
        profile: Profile,
        rng: np.random.Generator,
    ) -> Outcome:
        """cMAP of each dataset, and the average precision of each attribute.

        Raises:
            DataError: nothing is known of enough people.
        """
        drawn_ = np.random.default_rng(0)
        seen: list[Visit] = []
        found: list[dict[str, Floats]] = []
        owner: list[int] = []
        for item in show(representation, visits, rng):
            seen.append(item.visit)
            ways = looks(item.given, representation.medium)
            for part in cut(len(item.given), LENGTH, _WINDOWS[profile], drawn_):
                if np.isfinite(item.given[part]).any():
                    found.append({way: summary(rows[part], way) for way, rows in ways.items()})
                    owner.append(len(seen) - 1)
        rows: list[Row] = []
        for dataset in sorted({visit.dataset for visit in seen}):
            mine = [k for k, at in enumerate(owner) if seen[at].dataset == dataset]
            rows += _rows(
                representation.name, self.name, dataset, [seen[owner[k]] for k in mine],
                [found[k] for k in mine], profile, rng,
            )  # fmt: skip
        if not rows:
            raise DataError("attributes need sets of people of whom something is known")
        return Outcome(tuple(rows))


def _rows(
    representation: str,
    attack: str,
    dataset: str,
    visits: Sequence[Visit],
    found: Sequence[dict[str, Floats]],
    profile: Profile,
    rng: np.random.Generator,
) -> list[Row]:
    people = np.array([visit.person for visit in visits])
    names = np.unique(people)
    if len(names) < _PEOPLE:
        return []
    fold = np.array([int(np.flatnonzero(names == name)[0]) % _FOLDS for name in people])
    X = {way: compact([one[way] for one in found]) for way in found[0]}
    found_: dict[str, tuple[Scores, str, _Asked]] = {}
    for asked in _questions(visits):
        found_[asked.name] = (*_chosen(X, asked, fold, profile, rng), asked)
    every = np.arange(len(people))
    rows = []
    for name, (scores, family, asked) in found_.items():
        value, low, high = drawn(
            people.tolist(), partial(_precision, scores, asked, fold), draws=200
        )
        rows.append(
            Row(
                representation, attack, f"AP {name}", f"T={LENGTH}", dataset, value, low, high,
                _guess(asked, fold, every), math.nan, family=family, tried=tried(profile),
            )
        )  # fmt: skip
    if rows:

        def mean(some: npt.NDArray[np.int64]) -> float:
            each = [_precision(s, a, fold, some) for s, _, a in found_.values()]
            known = [value for value in each if math.isfinite(value)]
            return float(np.mean(known)) if known else math.nan

        value, low, high = drawn(people.tolist(), mean, draws=200)
        rows.insert(
            0,
            Row(
                representation, attack, "cMAP", f"T={LENGTH}", dataset, value, low, high,
                float(np.mean([row.chance for row in rows])), math.nan,
                family="the best of each attribute", tried=tried(profile) * len(found_),
            ),
        )  # fmt: skip
    return rows


def _chosen(
    X: dict[str, Floats],
    asked: _Asked,
    fold: npt.NDArray[np.int64],
    profile: Profile,
    rng: np.random.Generator,
) -> tuple[Scores, str]:
    """Scores of each half of the people by the attacker that was best on the other half, so that
    luck is not counted as skill."""
    tries = list(_scores(X, asked, fold, profile, rng))
    out = np.zeros_like(tries[0][1])
    families = []
    for half in range(_FOLDS):
        other = np.flatnonzero(fold != half)
        values = [np.nan_to_num(_precision(s, asked, fold, other)) for _, s in tries]
        best = int(np.argmax(values))
        out[fold == half] = tries[best][1][fold == half]
        families.append(tries[best][0])
    return out, " | ".join(dict.fromkeys(families))


def _questions(visits: Sequence[Visit]) -> Iterator[_Asked]:
    """Attributes of which enough people have either answer."""
    for name in sorted({key for visit in visits for key in visit.attributes} - NOT_ASKED):
        words = [visit.attributes.get(name, "") for visit in visits]
        words = _halved(words, [visit.person for visit in visits])
        who: defaultdict[str, set[str]] = defaultdict(set)
        for visit, word in zip(visits, words, strict=True):
            if word:
                who[word].add(visit.person)
        answers = tuple(sorted(word for word, people in who.items() if len(people) >= _LEAST))
        if len(answers) >= 2:
            label = np.array([answers.index(w) if w in answers else -1 for w in words], np.int64)
            yield _Asked(name, label, answers)


def _halved(words: list[str], people: Sequence[str]) -> list[str]:
    """Numbers as "more" or "less" than the median person's; other words as they are."""
    try:
        numbers = {person: float(word) for person, word in zip(people, words, strict=True) if word}
    except ValueError:
        return words
    if len(set(numbers.values())) <= 2:
        return words
    middle = float(np.median(list(numbers.values())))
    return [("more" if float(word) > middle else "less") if word else "" for word in words]


def _scores(
    X: dict[str, Floats],
    asked: _Asked,
    fold: npt.NDArray[np.int64],
    profile: Profile,
    rng: np.random.Generator,
) -> Iterator[tuple[str, Scores]]:
    """(family, log-probabilities (n, answers)), each person by what the others taught."""
    ways = list(X)
    known = asked.label >= 0
    for number, (family, fit) in enumerate(attackers(profile, rng)):
        way = ways[number % len(ways)]
        out = np.full((len(fold), len(asked.answers)), -np.log(len(asked.answers)))
        for half in range(_FOLDS):
            learn = known & (fold != half)
            if len(np.unique(asked.label[learn])) < 2:
                continue
            logs = fit(X[way][learn], asked.label[learn])(X[way][fold == half])
            out[fold == half, : logs.shape[1]] = logs
            out[fold == half, logs.shape[1] :] = -np.inf
        yield f"{family}, {way}", out


def _precision(
    scores: Scores, asked: _Asked, fold: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]
) -> float:
    """Average precision, mean over halves of the people and answers; NaN without any."""
    rows = rows[asked.label[rows] >= 0]
    found = []
    for half in range(_FOLDS):
        mine = rows[fold[rows] == half]
        for answer in range(len(asked.answers)):
            right = asked.label[mine] == answer
            if right.any() and not right.all():
                hits = right[np.argsort(-scores[mine, answer], kind="stable")]
                ranks = np.arange(1, len(hits) + 1)
                found.append(float((np.cumsum(hits) / ranks * hits).sum() / hits.sum()))
    return float(np.mean(found)) if found else math.nan


def _guess(asked: _Asked, fold: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> float:
    """What random orders give: somewhat more than the share of the answers."""
    rng = np.random.default_rng(0)
    shape = (len(rows), len(asked.answers))
    return float(np.mean([_precision(rng.random(shape), asked, fold, rows) for _ in range(20)]))
