"""Membership: was this person, or this scene, among what the shipped recognizer learnt from?

Every score below is a guess from the network's answers alone; the higher, the likelier a member:

*loss* (Yeom et al. 2018, adversary 1): -ℓ of the true action.
*confidence* (Salem et al. 2019): the greatest probability.
*entropy* (Song & Mittal 2021, eq. 8): the modified entropy, which knows the true action.
*steadiness* (Choquette-Choo et al. 2021): how little the loss grows when joints are shaken.
*likelihood ratio* (Carlini et al. 2022, offline, eq. 4): how unlikely the loss is under losses of
windows of the same action that were not learnt from, by a normal distribution for each action.

Scores of windows are averaged over a person or scene: members are drawn as wholes. *Members* are
scenes that the recipe of the shipped weights draws and does not hold out, as today's code plays
them (exact as long as the weights were trained by it), and the people of PRECOG's training split.
*Others* are scenes of another seed, and PRECOG's evaluation people. The control is a model that
remembers every window it has seen: against it the same measure must say 1.

Poses only: it is the recognizer that is attacked, and that reads nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import resources
from itertools import islice
from typing import Final

import numpy as np
import numpy.typing as npt

from mizaru.cloud.recognize.features import JOINTS
from mizaru.cloud.recognize.finding import Observation
from mizaru.cloud.recognize.network import Network, shipped_model
from mizaru.cloud.recognize.outputs import ACTIONS
from mizaru.cloud.recognize.sight import Sight
from mizaru.errors import DataError
from mizaru.lab.audit.contract import Medium, Outcome, Profile, Representation, Row, Visit
from mizaru.lab.audit.statistics import drawn
from mizaru.lab.evaluate.statistic import auc
from mizaru.lab.seeing import look
from mizaru.lab.sim.motion import perform
from mizaru.lab.sim.repertoire import scenes
from mizaru.lab.train.corpus import Story, held_out
from mizaru.lab.train.recipe import Recipe, load_recipe
from mizaru.lab.train.windows import windows_of
from mizaru.vocabulary import SyncKey
from mizaru.wire.messages import GRID_MS

Floats = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float64]

PROXY: Final = "omega"
PRECOG: Final = "precog16"
FALSE_SHARES: Final = (0.001, 0.01)
"""Of the others who are taken for members, where the share of members found is told."""

_SCENES: Final = {Profile.QUICK: 5, Profile.FULL: 60}
_LONGEST_S: Final = {Profile.QUICK: 30.0, Profile.FULL: 60.0}
_OTHER_SEED: Final = 90_210
_ROUNDS: Final = {Profile.QUICK: 3, Profile.FULL: 5}
_EVERY: Final = 3
"""Every n-th window: neighbours are nearly the same."""
_SHAKE: Final = 0.02
"""Body heights."""


@dataclass(frozen=True, slots=True, eq=False)
class _Windows:
    """n windows with the action that is true of them.

    Attributes:
        x: shape (n, C, W).
        action: shape (n,), index into `ACTIONS`.
        owner: n names, of the person or scene.
        member: shape (n,).
    """

    x: Floats
    action: npt.NDArray[np.int64]
    owner: tuple[str, ...]
    member: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Membership:
    """See the module."""

    name: str = "membership"
    words: str = "tell whether somebody was among those the shipped recognizer learnt from"
    source: str = "Yeom et al. 2018; Song & Mittal 2021; Carlini et al. 2022"
    media: frozenset[Medium] = field(default_factory=lambda: frozenset({Medium.POSES}))

    def run(
        self,
        representation: Representation,
        visits: tuple[Visit, ...],
        profile: Profile,
        rng: np.random.Generator,
    ) -> Outcome:
        """AUC over persons or scenes, and members found at few false ones.

        Raises:
            DataError: the representation is not what the recognizer reads.
            ModelError: the shipped weights cannot be run.
        """
        if representation.name != PROXY:
            raise DataError(f"{representation.name}: the shipped recognizer reads {PROXY} only")
        network = shipped_model().network
        rows: list[Row] = []
        for dataset, windows in (
            ("sim, scenes", _of_scenes(profile)),
            (PRECOG, _of_people([visit for visit in visits if visit.dataset == PRECOG])),
        ):
            if windows is not None and windows.member.any() and not windows.member.all():
                rows += _rows(
                    representation.name, self.name, dataset, windows, network, profile, rng
                )
        return Outcome(tuple(rows))


def _rows(
    representation: str,
    attack: str,
    dataset: str,
    windows: _Windows,
    network: Network,
    profile: Profile,
    rng: np.random.Generator,
) -> Iterator[Row]:
    tried = list(_guesses(windows, network, profile, rng))
    remembered = _remembered(windows)
    owners = list(windows.owner)

    def area(scores: Scores) -> Callable[[npt.NDArray[np.int64]], float]:
        return lambda rows: _area(scores, windows, rows)

    best = max(tried, key=lambda one: _area(one[1], windows, None))
    value, low, high = drawn(owners, area(best[1]), draws=300)
    control = _area(remembered, windows, None)
    void = "" if control > 0.99 else "the control, a model that remembers everything, was not found"
    yield Row(
        representation, attack, "AUC", "whole persons or scenes", dataset, value, min(low, value),
        max(high, value), 0.5, control, family=best[0], tried=len(tried), void=void,
    )  # fmt: skip
    every = np.arange(len(owners))
    for false_share in FALSE_SHARES:

        def found(scores: Scores, rows: npt.NDArray[np.int64], limit: float = false_share) -> float:
            return _found(scores[rows], windows.member[rows], limit)

        best = max(tried, key=lambda one: found(one[1], every))
        value, low, high = drawn(owners, partial(found, best[1]), draws=200)
        yield Row(
            representation, attack, f"TPR at FPR {false_share:.1%}", "windows", dataset, value,
            min(low, value), max(high, value), false_share,
            _found(remembered, windows.member, false_share),
            family=best[0], tried=len(tried), void=void,
        )  # fmt: skip


def _guesses(
    windows: _Windows, network: Network, profile: Profile, rng: np.random.Generator
) -> Iterator[tuple[str, Scores]]:
    """(family, score of each window)."""
    logs = _answers(network, windows.x)
    loss = _loss(logs, windows.action)
    shares = np.exp(logs)
    yield "loss", -loss
    yield "confidence", np.asarray(logs.max(axis=1))
    yield "entropy", -_modified_entropy(shares, windows.action)
    for restart in range(_ROUNDS[profile]):
        shaken = windows.x.copy()
        shaken[:, JOINTS] += rng.normal(0, _SHAKE, shaken[:, JOINTS].shape).astype(np.float32)
        yield f"steadiness {restart}", loss - _loss(_answers(network, shaken), windows.action)
    for restart in range(_ROUNDS[profile]):
        yield f"likelihood ratio {restart}", _ratio(loss, windows, rng)


def _answers(network: Network, x: Floats) -> Scores:
    """Log-probabilities of actions, shape (n, A)."""
    out = np.concatenate([network(x[k : k + 512]) for k in range(0, len(x), 512)])
    logits = out[:, : len(ACTIONS)].astype(np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    return np.asarray(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))


def _loss(logs: Scores, action: npt.NDArray[np.int64]) -> Scores:
    return np.asarray(-logs[np.arange(len(logs)), action])


def _modified_entropy(shares: Scores, action: npt.NDArray[np.int64]) -> Scores:
    own = shares[np.arange(len(shares)), action]
    others = shares * np.log(np.maximum(1 - shares, 1e-12))
    others[np.arange(len(shares)), action] = 0.0
    return np.asarray(-(1 - own) * np.log(np.maximum(own, 1e-12)) - others.sum(axis=1))


def _ratio(loss: Scores, windows: _Windows, rng: np.random.Generator) -> Scores:
    """-log p(loss | not a member) with the sign of being lower than that; learned from half of
    the others, who get the score of an average one, since the attacker knows them already."""
    scaled = np.log(np.maximum(loss, 1e-9))
    owners = np.array(windows.owner)
    others = np.unique(owners[~windows.member])
    known = np.isin(owners, rng.permutation(others)[: max(1, len(others) // 2)])
    out = np.zeros(len(loss))
    for action in np.unique(windows.action):
        mine = windows.action == action
        like = scaled[mine & known]
        if len(like) < 8:
            like = scaled[known]
        mean, spread = float(like.mean()), float(like.std()) + 1e-6
        out[mine] = (mean - scaled[mine]) / spread
    out[known] = out[~windows.member & ~known].mean() if (~windows.member & ~known).any() else 0.0
    return out


def _area(scores: Scores, windows: _Windows, rows: npt.NDArray[np.int64] | None) -> float:
    """AUC over wholes; those drawn twice count twice."""
    owners = np.array(windows.owner)
    names, number = np.unique(owners, return_inverse=True)
    mean = np.bincount(number, weights=scores) / np.bincount(number)
    member = np.zeros(len(names), np.bool_)
    member[number] = windows.member
    times = np.ones(len(names), np.int64)
    if rows is not None:
        times = np.rint(
            np.bincount(number[rows], minlength=len(names)) / np.bincount(number)
        ).astype(int)
    area = auc(mean.repeat(times).tolist(), member.repeat(times).tolist())
    return math.nan if area is None else area


def _found(scores: Scores, member: npt.NDArray[np.bool_], false_share: float) -> float:
    if member.all() or not member.any():
        return math.nan
    limit = np.quantile(scores[~member], 1.0 - false_share)
    return float((scores[member] > limit).mean())


def _remembered(windows: _Windows) -> Scores:
    """How near each window is to one that a model has kept; it has kept the members'."""
    from sklearn.neighbors import NearestNeighbors

    flat = windows.x.reshape(len(windows.x), -1)
    kept = NearestNeighbors(n_neighbors=1).fit(flat[windows.member])
    return np.asarray(-kept.kneighbors(flat)[0][:, 0], np.float64)


