"""Intervals and curves: laws, and figures that others have published."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mizaru.lab.evaluate.statistic import (
    LEAST_CLUSTERS,
    Estimate,
    auc,
    bootstrap,
    macro_f1,
    proportion,
    quantile,
    rate,
    roc,
)

scored = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]), st.booleans()), max_size=30)


@given(st.integers(0, 200), st.integers(0, 200))
def test_wilson_lies_in_0_to_1_and_holds_the_share(hits: int, misses: int) -> None:
    estimate = proportion(hits, hits + misses)
    if not hits + misses:
        assert estimate is None
        return
    assert estimate is not None
    assert estimate.low is not None
    assert estimate.high is not None
    assert 0.0 <= estimate.low <= estimate.value <= estimate.high <= 1.0
    assert estimate.low < estimate.high


def test_wilson_as_published() -> None:
    # Newcombe (1998), table I: 81 of 263, and 0 of 20.
    share = proportion(81, 263)
    assert share is not None
    assert (share.low, share.high) == (
        pytest.approx(0.2553, abs=5e-5),
        pytest.approx(0.3662, abs=5e-5),
    )
    none = proportion(0, 20)
    assert none is not None
    assert (none.low, none.high) == (0.0, pytest.approx(0.1611, abs=5e-5))


def test_poisson_as_tabulated() -> None:
    # Garwood (1936): 0 events: 0 – 3.689; 1: 0.0253 – 5.572; 10: 4.795 – 18.39.
    for count, low, high in ((0, 0.0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.39)):
        estimate = rate(count, 2.0)
        assert estimate is not None
        assert estimate.value == count / 2
        assert estimate.low == pytest.approx(low / 2, rel=1e-3)
        assert estimate.high == pytest.approx(high / 2, rel=1e-3)
    assert rate(0, 0.0) is None


def test_a_rate_per_day_is_24_times_that_per_hour() -> None:
    assert Estimate(1.0, 0.5, 2.0).times(24.0) == Estimate(24.0, 12.0, 48.0)


@given(scored, st.randoms(use_true_random=False))
def test_auc_counts_pairs_whatever_their_order(
    pairs: list[tuple[float, bool]], random: object
) -> None:
    with_event = [s for s, y in pairs if y]
    without = [s for s, y in pairs if not y]
    area = auc([s for s, _ in pairs], [y for _, y in pairs])
    if not with_event or not without:
        assert area is None
        return
    wins = [(a > b) + 0.5 * (a == b) for a in with_event for b in without]
    assert area == pytest.approx(np.mean(wins))
    shuffled = list(pairs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert auc([s for s, _ in shuffled], [y for _, y in shuffled]) == area
    false, true = roc([s for s, _ in pairs], [y for _, y in pairs])
    assert np.trapezoid(true, false) == pytest.approx(area)


def test_macro_f1_of_a_small_table() -> None:
    pairs = [("a", "a"), ("a", "b"), ("b", "b"), ("b", "none")]
    # a: 2·1/(2·1+1); b: 2·1/(2·1+2).
    assert macro_f1(pairs) == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert macro_f1([]) is None


def test_quantiles_of_nothing_are_nothing() -> None:
    assert quantile([], 0.5) is None
    assert quantile([3.0, 1.0], 0.5) == 2.0


def _mean(items: list[tuple[str, int, float]]) -> float:
    return sum(value for *_, value in items) / len(items)


def test_the_bootstrap_draws_whole_clusters() -> None:
    # Ten clips of each of six people; within a person all are alike, so that only who is drawn
    # matters. Drawn clip by clip, the interval would be about √10 times narrower.
    items = [(f"p{p}", n, float(p)) for p in range(6) for n in range(10)]

    def interval(by: object) -> float:
        estimate = bootstrap(
            items,
            _mean,  # type: ignore[arg-type]
            cluster=by,  # type: ignore[arg-type]
            order=lambda item: f"{item[0]}{item[1]}",
            seed=1,
        )
        assert estimate is not None
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low <= estimate.value == 2.5 <= estimate.high
        return estimate.high - estimate.low

    assert interval(lambda item: item[0]) > 2 * interval(lambda item: item[:2])


def test_the_bootstrap_does_not_mind_the_order_and_minds_the_seed() -> None:
    items = [(f"p{p}", n, float(p * n)) for p in range(6) for n in range(3)]

    def of(items: list[tuple[str, int, float]], seed: int) -> Estimate | None:
        return bootstrap(
            items,
            _mean,  # type: ignore[arg-type]
            cluster=lambda item: item[0],
            order=lambda item: f"{item[0]}{item[1]}",
            seed=seed,
        )

    assert of(items, 1) == of(items[::-1], 1) != of(items, 2)


def test_few_clusters_give_no_interval() -> None:
    items = [(f"p{p}", 0, 1.0) for p in range(LEAST_CLUSTERS - 1)]
    assert bootstrap(
        items,
        _mean,  # type: ignore[arg-type]
        cluster=lambda item: item[0],
        order=lambda item: item[0],
        seed=0,
    ) == Estimate(1.0)


def test_an_estimate_checks_itself() -> None:
    with pytest.raises(ValueError, match="two ends"):
        Estimate(0.5, 0.1)
    with pytest.raises(ValueError, match="low ≤ high"):
        Estimate(0.5, 0.6, 0.4)
    with pytest.raises(ValueError, match="hits"):
        proportion(3, 2)
