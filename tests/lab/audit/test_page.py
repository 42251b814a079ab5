from __future__ import annotations

import re

import msgspec
import numpy as np
import pytest

pytest.importorskip("sklearn")

from mizaru.lab.audit.contract import Example
from mizaru.lab.audit.page import page
from mizaru.lab.audit.report import headline, summary, targets, title
from mizaru.lab.audit.results import Results, Shown

from .test_gate import record, results


@pytest.fixture
def some() -> Results:
    curve = ((1.0, 0.04), (25.0, 0.05))
    rows = [
        record(setting="T=1, clothes constant", value=0.04, curve=curve, tried=12),
        record(curve=curve, tried=24, family="network <b>"),
        record("raw", 1.0, low=0.9, high=1.0, curve=((1.0, 0.97), (25.0, 1.0)), tried=24),
        record("random", 0.03, low=0.0, high=0.08, tried=24),
        record(setting="T=25, clothes changed", void="the control fails"),
        record(attack="utility", measure="macro-F1", setting="", value=0.7, chance=0.2),
        record("raw", 0.8, attack="utility", measure="macro-F1", setting="", chance=0.2),
        record("random", 0.2, attack="utility", measure="macro-F1", setting="", chance=0.2),
    ]
    attacks = {"identity": "who is it", "utility": "what for"}
    return results(*rows, attacks=attacks, failed=(("raw", "gait", "no poses"),))


def test_the_first_words_say_how_many_were_named_beside_chance_and_raw(some: Results) -> None:
    assert title(some) == (
        "Named 5.0 % of the people (chance 2.5 %, raw pictures 100 %), best of 24 attackers, T=25"
    )
    said = " ".join(summary(some))
    assert "named 4.0 % of the people" in said
    assert "1 of 8 rows are void" in said
    assert "no row is a proof" in said


def test_aims_are_held_against_the_rows(some: Results) -> None:
    found = list(targets(some))
    assert [target.met for target in found] == [True, True]
    assert "2.0 times chance" in found[1].measured
    grown = tuple(msgspec.structs.replace(row, value=0.2, high=0.3) for row in some.rows)
    worse = msgspec.structs.replace(some, rows=grown)
    assert [target.met for target in targets(worse)] == [False, False]
    assert [target.met for target in targets(results())] == [None, None]


def test_where_poses_were_not_run_alone_omega_stands_for_them() -> None:
    about = {"attack": "reidentify", "measure": "CMC-1", "setting": "T=25", "chance": 0.05}
    rows = [record("omega", 0.1, **about), record("raw_skeleton", 0.9, **about)]
    (found,) = (t for t in targets(results(*rows)) if "re-identification" in t.words)
    assert found.met is True
    rows.append(record("retargeted_skeleton", 0.8, **about))
    (found,) = (t for t in targets(results(*rows)) if "re-identification" in t.words)
    assert found.met is False


@pytest.mark.parametrize(
    ("anchor", "value", "chance", "met"),
    [
        ("raw", 0.5, 0.2, True),
        ("raw", 0.8, 0.2, False),
        ("raw_skeleton", 0.5, 0.2, True),
        ("raw", 0.8, 0.7, None),
    ],
)
def test_attributes_are_not_asked_to_fall_below_guessing(
    anchor: str, value: float, chance: float, met: bool | None
) -> None:
    about = {"attack": "attributes", "measure": "cMAP", "setting": "T=25", "chance": chance}
    rows = (record("omega", value, **about), record(anchor, 0.9, **about))
    found = [target for target in targets(results(*rows)) if "attributes" in target.words]
    assert [target.met for target in found] == [met]
    assert ("guessing" in found[0].measured) == (chance > 0.9 * 0.65)
    assert ("skeletons" in found[0].words) == (anchor == "raw_skeleton")


def test_what_was_missed_stands_beside_its_price(some: Results) -> None:
    price = "What it would cost to come nearer"
    assert price not in page(some)
    grown = tuple(msgspec.structs.replace(row, value=0.2, high=0.3) for row in some.rows)
    assert price in page(msgspec.structs.replace(some, rows=grown))


@pytest.mark.parametrize(("low", "met"), [(0.8, True), (0.02, None)])
def test_where_raw_skeletons_name_nobody_no_way_is_measured(low: float, met: bool | None) -> None:
    about = {"attack": "reidentify", "measure": "CMC-1", "setting": "T=25", "chance": 0.05}
    found = targets(
        results(
            record("raw_skeleton", 0.9, low=low, high=1.0, **about),
            record("retargeted_skeleton", 0.06, low=0.02, high=0.1, **about),
        )
    )
    assert [aim.met for aim in found if aim.words.startswith("re-id")] == [met]


@pytest.mark.parametrize(("low", "met"), [(-0.1, True), (0.01, False)])
def test_reconstruction_is_judged_picture_by_picture(low: float, met: bool) -> None:
    """The interval of the pairs' differences decides, not that of how well pictures are met."""
    about = {"attack": "inversion", "measure": "PSNR over blind", "setting": "in the person"}
    found = targets(
        results(
            record("omega", 0.14, low=low, high=0.3, chance=0.0, **about),
            record("general_embedding", 2.7, low=2.2, high=3.0, chance=0.0, **about),
        )
    )
    assert [aim.met for aim in found if aim.words.startswith("reconstruction")] == [met]


def test_the_page_stands_alone_and_escapes_what_it_is_given(some: Results) -> None:
    picture = np.full((4, 4, 3), 90, np.uint8)
    shown = Shown.of(Example("learned <decoder>", (("what it saw", picture),)))
    text = page(some, [], [shown])
    assert "<script" not in text
    assert "default-src 'none'" in text
    assert not re.search(r'(src|href)="(?!data:image/png;base64,|#)', text)
    assert "network &lt;b&gt;" in text
    assert "learned &lt;decoder&gt;" in text
    assert "data:image/png;base64," in text
    assert text.index("<h1>") < text.index("<svg") < text.index("Method and limits")


def test_void_rows_are_printed_as_void(some: Results) -> None:
    assert "void: the control fails" in page(some)
    assert "gait on raw: no poses" in page(some)
    cells = [row for row in headline(some) if "changed" in row[3]]
    assert [row[4] for row in cells] == ["void"]


def test_a_page_of_nothing_is_still_a_page() -> None:
    assert "<h1>" in page(results())
