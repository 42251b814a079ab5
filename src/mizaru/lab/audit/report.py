"""What the rows say, in words that a data-protection officer can check against the table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mizaru.lab.audit.results import USES, Record, Results
from mizaru.lab.audit.run import RAW

SUBJECTS: Final = ("omega", "retargeted_skeleton")
"""What leaves in proxy mode: the first of these that was run is what the page is about."""
TOP1: Final = "top-1"
_DROP: Final = 0.35
"""Of attributes, as the design aims at it."""
_DECIBEL: Final = frozenset({"PSNR", "PSNR in the box", "gain in PSNR"})


@dataclass(frozen=True, slots=True)
class Target:
    """What was aimed at, and what came of it.

    Attributes:
        met: None where the rows to judge it are missing or void.
    """

    words: str
    measured: str
    met: bool | None


def subject(results: Results) -> str:
    """The representation that the page is about."""
    run = {record.representation for record in results.rows}
    for name in SUBJECTS:
        if name in run:
            return name
    return next(iter(run), "")


def title(results: Results) -> str:
    """One line: how many were named."""
    row = _longest(_identity(results, subject(results), "clothes constant"))
    if row is None:
        return "What attackers still learn"
    return f"{named(row)[0].upper()}{named(row)[1:]}"


def summary(results: Results) -> Iterator[str]:
    """Plain sentences, the most important first."""
    name = subject(results)
    people = next((data for data in results.datasets if data.name == "sim"), None)
    if people is not None:
        yield (
            f"{people.people} simulated people came by {people.visits} times; attackers who had "
            "seen each of them under the right name tried to name them again from what leaves "
            "the darkroom."
        )
    for clothes in ("clothes constant", "clothes changed"):
        rows = _identity(results, name, clothes)
        ends = [row for row in (_shortest(rows), _longest(rows)) if row is not None]
        if ends:
            said = "; ".join(dict.fromkeys(named(row) for row in ends))
            wearing = "With the same clothes" if clothes.endswith("t") else "In other clothes"
            yield f"{wearing}: {said}."
    for row in _worst_of_others(results, name):
        yield f"{_sentence(row)}."
    use = next(
        (r for r in results.rows if r.representation == name and r.attack in USES and not r.void),
        None,
    )
    if use is not None:
        yield (
            f"What it is for: behaviours of people never seen before are read with a {use.measure} "
            f"of {plain(use, use.value)} ({use.setting or use.dataset}; chance "
            f"{plain(use, use.chance)}, from raw pictures {plain(use, use.raw)})."
        )
    void = sum(bool(row.void) for row in results.rows)
    if void:
        yield (
            f"{void} of {len(results.rows)} rows are void: there the same attack fails on what it "
            "must break, too, and proves nothing."
        )
    yield (
        "These are the best of the attackers that were tried. A better one may learn more; no "
        "row is a proof that nothing more can be learnt."
    )


def named(row: Record) -> str:
    """The sentence that the design asks for."""
    void = f"; void: {row.void}" if row.void else ""
    return (
        f"named {plain(row, row.value)} of the people (chance {plain(row, row.chance)}, raw "
        f"pictures {plain(row, row.raw)}), best of {row.tried} attackers, "
        f"{row.setting.split(',')[0]}{void}"
    )


def headline(results: Results) -> Iterator[tuple[str, ...]]:
    """Rows for a terminal: the longest T of every measure, worst representation last."""
    for row in results.rows:
        if row.measure == TOP1 and _ticks(row) not in (1, _most_ticks(results)):
            continue
        if row.measure in ("top-5",):
            continue
        value = "void" if row.void else plain(row, row.value)
        between = "" if row.void else f"{plain(row, row.low)} – {plain(row, row.high)}"
        data = "" if row.dataset == "sim" else f"{row.dataset}: "
        yield (
            row.representation,
            row.attack,
            row.measure,
            f"{data}{row.setting}",
            value,
            between,
            plain(row, row.chance),
        )


def plain(row: Record, value: float | None) -> str:
    """A value in the unit of its measure."""
    if value is None:
        return "–"
    if row.measure in _DECIBEL:
        return f"{value:.1f} dB"
    if is_share(row):
        return f"{100 * value:.1f} %" if abs(value) < 0.0995 else f"{100 * value:.0f} %"
    return f"{value:.3g}"


def is_share(row: Record) -> bool:
    """Whether values are shares, that percent and an axis to one fit."""
    return row.measure not in _DECIBEL and not row.measure.startswith(("SSIM", "hits", "bits"))


def questions(results: Results) -> Iterator[tuple[tuple[str, str, str, str], tuple[Record, ...]]]:
    """Rows that answer the same question, (attack, measure, setting, dataset), in order."""
    found: dict[tuple[str, str, str, str], list[Record]] = {}
    for row in results.rows:
        found.setdefault((row.attack, row.measure, row.setting, row.dataset), []).append(row)
    for question, rows in found.items():
        yield question, tuple(rows)


def targets(results: Results) -> Iterator[Target]:
    """The aims of the design, judged by the rows."""
    name = subject(results)
    rows = _identity(results, name, "clothes constant")
    for ticks, factor in ((1, 2.0), (25, 4.0)):
        row = next((row for row in rows if _ticks(row) == ticks), None)
        words = (
            f"identity of the sim's people, clothes constant, T = {ticks}: at most {factor:g} "
            "times chance, where raw pictures give at least 90 %"
        )
        if row is None or row.void or None in (row.value, row.chance, row.raw):
            yield Target(words, "not measured", None)
            continue
        assert row.value is not None
        assert row.chance is not None
        assert row.raw is not None
        yield Target(
            words,
            f"{row.value / row.chance:.1f} times chance ({plain(row, row.value)}, "
            f"{plain(row, row.low)} – {plain(row, row.high)}); raw {plain(row, row.raw)}",
            row.value <= factor * row.chance and row.raw >= 0.9,
        )
    yield from _reidentified(results, name)
    yield from _inverted(results, name)
    yield from _attributes(results, name)


def _reidentified(results: Results, name: str) -> Iterator[Target]:
    for question, rows in questions(results):
        if question[:2] != ("reidentify", "CMC-1"):
            continue
        of = {row.representation: row for row in rows}
        # Where poses were not run alone, Ω stands for them: it holds them.
        ours, theirs = of.get("retargeted_skeleton") or of.get(name), of.get("raw_skeleton")
        if ours is None or theirs is None or ours.void or theirs.value is None:
            continue
        assert ours.value is not None
        assert ours.chance is not None
        words = (
            f"re-identification in {question[3]}, {question[2]}: at most a third of the way from "
            "chance to raw skeletons"
        )
        if theirs.low is None or theirs.low <= ours.chance:
            # There is no way that could be gone a third of.
            yield Target(
                words,
                f"raw skeletons do no better than chance here ({plain(theirs, theirs.value)}; "
                f"chance {plain(ours, ours.chance)}; ours {plain(ours, ours.value)})",
                None,
            )
            continue
        way = (ours.value - ours.chance) / max(theirs.value - ours.chance, 1e-9)
        yield Target(
            words,
            f"{way:.0%} of the way ({plain(ours, ours.value)}; chance {plain(ours, ours.chance)}, "
            f"raw skeletons {plain(theirs, theirs.value)})",
            way <= 1 / 3,
        )


def _inverted(results: Results, name: str) -> Iterator[Target]:
    for question, rows in questions(results):
        # In pairs: how well the blind picture does differs from picture to picture by far more than
        # attackers do from it.
        if question[:2] != ("inversion", "PSNR over blind"):
            continue
        of = {row.representation: row for row in rows}
        ours, control = of.get(name), of.get("general_embedding")
        if ours is None or control is None or None in (ours.value, ours.chance, control.low):
            continue
        assert ours.value is not None
        assert ours.chance is not None
        assert control.low is not None
        yield Target(
            f"reconstruction, {question[2] or 'inside the person'}: no better than the best blind "
            "picture, where a general embedding gives more",
            f"{ours.value:+.2f} dB over the blind picture ({ours.low or 0.0:+.2f} – "
            f"{ours.high or 0.0:+.2f}); general embedding {control.value or 0.0:+.2f} dB",
            (ours.low or 0.0) <= ours.chance and control.low > (control.chance or 0.0),
        )


def _attributes(results: Results, name: str) -> Iterator[Target]:
    for question, rows in questions(results):
        if question[0] != "attributes" or question[1] not in ("cMAP", "mean AP"):
            continue
        of = {row.representation: row for row in rows}
        ours, pictures = of.get(name), of.get(RAW)
        anchor = pictures or of.get("raw_skeleton")  # of exact joints there are no pictures
        if ours is None or anchor is None or ours.value is None or not anchor.value:
            continue
        drop, most = (1 - (to or 0.0) / anchor.value for to in (ours.value, ours.chance))
        measured = (
            f"{drop:.0%} less ({plain(ours, ours.value)} against {plain(ours, anchor.value)})"
        )
        if most < _DROP:
            # Who guesses loses less than is asked for: the aim is out of reach, for anybody.
            measured += f"; guessing gives {plain(ours, ours.chance)}, {most:.1%} less"
        met = drop >= _DROP
        yield Target(
            f"attributes ({question[2]}, {question[3]}): at least {_DROP:.0%} less than from raw "
            f"{'pictures' if pictures else 'skeletons'}",
            measured,
            None if not met and most < _DROP else met,
        )


def _sentence(row: Record) -> str:
    data = "" if row.dataset == "sim" else f" on {row.dataset}"
    where = f" ({row.setting})" if row.setting else ""
    raw = "" if row.raw is None else f", raw {plain(row, row.raw)}"
    return (
        f"{row.attack}{data}{where}: {row.measure} {plain(row, row.value)} (chance or blind "
        f"{plain(row, row.chance)}{raw})"
    )


def _worst_of_others(results: Results, name: str) -> Iterator[Record]:
    """Of every other attack the row on `name` that leaks most beside its chance."""
    rows: dict[str, list[Record]] = {}
    for row in results.rows:
        if row.representation == name and not row.void and row.attack not in {"identity", *USES}:
            rows.setdefault(row.attack, []).append(row)
    for some in rows.values():
        yield max(some, key=leak)


def leak(row: Record) -> float:
    """How far beyond chance a row is, on the side that leaks, as share of the way to raw where
    there is one."""
    if row.value is None or row.chance is None:
        return 0.0
    beyond = (row.value - row.chance) * (1 if row.higher_leaks else -1)
    way = abs(row.raw - row.chance) if row.raw is not None else 0.0
    return beyond / way if way > 1e-6 else beyond


def _identity(results: Results, name: str, clothes: str) -> list[Record]:
    return [
        row
        for row in results.rows
        if (row.representation, row.attack, row.measure, row.dataset)
        == (name, "identity", TOP1, "sim")
        and clothes in row.setting
    ]


def _ticks(row: Record) -> int:
    found = re.match(r"T=(\d+)", row.setting)
    return int(found[1]) if found else 0


def _most_ticks(results: Results) -> int:
    return max((_ticks(row) for row in results.rows if row.attack == "identity"), default=0)


def _shortest(rows: Sequence[Record]) -> Record | None:
    return min(rows, key=_ticks, default=None)


def _longest(rows: Iterable[Record]) -> Record | None:
    return max(rows, key=_ticks, default=None)
