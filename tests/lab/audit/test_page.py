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
