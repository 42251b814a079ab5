"""Re-identification by gait and body: is this the person who was here another day?

Nambiar, Bernardino & Nascimento, *Gait-based Person Re-identification: A Survey* (2019), and
what raw skeletons give away (Liao et al. 2020; arXiv 2111.15129): proportions, joint angles and
rhythm, summed up over T ticks. Two kinds of attackers, the best of all counts:

*learned*: a metric (`mizaru.lab.audit.attacks.metrics`) learned on other people and carried over
to people it never saw; the gallery's windows are ranked by their likeness to the probe.
*enrolled*: classifiers (`mizaru.lab.audit.families`) that learn the gallery itself, once somebody
has put names to its visits.

Gallery and probe never share a session, nor people with those whom a metric was learned on.
CMC-1: the share of probe windows whose likeliest person is the right one; mAP: the mean over
probe windows of the average precision of the ranked gallery windows. Gallery and probes are swapped
once, and who did best one way is judged the other way, so that luck is not counted as skill.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.errors import DataError
from mizaru.lab.audit.attacks import metrics
from mizaru.lab.audit.attacks.showing import cut, looks, show, summary
from mizaru.lab.audit.attacks.trials import Trial, chosen, share
from mizaru.lab.audit.contract import Medium, Outcome, Profile, Representation, Row, Visit
from mizaru.lab.audit.families import RESTARTS, attackers
from mizaru.lab.audit.statistics import top

Floats = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float64]

LENGTHS: Final = {Profile.QUICK: (1, 25, 125), Profile.FULL: (1, 5, 25, 50, 125)}
"""Ticks of a window."""
COMMON: Final = 25
"""Ticks of a window where settings are compared."""

_GALLERY_WINDOWS: Final = {Profile.QUICK: 6, Profile.FULL: 12}
"""Of each visit."""
_PROBE_WINDOWS: Final = {Profile.QUICK: 3, Profile.FULL: 6}
_FEW: Final = 12
"""Sets of fewer people are not halved: metrics are learned on the people of other sets."""
_MOST_COLUMNS: Final = 256
_NEAREST: Final = 3
"""A person is as like the probe as the mean of so many of his windows that are likest."""


@dataclass(frozen=True, slots=True)
class _Round:
    """Who is looked for where, and whom metrics may be learned on.

    Attributes:
        fight: 0, or 1 with gallery and probes swapped: see `mizaru.lab.audit.attacks.trials`.
    """

    fight: int
    gallery: tuple[int, ...]
    probe: tuple[int, ...]
    others: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Windows:
    """n windows, and the visit of each (index into those shown).

    Attributes:
        looks: ways to look at them, each shape (n, F).
    """

    looks: dict[str, Floats]
    visit: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Reidentify:
    """See the module."""

    name: str = "reidentify"
    words: str = "tell by body and gait that somebody was here on another day"
    source: str = "Nambiar et al. 2019 (survey); arXiv 2111.15129"
    media: frozenset[Medium] = field(default_factory=lambda: frozenset(Medium))

    def run(
        self,
        representation: Representation,
        visits: tuple[Visit, ...],
        profile: Profile,
        rng: np.random.Generator,
    ) -> Outcome:
        """CMC-1 and mAP of every dataset whose people come on at least two days.

        Raises:
            DataError: there is none that the representation can show.
        """
        shown: list[Visit] = []
        rows: list[dict[str, Floats]] = []
        for item in show(representation, visits, rng):
            shown.append(item.visit)
            rows.append(looks(item.given, representation.medium))
        longest = max(len(row["all"]) for row in rows)
        out: list[Row] = []
        for dataset in sorted({visit.dataset for visit in shown}):
            for setting, rounds in _settings(shown, dataset):
                lengths = [n for n in LENGTHS[profile] if n == 1 or n <= 1.5 * longest]
                if setting != _ACROSS[0]:
                    lengths = [COMMON]
                points: dict[str, list[tuple[float, float]]] = defaultdict(list)
                for length in lengths:
                    found = _attack(shown, rows, rounds, length, profile, rng)
                    for measure, best in found.items():
                        value, low, high = share(best.tried)
                        points[measure].append((float(length), value))
                        out.append(
                            Row(
                                representation.name,
                                self.name,
                                measure,
                                f"T={length}, {setting}",
                                dataset,
                                value,
                                low,
                                high,
                                best.chance,
                                float("nan"),
                                family=best.family,
                                tried=best.attackers,
                                curve=tuple(points[measure]),
                            )
                        )
        if not out:
            raise DataError("re-identification needs people who come on at least two days")
        return Outcome(tuple(out))


@dataclass(frozen=True, slots=True)
class _Best:
    """The best attacker of all."""

    tried: tuple[Trial, ...]
    family: str
    chance: float
    people: int
    attackers: int


_ACROSS: Final = ("across visits", "across visits, clothes changed", "across cameras")


def _settings(shown: Sequence[Visit], dataset: str) -> Iterator[tuple[str, list[_Round]]]:
    """Everything that a set's sessions, clothes and cameras allow to be asked."""
    mine = [k for k, visit in enumerate(shown) if visit.dataset == dataset]
    clothes = {k: shown[k].attributes.get("clothes", "") for k in mine}
    usual = max(sorted(set(clothes.values())), key=[*clothes.values()].count, default="")
    same = [k for k in mine if clothes[k] == usual]
    sessions = sorted({shown[k].session for k in same})
    cameras = sorted({shown[k].camera for k in same})
    halves = [{s for i, s in enumerate(sessions) if i % 2 == half} for half in (0, 1)]

    def of(k: int, half: int) -> bool:
        return shown[k].session in halves[half]

    def pairs(
        enrolled: Callable[[int, int], bool], looked_for: Callable[[int, int], bool]
    ) -> list[_Round]:
        found = []
        for half in (0, 1):
            gallery = [k for k in mine if enrolled(k, half)]
            probe = [k for k in mine if looked_for(k, half)]
            found += list(_rounds(shown, half, gallery, probe))
        return found

    alike = set(same)
    if len(sessions) > 1:
        yield (
            _ACROSS[0],
            pairs(lambda k, h: k in alike and of(k, h), lambda k, h: k in alike and of(k, 1 - h)),
        )
    if len(sessions) > 1 and len(cameras) > 1:
        # Days differ, too: half of them before one camera, the others before all others.
        side = {
            k: 0 if shown[k].camera == cameras[0] else 1
            for k in same
            if of(k, 0) == (shown[k].camera == cameras[0])
        }
        rounds = pairs(lambda k, h: side.get(k) == h, lambda k, h: side.get(k) == 1 - h)
        if rounds:
            yield _ACROSS[2], rounds
    if len(same) < len(mine):
        worn = {k: clothes[k] == usual for k in mine}
        yield _ACROSS[1], pairs(lambda k, h: worn[k] == (h == 0), lambda k, h: worn[k] != (h == 0))


