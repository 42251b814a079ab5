"""Every attack on every representation it fits, each pair once, and the anchors beside each row.

Pairs do not know of each other: they run in several processes, and what was run stays (see
`mizaru.lab.audit.results`). Anchors and voids come last, from the rows of all pairs.
"""

from __future__ import annotations

import hashlib
import math
import platform
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from mizaru import __version__
from mizaru.edge.models import MODELS, ModelStore
from mizaru.errors import DataError
from mizaru.lab.audit.contract import Attack, Medium, Profile, Representation, Row, Visit
from mizaru.lab.audit.registry import ATTACKS, REPRESENTATIONS, Means
from mizaru.lab.audit.results import (
    PAIRS,
    RESULTS,
    SHOWCASE,
    USES,
    Dataset,
    Pair,
    Record,
    Results,
    Shown,
    as_json,
    read_pair,
)
from mizaru.lab.audit.showcase import showcase
from mizaru.lab.audit.visits import Source, load
from mizaru.lab.audit.visits_file import write
from mizaru.lab.code import digest_of_code
from mizaru.lab.workers import workers

RAW: Final = "raw"
RANDOM: Final = "random"
NO_CONTROL: Final = "no positive control was run beside it"
FAILED_CONTROL: Final = "the same attack fails on its positive controls, too"

Tick = Callable[[str, int, int], None]
"""Called with (what, done, of how many)."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What to run.

    Attributes:
        representations, attacks: names; empty: all. Controls and noise are always run.
        resume: keep pairs that were run with the same everything.
    """

    profile: Profile = Profile.QUICK
    representations: tuple[str, ...] = ()
    attacks: tuple[str, ...] = ()
    seed: int = 0
    resume: bool = True

    def __post_init__(self) -> None:
        for what, names, known in (
            ("--representation", self.representations, tuple(REPRESENTATIONS)),
            ("--attack", self.attacks, tuple(ATTACKS)),
        ):
            for name in names:
                if name not in known:
                    raise DataError(f"{what} {name}: choose {', '.join(known)}")


def run(
    wish: Wish, source: Source, out: Path, tick: Tick = lambda what, done, all_: None
) -> Results:
    """Run what is wished and not there yet; writes ``results.json`` and one file per pair.

    Raises:
        DataError: data, cache or `out` cannot be used.
        SimError: this machine cannot render.
        ModelError: a perception model is missing.
        StorageFullError: no room left.
    """
    began = time.monotonic()
    visits = tuple(load(source, wish.profile, lambda done, all_: tick("visits", done, all_)))
    datasets = tuple(_datasets(visits))
    makers = {made.name: made for made in _made(wish, source.models)}
    pairs = [(r, a) for r, maker in makers.items() for a in _attacks(wish, maker)]
    keys = {pair: _key(wish, datasets, makers[pair[0]], ATTACKS[pair[1]]) for pair in pairs}
    done: dict[tuple[str, str], Pair] = {}
    for pair in pairs:
        old = read_pair(_file(out, *pair)) if wish.resume else None
        if old is not None and old.key == keys[pair]:
            done[pair] = old
    tick("attacks", len(done), len(pairs))
    todo = [pair for pair in pairs if pair not in done]
    for found in _played(todo, wish, source, visits):
        pair = (found.representation, found.attack)
        done[pair] = msgspec.structs.replace(found, key=keys[pair])
        write(_file(out, *pair), as_json(done[pair]))
        tick(f"{found.attack} on {found.representation}", len(done), len(pairs))
    pictures = showcase(makers.values(), visits, np.random.default_rng(wish.seed))
    write(out / SHOWCASE, as_json(tuple(Shown.of(example) for example in pictures)))
    results = Results(
        profile=str(wish.profile),
        seed=wish.seed,
        representations={name: made.words for name, made in makers.items()},
        attacks={name: ATTACKS[name].words for name in dict.fromkeys(a for _, a in pairs)},
        controls=tuple(name for name, made in makers.items() if made.control),
        versions=_versions(source),
        datasets=datasets,
        rows=tuple(
            Record.of(row)
            for row in anchored(
                [record.row() for pair in pairs for record in done[pair].rows],
                {name for name, made in makers.items() if made.control},
            )
        ),
        failed=tuple((r, a, done[r, a].failed) for r, a in pairs if done[r, a].failed),
        seconds=round(time.monotonic() - began, 1),
    )
    write(out / RESULTS, as_json(results))
    return results


