"""Findings by hand: who shows which risk how clearly, at a time in seconds."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest

from mizaru.cloud.incident import IncidentChange, IncidentEngine
from mizaru.cloud.recognize import Finding, Measured, Risk, SubjectFinding
from mizaru.vocabulary import Behavior, SyncKey

START_MS = 1_700_000_000_000
BOX = (0.4, 0.4, 0.6, 0.8)


def ms(seconds: float) -> int:
    return START_MS + round(seconds * 1000)


@dataclass(frozen=True)
class Evidence:
    """One risk, and everybody in the picture."""

    confidence: float = 0.9
    behavior: Behavior = Behavior.FALL
    who: tuple[int, ...] = (1,)
    zone: str = ""
    present: dict[int, tuple[float, float, float, float]] = field(default_factory=lambda: {1: BOX})
    measures: tuple[Measured, ...] = ()
    started: float | None = None


def finding(seconds: float, *evidence: Evidence) -> Finding:
    present = dict(itertools.chain.from_iterable(e.present.items() for e in evidence))
    return Finding(
        SyncKey("hall", round(seconds * 10), ms(seconds)),
        tuple(SubjectFinding(i, box, Behavior.STAND, 1.0) for i, box in present.items()),
        tuple(
            Risk(
                e.behavior,
                e.confidence,
                e.who,
                e.zone,
                e.measures,
                f"{e.behavior} at {seconds:.1f} s",
                ms(seconds if e.started is None else e.started),
            )
            for e in evidence
        ),
    )


@dataclass(frozen=True)
class Desk:
    """What the incident tests need."""

    Evidence = Evidence
    BOX = BOX
    ms = staticmethod(ms)
    finding = staticmethod(finding)

    @staticmethod
    def engine(**arguments: object) -> IncidentEngine:
        ids = itertools.count(1)
        return IncidentEngine("hall", new_id=lambda: f"i{next(ids)}", **arguments)  # type: ignore[arg-type]

    @staticmethod
    def feed(engine: IncidentEngine, findings: Iterable[Finding]) -> list[IncidentChange]:
        return [change for f in findings for change in engine.update(f)]

    @staticmethod
    def stream(
        until: float, evidence: Callable[[float], Iterable[Evidence]], since: float = 0.0
    ) -> list[Finding]:
        """Findings at 10 Hz from `since` up to and without `until`."""
        return [
            finding(n / 10, *evidence(n / 10)) for n in range(round(since * 10), round(until * 10))
        ]


@pytest.fixture(scope="session")
def desk() -> Desk:
    """Findings and engines."""
    return Desk()
