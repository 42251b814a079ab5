"""Who comes by: all visits that an audit of a profile looks at, made where they are missing.

What takes long is kept in a folder of the rim's choosing, a file per visit, so that an audit
that was broken off goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path

from mizaru.lab.audit import visits_exact, visits_pictures, visits_sim
from mizaru.lab.audit.contract import Profile, Visit
from mizaru.lab.audit.real import real_visits
from mizaru.lab.workers import workers

Tick = Callable[[int, int], None]
"""Called with (visits made, visits to make)."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where visits come from.

    Attributes:
        cache: folder for what was made; made if absent.
        models: folder of the model store.
        data: folder with ``MANIFEST.csv`` and real pictures and skeletons; None: only the sim.
        workers: processes that render at once.
        recipe: of the sim; None: the profile's.
        pictures: whether the sim is rendered; without it, only exact joints are seen.
    """

    cache: Path
    models: Path
    data: Path | None = None
    workers: int = 1
    recipe: visits_sim.Recipe | None = None
    pictures: bool = True

    def wanted(self, profile: Profile) -> visits_sim.Recipe:
        """What the sim's people do."""
        if self.recipe is not None:
            return self.recipe
        return visits_sim.QUICK if profile is Profile.QUICK else visits_sim.FULL


def load(source: Source, profile: Profile, tick: Tick = lambda done, all_: None) -> Iterator[Visit]:
    """All visits of a profile; those of the sim first.

    Raises:
        SimError: this machine cannot render.
        ModelError: a perception model is missing.
        DataError: `Source.data` is no folder with real pictures, or the cache cannot be used.
        StorageFullError: no room for the cache.
    """
    tasks = list(visits_sim.tasks(source.wanted(profile)))
    _make(tasks, source, tick)
    for task in tasks if source.pictures else ():
        yield visits_sim.load(task, source.cache)
    for task in tasks:
        yield visits_exact.load(task, source.cache)
    if source.data is not None:
        yield from visits_pictures.load(source.data)
        yield from real_visits(source.data)


def _make(tasks: list[visits_sim.Task], source: Source, tick: Tick) -> None:
    missing = [task for task in tasks if not _is_there(task, source)]
    done = len(tasks) - len(missing)
    tick(done, len(tasks))
    if source.workers <= 1 or len(missing) < 2:
        for task in missing:
            _make_one(task, source)
            done += 1
            tick(done, len(tasks))
        return
    with workers(source.workers) as pool:
        waiting = [pool.submit(_make_one, task, source) for task in missing]
        for ready in as_completed(waiting):
            ready.result()
            done += 1
            tick(done, len(tasks))


def _is_there(task: visits_sim.Task, source: Source) -> bool:
    rendered = not source.pictures or task.file(source.cache).exists()
    return rendered and visits_exact.file(task, source.cache).exists()


def _make_one(task: visits_sim.Task, source: Source) -> None:
    visits_exact.make(task, source.cache)
    if source.pictures:
        visits_sim.make(task, source.cache, source.models)
