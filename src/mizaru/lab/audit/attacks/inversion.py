"""Inversion: what did the person look like? Rebuild the picture from what was shown.

*Learned decoders* (Dosovitskiy & Brox, *Inverting visual representations with convolutional
networks*, CVPR 2016): regressors from what is shown to the coordinates of the picture on the
principal components of pictures: ridge, nearest neighbours, and a small network; with torch and
in profile full a convolutional decoder, too.

*Optimisation in a generator's latent space* (Creswell & Bharath 2018; Yang et al. 2019): the
generator is the components' Gaussian, G(w) = mean + B w with prior w ~ N(0, Λ). The attacker does
not have the representation's map (it runs in the darkroom), so he learns a surrogate f̂ of it and
minimises ‖f̂(G(w)) - shown‖² + β wᵀΛ⁻¹w by Adam from many starts; the best by this embedding loss is
kept, never the best by the truth.

Scored only where the person is (the mask): PSNR and SSIM, beside the best *blind* picture that
knows nothing of this person: one constant colour, the mean of all pictures, anybody's picture, or
the empty room. A
judge who learned everybody's face and clothes from raw pictures tries to name the person in what
was rebuilt. The attacker learns on some visits of everybody and is tried on visits of other
sessions.

Luck is no skill: which attacker, and which blind picture, is decided on one half of the people and
judged on the other, both ways. Not so what the judge names: who names one half more often does so
at the cost of the other, so that the best of all counts there, luck and all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from mizaru.errors import DataError
from mizaru.lab.audit.attacks.decoder import convolutional
from mizaru.lab.audit.attacks.metrics import standard
from mizaru.lab.audit.attacks.showing import looks, show
from mizaru.lab.audit.attacks.trials import Trial, average, chosen, mean, share
from mizaru.lab.audit.contract import (
    Example,
    Medium,
    Outcome,
    Profile,
    Representation,
    Row,
    Visit,
)
from mizaru.lab.audit.families import FAMILIES
from mizaru.lab.audit.statistics import top

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.int64]
Given = dict[str, Floats]
Rebuild = Callable[[Given], Floats]
"""What is shown of n ticks to numbers of them, (n, K)."""
Judge = Callable[[Floats], npt.NDArray[np.float64]]
"""Pictures to log-probabilities of the people."""

SIZE_HW: Final = (64, 32)
"""Pictures are rebuilt and scored at this size: finer than any of the representations is."""
RESTARTS: Final = {Profile.QUICK: 3, Profile.FULL: 16}
STEPS: Final = {Profile.QUICK: 150, Profile.FULL: 2000}
DECODER_STEPS: Final = 600

_COMPONENTS: Final = 80
_LEARN: Final = {Profile.QUICK: 16, Profile.FULL: 40}
"""Ticks of a visit that decoders learn from."""
_TEST: Final = {Profile.QUICK: 3, Profile.FULL: 8}
_PRIOR: Final = 1e-2
_PEAK: Final = 255.0
_TICKS: Final = 0x1CE
_PERSON: Final = 0.04
"""A tick counts where the person covers at least so much of the picture."""


@dataclass(frozen=True, slots=True, eq=False)
class _Set:
    """n ticks.

    Attributes:
        given: ways to look at what is shown of them, each shape (n, F).
        pictures: shape (n, *SIZE_HW, 3), 0 … 255.
        spread: the same, the person's colours spread beyond the outline: what decoders learn, so
            that a limb that was guessed wrongly still gets its person's colours.
        masks: shape (n, *SIZE_HW).
        person: shape (n,), numbers of the people.
        names: shape (n,), their names.
    """

    given: Given
    pictures: Floats
    spread: Floats
    masks: Flags
    person: Labels
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Generator:
    """Pictures as points: G(w) = centre + w · basis.

    Attributes:
        centre: shape (P,).
        basis: shape (K, P), orthonormal.
        spread: shape (K,), standard deviations of w.
    """

    centre: Floats
    basis: Floats
    spread: Floats

    def coordinates(self, pictures: Floats) -> Floats:
        return np.asarray((pictures.reshape(len(pictures), -1) - self.centre) @ self.basis.T)

    def __call__(self, w: Floats) -> Floats:
        flat = np.clip(self.centre + w @ self.basis, 0.0, _PEAK)
        return np.asarray(flat.reshape(len(w), *SIZE_HW, 3), np.float32)


@dataclass(frozen=True, slots=True)
class Inversion:
    """See the module."""

    name: str = "inversion"
    words: str = "rebuild the picture of the person"
    source: str = "Dosovitskiy & Brox 2016; Creswell & Bharath 2018; Yang et al. 2019"
    media: frozenset[Medium] = field(default_factory=lambda: frozenset(Medium))

    def run(
        self,
        representation: Representation,
        visits: tuple[Visit, ...],
        profile: Profile,
        rng: np.random.Generator,
    ) -> Outcome:
        """PSNR and SSIM in the person's mask, what they gain over blind, and the judge's top-1.

        Raises:
            DataError: nobody with pictures and masks comes on two days.
        """
        # Always the same, so that every representation is asked for the same pictures.
        drawn = np.random.default_rng(_TICKS)
        rows: list[Row] = []
        examples: list[Example] = []
        pictured = [v for v in visits if v.crops is not None and v.masks is not None]
        for dataset in sorted({visit.dataset for visit in pictured}):
            mine = [visit for visit in pictured if visit.dataset == dataset]
            sets = _sets(representation, mine, profile, drawn, rng)
            if sets is None:
                continue
            found, example = _attack(representation.name, dataset, *sets, mine, profile, rng)
            rows += found
            examples.append(example)
        if not rows:
            raise DataError("inversion needs people with pictures and masks on at least two days")
        return Outcome(tuple(rows), tuple(examples))


@dataclass(frozen=True, slots=True, eq=False)
class _Result:
    """What one attacker rebuilt, scored."""

    family: str
    pictures: Floats
    psnr: list[Trial]
    ssim: list[Trial]
    named: list[Trial]


def _attack(
    representation: str,
    dataset: str,
    learn: _Set,
    test: _Set,
    visits: Sequence[Visit],
    profile: Profile,
    rng: np.random.Generator,
) -> tuple[list[Row], Example]:
    generator = _generate(learn.spread)
    judge = _judge(learn, rng)
    blind = [_score(name, pictures, test, judge) for name, pictures in _blind(learn, test, visits)]
    tried = [
        _score(family, generator(rebuild(test.given)), test, judge)
        for family, rebuild in _attackers(learn, generator, profile, rng)
    ]
    setting = "in the person"
    # The same halves for every representation.
    halves = np.random.default_rng(_TICKS).permutation(int(test.person.max()) + 1)
    second = halves[test.person] % 2 == 1
    rows: list[Row] = []
    for measure, of in (("PSNR", _psnr_of), ("SSIM", _ssim_of)):
        rebuilt, family = _chosen(tried, of, second)
        unseen, _ = _chosen(blind, of, second)
        gained = [Trial(a.person, a.value - b.value) for a, b in zip(rebuilt, unseen, strict=True)]
        for name, trials, chance in (
            (measure, rebuilt, average(unseen)),
            (f"{measure} over blind", gained, 0.0),
        ):
            rows.append(
                Row(
                    representation, "inversion", name, setting, dataset, *mean(trials),
                    chance=chance, raw=math.nan, family=family, tried=len(tried),
                )
            )  # fmt: skip
    best = max(tried, key=lambda result: average(result.named))
    people = len(set(learn.person.tolist()))
    rows.append(
        Row(
            representation, "inversion", "judge's top-1", setting, dataset, *share(best.named),
            chance=1 / people, raw=math.nan, family=best.family, tried=len(tried),
        )
    )  # fmt: skip
    floor = max(blind, key=lambda result: average(result.psnr))
    shown_best = max(tried, key=lambda result: average(result.psnr))
    return rows, _example(representation, dataset, test, shown_best, floor)


def _chosen(
    results: Sequence[_Result],
    of: Callable[[_Result], list[Trial]],
    second: npt.NDArray[np.bool_],
) -> tuple[list[Trial], str]:
    """What those did that were best on the other half of the people, and their families."""
    attempts = {f"{result.family} {k}": of(result) for k, result in enumerate(results)}
    trials, names = chosen(attempts, second)
    families = (name.rpartition(" ")[0] for name in names.split(" | "))
    return trials, " | ".join(dict.fromkeys(families))


def _psnr_of(result: _Result) -> list[Trial]:
    return result.psnr


def _ssim_of(result: _Result) -> list[Trial]:
    return result.ssim


def _attackers(
    learn: _Set, generator: _Generator, profile: Profile, rng: np.random.Generator
) -> Iterator[tuple[str, Rebuild]]:
    """Every family × restart, as (family, from what is shown to coordinates)."""
    wanted = generator.coordinates(learn.spread)
    ways = list(learn.given)
    looks_at = [
        _standard(learn.given, ways[k % len(ways)], count, whiten=whiten)
        for k, (count, whiten) in enumerate(((128, True), (24, True), (128, False)))
    ]
    for look in looks_at:
        yield "ridge", _ridge(learn.given, wanted, look, rng)
        yield "retrieval", _retrieval(learn.given, wanted, look, rng)
        yield "network", _network(learn.given, wanted, look, rng)
    yield (
        f"latent optimisation, {RESTARTS[profile]} × {STEPS[profile]}",
        _optimised(learn.given, wanted, looks_at[0], generator, profile, rng),
    )
    for look in looks_at if profile is Profile.FULL else ():
        decode = convolutional(look(learn.given), learn.spread, steps=DECODER_STEPS, rng=rng)
        if decode is not None:
            yield "convolutional decoder", _decoded(decode, look, generator)


def _decoded(decode: Callable[[Floats], Floats], look: Rebuild, generator: _Generator) -> Rebuild:
    return lambda Z: generator.coordinates(decode(look(Z)))


def _ridge(given: Given, wanted: Floats, look: Rebuild, rng: np.random.Generator) -> Rebuild:
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=float(10 ** rng.uniform(-1, 3))).fit(look(given), wanted)
    return lambda Z: np.asarray(model.predict(look(Z)), np.float32)


def _retrieval(given: Given, wanted: Floats, look: Rebuild, rng: np.random.Generator) -> Rebuild:
    from sklearn.neighbors import KNeighborsRegressor

    neighbours = min(len(wanted), int(rng.choice((1, 5, 15, 40))))
    model = KNeighborsRegressor(neighbours, weights="distance", metric="cosine")
    model.fit(look(given), wanted)
    return lambda Z: np.asarray(model.predict(look(Z)), np.float32)


def _network(given: Given, wanted: Floats, look: Rebuild, rng: np.random.Generator) -> Rebuild:
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPRegressor

    model = MLPRegressor(
        hidden_layer_sizes=(int(rng.choice((64, 128))),),
        alpha=float(10 ** rng.uniform(-2, 1)),
        learning_rate_init=2e-3,
        max_iter=40,
        random_state=int(rng.integers(2**31)),
    )
    scale = wanted.std() + 1e-6
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(look(given), wanted / scale)
    return lambda Z: np.asarray(model.predict(look(Z)) * scale, np.float32)


def _optimised(
    given: Given,
    wanted: Floats,
    look: Rebuild,
    generator: _Generator,
    profile: Profile,
    rng: np.random.Generator,
) -> Rebuild:
    """The surrogate f̂(w) = A₂ tanh(A₁ w + a₁) + a₂ + A₃ w is fitted first, then turned around."""
    from sklearn.linear_model import Ridge

    unit = wanted / generator.spread
    seen = look(given)
    first = rng.normal(0, 1 / math.sqrt(unit.shape[1]), (unit.shape[1], 256))
    offset = rng.normal(0, 0.5, 256)
    hidden = np.concatenate([np.tanh(unit @ first + offset), unit], axis=1)
    outer = Ridge(alpha=10.0).fit(hidden, seen)
    A, a = np.asarray(outer.coef_.T), np.asarray(outer.intercept_)

    def rebuild(Z: Given) -> Floats:
        aim = look(Z)
        best = np.zeros((len(aim), unit.shape[1]))
        least = np.full(len(aim), np.inf)
        for _ in range(RESTARTS[profile]):
            w = rng.normal(size=best.shape)
            m, v = np.zeros_like(w), np.zeros_like(w)
            for step in range(1, STEPS[profile] + 1):
                t = np.tanh(w @ first + offset)
                error = np.concatenate([t, w], axis=1) @ A + a - aim
                back = error @ A.T
                slope = (back[:, :256] * (1 - t**2)) @ first.T + back[:, 256:]
                gradient = slope / aim.shape[1] + _PRIOR * w
                m, v = 0.9 * m + 0.1 * gradient, 0.99 * v + 0.01 * gradient**2
                size = m / (1 - 0.9**step) / (np.sqrt(v / (1 - 0.99**step)) + 1e-8)
                w = w - 0.05 * size
            t = np.tanh(w @ first + offset)
            error = np.concatenate([t, w], axis=1) @ A + a - aim
            loss = (error**2).mean(axis=1) + _PRIOR * (w**2).sum(axis=1)
            better = loss < least
            best[better], least[better] = w[better], loss[better]
        return np.asarray(best * generator.spread, np.float32)

    return rebuild


def _standard(shown: Given, way: str, components: int, *, whiten: bool) -> Rebuild:
    """Standardised columns on principal components."""
    from sklearn.decomposition import PCA

    given = shown[way]
    count = min(components, *given.shape)
    model = PCA(count, svd_solver="randomized", random_state=0, whiten=whiten)
    model.fit(standard(given, given))
    scale = 1.0 if whiten else float(np.sqrt(model.explained_variance_.mean() + 1e-9))
    return lambda Z: np.asarray(model.transform(standard(Z[way], given)) / scale, np.float32)


def _generate(pictures: Floats) -> _Generator:
    from sklearn.decomposition import PCA

    flat = pictures.reshape(len(pictures), -1)
    model = PCA(min(_COMPONENTS, *flat.shape), svd_solver="randomized", random_state=0).fit(flat)
    return _Generator(
        model.mean_.astype(np.float32),
        model.components_.astype(np.float32),
        np.sqrt(model.explained_variance_ + 1e-6).astype(np.float32),
    )


def _judge(learn: _Set, rng: np.random.Generator) -> Judge:
    """Learns everybody's looks from true pictures, without what is behind people: the colours of
    bands from head to foot. Not where the mask is: that tells of its person's build."""
    logs = FAMILIES["discriminant"](_colours(learn.spread), learn.person, rng)
    return lambda pictures: logs(_colours(pictures))