def _rounds(
    shown: Sequence[Visit], fight: int, gallery: list[int], probe: list[int]
) -> Iterator[_Round]:
    """People in the gallery and among the probes; halved where there are enough of them."""

    def who(k: int) -> str:
        return shown[k].person

    people = sorted({who(k) for k in gallery} & {who(k) for k in probe})
    dataset = shown[gallery[0]].dataset if gallery else ""
    groups = [people] if len(people) < _FEW else [people[::2], people[1::2]]
    for group in groups:
        if len(group) < 2:
            continue
        members = set(group)
        yield _Round(
            fight,
            tuple(k for k in gallery if who(k) in members),
            tuple(k for k in probe if who(k) in members),
            tuple(
                k
                for k, visit in enumerate(shown)
                if visit.dataset != dataset or who(k) not in members
            ),
        )


def _attack(
    shown: Sequence[Visit],
    rows: Sequence[dict[str, Floats]],
    rounds: Sequence[_Round],
    length: int,
    profile: Profile,
    rng: np.random.Generator,
) -> dict[str, _Best]:
    """Every attacker in every round; by measure the one that did best over all rounds."""
    tried: dict[str, dict[str, list[Trial]]] = {
        measure: defaultdict(list) for measure in ("CMC-1", "mAP")
    }
    fights: list[int] = []
    seed = int(rng.integers(2**31))
    guessed: list[float] = []
    sizes: list[int] = []
    for one in rounds:
        gallery = _windows(rows, one.gallery, length, _GALLERY_WINDOWS[profile], rng)
        probe = _windows(rows, one.probe, length, _PROBE_WINDOWS[profile], rng)
        others = _windows(rows, one.others, length, _GALLERY_WINDOWS[profile] // 2, rng)
        people = sorted({shown[k].person for k in one.gallery})
        number = {name: i for i, name in enumerate(people)}
        of_gallery = _who(shown, gallery, number)
        of_probe = _who(shown, probe, number)
        if len(set(of_gallery)) < 2 or not len(of_probe):
            continue
        sizes.append(len(people))
        random = rng.random((len(of_probe), len(of_gallery)))
        guessed += _precision(random, of_probe[:, None] == of_gallery[None]).tolist()
        fights += [one.fight] * len(np.unique(probe.visit))
        # The same attackers in all rounds: one is chosen for what it does in others.
        same = np.random.default_rng(seed)
        for attacker, scores in _scores(shown, gallery, of_gallery, probe, others, profile, same):
            by_person = _by_person(scores, of_gallery, len(people))
            named = top(by_person, of_probe)
            precise = _precision(scores, of_probe[:, None] == of_gallery[None])
            for measure, hits in (("CMC-1", named), ("mAP", precise)):
                tried[measure][attacker] += _per_visit(shown, probe, hits)
    best: dict[str, _Best] = {}
    for measure, attempts in tried.items():
        if not attempts:
            continue
        complete = {a: t for a, t in attempts.items() if len(t) == len(fights)}
        judged, family = chosen(complete, np.array(fights) == 1)
        chance = float(np.mean([1 / n for n in sizes])) if measure == "CMC-1" else 0.0
        best[measure] = _Best(
            tuple(judged),
            family,
            chance or float(np.mean(guessed)),
            round(float(np.mean(sizes))),
            len(attempts),
        )
    return best


def _scores(
    shown: Sequence[Visit],
    gallery: _Windows,
    of_gallery: npt.NDArray[np.int64],
    probe: _Windows,
    others: _Windows,
    profile: Profile,
    rng: np.random.Generator,
) -> Iterator[tuple[str, Scores]]:
    """(attacker, how like each probe window is to each gallery window).

    Each restart looks another way, so that a few numbers that tell are not lost among many that
    do not.
    """
    ways = list(gallery.looks)
    # The attacker owns the gallery: both are seen by its mean and spread.
    seen = {
        way: tuple(
            metrics.standard(X, gallery.looks[way]) for X in (gallery.looks[way], probe.looks[way])
        )
        for way in ways
    }
    learned = _learners(shown, others)
    for name, learn in metrics.METRICS.items():
        for restart in range(RESTARTS[profile]):
            if learned is None:
                break
            way = ways[restart % len(ways)]
            width = max(learned[0][way].shape[1], seen[way][0].shape[1])
            embed = learn(_widened(learned[0][way], width), learned[1], rng)
            mine, theirs = (_widened(rows, width) for rows in seen[way])
            like = metrics.likeness(embed(theirs), embed(mine))
            yield f"learned {name}, {way} {restart}", like.astype(np.float64)
    counts: dict[str, int] = defaultdict(int)
    short = {way: _shorter(rows[0], rows[1], rng) for way, rows in seen.items()}
    for name, fit in attackers(profile, rng):
        way = ways[counts[name] % len(ways)]
        logs = fit(short[way][0], of_gallery)(short[way][1])
        counts[name] += 1
        yield f"enrolled {name}, {way} {counts[name]}", logs[:, of_gallery]


def _widened(rows: Floats, width: int) -> Floats:
    """Zeros, the mean of standardised rows, where another set knows more columns: some see the
    room, too."""
    return np.asarray(np.pad(rows, ((0, 0), (0, width - rows.shape[1]))), np.float32)


def _shorter(gallery: Floats, probe: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Both on the gallery's principal components where there are more columns than these:
    discriminants of thousands of columns take minutes and tell no more."""
    from sklearn.decomposition import PCA

    if gallery.shape[1] <= _MOST_COLUMNS:
        return gallery, probe
    known, asked = np.isfinite(gallery).any(axis=1), np.isfinite(probe).any(axis=1)
    count = min(_MOST_COLUMNS, int(known.sum()))
    if count < 2:
        return gallery, probe
    turn = PCA(count, svd_solver="randomized", random_state=int(rng.integers(2**31)))
    turn.fit(np.nan_to_num(gallery[known]))
    short = []
    for rows, there in ((gallery, known), (probe, asked)):
        turned = np.full((len(rows), count), np.nan, np.float32)
        if there.any():
            turned[there] = turn.transform(np.nan_to_num(rows[there]))
        short.append(turned)
    return short[0], short[1]


def _learners(
    shown: Sequence[Visit], others: _Windows
) -> tuple[dict[str, Floats], npt.NDArray[np.int64]] | None:
    """Windows of other people, each set by its own mean and spread; None of fewer than four."""
    sets = np.array([shown[k].dataset for k in others.visit])
    names = np.array([f"{shown[k].dataset}/{shown[k].person}" for k in others.visit])
    if len(np.unique(names)) < 4:
        return None
    out = {}
    for way, rows in others.looks.items():
        out[way] = np.zeros_like(rows)
        for one in np.unique(sets):
            out[way][sets == one] = metrics.standard(rows[sets == one], rows[sets == one])
    return out, np.unique(names, return_inverse=True)[1].astype(np.int64)


def _windows(
    rows: Sequence[dict[str, Floats]],
    visits: Sequence[int],
    length: int,
    most: int,
    rng: np.random.Generator,
) -> _Windows:
    """Windows of some visits; those in which nothing was shown are left out."""
    cuts = [
        (k, part)
        for k in visits
        for part in cut(len(rows[k]["all"]), length, most, rng)
        if np.isfinite(rows[k]["all"][part]).any()
    ]
    looks = {}
    for way in rows[0]:
        found = [summary(rows[k][way][part], way) for k, part in cuts]
        # Short visits give windows without a rhythm: such columns are not known there.
        looks[way] = np.full((len(found), max(map(len, found), default=0)), np.nan, np.float32)
        for row, x in enumerate(found):
            looks[way][row, : len(x)] = x
    return _Windows(looks, np.array([k for k, _ in cuts], np.int64))


def _who(
    shown: Sequence[Visit], windows: _Windows, number: dict[str, int]
) -> npt.NDArray[np.int64]:
    return np.array([number[shown[k].person] for k in windows.visit], np.int64)


def _by_person(scores: Scores, of_gallery: npt.NDArray[np.int64], people: int) -> Scores:
    """Shape (n, people): mean of the likest windows of each."""
    out = np.full((len(scores), people), -np.inf)
    for person in range(people):
        mine = scores[:, of_gallery == person]
        if mine.shape[1]:
            out[:, person] = np.sort(mine, axis=1)[:, -_NEAREST:].mean(axis=1)
    return out


def _precision(scores: Scores, right: npt.NDArray[np.bool_]) -> Scores:
    """Average precision of each row's ranking, shape (n,)."""
    order = np.argsort(-scores, axis=1, kind="stable")
    hits = np.take_along_axis(right, order, axis=1)
    ranks = np.arange(1, hits.shape[1] + 1)
    precision = np.cumsum(hits, axis=1) / ranks
    return np.asarray((precision * hits).sum(axis=1) / np.maximum(hits.sum(axis=1), 1))


def _per_visit(shown: Sequence[Visit], probe: _Windows, hits: Scores) -> list[Trial]:
    return [
        Trial(shown[k].person, float(hits[probe.visit == k].mean())) for k in np.unique(probe.visit)
    ]