def anchored(rows: Sequence[Row], controls_: Iterable[str]) -> list[Row]:
    """Rows with their raw anchor, void where the attack fails on every positive control.

    Args:
        controls_: names of the representations that are positive controls.
    """
    controls_ = set(controls_)
    groups: dict[tuple[str, str, str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault(_question(row), []).append(row)
    found = []
    for row in rows:
        beside = groups[_question(row)]
        raw = next((other.value for other in beside if other.representation == RAW), row.raw)
        anchor = raw if math.isnan(row.raw) else row.raw
        found.append(replace(row, raw=anchor, void=row.void or _void(row, beside, controls_)))
    return found


def _question(row: Row) -> tuple[str, str, str, str]:
    return row.attack, row.measure, row.setting, row.dataset


def _void(row: Row, beside: Sequence[Row], controls_: set[str]) -> str:
    tested = [other for other in beside if other.representation in controls_ and not other.void]
    if row.representation == RANDOM or row.attack in USES or not math.isnan(row.raw):
        return ""  # an attack that brings its own anchor has judged it itself
    if not tested:
        return NO_CONTROL
    return "" if any(succeeds(other) for other in tested) else FAILED_CONTROL


def succeeds(row: Row) -> bool:
    """Whether chance lies outside the interval, on the side that leaks."""
    return row.low > row.chance if row.higher_leaks else row.high < row.chance


# Which pairs


def _made(wish: Wish, models: Path) -> Iterator[Representation]:
    """What is wished, and the anchors without which nothing of it means anything."""
    for name, maker in REPRESENTATIONS.items():
        made = maker(Means(models))
        if not wish.representations or name in {*wish.representations, RANDOM} or made.control:
            yield made


def _attacks(wish: Wish, representation: Representation) -> Iterator[str]:
    for name, attack in ATTACKS.items():
        if (not wish.attacks or name in wish.attacks) and representation.medium in attack.media:
            yield name


def _key(
    wish: Wish, datasets: Sequence[Dataset], representation: Representation, attack: Attack
) -> str:
    """Digest of all that a pair's outcome depends on."""
    parts: list[str] = [str(wish.profile), str(wish.seed), representation.name, attack.name]
    parts += [dataset.sha256 for dataset in datasets]
    parts.append(digest_of_code(type(representation), type(attack)))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _file(out: Path, representation: str, attack: str) -> Path:
    return out / PAIRS / f"{representation}-{attack}.json"


# Pairs, in this process or in several


def _played(
    todo: Sequence[tuple[str, str]], wish: Wish, source: Source, visits: tuple[Visit, ...]
) -> Iterator[Pair]:
    """The pairs in the order in which they are ready."""
    if source.workers <= 1 or len(todo) < 2:
        bench = _Bench(wish, source.models, visits)
        for pair in todo:
            yield bench.play(*pair)
        return
    with workers(source.workers, _begin, wish, source) as pool:
        waiting = [pool.submit(_play, *pair) for pair in todo]
        for ready in as_completed(waiting):
            yield ready.result()


@dataclass(slots=True)
class _Bench:
    """Where pairs are run: visits, and what was shown of them last."""

    wish: Wish
    models: Path
    visits: tuple[Visit, ...]
    _last: _Remembered | None = field(default=None, init=False)

    def play(self, representation: str, attack: str) -> Pair:
        """One pair. What the data lack is told in `Pair.failed`, everything else raises."""
        if self._last is None or self._last.name != representation:
            inner = REPRESENTATIONS[representation](Means(self.models))
            self._last = _Remembered(inner, self.wish.seed, {})
        rng = np.random.default_rng(
            (self.wish.seed, zlib.crc32(f"{representation} {attack}".encode()))
        )
        began = time.monotonic()
        try:
            outcome = ATTACKS[attack].run(self._last, self.visits, self.wish.profile, rng)
        except DataError as error:
            return Pair(
                key="",
                representation=representation,
                attack=attack,
                seconds=round(time.monotonic() - began, 1),
                failed=str(error),
            )
        return Pair(
            key="",
            representation=representation,
            attack=attack,
            seconds=round(time.monotonic() - began, 1),
            rows=tuple(Record.of(row) for row in outcome.rows),
            examples=tuple(Shown.of(example) for example in outcome.examples),
        )


@dataclass(slots=True)
class _Remembered:
    """A representation that shows every attack the same, with the same noise.

    Embeddings and poses are kept; pictures of all visits would fill the memory.
    """

    inner: Representation
    seed: int
    kept: dict[int, tuple[Visit, npt.NDArray[np.float32]]]

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def words(self) -> str:
        return self.inner.words

    @property
    def medium(self) -> Medium:
        return self.inner.medium

    @property
    def control(self) -> bool:
        return self.inner.control

    def show(self, visit: Visit, rng: np.random.Generator) -> npt.NDArray[np.float32]:
        """See `Representation.show`; `rng` is not asked."""
        if id(visit) in self.kept:
            return self.kept[id(visit)][1]
        name = f"{visit.dataset} {visit.person} {visit.session} {visit.camera}"
        own = np.random.default_rng((self.seed, zlib.crc32(name.encode())))
        shown = self.inner.show(visit, own)
        if self.medium is not Medium.PIXELS:
            self.kept[id(visit)] = visit, shown  # kept too, so that its id stays its own
        return shown


_bench: _Bench | None = None


def _begin(wish: Wish, source: Source) -> None:
    from threadpoolctl import threadpool_limits

    global _bench  # noqa: PLW0603 (one bench a process, made when the process begins)
    threadpool_limits(1)  # one process a core: threads of linear algebra would fight over them
    _bench = _Bench(wish, source.models, tuple(load(source, wish.profile)))


def _play(representation: str, attack: str) -> Pair:
    assert _bench is not None
    return _bench.play(representation, attack)


# Where it comes from


def _datasets(visits: Sequence[Visit]) -> Iterator[Dataset]:
    for name in dict.fromkeys(visit.dataset for visit in visits):
        own = [visit for visit in visits if visit.dataset == name]
        digest = hashlib.sha256()
        for visit in own:
            who = (visit.person, visit.session, visit.camera, *visit.attributes.values())
            digest.update("\0".join((*who, *map(str, visit.behaviors))).encode())
            arrays = [visit.keypoints, visit.world, visit.crops, visit.masks, visit.plate]
            for pose in visit.poses:
                arrays.append(None if pose is None else pose.keypoints)
            for array in arrays:
                digest.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
        yield Dataset(
            name,
            len({visit.person for visit in own}),
            len(own),
            sum(len(visit.behaviors) for visit in own),
            digest.hexdigest(),
        )


def _versions(source: Source) -> dict[str, str]:
    found = {"mizaru": __version__, "python": platform.python_version()}
    for name in ("numpy", "scikit-learn", "mujoco", "opencv-python-headless", "ai-edge-litert"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    store = ModelStore(source.models)
    for model in MODELS:
        if store.path(model).exists():
            found[model.name] = model.sha256
    return found