def _colours(pictures: Floats) -> Floats:
    """Mean and spread of the colours of 16 bands, shape (n, 16 · 6); the middle half only."""
    quarter = SIZE_HW[1] // 4
    parts = []
    for band in np.array_split(np.arange(SIZE_HW[0]), 16):
        inside = pictures[:, band, quarter : 3 * quarter]
        parts += [inside.mean(axis=(1, 2)), inside.std(axis=(1, 2))]
    return np.concatenate(parts, axis=1).astype(np.float32)


def _blind(learn: _Set, test: _Set, visits: Sequence[Visit]) -> Iterator[tuple[str, Floats]]:
    """Pictures that know nothing of the person who is looked for."""
    colour = learn.pictures[learn.masks].mean(axis=0)
    yield "constant", np.broadcast_to(colour, test.pictures.shape).astype(np.float32)
    weight = learn.masks[..., None].sum(axis=0) + 1.0
    inside = (learn.pictures * learn.masks[..., None]).sum(axis=0)
    middle = (inside + colour) / weight
    yield "mean picture", np.broadcast_to(middle, test.pictures.shape).astype(np.float32)
    anybody = np.random.default_rng(_TICKS).integers(len(learn.spread), size=len(test.spread))
    yield "anybody", learn.spread[anybody]
    plates = [visit.plate for visit in visits if visit.plate is not None]
    if plates:
        rooms = np.mean([cv2.resize(p, SIZE_HW[::-1]).astype(np.float32) for p in plates], axis=0)
        yield "empty room", np.broadcast_to(rooms, test.pictures.shape).astype(np.float32)


