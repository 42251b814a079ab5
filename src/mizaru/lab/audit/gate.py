"""Did a leak grow? A run held against the committed one, row by row, a line for each complaint."""

from __future__ import annotations

from collections.abc import Iterator

from mizaru.errors import DataError
from mizaru.lab.audit.results import USES, Record, Results
from mizaru.lab.audit.run import RANDOM


def compare(now: Results, then: Results, slack: float = 0.0) -> list[str]:
    """One line for every row that is worse than it was.

    A leak grew if the near end of its interval now lies beyond the far end of its interval then,
    by more than the slack. What grows on raw pictures, on controls and on noise is a better
    attacker, not a leak; such rows must only be there.

    Args:
        slack: share of the way from chance to the raw anchor.

    Raises:
        DataError: the two cannot be compared.
    """
    for what, mine, theirs in (
        ("profile", now.profile, then.profile),
        ("seed", now.seed, then.seed),
        ("people", _people(now), _people(then)),
    ):
        if mine != theirs:
            raise DataError(
                f"the runs cannot be compared: {what} is {mine} now and was {theirs}; "
                "run both in the same way"
            )
    return list(_complaints(now, then, slack))


def _complaints(now: Results, then: Results, slack: float) -> Iterator[str]:
    found = {_question(record): record for record in now.rows}
    for old in then.rows:
        new = found.get(_question(old))
        if new is None:
            yield f"{_words(old)}: the row is missing; run every attack that the baseline has"
            continue
        if new.void and not old.void:
            yield f"{_words(old)}: void now: {new.void}"
            continue
        free = {*now.controls, RANDOM}
        if old.void or old.representation in free or old.attack in USES:
            continue
        grown = _growth(new, old, slack)
        if grown is not None:
            yield (
                f"{_words(old)}: the leak grew: {_span(new)} now, {_span(old)} in the baseline"
                f" ({grown:+.3f} beyond it)"
            )


def _growth(new: Record, old: Record, slack: float) -> float | None:
    """How far beyond the baseline's interval; None if it is not."""
    near, far = (new.low, old.high) if old.higher_leaks else (new.high, old.low)
    if near is None or far is None:
        return None
    way = 0.0 if old.raw is None or old.chance is None else abs(old.raw - old.chance)
    beyond = near - far if old.higher_leaks else far - near
    return beyond if beyond > slack * way + 1e-9 else None


def _question(record: Record) -> tuple[str, ...]:
    return (
        record.representation,
        record.attack,
        record.measure,
        record.setting,
        record.dataset,
    )


def _words(record: Record) -> str:
    setting = f", {record.setting}" if record.setting else ""
    return (
        f"{record.attack} on {record.representation}: {record.measure}{setting} ({record.dataset})"
    )


def _span(record: Record) -> str:
    return f"{record.value or 0.0:.3f} [{record.low or 0.0:.3f}, {record.high or 0.0:.3f}]"


def _people(results: Results) -> str:
    return ", ".join(f"{data.people} of {data.name}" for data in results.datasets)