# Members and others


def _of_scenes(profile: Profile) -> _Windows | None:
    """Scenes of the recipe's seed that are not held out, and as many of another seed."""
    file = resources.files("mizaru.lab.train.recipes") / "recognizer.toml"
    with resources.as_file(file) as path:
        recipe = load_recipe(path)
    source = next(source for source in recipe.source if source.name == "sim")
    parts: list[tuple[Floats, npt.NDArray[np.int64], str, bool]] = []
    for seed, member in ((source.seed, True), (_OTHER_SEED, False)):
        for k, x, action in _scenes(seed, recipe if member else None, profile):
            parts.append((x, action, f"{seed}/{k}", member))
    return _stack(parts)


def _scenes(
    seed: int, recipe: Recipe | None, profile: Profile
) -> Iterator[tuple[int, Floats, npt.NDArray[np.int64]]]:
    """(number, windows, actions) of scenes that are short enough; with a recipe: and learnt."""
    drawn_ = enumerate(islice(scenes(np.random.default_rng([seed, 0])), 20 * _SCENES[profile]))
    short = [(k, s) for k, s in drawn_ if s.duration <= _LONGEST_S[profile]]
    if recipe is not None:
        people = [
            "|".join(f"sim:{person.identity}" for person in scenario.person)
            for _, scenario in short
        ]
        stories = tuple(
            Story(
                name=scenario.title, source="sim", licence="", subject=subject, room="", split="",
                fps=1.0, hours=0.0, falls=0, blows=0,
            )
            for (_, scenario), subject in zip(short, people, strict=True)
        )  # fmt: skip
        out = held_out(stories, recipe.hold_out.share, recipe.hold_out.seed)
        short = [item for item, kept in zip(short, ~out, strict=True) if kept]
    for k, scenario in short[: _SCENES[profile]]:
        motion = perform(scenario, rng=np.random.default_rng([seed, k, 1]))
        seen = windows_of(look(motion, rng=np.random.default_rng([seed, k, 0, 2])))
        said = np.flatnonzero(seen.rows["action"] >= 0)[::_EVERY]
        if len(said):
            action = seen.rows["action"][said].astype(np.int64)
            yield k, seen.x[said].astype(np.float32), action


