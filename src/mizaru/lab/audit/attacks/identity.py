"""Who is it? Closed set and open set, from T = 1 … 125 frames, across days, clothes and cameras.

The attacker is adaptive: it enrols people on the very representation it attacks, as in the
re-identification of skeletons (arXiv 2111.15129). What it makes of one frame is everything an
expert would try first: for pictures the colours and the shape, for poses the posture and the
length of every limb, for embeddings the numbers themselves.

Closed set: one of N enrolled people comes back; is the right name first (top-1), among five
(top-5)? T frames are fused in two ways, and the better one counts: a classifier of summaries over
T frames (mean, spread, upper end), and the sum over T frames of a classifier's log-probabilities.
Open set: nobody to be told apart was ever seen. A classifier of three quarters of the people gives
scores that describe the others; two visits are the same person if these are alike (cosine): equal
error rate, and true accepts at 1 % false ones (TAR).

The best attacker counts, and luck is not counted as skill: every contest is fought twice with the
visits to learn from and to test on swapped, and of all families, restarts and both fusions the
one that was best in one fight is judged in the other, both ways; in the open set likewise with
quarters of the people. (Parts do not do in the closed set: who names the people of one part more
often does so at the cost of the others.) ``random`` passes the same choice and has to come out
at chance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.errors import DataError
from mizaru.lab.audit.contract import Medium, Outcome, Profile, Representation, Row, Visit
from mizaru.lab.audit.families import Floats, Labels, Logs, Scores, attackers
from mizaru.lab.audit.statistics import Interval, share, top, verification, widened
from mizaru.vocabulary import COCO17

TICKS: Final = {Profile.QUICK: (1, 5, 25), Profile.FULL: (1, 5, 25, 125)}
FALSE_ACCEPTS: Final = 0.01
_CONSTANT: Final = "clothes constant"
EER: Final = "EER"
TAR: Final = "TAR at FAR 1 %"

_SUMMARIES: Final = 8
"""Windows of T frames that a visit teaches, drawn at random."""
_TESTED: Final = 12
"""Windows of T frames at most on which a visit is tested."""
_RANKS: Final = (1, 5)
_LEAST_PEOPLE: Final = 8
"""Fewer cannot be parted into those who teach and those who are told apart."""
_PARTS: Final = 4
_MOST_FEATURES: Final = 600
_COMPONENTS: Final = 64
_POOLED: Final = (32, 16)
_BANDS: Final = 8
_CHROMA: Final = 6
"""Bins of each of two chromaticities."""
_THOUGHT_OUT: Final = _BANDS * (3 + 3 + 2 + _CHROMA**2)
_APART: Final = 0.2
"""Of 1: so far from the background is somebody certainly."""


@dataclass(frozen=True, slots=True)
class Identity:
    """See the module."""

    name: str = "identity"
    words: str = "name the person, or tell that two visits are one person's"
    source: str = "arXiv 2111.15129; linear and nearest-neighbour probes, networks, trees"
    media: frozenset[Medium] = field(default_factory=lambda: frozenset(Medium))

    def run(
        self,
        representation: Representation,
        visits: tuple[Visit, ...],
        profile: Profile,
        rng: np.random.Generator,
    ) -> Outcome:
        """Rows for every dataset that the representation can show.

        Raises:
            DataError: none of them can be shown, or nobody comes twice.
        """
        rows: list[Row] = []
        for dataset in dict.fromkeys(visit.dataset for visit in visits):
            own = [visit for visit in visits if visit.dataset == dataset]
            seen = see(representation, own, rng)
            if seen is None:
                continue
            for contest in _contests(own):
                found = _closed(contest, seen, profile, rng)
                if contest.name == _CONSTANT or profile is Profile.FULL:
                    found += _open(contest, seen, profile, rng)
                rows += [
                    Row(
                        representation=representation.name,
                        attack=self.name,
                        measure=result.measure,
                        setting=f"T={result.ticks}, {contest.name}",
                        dataset=dataset,
                        value=result.value,
                        low=result.low,
                        high=result.high,
                        chance=result.chance,
                        raw=float("nan"),
                        higher_leaks=result.higher_leaks,
                        family=result.family,
                        tried=result.tried,
                        curve=result.curve,
                    )
                    for result in found
                ]
        if not rows:
            raise DataError(f"{self.name} on {representation.name}: nobody comes twice")
        return Outcome(tuple(rows))


@dataclass(frozen=True, slots=True)
class _Contest:
    """Visits to learn from and visits to tell who it is, as indices into the dataset's.

    Attributes:
        folds: (enrolled, tested), one after the other.
        people: names; a label is a place in it.
        label: of every visit of the dataset.
    """

    name: str
    folds: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]
    people: tuple[str, ...]
    label: Labels

    def half(self, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
        """One half of the people, shape (people,)."""
        return np.asarray(rng.permutation(len(self.people)) % 2 == 0)


@dataclass(frozen=True, slots=True)
class _Result:
    measure: str
    ticks: int
    value: float
    low: float
    high: float
    chance: float
    family: str
    tried: int
    higher_leaks: bool = True
    curve: tuple[tuple[float, float], ...] = ()


def _contests(visits: Sequence[Visit]) -> Iterator[_Contest]:
    """What the visits of one dataset allow."""
    people = tuple(sorted({visit.person for visit in visits}))
    label = np.array([people.index(visit.person) for visit in visits], dtype=np.int64)
    day = min(visit.session for visit in visits)
    clothes = min(_clothes(visit) for visit in visits)
    corner = min(visit.camera for visit in visits if visit.session == day)

    def pick(which: Callable[[Visit], bool]) -> tuple[int, ...]:
        return tuple(k for k, visit in enumerate(visits) if which(visit))

    first = pick(lambda v: v.session == day and v.camera == corner)
    later = pick(lambda v: v.session != day and _clothes(v) == clothes and v.camera == corner)
    usual = pick(lambda v: _clothes(v) == clothes)
    at_corner = pick(lambda v: _clothes(v) == clothes and v.camera == corner)
    elsewhere = pick(lambda v: _clothes(v) == clothes and v.camera != corner)
    changed = pick(lambda v: _clothes(v) != clothes)
    for name, folds in (
        (_CONSTANT, ((first, later), (later, first))),
        ("other camera", ((at_corner, elsewhere), (elsewhere, at_corner))),
        ("clothes changed", ((usual, changed), (changed, usual))),
    ):
        met = tuple(
            (enrolled, tuple(k for k in tested if label[k] in label[list(enrolled)]))
            for enrolled, tested in folds
            if len(set(label[list(enrolled)].tolist())) > 2
        )
        met = tuple((enrolled, tested) for enrolled, tested in met if tested)
        if met:
            yield _Contest(name, met, people, label)


def _clothes(visit: Visit) -> str:
    return visit.attributes.get("clothes", "0")


# What an expert takes from a frame


def see(
    representation: Representation, visits: Sequence[Visit], rng: np.random.Generator
) -> list[Floats] | None:
    """Features (T, F) of each visit; None where the representation shows nothing of them."""
    look = _LOOKS[representation.medium]
    try:
        # One visit after the other: pictures of all at once would fill the memory.
        seen = [np.asarray(look(representation.show(v, rng)), np.float32) for v in visits]
    except DataError:
        return None
    if not any(np.isfinite(features).any() for features in seen):
        return None
    return _shorter(seen, rng) if seen[0].shape[1] > _MOST_FEATURES else seen


def _shorter(seen: list[Floats], rng: np.random.Generator) -> list[Floats]:
    """The principal components of all frames: no classifier gets anywhere with thousands of
    columns. The first columns, which were thought out, stay as they are."""
    from sklearn.decomposition import PCA

    frames = np.concatenate(seen)
    known = np.isfinite(frames).all(axis=1)
    rest = frames[known, _THOUGHT_OUT:]
    centre, spread = rest.mean(axis=0), rest.std(axis=0) + 1e-6
    count = min(_COMPONENTS, len(rest))
    turn = PCA(count, svd_solver="randomized", random_state=int(rng.integers(2**31)))
    short = np.full((len(frames), _THOUGHT_OUT + count), np.nan, np.float32)
    short[known, :_THOUGHT_OUT] = frames[known, :_THOUGHT_OUT]
    short[known, _THOUGHT_OUT:] = turn.fit_transform((rest - centre) / spread)
    return np.split(short, np.cumsum([len(features) for features in seen])[:-1])


def _of_pictures(shown: Floats) -> Floats:
    """Shape and colour of a picture in one row.

    Colour is what an expert asks first: who stands before the background (what differs from the
    colour at both edges of the same row) in which colours from head to foot. Mean, spread and
    chromaticity, which shading leaves alone, and a histogram of chromaticities, band by band.
    Shape is the picture made small.
    """
    height, width = shown.shape[1:3]
    edge = max(1, width // 16)
    sides = np.concatenate([shown[:, :, :edge], shown[:, :, -edge:]], axis=2)
    behind = np.median(sides, axis=2)[:, :, None]
    apart = np.abs(shown - behind).max(axis=-1)
    across = np.linspace(-1, 1, width, dtype=np.float32)
    weight = np.clip(apart / _APART, 0, 1) ** 2 * np.exp(-2 * across**2) + 1e-4
    total = shown.sum(axis=-1) + 0.15
    chroma = np.stack([shown[..., 0] / total, shown[..., 1] / total], axis=-1)
    bins = np.clip((chroma * 1.5 * _CHROMA).astype(np.int64), 0, _CHROMA - 1)
    cell = bins[..., 0] * _CHROMA + bins[..., 1]
    parts: list[Floats] = []
    for rows in np.array_split(np.arange(height), min(_BANDS, height)):
        w = weight[:, rows, :, None]
        norm = w.sum(axis=(1, 2))
        mean = (shown[:, rows] * w).sum(axis=(1, 2)) / norm
        spread = np.sqrt(
            (((shown[:, rows] - mean[:, None, None]) ** 2) * w).sum(axis=(1, 2)) / norm
        )
        parts += [mean, spread, (chroma[:, rows] * w).sum(axis=(1, 2)) / norm]
        share = [
            np.bincount(c.ravel(), v.ravel(), _CHROMA**2)
            for c, v in zip(cell[:, rows], weight[:, rows], strict=True)
        ]
        parts.append(np.sqrt(np.stack(share) / norm))
    return np.concatenate([*parts, _small(shown).reshape(len(shown), -1)], axis=1)


def _small(shown: Floats) -> Floats:
    """Shape (T, ≤ 32, ≤ 16, 3)."""
    ticks, height, width, _ = shown.shape
    if height <= _POOLED[0]:
        return shown
    y, x = height // _POOLED[0], width // _POOLED[1]
    pooled = shown.reshape(ticks, _POOLED[0], y, _POOLED[1], x, 3).mean(axis=(2, 4))
    return np.asarray(pooled, np.float32)


def _of_poses(shown: Floats) -> Floats:
    """Posture, size, every limb's length in picture and metres, head, and whatever else."""
    ticks = len(shown)
    points = shown[:, :17]
    hips = points[:, 11:13].mean(axis=1, keepdims=True)
    chest = points[:, 5:7].mean(axis=1, keepdims=True)
    size = np.linalg.norm(chest[..., :2] - hips[..., :2], axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        posture = (points[..., :2] - hips[..., :2]) / size[..., None]
        parts = [posture.reshape(ticks, -1), points[..., 2], np.log(size)]
        parts.append(np.log(_lengths(points[..., :2])))
        parts.append(np.log(_lengths(points[..., :2]) / size))
        if points.shape[2] >= 6:
            metres = points[..., 3:6]
            lengths = _lengths(metres)
            parts += [lengths, np.log(lengths / np.nansum(lengths, axis=1, keepdims=True))]
            parts.append((metres - metres[:, 11:13].mean(axis=1, keepdims=True)).reshape(ticks, -1))
    parts.append(shown[:, 17:].reshape(ticks, -1))
    features = np.concatenate(parts, axis=1)
    features[~np.isfinite(features)] = np.nan
    return np.asarray(features, np.float32)


def _of_embeddings(shown: Floats) -> Floats:
    return shown.reshape(len(shown), -1)


_LOOKS: Final[dict[Medium, Callable[[Floats], Floats]]] = {
    Medium.PIXELS: _of_pictures,
    Medium.POSES: _of_poses,
    Medium.EMBEDDING: _of_embeddings,
}


def _lengths(points: Floats) -> Floats:
    """Shape (T, bones), from joints (T, 17, d)."""
    bones = np.array([(a, b) for a, b in COCO17.bones if a >= 5 or b >= 5])
    spans = points[:, bones[:, 0]] - points[:, bones[:, 1]]
    return np.asarray(np.linalg.norm(spans, axis=-1), np.float32)


def summary(features: Floats) -> Floats:
    """One row (3 F,) of several frames: mean, spread and largest of every feature: a bone
    is nowhere longer than it is."""
    if not np.isfinite(features).any():
        return np.full(3 * features.shape[1], np.nan, np.float32)
    some = features[np.isfinite(features).any(axis=1)]
    filled = np.where(np.isfinite(some), some, _mean(some))
    parts = (filled.mean(axis=0), filled.std(axis=0), filled.max(axis=0))
    return np.concatenate(parts).astype(np.float32)


def _mean(some: Floats) -> Floats:
    """Of each column, NaN where it is never there."""
    there = np.isfinite(some)
    count = there.sum(axis=0)
    total = np.where(there, some, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


# Closed set


def _closed(
    contest: _Contest, seen: Sequence[Floats], profile: Profile, rng: np.random.Generator
) -> list[_Result]:
    lengths = _lengths_of(contest, seen, profile)
    tries: dict[tuple[int, int], dict[str, list[float]]] = {}
    seed = int(rng.integers(2**31))
    for enrolled, tested in contest.folds:
        frames, names = _stack((seen[k], contest.label[k]) for k in enrolled)
        windows = {ticks: [_windows(seen[k], ticks) for k in tested] for ticks in lengths}
        taught = {
            ticks: _stack((_drawn(seen[k], ticks, rng), contest.label[k]) for k in enrolled)
            for ticks in lengths[1:]
        }
        asked = {
            ticks: [
                np.stack([summary(seen[k][window]) for window in own])
                for k, own in zip(tested, windows[ticks], strict=True)
            ]
            for ticks in lengths[1:]
        }
        # The same attackers in both fights: one is chosen for what it does in the other.
        same = attackers(profile, np.random.default_rng(seed))
        for number, (family, fit) in enumerate(same):
            logs = _of_each(fit(frames, names), [seen[k] for k in tested])
            for ticks in lengths:
                sums = [
                    np.stack([own[window].sum(axis=0) for window in some])
                    for own, some in zip(logs, windows[ticks], strict=True)
                ]
                _note(tries, contest, tested, sums, ticks, f"{family} {number}")
                if ticks in taught:
                    means = _of_each(fit(*taught[ticks]), asked[ticks])
                    _note(tries, contest, tested, means, ticks, f"{family} of means {number}")
    who = [contest.label[k] for _, tested in contest.folds for k in tested]
    fight = np.repeat(len(contest.folds[0][1]), len(who)) <= np.arange(len(who))
    if len(contest.folds) == 1:
        fight = contest.half(rng)[who]
    people = [contest.people[label] for label in who]
    known = len({int(contest.label[k]) for k in contest.folds[0][0]})
    best = {key: _chosen(found, fight) for key, found in tries.items()}
    return [
        _Result(
            f"top-{k}",
            ticks,
            *share(people, best[k, ticks][0].tolist()),
            chance=k / known,
            family=best[k, ticks][1],
            tried=len(found),
            curve=tuple((float(t), float(best[k, t][0].mean())) for t in lengths),
        )
        for (k, ticks), found in tries.items()
        if k < known
    ]


def _note(
    tries: dict[tuple[int, int], dict[str, list[float]]],
    contest: _Contest,
    tested: Sequence[int],
    logs: Sequence[Logs],
    ticks: int,
    attacker: str,
) -> None:
    """Write down the share of each visit's windows that an attacker named, for every rank."""
    for k in _RANKS:
        tries.setdefault((k, ticks), {}).setdefault(attacker, []).extend(
            float(top(own, np.full(len(own), contest.label[visit]), k).mean())
            for visit, own in zip(tested, logs, strict=True)
        )


def _chosen(
    tries: dict[str, list[float]], second: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], str]:
    """Shares of the attackers that were best in the other fight, and their families.

    Args:
        tries: attacker → share of each visit, shape (visits,).
        second: which visits were tested in the second fight, shape (visits,).
    """
    shares = np.array(list(tries.values()))
    names, found = [name.rpartition(" ")[0] for name in tries], np.empty(shares.shape[1])
    families = []
    for part in (second, ~second):
        if part.any():
            best = int(shares[:, ~part].mean(axis=1).argmax()) if not part.all() else 0
            found[part] = shares[best, part]
            families.append(names[best])
    return found, ", ".join(dict.fromkeys(families))


# Open set


def _open(
    contest: _Contest, seen: Sequence[Floats], profile: Profile, rng: np.random.Generator
) -> list[_Result]:
    """Tell strangers apart: each quarter of the people by what the others taught."""
    people = len(contest.people)
    if people < _LEAST_PEOPLE:
        return []
    part = rng.permutation(people) % (_PARTS if people >= 2 * _LEAST_PEOPLE else 2)
    lengths = _lengths_of(contest, seen, profile)
    lengths = lengths if len(lengths) < 2 else [lengths[0], lengths[-1]]
    longest = lengths[-1]
    windows = {t: [_spread(_windows(features, t)) for features in seen] for t in lengths}
    lessons = [_drawn(features, longest, rng) for features in seen]
    # Of every visit its windows and, last, the whole of it.
    means = [
        np.stack([summary(features[window]) for window in (*some, np.arange(len(features)))])
        for features, some in zip(seen, windows[longest], strict=True)
    ]
    tries: dict[int, dict[str, list[_Pairs]]] = {ticks: {} for ticks in lengths}
    for number, (family, fit) in enumerate(attackers(profile, rng)):
        for strangers in (part == k for k in range(int(part.max()) + 1)):
            frames = _described(contest, strangers, _taught(contest, seen, strangers, fit), seen)
            for ticks in lengths:
                parts = {
                    k: np.stack([*(logs[w].mean(axis=0) for w in windows[ticks][k]), logs.mean(0)])
                    for k, logs in frames.items()
                }
                found = tries[ticks].setdefault(f"{family} {number}", [])
                found.append(_pairs(contest, parts))
            if longest > 1:
                describe = _taught(contest, lessons, strangers, fit)
                found = tries[longest].setdefault(f"{family} of means {number}", [])
                found.append(_pairs(contest, _described(contest, strangers, describe, means)))
    return [result for ticks, found in tries.items() for result in _told(found, ticks)]


def _spread(windows: list[npt.NDArray[np.int64]]) -> list[npt.NDArray[np.int64]]:
    """At most `_TESTED` of them."""
    return windows[:: -(-len(windows) // _TESTED)]


def _described(
    contest: _Contest,
    strangers: npt.NDArray[np.bool_],
    describe: Scores,
    rows: Sequence[Floats],
) -> dict[int, Logs]:
    """Scores of all rows of the strangers' visits."""
    enrolled, tested = contest.folds[0]
    own = [k for k in (*enrolled, *tested) if strangers[contest.label[k]]]
    return dict(zip(own, _of_each(describe, [rows[k] for k in own]), strict=True))


def _taught(
    contest: _Contest,
    rows: Sequence[Floats],
    strangers: npt.NDArray[np.bool_],
    fit: Callable[[Floats, Labels], Scores],
) -> Scores:
    """A classifier of everybody but the strangers."""
    order = np.flatnonzero(~strangers)
    enrolled, tested = contest.folds[0]
    return fit(
        *_stack(
            (rows[k], np.searchsorted(order, contest.label[k]))
            for k in (*enrolled, *tested)
            if not strangers[contest.label[k]]
        )
    )


def _told(tries: dict[str, list[_Pairs]], ticks: int) -> Iterator[_Result]:
    """Error rate and accepts, each quarter by whoever was best on the others."""
    attackers_ = list(tries)
    for measure, at, chance in ((EER, 0, 0.5), (TAR, 1, FALSE_ACCEPTS)):
        sign = 1 if measure == TAR else -1
        skill = np.array([[sign * _verified([part])[at][0] for part in tries[a]] for a in tries])
        others = skill.sum(axis=1, keepdims=True) - skill
        best = [attackers_[k] for k in others.argmax(axis=0)]
        pairs = [tries[name][k] for k, name in enumerate(best)]
        found = _verified(pairs, intervals=True)[at]
        if measure == TAR:  # an error rate is never nought in every draw, this may be
            found = widened(found, len({person for part in pairs for person in part.probe}))
        yield _Result(
            measure,
            ticks,
            *found,
            chance=chance,
            family=", ".join(dict.fromkeys(name.rpartition(" ")[0] for name in best)),
            tried=len(tries),
            higher_leaks=measure == TAR,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """How alike visits of strangers are: whose probe, whether both are one's, how alike."""

    probe: list[str]
    same: npt.NDArray[np.bool_]
    score: Logs


def _pairs(contest: _Contest, scores: dict[int, Logs]) -> _Pairs:
    """Every window of a tested visit beside every enrolled visit.

    Args:
        scores: of strangers' visits: a row a window, the last of the whole visit.
    """
    enrolled, tested = contest.folds[0]
    known = [k for k in enrolled if k in scores]
    gallery = np.stack([scores[k][-1] for k in known])
    owners = contest.label[known]
    asked = [k for k in tested if k in scores]
    probes = np.concatenate([scores[k][:-1] for k in asked])
    names = np.repeat(contest.label[asked], [len(scores[k]) - 1 for k in asked])
    middle = gallery.mean(axis=0)
    alike = _unit(probes - middle) @ _unit(gallery - middle).T
    return _Pairs(
        [contest.people[name] for name in names for _ in owners],
        (names[:, None] == owners[None]).ravel(),
        alike.ravel(),
    )


def _unit(rows: Logs) -> Logs:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))


def _verified(pairs: Sequence[_Pairs], *, intervals: bool = False) -> tuple[Interval, Interval]:
    """Equal error rate and TAR."""
    return verification(
        [person for half in pairs for person in half.probe],
        np.concatenate([half.score for half in pairs]),
        np.concatenate([half.same for half in pairs]),
        FALSE_ACCEPTS,
        intervals=intervals,
    )


# Frames and windows


def _lengths_of(contest: _Contest, seen: Sequence[Floats], profile: Profile) -> list[int]:
    """Numbers of frames that every visit has."""
    longest = min(len(seen[k]) for _, tested in contest.folds for k in tested)
    return [ticks for ticks in TICKS[profile] if ticks <= longest]


def _windows(frames: npt.NDArray[np.floating], ticks: int) -> list[npt.NDArray[np.int64]]:
    """Runs of frames that a visit is tested on: all frames alone, else spread over the visit."""
    if ticks == 1:
        return [np.array([k]) for k in range(len(frames))]
    starts = np.linspace(0, len(frames) - ticks, min(_TESTED, len(frames) - ticks + 1))
    return [np.arange(ticks) + int(start) for start in starts]


def _drawn(frames: Floats, ticks: int, rng: np.random.Generator) -> Floats:
    """Summaries of frames drawn from a visit."""
    rows = rng.integers(len(frames), size=(_SUMMARIES, ticks))
    return np.stack([summary(frames[row]) for row in rows])


def _stack(parts: Iterable[tuple[Floats, np.int64]]) -> tuple[Floats, Labels]:
    rows, labels = [], []
    for frames, label in parts:
        rows.append(frames)
        labels.append(np.full(len(frames), label, np.int64))
    return np.concatenate(rows), np.concatenate(labels)


def _of_each(scores: Scores, visits: Sequence[Floats]) -> list[Logs]:
    """Scores of several visits at once."""
    ends = np.cumsum([len(visit) for visit in visits])[:-1]
    return np.split(scores(np.concatenate(visits)), ends)