def _score(
    family: str,
    pictures: Floats,
    test: _Set,
    judge: Judge,
) -> _Result:
    psnr, ssim = [], []
    for name, picture, true, mask in zip(
        test.names, pictures, test.pictures, test.masks, strict=True
    ):
        error = float(((picture - true)[mask] ** 2).mean())
        psnr.append(Trial(name, 10 * math.log10(_PEAK**2 / max(error, 1e-3))))
        ssim.append(Trial(name, structural(picture, true, mask)))
    logs = judge(pictures)
    hits = top(logs, test.person)
    named = [Trial(name, float(hit)) for name, hit in zip(test.names, hits, strict=True)]
    return _Result(family, pictures, psnr, ssim, named)


def structural(a: Floats, b: Floats, mask: Flags) -> float:
    """Structural similarity of two pictures inside a mask (Wang et al. 2004, eq. 13): Gaussian
    windows, σ = 1.5, of luminance; beyond the mask both are grey."""
    x, y = (
        np.where(mask, cv2.cvtColor(p.astype(np.float32) / _PEAK, cv2.COLOR_RGB2GRAY), 0.5)
        for p in (a, b)
    )

    def blur(picture: Floats) -> Floats:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.5), np.float32)

    mx, my = blur(x), blur(y)
    vx, vy, both = blur(x * x) - mx**2, blur(y * y) - my**2, blur(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    found = ((2 * mx * my + c1) * (2 * both + c2)) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    return float(found[mask].mean())


def _sets(
    representation: Representation,
    visits: Sequence[Visit],
    profile: Profile,
    drawn: np.random.Generator,
    rng: np.random.Generator,
) -> tuple[_Set, _Set] | None:
    """Ticks of the first half of the sessions to learn from, of the others to be tried on; of
    people who are in both, in the same clothes where that is known."""
    clothes = [visit.attributes.get("clothes", "") for visit in visits]
    usual = max(sorted(set(clothes)), key=clothes.count)
    same = [visit for visit, worn in zip(visits, clothes, strict=True) if worn == usual]
    sessions = sorted({visit.session for visit in same})
    early = set(sessions[: (len(sessions) + 1) // 2])
    both = {v.person for v in same if v.session in early}
    both &= {v.person for v in same if v.session not in early}
    if len(both) < 3:
        return None
    number = {name: k for k, name in enumerate(sorted(both))}

    def make(which: Callable[[Visit], bool], most: int) -> _Set | None:
        chosen = [v for v in same if v.person in both and which(v)]
        return _set(representation, chosen, number, most, drawn, rng)

    learn = make(lambda v: v.session in early, _LEARN[profile])
    test = make(lambda v: v.session not in early, _TEST[profile])
    return None if learn is None or test is None else (learn, test)


def _set(
    representation: Representation,
    visits: Sequence[Visit],
    number: dict[str, int],
    most: int,
    drawn: np.random.Generator,
    rng: np.random.Generator,
) -> _Set | None:
    """None where the representation shows nothing of them."""
    chosen: dict[int, npt.NDArray[np.int64]] = {}
    for visit in visits:
        assert visit.masks is not None
        ticks = np.flatnonzero(visit.masks.mean(axis=(1, 2)) >= _PERSON)
        chosen[id(visit)] = np.sort(drawn.permutation(ticks)[:most])
    given, pictures, spread, masks, names = [], [], [], [], []
    try:
        for item in show(representation, visits, rng):
            visit = item.visit
            assert visit.crops is not None
            assert visit.masks is not None
            rows = looks(item.given, representation.medium)
            for tick in chosen[id(visit)]:
                if not np.isfinite(item.given[tick]).any():
                    continue
                given.append({way: seen[tick] for way, seen in rows.items()})
                size = SIZE_HW[::-1]
                picture = cv2.resize(visit.crops[tick], size, interpolation=cv2.INTER_AREA)
                mask = visit.masks[tick].astype(np.float32)
                masks.append(cv2.resize(mask, size, interpolation=cv2.INTER_AREA) > 0.5)
                pictures.append(picture)
                spread.append(_spread(picture, masks[-1]))
                names.append(visit.person)
    except DataError:
        return None
    if len(set(names)) < 3:
        return None
    return _Set(
        {way: np.stack([one[way] for one in given]) for way in given[0]},
        np.stack(pictures).astype(np.float32),
        np.stack(spread),
        np.stack(masks),
        np.array([number[name] for name in names], np.int64),
        tuple(names),
    )


def _spread(picture: npt.NDArray[np.uint8], mask: Flags) -> Floats:
    """The person's colours beyond the outline: mean of the nearest ones (normalised convolution,
    Knutsson & Westin 1993), from fine to coarse."""
    out = picture.astype(np.float32)
    weight = mask.astype(np.float32)
    left = ~mask
    for sigma in (2.0, 6.0, 24.0):
        near = cv2.GaussianBlur(weight, (0, 0), sigma)
        mean = cv2.GaussianBlur(out * weight[..., None], (0, 0), sigma) / (near[..., None] + 1e-6)
        found = left & (near > 0.02)
        out[found] = mean[found]
        left &= ~found
    if mask.any():
        out[left] = picture[mask].mean(axis=0)
    return np.asarray(out, np.float32)


def _example(
    representation: str, dataset: str, test: _Set, best: _Result, blind: _Result
) -> Example:
    """Three people: the truth, what was rebuilt, what a blind one draws; in their masks."""
    chosen = np.linspace(0, len(test.names) - 1, 3).astype(int)
    pictures: list[tuple[str, npt.NDArray[np.uint8]]] = []
    for k in chosen:
        for caption, source in (
            ("truth", test.pictures),
            (f"rebuilt ({best.family})", best.pictures),
            (f"blind ({blind.family})", blind.pictures),
        ):
            inside = np.where(test.masks[k][..., None], source[k], 235.0)
            large = cv2.resize(
                inside.astype(np.uint8), (SIZE_HW[1] * 3, SIZE_HW[0] * 3),
                interpolation=cv2.INTER_NEAREST,
            )  # fmt: skip
            pictures.append((caption, np.asarray(large, np.uint8)))
    return Example(f"inversion of {representation} ({dataset})", tuple(pictures))