def _of_people(visits: Sequence[Visit]) -> _Windows | None:
    """Visits of people of whom it is known whether they were learnt from."""
    parts: list[tuple[Floats, npt.NDArray[np.int64], str, bool]] = []
    for visit in visits:
        learnt = visit.attributes.get(LEARNT, "")
        x, action = _of_visit(visit)
        if learnt and len(x):
            parts.append((x, action, visit.person, learnt == "yes"))
    return _stack(parts)


LEARNT: Final = "learnt"
"""Attribute of visits: whether the shipped recognizer learnt from this person."""


def _of_visit(visit: Visit) -> tuple[Floats, npt.NDArray[np.int64]]:
    sight = Sight()
    aspect = visit.resolution_wh[0] / visit.resolution_wh[1]
    kept: list[Floats] = []
    action: list[int] = []
    for tick, (pose, behavior) in enumerate(zip(visit.poses, visit.behaviors, strict=True)):
        poses = () if pose is None else (pose,)
        key = SyncKey("camera-1", tick, tick * GRID_MS)
        for seen in sight.observe(Observation(key, poses, aspect)):
            if seen.window is not None and behavior in ACTIONS and tick % _EVERY == 0:
                kept.append(np.asarray(seen.window.features(), np.float32))
                action.append(ACTIONS.index(behavior))
    return (np.stack(kept) if kept else np.zeros((0, 1, 1), np.float32)), np.array(action, np.int64)


def _stack(
    parts: Sequence[tuple[Floats, npt.NDArray[np.int64], str, bool]],
) -> _Windows | None:
    if not parts:
        return None
    owners = [name for x, _, name, _ in parts for _ in range(len(x))]
    member = [learnt for x, _, _, learnt in parts for _ in range(len(x))]
    return _Windows(
        np.nan_to_num(np.concatenate([x for x, *_ in parts])),
        np.concatenate([action for _, action, *_ in parts]),
        tuple(owners),
        np.array(member),
    )
